"""Which rows of one result are slower than those of another by more than noise.

What is compared is the logarithm of minigrad's time over torch's in the same round, or of the time
alone where torch did not take part. A run, a fresh process, counts as one number, the mean of the
middle half of its rounds, because rounds of one process share its luck (addresses, neighbours,
clock). How much runs differ is estimated for each row, and held together by what it is in all rows
(a moderated t, Smyth 2004); the chances of all rows are corrected together (Holm 1979). So of a
hundred comparisons of the same code at most one should name anything; what a comparison is able to
name at all follows from the same numbers, and is said.

Source: https://doi.org/10.2202/1544-6115.1027
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from benchmarks.report import Table
from benchmarks.results import key, label, timed

LEVEL = 0.01  # chance of naming anything where nothing has changed
LEAST = 0.05  # a change that is smaller is of no interest, however sure
USUAL = 0.2  # a slowdown that one would like to be told of
WHOLE = "the suite as a whole"
TOO_FEW = (
    "noise between runs is not known from single runs: measure both with --runs 5 or more "
    "(there must be at least two runs on each side)"
)


@dataclass(frozen=True)
class Change:
    """How much slower one row has become, as a factor, and the chance of that by noise alone."""

    name: str
    side: str
    factor: float
    low: float
    high: float
    chance: float  # after the correction for all rows
    seen: float = math.inf  # the factor that would be named in 9 of 10 comparisons like this one
    runs: int = 0  # on either side

    @property
    def verdict(self) -> str:
        """ "regression", "improvement", or nothing."""
        if self.chance >= LEVEL or abs(math.log(self.factor)) < math.log1p(LEAST):
            return ""
        return "regression" if self.factor > 1 else "improvement"


def runs_of(row: Mapping[str, Any], side: str, reference: str | None) -> Any:
    """One number for each run: the logarithm of time, in the middle half of its rounds."""
    found = []
    for run in row["runs"]:
        times = np.log(run[side])
        found.append(middle(times - np.log(run[reference]) if reference else times))
    return np.array(found)


def middle(values: Any) -> float:
    """The mean without a quarter at either end, without one of three at least.

    Where noise is even it varies a third less than the median, and no outlier gets in.

    >>> middle([1.0, 2.0, 4.0, 3.0, 99.0])
    3.0
    """
    cut = max(len(values) // 4, int(len(values) > 2))
    return float(np.sort(values)[cut : len(values) - cut].mean())


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """All rows that both results have, the suite as a whole first; ValueError for single runs."""
    old = {key(row): row for row in before["rows"] if timed(row)}
    pairs = [(old[key(r)], r) for r in after["rows"] if timed(r) and key(r) in old]
    series: dict[tuple[str, str], tuple[Any, Any]] = {}
    for one, other in pairs:
        sides = set.intersection(*(set(run) for run in (*one["runs"], *other["runs"])))
        for side in sorted(s for s in sides if s.startswith("minigrad")):
            reference = "torch" if "torch" in sides else None
            both = runs_of(one, side, reference), runs_of(other, side, reference)
            series[label(other), side] = both
    if not series:
        raise ValueError("the two results have no timed row in common")
    if min(len(x) for both in series.values() for x in both) < 2:
        raise ValueError(TOO_FEW)
    return judged(series)


def judged(series: Mapping[tuple[str, str], tuple[Any, Any]]) -> list[Change]:
    """The changes of named series of runs, before and after, all corrected together."""
    whole: dict[tuple[str, str], tuple[Any, Any]] = {}
    for side in dict.fromkeys(side for _, side in series):
        ours = [both for (_, s), both in series.items() if s == side]
        if len(ours) > 1 and all(len({len(b[i]) for b in ours}) == 1 for i in (0, 1)):
            whole[WHOLE, side] = tuple(np.mean([b[i] for b in ours], axis=0) for i in (0, 1))
    tests = [*_tested(whole, alone=True), *_tested(series, alone=False)]
    names = [*whole, *series]
    chances = holm([test.chance for test in tests])
    return [
        Change(*name, *test.interval(), chance, test.seen(len(tests)), test.runs)
        for name, test, chance in zip(names, tests, chances, strict=True)
    ]


@dataclass(frozen=True)
class Test:
    """A shift between two series of runs, with its standard error on so many degrees of freedom."""

    shift: float
    error: float
    freedom: float
    runs: int  # on either side, the fewer

    @property
    def chance(self) -> float:
        """Of so large a shift without any cause, before the correction."""
        return 2 * float(special.stdtr(self.freedom, -abs(self.shift) / self.error))

    def interval(self) -> tuple[float, float, float]:
        """The factor, and its 95 % interval."""
        reach = float(special.stdtrit(self.freedom, 0.975)) * self.error
        return math.exp(self.shift), math.exp(self.shift - reach), math.exp(self.shift + reach)

    def seen(self, comparisons: int) -> float:
        """The factor that is named in 9 of 10 cases, alone among so many comparisons."""
        sides = (1 - LEVEL / comparisons / 2, 0.9)
        return math.exp(sum(float(special.stdtrit(self.freedom, p)) for p in sides) * self.error)


def _tested(series: Mapping[tuple[str, str], tuple[Any, Any]], alone: bool) -> list[Test]:
    """A test of each series; ``alone``: each by its own noise."""
    freedom = [len(a) + len(b) - 2 for a, b in series.values()]
    variances = [
        (a.var(ddof=1) * (len(a) - 1) + b.var(ddof=1) * (len(b) - 1)) / d
        for (a, b), d in zip(series.values(), freedom, strict=True)
    ]
    common, weight = (0.0, 0.0) if alone else prior(variances, freedom)
    found = []
    for (a, b), variance, d in zip(series.values(), variances, freedom, strict=True):
        if math.isinf(weight):
            held, total = common, 1e6
        else:
            held, total = (weight * common + d * variance) / (weight + d), weight + d
        error = math.sqrt(held * (1 / len(a) + 1 / len(b))) or 1e-12
        found.append(Test(float(b.mean() - a.mean()), error, total, min(len(a), len(b))))
    return found


def prior(variances: Sequence[float], freedom: Sequence[int]) -> tuple[float, float]:
    """The variance that rows have in common, and how many degrees of freedom it is worth.

    Fitted to the mean and the variance of the logarithms of the rows' variances, which follow a
    scaled F distribution.
    """
    if len(variances) < 3:
        return 0.0, 0.0
    half = np.asarray(freedom) / 2
    logs = np.log(np.maximum(variances, 1e-12)) - special.digamma(half) + np.log(half)
    excess = float(logs.var(ddof=1) - special.polygamma(1, half).mean())
    if excess <= 0:
        return float(np.exp(logs.mean())), math.inf
    worth = _inverse_trigamma(excess)
    return math.exp(logs.mean() + special.digamma(worth) - math.log(worth)), 2 * worth


def _inverse_trigamma(value: float) -> float:
    """x with trigamma(x) = value, by Newton's method on 1 / trigamma, which is nearly straight."""
    x = 0.5 + 1 / value
    for _ in range(50):
        at = float(special.polygamma(1, x))
        x += at * (1 - at / value) / float(special.polygamma(2, x))
    return x


def holm(chances: Sequence[float]) -> list[float]:
    """Chances corrected for their number: that of the smallest times n, the next times n - 1, ...

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    found, least = [0.0] * len(chances), 0.0
    for rank, i in enumerate(sorted(range(len(chances)), key=lambda i: chances[i])):
        least = max(least, min(1.0, chances[i] * (len(chances) - rank)))
        found[i] = least
    return found


def table(found: Sequence[Change]) -> Table:
    """What has changed; or the largest change that is no more than noise."""
    named = [change for change in found if change.verdict]
    shown = named or sorted(found, key=lambda c: c.chance)[:1]
    lines = [
        [c.verdict or "noise", c.name, c.side, f"{c.factor:.3f} [{c.low:.3f}, {c.high:.3f}]",
         f"{c.chance:.1g}"]
        for c in sorted(shown, key=lambda c: (-(c.name == WHOLE), -c.factor))
    ]  # fmt: skip
    worse = sum(c.verdict == "regression" for c in named)
    title = f"{worse} regressions, {len(named) - worse} improvements in {len(found)} comparisons"
    return Table(title, ["", "row", "side", "time, after / before [95 %]", "chance"], lines)


def power(found: Sequence[Change]) -> str:
    """What this comparison was able to name, and how many runs would name 20 %."""
    rows = [change for change in found if change.name != WHOLE]
    wholes = [change for change in found if change.name == WHOLE]
    usual = sorted(rows, key=lambda c: c.seen)[len(rows) // 2]
    text = f"at this noise a row that is {usual.seen - 1:.0%} slower is named in 9 of 10 tries"
    text += "".join(f", the suite as a whole at {c.seen - 1:.0%}" for c in wholes[:1])
    if usual.seen <= 1 + USUAL:
        return text
    more = math.ceil(usual.runs * (math.log(usual.seen) / math.log1p(USUAL)) ** 2)
    return f"{text}; for {USUAL:.0%} in one row take --runs {more}, or a quieter machine"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What else differs between two results, in words: other machines are not compared."""
    one, other = before["environment"], after["environment"]
    names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    return [f"{name}: {one.get(name)} before, {other.get(name)} after" for name in names]
