"""What a profile is made of: spans of time, with the work that was done in them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from minigrad.autograd.taps import Heard

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

    @property
    def nanoseconds(self) -> int:
        """How long it took."""
        return self.ended - self.began


def span_of(heard: Heard, thread: int, depth_of: dict[int, int]) -> Span:
    """The span of a call; ``depth_of`` carries the length of products from forward to backward.

    >>> import minigrad as torch
    >>> from minigrad.autograd.taps import listen
    >>> spans = []
    >>> with listen(lambda heard: spans.append(span_of(heard, 0, {}))):
    ...     y = torch.ones(2, 3) @ torch.ones(3, 4)
    >>> spans[0].name, spans[0].flops, spans[0].bytes
    ('mm', 48, 104)
    """
    op, node, result = heard.op, heard.node, heard.result
    given = [a for a in heard.arguments if hasattr(a, "nbytes")]
    made = result if type(result) is tuple or type(result) is list else (result,)
    name, kind, flops = op.called or op.name, "forward", 0
    product = name in _PRODUCTS
    if node is None:
        depth = _depth(name, given) if product else 0
        if depth:
            flops = 2 * depth * made[0].size
            depth_of[made[0].size] = depth
    else:
        if product:
            size = prod(node.shape)
            flops = 2 * depth_of.get(size, 0) * size * (1 if heard.argument >= 0 else len(made))
        name, kind = node.name(), "backward"
        if type(node.saved) is tuple:
            given += [a for a in node.saved if hasattr(a, "nbytes")]
    shapes, moved = [], 0
    for array in given:
        shapes.append(array.shape)
        moved += array.nbytes
    for array in made:
        moved += getattr(array, "nbytes", 0)
    return Span(name, kind, heard.began, heard.ended, thread, tuple(shapes), moved, flops)


_PRODUCTS = ("mm", "matmul", "bmm", "linear", "convolution", "addmm", "mv", "dot")


def _depth(name: str, given: list[Any]) -> int:
    """How many multiply-adds make one element of a product."""
    if len(given) < 2:
        return 0
    if name == "convolution":
        weight = max(given, key=lambda a: a.ndim)
        weights = [a for a in given if a.ndim == weight.ndim]
        return prod(weights[-1].shape[1:])
    widest = [a for a in given if a.ndim >= 1]
    if name == "linear":
        return int(widest[-1].shape[-1])
    return int(widest[0].shape[-1])
