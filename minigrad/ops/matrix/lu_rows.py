"""The exchanges of rows that an LU decomposition makes, as places, as permutations, and undone."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Op
from minigrad.autograd.registry import register
from minigrad.backend import Array
from minigrad.ops.matrix.matrices import mT
from minigrad.ops.matrix.products import rows_of

FEW = 1024  # exchanges of rows


def row_order(xp: Any, pivots: Array, m: int) -> Array:
    """Which row of A each row of L U is, from LAPACK's exchanges, which are counted from 1."""
    if xp is np and pivots.size <= FEW:
        return _few_orders(pivots, m)
    order = xp.broadcast_to(xp.arange(m), (*pivots.shape[:-1], m)).copy()
    if not order.size:
        return order
    flat, swaps = order.reshape(-1, m), rows_of(pivots)
    here = xp.arange(len(flat))
    for step in range(swaps.shape[-1]):
        there = swaps[:, step] - 1
        kept = flat[here, there].copy()
        flat[here, there] = flat[:, step]
        flat[:, step] = kept
    return flat.reshape(order.shape)


def _few_orders(pivots: Any, m: int) -> Any:
    """The same in lists, which takes less than NumPy's calls."""
    orders = []
    for swaps in rows_of(pivots).tolist():
        order = list(range(m))
        for step, there in enumerate(swaps):
            order[step], order[there - 1] = order[there - 1], order[step]
        orders.append(order)
    return np.array(orders, np.int64).reshape(*pivots.shape[:-1], m)


def _rows_at(xp: Any, stack: Array, places: Array) -> Array:
    """The rows of matrices at given places: out[i] = stack[places[i]]."""
    if stack.ndim == 2:
        return stack.take(places, 0)
    return xp.take_along_axis(stack, places[..., None], -2)


@register("put_rows", internal=True)
class PutRows(Op):
    """The rows of matrices at other places: out[places[i]] = input[i]."""

    @staticmethod
    def forward(xp: Any, input: Array, places: Array) -> Array:
        """The inverse permutation, taken."""
        return _rows_at(xp, input, places.argsort(-1))

    @staticmethod
    def grad_input(g: Any, places: Any, F: Any) -> Any:
        """From there."""
        return F.take_rows(g, places)


@register("take_rows", internal=True)
class TakeRows(Op):
    """The rows of matrices from other places: out[i] = input[places[i]]."""

    @staticmethod
    def forward(xp: Any, input: Array, places: Array) -> Array:
        """Take."""
        return _rows_at(xp, input, places)

    @staticmethod
    def grad_input(g: Any, places: Any, F: Any) -> Any:
        """Back again."""
        return F.put_rows(g, places)


@register("row_places", internal=True)
class RowPlaces(Op):
    """``row_order`` of a tensor of exchanges."""

    @staticmethod
    def forward(xp: Any, pivots: Array, rows: int) -> Array:
        """One exchange after the other."""
        return row_order(xp, pivots, rows)


@register("permutation", internal=True)
class Permutation(Op):
    """The matrices P of A = P L U, from LAPACK's exchanges of rows."""

    @staticmethod
    def forward(xp: Any, pivots: Array, rows: int, dtype: Any) -> Array:
        """A one in each column, at the place of its row."""
        turned = xp.eye(rows, dtype=dtype).take(row_order(xp, pivots, rows), 0)
        return xp.ascontiguousarray(mT(turned))
