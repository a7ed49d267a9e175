"""Watching an optimiser walk over a function of two variables.

Source: https://d2l.ai/chapter_optimization/gd.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minigrad import arange, meshgrid
from minigrad.d2l.drawing import plain, pyplot, set_figsize, show_figure

__all__ = ["show_trace_2d", "train_2d"]


def train_2d(
    trainer: Callable[..., tuple[Any, Any, Any, Any]],
    steps: int = 20,
    f_grad: Callable[[Any, Any], Any] | None = None,
) -> list[tuple[Any, Any]]:
    """Let a trainer of (x1, x2, s1, s2) go some steps from (-5, -2); returns all places.

    >>> from minigrad import d2l
    >>> places = d2l.train_2d(lambda x1, x2, s1, s2: (x1 / 2, x2 / 2, s1, s2), steps=2)
    epoch 2, x1: -1.250000, x2: -0.500000
    >>> places
    [(-5, -2), (-2.5, -1.0), (-1.25, -0.5)]
    """
    x1: Any
    x2: Any
    x1, x2, s1, s2 = -5, -2, 0, 0
    places = [(x1, x2)]
    more = (f_grad,) if f_grad else ()
    for _ in range(steps):
        x1, x2, s1, s2 = trainer(x1, x2, s1, s2, *more)
        places.append((x1, x2))
    print(f"epoch {steps}, x1: {float(x1):f}, x2: {float(x2):f}")
    return places


def show_trace_2d(f: Callable[[Any, Any], Any], results: Sequence[tuple[Any, Any]]) -> None:
    """Draw the places that were walked over, and the contours of the function.

    >>> import tempfile
    >>> from minigrad import d2l
    >>> d2l.figure_folder(tempfile.mkdtemp())
    >>> d2l.show_trace_2d(lambda x1, x2: x1**2 + 2 * x2**2, [(-5, -2), (-2.5, -1)])
    """
    set_figsize()
    axes = pyplot().figure().gca()
    axes.plot(*zip(*results, strict=True), "-o", color="#ff7f0e")
    x1, x2 = meshgrid(arange(-5.5, 1.0, 0.1), arange(-3.0, 1.0, 0.1), indexing="ij")
    axes.contour(plain(x1), plain(x2), plain(f(x1, x2)), colors="#1f77b4")
    axes.set_xlabel("x1")
    axes.set_ylabel("x2")
    show_figure(axes.figure)
