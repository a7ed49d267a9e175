"""Why the gradient of one tensor is None, zero, NaN, infinite or huge."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.autograd.graph import Node
from minigrad.inspect.causes_of_nan import first_not_finite
from minigrad.inspect.events import Derived, Event
from minigrad.inspect.findings import Finding
from minigrad.inspect.recording import Recording
from minigrad.inspect.source import Line, lines_from

__all__ = ["no_backward", "where_it_vanished", "why_cut", "why_this_gradient"]

_HUGE = 1e4  # norm of a gradient, relative to that which came into the loss
_TINY = 1e-8
_DETACHED = re.compile(r"detach|\.data\b|numpy\(|item\(|tolist\(|tensor\(")
_FLAT = {"relu": "dead relu", "sigmoid": "saturated", "tanh": "saturated"}
_CUT = "the path to the loss is cut by detach() (or .data, .numpy(), .item(), a new tensor)"


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
        yield from _why_so(x, recording)


def _kind(x: Any) -> str:
    return f"a tensor of {str(x.dtype).rpartition('.')[2]}"


def _made_at(x: Any, recording: Recording) -> Line | None:
    made = recording.arrays.known(x._array)
    return made.line if isinstance(made, Event) else None


# --- None ---------------------------------------------------------------------------------------


def _why_none(x: Any, recording: Recording) -> Iterator[Finding]:
    if not recording.sweeps:
        yield no_backward(recording)
        return
    own = recording.arrays.known(x._array)
    uses = [e for e in recording.events if any(source is own for source in e.inputs)]
    if not uses:
        yield Finding("unused", "the tensor was not used in the recording")
        return
    flowed, downstream = recording.flowed(), _downstream(uses)
    cuts = [event for event in _downstream(uses, through_cuts=False) if why_cut(event)]
    to_the_loss = [cut for cut in cuts if any(e in flowed for e in _downstream([cut]))]
    last = max(downstream, key=lambda event: event.tick)
    if to_the_loss:
        yield _cut_off(to_the_loss[0])
    elif reached := [event for event in downstream if event in flowed]:
        before = [e for e in downstream if e not in flowed and e.tick < reached[0].tick]
        lines = [e.line.whole for e in (*before, reached[0]) if e.line is not None]
        said = [line for line in lines if _DETACHED.search(line.text)]
        between = f"between {uses[0].name} and {reached[0].name}"
        yield Finding("detached", f"{_CUT} {between}", next(iter(said or lines), None))
    elif (line := _left_the_graph(last, flowed)) is not None:
        yield Finding("detached", f"{_CUT} after {last.name}", line)
    elif cuts:
        yield _cut_off(cuts[0])
    else:
        yield Finding(
            "no path",
            "what is computed from the tensor does not reach the tensor that backward was called "
            "on; the last op is",
            last.line,
        )


def no_backward(recording: Recording) -> Finding:
    """No derivative ran: backward was not called, or on a tensor without a history."""
    said = "backward was not called in the recording, or on a tensor that no op made"
    line = recording.events[-1].line if recording.events else None
    following = () if line is None else lines_from(line)
    remade = next((one for one in following if "requires_grad" in one.text), None)
    return Finding("no backward" if remade is None else "detached", said, remade)


def _cut_off(event: Event) -> Finding:
    return Finding("cut off", why_cut(event), event.line)


def _left_the_graph(last: Event, flowed: dict[Event, Node]) -> Line | None:
    """A line after the last op of a path, before the next op of the loss, that takes its values."""
    following = [event.line for event in flowed if event.tick > last.tick and event.line]
    if last.line is None:
        return None
    between = lines_from(last.line, following[0] if following else None)
    return next((line for line in between if _DETACHED.search(line.text)), None)


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


def _why_so(x: Any, recording: Recording) -> Iterator[Finding]:
    gradient = x._grad._array
    if not np.isfinite(gradient).all():
        found = first_not_finite(recording)
        if found is not None:
            yield found
    elif gradient.size and not gradient.any():
        yield where_it_vanished(x, recording)
    elif recording.sweeps:
        norm = float(np.linalg.norm(gradient.astype(np.float64).ravel()))
        start = recording.sweeps[-1][0].incoming.norm or 1.0
        if norm > _HUGE * start:
            yield _where_it_grew(norm, recording.sweeps[-1])
        elif norm < _TINY * start:
            yield _where_it_shrank(norm, recording.sweeps[-1])


def where_it_vanished(x: Any, recording: Recording) -> Finding:
    """The derivative, on the way back to a tensor, that made zeros of what came in."""
    for sweep in reversed(recording.sweeps):
        for derived in sweep:
            gone = derived.outgoing and all(v.size and v.zeros == v.size for v in derived.outgoing)
            if gone and derived.incoming.zeros < derived.incoming.size and _leads(derived.node, x):
                cause = _FLAT.get(derived.name, "zero slope")
                said = f"the gradient is zero: {_why_zero(derived, recording)}"
                return Finding(cause, said, derived.line)
    return Finding("zero", "the gradient is zero, and so was what came into the loss")


def _leads(node: Node, x: Any) -> bool:
    """Whether a tensor lies behind a node."""
    stack, seen = [node], set[int]()
    while stack:
        one = stack.pop()
        if one is x._node:
            return True
        if id(one) not in seen:
            seen.add(id(one))
            stack.extend(edge for edge in one.edges if edge is not None)
    return False


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
