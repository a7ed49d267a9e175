"""Where the first NaN or infinity came from: an op, the data, or a derivative."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from minigrad.inspect.events import Event, Source
from minigrad.inspect.findings import Finding
from minigrad.inspect.recording import Recording
from minigrad.inspect.values import Snapshot

__all__ = ["bad", "first_not_finite"]

# What makes a value infinite or NaN of finite ones.
_REASONS = {
    "log": "the logarithm of {bad} is not finite",
    "log2": "the logarithm of {bad} is not finite",
    "log10": "the logarithm of {bad} is not finite",
    "log1p": "log1p of {bad} is not finite",
    "exp": "exp of {most:.4g} is larger than the dtype holds",
    "sqrt": "the square root of {least:.4g} is no number",
    "div": "it is divided by zero",
    "reciprocal": "it is divided by zero",
    "pow": "the power overflows, or a negative number has a fractional exponent",
    "pow_scalar": "the power overflows, or a negative number has a fractional exponent",
    "acos": "the argument leaves [-1, 1]",
    "asin": "the argument leaves [-1, 1]",
    "softmax": "in some row every score is -inf: all of it is masked",
    "log_softmax": "in some row every score is -inf: all of it is masked",
    "cross_entropy": "it is the mean over no row: every label is ignore_index",
    "nll_loss": "it is the mean over no row: every label is ignore_index",
    "mean": "it is the mean of no element",
    "std": "the spread of a single value is divided by n - 1 = 0",
    "var": "the spread of a single value is divided by n - 1 = 0",
}
_OF_NOTHING = ("cross_entropy", "nll_loss", "mean", "std", "var")  # NaN, but not infinite
_POWERS = ("exp", "pow", "pow_scalar")
_SOFTMAX = ("softmax", "log_softmax", "logsumexp")  # take -inf as "not this one"
_CREATION = ("empty", "full")
# Ops whose derivative is infinite where the value is fine.
_SLOPES = {
    "sqrt": "the slope of sqrt is infinite at 0",
    "pow": "the slope of x ** p is infinite at 0 for p < 1",
    "pow_scalar": "the slope of x ** p is infinite at 0 for p < 1",
    "log": "the slope of log is infinite at 0",
    "div": "the slope of a quotient is infinite where it is divided by 0",
    "reciprocal": "the slope of a quotient is infinite where it is divided by 0",
    "acos": "the slope of acos is infinite at -1 and 1",
    "asin": "the slope of asin is infinite at -1 and 1",
    "std": "the slope of a standard deviation is infinite where all values are equal",
}


def bad(value: Snapshot) -> bool:
    """Whether some elements are NaN or infinite."""
    return bool(value.nans or value.infinite)


def first_not_finite(recording: Recording) -> Finding | None:
    """Where the first NaN or infinity that did harm came from; None if none did."""
    found = [*_first_bad_value(recording), *_first_bad_derivative(recording)]
    return min(found, key=lambda pair: pair[0])[1] if found else None


# --- values ---------------------------------------------------------------------------------------


def _first_bad_value(recording: Recording) -> Iterator[tuple[int, Finding]]:
    """The op that made it, or that took it from the data, and when."""
    harmed = _harmed(recording)
    infinite = [e for e in _origins(harmed, lambda value: value.infinite) if not _meant(e)]
    nans = _origins(harmed, lambda value: value.nans)
    first = [e for e in harmed if e in infinite or (e in nans and not _of_infinity(e))]
    for origin in (first or nans)[:1]:  # of an infinity that was meant came what was not
        yield origin.tick, _finding(origin)


def _harmed(recording: Recording) -> list[Event]:
    """The bad values that reach an end, a loss or what no op takes: -inf in a mask does not."""
    stack = [event for event in recording.events if bad(event.value) and not event.users]
    found: dict[int, Event] = {}
    while stack:
        event = stack.pop()
        if id(event) not in found:
            found[id(event)] = event
            stack.extend(s for s in event.inputs if isinstance(s, Event) and bad(s.value))
    return sorted(found.values(), key=lambda event: event.tick)


def _origins(events: list[Event], count: Callable[[Snapshot], int]) -> list[Event]:
    """The events that have what no op gave them."""
    return [
        event
        for event in events
        if count(event.value)
        and not any(isinstance(s, Event) and count(s.value) for s in event.inputs)
    ]


def _of_infinity(event: Event) -> bool:
    """Whether NaN was made of an infinity that is no "not this one" for a softmax."""
    given = [source.value for source in event.inputs if source.value.infinite]
    if _called(event) in _SOFTMAX:
        return any((np.asarray(value.values) == np.inf).any() for value in given)
    return bool(given)


def _called(event: Event) -> str:
    """The name of an op's function, whichever of its forms ran."""
    return event.name.removesuffix("_rows").removesuffix("_along")


def _meant(event: Event) -> bool:
    """Whether an infinity was asked for: as a number, or as what a new tensor is filled with."""
    asked = any(isinstance(p, float) and math.isinf(p) for p in event.params)
    given = [s.value for s in event.inputs if not isinstance(s, Event)]
    number = any(value.infinite and value.size == 1 for value in given)
    return asked or number or event.op.name in _CREATION


def _finding(event: Event) -> Finding:
    outside = [s for s in event.inputs if not isinstance(s, Event) and bad(s.value)]
    if outside and _called(event) not in _SOFTMAX:
        return Finding(
            "bad input",
            f"a value that {event.name} takes holds {_count(outside[0].value)} already: "
            "look at the data or at the parameters",
            event.line,
        )
    name = _called(event)
    reason = _REASONS.get(name)
    if event.value.infinite and (reason is None or name in _OF_NOTHING):
        return Finding(
            "values too large",
            f"{name} gives {_count(event.value)}: they have grown beyond what "
            f"{event.value.dtype} holds",
            event.line,
        )
    return Finding(
        "overflow" if name in _POWERS else "not finite",
        f"{name} gives {_count(event.value)}: {_written(reason, event)}",
        event.line,
    )


def _count(value: Snapshot) -> str:
    words = [f"{value.nans} NaN"] if value.nans else []
    words += [f"{value.infinite} infinite values"] if value.infinite else []
    return f"{' and '.join(words)} of {value.size}"


def _written(reason: str | None, event: Event) -> str:
    taken: list[Source] = [s for s in event.inputs if s.value.size]
    least = min((s.value.least for s in taken), default=0.0)
    most = max((s.value.greatest for s in taken), default=0.0)
    kind = "a negative number" if least < 0 else "zero"
    return (reason or "its arguments were finite").format(bad=kind, least=least, most=most)


# --- derivatives ----------------------------------------------------------------------------------


def _first_bad_derivative(recording: Recording) -> Iterator[tuple[int, Finding]]:
    """The first derivative that made NaN or infinity of a finite cotangent, and when."""
    for sweep in recording.sweeps:
        for derived in sweep:
            if bad(derived.incoming) or not any(map(bad, derived.outgoing)):
                continue
            otherwise = f"the derivative of {derived.name} is not finite"
            slope = _SLOPES.get(derived.node.op.name, otherwise)
            if derived.nan_where_zero:
                yield (
                    derived.tick,
                    Finding(
                        "masked branch",
                        f"{slope}, and 0 * inf is NaN: the value was masked out afterwards (where, "
                        "a mask, indexing), but its derivative was not; mask the argument before "
                        "the op",
                        derived.line,
                    ),
                )
            else:
                yield derived.tick, Finding("infinite slope", slope, derived.line)
            return
