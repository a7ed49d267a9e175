"""Views: the same memory seen in another shape or order."""

from __future__ import annotations

import functools
import math
from typing import Any, ClassVar

from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op, named_node
from minigrad.autograd.refusals import not_a_tensor
from minigrad.autograd.registry import T, call, function, register
from minigrad.backend import Array
from minigrad.dtypes import dtype as Dtype
from minigrad.errors import ShapeError
from minigrad.ops.dims import NOT_GIVEN, listed, one_dim
from minigrad.ops.indexing.places import need_tensor
from minigrad.ops.shape.strided import bits_as

ANY = ("float", "int", "bool")
SLICE = slice(None)


def inferred(shape: tuple[int, ...], count: int, op: str) -> tuple[int, ...]:
    """A shape with its -1 replaced by what makes the counts equal; an error in torch's words.

    >>> inferred((-1, 2), 6, "reshape")
    (3, 2)
    """
    known = math.prod(shape)
    if known == count and (count or min(shape) >= 0):
        return shape
    if known < 0 and count % known == 0 and shape.count(-1) == 1 and min(shape) == -1:
        return tuple([count // -known if n == -1 else n for n in shape])  # the usual case
    if shape.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    known = math.prod(n for n in shape if n != -1)
    if any(n < -1 for n in shape):
        raise RuntimeError(f"invalid shape dimension {min(shape)}")
    if known == 0 and -1 in shape and not count:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified "
            "dimension size -1 can be any value and is ambiguous"
        )
    if -1 in shape and known and count % known == 0:
        return tuple(count // known if n == -1 else n for n in shape)
    if -1 in shape or known != count:
        raise ShapeError(f"shape '{list(shape)}' is invalid for input of size {count} ({op})")
    return shape


@functools.lru_cache(maxsize=1024, typed=True)
def _one_by_one(count: int, op: str, *shape: Any) -> tuple[int, ...]:
    """The shape that sizes given one by one mean for so many elements; remembered."""
    return inferred(listed(shape, {}, "shape"), count, op)


@register(internal=True)
class Reshape(Op):
    """The elements in row-major order under another shape; a view where memory allows."""

    grad_fn = "ViewBackward0"
    view = True

    @staticmethod
    def forward(xp: Any, input: Array, size: Any) -> Array:
        """Let the array module find out whether a copy is needed."""
        return input.reshape(size)

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """Back to the old shape."""
        return F.reshape(g, shape)


RESHAPE: Any = Reshape.short  # straight to the short cut: the view that is made most often
_ALIAS = named_node(Reshape, "ReshapeAliasBackward0")
_COPY = named_node(Reshape, "UnsafeViewBackward0")


def _reshaped(input: Any, size: tuple[int, ...]) -> Any:
    """The elements under another shape; torch's name for the node says if they lay in a row."""
    out = RESHAPE(input, size)
    apart = input._view is not None or out._view is None  # they may be; dearer to know for sure
    if apart and type(out._node) is Reshape.node_class and not input._array.flags.c_contiguous:
        out._node.__class__ = _COPY if out._view is None else _ALIAS
    return out


@function(
    "reshape",
    dtypes=ANY,
    samples=(call(T(2, 6), (3, 4)), call(T(2, 6), (-1,)), call(T(4), (2, 1, 2)), call(T(), (1,))),
    errors=(call(T(2, 3), (4, 2)), call(T(2, 3), (-1, -1))),
    quick=True,
)
def reshape(input: Any, *shape: Any, **named: Any) -> Any:
    """The same elements in row-major order under another shape; one size may be -1.

    Formula:   out[j] = input[i] with equal row-major positions
    Gradient:  g in the old shape

    >>> import minigrad as torch
    >>> torch.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    try:
        count = input._array.size
    except AttributeError:
        raise not_a_tensor("reshape", input) from None
    if shape and type(shape[0]) is int and not named:
        return _reshaped(input, _one_by_one(count, "reshape", *shape))
    return _reshaped(input, inferred(listed(shape, named, "shape"), count, "reshape"))


@function(
    "view",
    where=("Tensor",),
    torch="Tensor.view",
    dtypes=ANY,
    samples=(call(T(), 1), call(T(1, 3), (3, 1))),
    errors=(call(T(2, 3), 4),),
    quick=True,
)
def view(input: Any, *shape: Any, dtype: Any = None, **named: Any) -> Any:
    """Like :func:`reshape`, but never a copy; with a dtype, the same bits as another type.

    Raises: RuntimeError if the elements do not lie in memory so that this is possible.

    >>> import minigrad as torch
    >>> torch.zeros(2, 3).view(3, 2).shape
    torch.Size([3, 2])
    """
    if len(shape) == 1 and type(shape[0]) is Dtype:
        (dtype,), shape = shape, ()
    if dtype is not None and (shape or named):
        raise TypeError("view() takes a size or a dtype, not both")
    if dtype is not None:
        return bits_as(input, dtype)
    if shape and type(shape[0]) is int and not named:
        sizes = _one_by_one(input._array.size, "view", *shape)
    else:
        sizes = inferred(listed(shape, named, "size"), input._array.size, "view")
    out = RESHAPE(input, sizes)
    if out._view is None and out._array.size:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return out


@function(
    "view_as",
    where=("Tensor",),
    torch="Tensor.view_as",
    dtypes=ANY,
    samples=(call(T(1, 3), T(3, 1)),),
    varied=False,  # what can be viewed depends on the layout
)
def view_as(input: Any, other: Any) -> Any:
    """The tensor under the shape of another, never a copy.

    >>> import minigrad as torch
    >>> torch.zeros(6).view_as(torch.zeros(2, 3)).shape
    torch.Size([2, 3])
    """
    return input.view(need_tensor("view_as", "other", 2, other).shape)


@function(
    "reshape_as",
    where=("Tensor",),
    torch="Tensor.reshape_as",
    dtypes=ANY,
    samples=(call(T(1, 3), T(3, 1)),),
)
def reshape_as(input: Any, other: Any) -> Any:
    """The elements under the shape of another tensor.

    >>> import minigrad as torch
    >>> torch.zeros(6).reshape_as(torch.zeros(2, 3)).shape
    torch.Size([2, 3])
    """
    return input.reshape(need_tensor("reshape_as", "other", 2, other).shape)


@function(
    "flatten",
    dtypes=ANY,
    samples=(call(T(2, 3, 4)), call(T(2, 3, 4), 1), call(T(2, 3, 4), 0, 1), call(T())),
    errors=(call(T(2, 3), 1, 0),),
    quick=True,
)
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Some axes, one after the other, as one.

    >>> import minigrad as torch
    >>> torch.zeros(2, 3, 4).flatten(1).shape
    torch.Size([2, 12])
    """
    try:
        shape = input._array.shape
    except AttributeError:
        raise not_a_tensor("flatten", input) from None
    first, last = one_dim(start_dim, len(shape)), one_dim(end_dim, len(shape))
    if not shape:
        return input.reshape(1)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if first == last:
        return input
    size = (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])
    return _reshaped(input, size)


@function("ravel", dtypes=ANY, samples=(call(T(2, 3)),))
def ravel(input: Any) -> Any:
    """All axes as one, with no gaps in memory: a view only of what has none.

    >>> import minigrad as torch
    >>> torch.zeros(2, 3).ravel().shape
    torch.Size([6])
    """
    return input.contiguous().reshape(-1)


@function("unflatten", samples=(call(T(2, 6), 1, (2, 3)), call(T(6), 0, (-1, 2))), dtypes=ANY)
def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    """One axis as several.

    >>> import minigrad as torch
    >>> torch.zeros(2, 6).unflatten(1, (2, 3)).shape
    torch.Size([2, 2, 3])
    """
    shape = input._array.shape
    at = one_dim(dim, len(shape))
    if not isinstance(sizes, (tuple, list)):
        raise TypeError(
            "unflatten(): argument 'sizes' (position 3) must be tuple of ints, not "
            f"{type(sizes).__name__}"
        )
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    try:
        apart = inferred(tuple(sizes), shape[at], "unflatten")
    except ShapeError:
        raise ShapeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {at} "
            f"({shape[at]}) in the input tensor"
        ) from None
    return input.view((*shape[:at], *apart, *shape[at + 1 :]))


def _squeeze(input: Any, dim: Any = NOT_GIVEN, *, axis: Any = NOT_GIVEN) -> Any:
    dim = dim if axis is NOT_GIVEN else axis
    try:
        shape = input._array.shape
    except AttributeError:
        raise not_a_tensor("squeeze", input) from None
    form = 0  # of torch's three functions of this name
    if dim is NOT_GIVEN:
        axes = tuple([i for i, n in enumerate(shape) if n == 1])
    elif isinstance(dim, (tuple, list)):
        given = [one_dim(d, len(shape)) for d in dim]
        for d in given:
            if given.count(d) > 1:
                raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
        axes, form = tuple([d for d in given if shape and shape[d] == 1]), 2
    else:
        at = one_dim(dim, len(shape))
        axes, form = (at,) if shape and shape[at] == 1 else (), 1
    return SQUEEZE(input, axes, form)


@register(
    public=_squeeze,
    quick=True,
    dtypes=ANY,
    samples=(
        call(T(2, 1, 3, 1)),
        call(T(2, 1), 1),
        call(T(2, 1), 0),
        call(T(1, 2, 1), (0, 2)),
        call(T()),
    ),
    errors=(call(T(2, 3), 2),),
)
class Squeeze(Op):
    """Axes of size one dropped: all, or those given.

    Formula:   the same elements under a shorter shape
    Gradient:  g in the old shape

    >>> import minigrad as torch
    >>> torch.zeros(2, 1, 3).squeeze().shape
    torch.Size([2, 3])
    """

    view = True
    grad_fn: ClassVar[Any] = staticmethod(lambda axes, form: f"SqueezeBackward{form}")

    @staticmethod
    def forward(xp: Any, input: Array, axes: Any, form: int = 0) -> Array:
        """Drop the axes."""
        return input.squeeze(axes)

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """The old shape."""
        return F.reshape(g, shape)


SQUEEZE: Any = Squeeze.short


def _unsqueeze(input: Any, dim: Any = NOT_GIVEN, *, axis: Any = NOT_GIVEN) -> Any:
    try:
        ndim = input._array.ndim
    except AttributeError:
        raise not_a_tensor("unsqueeze", input) from None
    return UNSQUEEZE(input, one_dim(dim if axis is NOT_GIVEN else axis, ndim + 1))


@register(
    public=_unsqueeze,
    quick=True,
    dtypes=ANY,
    samples=(call(T(2, 3), 0), call(T(2, 3), -1), call(T(), 0)),
    errors=(call(T(2, 3), 3),),
)
class Unsqueeze(Op):
    """An axis of size one put in.

    Formula:   the same elements under a longer shape
    Gradient:  g in the old shape

    >>> import minigrad as torch
    >>> torch.zeros(2, 3).unsqueeze(1).shape
    torch.Size([2, 1, 3])
    """

    view = True

    @staticmethod
    def forward(xp: Any, input: Array, dim: int) -> Array:
        """Put the axis in; ``xp.expand_dims`` takes four times as long."""
        return input[(SLICE,) * dim + (None, ...)]

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """The old shape."""
        return F.reshape(g, shape)


UNSQUEEZE: Any = Unsqueeze.short


def _unbind(input: Any, dim: int = 0) -> Any:
    if not input._array.ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return apply(Unbind, (input,), (one_dim(dim, input._array.ndim),))


@register(
    public=_unbind,
    dtypes=ANY,
    samples=(call(T(2, 3)), call(T(2, 3), 1), call(T(2, 3, 2), -1)),
    returns="tuple[Tensor, ...]",
)
class Unbind(Op):
    """The slices along an axis, as a tuple of views.

    Formula:   out_i = input[i]
    Gradient:  the cotangents, stacked

    >>> import minigrad as torch
    >>> torch.tensor([[1, 2], [3, 4]]).unbind()
    (tensor([1, 2]), tensor([3, 4]))
    """

    view = True
    outputs = None

    @staticmethod
    def forward(xp: Any, input: Array, dim: int) -> Any:
        """One view for each place; ``...`` keeps a 0-d slice a view."""
        count = input.shape[dim]
        if dim == 0:
            return [input[i, ...] for i in range(count)]
        lead = (slice(None),) * dim
        return [input[(*lead, i, ...)] for i in range(count)]

    @staticmethod
    def grad_input(g: Any, shape: Any, dim: int, F: Any) -> Array:
        """Stack; zeros for slices that nobody used."""
        known = next(part for part in g if part is not None)
        parts = [F.blank(known, known.shape) if part is None else part for part in g]
        return F.cat(*[F.unsqueeze(part, dim) for part in parts], dim=dim)
