"""What a profile is made of: spans of time, with the work that was done in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from minigrad.autograd.taps import Heard

__all__ = ["Kind", "Span", "kind_of", "span_of"]


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


class _Asked(dict[Any, bool]):
    """What a question about a class has for an answer; each class is asked once."""

    def __init__(self, question: Callable[[Any], bool]) -> None:
        self.question = question

    def __missing__(self, cls: Any) -> bool:
        self[cls] = self.question(cls)
        return self[cls]


_is_array = _Asked(lambda cls: hasattr(cls, "nbytes"))
_names_its_nodes = _Asked(lambda op: callable(getattr(op, "grad_fn", "")))
Kind = tuple[Any, ...]  # what calls have in common: the same op, shapes and sizes


def kind_of(heard: Heard) -> Kind:
    """What is gone after a call, but for its times, in as little time as can be.

    Everything else waits for `span_of`, so that the program that is measured does not.
    """
    node, result, op = heard.node, heard.result, heard.op
    shapes, moved = [], 0
    for array in heard.arguments:
        if _is_array[type(array)]:
            shapes.append(array.shape)
            moved += array.nbytes
    name = size = None
    if node is not None:
        name, size = node.name() if _names_its_nodes[op] else type(node), node.shape
        if type(node.saved) is tuple:
            for array in node.saved:
                if _is_array[type(array)]:
                    shapes.append(array.shape)
                    moved += array.nbytes
    if _is_array[type(result)]:
        count, made, moved = 1, result.shape, moved + result.nbytes
    else:
        parts = [a for a in result if _is_array[type(a)]] if type(result) in _SEVERAL else ()
        count, made = len(parts), parts[0].shape if parts else ()
        moved += sum(array.nbytes for array in parts)
    one = heard.argument >= 0
    return op, name, size, moved, made, 1 if one else count, *shapes


def span_of(kind: Kind, began: int, ended: int, thread: int, depth_of: dict[int, int]) -> Span:
    """The span of a call; ``depth_of`` carries the length of products from forward to backward.

    >>> import minigrad as torch
    >>> from minigrad.autograd.taps import listen
    >>> kinds = []
    >>> with listen(lambda heard: kinds.append(kind_of(heard))):
    ...     y = torch.ones(2, 3) @ torch.ones(3, 4)
    >>> span = span_of(kinds[0], 0, 1, 0, {})
    >>> span.name, span.flops, span.bytes
    ('mm', 48, 104)
    """
    op, node_name, node_size, moved, made, count, *shapes = kind
    name, flops = op.called or op.name, 0
    if name in _PRODUCTS:
        if node_name is None:
            depth, size = _depth(name, shapes), prod(made)
            flops = 2 * depth * size
            depth_of[size] = depth or depth_of.get(size, 0)
        else:
            size = prod(node_size)
            flops = 2 * depth_of.get(size, 0) * size * count
    if node_name is None:
        return Span(name, "forward", began, ended, thread, tuple(shapes), moved, flops)
    name = node_name if isinstance(node_name, str) else node_name.__name__
    return Span(name, "backward", began, ended, thread, tuple(shapes), moved, flops)


_SEVERAL = (tuple, list)
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
