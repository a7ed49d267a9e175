"""Borders around a tensor: of a constant, or of its own elements."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.dtypes import of_numpy
from minigrad.errors import KindError, ShapeError
from minigrad.ops.image.axis_maps import AxisMap

remembered = functools.lru_cache(maxsize=256)  # what only sizes decide

Widths = tuple[tuple[int, int], ...]  # before and after, for each of the last axes

ANY = ("float", "int", "bool")
# What torch calls the nodes of the modes.
NAMES = {"reflect": "ReflectionPad", "replicate": "ReplicationPad", "circular": "CircularPad"}


def widths(op: str, pad: Any, ndim: int) -> Widths:
    """torch's flat list, which begins with the last axis, as pairs in the order of the axes."""
    if not isinstance(pad, Sequence):
        raise TypeError(f"{op}(): argument 'pad' must be tuple of ints, not {type(pad).__name__}")
    if any(not hasattr(n, "__index__") for n in pad):
        raise TypeError(f"{op}(): argument 'pad' must be tuple of ints, got {pad!r}")
    if len(pad) % 2:
        raise ShapeError(f"Padding length must be divisible by 2, got {len(pad)}")
    if len(pad) > 2 * ndim:
        raise ShapeError(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(pad)} and input of dimension {ndim}"
        )
    numbers = [n.__index__() for n in pad]
    return tuple((numbers[i], numbers[i + 1]) for i in range(len(pad) - 2, -1, -2))


def _constant(input: Any, pad: Any, value: Any = 0) -> Any:
    if not isinstance(input, TensorBase):
        raise TypeError(f"constant_pad_nd(): argument 'input' must be Tensor, not {input!r:.60}")
    pairs = _checked(input._array.shape, tuple(pad) if type(pad) is list else pad)
    if isinstance(value, TensorBase):
        value = value._array.item()
    return ConstantPadNd.short(input, pairs, value)


@remembered
def _checked(shape: tuple[int, ...], pad: Any) -> Widths:
    """The widths for a constant border, after all checks of sizes."""
    pairs = widths("constant_pad_nd", pad, len(shape))
    sizes = shape[len(shape) - len(pairs) :]
    made = [n + a + b for n, (a, b) in zip(sizes, pairs, strict=True)]
    if any(n < 0 for n in made):
        raise ShapeError(
            f"The input size {list(sizes)}, plus negative padding {list(pad)}, resulted in a "
            f"negative output size {made}, which is invalid"
        )
    return pairs


@remembered
def _frame(shape: tuple[int, ...], pad: Widths) -> tuple[Any, Any, Any]:
    """What stays of an input, the shape of the result, and where in it that goes."""
    first = len(shape) - len(pad)
    lead, sizes = (slice(None),) * first, shape[first:]
    pairs = list(zip(sizes, pad, strict=True))
    kept = [slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in pairs]
    made = [n + a + b for n, (a, b) in pairs]
    places = [
        slice(max(a, 0), made_n - max(b, 0)) for made_n, (a, b) in zip(made, pad, strict=True)
    ]
    return (*lead, *kept), (*shape[:first], *made), (*lead, *places)


@register(
    public=_constant,
    where=("torch",),
    dtypes=ANY,
    samples=(
        call(T(2, 3), (1, 2)),
        call(T(2, 3, 4), (1, 0, 0, 2), 5),
        call(T(2, 5), (-1, 2, 1, -1)),
        call(T(3), (0, 0)),
    ),
    errors=(call(T(2, 3), (1,)), call(T(3), (1, 1, 1, 1)), call(T(3), (-2, -2))),
)
class ConstantPadNd(Op):
    """A border of one value; a negative width cuts off.

    Formula:   out[i + before] = input[i], and value elsewhere
    Gradient:  g without the border, which is padding by the negative widths

    Shape: the widths before and after are listed for the last axis first, then for the one before.

    >>> import minigrad as torch
    >>> torch.constant_pad_nd(torch.tensor([1., 2.]), (1, 2), 9.)
    tensor([9., 1., 2., 9., 9.])
    """

    @staticmethod
    def forward(xp: Any, input: Array, pad: Widths, value: Any) -> Array:
        """Fill what is new, copy what stays."""
        kept, shape, places = _frame(input.shape, pad)
        out = xp.zeros(shape, input.dtype)
        if value:
            out[...] = xp.asarray(value).astype(input.dtype)
        out[places] = input[kept]
        return out

    @staticmethod
    def grad_input(g: Any, pad: Widths, F: Any) -> Any:
        """The border cut off again."""
        return F.constant_pad_nd(g, tuple([(-a, -b) for a, b in pad]), 0)


@function(
    where=("nn.functional",),
    torch="nn.functional.pad",
    dtypes=("float", "int"),
    samples=(
        call(T(2, 3, 4), (1, 2)),
        call(T(2, 3, 4), (1, 2, -1, 1), value=2.5),
        call(T(2, 3, 4), (2, 1), mode="reflect"),
        call(T(1, 2, 3, 4), (1, 2, 2, 0), mode="replicate"),
        call(T(1, 2, 3, 4), (3, 1, 0, 2), mode="circular"),
        call(T(2, 3, 3, 4), (1, 1, -1, 2, 2, 0), mode="reflect"),
    ),
    errors=(
        call(T(2, 3), (1,)),
        call(T(2, 3, 4), (4, 0), mode="reflect"),
        call(T(2, 3, 4), (5, 0), mode="circular"),
        call(T(3), (1, 1), mode="replicate"),
        call(T(2, 3, 4), (1, 1), mode="reflect", value=1.0),
        call(T(2, 3, 4), (1, 1), mode="mirror"),
    ),
)
def pad(input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    """A border of a constant, or of the tensor's own elements; a negative width cuts off.

    Formula:   ``reflect``: mirrored at the edge element; ``replicate``: the edge element again;
               ``circular``: from the other end
    Gradient:  g added to the elements that were repeated; nothing comes from a constant

    Shape: the widths before and after are listed for the last axis first, then for the one before.
    Raises: RuntimeError for widths that do not fit; NotImplementedError for axes or a mode that
    torch has not either.

    >>> import minigrad as torch
    >>> torch.nn.functional.pad(torch.tensor([[1., 2., 3.]]), (1, 2), mode="reflect")
    tensor([[2., 1., 2., 3., 2., 1.]])
    """
    if mode == "constant":
        return _constant(input, pad, 0 if value is None else value)
    ndim = input._array.ndim
    pairs = widths("pad", pad, ndim)
    if value:
        raise ShapeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode not in NAMES:
        raise NotImplementedError(
            f"Unrecognised padding mode {mode}; it is constant, reflect, replicate or circular"
        )
    if not pairs or len(pairs) > 3 or ndim not in (len(pairs) + 1, len(pairs) + 2):
        raise NotImplementedError(
            f"Padding size {len(pad)} is not supported for {ndim}D input tensor: the widths are "
            "those of all axes but the first (without a batch axis) or the first two"
        )
    _check_mode(input, mode, pairs)
    sizes = input._array.shape[ndim - len(pairs) :]
    maps = tuple(
        AxisMap(mode, n, n + a + b, (a,)) if a or b else None
        for n, (a, b) in zip(sizes, pairs, strict=True)
    )
    return tensors.map_axes(input, maps, f"{NAMES[mode]}{len(pairs)}D")


def _check_mode(input: Any, mode: str, pairs: Widths) -> None:
    """Raise torch's errors for a border of the tensor's own elements."""
    size = input._array.shape
    if input._array.dtype.kind == "b" and mode != "circular":
        name = f"{'reflection' if mode == 'reflect' else 'replication'}_pad{len(pairs)}d"
        raise KindError(
            f"\"{name}\" not implemented for '{of_numpy(input._array.dtype).name.title()}'"
        )
    if mode != "circular" and 0 in size[len(size) - len(pairs) - 1 :]:
        raise ShapeError(
            f"pad: expected a tensor whose axes have elements, but for the batch, got {list(size)}"
        )
    for axis, (before, after) in enumerate(pairs, len(size) - len(pairs)):
        n = size[axis]
        if n + before + after < (mode != "circular"):
            raise ShapeError(
                f"input (axis {axis}: {n}) is too small. Calculated output: {n + before + after}"
            )
        if mode == "reflect" and max(before, after) >= n:
            raise ShapeError(
                f"Argument #{2 * (len(size) - axis) + 2}: Padding size should be less than the "
                "corresponding input dimension, but got: "
                f"padding ({before}, {after}) at dimension {axis} of input {list(size)}"
            )
        if mode == "circular" and max(before, after) > n:
            raise ShapeError("Padding value causes wrapping around more than once.")
        if mode == "circular" and min(before, after) < -n:
            raise ShapeError(f"pad: cannot cut {-min(before, after)} from an axis of {n}")
