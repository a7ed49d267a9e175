"""Elements kept where a bit is set: dropout with a mask of one bit for each element."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Op
from minigrad.autograd.registry import register
from minigrad.backend import Array
from minigrad.backend.native import kernel


@register(internal=True)
class KeepBits(Op):
    """The input times ``factor`` where a bit of the mask is set, and times 0 elsewhere.

    ``bits`` are packed, the first in the lowest bit of a byte. Gradient: the same of g.
    """

    grad_fn = "MulBackward0"
    holds = True

    @staticmethod
    def forward(xp: Any, input: Array, bits: Any, factor: float) -> Array:
        """One pass."""
        x: Any = xp.ascontiguousarray(input)
        run = kernel("keep_bits", x) if bits.size > x.size // 8 else None
        if run is None:
            mask = np.unpackbits(bits, count=x.size, bitorder="little").reshape(x.shape)
            return x * (mask * x.dtype.type(factor))
        out = xp.empty(x.shape, x.dtype)
        run(x, bits, out, x.size, factor)
        return out.reshape(input.shape)

    @staticmethod
    def grad_input(g: Any, bits: Any, factor: float, F: Any) -> Any:
        """What was kept counts as it did."""
        return F.keep_bits(g, bits, factor)


KEEP_BITS: Any = KeepBits.short
