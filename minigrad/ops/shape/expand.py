"""Broadcasting, and its reverse."""

from __future__ import annotations

import functools
from typing import Any

from minigrad.autograd.op import Op
from minigrad.autograd.registry import T, call, function, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.errors import ShapeError
from minigrad.ops.dims import listed
from minigrad.ops.indexing.places import restrided
from minigrad.ops.reduction.adding import add_up
from minigrad.size import Size

ANY = ("float", "int", "bool")


@functools.lru_cache(maxsize=256)
def _steps(
    shape: tuple[int, ...], strides: tuple[int, ...], size: tuple[int, ...]
) -> tuple[int, ...]:
    """The steps in bytes of an array that is seen under a larger size."""
    extra = len(size) - len(shape)
    steps = [0] * extra
    for n, wanted, step in zip(shape, size[extra:], strides, strict=True):
        if n != wanted and n != 1:
            raise ValueError(f"an axis of size {n} can't be expanded to {wanted}")
        steps.append(step if n == wanted else 0)
    return tuple(steps)


@register(internal=True)
class Expand(Op):
    """Axes of size one repeated without a copy."""

    view = True

    @staticmethod
    def forward(xp: Any, input: Array, size: Any) -> Array:
        """A view with steps of zero; writable, so that in-place checks can speak for themselves."""
        return restrided(xp, input, size, _steps(input.shape, input.strides, tuple(size)))

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """Add up what was repeated."""
        return F.sum_to(g, shape)


EXPAND: Any = Expand.short


@register(internal=True)
class SumTo(Op):
    """The sum over axes that broadcasting added or repeated: the reverse of expand."""

    grad_fn = "SumToSizeBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, size: Any) -> Array:
        """Sum the extra axes in front, then those that were of size one."""
        extra = input.ndim - len(size)
        axes = tuple(range(extra)) + tuple(
            i + extra for i, n in enumerate(size) if n == 1 and input.shape[i + extra] != 1
        )
        if len(axes) == extra > 0:
            return add_up(xp, input, axes, False)
        return add_up(xp, input, axes, True).reshape(size) if axes else input.reshape(size)

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """Repeat what was added up."""
        missing = (1,) * (len(shape) - len(g.shape))
        return F.expand(F.reshape(g, (*missing, *g.shape)), shape)


@function(
    "expand",
    where=("Tensor",),
    dtypes=ANY,
    torch="Tensor.expand",
    samples=(call(T(3, 1), 3, 4), call(T(3), 2, -1), call(T(), 2)),
    errors=(call(T(3, 2), 3, 4), call(T(3), -1, 3)),
)
def expand(input: Any, *size: Any, implicit: bool = False, **named: Any) -> Any:
    """Axes of size one repeated to a larger size without a copy; -1 keeps a size.

    Formula:   out[i, j] = input[i, 0]
    Gradient:  g, added up over what was repeated

    >>> import minigrad as torch
    >>> torch.tensor([[1], [2]]).expand(2, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    shape, wanted = input._array.shape, listed(size, named, "size")
    return EXPAND(input, _expanded(input, shape, wanted))


def _expanded(input: Any, shape: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
    """The size to expand to, with sizes for each -1; torch's error if there is no way."""
    extra = len(wanted) - len(shape)
    if extra < 0:
        raise RuntimeError(
            f"expand({input.type()}{{{list(shape)}}}, size={list(wanted)}): the number of sizes "
            f"provided ({len(wanted)}) must be greater or equal to the number of dimensions in the "
            f"tensor ({len(shape)})"
        )
    full: list[Any] = list(wanted)
    for i, n in enumerate(wanted):
        old = shape[i - extra] if i >= extra else None
        if n == old or (n >= 0 and (old is None or old == 1)):  # the usual cases
            continue
        if n == -1 and old is None:
            raise RuntimeError(
                f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing "
                f"dimension {i}"
            )
        if old is not None and n not in (-1, old) and old != 1:
            raise ShapeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({old}) at "
                f"non-singleton dimension {i}.  Target sizes: {list(wanted)}.  Tensor sizes: "
                f"{list(shape)}"
            )
        full[i] = old
    return tuple(full)


@function(
    "expand_as",
    where=("Tensor",),
    torch="Tensor.expand_as",
    dtypes=ANY,
    samples=(call(T(1, 3), T(2, 3)),),
)
def expand_as(input: Any, other: Any) -> Any:
    """The tensor expanded to the shape of another.

    >>> import minigrad as torch
    >>> torch.zeros(1, 3).expand_as(torch.zeros(2, 3)).shape
    torch.Size([2, 3])
    """
    return input.expand(other.shape)


@function("broadcast_to", dtypes=ANY, samples=(call(T(3, 1), (3, 4)), call(T(1), (2, 2))))
def broadcast_to(input: Any, *size: Any, **named: Any) -> Any:
    """The tensor expanded to a shape.

    >>> import minigrad as torch
    >>> torch.zeros(3).broadcast_to((2, 3)).shape
    torch.Size([2, 3])
    """
    return input.expand(listed(size, named, "size"))


def broadcast_shape(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that several have together; RuntimeError in torch's words if there is none.

    >>> broadcast_shape((2, 1), (3,))
    (2, 3)
    """
    out = [1] * max(map(len, shapes), default=0)
    for shape in shapes:
        for back, n in enumerate(reversed(shape), 1):
            if n != 1 and out[-back] not in (1, n):
                raise ShapeError(
                    f"The size of tensor a ({out[-back]}) must match the size of tensor b ({n}) at "
                    f"non-singleton dimension {len(out) - back}"
                )
            out[-back] = n if out[-back] == 1 else out[-back]
    return tuple(out)


@function(where=("torch",), gradcheck=False, samples=(call((2, 1), (3,)), call(4, (1, 1))))
def broadcast_shapes(*shapes: Any) -> Any:
    """The shape that several shapes broadcast to.

    >>> import minigrad as torch
    >>> torch.broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])
    """
    whole = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    if any(n < 0 for s in whole for n in s):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {min(min(whole))}")
    return Size(_together(whole))


def _together(shapes: list[tuple[int, ...]]) -> list[int]:
    """As `broadcast_shape`, with torch's error for the first size that fits none before it."""
    out = [1] * max(map(len, shapes), default=0)
    for place, shape in enumerate(shapes):
        for back in range(1, len(shape) + 1):
            if shape[-back] not in (1, out[-back]) and out[-back] != 1:
                raise ShapeError(
                    f"Attempting to broadcast a dimension of length {shape[-back]} at {-back}! "
                    f"Mismatching argument at index {place} had {shape}; but expected shape should "
                    f"be broadcastable to {out}"
                )
            out[-back] = shape[-back] if out[-back] == 1 else out[-back]
    return out


@function(
    where=("torch",),
    dtypes=ANY,
    samples=(call(T(2, 1), T(3)), call(T(), T(2, 2), T(1, 2))),
    errors=(call(T(2), T(3)),),
    returns="tuple[Tensor, ...]",
)
def broadcast_tensors(*tensors: Any) -> Any:
    """Tensors expanded to the shape that they have together, as views; who has it stays itself.

    >>> import minigrad as torch
    >>> a, b = torch.broadcast_tensors(torch.zeros(2, 1), torch.zeros(3)); a.shape
    torch.Size([2, 3])
    """
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    for index, t in enumerate(tensors):
        if not isinstance(t, TensorBase):
            raise TypeError(
                f"expected Tensor as element {index} in argument 0, but got {type(t).__name__}"
            )
    shape = broadcast_shape(*[t._array.shape for t in tensors])
    return tuple(t if t._array.shape == shape else t.expand(shape) for t in tensors)
