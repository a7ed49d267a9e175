"""Timing two or more ways to do the same thing, in turns.

Other programs slow a machine down for milliseconds or minutes. Whatever is measured in small
rounds, A B, B A, A B, ..., suffers alike on both sides; so their ratio holds where the seconds
themselves do not. And time in which the processor was given to somebody else is not counted.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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


def rounded(x: float) -> float:
    """A number with the four digits that are kept of it in a file."""
    return float(f"{x:.4g}")


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

    times: Mapping[str, Sequence[float]]

    def of(self, side: str) -> Spread:
        """One side's time of a call."""
        return spread(self.times[side])

    def ratio(self, one: str = "minigrad", other: str = "torch") -> Spread:
        """Median and quartiles of the ratios within each round."""
        return spread(a / b for a, b in zip(self.times[one], self.times[other], strict=True))

    def fastest(self, one: str = "torch", other: str = "minigrad") -> Spread:
        """Ratio of the fastest rounds, where a call is too long to be left alone in most of them.

        Its quartiles are those of the ratios within each round.
        """
        around = self.ratio(one, other)
        return Spread(min(self.times[one]) / min(self.times[other]), around.low, around.high)

    def data(self, count: int = 1) -> dict[str, Any]:
        """All of it for JSON: seconds for one of ``count`` operations that a call makes.

        ``runs`` has the times of every round; there is one for each process that measured.
        """
        sides = {side: vars(self.of(side)) for side in self.times}
        both = {"minigrad", "torch"} <= set(sides)
        return {
            "seconds": {s: {k: rounded(v / count) for k, v in d.items()} for s, d in sides.items()},
            "ratio": {k: rounded(v) for k, v in vars(self.ratio()).items()} if both else None,
            "rounds": len(next(iter(self.times.values()))),
            "runs": [{s: [rounded(t / count) for t in v] for s, v in self.times.items()}],
        }


def in_turns(
    calls: Mapping[str, Callable[[], object]],
    rounds: int,
    least: float = LEAST,
    patience: float = math.inf,
    before: Callable[[str], object] | None = None,
    waits: bool = False,
) -> Measurement:
    """Time every side in every round, each round in another order, without the collector.

    Where all rounds would take longer than ``patience`` seconds there are fewer, but three.
    ``before`` is told whose turn it is, and its time does not count. ``waits``: part of the work
    is done by other processes or devices, so time in which this process does not run counts too.
    """
    clock = Watch.wall if waits else Watch.running
    sides = list(calls)
    start = time.perf_counter()
    loops = {}
    for side in sides:
        if before is not None:
            before(side)
        loops[side] = _loops(calls[side], least, clock)
    one_round = (time.perf_counter() - start) / 4  # finding the loops takes four calls
    rounds = int(min(rounds, max(3, patience / max(one_round, LEAST))))
    times: dict[str, list[float]] = {side: [] for side in sides}
    enabled = gc.isenabled()
    gc.disable()
    try:
        for number in range(rounds):
            turn = number % len(sides)
            for side in sides[turn:] + sides[:turn]:
                if before is not None:
                    before(side)
                    calls[side]()  # what `before` has driven out of the caches comes back
                times[side].append(_block(calls[side], loops[side], clock))
    finally:
        if enabled:
            gc.enable()
    return Measurement({side: tuple(values) for side, values in times.items()})


class Watch:
    """A stopwatch with two hands; the class sums up what all of them saw, for a note on noise."""

    seen = ran = 0.0

    def __init__(self) -> None:
        self._processor, self._wall = time.process_time(), time.perf_counter()

    def wall(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._wall

    def running(self) -> float:
        """Seconds since the start in which this process ran: on one thread, its processor time."""
        wall = self.wall()
        ran = min(wall, time.process_time() - self._processor)
        Watch.seen += wall
        Watch.ran += ran
        return ran


def _block(call: Callable[[], object], loops: int, clock: Callable[[Watch], float]) -> float:
    """Seconds per call over a block of calls."""
    repeat = range(loops)
    watch = Watch()
    for _ in repeat:
        call()
    return clock(watch) / loops


def _loops(call: Callable[[], object], least: float, clock: Callable[[Watch], float]) -> int:
    """How many calls fill a block; finding it out is the warm-up."""
    call()
    once = min(_block(call, 1, clock) for _ in range(3))
    return max(1, math.ceil(least / max(once, 1e-9)))


def geometric_mean(ratios: Iterable[float]) -> float:
    """The mean that treats twice as fast and half as fast alike."""
    return statistics.geometric_mean(ratios)
