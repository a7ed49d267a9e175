"""Curves and pictures: in the notebook if there is one, in files where there is none.

Source: https://d2l.ai/chapter_preliminaries/calculus.html
"""

from __future__ import annotations

import atexit
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import minigrad as torch

__all__ = [
    "Animator",
    "bbox_to_rect",
    "figure_folder",
    "plot",
    "pyplot",
    "set_axes",
    "set_figsize",
    "show_bboxes",
    "show_images",
    "use_svg_display",
]

# Between two writings of the same growing figure: a picture costs as much as many batches.
SECONDS = 2.0


def pyplot() -> Any:
    """matplotlib's ``pyplot``; without a notebook or a display, one that draws to files.

    Raises: ImportError that says what to install.

    >>> from minigrad import d2l
    >>> d2l.pyplot() is d2l.plt
    True
    """
    try:
        import matplotlib
    except ImportError:
        raise ImportError(
            "d2l: pictures need matplotlib; install it with: python -m pip install 'minigrad[cli]'"
        ) from None
    if not in_notebook() and "matplotlib.pyplot" not in sys.modules:
        matplotlib.use("agg")
    from matplotlib import pyplot

    return pyplot


def in_notebook() -> bool:
    """Whether this runs in a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


class _Files:
    """Where figures go outside of a notebook: numbered files, written again as figures grow."""

    def __init__(self) -> None:
        self.folder = Path("figures")
        self.said = False
        self.paths: dict[int, Path] = {}  # by the number of the figure
        self.written: dict[int, float] = {}  # when
        self.waiting: dict[int, Any] = {}

    def show(self, figure: Any, growing: bool) -> None:
        """Write a figure, a growing one no more often than every few seconds and at the end."""
        number = figure.number
        if number not in self.paths:
            self.paths[number] = self.free_path()
        if growing and time.monotonic() - self.written.get(number, -SECONDS) < SECONDS:
            self.waiting[number] = figure
            return
        self.write(number, figure)

    def write(self, number: int, figure: Any) -> None:
        """Write one figure to its file."""
        self.waiting.pop(number, None)
        path = self.paths[number]
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, bbox_inches="tight")
        if not self.said:
            print(f"d2l: no notebook to draw in; pictures are written to {path.parent.resolve()}")
            self.said = True
        self.written[number] = time.monotonic()

    def free_path(self) -> Path:
        """The next number that is no file yet."""
        number, taken = 1, set(self.paths.values())
        while (path := self.folder / f"{number}.png") in taken or path.exists():
            number += 1
        return path

    def finish(self) -> None:
        """Write what still waits."""
        for number, figure in list(self.waiting.items()):
            self.write(number, figure)


_FILES = _Files()
atexit.register(_FILES.finish)


def figure_folder(path: str | Path) -> None:
    """Choose where pictures are written outside of a notebook.

    >>> from minigrad import d2l
    >>> d2l.figure_folder("figures")
    """
    _FILES.finish()
    _FILES.folder, _FILES.said = Path(path).absolute(), True  # whatever folder is entered later


def show_figure(figure: Any, growing: bool = False) -> None:
    """Show a figure in the notebook, or write it to its file; one that grows, now and then."""
    if in_notebook():
        from IPython import display  # type: ignore[import-not-found, unused-ignore]

        if growing:  # a figure that stays is shown by the notebook itself, at the cell's end
            display.display(figure)
            display.clear_output(wait=True)
    else:
        _FILES.show(figure, growing)


def use_svg_display() -> None:
    """Let notebooks draw sharp pictures; elsewhere there is nothing to set.

    >>> from minigrad import d2l
    >>> d2l.use_svg_display()
    """
    if in_notebook():
        from matplotlib_inline import backend_inline  # type: ignore[import-not-found, unused-ignore]

        backend_inline.set_matplotlib_formats("svg")


def set_figsize(figsize: tuple[float, float] = (3.5, 2.5)) -> None:
    """The size of the figures to come, in inches.

    >>> from minigrad import d2l
    >>> d2l.set_figsize((4, 3))
    >>> d2l.plt.rcParams["figure.figsize"]
    [4.0, 3.0]
    """
    use_svg_display()
    pyplot().rcParams["figure.figsize"] = figsize


def set_axes(
    axes: Any,
    xlabel: str | None,
    ylabel: str | None,
    xlim: Any,
    ylim: Any,
    xscale: str,
    yscale: str,
    legend: Sequence[str] | None,
) -> None:
    """Set labels, scales, limits and legend of a matplotlib axes, and draw its grid.

    >>> from minigrad import d2l
    >>> axes = d2l.plt.figure().gca()
    >>> d2l.set_axes(axes, "x", "y", [0, 1], None, "linear", "log", ["loss"])
    >>> axes.get_yscale()
    'log'
    """
    axes.set_xlabel(xlabel), axes.set_ylabel(ylabel)
    axes.set_xscale(xscale), axes.set_yscale(yscale)
    axes.set_xlim(xlim if xlim is None or xlim[0] != xlim[1] else None)  # of one epoch
    axes.set_ylim(ylim)
    if legend:
        axes.legend(legend)
    axes.grid()


def plot(
    X: Any,
    Y: Any = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    legend: Sequence[str] = (),
    xlim: Any = None,
    ylim: Any = None,
    xscale: str = "linear",
    yscale: str = "linear",
    fmts: Sequence[str] = ("-", "m--", "g-.", "r:"),
    figsize: tuple[float, float] = (3.5, 2.5),
    axes: Any = None,
) -> None:
    """Draw one line, or several in a list, of tensors, arrays or lists.

    >>> import minigrad as torch, tempfile
    >>> from minigrad import d2l
    >>> d2l.figure_folder(tempfile.mkdtemp())
    >>> x = torch.arange(3.0)
    >>> d2l.plot(x, [x**2, 2 * x], "x", "y", legend=["square", "double"])
    """
    lines = [Y] if _is_line(Y) else list(Y if Y is not None else [])
    places = [X] if _is_line(X) else list(X)
    if Y is None:
        lines, places = places, [range(len(line)) for line in places]
    if len(places) != len(lines):
        places = places * len(lines)
    set_figsize(figsize)
    if axes is None:
        axes = pyplot().figure().gca()
    for x, y, fmt in zip(places, lines, list(fmts) * len(lines), strict=False):
        axes.plot(plain(x), plain(y), fmt)
    set_axes(axes, xlabel, ylabel, xlim, ylim, xscale, yscale, legend)
    show_figure(axes.figure)


def _is_line(data: Any) -> bool:
    """Whether something is one line of numbers, not a list of lines."""
    if hasattr(data, "ndim"):
        return bool(data.ndim == 1)
    return isinstance(data, (list, tuple, range)) and not hasattr(data[0], "__len__")


def plain(data: Any) -> Any:
    """What matplotlib draws: of a tensor its values alone."""
    return data.detach().cpu().numpy() if isinstance(data, torch.Tensor) else data


def show_images(
    imgs: Any, num_rows: int, num_cols: int, titles: Sequence[str] | None = None, scale: float = 1.5
) -> Any:
    """Show pictures (tensors of (H, W) or (H, W, 3), or PIL images) in rows; returns their axes.

    >>> import minigrad as torch, tempfile
    >>> from minigrad import d2l
    >>> d2l.figure_folder(tempfile.mkdtemp())
    >>> len(d2l.show_images(torch.rand(4, 8, 8), 2, 2, titles=list("abcd")))
    4
    """
    figure, grid = pyplot().subplots(
        num_rows, num_cols, figsize=(num_cols * scale, num_rows * scale)
    )
    axes = grid.flatten() if num_rows * num_cols > 1 else [grid]
    for number, (ax, img) in enumerate(zip(axes, imgs, strict=False)):
        ax.imshow(plain(img))
        ax.axes.get_xaxis().set_visible(False)
        ax.axes.get_yaxis().set_visible(False)
        if titles:
            ax.set_title(titles[number])
    show_figure(figure)
    return axes


def bbox_to_rect(bbox: Any, color: str) -> Any:
    """matplotlib's rectangle for a box of left, top, right and bottom edge, in pixels.

    >>> from minigrad import d2l
    >>> d2l.bbox_to_rect((60, 45, 378, 516), "blue").get_width()
    318
    """
    x1, y1, x2, y2 = bbox
    patch = pyplot().Rectangle
    return patch(
        xy=(x1, y1), width=x2 - x1, height=y2 - y1, fill=False, edgecolor=color, linewidth=2
    )


def show_bboxes(axes: Any, bboxes: Any, labels: Any = None, colors: Any = None) -> None:
    """Draw boxes (N, 4), in pixels, into axes, each with its label and in the next colour.

    >>> import minigrad as torch, tempfile
    >>> from minigrad import d2l
    >>> d2l.figure_folder(tempfile.mkdtemp())
    >>> axes = d2l.plt.subplots()[1]
    >>> d2l.show_bboxes(axes, torch.tensor([[0., 0., 2., 3.]]), "a box")
    >>> axes.texts[0].get_text(), axes.patches[0].get_height()
    ('a box', 3.0)
    """
    labels = [] if labels is None else labels if isinstance(labels, (list, tuple)) else [labels]
    colors = colors or ["b", "g", "r", "m", "c"]
    colors = colors if isinstance(colors, (list, tuple)) else [colors]
    for number, bbox in enumerate(bboxes):
        color = colors[number % len(colors)]
        rect = bbox_to_rect([float(edge) for edge in plain(bbox)], color)
        axes.add_patch(rect)
        if number < len(labels):
            axes.text(
                *rect.xy,
                labels[number],
                va="center",
                ha="center",
                fontsize=9,
                color="k" if color == "w" else "w",
                bbox={"facecolor": color, "lw": 0},
            )


class Animator:
    """Curves that grow while a network is trained.

    >>> import tempfile
    >>> from minigrad import d2l
    >>> d2l.figure_folder(tempfile.mkdtemp())
    >>> animator = d2l.Animator(xlabel="epoch", xlim=[1, 2], legend=["loss", "accuracy"])
    >>> for epoch in (1, 2):
    ...     animator.add(epoch, (1 / epoch, None))
    >>> animator.X[0], animator.Y[0]
    ([1, 2], [1.0, 0.5])
    """

    def __init__(
        self,
        xlabel: str | None = None,
        ylabel: str | None = None,
        legend: Sequence[str] | None = None,
        xlim: Any = None,
        ylim: Any = None,
        xscale: str = "linear",
        yscale: str = "linear",
        fmts: Sequence[str] = ("-", "m--", "g-.", "r:"),
        nrows: int = 1,
        ncols: int = 1,
        figsize: tuple[float, float] = (3.5, 2.5),
    ) -> None:
        use_svg_display()
        self.fig, axes = pyplot().subplots(nrows, ncols, figsize=figsize)
        self.axes = [axes] if nrows * ncols == 1 else list(axes.flatten())
        self._settings = (xlabel, ylabel, xlim, ylim, xscale, yscale, legend or [])
        self.X: list[list[float]] = []
        self.Y: list[list[float]] = []
        self.fmts = fmts

    def add(self, x: Any, y: Any) -> None:
        """Add a point to each curve; None adds nothing to its curve.

        >>> import tempfile
        >>> from minigrad import d2l
        >>> d2l.figure_folder(tempfile.mkdtemp())
        >>> animator = d2l.Animator()
        >>> animator.add(1, 0.5)
        >>> animator.Y
        [[0.5]]
        """
        ys = list(y) if hasattr(y, "__len__") else [y]
        xs = list(x) if hasattr(x, "__len__") else [x] * len(ys)
        while len(self.X) < len(ys):
            self.X.append([])
            self.Y.append([])
        for number, (a, b) in enumerate(zip(xs, ys, strict=False)):
            if a is not None and b is not None:
                self.X[number].append(a)
                self.Y[number].append(float(b))
        self.axes[0].cla()
        for line_x, line_y, fmt in zip(self.X, self.Y, list(self.fmts) * len(ys), strict=False):
            self.axes[0].plot(line_x, line_y, fmt)
        set_axes(self.axes[0], *self._settings)
        show_figure(self.fig, growing=True)
