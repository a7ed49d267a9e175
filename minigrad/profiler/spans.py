"""What a profile is made of: spans of time, with the work that was done in them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from minigrad.profiler.notes import Note

__all__ = ["Span", "span_of"]


@dataclass(slots=True)
class Span:
    """Something that took time: the forward of an op, its derivative, a module, a marked block.

    >>> Span("mul", "forward", 1000, 3000, 0).nanoseconds
    2000
    """

    name: str  # mul; MulBackward0; what record_function was told
    kind: str  # "forward", "backward", "module", "block" or "step"
    began: int  # nanoseconds
    ended: int
    thread: int
    shapes: tuple[tuple[int, ...], ...] = ()  # of the arrays that came in
    bytes: int = 0  # read and written, each array once
    flops: int = 0  # of products of matrices and convolutions; a multiply-add counts as two
    memory: int = 0  # bytes alive afterwards of what ops have made, if that is watched
    device: int = 0  # nanoseconds that a card was at it, if that is measured

    @property
    def nanoseconds(self) -> int:
        """How long it took."""
        return self.ended - self.began


def span_of(note: Note, depth_of: dict[int, int]) -> Span:
    """The span of a note; ``depth_of`` carries the length of products from forward to backward.

    >>> import minigrad as torch
    >>> from minigrad.autograd.taps import wrapped
    >>> from minigrad.profiler.notes import Notes
    >>> notes = Notes()
    >>> with wrapped(notes):
    ...     y = torch.ones(2, 3) @ torch.ones(3, 4)
    >>> span = span_of(notes.take()[0], {})
    >>> span.name, span.flops, span.bytes
    ('mm', 48, 104)
    """
    (op, argument, *sizes), began, ended, _, thread = note
    if isinstance(op, str):
        return Span(op, argument, began, ended, thread)
    count, made, moved, *arrays = sizes[0]
    called = arrays.pop() if len(arrays) % 2 else op.node_class.__name__
    shapes, name, flops = arrays[::2], op.called or op.name, 0
    if name in _PRODUCTS:
        size = prod(made)
        if argument is None:
            depth = _depth(name, shapes)
            depth_of[size] = depth or depth_of.get(size, 0)
        else:
            depth = depth_of.get(size, 0) * (1 if argument >= 0 else count)
        flops = 2 * depth * size
    kind = "forward" if argument is None else "backward"
    name = name if argument is None else called
    return Span(name, kind, began, ended, thread, tuple(shapes), moved + sum(arrays[1::2]), flops)


_PRODUCTS = ("mm", "matmul", "bmm", "linear", "convolution", "addmm", "mv", "dot")


def _depth(name: str, shapes: list[tuple[int, ...]]) -> int:
    """How many multiply-adds make one element of a product."""
    if len(shapes) < 2:
        return 0
    if name == "convolution":
        most = max(map(len, shapes))
        weights = [shape for shape in shapes if len(shape) == most]
        return prod(weights[-1][1:])
    widest = [shape for shape in shapes if shape]
    return widest[-1 if name == "linear" else 0][-1]
