"""Selecting by a mask: what the derivatives of all kinked functions are made of."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minigrad.autograd.inplace import in_place
from minigrad.autograd.op import Op, arrays, tensors
from minigrad.autograd.registry import register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.dtypes import of_numpy

# Below this many elements one call of `where` is faster than several without branches.
SMALL = 2048


def zero(xp: Any, dtype: Any) -> Any:
    """Zero in a type: NumPy takes half the time for a 0-d array that it takes for the number 0."""
    return _zero(dtype) if xp is np else dtype.type(0)


@functools.cache
def _zero(dtype: Any) -> Array:
    made = np.zeros((), dtype=dtype)
    made.flags.writeable = False
    return made


def number(xp: Any, value: float, dtype: Any) -> Any:
    """A number in a type, as what a ufunc takes fastest (see :func:`zero`)."""
    if xp is not np:
        return dtype.type(value)
    return _number(value, dtype) if value else np.array(value, dtype)  # -0.0 is not 0.0


@functools.lru_cache(maxsize=1024)
def _number(value: float, dtype: Any) -> Array:
    made = np.array(value, dtype)
    made.flags.writeable = False
    return made


@functools.cache
def _bounds(dtype: Any) -> tuple[Array, Array, Array]:
    ends = (-np.inf, np.inf) if dtype.kind in "fV" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return _zero(dtype), np.array(ends[0], dtype), np.array(ends[1], dtype)


def clipped(xp: Any, x: Array, least: float, most: float, out: Any = None) -> Array:
    """``x.clip``; of few elements two calls of ufuncs take a third of its time."""
    ends = number(xp, least, x.dtype), number(xp, most, x.dtype)
    if x.size < SMALL:
        return xp.minimum(xp.maximum(x, ends[0], out=out), ends[1], out=out)
    return x.clip(*ends, out=out)


def positive(xp: Any, x: Array) -> Array:
    """The positive part. NumPy has a fast loop for a clip by numbers, for a maximum none."""
    if xp is not np or x.size < SMALL or x.dtype.kind == "V":
        return xp.maximum(x, zero(xp, x.dtype))
    nothing, _, most = _bounds(x.dtype)
    return x.clip(nothing, most)


def negative(xp: Any, x: Array) -> Array:
    """The negative part."""
    if xp is not np or x.size < SMALL or x.dtype.kind == "V":
        return xp.minimum(x, zero(xp, x.dtype))
    nothing, least, _ = _bounds(x.dtype)
    return x.clip(least, nothing)


def picked(xp: Any, mask: Array, yes: Any, no: Any) -> Array:
    """``xp.where`` of one type: of bfloat16, for which it has no form, CuPy makes float32.

    >>> import numpy as np
    >>> picked(np, np.array([True, False]), np.array([1.0, 2.0]), 0.0)
    array([1., 0.])
    """
    made = xp.where(mask, yes, no)
    if xp is np:
        return made
    like = yes if hasattr(yes, "strides") and (yes.ndim or not hasattr(no, "strides")) else no
    return made.astype(like.dtype, copy=False)


def select(xp: Any, mask: Array, yes: Any, no: Any) -> Array:
    """``where`` for float arrays of one type and shape (``yes`` or ``no`` may be a number).

    On a large random mask it takes a fifth of the time, for the reason given at :func:`kept`.
    """
    like = yes if hasattr(yes, "strides") and yes.ndim else no
    if like.size < SMALL or like.dtype.kind not in "fV" or mask.shape != like.shape:
        return picked(xp, mask, yes, no)
    bits = xp.dtype(f"i{like.dtype.itemsize}")
    yes, no = (
        v.view(bits) if hasattr(v, "view") else like.dtype.type(v).view(bits) for v in (yes, no)
    )
    selector = xp.negative(mask.view(xp.int8)).astype(bits)
    selector &= yes ^ no
    selector ^= no
    return selector.view(like.dtype)


def choose(mask: Any, yes: Any, no: Any) -> Any:
    """``select`` in the reading that its arguments are in."""
    if yes.__class__ is np.ndarray:
        return select(np, mask, yes, no)
    return (tensors if isinstance(yes, TensorBase) else arrays).where(mask, yes, no)


def kept(xp: Any, values: Array, mask: Array) -> Array:
    """The values where the mask is true, zero elsewhere.

    On a large random mask ``where`` mispredicts every second branch and takes ten times longer,
    and a product would make NaN of infinity times zero. Masking the bits does neither.

    >>> import numpy as np
    >>> kept(np, np.array([1.0, np.inf]), np.array([True, False]))
    array([1., 0.])
    """
    if values.dtype.kind not in "fV":
        return values * mask
    if values.size < SMALL or values.shape != mask.shape:
        return picked(xp, mask, values, zero(xp, values.dtype))
    bits = xp.dtype(f"i{values.dtype.itemsize}")
    selector = xp.negative(mask.view(xp.int8)).astype(bits)
    selector &= values.view(bits)
    return selector.view(values.dtype)


def chosen(xp: Any, mask: Any, values: Any, others: Any) -> Any:
    """``xp.where`` of one dtype; of few elements, a copy written over takes half its time."""
    shape = mask.shape
    few = xp is np and mask.size < SMALL and others.shape == shape
    if few and (values.ndim == 0 or values.shape == shape):
        out = others.copy()
        np.putmask(out, mask, values)
        return out
    return picked(xp, mask, values, others)


@register(internal=True)
class Gate(Op):
    """The elements where a mask is true, zero elsewhere.   gx is the same of g."""

    @staticmethod
    def forward(xp: Any, input: Array, mask: Array) -> Array:
        """Mask the bits."""
        return kept(xp, input, mask)

    @staticmethod
    def grad_input(g: Any, mask: Any, F: Any) -> Any:
        """Let through what was let through."""
        return F.gate(g, mask)


def gate(g: Any, mask: Any) -> Any:
    """``Gate`` in the reading that ``g`` is in; straight for NumPy arrays, the hot case."""
    if g.__class__ is np.ndarray:
        return kept(np, g, mask)
    return tensors.gate(g, mask) if isinstance(g, TensorBase) else arrays.gate(g, mask)


def gate_positive(g: Any, out: Any) -> Any:
    """``gate(g, ~(out <= 0))``, the step that every relu takes in backward."""
    if g.__class__ is np.ndarray and g.size < SMALL:
        nothing = _zero(g.dtype)
        return np.where(out <= nothing, nothing, g)
    return gate(g, ~(out <= 0))


def either(op: Any, inplace: bool, input: Any, *params: Any, kinds: str = "fV") -> Any:
    """A function with torch's ``inplace`` flag, of floats unless ``kinds`` names more."""
    if not isinstance(input, TensorBase):
        raise TypeError(
            f"{op.name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )
    if input._array.dtype.kind not in kinds:
        raise NotImplementedError(
            f'"{op.name}" not implemented for {of_numpy(input._array.dtype)!r}; use input.float()'
        )
    if inplace:
        return _in_place(op)(input, *params)
    return op.short(input, *params)


@functools.cache
def _in_place(op: Any) -> Any:
    """The in-place form of an op, made once."""
    return in_place(getattr(tensors, op.name), op)
