"""Cutting a tensor into pieces along an axis: views of stretches."""

from __future__ import annotations

import functools
import itertools
from operator import index
from typing import Any

from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op
from minigrad.autograd.registry import T, call, function, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.ops.dims import one_dim

ANY = ("float", "int", "bool")
PIECES: dict[str, Any] = {"dtypes": ANY, "returns": "tuple[Tensor, ...]"}


def start_on_axis(start: Any, size: int) -> int:
    """Where a stretch begins, counted from the front; torch's errors for what is no place."""
    if isinstance(start, TensorBase):
        if start._array.ndim or start._array.dtype.kind not in "iu":
            raise RuntimeError("start must be an 0-dim integral Tensor.")
        start = int(start._array)
    start = int(index(start))
    if not -size <= start <= size:
        raise IndexError(
            f"start out of range (expected to be in range of [{-size}, {size}], but got {start})"
        )
    return start + size if start < 0 else int(start)


def _narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    shape = input._array.shape
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    at = one_dim(dim, len(shape))
    size = shape[at]
    first = start_on_axis(start, size)
    if first + length > size:
        raise RuntimeError(f"start ({first}) + length ({length}) exceeds dimension size ({size}).")
    return NARROW(input, at, first, index(length))


@register(
    public=_narrow,
    dtypes=ANY,
    samples=(call(T(4, 3), 0, 1, 2), call(T(4, 3), -1, 0, 1), call(T(5), 0, -2, 2)),
    errors=(call(T(4), 0, 3, 2), call(T(4), 1, 0, 1)),
)
class Narrow(Op):
    """A stretch of an axis, as a view.

    Formula:   out = input[start : start + length] along dim
    Gradient:  g at its place, zeros elsewhere

    >>> import minigrad as torch
    >>> torch.arange(5).narrow(0, 1, 3)
    tensor([1, 2, 3])
    """

    grad_fn = "SliceBackward0"
    view = True

    @staticmethod
    def forward(xp: Any, input: Array, dim: int, start: int, length: int) -> Array:
        """Cut."""
        return input[(slice(None),) * dim + (slice(start, start + length),)]

    @staticmethod
    def grad_input(g: Array, shape: Any, dim: int, start: int, length: int, F: Any) -> Array:
        """Put back among zeros."""
        return F.place(g, shape, (slice(None),) * dim + (slice(start, start + length),))


NARROW: Any = Narrow.short


@functools.lru_cache(maxsize=64)
def _stretches(dim: int, lengths: tuple[int, ...]) -> list[Any]:
    """The keys of stretches of an axis, one after the other."""
    ends, before = itertools.accumulate(lengths), (slice(None),) * dim
    return [(*before, slice(e - n, e)) for e, n in zip(ends, lengths, strict=True)]


@register(internal=True)
class SplitParts(Op):
    """Stretches of an axis, one after the other, as views."""

    grad_fn = "SplitBackward0"
    view = True
    outputs = None

    @staticmethod
    def forward(xp: Any, input: Array, dim: int, lengths: tuple[int, ...]) -> Any:
        """Cut."""
        return [input[key] for key in _stretches(dim, lengths)]

    @staticmethod
    def grad_input(g: Any, shape: Any, dim: int, lengths: tuple[int, ...], F: Any) -> Array:
        """Put together again, with zeros for what nobody used."""
        known = next(part for part in g if part is not None)
        parts = []
        for part, length in zip(g, lengths, strict=True):
            size = (*shape[:dim], length, *shape[dim + 1 :])
            parts.append(F.blank(known, size) if part is None else part)
        return F.cat(*parts, dim=dim)


@register("split_with_sizes_parts", internal=True)
class SplitWithSizesParts(SplitParts):
    """``SplitParts`` under the name that sizes given one by one show."""

    grad_fn = "SplitWithSizesBackward0"


@register(internal=True)
class Blank(Op):
    """Zeros of a shape, of another array's dtype and place."""

    @staticmethod
    def forward(xp: Any, input: Array, size: tuple[int, ...]) -> Array:
        """Nothing of the input is used."""
        return xp.zeros(size, dtype=input.dtype)


def axis_of(op: str, tensor: Any, dim: int) -> int:
    """The axis to cut, of a tensor that has one."""
    if not tensor._array.ndim:
        raise RuntimeError(f"{op} expects at least a 1-dimensional tensor")
    return one_dim(dim, tensor._array.ndim)


@function(
    samples=(call(T(5, 2), 2), call(T(5, 2), [1, 4]), call(T(2, 5), 3, dim=1)),
    errors=(call(T(5), [2, 2]), call(T(5), 0), call(T(), 1)),
    **PIECES,
)
def split(tensor: Any, split_size_or_sections: Any = None, dim: int = 0, **named: Any) -> Any:
    """Pieces along an axis: of one size (the last may be shorter) or of given sizes.

    >>> import minigrad as torch
    >>> torch.arange(5).split(2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    step = split_size_or_sections
    if named or step is None:
        step = named.pop("split_size", step)
    if named or step is None:
        raise TypeError(f"split() expected the size of its pieces, got {sorted(named) or None}")
    if isinstance(step, (tuple, list)):
        return split_with_sizes(tensor, step, dim)
    at = axis_of("split", tensor, dim)
    if isinstance(step, (str, bool)):
        raise TypeError(f"split(): the size must be int, not {type(step).__name__}")
    step, total = index(step), tensor._array.shape[at]
    if step < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={step}")
    if step == 0 and total:
        raise RuntimeError(
            f"split_size can only be 0 if dimension size is 0, but got dimension size of {total}"
        )
    whole, rest = divmod(total, step or 1)
    lengths = (step,) * whole + ((rest,) if rest or not whole else ())
    return apply(SplitParts, (tensor,), (at, lengths))


@function(
    samples=(call(T(5, 2), [1, 4]), call(T(2, 5), (0, 2, 3), dim=1)),
    errors=(call(T(5), [2, 2]), call(T(5), [6, -1])),
    aliases=("unsafe_split_with_sizes",),
    **PIECES,
)
def split_with_sizes(input: Any, split_sizes: Any, dim: int = 0) -> Any:
    """Pieces of given sizes along an axis.

    >>> import minigrad as torch
    >>> torch.arange(5).split_with_sizes([1, 4])
    (tensor([0]), tensor([1, 2, 3, 4]))
    """
    at = axis_of("split_with_sizes", input, dim)
    lengths, total = tuple(map(index, split_sizes)), input._array.shape[at]
    if min(lengths, default=0) < 0:
        raise RuntimeError(
            "split_with_sizes expects split_sizes have only non-negative entries, but got "
            f"split_sizes={list(lengths)}"
        )
    if sum(lengths) != total:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {total} (input tensor's "
            f"size at dimension {at}), but got split_sizes={list(lengths)}"
        )
    return apply(SplitWithSizesParts, (input,), (at, lengths))


@function(samples=(call(T(5, 2), 2), call(T(2, 5), 3, dim=1)), errors=(call(T(5), 0),), **PIECES)
def unsafe_split(tensor: Any, split_size: int, dim: int = 0) -> Any:
    """Like :func:`split`; in torch its pieces may be written in place at one's own risk.

    >>> import minigrad as torch
    >>> torch.arange(3).unsafe_split(2)
    (tensor([0, 1]), tensor([2]))
    """
    return split(tensor, split_size, dim)


@function(
    samples=(call(T(5, 2), 2), call(T(2, 6), 3, dim=1), call(T(3), 5)),
    errors=(call(T(3), 0), call(T(), 1)),
    aliases=("unsafe_chunk",),
    **PIECES,
)
def chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """So many pieces of equal size along an axis (the last may be shorter, or some missing).

    >>> import minigrad as torch
    >>> torch.arange(5).chunk(2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    at, chunks = axis_of("chunk", input, dim), index(chunks)
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = input._array.shape[at]
    if size == 0:  # as many as were asked for, all empty
        return split_with_sizes(input, (0,) * chunks, at)
    return split(input, -(-size // chunks), at)


@function(
    samples=(call(T(7, 2), 3), call(T(2, 7), (1, 5), 1), call(T(3), 5), call(T(4), indices=(9, 2))),
    errors=(call(T(3), 0), call(T(), 1), call(T(3), 2.5)),
    **PIECES,
)
def tensor_split(input: Any, indices_or_sections: Any = None, dim: int = 0, **named: Any) -> Any:
    """So many pieces whose sizes differ by one at most, or pieces that end at given places.

    >>> import minigrad as torch
    >>> torch.arange(5).tensor_split(3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    >>> torch.arange(5).tensor_split((1, 4))
    (tensor([0]), tensor([1, 2, 3]), tensor([4]))
    """
    given = named.pop("sections", named.pop("indices", indices_or_sections))
    if named or given is None:
        raise TypeError(f"tensor_split() expected sections or indices, got {sorted(named) or None}")
    if not input._array.ndim:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    at = one_dim(dim, input._array.ndim)
    size = input._array.shape[at]
    if isinstance(given, TensorBase):
        given = _from_tensor(given)
    if isinstance(given, (tuple, list)):
        ends = [slice(None, index(e)).indices(size)[1] for e in given] + [size]
    else:
        sections = index(given)
        if sections <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {sections}")
        small, larger = divmod(size, sections)
        ends = [small * (i + 1) + min(i + 1, larger) for i in range(sections)]
    starts = [0, *ends[:-1]]
    return tuple(NARROW(input, at, a, max(b - a, 0)) for a, b in zip(starts, ends, strict=True))


def _from_tensor(given: Any) -> Any:
    array = given._array
    if array.dtype.kind != "i" or array.itemsize < 8:
        raise RuntimeError(
            "tensor_split expected tensor_indices_or_sections to have dtype of long, but got "
            f"{given.dtype}"
        )
    if array.ndim > 1:
        raise RuntimeError(
            "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
            f"one-dimensional tensor, but got a tensor with {array.ndim} dims"
        )
    return given.tolist()


def _split_axis(name: str, dim: int, least: int, doc: str) -> Any:
    """``hsplit`` and its relatives: ``tensor_split`` along one axis, into equal pieces only."""

    def cut(input: Any, indices_or_sections: Any = None, **named: Any) -> Any:
        given = named.pop("sections", named.pop("indices", indices_or_sections))
        if named or given is None:
            raise TypeError(f"{name}() expected sections or indices, got {sorted(named) or None}")
        ndim = input._array.ndim
        if ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor "
                f"with {ndim} dimensions!"
            )
        at = min(dim, ndim - 1)
        size = input._array.shape[at]
        if isinstance(given, int) and (given <= 0 or size % given):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {at}, but the size of the "
                f"dimension {size} is not divisible by the split_size {given}!"
            )
        return tensor_split(input, given, at)

    cut.__doc__ = doc
    return cut


for _name, _dim, _least, _doc in (
    (
        "hsplit",
        1,
        1,
        """Equal pieces, or pieces that end at given places, side by side (along the first axis of
        a vector).

        >>> import minigrad as torch
        >>> torch.arange(4).hsplit(2)
        (tensor([0, 1]), tensor([2, 3]))
        """,
    ),
    (
        "vsplit",
        0,
        2,
        """Equal pieces, or pieces that end at given places, one below the other.

        >>> import minigrad as torch
        >>> torch.tensor([[1], [2]]).vsplit(2)
        (tensor([[1]]), tensor([[2]]))
        """,
    ),
    (
        "dsplit",
        2,
        3,
        """Equal pieces, or pieces that end at given places, along the third axis.

        >>> import minigrad as torch
        >>> torch.zeros(1, 1, 4).dsplit([1])[1].shape
        torch.Size([1, 1, 3])
        """,
    ),
):
    function(
        _name,
        samples=(call(T(4, 6, 2), 2), call(T(4, 4, 4), [1, 3])),
        errors=(call(T(5, 5, 5), 2), call(T(), 1)),
        **PIECES,
    )(_split_axis(_name, _dim, _least, _doc))
