"""The pictures of a run, as PNG: how it learned, and what it sees in the test images."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_RIGHT, _WRONG = "#2a6f4e", "#c0392b"
_TRAIN, _TEST = "#4c78a8", "#e45756"


def curves(history: list[dict[str, Any]], title: str) -> bytes:
    """Loss of each step and epoch, and accuracy of each epoch, of training and test part."""
    steps = [record for record in history if record["kind"] == "step"]
    largest = max((record["samples"] for record in steps), default=0)
    steps = [r for r in steps if r["samples"] == largest]  # a last batch of two is mere noise
    epochs = [record for record in history if record["kind"] == "epoch"]
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    x = [record["step"] for record in epochs]
    left.plot(
        [record["step"] for record in steps],
        [record["loss"] for record in steps],
        color=_TRAIN,
        alpha=0.25,
        linewidth=0.8,
        label="one batch",
    )
    left.plot(x, [r["train_loss"] for r in epochs], "o-", ms=3, color=_TRAIN, label="train")
    left.plot(x, [r["test_loss"] for r in epochs], "o-", ms=3, color=_TEST, label="test")
    left.set(yscale="log", xlabel="step", ylabel="cross-entropy loss")
    number = [record["epoch"] for record in epochs]
    right.plot(number, [100 * r["train_accuracy"] for r in epochs], "o-", ms=3, color=_TRAIN)
    right.plot(number, [100 * r["test_accuracy"] for r in epochs], "o-", ms=3, color=_TEST)
    right.set(xlabel="epoch", ylabel="accuracy in %")
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    if epochs:
        best = f"test accuracy {epochs[-1]['test_accuracy']:.2%}"
        right.set_title(best, color=_TEST, fontsize=10)
    left.legend(frameon=False)
    figure.suptitle(title)
    return _png(figure)


def predictions(
    image: Callable[[int], np.ndarray],
    labels: np.ndarray,
    scores: np.ndarray,
    classes: Sequence[str],
    rows: int = 5,
    columns: int = 10,
) -> bytes:
    """Test images with predicted and true label: first all wrong ones, in red, then a sample.

    ``image`` gives one by its number, (H, W) or (H, W, 3); ``labels`` (N,), ``scores`` (N, classes)
    before the softmax.
    """
    found = scores.argmax(1)
    shifted = np.exp(scores - scores.max(1, keepdims=True))
    certainty = shifted.max(1) / shifted.sum(1)
    wrong = np.flatnonzero(found != labels)
    right = np.flatnonzero(found == labels)
    shown = np.concatenate([wrong, right])[: rows * columns]
    figure = Figure(figsize=(1.15 * columns, 1.4 * rows + 0.5))
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.9))  # one for all: fifty would take seconds
    small = max(map(len, classes)) > 3
    for place, i in enumerate(shown):
        good = found[i] == labels[i]
        guess, truth = classes[found[i]], classes[labels[i]]
        left, top = place % columns, -1.25 * (place // columns)
        box = (left + 0.05, left + 0.95, top - 1.0, top - 0.1)
        axes.imshow(image(int(i)), cmap="gray_r", interpolation="nearest", extent=box)
        axes.text(
            left + 0.5,
            top - 0.07,
            f"{guess}  {certainty[i]:.0%}" if good else f"{guess}, is {truth}",
            color=_RIGHT if good else _WRONG,
            fontsize=6 if small else 10,
            fontweight="normal" if good else "bold",
            ha="center",
        )
    axes.set(xlim=(0, columns), ylim=(-1.25 * rows, 0.15), aspect="equal")
    axes.set_axis_off()
    figure.suptitle(
        f"{len(right)} of {len(labels)} test images right ({len(right) / len(labels):.2%}); "
        f"the {len(wrong)} wrong ones come first, in red"
    )
    return _png(figure)


def _png(figure: Figure) -> bytes:
    """Drawn without pyplot, which would keep global state and might look for a screen."""
    FigureCanvasAgg(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()
