"""Joining tensors: along an axis they have, along a new one, side by side, as blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.autograd.apply import apply, make
from minigrad.autograd.arguments import result_type
from minigrad.autograd.modes import MODE
from minigrad.autograd.op import Op
from minigrad.autograd.overlap import check_apart
from minigrad.autograd.registry import T, call, function, into, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.backend.moves import joined
from minigrad.dtypes import get_default_dtype
from minigrad.errors import ShapeError
from minigrad.ops.dims import one_dim
from minigrad.ops.folds import in_rows
from minigrad.ops.indexing.fill import from_array

ANY = ("float", "int", "bool")
mode, ndarray = MODE.get, np.ndarray


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, TensorBase)


def _checked(op: str, tensors_: Any) -> Sequence[Any]:
    """The tensors of a list in one dtype; TypeError in torch's words."""
    kind = type(tensors_)
    if kind is not list and kind is not tuple and not _is_sequence(tensors_):
        raise TypeError(
            f"{op}(): argument 'tensors' (position 1) must be tuple of Tensors, not "
            f"{type(tensors_).__name__}"
        )
    if not tensors_:
        if op == "cat":
            raise ValueError("torch.cat(): expected a non-empty list of Tensors")
        raise RuntimeError(f"{op} expects a non-empty TensorList")
    try:
        first = tensors_[0]._array.dtype
        if all([t._array.dtype is first for t in tensors_]):
            return tensors_  # type: ignore[no-any-return]
    except AttributeError:
        for index, t in enumerate(tensors_):
            if not isinstance(t, TensorBase):
                raise TypeError(
                    f"expected Tensor as element {index} in argument 0, but got {type(t).__name__}"
                ) from None
    common = result_type(tensors_)
    return [t.to(common) for t in tensors_]


def cat(tensors: Any, dim: int = 0, *, axis: int | None = None, out: Any = None) -> Any:
    """The front of ``Cat``: one dtype, torch's errors, and vectors of nothing let be."""
    parts = _checked("cat", tensors)
    at = dim if axis is None else axis
    first = parts[0]._array.shape
    alike = first != (0,) and all([p._array.shape == first for p in parts])
    if not alike or type(at) is not int or not 0 <= at < len(first):
        at = _joined(parts, at)
    result = _join(Cat, parts, at)
    if out is None:
        return result
    check_apart(out, parts)
    return into(out, result)


def _join(op: type[Op], parts: Any, at: int) -> Any:
    """An op of this room; straight on the arrays where nothing is recorded."""
    if mode() <= 0 or not any([p._node is not None or p._view is not None for p in parts]):
        values = [p._array for p in parts]
        if all([type(v) is ndarray for v in values]):
            result = op.forward(np, *values, dim=at)
            return make(result[0] if op.keeps else result)
    return op.short(*parts, at)


def _joined(parts: Any, dim: Any) -> int:
    """The axis to join along, from the front; torch's error if the shapes do not fit."""
    shapes = [p._array.shape for p in parts]
    # An empty vector joins anything: torch keeps that from its early days.
    model = next((s for s in shapes if s != (0,)), shapes[0])
    at = one_dim(dim, len(model))
    for index, shape in enumerate(shapes):
        if shape != model:
            _same_but(at, model, shape, index)
    if not model:
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated")
    return at


def _same_but(dim: int, model: Any, shape: Any, index: int) -> None:
    """Raise torch's error unless two shapes are equal apart from one axis."""
    if shape == (0,):
        return
    if not shape:
        raise RuntimeError(f"zero-dimensional tensor (at position {index}) cannot be concatenated")
    if len(shape) != len(model):
        raise ShapeError(
            f"Tensors must have same number of dimensions: got {len(model)} and {len(shape)}"
        )
    for axis, (a, b) in enumerate(zip(model, shape, strict=True)):
        if a != b and axis != dim:
            raise ShapeError(
                f"Sizes of tensors must match except in dimension {dim}. Expected size {a} but "
                f"got size {b} for tensor number {index} in the list."
            )


@register(
    public=cat,
    quick=True,
    where=("torch",),
    dtypes=ANY,
    samples=(
        call([T(2, 3), T(1, 3)]),
        call([T(2, 3), T(2, 2), T(2, 1)], dim=1),
        call([T(2), T(3)], -1),
        call([T(0), T(2, 3)], 1),
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

    keeps = ("shapes",)

    @staticmethod
    def forward(xp: Any, *tensors: Array, dim: int) -> Any:
        """Join; an empty vector among larger tensors has no part in it."""
        shapes = [t.shape for t in tensors]
        parts: Any = tensors
        if (0,) in shapes:
            ndim = max(map(len, shapes))
            parts = [t for t in tensors if t.ndim == ndim]
        out = joined(parts, dim)
        if not out.flags.c_contiguous:  # NumPy keeps the order of what it joins, torch does not
            out = out.copy()
        return out, shapes

    @staticmethod
    def vjp(g: Array, shapes: list[tuple[int, ...]], dim: int, needs: Any, F: Any) -> Any:
        """Cut g where the tensors met."""
        out, start, ndim = [], 0, len(g.shape)
        for need, shape in zip(needs, shapes, strict=True):
            if len(shape) < ndim:
                out.append(F.blank(g, (0,)) if need else None)
                continue
            length = shape[dim]
            out.append(F.narrow(g, dim, start, length) if need else None)
            start += length
        return tuple(out)


@register("stacked", internal=True)
class Stacked(Op):
    """Tensors of one shape joined along a new axis."""

    grad_fn = "StackBackward0"

    @staticmethod
    def forward(xp: Any, *tensors: Array, dim: int) -> Any:
        """Join; each is seen with an axis more, which is cheaper than ``xp.stack``."""
        key = (slice(None),) * dim + (None, ...)
        return in_rows(joined([t[key] for t in tensors], dim))

    @staticmethod
    def vjp(g: Array, dim: int, needs: Any, F: Any) -> Any:
        """Its slice to each."""
        before = (slice(None),) * dim
        return tuple(
            [F.select_view(g, (*before, i, ...)) if need else None for i, need in enumerate(needs)]
        )


@function(
    where=("torch",),
    dtypes=ANY,
    samples=(call([T(2, 3), T(2, 3)]), call([T(2), T(2), T(2)], dim=1), call([T(), T()])),
    errors=(call([T(2, 3), T(2, 2)]), call([])),
    quick=True,
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
    parts = _checked("stack", tensors)
    shape = parts[0]._array.shape
    for index, part in enumerate(parts):
        if part._array.shape != shape:
            raise ShapeError(
                f"stack expects each tensor to be equal size, but got {list(parts[0].shape)} at "
                f"entry 0 and {list(part.shape)} at entry {index}"
            )
    at = dim if axis is None else axis
    result = _join(Stacked, parts, one_dim(at, len(shape) + 1))
    return result if out is None else into(out, result)


def _at_least(name: str, convert: Any, summary: str, example: str) -> Any:
    """``atleast_1d`` and its relatives: of one tensor, or of each of several."""

    def at_least(*tensors: Any) -> Any:
        single = len(tensors) == 1 and isinstance(tensors[0], TensorBase)
        if len(tensors) == 1 and not single:
            tensors = tensors[0]
        if not isinstance(tensors, (tuple, list)):
            raise TypeError(f"{name}() expected Tensors, got {type(tensors).__name__}")
        for index, t in enumerate(tensors):
            if not isinstance(t, TensorBase):
                raise TypeError(
                    f"expected Tensor as element {index} in argument 0, but got {type(t).__name__}"
                )
        return convert(tensors[0]) if single else tuple(map(convert, tensors))

    at_least.__doc__ = f"{summary}\n\n>>> import minigrad as torch\n{example}"
    function(
        name,
        where=("torch",),
        dtypes=ANY,
        samples=(call(T()), call(T(2)), call(T(2, 3)), call(T(), T(2, 3, 4))),
        returns="Any",
    )(at_least)
    return convert


_1d = _at_least(
    "atleast_1d",
    lambda t: t.reshape(1) if t._array.ndim == 0 else t,
    "The tensor, or a number as a vector of one element.",
    ">>> torch.atleast_1d(torch.tensor(1.))\ntensor([1.])",
)


def _flat(t: Any) -> Any:
    ndim = t._array.ndim
    return t if ndim > 1 else t.unsqueeze(0) if ndim else t.reshape(1, 1)


_2d = _at_least(
    "atleast_2d",
    _flat,
    "The tensor, with axes of size one put in front until it is a matrix.",
    ">>> torch.atleast_2d(torch.tensor([1., 2.]))\ntensor([[1., 2.]])",
)


def _deep(t: Any) -> Any:
    ndim = t._array.ndim
    if ndim > 2:
        return t
    return _flat(t).unsqueeze(-1) if ndim else t.reshape(1, 1, 1)


_3d = _at_least(
    "atleast_3d",
    _deep,
    "The tensor, with axes of size one put around it until it has three.",
    ">>> torch.atleast_3d(torch.ones(2)).shape\ntorch.Size([1, 2, 1])",
)
STACKS: dict[str, Any] = {
    "where": ("torch",),
    "dtypes": ANY,
    "samples": (call([T(3), T(3)]), call([T(2, 3), T(2, 3)]), call([T(), T()])),
    "errors": (call([]), call(T(2))),
}


@function(**STACKS)
def hstack(tensors: Any, *, out: Any = None) -> Any:
    """Tensors joined side by side: along the second axis, vectors along their only one.

    >>> import minigrad as torch
    >>> torch.hstack([torch.tensor([1, 2]), torch.tensor([3])])
    tensor([1, 2, 3])
    """
    parts = [_1d(t) for t in _checked("hstack", tensors)]
    return cat(parts, 0 if parts[0]._array.ndim == 1 else 1, out=out)


@function(aliases=("row_stack",), **STACKS)
def vstack(tensors: Any, *, out: Any = None) -> Any:
    """Tensors joined one below the other, vectors as rows.

    >>> import minigrad as torch
    >>> torch.vstack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return cat([_2d(t) for t in _checked("vstack", tensors)], 0, out=out)


@function(**STACKS)
def dstack(tensors: Any, *, out: Any = None) -> Any:
    """Tensors joined along the third axis.

    >>> import minigrad as torch
    >>> torch.dstack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[[1, 3],
             [2, 4]]])
    """
    return cat([_3d(t) for t in _checked("dstack", tensors)], 2, out=out)


@function(**STACKS)
def column_stack(tensors: Any, *, out: Any = None) -> Any:
    """Vectors as the columns of a matrix, matrices side by side.

    >>> import minigrad as torch
    >>> torch.column_stack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 3],
            [2, 4]])
    """
    parts = _checked("column_stack", tensors)
    columns = [t.reshape(-1, 1) if t._array.ndim <= 1 else t for t in parts]
    return hstack(columns, out=out)


@register(internal=True)
class Blocks(Op):
    """Matrices along the diagonal of a larger one."""

    grad_fn = "BlockDiagBackward0"
    keeps = ("shapes",)

    @staticmethod
    def forward(xp: Any, *tensors: Array) -> Any:
        """Write each among zeros."""
        shapes = tuple(t.shape for t in tensors)
        out = xp.zeros(tuple(map(sum, zip(*shapes, strict=True))), dtype=tensors[0].dtype)
        for key, t in zip(_corners(shapes), tensors, strict=True):
            out[key] = t
        return out, shapes

    @staticmethod
    def vjp(g: Any, shapes: Any, needs: Any, F: Any) -> Any:
        """Its block to each."""
        keys = _corners(shapes)
        return tuple([F.select_view(g, k) if n else None for k, n in zip(keys, needs, strict=True)])


def _corners(shapes: Any) -> list[Any]:
    row = column = 0
    keys = []
    for height, width in shapes:
        keys.append((slice(row, row + height), slice(column, column + width)))
        row, column = row + height, column + width
    return keys


@function(
    where=("torch",),
    dtypes=ANY,
    samples=(call(T(2, 3), T(1, 2)), call(T(2), T(), T(2, 1))),
    errors=(call(T(2, 2, 2)),),
)
def block_diag(*tensors: Any) -> Any:
    """A matrix with the given ones along its diagonal, zeros elsewhere.

    >>> import minigrad as torch
    >>> torch.block_diag(torch.tensor([[1, 2]]), torch.tensor([[3]]))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    if not tensors:
        return from_array(np.zeros((1, 0), get_default_dtype().numpy))
    parts = _checked("block_diag", tensors)
    for index, t in enumerate(parts):
        if t._array.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input "
                f"{index} has {t._array.ndim} dimensions"
            )
    return apply(Blocks, [_2d(t) for t in parts])
