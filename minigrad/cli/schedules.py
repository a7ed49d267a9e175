"""How the learning rate goes from the first step to the last."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["SCHEDULES", "factor"]


def _steps(t: float) -> float:
    return 0.1 ** ((t >= 0.5) + (t >= 0.75))


def _one_cycle(t: float) -> float:
    """Up from a 25th of the rate in the first 30 %, then down to nearly nothing."""
    if t < 0.3:
        return _between(1 / 25, 1.0, t / 0.3)
    return _between(1.0, 1e-4, (t - 0.3) / 0.7)


def _between(start: float, end: float, t: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * t))


# The share of the learning rate after a share ``t`` of the steps, 0 <= t < 1.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda t: _between(1.0, 0.0, t),
    "linear": lambda t: 1.0 - t,
    "exponential": lambda t: 0.01**t,
    "steps": _steps,
    "onecycle": _one_cycle,
    "constant": lambda t: 1.0,
}


def factor(schedule: str, step: int, total: int, warmup: int = 0) -> float:
    """What the learning rate is multiplied by at a step, counted from 0.

    During ``warmup`` steps it rises in equal parts; the schedule spans the steps after them.

    >>> [factor("linear", step, 6, warmup=2) for step in range(6)]
    [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    if step < warmup:
        return (step + 1) / warmup
    return SCHEDULES[schedule]((step - warmup) / max(total - warmup, 1))
