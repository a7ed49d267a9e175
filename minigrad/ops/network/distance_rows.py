"""The distances of the rows of matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Op, arrays
from minigrad.autograd.registry import register
from minigrad.backend import Array, kept, xp_of
from minigrad.backend.native import kernel
from minigrad.ops.elementwise.masks import choose
from minigrad.ops.image.grid_places import constant, raw
from minigrad.ops.matrix.products import stacks

# How many differences NumPy holds in memory at a time.
CHUNK = 1 << 20
# How the kernel of the gradient finds what belongs to a row.
ROWS, COLUMNS, PAIRS = 0, 1, 2


@register("distances", internal=True)
class Distances(Op):
    """The distance of each row of x₁ from each row of x₂.

    Gradient: with w = g / d^(p-1) (0 where d = 0), gx₁ = Σ_j w_ij sign(δ) |δ|^(p-1), δ = x₁ᵢ - x₂ⱼ,
    which for p = 2 may be a product with a matrix.
    """

    grad_fn = "CdistBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, other: Array, p: float, by_product: bool) -> Array:
        """A product of matrices for many rows and p = 2, else a kernel, or bites of rows."""
        if by_product:
            squares = [(x * x).sum(axis=-1) for x in (input, other)]
            turned = xp.swapaxes(other, -1, -2)
            y = xp.matmul(input, turned) if xp is np else stacks(input, turned)
            y = y * input.dtype.type(-2)
            y += squares[0][..., :, None]
            y += squares[1][..., None, :]
            return xp.sqrt(xp.maximum(y, 0))
        shape, (run, xs) = (*input.shape[:-1], other.shape[-2]), _kernel("distances", input, other)
        if run is not None:
            out = xp.empty(shape, input.dtype)
            run(*xs, out, *_counts(*xs), p, False)
            return out
        rows, other = input.shape[-2], other[..., None, :, :]
        out = xp.zeros(shape, dtype=input.dtype)
        if not (out.size and input.shape[-1]):
            return out
        step = max(1, CHUNK * rows // max(out.size * input.shape[-1], 1))
        for start in range(0, rows, step):
            part = slice(start, start + step)
            d = xp.abs(input[..., part, None, :] - other)
            out[..., part, :] = _length(xp, d, p)
        return out

    @staticmethod
    def vjp(
        g: Any, input: Any, other: Any, out: Any, p: float, by_product: bool, needs: Any, F: Any
    ) -> Any:
        """Of each row's differences; of those of the columns by the same kernel, turned round."""
        gx = gy = None
        if p == 0:
            return input * 0 if needs[0] else None, other * 0 if needs[1] else None
        run, xs = (None, ()) if by_product else _slope_kernel(F, g, out, input, other)
        if run is not None:
            g, out, x, y = xs
            if needs[0]:
                gx = np.zeros_like(x)
                run(g, out, x, y, gx, *_counts(x, y), p, ROWS)
            if needs[1]:
                gy = np.zeros_like(y)
                run(g, out, y, x, gy, *_counts(y, x), p, COLUMNS)
            return gx, gy
        if p == 2:
            apart = out != 0
            w = F.gate(g / choose(apart, out, out * 0 + 1), apart)
            last = len(out.shape) - 1
            if needs[0]:
                gx = input * F.sum(w, (last,), True) - stacks(w, other)
            if needs[1]:
                w = w.swapaxes(-1, -2)
                gy = other * F.sum(w, (last,), True) - stacks(w, input)
            return gx, gy
        d = input[..., :, None, :] - other[..., None, :, :]
        rows, columns = len(d.shape) - 3, len(d.shape) - 2
        part = _slopes(F, d, g[..., None], out[..., None], p)
        return (
            F.sum(part, (columns,), False) if needs[0] else None,
            -F.sum(part, (rows,), False) if needs[1] else None,
        )


@register("pair_distances", internal=True)
class PairDistances(Op):
    """The distances of all pairs of rows i < j.   Gradient: as of ``distances``, for both rows."""

    grad_fn = "PdistBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, p: float) -> Array:
        """One kernel, or bites of pairs."""
        rows, width = input.shape
        out = xp.zeros(rows * (rows - 1) // 2, dtype=input.dtype)
        if not (out.size and width):
            return out
        run, xs = _kernel("distances", input)
        if run is not None:
            run(*xs, *xs, out, *_counts(*xs, *xs), p, True)
            return out
        first, second = _pair_numbers(xp, rows)
        step = max(1, CHUNK // width)
        for start in range(0, out.size, step):
            part = slice(start, start + step)
            d = xp.abs(input[first[part]] - input[second[part]])
            out[part] = _length(xp, d, p)
        return out

    @staticmethod
    def grad_input(g: Any, input: Any, out: Any, p: float, shape: Any, F: Any) -> Any:
        """What a difference gives is added to one of its rows and taken from the other."""
        if p == 0 or 0 in out.shape:
            return input * 0
        run, xs = _slope_kernel(F, g, out, input)
        if run is not None:
            gx, (g, out, x) = np.zeros(shape, input.dtype), xs
            run(g, out, x, x, gx, *_counts(x, x), p, PAIRS)
            return gx
        numbers = _pair_numbers(xp_of(raw(input)), shape[0])
        first, second = (constant(F, rows) for rows in numbers)
        d = F.index_select(input, first, 0) - F.index_select(input, second, 0)
        part = _slopes(F, d, g[:, None], out[:, None], p)
        size = tuple(shape)
        return F.put_slices(part, first, size, 0) - F.put_slices(part, second, size, 0)


def _slopes(F: Any, d: Any, g: Any, out: Any, p: float) -> Any:
    """What a difference gets of the cotangent of its length; nothing where that is 0."""
    apart = out != 0
    away, w = choose(apart, out, out * 0 + 1), F.gate(g, apart)
    if p == 2:
        return d * (w / away)
    size, sign = F.abs(d), choose(d == d, F.sign(d), d)  # NaN, of NaN
    if p == math.inf:
        return F.gate(sign * w, size == out)
    if p == 1:
        return sign * w
    some = size != 0
    power = (choose(some, size, size * 0 + 1) / away) ** (p - 1)
    return F.gate(sign * power * w, some)


def _kernel(name: str, *xs: Array) -> tuple[Any, tuple[Array, ...]]:
    """A kernel, and the arrays as it takes them; None where there is none."""
    if xs[0].__class__ is not np.ndarray:
        return None, xs
    xs = tuple(np.ascontiguousarray(x) for x in xs)
    return kernel(name, *xs), xs


def _slope_kernel(F: Any, g: Any, out: Any, *xs: Any) -> tuple[Any, tuple[Any, ...]]:
    """The kernel of the gradient, where arrays are read that have the sizes of what forward saw."""
    x, y = xs[0].shape, xs[-1].shape
    shape = (*x[:-1], y[-2]) if len(xs) == 2 else (x[0] * (x[0] - 1) // 2,)
    if F is not arrays or not g.shape == out.shape == shape or x[:-2] != y[:-2] or x[-1] != y[-1]:
        return None, ()
    return _kernel("distances_backward", g, out, *xs)


def _counts(x: Array, y: Array) -> tuple[int, int, int, int]:
    """Batches, the rows of each, their width."""
    return math.prod(x.shape[:-2]), x.shape[-2], y.shape[-2], x.shape[-1]


def _length(xp: Any, d: Array, p: float) -> Array:
    """The p-norm along the last axis of what is not negative."""
    if p == 2 and xp is not np:  # CuPy has cuBLAS do an einsum, which cannot be captured
        return xp.sqrt((d * d).sum(axis=-1))
    if p == 2:
        return xp.sqrt(xp.einsum("...i,...i->...", d, d))
    if p == 1:
        return d.sum(axis=-1)
    if p == math.inf:
        return d.max(axis=-1)
    if p == 0:
        return (d != 0).sum(axis=-1).astype(d.dtype)
    return (d**p).sum(axis=-1) ** (1 / p)


@kept(8)
def _pair_numbers(xp: Any, n: int) -> tuple[Array, ...]:
    """The first and the second row of each pair."""
    return tuple(xp.asarray(rows) for rows in np.triu_indices(n, 1))
