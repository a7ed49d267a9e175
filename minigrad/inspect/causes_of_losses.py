"""What is wrong with a loss: shapes, scales, and what its arguments should have been."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minigrad.inspect.events import Event, Source
from minigrad.inspect.findings import Finding
from minigrad.inspect.recording import Recording

__all__ = ["loss_shape", "squashed_twice", "targets_not_scaled", "wrong_axis"]

_LARGE_TARGET = 100.0  # root mean square of what predictions are compared with


def loss_shape(model: Any, recording: Recording) -> Iterator[Finding]:
    """A column against a row, one computed from parameters and one not: all pairs by mistake."""
    learned = _learned(model, recording)
    for event in recording.events:
        if len(event.inputs) != 2 or len({id(_spread(s)) in learned for s in event.inputs}) != 2:
            continue
        shapes = sorted((_spread(s).value.shape for s in event.inputs), key=len, reverse=True)
        column, row = shapes
        n = row[0] if len(row) == 1 else 0
        expanded = any(_spread(s) is not s for s in event.inputs)
        if n > 1 and column == (n, 1) and (event.op.broadcasts or expanded):
            yield Finding(
                "loss shape",
                f"{event.name} takes {column} and {row}, which broadcast to {(n, n)}: every "
                "prediction is compared with every target; squeeze or reshape one of them",
                event.line,
            )
            return


def _spread(source: Source) -> Source:
    """What a value was before it was expanded."""
    while isinstance(source, Event) and source.op.name == "expand":
        source = source.inputs[0]
    return source


def _learned(model: Any, recording: Recording) -> set[int]:
    """The values that depend on the parameters."""
    found = {id(recording.arrays.known(p._array)) for p in model.parameters()}
    for event in recording.events:
        if any(id(source) in found for source in event.inputs):
            found.add(id(event))
    return found


def targets_not_scaled(model: Any, recording: Recording) -> Iterator[Finding]:
    """Predictions that are compared with numbers far from 1."""
    learned = _learned(model, recording)
    for event in recording.events:
        sides = [id(source) in learned for source in event.inputs]
        if len(sides) != 2 or sides.count(True) != 1 or _makes_scores(event):
            continue
        target = event.inputs[sides.index(False)].value
        numbers = target.dtype.startswith("float") and len(target.shape) > 0 and target.size
        if numbers and target.norm / target.size**0.5 > _LARGE_TARGET:
            yield Finding(
                "targets not scaled",
                f"the loss grows, and the targets range from {target.least:.4g} to "
                f"{target.greatest:.4g}: scale them to about 1, or lower the learning rate",
                event.line,
            )
            return


def _makes_scores(event: Event) -> bool:
    return event.name in ("linear", "convolution", "mm")


def squashed_twice(model: Any, recording: Recording) -> Iterator[Finding]:
    """A softmax or sigmoid before a loss that has one, or none before a loss that wants it."""
    for event in recording.events:
        scores = event.inputs[0] if event.inputs else None
        if not isinstance(scores, Event):
            continue
        maker = _maker(scores)
        if event.op.name == "cross_entropy_rows" and maker.startswith("softmax"):
            yield Finding(
                "softmax twice",
                "cross_entropy takes scores, not probabilities: it has a softmax of its own; leave "
                "out the softmax before it",
                event.line,
            )
        elif event.op.name == "binary_cross_entropy_with_logits" and maker == "sigmoid":
            yield Finding(
                "sigmoid twice",
                "binary_cross_entropy_with_logits has a sigmoid of its own; leave out the one "
                "before it",
                event.line,
            )
        elif event.op.name.startswith("nll") and scores.value.greatest > 1e-4:
            yield Finding(
                "not log probabilities",
                "nll_loss takes log-probabilities, which are not positive: put log_softmax before "
                "it, or use cross_entropy",
                event.line,
            )
        elif event.op.name == "log" and maker.startswith("softmax") and scores.value.zeros:
            yield Finding(
                "log of softmax",
                "a softmax can be 0, and the logarithm of that is not finite: log_softmax does "
                "both at once without reaching it",
                event.line,
            )
        else:
            continue
        return


def _maker(source: Source) -> str:
    """The op that made a value, views passed over."""
    while isinstance(source, Event) and source.op.view and source.inputs:
        source = source.inputs[0]
    return str(source.op.name) if isinstance(source, Event) else ""


def wrong_axis(model: Any, recording: Recording) -> Iterator[Finding]:
    """A softmax over the batch."""
    for event in recording.events:
        softmax = event.op.name.startswith(("softmax", "log_softmax"))
        if softmax and len(event.value.shape) == 2 and min(event.value.shape) > 1:
            dims = [p for p in event.params if isinstance(p, int) and not isinstance(p, bool)]
            if dims and dims[0] in (0, -2):
                yield Finding(
                    "softmax over the batch",
                    f"{event.name} runs over dim 0, the batch: the classes are dim 1",
                    event.line,
                )
                return
