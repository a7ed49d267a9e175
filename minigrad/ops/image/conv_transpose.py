"""Transposed convolutions: the gradient of a convolution for its input, as a layer of its own."""

from __future__ import annotations

import functools
from operator import index
from typing import Any

from minigrad.autograd.op import tensors
from minigrad.autograd.registry import T, call, function, reals
from minigrad.errors import ShapeError
from minigrad.ops.image.conv import check_filters, check_numbers, checked_arrays, hashable, per_axis
from minigrad.ops.image.geometry import Geometry, geometry_of

_WHERE = ("torch", "nn.functional")
_DOMAIN = (reals(-2, 2),)


@function(
    where=_WHERE,
    torch="nn.functional.conv_transpose2d",
    domain=_DOMAIN,
    samples=(
        call(T(2, 3, 4, 5), T(3, 2, 3, 2)),
        call(T(1, 4, 3, 3), T(4, 2, 3, 3), T(4), stride=2, padding=1, output_padding=1, groups=2),
        call(T(2, 3, 3), T(2, 3, 2, 3), T(3), stride=(3, 1), dilation=(2, 1)),
        call(T(0, 3, 4, 5), T(3, 2, 3, 2)),
    ),
    errors=(
        call(T(2, 3, 4), T(3, 2, 3, 2), stride=0),
        call(T(1, 3, 4, 4), T(2, 2, 3, 3)),
        call(T(1, 3, 4, 4), T(3, 2, 3, 3), T(3)),
        call(T(1, 3, 4, 4), T(3, 2, 3, 3), output_padding=1),
        call(T(1, 3, 4, 4), T(3, 2, 3, 3), padding=4),
        call(T(4, 4), T(3, 2, 3, 3)),
    ),
)
def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Lay a filter down for each element of an image, and add up.

    Formula: y[n, o, stride p + dilation t - padding] += Σ_c w[c, o, t] x[n, c, p], then b[o] added.
    Gradient: gx the convolution of g with w; gw[c, o, t] = Σ_{n, p} x[n, c, p] g[n, o, ...].

    Shape: (N, C, H, W) or (C, H, W), (C, O/groups, kh, kw), (O) -> (N, O, H', W') with
    H' = (H - 1) stride - 2 padding + dilation (kh - 1) + 1 + output_padding.
    Raises: RuntimeError for sizes, channels or dtypes that do not fit.

    >>> import minigrad as torch
    >>> torch.nn.functional.conv_transpose2d(torch.ones(1, 1, 2), torch.ones(1, 1, 1, 2))
    tensor([[[1., 2., 1.]]])
    """
    return _transposed("conv_transpose2d", 2, input, weight, bias, stride, padding,
                       output_padding, groups, dilation)  # fmt: skip


@function(
    where=_WHERE,
    torch="nn.functional.conv_transpose1d",
    domain=_DOMAIN,
    samples=(
        call(T(2, 3, 5), T(3, 2, 3), T(2)),
        call(T(4, 4), T(4, 1, 3), T(2), stride=3, padding=1, output_padding=2, groups=2),
    ),
    errors=(call(T(2, 3, 5, 5), T(3, 2, 3)), call(T(2, 4, 5), T(3, 2, 3))),
)
def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Lay a filter down for each element of a sequence; see :func:`conv_transpose2d`.

    Shape: (N, C, L) or (C, L), (C, O/groups, k), (O) -> (N, O, L').
    Raises: RuntimeError for sizes, channels or dtypes that do not fit.

    >>> import minigrad as torch
    >>> torch.conv_transpose1d(torch.tensor([[1., 2.]]), torch.tensor([[[1., 10.]]]), stride=2)
    tensor([[ 1., 10.,  2., 20.]])
    """
    return _transposed("conv_transpose1d", 1, input, weight, bias, stride, padding,
                       output_padding, groups, dilation)  # fmt: skip


@function(
    where=_WHERE,
    torch="nn.functional.conv_transpose3d",
    domain=_DOMAIN,
    samples=(
        call(T(1, 2, 2, 3, 2), T(2, 3, 2, 1, 2), T(3)),
        call(T(2, 2, 2, 2), T(2, 1, 2, 2, 2), stride=(2, 1, 2), padding=(0, 1, 0), groups=2),
    ),
    errors=(call(T(2, 3, 5), T(3, 2, 3, 3, 3)), call(T(1, 4, 2, 2, 2), T(3, 2, 3, 3, 3))),
)
def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Lay a filter down for each element of a volume; see :func:`conv_transpose2d`.

    Shape: (N, C, D, H, W) or (C, D, H, W), (C, O/groups, kd, kh, kw), (O) -> (N, O, D', H', W').
    Raises: RuntimeError for sizes, channels or dtypes that do not fit.

    >>> import minigrad as torch
    >>> torch.conv_transpose3d(torch.ones(1, 2, 2, 2), torch.ones(1, 4, 3, 3, 3)).shape
    torch.Size([4, 4, 4, 4])
    """
    return _transposed("conv_transpose3d", 3, input, weight, bias, stride, padding,
                       output_padding, groups, dilation)  # fmt: skip


def _transposed(
    op: str, axes: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any,
    output_padding: Any, groups: int, dilation: Any,
) -> Any:  # fmt: skip
    """Check everything, and turn the convolution round."""
    x, w, b = checked_arrays(op, axes, input, weight, bias)
    numbers = hashable(stride, padding, output_padding, dilation)
    geometry, size = _placed(op, axes, x.shape, w.shape, b, *numbers, groups)
    unbatched = x.ndim == axes + 1
    if unbatched:
        input = input.unsqueeze(0)
    result = tensors.convolution_input(input, weight, bias, size, geometry)
    return result.squeeze(0) if unbatched else result


@functools.lru_cache(maxsize=256, typed=True)
def _placed(
    op: str, axes: int, given: tuple[int, ...], weight: tuple[int, ...], bias: Any, stride: Any,
    padding: Any, output_padding: Any, dilation: Any, groups: int,
) -> tuple[Geometry, tuple[int, ...]]:  # fmt: skip
    """Where the filters lie, and the shape of the result, after all checks of sizes."""
    steps, gaps = per_axis("stride", stride, axes), per_axis("dilation", dilation, axes)
    margins = per_axis("padding", padding, axes)
    more = per_axis("output_padding", output_padding, axes)
    check_numbers(steps, margins, gaps, groups)
    groups = index(groups)  # a kernel takes no number of NumPy
    n, channels, *sizes = given if len(given) == axes + 2 else (1, *given)
    if channels != weight[0] or channels % groups:
        raise ShapeError(
            f"Given transposed=1, weight of size {list(weight)}, expected input"
            f"{[n, channels, *sizes]} to have {weight[0]} channels, but got {channels} channels "
            "instead"
        )
    made = weight[1] * groups
    if bias is not None and bias != (made,):
        raise ShapeError(
            f"Given transposed=1, weight of size {list(weight)}, expected bias to be "
            f"1-dimensional with {made} elements, but got bias of size {list(bias)} instead"
        )
    check_filters(weight, groups)
    for m, s, d in zip(more, steps, gaps, strict=True):
        if m < 0 or m >= max(s, d):
            raise ShapeError(
                "output padding must be smaller than either stride or dilation, but got "
                f"{_by_side('output_padding', more)} {_by_side('stride', steps)} "
                f"{_by_side('dilation', gaps)}"
            )
    out = [
        (size - 1) * s - 2 * p + d * (k - 1) + 1 + m
        for size, k, s, p, d, m in zip(sizes, weight[2:], steps, margins, gaps, more, strict=True)
    ]
    if min(out) < 1 or 0 in sizes:
        raise ShapeError(
            f"Given input size per channel: {sizes}. Calculated output size per channel: {out}. "
            "Output size is too small"
        )
    return geometry_of(steps, margins, gaps, groups), (n, made, *out)


def _by_side(name: str, values: tuple[int, ...]) -> str:
    """One number for each axis, as torch's message lists them.

    >>> _by_side("stride", (1, 2))
    'stride_height: 1 stride_width: 2'
    """
    sides = ("depth", "height", "width")[-len(values) :]
    return " ".join(f"{name}_{side}: {n}" for side, n in zip(sides, values, strict=True))
