"""What the errors of a training step mean, and which line made them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minigrad.inspect.causes_of_gradients import why_cut
from minigrad.inspect.events import Event
from minigrad.inspect.findings import Finding
from minigrad.inspect.recording import Recording
from minigrad.inspect.source import Line

__all__ = ["why_it_raised"]

_WRITE = re.compile(r"\w_\(|(?<![=!<>])[-+*/@%&|^]=|\]\s*=[^=]")  # relu_(, +=, x[i] =

_MEANINGS = {
    "does not require grad": (
        "no graph",
        "backward was called on a tensor that no parameter leads to",
    ),
    "modified by an inplace operation": (
        "in-place after save",
        "a value that backward needs was overwritten after it had been saved: write out of place, "
        "or clone() it first",
    ),
    "backward through the graph a second time": (
        "graph used twice",
        "backward runs through a part of the graph that an earlier backward has freed: something "
        "(a hidden state, a cached output) is carried over from the step before; detach() it",
    ),
    "grad can be implicitly created only for scalar": (
        "loss is not a scalar",
        "backward was called on a tensor of several elements: reduce it, say with mean()",
    ),
    "a leaf Variable that requires grad is being used in an in-place": (
        "in-place on a leaf",
        "a parameter was written in place while operations are recorded: update it under no_grad",
    ),
    "dtype to be Long": (
        "labels are floats",
        "classes are expected as integers: call .long() on the labels",
    ),
    "expected scalar type Long": (
        "labels are floats",
        "classes are expected as integers: call .long() on the labels",
    ),
    "out of bounds": (
        "label out of range",
        "a label is not smaller than the number of classes, or an index than the size",
    ),
    "more than 1 value per channel": (
        "batch of one",
        "batch norm cannot take the variance of one value: drop_last=True, or a larger batch",
    ),
    "cannot be multiplied": (
        "shapes of a product",
        "the sizes of a layer do not fit: in_features is not the size of what comes in",
    ),
    "Expected floating point type for target": (
        "labels are floats",
        "the target of these shapes is taken as probabilities: check the labels' dtype and shape",
    ),
    "only Tensors of floating point": (
        "integers require grad",
        "integers have no gradient: make the tensor of floats",
    ),
}


def why_it_raised(recording: Recording) -> Iterator[Finding]:
    """The meaning of the error that ended a recording."""
    text = str(recording.error)
    for words, (cause, sentence) in _MEANINGS.items():
        if words in text:
            yield Finding(cause, sentence, _line(cause, recording))
            return
    last = recording.events[-1].line if recording.events else None
    yield Finding("error", f"{type(recording.error).__name__}: {text.splitlines()[0]}", last)


def _line(cause: str, recording: Recording) -> Line | None:
    events = recording.events
    if cause == "no graph":
        cut = next((e for e in reversed(events) if _cuts_off(e)), None)
        return cut.line if cut is not None else _last(events)
    if cause.startswith("in-place"):
        write = next((e for e in reversed(events) if e.line and _WRITE.search(e.line.text)), None)
        return write.line if write is not None else _last(events)
    return _last(events)


def _cuts_off(event: Event) -> bool:
    return bool(why_cut(event))


def _last(events: list[Event]) -> Line | None:
    return events[-1].line if events else None
