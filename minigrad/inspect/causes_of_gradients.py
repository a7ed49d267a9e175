"""Why the gradient of one tensor is None, zero, NaN, infinite or huge."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.inspect.events import Derived, Event, Source
from minigrad.inspect.findings import Finding
from minigrad.inspect.recording import Recording
from minigrad.inspect.source import Line
from minigrad.inspect.values import Snapshot

__all__ = ["bad", "first_not_finite", "why_cut", "why_this_gradient"]

_HUGE = 1e4  # norm of a gradient, relative to that which came into the loss
_TINY = 1e-8
_DETACHED = re.compile(r"detach|\.data\b|numpy\(|item\(|tolist\(|tensor\(")

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
}
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


def why_this_gradient(x: Any, recording: Recording) -> Iterator[Finding]:
    """The causes for one tensor."""
    if not x.is_floating_point():
        yield Finding("integers", f"{_kind(x)} has no gradient: only floats are differentiable")
    elif not x.requires_grad:
        yield Finding("requires_grad", "the tensor has requires_grad=False: nothing is recorded")
    elif not x.is_leaf and x._grad is None:
        yield Finding(
            "not a leaf",
            "the tensor was computed by an op, and .grad is kept for leaves only: call "
            "retain_grad() before backward",
            _made_at(x, recording),
        )
    elif x._grad is None:
        yield from _why_none(x, recording)
    else:
        yield from _why_so(x._grad._array, recording)


def _kind(x: Any) -> str:
    return f"a tensor of {str(x.dtype).rpartition('.')[2]}"


def _made_at(x: Any, recording: Recording) -> Line | None:
    made = recording.arrays.known(x._array)
    return made.line if isinstance(made, Event) else None


# --- None ---------------------------------------------------------------------------------------


def _why_none(x: Any, recording: Recording) -> Iterator[Finding]:
    if not recording.sweeps:
        yield Finding("no backward", "backward was not called in the recording")
        return
    own = recording.arrays.known(x._array)
    uses = [e for e in recording.events if any(source is own for source in e.inputs)]
    if not uses:
        yield Finding("unused", "the tensor was not used in the recording")
        return
    for event in _downstream(uses, through_cuts=False):
        reason = why_cut(event)
        if reason:
            yield Finding("cut off", reason, event.line)
            return
    flowed = recording.flowed()
    downstream = _downstream(uses)
    reached = [event for event in downstream if event in flowed]
    if reached:
        before = [e for e in downstream if e not in flowed and e.tick < reached[0].tick]
        lines = [e.line.whole for e in (*before, reached[0]) if e.line is not None]
        said = [line for line in lines if _DETACHED.search(line.text)]
        yield Finding(
            "detached",
            "the path to the loss is cut by detach() (or .data, .numpy(), a new tensor) between "
            f"{uses[0].name} and {reached[0].name}",
            next(iter(said or lines), None),
        )
        return
    last = max(_downstream(uses), key=lambda event: event.tick)
    yield Finding(
        "no path",
        "what is computed from the tensor does not reach the tensor that backward was called on; "
        "the last op is",
        last.line,
    )


def why_cut(event: Event) -> str:
    """Why no gradient flows back through an event; "" if it does."""
    if not event.recorded:
        return "the path to the loss is cut: this was computed under no_grad"
    if event.value.dtype[:5] not in ("float", "bfloa"):
        kind = event.value.dtype
        return f"the path to the loss is cut: {event.name} gives {kind}, which has no gradient"
    if not event.op.differentiable:
        return f"the path to the loss is cut: {event.name} has no derivative"
    return ""


def _downstream(events: list[Event], through_cuts: bool = True) -> list[Event]:
    found: dict[int, Event] = {}
    stack = list(events)
    while stack:
        event = stack.pop()
        if id(event) not in found:
            found[id(event)] = event
            if through_cuts or not why_cut(event):
                stack.extend(event.users)
    return sorted(found.values(), key=lambda event: event.tick)


# --- zero, NaN, huge ----------------------------------------------------------------------------


def _why_so(gradient: Any, recording: Recording) -> Iterator[Finding]:
    if not np.isfinite(gradient).all():
        found = first_not_finite(recording)
        if found is not None:
            yield found
    elif gradient.size and not gradient.any():
        yield _where_it_vanished(recording)
    elif recording.sweeps:
        norm = float(np.linalg.norm(gradient.astype(np.float64).ravel()))
        start = recording.sweeps[-1][0].incoming.norm or 1.0
        if norm > _HUGE * start:
            yield _where_it_grew(norm, recording.sweeps[-1])
        elif norm < _TINY * start:
            yield _where_it_shrank(norm, recording.sweeps[-1])


def bad(value: Snapshot) -> bool:
    """Whether some elements are NaN or infinite."""
    return bool(value.nans or value.infinite)


def first_not_finite(recording: Recording) -> Finding | None:
    """Where the first NaN or infinity came from: an op, the data, or a derivative."""
    found = [*_first_bad_value(recording), *_first_bad_derivative(recording)]
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _first_bad_value(recording: Recording) -> Iterator[tuple[int, Finding]]:
    """The first op that made NaN or infinity, or the data that brought it, and when."""
    for event in recording.events:
        given = [source for source in event.inputs if bad(source.value)]
        for source in given:
            if not isinstance(source, Event):
                yield (
                    event.tick,
                    Finding(
                        "bad input",
                        f"a value that {event.name} takes holds {_count(source.value)} already: "
                        "look at the data or at the parameters",
                        event.line,
                    ),
                )
                return
        if bad(event.value) and not given and event.op.name not in ("empty", "full"):
            reason = _reason(event)
            yield (
                event.tick,
                Finding(
                    "overflow" if event.op.name in ("exp", "pow", "pow_scalar") else "not finite",
                    f"{event.name} gives {_count(event.value)}: {reason}",
                    event.line,
                ),
            )
            return


def _count(value: Snapshot) -> str:
    words = [f"{value.nans} NaN"] if value.nans else []
    words += [f"{value.infinite} infinite values"] if value.infinite else []
    return f"{' and '.join(words)} of {value.size}"


def _reason(event: Event) -> str:
    text = _REASONS.get(event.op.name, "its arguments were finite")
    taken: list[Source] = [s for s in event.inputs if s.value.size]
    least = min((s.value.least for s in taken), default=0.0)
    most = max((s.value.greatest for s in taken), default=0.0)
    kind = "a negative number" if least < 0 else "zero"
    return text.format(bad=kind, least=least, most=most)


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


def _where_it_vanished(recording: Recording) -> Finding:
    for sweep in reversed(recording.sweeps):
        for derived in sweep:
            gone = derived.outgoing and all(v.size and v.zeros == v.size for v in derived.outgoing)
            if gone and derived.incoming.zeros < derived.incoming.size:
                return Finding(
                    "zero slope",
                    f"the gradient is zero: {_why_zero(derived, recording)}",
                    derived.line,
                )
    return Finding("zero", "the gradient is zero, and so was what came into the loss")


def _why_zero(derived: Derived, recording: Recording) -> str:
    name = derived.name
    event = recording.event(derived.node)
    if name == "relu":
        return "all values were below 0 and relu is flat there"
    if name in ("sigmoid", "tanh", "softmax", "log_softmax"):
        return f"{name} is saturated: its values are at its ends"
    if name in ("clamp", "hardtanh"):
        return f"all values lie outside the bounds of {name}"
    if name in ("round", "floor", "ceil", "trunc", "sign"):
        return f"{name} is constant between its steps"
    if name == "mul" and event is not None:
        return "the other factor is zero"
    return f"the derivative of {name} is zero here"


def _where_it_grew(norm: float, sweep: list[Derived]) -> Finding:
    """The node whose derivative enlarged the gradient most."""
    worst = max(sweep, key=_growth)
    return Finding(
        "huge gradient",
        f"the gradient has norm {norm:.3g}: it grew most, {_growth(worst):.3g} times, in the "
        f"backward of {worst.name}",
        worst.line,
    )


def _where_it_shrank(norm: float, sweep: list[Derived]) -> Finding:
    worst = min((d for d in sweep if d.outgoing), key=_growth)
    return Finding(
        "vanishing gradient",
        f"the gradient has norm {norm:.3g}: it shrank most, to {_growth(worst):.3g} of what came "
        f"in, in the backward of {worst.name}",
        worst.line,
    )


def _growth(derived: Derived) -> float:
    """How much larger a gradient goes out than it came in: root mean squares."""
    came = derived.incoming.norm / max(derived.incoming.size, 1) ** 0.5
    gone = max((v.norm / max(v.size, 1) ** 0.5 for v in derived.outgoing), default=0.0)
    return gone / came if came else 0.0
