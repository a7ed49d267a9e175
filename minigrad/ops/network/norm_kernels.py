"""Normalisation by the kernels of norm and norm_rows in kernels/cpu and kernels/cuda.

Both functions give None where there is no kernel for their arrays; the array module does it then.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.backend import Array, xp_of
from minigrad.backend.native import array_types, kernel
from minigrad.ops.elementwise.precision import is_half
from minigrad.ops.network.norm_plans import Plan, remembered


@remembered
def _layout(plan: Plan) -> tuple[bool, tuple[int, ...], tuple[int, ...]]:
    """Whether the batch has one mean for a channel; sizes for the kernel; the statistics' shape.

    Sizes are samples, channels and places of a batch, or else samples, groups, channels in a group
    and places.
    """
    statistics = tuple(1 if axis in plan.axes else n for axis, n in enumerate(plan.seen))
    if plan.axes[0] == 0:
        return True, (*plan.seen, 1)[:3], statistics
    if len(plan.seen) == 2:  # layers
        return False, (plan.seen[0], 1, plan.seen[1], 1), statistics
    if len(plan.seen) == 3:  # instances
        return False, (*plan.seen[:2], 1, plan.seen[2]), statistics
    return False, plan.seen, statistics


def _in_type(xp: Any, x: Array, *others: Any) -> tuple[Any, ...]:
    """What is computed in for ``x``, and arrays beside it in that type: halves in float32.

    There is one number of these for a channel or a row, so that a copy costs next to nothing.
    """
    wide = np.dtype(np.float32) if is_half(x.dtype) else x.dtype
    return wide, *[None if a is None else xp.ascontiguousarray(a, wide) for a in others]


def standardised(
    x: Array, weight: Any, bias: Any, plan: Plan, eps: float, given: Any, observe: Any
) -> tuple[Array, Array, Array] | None:
    """The output, the mean and one over the deviation; the statistics in the plan's shape."""
    batch, sizes, shape = _layout(plan)
    run = kernel("batch_norm" if batch else "row_norm", x)
    if run is None or not x.size:
        return None
    xp = xp_of(x)
    wide, weight, bias, mean, var = _in_type(xp, x, weight, bias, *(given or (None, None)))
    out, invstd = xp.empty(x.shape, x.dtype), xp.empty(shape, wide)
    if given is None:
        mean, var = xp.empty(shape, wide), xp.empty(shape, wide)
    if batch:
        run(x, weight, bias, out, mean, invstd, var, *sizes, eps, given is not None)
    else:
        run(x, weight, bias, out, mean, invstd, var, *sizes, eps)
    if observe is not None:
        observe(mean, var, plan.number)
    return out, mean, invstd


def of_halves(xp: Any, x: Array, *given: Any) -> tuple[Array, Array, Array] | None:
    """The same as a forward's ``halves``."""
    return standardised(x, *given)


def moved(mean: Array, var: Array, running: list[Any], momentum: float, correction: float) -> bool:
    """Move running statistics towards a batch's, in one launch; False where no kernel does it."""
    run = kernel("move_statistics", mean, var, *[a for a in running if a is not None])
    if run is None:
        return False
    run(mean, var, *running, mean.size, momentum, correction)
    return True


def gradients(
    g: Any, x: Any, weight: Any, mean: Any, invstd: Any, plan: Plan, given: Any, needs: Any
) -> tuple[Any, Any, Any] | None:
    """Those of input, weight and bias; None too for Tensors."""
    if g.__class__ not in array_types or not g.size:
        return None
    batch, sizes, _ = _layout(plan)
    xp = xp_of(g)
    g = xp.ascontiguousarray(g)
    run = kernel("batch_norm_backward" if batch else "row_norm_backward", g, x)
    if run is None:
        return None
    wide, weight, mean, invstd = _in_type(xp, x, weight, mean, invstd)
    gx = xp.empty(x.shape, g.dtype) if needs[0] else None
    gw, gb = (xp.empty(plan.learned, wide) if wanted else None for wanted in needs[1:])
    if batch:
        run(g, x, weight, mean, invstd, gx, gw, gb, *sizes, given is not None)
    else:
        run(g, x, weight, mean, invstd, gx, gw, gb, *sizes)
    return gx, gw, gb
