"""The text of ``repr(tensor)``, character for character as PyTorch prints it.

Everything here works on NumPy arrays and knows nothing of ``Tensor``: the caller hands over the
values and the facts that an array cannot know (device, ``requires_grad``, ``grad_fn``). Three steps
make the text:

1. choose what is shown: the whole array, or only the ends of each axis (``_visible_part``);
2. turn each shown number into a word, all in one notation (``_words``);
3. lay the words out in nested brackets and lines (``_Layout``), then append the suffixes
   (``_append_suffixes``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PrintOptions",
    "format_array",
    "format_scalar",
    "get_printoptions",
    "printoptions",
    "set_printoptions",
    "words_of",
]


@dataclass(frozen=True)
class PrintOptions:
    """How tensors are printed.

    Fields: ``precision``, digits after the point; ``threshold``, the number of elements above which
    only the ends of each axis are shown; ``edgeitems``, how many at each end; ``linewidth``,
    characters per line; ``sci_mode``, scientific notation always (True), never (False) or when the
    range of the values asks for it (None).

    Example:
        >>> PrintOptions(precision=2)
        PrintOptions(precision=2, threshold=1000, edgeitems=3, linewidth=80, sci_mode=None)
    """

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES: Final = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}

# One setting for the whole process, as in torch: a thread prints like the one that set the options.
_options = PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed from now on.

    Rule: ``profile`` (``'default'``, ``'short'`` or ``'full'``) is applied first and the other
    arguments override it; an argument left out keeps its present value, except ``sci_mode``, which
    goes back to automatic.

    Raises:
        ValueError: the profile is unknown, or ``precision`` or ``edgeitems`` is negative.

    Example:
        >>> set_printoptions(precision=2)
        >>> format_array(np.array([3.14159, 2.71828], np.float32))
        'tensor([3.14, 2.72])'
        >>> set_printoptions(profile="default")
    """
    global _options
    if profile is not None and profile not in _PROFILES:
        names = ", ".join(map(repr, _PROFILES))
        raise ValueError(f"set_printoptions: profile must be one of {names}, got {profile!r}")
    for name, count in (("precision", precision), ("edgeitems", edgeitems)):
        if count is not None and count < 0:
            raise ValueError(f"set_printoptions: {name} must be 0 or more, got {count}")
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    base = _options if profile is None else _PROFILES[profile]
    _options = replace(base, **changes, sci_mode=sci_mode)


def get_printoptions() -> dict[str, Any]:
    """Return the present options as a dict.

    Rule: the keys are argument names of ``set_printoptions``, so ``set_printoptions(**saved)``
    restores them.

    Raises: nothing.

    Example:
        >>> get_printoptions()["threshold"]
        1000
    """
    return asdict(_options)


@contextmanager
def printoptions(
    *,
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> Iterator[None]:
    """Set the options for the length of a ``with`` block.

    Rule: the arguments mean what they mean in ``set_printoptions``; the former options come back at
    the end of the block, also after an exception.

    Raises:
        ValueError: as ``set_printoptions``; nothing is changed then.

    Example:
        >>> with printoptions(sci_mode=True):
        ...     format_array(np.array([1.5, 2.0], np.float32))
        'tensor([1.5000e+00, 2.0000e+00])'
        >>> format_array(np.array([1.5, 2.0], np.float32))
        'tensor([1.5000, 2.0000])'
    """
    global _options
    saved = _options
    set_printoptions(precision, threshold, edgeitems, linewidth, profile, sci_mode)
    try:
        yield
    finally:
        _options = saved


def format_array(
    array: NDArray[Any],
    *,
    prefix: str = "tensor(",
    device: str | None = None,
    suffixes: Sequence[str] = (),
    default_dtype: str = "float32",
) -> str:
    """Return the text of a tensor that holds these values.

    Rule: ``prefix``, the numbers, then the suffixes in torch's order: ``device`` (pass it only when
    it is to be seen), ``size`` and ``dtype`` (decided here), and the caller's own ``suffixes``
    (``requires_grad=True``, ``grad_fn=<...>``). The dtype is shown when reading the text back would
    give another one: it is neither ``default_dtype`` (a name such as ``'float32'``), int64 nor
    bool, or the array is empty and not of ``default_dtype``. The size is shown when the numbers do
    not tell it.

    Raises:
        TypeError: the dtype is not bool, an integer or a floating type.

    Example:
        >>> print(format_array(np.array([[19.0, -0.0], [37.0, 43.0]], np.float32)))
        tensor([[19., -0.],
                [37., 43.]])
        >>> format_array(np.array(0.39521), suffixes=["grad_fn=<SumBackward0>"])
        'tensor(0.3952, dtype=torch.float64, grad_fn=<SumBackward0>)'
        >>> format_array(np.arange(5000))
        'tensor([   0,    1,    2,  ..., 4997, 4998, 4999])'
    """
    options = _options
    body = _format_body(array, len(prefix), options)
    facts = [] if device is None else [f"device='{device}'"]
    facts += _shape_and_dtype(array, default_dtype, options)
    return _append_suffixes(prefix + body, [*facts, *suffixes], len(prefix), options.linewidth)


def format_scalar(
    array: NDArray[Any], spec: str, text: Callable[[], str] | None = None, *, owner: str = "Tensor"
) -> str:
    """Return ``format(tensor, spec)``, the text that an f-string shows.

    Rule: one number (a 0-d array) is formatted like the Python number it holds, also with an empty
    ``spec``; an array with axes takes only the empty ``spec`` and gives ``text()``, its ordinary
    text.

    Raises:
        TypeError: ``spec`` is not empty and the array has axes; ``owner`` is the class that the
        message names. ValueError: the Python number does not know ``spec``.

    Example:
        >>> format_scalar(np.array(2.34567, np.float32), ".2f")
        '2.35'
        >>> format_scalar(np.array([1, 2]), "")
        'tensor([1, 2])'
        >>> format_scalar(np.array([1, 2]), ".2f")
        Traceback (most recent call last):
            ...
        TypeError: unsupported format string passed to Tensor.__format__
    """
    if array.ndim == 0:
        return format(array.item(), spec)
    if spec:
        raise TypeError(f"unsupported format string passed to {owner}.__format__")
    return format_array(array) if text is None else text()


# --- 1. What is shown -----------------------------------------------------------------------------


def _format_body(array: NDArray[Any], indent: int, options: PrintOptions) -> str:
    """Return the numbers in their brackets, to be written after ``indent`` characters."""
    if array.size == 0:
        return "[]"
    visible, cut = _visible_part(array, options)
    if visible.size == 0:  # edgeitems is 0: there are numbers, but none is to be shown
        return "[...]"
    words, width = _words(visible, options)
    layout = _Layout(visible.shape, cut, width, indent, options)
    return layout.render(iter(words))


def _visible_part(
    array: NDArray[Any], options: PrintOptions
) -> tuple[NDArray[Any], tuple[bool, ...]]:
    """Return the elements to be shown as one array, and for each axis whether it was cut."""
    edge = options.edgeitems
    if array.size <= options.threshold:
        return array, (False,) * array.ndim
    cut = tuple(size > 2 * edge for size in array.shape)
    # The choice is made before any number is read: the cost does not grow with the array.
    ends = [
        np.r_[:edge, size - edge : size] if is_cut else np.arange(size)
        for size, is_cut in zip(array.shape, cut, strict=True)
    ]
    return array[np.ix_(*ends)] if ends else array, cut


# --- 2. Numbers to words --------------------------------------------------------------------------


def words_of(array: NDArray[Any], options: PrintOptions) -> list[str]:
    """The numbers of an array as they would be printed together, one word each.

    >>> words_of(np.array([1.0, 0.25]), PrintOptions())
    ['1.0000', '0.2500']
    """
    return _words(array, options)[0]


def _words(visible: NDArray[Any], options: PrintOptions) -> tuple[list[str], int]:
    """Return one word for each element, padded on the left to a common width, and that width."""
    if visible.dtype.kind in "biu":
        plain = [str(value) for value in visible.ravel().tolist()]
        width = max(map(len, plain))
        return [word.rjust(width) for word in plain], width
    # bfloat16 is an extension type, of which NumPy itself only knows that it is "void".
    if visible.dtype.kind != "f" and visible.dtype.name != "bfloat16":
        raise TypeError(
            f"format_array: expected a bool, integer or floating dtype, got {visible.dtype.name}; "
            "convert the array first, for instance with .astype('float64')"
        )
    return _float_words(visible, options)


def _float_words(visible: NDArray[Any], options: PrintOptions) -> tuple[list[str], int]:
    """Return words and width of floating values, in the one notation that suits all of them."""
    with np.errstate(invalid="ignore"):  # widening a signalling NaN is no news to the reader
        values = visible.ravel().astype(np.float64)
    # As in torch, zeros, NaN and infinities have no say in the notation or in the width: a word of
    # theirs that is longer than the width stands out of its column (`tensor([nan, 1.])`).
    telling = np.isfinite(values) & (values != 0)
    to_word = _notation(values[telling], options)
    words = [to_word(value) for value in values.tolist()]
    lengths = (len(word) for word, counts in zip(words, telling.tolist(), strict=True) if counts)
    width = max(lengths, default=1)
    return [word.rjust(width) for word in words], width


def _notation(telling: NDArray[np.float64], options: PrintOptions) -> Callable[[float], str]:
    """Choose scientific, whole (``3.``) or fixed-point notation from finite nonzero values."""
    if telling.size == 0:
        return _whole_word
    if options.sci_mode is None:
        sizes = np.abs(telling)
        smallest, largest = float(sizes.min()), float(sizes.max())
        scientific = largest / smallest > 1000.0 or largest > 1.0e8 or smallest < 1.0e-4
    else:
        scientific = options.sci_mode
    if scientific:
        return f"{{:.{options.precision}e}}".format
    if np.array_equal(telling, np.ceil(telling)):
        return _whole_word
    return f"{{:.{options.precision}f}}".format


def _whole_word(value: float) -> str:
    """Write a whole number with a trailing point; NaN and infinities have none."""
    return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"


# --- 3. Words to lines ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    """Where the brackets, commas, dots and line ends of one tensor go."""

    shape: tuple[int, ...]
    cut: tuple[bool, ...]
    width: int
    indent: int
    options: PrintOptions

    def render(self, words: Iterator[str], axis: int = 0) -> str:
        """Use up the words of one block (the axes from ``axis`` on) and return its text."""
        axes_left = len(self.shape) - axis
        if axes_left == 0:
            return next(words)
        if axes_left == 1:
            return self._render_row(words)
        blocks = [self.render(words, axis + 1) for _ in range(self.shape[axis])]
        if self.cut[axis]:
            blocks.insert(self.options.edgeitems, "...")
        # The more axes a block has, the more empty lines set it off from the next.
        between = "," + "\n" * (axes_left - 1) + self._margin(axis)
        return "[" + between.join(blocks) + "]"

    def _render_row(self, words: Iterator[str]) -> str:
        """Use up the words of one row along the last axis, broken into lines."""
        axis = len(self.shape) - 1
        row = [next(words) for _ in range(self.shape[axis])]
        if self.cut[axis]:
            row.insert(self.options.edgeitems, " ...")
        room = self.options.linewidth - self.indent - axis
        # 2 is for the comma and the space that follow a word.
        per_line = max(1, room // (self.width + 2))
        lines = [", ".join(row[i : i + per_line]) for i in range(0, len(row), per_line)]
        return "[" + (",\n" + self._margin(axis)).join(lines) + "]"

    def _margin(self, axis: int) -> str:
        """Return the spaces that put a new line just inside the bracket of this axis."""
        return " " * (self.indent + axis + 1)


def _shape_and_dtype(array: NDArray[Any], default_dtype: str, options: PrintOptions) -> list[str]:
    """Return the ``size`` and ``dtype`` suffixes that a reader needs besides the numbers."""
    facts = []
    name = array.dtype.name
    empty = array.size == 0
    # `[]` reads as shape (0,) of the default dtype: nothing in it can speak for int64 or bool.
    if (empty and array.ndim != 1) or (not empty and options.edgeitems == 0):
        facts.append(f"size={array.shape}")
    if name != default_dtype and (empty or name not in ("int64", "bool")):
        facts.append(f"dtype=torch.{name}")
    return facts


def _append_suffixes(text: str, suffixes: Sequence[str], indent: int, linewidth: int) -> str:
    """Append suffixes and closing bracket; one that would pass ``linewidth`` gets a new line."""
    parts = [text]
    # torch counts the line that holds the numbers two characters too long; the breaks must fall
    # where its breaks fall.
    column = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if column + len(suffix) + 2 > linewidth:
            parts.append(",\n" + " " * indent + suffix)
            column = indent + len(suffix)
        else:
            parts.append(", " + suffix)
            column += len(suffix) + 2
    return "".join(parts) + ")"
