"""Rounding as a quantised network would, in floats: what training for it learns to live with.

Source: https://docs.pytorch.org/docs/stable/generated/torch.fake_quantize_per_tensor_affine.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.record import pivots
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.errors import ShapeError


@register(internal=True)
class StraightThrough(Op):
    """Other values in place of the input's, which has their gradient where a mask holds."""

    grad_fn = staticmethod(lambda name: name)

    @staticmethod
    def forward(xp: Any, input: Array, value: Array, mask: Array, name: str) -> Array:
        """The other values."""
        return value

    @staticmethod
    def grad_input(g: Any, mask: Any, F: Any) -> Any:
        """As if nothing had been done to the input, but outside of the mask."""
        return F.where(mask, g, 0.0)


def _quantized(input: Any, scale: Any, zero: Any, low: int, high: int, name: str) -> Any:
    """The nearest values that steps from ``low`` to ``high`` reach, with a straight gradient."""
    if low > high:
        raise RuntimeError(
            f"`quant_min` should be less than or equal to `quant_max`, got {low} and {high}"
        )
    held = input.detach()
    inverse = 1 / scale if isinstance(scale, TensorBase) else float(1 / np.float32(scale))
    steps = (held * inverse).round() + zero
    value = ((steps.clamp(low, high) - zero).float() * scale).to(input.dtype)  # float32, as torch
    return tensors.straight_through(input, value, (steps >= low) & (steps <= high), name)


@function(
    where=("torch",),
    samples=(call(T(2, 3), 0.1, 2, -8, 7), call(T(3), 0.05, 0, 0, 255)),
    errors=(call(T(3), 0.1, 0, 7, -8),),
    gradcheck=False,
)
def fake_quantize_per_tensor_affine(
    input: Any, scale: Any, zero_point: Any, quant_min: int, quant_max: int
) -> Any:
    """The values that quantising with one scale and reading back leaves.

    Formula:   out = (clamp(round(input / scale) + zero_point, quant_min, quant_max) - zero_point)
               * scale
    Gradient:  g where nothing was cut off, else 0

    >>> import minigrad as torch
    >>> torch.fake_quantize_per_tensor_affine(torch.tensor([0.26, 9.0]), 0.5, 0, -8, 7)
    tensor([0.5000, 3.5000])
    """
    return _quantized(
        input, scale, zero_point, quant_min, quant_max,
        "FakeQuantizePerTensorAffineCachemaskBackward0",
    )  # fmt: skip


@function(
    where=("torch",),
    torch=None,  # its scales are float32 whatever the input is: a test of its own compares
    samples=(call(T(2, 3), T(2, domain=reals(0.1, 1)), T(2, domain=pivots()), 0, -8, 7),),
    gradcheck=False,
)
def fake_quantize_per_channel_affine(
    input: Any, scale: Any, zero_point: Any, axis: int, quant_min: int, quant_max: int
) -> Any:
    """The values that quantising with a scale for each channel and reading back leaves.

    Formula:   as :func:`fake_quantize_per_tensor_affine`, with the scale and zero point of the
               channel
    Gradient:  g where nothing was cut off, else 0

    >>> import minigrad as torch
    >>> x, scale = torch.ones(2, 1), torch.tensor([0.5, 0.75])
    >>> zero = torch.zeros(2, dtype=torch.int32)
    >>> torch.fake_quantize_per_channel_affine(x, scale, zero, 0, -8, 7)
    tensor([[1.0000],
            [0.7500]])
    """
    for name, given in (("scale", scale), ("zero-point", zero_point)):
        if not isinstance(given, TensorBase) or given._array.ndim != 1:
            raise ShapeError(f"{name} should be a 1-D tensor")
        if given._array.size != input.shape[axis]:
            raise ShapeError(f"dimensions of {name} and input are not consistent on axis {axis}")
    sizes = [1] * input.ndim
    sizes[axis] = -1
    return _quantized(
        input, scale.view(sizes), zero_point.view(sizes), quant_min, quant_max,
        "FakeQuantizePerChannelAffineCachemaskBackward0",
    )  # fmt: skip
