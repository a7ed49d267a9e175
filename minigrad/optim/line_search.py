"""A step length by the strong Wolfe conditions, for ``LBFGS``.

Source: Nocedal and Wright, Numerical optimization, 2006, algorithms 3.5 and 3.6; the safeguards are
those of torch.optim.LBFGS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ENOUGH_DESCENT = 1e-4
ENOUGH_FLATTENING = 0.9


@dataclass
class Trial:
    """What was found at one step length; ``slope`` is the derivative along the direction."""

    step: Any
    loss: float
    grad: Any
    slope: Any


def interpolated(one: Trial, other: Trial, bounds: tuple[Any, Any] | None = None) -> Any:
    """Where the cubic through two trials, with their slopes, has its least value in the bounds."""
    left, right = (one, other) if one.step <= other.step else (other, one)
    low, high = bounds or (left.step, right.step)
    d1 = one.slope + other.slope - 3 * (one.loss - other.loss) / (one.step - other.step)
    square = d1**2 - one.slope * other.slope
    if not square >= 0:
        return (low + high) / 2.0
    d2 = square.sqrt()
    share = (right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2)
    return min(max(right.step - (right.step - left.step) * share, low), high)


class Search:
    """The search along one direction from one point."""

    def __init__(self, evaluate: Callable[[Any], Trial], start: Trial, limit: int) -> None:
        self.evaluate = evaluate
        self.start = start
        self.limit = limit
        self.rounds = 0
        self.found = False

    def climbs(self, trial: Trial) -> bool:
        """Whether the loss has not fallen enough for the length of the step."""
        allowed = self.start.loss + ENOUGH_DESCENT * trial.step * self.start.slope
        return bool(trial.loss > allowed)

    def is_flat(self, trial: Trial) -> bool:
        """Whether the slope has become small enough."""
        return bool(abs(trial.slope) <= -ENOUGH_FLATTENING * self.start.slope)

    def bracket(self, step: Any) -> list[Trial]:
        """Go further until two trials enclose a good step, or one is good."""
        before, now = self.start, self.evaluate(step)
        while self.rounds < self.limit:
            if self.climbs(now) or (self.rounds > 1 and now.loss >= before.loss):
                return [before, now]
            if self.is_flat(now):
                self.found = True
                return [now]
            if now.slope >= 0:
                return [before, now]
            bounds = (now.step + 0.01 * (now.step - before.step), now.step * 10)
            before, now = now, self.evaluate(interpolated(before, now, bounds))
            self.rounds += 1
        return [self.start, now]

    def zoom(self, ends: list[Trial], reach: Any, tolerance: float) -> Trial:
        """Narrow the bracket until one of its ends is a good step."""
        stuck = False
        low = 0 if ends[0].loss <= ends[-1].loss else 1
        while not self.found and self.rounds < self.limit:
            if abs(ends[1].step - ends[0].step) * reach < tolerance:
                break
            step, stuck = _guarded(
                interpolated(ends[0], ends[1]), [end.step for end in ends], stuck
            )
            now = self.evaluate(step)
            self.rounds += 1
            if self.climbs(now) or now.loss >= ends[low].loss:
                ends[1 - low] = now
                low = 0 if ends[0].loss <= ends[1].loss else 1
                continue
            if self.is_flat(now):
                self.found = True
            elif now.slope * (ends[1 - low].step - ends[low].step) >= 0:
                ends[1 - low] = ends[low]
            ends[low] = now
        return ends[low]


def _guarded(step: Any, ends: list[Any], stuck: bool) -> tuple[Any, bool]:
    """Keep the step away from the ends of the bracket, where it would hardly shrink."""
    least, greatest = min(ends), max(ends)
    margin = 0.1 * (greatest - least)
    if not min(greatest - step, step - least) < margin:
        return step, False
    if not (stuck or step >= greatest or step <= least):
        return step, True
    nearer_top = abs(step - greatest) < abs(step - least)
    return (greatest - margin if nearer_top else least + margin), False


def strong_wolfe(
    evaluate: Callable[[Any], Trial],
    start: Trial,
    step: Any,
    reach: Any,
    tolerance: float,
    limit: int,
) -> tuple[Trial, int]:
    """A trial that satisfies the strong Wolfe conditions, and how many times was evaluated.

    ``reach`` is the largest element of the direction, and ``tolerance`` the change below which the
    search ends.
    """
    search = Search(evaluate, start, limit)
    best = search.zoom(search.bracket(step), reach, tolerance)
    return best, search.rounds + 1
