"""Two ways to draw from a truncated normal distribution, each fast where the other is slow.

Both take from the generator what torch takes, in the same order.
"""

from __future__ import annotations

from typing import Any

from minigrad import functions
from minigrad.tensor import Tensor


def redraw_outside(
    tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any
) -> Tensor:
    """Draw from the normal, and again whatever fell outside of [a, b], until nothing does."""
    # The bounds as the tensor's own type sees them: 0.1 is no float16.
    low, high = (tensor.new_tensor(bound).item() for bound in (a, b))
    tensor.normal_(mean, std, generator=generator)
    while True:
        outside = (tensor < low) | (tensor > high)
        if not outside.any():
            return tensor
        fresh = functions.empty_like(tensor).normal_(mean, std, generator=generator)
        tensor.copy_(functions.where(outside, fresh, tensor))


def reject_uniform(
    tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any
) -> Tensor:
    """Draw from U(a, b) and accept in proportion to the normal density, until all are accepted."""
    log_peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    candidates, chance = functions.empty_like(tensor), functions.empty_like(tensor)
    pending = None
    while pending is None or pending.any():
        candidates.uniform_(a, b, generator=generator)
        tensor.copy_(
            candidates if pending is None else functions.where(pending, candidates, tensor)
        )
        density = candidates.sub_(mean).div_(std).pow_(2).mul_(-0.5).sub_(log_peak)
        rejected = chance.uniform_(generator=generator).log_() > density
        pending = rejected if pending is None else rejected & pending
    return tensor
