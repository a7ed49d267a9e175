"""Joining, cutting, repeating and turning tensors."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from minigrad.autograd.apply import apply
from minigrad.autograd.arguments import result_type
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, into, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.errors import ShapeError
from minigrad.ops.dims import one_dim, sizes

ANY = ("float", "int", "bool")


def _checked(op: str, tensors_: Any) -> list[Any]:
    """The tensors of a list in one dtype; TypeError in torch's words."""
    if isinstance(tensors_, TensorBase) or not isinstance(tensors_, Sequence):
        raise TypeError(
            f"{op}(): argument 'tensors' (position 1) must be tuple of Tensors, not "
            f"{type(tensors_).__name__}"
        )
    for index, t in enumerate(tensors_):
        if not isinstance(t, TensorBase):
            raise TypeError(
                f"expected Tensor as element {index} in argument 0, but got {type(t).__name__}"
            )
    first = tensors_[0]._array.dtype
    if all(t._array.dtype is first for t in tensors_):
        return list(tensors_)
    common = result_type(tensors_)
    return [t.to(common) for t in tensors_]


def _cat(tensors: Any, dim: int = 0, *, axis: int | None = None, out: Any = None) -> Any:
    if isinstance(tensors, Sequence) and not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    parts = _checked("cat", tensors)
    if any(p._array.ndim == 0 for p in parts):
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated")
    # An empty vector joins anything: torch keeps that from its early days.
    real = [p for p in parts if p._array.shape != (0,)] or parts[:1]
    at = one_dim(dim if axis is None else axis, real[0]._array.ndim)
    _same_but(at, [p._array.shape for p in real])
    result = apply(Cat, tuple(real), (at,))
    return result if out is None else into(out, result)


def _same_but(dim: int, shapes: list[Any]) -> None:
    """Raise torch's error unless all shapes are equal apart from one axis."""
    for index, shape in enumerate(shapes):
        if len(shape) != len(shapes[0]):
            raise ShapeError(
                f"Tensors must have same number of dimensions: got {len(shapes[0])} and "
                f"{len(shape)}"
            )
        for axis, (a, b) in enumerate(zip(shapes[0], shape, strict=True)):
            if a != b and axis != dim:
                raise ShapeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {a} but "
                    f"got size {b} for tensor number {index} in the list."
                )


@register(
    public=_cat,
    where=("torch",),
    dtypes=ANY,
    samples=(
        call([T(2, 3), T(1, 3)]),
        call([T(2, 3), T(2, 2), T(2, 1)], dim=1),
        call([T(2), T(3)], -1),
    ),
    errors=(call([T(2, 3), T(2, 2)]), call([]), call(T(2))),
    aliases=("concat", "concatenate"),
)
class Cat(Op):
    """Tensors joined along an axis that they have.

    Formula:   out = [tensors[0], tensors[1], ...]
    Gradient:  to each tensor its piece of g

    >>> import minigrad as torch
    >>> torch.cat([torch.tensor([1, 2]), torch.tensor([3])])
    tensor([1, 2, 3])
    """

    keeps = ("lengths",)

    @staticmethod
    def forward(xp: Any, *tensors: Array, dim: int) -> Any:
        """Join."""
        out = xp.concatenate(tensors, axis=dim)
        if not out.flags.c_contiguous:  # NumPy keeps the order of what it joins, torch does not
            out = out.copy()
        return out, tuple(t.shape[dim] for t in tensors)

    @staticmethod
    def vjp(g: Array, lengths: tuple[int, ...], dim: int, needs: Any, F: Any) -> Any:
        """Cut g where the tensors met."""
        out, start = [], 0
        for need, length in zip(needs, lengths, strict=True):
            out.append(F.narrow(g, dim, start, length) if need else None)
            start += length
        return tuple(out)


@register("stacked", internal=True)
class Stacked(Cat):
    """``Cat`` of tensors that got an axis for it, under the name that ``stack`` shows."""

    grad_fn = "StackBackward0"


@function(
    where=("torch",),
    dtypes=ANY,
    samples=(call([T(2, 3), T(2, 3)]), call([T(2), T(2), T(2)], dim=1), call([T(), T()])),
    errors=(call([T(2, 3), T(2, 2)]), call([])),
)
def stack(tensors: Any, dim: int = 0, *, axis: int | None = None, out: Any = None) -> Any:
    """Tensors of one shape joined along a new axis.

    Formula:   out[i] = tensors[i]
    Gradient:  to each tensor its slice of g

    >>> import minigrad as torch
    >>> torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    if isinstance(tensors, Sequence) and not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    parts = _checked("stack", tensors)
    for index, part in enumerate(parts):
        if part._array.shape != parts[0]._array.shape:
            raise ShapeError(
                f"stack expects each tensor to be equal size, but got {list(parts[0].shape)} at "
                f"entry 0 and {list(part.shape)} at entry {index}"
            )
    at = one_dim(dim if axis is None else axis, parts[0]._array.ndim + 1)
    result = apply(Stacked, tuple(p.unsqueeze(at) for p in parts), (at,))
    return result if out is None else into(out, result)


def _narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    at = one_dim(dim, input._array.ndim)
    size = input._array.shape[at]
    first = int(start) + (size if int(start) < 0 else 0)
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not 0 <= first <= size or first + length > size:
        raise RuntimeError(f"start ({first}) + length ({length}) exceeds dimension size ({size}).")
    return apply(Narrow, (input,), (at, first, length))


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
        return F.put(g, shape, (slice(None),) * dim + (slice(start, start + length),))


@function(
    dtypes=ANY,
    samples=(call(T(5, 2), 2), call(T(5, 2), [1, 4]), call(T(2, 5), 3, dim=1)),
    errors=(call(T(5), [2, 2]),),
)
def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Pieces along an axis: of one size (the last may be shorter) or of given sizes.

    >>> import minigrad as torch
    >>> torch.arange(5).split(2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    at = one_dim(dim, tensor._array.ndim)
    total = tensor._array.shape[at]
    if isinstance(split_size_or_sections, int):
        step = split_size_or_sections
        if step <= 0 and total:
            raise RuntimeError(f"split expects split_size be positive, but got {step}")
        lengths = [min(step, total - i) for i in range(0, total, step)] or [0]
    else:
        lengths = [int(n) for n in split_size_or_sections]
        if sum(lengths) != total:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {total} (input tensor's "
                f"size at dimension {at}), but got split_sizes={lengths}"
            )
    return apply(SplitParts, (tensor,), (at, tuple(lengths)))  # type: ignore[no-any-return]


@register(internal=True)
class SplitParts(Op):
    """Stretches of an axis, one after the other, as views."""

    grad_fn = "SplitBackward0"
    view = True
    outputs = None

    @staticmethod
    def forward(xp: Any, input: Array, dim: int, lengths: tuple[int, ...]) -> Any:
        """Cut."""
        ends = itertools.accumulate(lengths)
        before = (slice(None),) * dim
        return tuple(input[(*before, slice(e - n, e))] for e, n in zip(ends, lengths, strict=True))

    @staticmethod
    def grad_input(g: Any, shape: Any, dim: int, lengths: tuple[int, ...], F: Any) -> Array:
        """Put together again, with zeros for what nobody used."""
        known = next(part for part in g if part is not None)
        parts = []
        for part, length in zip(g, lengths, strict=True):
            size = (*shape[:dim], length, *shape[dim + 1 :])
            parts.append(F.blank(known, size) if part is None else part)
        return F.cat(*parts, dim=dim)


@register(internal=True)
class Blank(Op):
    """Zeros of a shape, of another array's dtype and place."""

    @staticmethod
    def forward(xp: Any, input: Array, size: tuple[int, ...]) -> Array:
        """Nothing of the input is used."""
        return xp.zeros(size, dtype=input.dtype)


@function(
    dtypes=ANY,
    samples=(call(T(5, 2), 2), call(T(2, 6), 3, dim=1), call(T(3), 5)),
    errors=(call(T(3), 0),),
)
def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """So many pieces of equal size along an axis (the last may be shorter, or some missing).

    >>> import minigrad as torch
    >>> torch.arange(5).chunk(2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = input._array.shape[one_dim(dim, input._array.ndim)]
    return split(input, max(-(-size // chunks), 1), dim)


def _flip(input: Any, *dims: Any) -> Any:
    return apply(Flip, (input,), (tuple(one_dim(d, input._array.ndim) for d in sizes(dims)),))


@register(public=_flip, dtypes=ANY, samples=(call(T(2, 3), (0,)), call(T(2, 3), (0, -1))))
class Flip(Op):
    """Axes reversed; a copy.

    Formula:   out[i] = input[n - 1 - i]
    Gradient:  g, reversed

    >>> import minigrad as torch
    >>> torch.arange(3).flip(0)
    tensor([2, 1, 0])
    """

    @staticmethod
    def forward(xp: Any, input: Array, dims: Any) -> Array:
        """Reverse."""
        return xp.flip(input, dims).copy()

    @staticmethod
    def grad_input(g: Array, dims: Any, F: Any) -> Array:
        """Reverse again."""
        return F.flip(g, dims)


@function(
    where=("Tensor",),
    torch="Tensor.repeat",
    dtypes=ANY,
    samples=(call(T(2, 3), 2, 1), call(T(3), 2, 2), call(T(2, 1), (1, 1, 3))),
    errors=(call(T(2, 3), 2),),
)
def repeat(input: Any, *repeats: Any) -> Any:
    """The tensor laid side by side so many times along each axis.

    Formula:   out[i] = input[i mod n]
    Gradient:  g, added up over the copies

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]).repeat(2)
    tensor([1, 2, 1, 2])
    """
    times, shape = sizes(repeats), input._array.shape
    if len(times) < len(shape):
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            "tensor"
        )
    shape = (1,) * (len(times) - len(shape)) + shape
    paired = [n for pair in zip(times, shape, strict=True) for n in pair]
    spaced = input.reshape([n for size in shape for n in (1, size)]).expand(paired)
    return spaced.reshape([t * n for t, n in zip(times, shape, strict=True)])


def _triangle(name: str) -> Any:
    def triangle(input: Any, diagonal: int = 0, *, out: Any = None) -> Any:
        if input._array.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        result = getattr(tensors, name)(input, diagonal)
        return result if out is None else into(out, result)

    return triangle


TRIANGLE: dict[str, Any] = {
    "dtypes": ANY,
    "samples": (call(T(3, 3)), call(T(2, 3, 4), 1), call(T(3, 2), diagonal=-1)),
    "errors": (call(T(3)),),
}


@register(public=_triangle("tril"), **TRIANGLE)
class Tril(Op):
    """The lower triangle of matrices, zeros above the given diagonal.

    Formula:   out[i, j] = input[i, j] if j <= i + diagonal else 0
    Gradient:  the same triangle of g

    >>> import minigrad as torch
    >>> torch.ones(2, 2).tril()
    tensor([[1., 0.],
            [1., 1.]])
    """

    @staticmethod
    def forward(xp: Any, input: Array, diagonal: int) -> Array:
        """Cut the upper part."""
        return xp.tril(input, diagonal)

    @staticmethod
    def grad_input(g: Array, diagonal: int, F: Any) -> Array:
        """Cut it from g as well."""
        return F.tril(g, diagonal)


@register(public=_triangle("triu"), **TRIANGLE)
class Triu(Op):
    """The upper triangle of matrices, zeros below the given diagonal.

    Formula:   out[i, j] = input[i, j] if j >= i + diagonal else 0
    Gradient:  the same triangle of g

    >>> import minigrad as torch
    >>> torch.ones(2, 2).triu()
    tensor([[1., 1.],
            [0., 1.]])
    """

    @staticmethod
    def forward(xp: Any, input: Array, diagonal: int) -> Array:
        """Cut the lower part."""
        return xp.triu(input, diagonal)

    @staticmethod
    def grad_input(g: Array, diagonal: int, F: Any) -> Array:
        """Cut it from g as well."""
        return F.triu(g, diagonal)
