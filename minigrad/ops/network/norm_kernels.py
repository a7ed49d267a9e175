"""Normalisation by the kernels of norm and norm_rows in kernels/cpu and kernels/cuda.

Both functions give None where there is no kernel for their arrays; the array module does it then.
"""

from __future__ import annotations

from typing import Any

from minigrad.backend import Array, xp_of
from minigrad.backend.native import array_types, kernel
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


def standardised(
    x: Array, weight: Any, bias: Any, plan: Plan, eps: float, given: Any, observe: Any
) -> tuple[Array, Array, Array] | None:
    """The output, the mean and one over the deviation; the statistics in the plan's shape."""
    batch, sizes, shape = _layout(plan)
    present = [array for array in (weight, bias, *(given or ())) if array is not None]
    run = kernel("batch_norm" if batch else "row_norm", x, *present)
    if run is None or not x.size:
        return None
    empty = xp_of(x).empty
    out, invstd = empty(x.shape, x.dtype), empty(shape, x.dtype)
    mean, var = given or (empty(shape, x.dtype), empty(shape, x.dtype))
    if batch:
        run(x, weight, bias, out, mean, invstd, var, *sizes, eps, given is not None)
    else:
        run(x, weight, bias, out, mean, invstd, var, *sizes, eps)
    if observe is not None:
        observe(mean, var, plan.number)
    return out, mean, invstd


def gradients(
    g: Any, x: Any, weight: Any, mean: Any, invstd: Any, plan: Plan, given: Any, needs: Any
) -> tuple[Any, Any, Any] | None:
    """Those of input, weight and bias; None too for Tensors."""
    if g.__class__ not in array_types or not g.size:
        return None
    batch, sizes, _ = _layout(plan)
    xp = xp_of(g)
    g = xp.ascontiguousarray(g)
    present = () if weight is None else (weight,)
    run = kernel(
        "batch_norm_backward" if batch else "row_norm_backward", g, x, mean, invstd, *present
    )
    if run is None:
        return None
    gx = xp.empty(x.shape, g.dtype) if needs[0] else None
    gw, gb = (xp.empty(plan.learned, g.dtype) if wanted else None for wanted in needs[1:])
    if batch:
        run(g, x, weight, mean, invstd, gx, gw, gb, *sizes, given is not None)
    else:
        run(g, x, weight, mean, invstd, gx, gw, gb, *sizes)
    return gx, gw, gb
