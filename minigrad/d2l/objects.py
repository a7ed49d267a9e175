"""Classes that are written over several cells of a notebook, and that keep their arguments.

Source: https://d2l.ai/chapter_linear-regression/oo-design.html
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from minigrad.d2l import drawing

__all__ = ["HyperParameters", "ProgressBoard", "add_to_class"]


def add_to_class(Class: type) -> Callable[[Any], None]:
    """Make a function a method of a class that is already there, and of its instances.

    >>> from minigrad import d2l
    >>> class A:
    ...     b = 1
    >>> a = A()
    >>> @d2l.add_to_class(A)
    ... def double(self):
    ...     return 2 * self.b
    >>> a.double()
    2
    """

    def add(thing: Any) -> None:
        setattr(Class, thing.__name__, thing)

    return add


class HyperParameters:
    """What can keep the arguments of its ``__init__`` as attributes.

    >>> from minigrad import d2l
    >>> class B(d2l.HyperParameters):
    ...     def __init__(self, a, b, c):
    ...         self.save_hyperparameters(ignore=["c"])
    >>> B(a=1, b=2, c=3).hparams
    {'a': 1, 'b': 2}
    """

    hparams: dict[str, Any]

    def save_hyperparameters(self, ignore: Iterable[str] = ()) -> None:
        """Keep the caller's arguments and other local names: in ``hparams``, and as attributes.

        Left out: ``self``, names that begin with an underscore, and those in ``ignore``.
        """
        ignored = {*ignore, "self"}
        names = sys._getframe(1).f_locals.items()
        self.hparams = {k: v for k, v in names if k not in ignored and not k.startswith("_")}
        for name, value in self.hparams.items():
            setattr(self, name, value)


class Point(NamedTuple):
    """A point of a curve."""

    x: Any
    y: Any


def mean(values: list[Any]) -> Any:
    """The mean of numbers or of arrays."""
    return sum(values) / len(values)


class ProgressBoard(HyperParameters):
    """Curves that grow, of points of which each stands for several values.

    Args:
        xlabel, ylabel, xlim, ylim, xscale, yscale: of the axes.
        ls, colors: of the lines, in the order in which their labels come.
        fig, axes: a figure to draw in; a new one if there is none.
        figsize: its size in inches.
        display: False draws nothing.

    >>> import tempfile
    >>> from minigrad import d2l
    >>> d2l.figure_folder(tempfile.mkdtemp())
    >>> board = d2l.ProgressBoard("x")
    >>> for x in range(4):
    ...     board.draw(x, x**2, "square", every_n=2)
    >>> [(point.x, point.y) for point in board.data["square"]]
    [(0.5, 0.5), (2.5, 6.5)]
    """

    xlabel: str | None
    ylabel: str | None
    xlim: Any
    ylim: Any
    xscale: str
    yscale: str
    ls: Any
    colors: Any
    fig: Any
    axes: Any
    figsize: tuple[float, float]
    display: bool

    def __init__(
        self,
        xlabel: str | None = None,
        ylabel: str | None = None,
        xlim: Any = None,
        ylim: Any = None,
        xscale: str = "linear",
        yscale: str = "linear",
        ls: Any = ("-", "--", "-.", ":"),
        colors: Any = ("C0", "C1", "C2", "C3"),
        fig: Any = None,
        axes: Any = None,
        figsize: tuple[float, float] = (3.5, 2.5),
        display: bool = True,
    ) -> None:
        self.save_hyperparameters()

    def draw(self, x: Any, y: Any, label: str, every_n: int = 1) -> None:
        """Note a value of a curve; each ``every_n`` of them become one point, their mean."""
        if not hasattr(self, "raw_points"):
            self.raw_points: dict[str, list[Point]] = {}
            self.data: dict[str, list[Point]] = {}
        points = self.raw_points.setdefault(label, [])
        line = self.data.setdefault(label, [])
        points.append(Point(x, y))
        if len(points) < every_n:
            return
        line.append(Point(mean([p.x for p in points]), mean([p.y for p in points])))
        points.clear()
        if self.display:
            self.show()

    def show(self) -> None:
        """Draw all curves anew."""
        if self.fig is None:
            drawing.set_figsize(self.figsize)
            self.fig = drawing.pyplot().figure(figsize=self.figsize)
        axes = self.axes = self.axes or self.fig.gca()
        axes.cla()
        for number, (label, line) in enumerate(self.data.items()):
            xs, ys = [p.x for p in line], [p.y for p in line]
            look = {
                "linestyle": self.ls[number % len(self.ls)],
                "color": self.colors[number % len(self.colors)],
            }
            axes.plot(xs, ys, label=label, **look)
        axes.set(xscale=self.xscale, yscale=self.yscale)
        axes.set_xlabel(self.xlabel or "x")
        axes.set_ylabel(self.ylabel or "")
        if self.xlim:
            axes.set_xlim(self.xlim)
        if self.ylim:
            axes.set_ylim(self.ylim)
        if self.data:
            axes.legend()
        drawing.show_figure(self.fig, growing=True)
