"""Convolution layers: what they accept, over the sums of ``minigrad/ops/image/convolution.py``."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from operator import index
from typing import Any

from minigrad.autograd.op import tensors
from minigrad.autograd.registry import T, call, function, reals
from minigrad.autograd.tensor_base import TensorBase
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.image.geometry import Geometry, geometry_of

_F = ("nn.functional",)
_DOMAIN = (reals(-2, 2),)


@function(
    where=("torch", *_F),
    torch="nn.functional.conv2d",
    domain=_DOMAIN,
    samples=(
        call(T(2, 3, 6, 6), T(4, 3, 3, 3)),
        call(T(2, 3, 6, 6), T(4, 3, 3, 3), T(4)),
        call(T(1, 2, 5, 4), T(3, 2, 2, 3), T(3), stride=(2, 1), padding=(1, 2)),
        call(T(2, 2, 7, 7), T(2, 2, 3, 2), dilation=(2, 3), padding=2),
        call(T(2, 4, 5, 5), T(6, 2, 3, 3), T(6), stride=2, padding=1, groups=2),
        call(T(2, 3, 5, 5), T(6, 1, 3, 3), groups=3),
        call(T(2, 3, 4, 5), T(2, 3, 1, 1), T(2)),
        call(T(2, 3, 4, 5), T(2, 3, 1, 1), stride=2),
        call(T(3, 6, 6), T(4, 3, 3, 3), T(4)),
        call(T(1, 1, 5, 5), T(2, 1, 3, 3), padding="same", dilation=2),
        call(T(1, 1, 5, 5), T(2, 1, 5, 5), padding="valid"),
        call(T(1, 2, 8, 8), T(2, 2, 3, 3), stride=3),
    ),
    errors=(
        call(T(2, 3, 8, 8), T(4, 2, 3, 3)),
        call(T(8, 8), T(4, 3, 3, 3)),
        call(T(2, 3, 8, 8), T(4, 3, 3)),
        call(T(2, 3, 2, 2), T(4, 3, 3, 3)),
        call(T(2, 3, 8, 8), T(4, 3, 3, 3), T(3)),
        call(T(2, 3, 8, 8), T(4, 3, 3, 3), stride=0),
        call(T(2, 3, 8, 8), T(4, 3, 3, 3), padding=-1),
        call(T(2, 3, 8, 8), T(4, 3, 3, 3), dilation=0),
        call(T(2, 3, 8, 8), T(4, 3, 3, 3), groups=2),
        call(T(2, 4, 8, 8), T(3, 2, 3, 3), groups=2),
        call(T(2, 3, 8, 8), T(4, 3, 3, 3), stride=(1, 2, 3)),
        call(T(2, 3, 8, 8), T(4, 3, 3, 3), padding="same", stride=2),
        call(T(2, 3, 8, 8), T(4, 3, 3, 3), padding="half"),
    ),
)
def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Slide filters over images.

    Formula: y[n, o, p] = b[o] + Σ_{c, t} w[o, c, t] x[n, c, stride p + dilation t - padding].
    Gradient: gx[n, c, stride p + dilation t - padding] += Σ_o w[o, c, t] g[n, o, p];
    gw[o, c, t] = Σ_{n, p} g[n, o, p] x[n, c, ...]; gb[o] = Σ_{n, p} g[n, o, p].

    Shape: (N, C, H, W) or (C, H, W), (O, C/groups, kh, kw), (O) -> (N, O, H', W') with
    H' = (H + 2 padding - dilation (kh - 1) - 1) // stride + 1. ``padding`` is a number, one for
    each axis, ``'valid'`` (none) or ``'same'`` (the output is as large as the input).
    Raises: RuntimeError for sizes, channels or dtypes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html

    >>> import minigrad as torch
    >>> image = torch.arange(9.).reshape(1, 1, 3, 3)
    >>> torch.nn.functional.conv2d(image, torch.ones(1, 1, 2, 2))
    tensor([[[[ 8., 12.],
              [20., 24.]]]])
    """
    return _convolve("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


@function(
    where=("torch", *_F),
    torch="nn.functional.conv1d",
    domain=_DOMAIN,
    samples=(
        call(T(2, 3, 8), T(4, 3, 3), T(4)),
        call(T(3, 8), T(4, 3, 3), stride=2, padding=1),
        call(T(2, 4, 9), T(4, 2, 2), T(4), dilation=3, groups=2),
        call(T(1, 2, 6), T(2, 2, 3), padding="same"),
    ),
    errors=(
        call(T(2, 3, 8, 8), T(4, 3, 3)),
        call(T(2, 3, 8), T(4, 2, 3)),
        call(T(2, 3, 2), T(4, 3, 3)),
    ),
)
def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Slide filters over sequences; formula and gradient as for :func:`conv2d`.

    Shape: (N, C, L) or (C, L), (O, C/groups, k), (O) -> (N, O, L').
    Raises: RuntimeError for sizes, channels or dtypes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv1d.html

    >>> import minigrad as torch
    >>> torch.nn.functional.conv1d(torch.tensor([[1., 2., 4.]]), torch.tensor([[[-1., 1.]]]))
    tensor([[1., 2.]])
    """
    return _convolve("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


@function(
    where=("torch", *_F),
    torch="nn.functional.conv3d",
    domain=_DOMAIN,
    samples=(
        call(T(1, 2, 4, 4, 3), T(2, 2, 2, 3, 2), T(2)),
        call(T(2, 3, 4, 3), T(2, 1, 2, 2, 2), stride=(2, 1, 1), padding=1, groups=2),
    ),
    errors=(call(T(2, 3, 8), T(4, 3, 3, 3, 3)), call(T(1, 3, 2, 2, 2), T(4, 3, 3, 3, 3))),
)
def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Slide filters over volumes; formula and gradient as for :func:`conv2d`.

    Shape: (N, C, D, H, W) or (C, D, H, W), (O, C/groups, kd, kh, kw), (O) -> (N, O, D', H', W').
    Raises: RuntimeError for sizes, channels or dtypes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv3d.html

    >>> import minigrad as torch
    >>> torch.nn.functional.conv3d(torch.ones(1, 4, 4, 4), torch.ones(5, 1, 3, 3, 3)).shape
    torch.Size([5, 2, 2, 2])
    """
    return _convolve("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def _convolve(
    op: str,
    axes: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Any:
    """Check everything, and convolve; an input without a batch axis gets one for the while."""
    x, w, b = checked_arrays(op, axes, input, weight, bias)
    numbers = hashable(stride, padding, dilation)
    geometry, extra = _placed(op, axes, x.shape, w.shape, b, *numbers, groups)
    if extra:
        input = tensors.constant_pad_nd(input, extra, 0)
    if x.ndim == axes + 1:
        return tensors.convolution(input.unsqueeze(0), weight, bias, geometry).squeeze(0)
    return tensors.convolution(input, weight, bias, geometry)


def hashable(*values: Any) -> list[Any]:
    """Numbers, and tuples of them where lists were given."""
    return [tuple(v) if type(v) is list else v for v in values]


@functools.lru_cache(maxsize=256, typed=True)
def _placed(
    op: str, axes: int, size: tuple[int, ...], weight: tuple[int, ...], bias: Any, stride: Any,
    padding: Any, dilation: Any, groups: int,
) -> tuple[Geometry, tuple[tuple[int, int], ...]]:  # fmt: skip
    """Where the filters stand, and what 'same' adds at the ends, after all checks of sizes."""
    steps, gaps = per_axis("stride", stride, axes), per_axis("dilation", dilation, axes)
    ends: tuple[int, ...] = ()
    if isinstance(padding, str):
        margins, ends = _named_padding(padding, weight[2:], steps, gaps)
    else:
        margins = per_axis("padding", padding, axes)
    check_numbers(steps, margins, gaps, groups)
    groups = index(groups)  # a kernel takes no number of NumPy
    geometry = geometry_of(steps, margins, gaps, groups)
    lead, sizes = size[:-axes], size[-axes:]
    padded = (*lead, *map(sum, zip(sizes, ends, strict=True))) if ends else size
    _check_channels(padded, weight, bias, geometry)
    return geometry, tuple((0, n) for n in ends) if any(ends) else ()


def checked_arrays(op: str, axes: int, input: Any, weight: Any, bias: Any) -> tuple[Any, Any, Any]:
    """The arrays of input and weight, of one dtype and with the right axes; the bias's shape."""
    try:
        x, w, b = input._array, weight._array, None if bias is None else bias._array
    except AttributeError:
        raise _no_tensor(op, input=input, weight=weight, bias=bias) from None
    if x.ndim not in (axes + 1, axes + 2):
        raise ShapeError(
            f"Expected {axes + 1}D (unbatched) or {axes + 2}D (batched) input to {op}, but got "
            f"input of size: {list(x.shape)}"
        )
    if w.ndim != axes + 2:
        raise ShapeError(
            f"{op}: expected a weight of {axes + 2} axes (out, in / groups, *kernel), got weight "
            f"of size {list(w.shape)} with input of size {list(x.shape)}"
        )
    if x.dtype != w.dtype:
        what, other = ("weight", w) if b is None else ("bias", b)  # which torch happens to name
        raise DtypeError(
            f"Input type ({_in_c(x)}) and {what} type ({_in_c(other)}) should be the same; "
            f"{op} never converts: use x.to(weight.dtype)"
        )
    if b is None:
        return x, w, None
    if b.dtype != x.dtype:
        raise DtypeError(f"Input type ({_in_c(x)}) and bias type ({_in_c(b)}) should be the same")
    return x, w, b.shape


def _in_c(array: Any) -> str:
    """The name of an array's type in C++, as in torch's messages."""
    name = of_numpy(array.dtype).name
    return {
        "float64": "double",
        "float32": "float",
        "float16": "c10::Half",
        "bfloat16": "c10::BFloat16",
        "int64": "long int",
        "int32": "int",
        "int16": "short int",
        "int8": "signed char",
        "uint8": "unsigned char",
    }.get(name, name)


def _no_tensor(op: str, **arguments: Any) -> TypeError:
    """The error for the first argument that is no Tensor, where one has to be."""
    name, value = next((n, v) for n, v in arguments.items() if not isinstance(v, TensorBase))
    return TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(value).__name__}")


def per_axis(name: str, value: Any, axes: int) -> tuple[int, ...]:
    """One number for each spatial axis."""
    if type(value) is int:  # the usual case
        return (value,) * axes
    if not isinstance(value, Sequence):
        return (index(value),) * axes
    numbers = tuple(map(index, value))
    if len(numbers) == 1:
        return numbers * axes
    if len(numbers) != axes:
        raise ShapeError(
            f"expected {name} to be a single integer value or a list of {axes} values to match the "
            f"convolution dimensions, but got {name}={list(numbers)}"
        )
    return numbers


def _named_padding(
    padding: str, kernel: tuple[int, ...], steps: tuple[int, ...], gaps: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The margins for ``'valid'`` and ``'same'``, and what the end of an axis gets beyond them."""
    if padding == "valid":
        return (0,) * len(kernel), ()
    if padding != "same":
        raise ShapeError(f"Invalid padding string: '{padding}'; it is 'same', 'valid' or numbers")
    if any(s != 1 for s in steps):
        raise ShapeError("padding='same' is not supported for strided convolutions")
    total = [d * (k - 1) for k, d in zip(kernel, gaps, strict=True)]
    return tuple(t // 2 for t in total), tuple(t % 2 for t in total)


def check_numbers(
    steps: tuple[int, ...], margins: tuple[int, ...], gaps: tuple[int, ...], groups: int
) -> None:
    """Raise torch's errors for numbers that are too small."""
    for name, values, least in (
        ("negative padding", margins, 0),
        ("non-positive stride", steps, 1),
        ("non-positive dilation", gaps, 1),
        ("non-positive groups", (groups,), 1),
    ):
        if min(values) < least:
            raise ShapeError(f"{name} is not supported (got {values})")


def check_filters(weight: tuple[int, ...], groups: int) -> None:
    """Raise torch's errors for too few filters, and for filters of no places."""
    if weight[0] < groups:
        raise ShapeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but "
            f"got weight of size {list(weight)} instead"
        )
    if min(weight[2:]) < 1:
        sizes = zip(("kernel_height:", "kernel_width:"), (1, *weight[2:])[-2:], strict=True)
        got = " ".join(f"{name} {n}" for name, n in sizes)
        raise ShapeError(f"kernel size should be greater than zero, but got {got}")


def _check_channels(
    given: tuple[int, ...], weight: tuple[int, ...], bias: Any, geometry: Geometry
) -> None:
    """Raise torch's errors for channels, bias or spatial sizes that do not fit."""
    groups, kernel = geometry.groups, weight[2:]
    size = given if len(given) == len(weight) else (1, *given)
    if size[1] != weight[1] * groups:
        raise ShapeError(
            f"Given groups={groups}, weight of size {list(weight)}, expected input{list(size)} to "
            f"have {weight[1] * groups} channels, but got {size[1]} channels instead"
        )
    if weight[0] % groups:
        raise ShapeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
            f"but got weight of size [{list(weight)}] instead"
        )
    if bias is not None and bias != weight[:1]:
        raise ShapeError(
            f"Given weight of size {list(weight)}, expected bias to be 1-dimensional with "
            f"{weight[0]} elements, but got bias of size {list(bias)} instead"
        )
    check_filters(weight, groups)
    if not weight[1]:  # torch gives a result of no channels either, whatever the weight says
        raise ShapeError(f"input{list(given)} has no channels, weight of size {list(weight)}")
    padded = geometry.padded(size[2:])
    if min(geometry.out_sizes(size[2:], kernel)) < 1:
        room, kern = (" x ".join(map(str, v)) for v in (padded, kernel))
        raise ShapeError(
            f"Calculated padded input size per channel: ({room}). Kernel size: ({kern}). Kernel "
            "size can't be greater than actual input size"
        )
