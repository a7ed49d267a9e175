"""One layer of a recurrent network in one direction, as one op: a node for all its steps.

What the input adds to the gates is one product of matrices for all steps, and so are the gradients
of the weights; only what depends on the state before is done step by step, in place.

Sequences of several lengths lie as torch packs them: first the first elements of all, longest
sequence first, then the second elements of those that have one. So a step is a slice of rows, its
states are the first rows of those of all sequences, and a batch of equal lengths is the case in
which all slices are equally long.

The derivatives here are those on arrays. On Tensors (``create_graph=True``) they are taken of
``recurrent_steps``, the same recurrences in ordinary ops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.autograd.op import Op, arrays
from minigrad.autograd.registry import register
from minigrad.backend import Array, cublas, xp_of
from minigrad.backend.moves import joined
from minigrad.ops.network import recurrent_steps
from minigrad.ops.network.recurrent_steps import Walk


class Gradients(NamedTuple):
    """What has been found of a layer's gradients when the walk back through its steps is over."""

    by_input: Array  # of what the input added to the gates
    by_state: Array  # of what the states added to the gates
    before: Array  # the state before each row


def times(a: Array, b: Array, out: Array | None = None) -> Array:
    """``a @ b``, into ``out`` if given; on a card by cuBLAS, in a way that a graph may contain."""
    made = None if type(a) is np.ndarray else cublas.matmul(a, b, out=out)
    return a.dot(b, out=out) if made is None else made


def walked(walk: Walk, *states: Array | None) -> Iterator[tuple[Any, ...]]:
    """The rows of each step, and the states of the sequences that take part in it."""
    whole = len(set(walk.sizes)) == 1
    for step in walk.steps():
        size = step.stop - step.start
        yield (step, *(states if whole else [None if s is None else s[:size] for s in states]))


def befores(rows: Array, start: Array, walk: Walk) -> Array:
    """The state before each row: that after the same sequence's row of the step before."""
    steps, parts = walk.steps(), []
    for last, step in zip([None, *steps], steps, strict=False):
        size = step.stop - step.start
        have = 0 if last is None else last.stop - last.start
        found = [] if last is None else [rows[last][:size]]
        if size > have:
            found.append(start[have:size])
        parts.append(found)
    in_time = parts[::-1] if walk.backwards else parts
    return joined([part for found in in_time for part in found], 0)


def added(input: Array, weight: Array, *biases: Array | None) -> Array:
    """What the input adds to the gates, for all steps at once."""
    found = times(input, weight.T)
    given = [bias for bias in biases if bias is not None]
    if given:
        found += sum(given[1:], given[0])
    return found


def turned(weight: Array, walk: Walk) -> Array:
    """The transpose of a weight; a copy, with which BLAS is faster, where it serves often."""
    return weight.T.copy() if len(walk.sizes) > 3 else weight.T


def started(g: Array | None, like: Array) -> Array:
    """The gradient of the last state, to be written to: with its rows one after the other."""
    return xp_of(like).zeros(like.shape, like.dtype) if g is None else g.copy()


def halves(xp: Any, like: Array, gates: int, whole: int) -> tuple[Array, Array]:
    """Factors and summands that make of tanh the sigmoids of all gates but one.

    σ(x) = (1 + tanh(x / 2)) / 2, so one call of tanh serves all gates.
    """
    size = len(like) // gates
    scale = xp.full(len(like), 0.5, like.dtype)
    scale[whole * size : (whole + 1) * size] = 1
    return scale, 1 - scale


def pulled(
    needs: Sequence[bool], input: Array, w_ih: Array, found: Gradients
) -> tuple[Array | None, ...]:
    """The gradients of the input, of both weights and of both biases."""
    by_input, by_state, before = found
    flags = (needs[0], *needs[-4:])
    one = by_input.sum(0) if flags[3] else None
    other = None
    if flags[4]:
        other = by_state.sum(0) if one is None or by_input is not by_state else one.copy()
    return (
        times(by_input, w_ih) if flags[0] else None,
        times(by_input.T, input) if flags[1] else None,
        times(by_state.T, before) if flags[2] else None,
        one,
        other,
    )


@register("rnn_layer", internal=True)
class RnnLayer(Op):
    """The simple recurrence.   h' = f(w_ih x + b_ih + w_hh h + b_hh), f tanh or relu.

    Gradient, from the last step to the first: d = (g + gh') f', gh = d w_hh; gw_hh = Σ dᵀ h,
    gw_ih = Σ dᵀ x, gx = d w_ih.
    """

    outputs = 2
    promotes = "same"

    @staticmethod
    def forward(
        xp: Any, input: Array, hidden: Array, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array,
        walk: Walk, relu: bool,
    ) -> Any:  # fmt: skip
        """The states after all steps, and the last of each sequence."""
        out, w, state = added(input, w_ih, b_ih, b_hh), turned(w_hh, walk), hidden.copy()
        for step, h in walked(walk, state):
            now = out[step]
            now += times(h, w)
            if relu:
                xp.maximum(now, 0, out=now)
            else:
                xp.tanh(now, out=now)
            h[...] = now
        return out, state

    @staticmethod
    def vjp(
        g: Any, input: Any, hidden: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, out: Any,
        walk: Walk, relu: bool, needs: Any, F: Any,
    ) -> Any:  # fmt: skip
        """Back through the steps; the weights' gradients at the end."""
        if F is not arrays:
            given = (input, hidden, w_ih, w_hh, b_ih, b_hh)
            return recurrent_steps.pull(F, recurrent_steps.rnn, g, given, needs, walk, relu)
        d = (out > 0).astype(out.dtype) if relu else 1 - out * out
        state = started(g[1], hidden)
        for step, h in walked(walk.back(), state):
            if g[0] is not None:
                h += g[0][step]
            now = d[step]
            now *= h
            times(now, w_hh, h)
        found = Gradients(d, d, befores(out, hidden, walk))
        gx, *weights = pulled(needs, input, w_ih, found)
        return gx, state, *weights


@register("gru_layer", internal=True)
class GruLayer(Op):
    """The gated recurrent unit.

    r, z = σ(w_ih x + b_ih + w_hh h + b_hh), n = tanh(w_in x + b_in + r (w_hn h + b_hn)),
    h' = n + z (h - n).
    Gradient, from the last step to the first, with d = g + gh': to z's argument
    d (h - n) z (1 - z), to n's a = d (1 - z) (1 - n²), to r's a (w_hn h + b_hn) r (1 - r).
    """

    outputs = 2
    promotes = "same"
    keeps = ("gates", "recalled")

    @staticmethod
    def forward(
        xp: Any, input: Array, hidden: Array, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array,
        walk: Walk,
    ) -> Any:  # fmt: skip
        """The states after all steps, and the last; the gates, and what n takes of the state."""
        size, two = hidden.shape[1], 2 * hidden.shape[1]
        gates, w, state = added(input, w_ih, b_ih), turned(w_hh, walk), hidden.copy()
        out = xp.empty((len(gates), size), gates.dtype)
        recalled = xp.empty_like(out)
        for step, h in walked(walk, state):
            gate, by_state, rest = gates[step], times(h, w), recalled[step]
            if b_hh is not None:
                by_state += b_hh
            rz, n = gate[:, :two], gate[:, two:]
            rest[...] = by_state[:, two:]
            rz += by_state[:, :two]
            rz *= 0.5  # as in `halves`
            xp.tanh(rz, out=rz)
            rz *= 0.5
            rz += 0.5
            n += rz[:, :size] * rest
            xp.tanh(n, out=n)
            h -= n
            h *= rz[:, size:]
            h += n
            out[step] = h
        return out, state, gates, recalled

    @staticmethod
    def vjp(
        g: Any, input: Any, hidden: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, out: Any,
        gates: Any, recalled: Any, walk: Walk, needs: Any, F: Any,
    ) -> Any:  # fmt: skip
        """All three gates' gradients are d times something that no step changes."""
        if F is not arrays:
            given = (input, hidden, w_ih, w_hh, b_ih, b_hh)
            return recurrent_steps.pull(F, recurrent_steps.gru, g, given, needs, walk)
        rows, size = recalled.shape
        r, z, n = (gates[:, k * size : (k + 1) * size] for k in range(3))
        before = befores(out, hidden, walk)
        keep = 1 - z
        to_n = 1 - n * n
        to_n *= keep
        d = xp_of(out).empty((rows, 3, size), out.dtype)
        d[:, 2] = to_n * r
        d[:, 1] = before - n
        d[:, 1] *= z
        d[:, 1] *= keep
        d[:, 0] = d[:, 2] * recalled
        d[:, 0] *= 1 - r
        flat = d.reshape(rows, 3 * size)
        state, by_n = started(g[1], hidden), to_n
        for step, h in walked(walk.back(), state):
            if g[0] is not None:
                h += g[0][step]
            now = d[step]
            now *= h[:, None]
            by_n[step] *= h
            kept = h * z[step]
            times(flat[step], w_hh, h)
            h += kept
        by_input = flat.copy()
        by_input[:, 2 * size :] = by_n
        gx, *weights = pulled(needs, input, w_ih, Gradients(by_input, flat, before))
        return gx, state, *weights


@register("lstm_layer", internal=True)
class LstmLayer(Op):
    """The long short-term memory, with or without a projection of its output.

    i, f, a, o = σ, σ, tanh, σ of w_ih x + b_ih + w_hh h + b_hh, c' = f c + i a,
    h' = o tanh(c'), or w_hr (o tanh(c')).
    Gradient, from the last step to the first, with d the gradient of o tanh(c'): to the cell
    e = gc' + d o (1 - tanh²), to the arguments of the gates e a i (1 - i), e c f (1 - f),
    e i (1 - a²), d tanh(c') o (1 - o); gc = e f.
    """

    outputs = 3
    promotes = "same"
    keeps = ("gates", "cells", "shown")

    @staticmethod
    def forward(
        xp: Any, input: Array, hidden: Array, cell: Array, w_hr: Array,
        w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array, walk: Walk,
    ) -> Any:  # fmt: skip
        """The states after all steps, and the last; the gates, the cells, and their tanh."""
        size, rows = cell.shape[1], len(input)
        scale, shift = halves(xp, w_hh, 4, 2)
        gates, w = added(input, w_ih, b_ih, b_hh), turned(w_hh, walk)
        cells, shown = (xp.empty((rows, size), gates.dtype) for _ in range(2))
        out = xp.empty((rows, hidden.shape[1]), gates.dtype)
        state, memory = hidden.copy(), cell.copy()
        for step, h, c in walked(walk, state, memory):
            gate, s = gates[step], shown[step]
            gate += times(h, w)
            gate *= scale
            xp.tanh(gate, out=gate)
            gate *= scale
            gate += shift
            c *= gate[:, size : 2 * size]
            c += gate[:, :size] * gate[:, 2 * size : 3 * size]
            cells[step] = c
            xp.tanh(c, out=s)
            if w_hr is None:
                xp.multiply(s, gate[:, 3 * size :], out=h)
            else:
                h[...] = times(s * gate[:, 3 * size :], w_hr.T)
            out[step] = h
        return out, state, memory, gates, cells, shown

    @staticmethod
    def vjp(
        g: Any, input: Any, hidden: Any, cell: Any, w_hr: Any, w_ih: Any, w_hh: Any, b_ih: Any,
        b_hh: Any, out: Any, gates: Any, cells: Any, shown: Any, walk: Walk, needs: Any, F: Any,
    ) -> Any:  # fmt: skip
        """What no step changes is worked out for all of them first."""
        if F is not arrays:
            given = (input, hidden, cell, w_hr, w_ih, w_hh, b_ih, b_hh)
            return recurrent_steps.pull(F, recurrent_steps.lstm, g, given, needs, walk)
        rows, size = shown.shape
        i, f, a, o = (gates[:, k * size : (k + 1) * size] for k in range(4))
        d, to_cell = _lstm_factors(i, f, a, o, befores(cells, cell, walk), shown)
        flat = d.reshape(rows, 4 * size)
        state, memory = started(g[1], hidden), started(g[2], cell)
        arrived = None if w_hr is None else xp_of(out).empty_like(out)
        for step, h, c in walked(walk.back(), state, memory):
            if g[0] is not None:
                h += g[0][step]
            m = h
            if arrived is not None:
                arrived[step] = h
                m = times(h, w_hr)
            now = d[step]
            c += m * to_cell[step]
            now[:, :3] *= c[:, None]
            now[:, 3] *= m
            times(flat[step], w_hh, h)
            c *= f[step]
        g_hr = None if arrived is None else times(arrived.T, o * shown)
        found = Gradients(flat, flat, befores(out, hidden, walk))
        gx, *weights = pulled(needs, input, w_ih, found)
        return gx, state, memory, g_hr, *weights


def _lstm_factors(
    i: Array, f: Array, a: Array, o: Array, before: Array, shown: Array
) -> tuple[Array, Array]:
    """What the gradients of the cell and of the output are multiplied by on their ways."""
    rows, size = shown.shape
    d = xp_of(shown).empty((rows, 4, size), shown.dtype)
    d[:, 0] = i * a
    d[:, 0] *= 1 - i
    d[:, 1] = before * f
    d[:, 1] *= 1 - f
    d[:, 2] = 1 - a * a
    d[:, 2] *= i
    d[:, 3] = shown * o
    to_cell = o - d[:, 3] * shown
    d[:, 3] *= 1 - o
    return d, to_cell
