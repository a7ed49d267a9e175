"""Reductions of ``scatter_reduce``, and of whole slices that one vector brings together."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.backend import Array
from minigrad.ops.indexing.places import add_rows, along

ROUND = 1024  # numbers that NumPy brings together one by one in the time of a round's calls
UFUNCS = {"prod": "multiply", "amax": "maximum", "amin": "minimum"}


def identity(xp: Any, reduce: str, dtype: Any) -> Any:
    """What leaves any number as it is under a reduction."""
    if reduce in ("sum", "mean", "prod"):
        return 1 if reduce == "prod" else 0
    if dtype.kind == "b":
        return reduce == "amin"
    if dtype.kind in "fV":
        return -float("inf") if reduce == "amax" else float("inf")
    return xp.iinfo(dtype).min if reduce == "amax" else xp.iinfo(dtype).max


def divided(xp: Any, total: Array, count: Array) -> Array:
    """A sum by how many numbers it has, in the type of the sum."""
    count = xp.maximum(count, 1).astype(total.dtype)
    return total // count if total.dtype.kind in "iu" else total / count


def slices_reduced(
    out: Array, vector: Array, src: Array, dim: int, reduce: str, include_self: bool
) -> Array:
    """``scatter_reduce`` of whole slices into ``out``, slice by slice and not number by number."""
    lines, slices = out.swapaxes(0, dim), src.swapaxes(0, dim)
    if not include_self:
        lines[vector] = identity(np, reduce, out.dtype)
    if reduce in ("sum", "mean"):
        add_rows(np, out, dim, vector, src)
        count = np.bincount(vector, minlength=out.shape[dim]) + include_self
        return out if reduce == "sum" else divided(np, out, along(count, out.ndim, dim))
    order = vector.argsort(kind="stable")
    places = vector[order]
    first = np.flatnonzero(np.concatenate([[True], places[1:] != places[:-1]]))
    many = np.diff(first, append=len(places))
    join, rounds = getattr(np, UFUNCS[reduce]), int(many.max())
    if rounds > src.size // ROUND:
        where = places[first]
        lines[where] = join(lines[where], join.reduceat(slices[order], first, axis=0))
        return out
    for k in range(rounds):  # the k-th of every place: no place comes twice
        part = first[many > k] + k
        where = places[part]
        lines[where] = join(lines[where], slices[order[part]])
    return out
