"""The limits of the machine, and the size from which on a card is the faster."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from benchmarks.contest import Contest
from benchmarks.limits import copying, multiply_adds
from benchmarks.report import Table
from benchmarks.results import measured
from benchmarks.sides import Side

# The same library on the processor and on a card.
PAIRS = (
    ("minigrad", "minigrad CUDA"),
    ("minigrad", "minigrad CUDA, captured"),
    ("torch", "torch CUDA"),
)


@dataclass
class Limits:
    """What a side's device can do: multiply-adds in a second, and copying."""

    flops: float  # of float32, in a second
    bytes: float | None = None  # in a second; None: copying is measured for each size
    _copies: dict[int, float] = field(default_factory=dict)

    def seconds(self, flops: float, moved: float) -> float:
        """The least that so much work takes; 0 where nothing is known about it."""
        return max(flops / self.flops if self.flops else 0.0, self.copying(moved))

    def copying(self, moved: float) -> float:
        """Seconds of copying that reads and writes so many bytes."""
        if not moved:
            return 0.0
        if self.bytes is not None:
            return moved / self.bytes if self.bytes else 0.0
        # Caches differ by factors, not by percents; of less than 16 KiB the call is timed instead.
        power = max(15, round(math.log2(moved)))
        if power not in self._copies:
            self._copies[power] = copying(1 << (power - 1), rounds=15) * 1e9
        return moved / self._copies[power]


class Processor:
    """The processor's peak, measured once."""

    @cached_property
    def flops(self) -> float:
        """Of one thread."""
        return multiply_adds() * 1e9


PROCESSOR = Processor()


def limits_of(side: Side, contest: Contest, threads: int) -> Limits:
    """What a side's device can do, measured: of a card, by the side's own product and copy."""
    if side.device == "cpu":
        return Limits(PROCESSOR.flops * threads)
    product = contest.run("matmul", {"n": 4096}, 5, among=[side.name]).measured.times
    copied = contest.run("copy", {"n": 1 << 26}, 5, among=[side.name]).measured.times
    if not product.get(side.name) or not copied.get(side.name):
        return Limits(0.0, 0.0)
    return Limits(2 * 4096**3 / min(product[side.name]), 8 * (1 << 26) / min(copied[side.name]))


def crossing(sizes: Sequence[int], one: Sequence[float], other: Sequence[float]) -> float | None:
    """From which size on ``other`` is the faster and stays so; None if it is not at the largest.

    Between two sizes both times are powers of the size.

    >>> crossing((10, 100, 1000), (1.0, 10.0, 100.0), (10.0, 10.0, 10.0))
    100.0
    """
    lead = [math.log(a / b) for a, b in zip(one, other, strict=True)]
    if not lead or lead[-1] < 0:
        return None
    behind = [i for i, value in enumerate(lead) if value < 0]
    if not behind:
        return float(sizes[0])
    i = behind[-1]
    part = -lead[i] / (lead[i + 1] - lead[i])
    return round(math.exp(math.log(sizes[i]) + part * math.log(sizes[i + 1] / sizes[i])), 6)


def crossings(rows: Sequence[Mapping[str, Any]]) -> Table:
    """For each family the size from which on the card is the faster; empty without a card."""
    lines = []
    for name in dict.fromkeys(row["row"] for row in rows):
        family = [row for row in rows if row["row"] == name]
        for cpu, card in PAIRS:
            both = [row for row in family if {cpu, card} <= set(row["runs"][0])]
            if not both:
                continue
            times = ([measured(row).of(side).median for row in both] for side in (cpu, card))
            found = crossing([row["size"] for row in both], *times)
            largest = both[-1]["size"]
            lines.append(
                [name, card, f"not up to {largest:,}" if found is None else f"{found:,.0f}"]
            )
    if not lines:
        lines = [["no CUDA card took part", "-", "-"]]
    return Table("Crossover: a card is faster than its processor from here on",
                 ["family", "side", "size"], lines)  # fmt: skip
