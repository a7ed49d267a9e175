"""What the functions of linear algebra share: checks of their arguments, stacks of matrices."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.autograd.op import Op
from minigrad.autograd.registry import register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, backend_of, on_host, scientific, xp_of
from minigrad.errors import DtypeError, LinAlgError, ShapeError


def mT(x: Any) -> Any:
    """Each matrix of a stack transposed, in either reading, as a view."""
    return x.swapaxes(-1, -2)


def columns(x: Any) -> Any:
    """Numbers, one for each matrix of a stack, so that they multiply it; in either reading."""
    return x.reshape((*x.shape, 1, 1))


def rows(x: Any) -> Any:
    """Vectors, one for each matrix of a stack, as its rows; in either reading."""
    return x.reshape((*x.shape[:-1], 1, x.shape[-1]))


def cut(F: Any, x: Any, dim: int, start: int, length: int) -> Any:
    """A stretch of an axis that is counted from the back, in either reading."""
    return x if length == x.shape[dim] else F.narrow(x, len(x.shape) + dim, start, length)


@register("identity_of", internal=True)
class IdentityOf(Op):
    """The identity that is as large as the last axis of a tensor, in its type."""

    @staticmethod
    def forward(xp: Any, input: Array, rows: Any = None) -> Array:
        """Ones on the diagonal; with ``rows`` fewer or more of them."""
        n = input.shape[-1]
        return xp.eye(n if rows is None else rows, n, dtype=input.dtype)


def need_tensor(op: str, value: Any, name: str = "A", position: int = 1) -> None:
    """Raise torch's error for an argument that is no Tensor."""
    if not isinstance(value, TensorBase):
        raise TypeError(
            f"{op.replace('.', '_')}(): argument '{name}' (position {position}) must be Tensor, "
            f"not {type(value).__name__}"
        )


def need_float(op: str, value: Any, kernel: str = "", half: bool = False) -> None:
    """Raise torch's error for integers, and for half precision where it is too coarse.

    ``kernel`` is what torch says is missing for it; ``half`` allows it.
    """
    dtype = value.dtype
    if not dtype.is_floating_point:
        raise DtypeError(
            f"{op}: Expected a floating point or complex tensor as input. Got {dtype.type_name}"
        )
    if dtype.itemsize == 2 and kernel:
        raise NotImplementedError(
            f"\"{kernel}\" not implemented for '{dtype.type_name}' ({op}: use .float())"
        )
    if dtype.itemsize == 2 and not half:
        raise DtypeError(f"{op}: Low precision dtypes not supported. Got {dtype.type_name}")


def need_matrices(op: str, value: Any, name: str = "A") -> None:
    """Raise torch's error unless a tensor is a matrix or a stack of them."""
    need_tensor(op, value, name)
    if value._array.ndim < 2:
        raise ShapeError(f"{op}: The input tensor {name} must have at least 2 dimensions.")


def need_square(op: str, value: Any, name: str = "A") -> None:
    """Raise torch's error unless the matrices of a stack are square."""
    need_matrices(op, value, name)
    m, n = value._array.shape[-2:]
    if m != n:
        raise ShapeError(
            f"{op}: {name} must be batches of square matrices, but they are {m} by {n} matrices"
        )


def need_square_floats(op: str, value: Any, kernel: str = "", name: str = "A") -> None:
    """All three checks."""
    need_square(op, value, name)
    need_float(op, value, kernel)


def each(xp: Any, fn: Callable[..., tuple[Array, ...]], *stacks: Array) -> list[Array]:
    """What a function of matrices gives for each matrix of some stacks, stacked.

    >>> each(np, lambda a: (a.T, a.trace()), np.ones((5, 2, 3)))[1].shape
    (5,)
    """
    lead = stacks[0].shape[:-2]
    if not lead:
        return [xp.asarray(r) for r in fn(*stacks)]
    if 0 in lead:  # an empty stack: one matrix of zeros tells the shapes
        one = fn(*[xp.zeros(s.shape[-2:], s.dtype) for s in stacks])
        return [xp.empty((*lead, *xp.shape(r)), xp.asarray(r).dtype) for r in one]
    out: list[Array] = []
    for place in itertools.product(*map(range, lead)):
        found = fn(*[s[place] for s in stacks])
        if not out:
            out = [xp.empty((*lead, *xp.shape(r)), xp.asarray(r).dtype) for r in found]
        for whole, part in zip(out, found, strict=True):
            whole[place] = part
    return out


def together(xp: Any, *stacks: Array) -> tuple[tuple[int, ...], Sequence[Array]]:
    """The leading axes that stacks of matrices have together, and the stacks broadcast to them.

    >>> together(np, np.ones((5, 1, 2, 3)), np.ones((4, 3, 1)))[1][1].shape
    (5, 4, 3, 1)
    """
    lead = stacks[0].shape[:-2]
    if all([s.shape[:-2] == lead for s in stacks]):
        return lead, stacks
    lead = xp.broadcast_shapes(*[s.shape[:-2] for s in stacks])
    return lead, [xp.broadcast_to(s, (*lead, *s.shape[-2:])) for s in stacks]


@functools.lru_cache(maxsize=64)
def lapack(xp: Any, name: str, dtype: Any) -> Any:
    """A routine of LAPACK (or of BLAS) for a type: ``lapack(np, "getrf", float)`` is ``dgetrf``.

    A card's arrays go to the CPU for it.
    """
    library = scientific(np, "linalg")
    part = library.blas if name in ("trsm",) else library.lapack
    routine = getattr(part, ("d" if dtype.itemsize == 8 else "s") + name)
    return routine if xp is np else on_host(f"LAPACK's {name}", routine)


def batch_text(info: Any) -> tuple[str, int]:
    """Of the first failure of a stack: where it is, as torch says it, and its number."""
    info = np.asarray(backend_of(info).to_host(info))
    if not info.ndim:
        return "", int(info)
    place = int(np.flatnonzero(info)[0])
    return f"(Batch element {place}): ", int(info.reshape(-1)[place])


def fail(op: str, info: Any, text: str) -> None:
    """Raise LinAlgError if any matrix of a stack failed; ``{}`` in the text is its number."""
    if xp_of(info).any(info):
        where, number = batch_text(info)
        raise LinAlgError(f"{op}: {where}{text.format(number)}")
