"""What the errors of a training step mean, and which line made them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minigrad.autograd.graph import OUR_FILES
from minigrad.inspect.causes_of_gradients import why_cut
from minigrad.inspect.findings import Finding
from minigrad.inspect.recording import Recording
from minigrad.inspect.source import Line, line_of

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
    "multi-target not supported": (
        "label shape",
        "classes are expected as one number for each row: labels of shape (n, 1) want squeeze(1), "
        "and one-hot labels the dtype of the scores",
    ),
    "must be the same as input size": (
        "loss shape",
        "predictions and targets have different shapes: squeeze or reshape one of them",
    ),
    "to match target batch_size": (
        "loss shape",
        "scores and labels are not equally many: look at what reshape, view and flatten make of "
        "the batch",
    ),
    "all elements of input should be between 0 and 1": (
        "not probabilities",
        "binary_cross_entropy takes probabilities: put sigmoid before it, or use "
        "binary_cross_entropy_with_logits",
    ),
    "index out of range": (
        "label out of range",
        "an index (a word, a label) is not smaller than the size of the table",
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
        "the sizes of a layer do not fit: in_features is not the size of what comes in (after a "
        "convolution, is a flatten missing?)",
    ),
    "channels, but got": (
        "channels",
        "a convolution takes (N, C, H, W), and axis 1 is not its in_channels: another number of "
        "channels, or images with the channels last (permute(0, 3, 1, 2))",
    ),
    "must have the same dtype": (
        "dtypes differ",
        "data and weights have different dtypes: NumPy's arrays are float64, layers float32; call "
        ".float() on the data",
    ),
    "must match the size of tensor": (
        "shapes do not fit",
        "two tensors of one operation have shapes that do not broadcast",
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
    error = recording.error
    for words, (cause, sentence) in _MEANINGS.items():
        if words in str(error):
            yield Finding(cause, sentence, _line(cause, recording))
            return
    said = str(error).partition("\n")[0]
    yield Finding("error", f"{type(error).__name__}: {said}", _where_it_raised(error))


def _line(cause: str, recording: Recording) -> Line | None:
    """What is to be changed: the cut or the write, which came before; else what raised."""
    events, found = recording.events, None
    if cause == "no graph":
        found = next((e for e in reversed(events) if why_cut(e)), None)
    elif cause == "in-place after save":
        found = next((e for e in reversed(events) if e.line and _WRITE.search(e.line.text)), None)
    return _where_it_raised(recording.error) if found is None else found.line


def _where_it_raised(error: BaseException | None) -> Line | None:
    """The innermost line of the program, not of minigrad, that an error came through."""
    found = None
    trace = None if error is None else error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename not in OUR_FILES:
            found = line_of(code, trace.tb_lasti)
        trace = trace.tb_next
    return found
