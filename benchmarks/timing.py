"""Timing two or more ways to do the same thing, in turns.

Other programs slow a machine down for milliseconds or minutes. Whatever is measured in small
rounds, A B, B A, A B, ..., suffers alike on both sides; so the ratio of the medians holds where
the medians themselves do not.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# Seconds that one block of one side lasts at least. Long against the clock's 50 ns, and short
# against the milliseconds for which a scheduler takes a processor away: most blocks escape that.
LEAST = 2e-4


@dataclass(frozen=True)
class Spread:
    """A median and the quartiles around it."""

    median: float
    low: float
    high: float

    def text(self, scale: float = 1.0) -> str:
        """``0.52 [0.51, 0.55]``: the median and the quartiles, each with three digits."""
        numbers = (digits(x * scale) for x in (self.median, self.low, self.high))
        return "{} [{}, {}]".format(*numbers)


def digits(x: float) -> str:
    """A number with three significant digits, and all of those before the point."""
    if not math.isfinite(x) or x == 0:
        return f"{x:g}"
    return f"{x:.{max(0, 2 - math.floor(math.log10(abs(x))))}f}"


def spread(values: Iterable[float]) -> Spread:
    """Median and quartiles; of one value, that value three times."""
    values = list(values)
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(middle, low, high)


@dataclass(frozen=True)
class Measurement:
    """Seconds per call, round by round, for each of the sides."""

    times: Mapping[str, tuple[float, ...]]

    def of(self, side: str) -> Spread:
        """One side's time of a call."""
        return spread(self.times[side])

    def ratio(self, one: str = "minigrad", other: str = "torch") -> Spread:
        """Ratio of the medians; its quartiles are those of the ratios within each round."""
        rounds = zip(self.times[one], self.times[other], strict=True)
        around = spread(a / b for a, b in rounds)
        return Spread(self.of(one).median / self.of(other).median, around.low, around.high)

    def data(self, count: int = 1) -> dict[str, Any]:
        """All of it for JSON: seconds for one of ``count`` operations that a call makes."""
        sides = {side: vars(self.of(side)) for side in self.times}
        return {
            "seconds": {s: {k: v / count for k, v in d.items()} for s, d in sides.items()},
            "ratio": vars(self.ratio()) if {"minigrad", "torch"} <= set(sides) else None,
            "rounds": len(next(iter(self.times.values()))),
        }


def in_turns(
    calls: Mapping[str, Callable[[], object]],
    rounds: int,
    least: float = LEAST,
    patience: float = math.inf,
) -> Measurement:
    """Time every side in every round, each round in another order, without the collector.

    Where all rounds would take longer than ``patience`` seconds there are fewer, but three.
    """
    sides = list(calls)
    start = time.perf_counter()
    loops = {side: _loops(calls[side], least) for side in sides}
    one_round = (time.perf_counter() - start) / 4  # finding the loops takes four calls
    rounds = int(min(rounds, max(3, patience / max(one_round, LEAST))))
    times: dict[str, list[float]] = {side: [] for side in sides}
    enabled = gc.isenabled()
    gc.disable()
    try:
        for number in range(rounds):
            turn = number % len(sides)
            for side in sides[turn:] + sides[:turn]:
                times[side].append(_block(calls[side], loops[side]))
    finally:
        if enabled:
            gc.enable()
    return Measurement({side: tuple(values) for side, values in times.items()})


def _block(call: Callable[[], object], loops: int) -> float:
    """Seconds per call over a block of calls."""
    repeat = range(loops)
    start = time.perf_counter()
    for _ in repeat:
        call()
    return (time.perf_counter() - start) / loops


def _loops(call: Callable[[], object], least: float) -> int:
    """How many calls fill a block; finding it out is the warm-up."""
    call()
    once = min(_block(call, 1) for _ in range(3))
    return max(1, math.ceil(least / max(once, 1e-9)))


def geometric_mean(ratios: Iterable[float]) -> float:
    """The mean that treats twice as fast and half as fast alike."""
    return statistics.geometric_mean(ratios)
