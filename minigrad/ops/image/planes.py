"""Elements picked from, and put to, places of flattened spatial axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Op
from minigrad.autograd.registry import register
from minigrad.backend import Array, xp_of
from minigrad.backend.native import kernel
from minigrad.ops.indexing.places import counted_at


def flat_places(xp: Any, places: Array, lead: tuple[int, ...], sizes: tuple[int, ...]) -> Array:
    """Places in each plane as places in all planes, which lie one after the other.

    The first axes of ``places`` are broadcast to ``lead``.
    """
    offsets = xp.arange(math.prod(lead)) * math.prod(sizes)
    return places + offsets.reshape(*lead, *[1] * (places.ndim - len(lead)))


def _walked(
    name: str, x: Array, places: Array, sizes: tuple[int, ...], shape: Any, *options: Any
) -> Array | None:
    """``plane_gather`` or ``plane_scatter`` of window.c; None where it does not apply."""
    run = kernel(name, x)
    if run is None or places.dtype != np.int64 or not places.flags.c_contiguous:
        return None
    planes, out = math.prod(x.shape[: x.ndim - len(sizes)]), xp_of(x).empty(shape, x.dtype)
    count, size, bad = (
        math.prod(places.shape[-len(sizes) :]),
        math.prod(sizes),
        np.zeros(1, np.int64),
    )
    run(x, places, out, planes, count, size, *options, bad)
    if bad[0]:
        raise IndexError(f"an index is out of bounds for planes of size {list(sizes)}")
    return out


@register(internal=True)
class PlaneGather(Op):
    """The elements at given places of the spatial axes.   Transpose: ``plane_scatter``."""

    @staticmethod
    def forward(
        xp: Any, input: Array, places: Array, sizes: tuple[int, ...], once: bool = False
    ) -> Array:
        """One look-up."""
        lead = input.shape[: input.ndim - len(sizes)]
        if places.shape[: -len(sizes)] == lead:
            found = _walked("plane_gather", input, places, sizes, places.shape, False)
            if found is not None:
                return found
        return input.reshape(-1).take(flat_places(xp, places, lead, sizes))

    @staticmethod
    def grad_input(g: Any, places: Any, sizes: tuple[int, ...], once: bool, F: Any) -> Any:
        """Put back where it came from."""
        return F.plane_scatter(g, places, sizes, once)


@register(internal=True)
class PlaneScatter(Op):
    """Elements put to given places of the spatial axes.   Transpose: ``plane_gather``.

    With ``once`` no place comes twice, or the last element stands there; else they are added up.
    """

    @staticmethod
    def forward(
        xp: Any, input: Array, places: Array, sizes: tuple[int, ...], once: bool = False
    ) -> Array:
        """One assignment, or the places counted with weights."""
        lead = input.shape[: input.ndim - len(sizes)]
        if places.shape == input.shape:
            found = _walked("plane_scatter", input, places, sizes, (*lead, *sizes), bool(once))
            if found is not None:
                return found
        where = flat_places(xp, places, lead, sizes).reshape(-1)
        count = math.prod(lead) * math.prod(sizes)
        if once:
            out = xp.zeros(count, dtype=input.dtype)
            out[where] = input.reshape(-1)
        else:
            weights = input.reshape(-1).astype(xp.float64)
            out = counted_at(xp, where, count, weights).astype(input.dtype)
        return out.reshape(*lead, *sizes)

    @staticmethod
    def grad_input(g: Any, places: Any, sizes: tuple[int, ...], once: bool, F: Any) -> Any:
        """Looked up again."""
        return F.plane_gather(g, places, sizes, once)
