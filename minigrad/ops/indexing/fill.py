"""Overwriting a tensor as a whole: ``copy_``, ``fill_``, ``zero_``, ``resize_``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.autograd.apply import make
from minigrad.autograd.arguments import OPERANDS
from minigrad.autograd.inplace import write
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.overlap import check_overlap
from minigrad.autograd.registry import T, call, function, register
from minigrad.autograd.straight import ALL_CODES, NUMBER_CODES, plain_values, written
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, moves, xp_of
from minigrad.dtypes import held
from minigrad.sharing import is_shared

# Functions that write; a test that looks for changed inputs has nothing to compare with.
IN_PLACE: dict[str, Any] = {"where": ("torch", "Tensor"), "torch": None, "gradcheck": False}


@register("zeros_of", internal=True)
class ZerosOf(Op):
    """Zeros in the place of a cotangent: a constant, and so without a derivative."""

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """Zeros."""
        return xp.zeros_like(input)


@register("copy_into", internal=True)
class CopyInto(Op):
    """A tensor overwritten by another, which is broadcast to it."""

    called = "copy_"
    grad_fn = "CopyBackwards"
    writes = True
    broadcasts = True

    @staticmethod
    def forward(xp: Any, input: Array, src: Array) -> Array:
        """Write in place; unlike NumPy, no leading axes of size one are dropped."""
        if getattr(src, "ndim", 0) > input.ndim:
            raise ValueError("the source has more axes than the tensor that it is copied to")
        xp.copyto(input, src, casting="unsafe")
        return input

    @staticmethod
    def grad_input(g: Array, F: Any) -> Array:
        """Nothing of the old value is left: zeros, even where g is infinite."""
        return F.zeros_of(g)

    @staticmethod
    def grad_src(g: Array) -> Array:
        """All of it comes from the source."""
        return g


def copy_(input: Any, src: Any, non_blocking: bool = False) -> Any:
    """Overwrite the tensor by another, broadcast and converted to it; returns the tensor.

    >>> import minigrad as torch
    >>> torch.zeros(2).copy_(torch.tensor([1, 2]))
    tensor([1., 2.])
    """
    if not isinstance(src, TensorBase):
        raise TypeError(f"copy_(): argument 'other' must be Tensor, not {type(src).__name__}")
    mine, theirs = input._array, src._array
    if mine.shape == theirs.shape and plain_values(input, (src,), ALL_CODES) is not None:
        moves.write(mine, theirs)
        written(input)
        return input
    if src is not input:
        check_overlap(input, (src,))
    if type(mine) is not type(theirs) or mine.dtype is not theirs.dtype:
        src = src.to(input.device, input.dtype, non_blocking=non_blocking)
    return write(CopyInto, input, (src,), (), check=False)


@function("fill_", **{**IN_PLACE, "gradcheck": True}, samples=(call(T(2, 3), 2.0), call(T(3), T())))
def fill_(input: Any, value: Any) -> Any:
    """Overwrite every element by a number or a 0-d tensor; returns the tensor.

    >>> import minigrad as torch
    >>> torch.zeros(2).fill_(7)
    tensor([7., 7.])
    """
    if type(value) in (int, float) and plain_values(input, (value,), NUMBER_CODES) is not None:
        input._array.fill(value)
        written(input)
        return input
    if not isinstance(value, OPERANDS):
        raise TypeError(
            f"fill_(): argument 'value' (position 1) must be Number, not {type(value).__name__}"
        )
    if isinstance(value, TensorBase) and value._array.ndim:
        raise RuntimeError(
            "fill_ only supports 0-dimension value tensor but got tensor with "
            f"{value._array.ndim} dimensions."
        )
    if not isinstance(value, TensorBase):
        value = held(value, input._array.dtype)
    if isinstance(value, TensorBase):  # a number may be written to one place many times
        check_overlap(input, ())
    return write(CopyInto, input, (value,), (), check=False)


@function(
    where=("torch",),
    dtypes=("float", "int"),
    samples=(call(T(2, 3), 7), call(T(3), T()), call(T(), 2)),
    errors=(call(T(3), T(3)), call(T(3), "text")),
)
def fill(input: Any, value: Any) -> Any:
    """A tensor of the same shape and dtype whose elements are all one number or 0-d tensor.

    Formula:   out[i] = value
    Gradient:  0; for the value the sum of g

    >>> import minigrad as torch
    >>> torch.fill(torch.zeros(2), 7)
    tensor([7., 7.])
    """
    return fill_(input.clone(), value)


@function("zero_", **IN_PLACE, samples=(call(T(2, 3)),))
def zero_(input: Any) -> Any:
    """Overwrite every element by zero; returns the tensor.

    >>> import minigrad as torch
    >>> torch.ones(2).zero_()
    tensor([0., 0.])
    """
    if plain_values(input, (), ALL_CODES) is None:
        return write(CopyInto, input, (0,), (), check=False)
    input._array.fill(0)
    written(input)
    return input


def resize_(input: Any, *size: Any, memory_format: Any = None) -> Any:
    """Give the tensor another size; new elements are zero, a tensor in a graph can't be resized.

    >>> import minigrad as torch
    >>> torch.ones(2).resize_(3).shape
    torch.Size([3])
    """
    from minigrad.ops.dims import sizes

    shape = sizes(size)
    if shape and min(shape) < 0:
        raise RuntimeError(f"resize_(): sizes must not be negative, got {list(shape)}")
    if input._array.shape == shape:
        return input
    if input.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    if is_shared(input._array) and not input.is_cuda:
        return _resized_in_place(input, shape)
    xp = xp_of(input._array)
    fresh = xp.zeros(shape, dtype=input._array.dtype)
    count = min(fresh.size, input._array.size)
    fresh.reshape(-1)[:count] = input._array.reshape(-1)[:count]
    input._array = fresh
    return input


def _resized_in_place(input: Any, shape: tuple[int, ...]) -> Any:
    """The same of shared memory, which stays where it is, and can't grow: torch crashes there."""
    from minigrad.ops.shape.strided import looked_at, memory_of, start_of

    memory, start = memory_of(input._array), start_of(input._array)
    if start + math.prod(shape) > memory.size:
        raise RuntimeError("Trying to resize storage that is not resizable")
    steps = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    input._array = looked_at(np, memory, shape, steps, start)
    return input


@function("resize_as_", **IN_PLACE)
def resize_as_(input: Any, the_template: Any, *, memory_format: Any = None) -> Any:
    """Give the tensor the size of another.

    >>> import minigrad as torch
    >>> torch.ones(2).resize_as_(torch.zeros(3, 1)).shape
    torch.Size([3, 1])
    """
    if not isinstance(the_template, TensorBase):
        kind = type(the_template).__name__
        raise TypeError(f"resize_as_(): argument 'the_template' must be Tensor, not {kind}")
    return resize_(input, the_template._array.shape, memory_format=memory_format)


METHODS = (
    copy_,
    resize_,
)
for _fn in METHODS:
    setattr(TensorBase, _fn.__name__, _fn)


# A Tensor around an array, for functions whose result is data and not an op's output.
from_array = tensors.from_array = make
