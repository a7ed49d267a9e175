"""One layer of a recurrent network in one direction, as one op: a node for all its steps.

What the input adds to the gates is one product of matrices for all steps, and so are the gradients
of the weights; only what depends on the state before is done step by step, in place, as
``recurrent_gates.py`` says.

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

from minigrad.autograd.op import Op, arrays
from minigrad.autograd.registry import register
from minigrad.backend import Array, native, xp_of
from minigrad.backend.moves import joined
from minigrad.errors import ShapeError
from minigrad.ops.network import recurrent_gates as one_step
from minigrad.ops.network import recurrent_steps
from minigrad.ops.network.recurrent_steps import Walk


class WalkedBack(NamedTuple):
    """What has been found of a layer's gradients when the walk back through its steps is over."""

    by_input: Array  # of what the input added to the gates
    by_state: Array  # of what the states added to the gates
    before: Array  # the state before each row


def times(a: Array, b: Array, bias: Array | None = None, out: Array | None = None) -> Array:
    """``a @ b + bias``, into ``out`` if given; on a card in a way that a graph may contain."""
    made = native.matmul(a, b, bias, out)
    if made is not None:
        return made
    made = a.dot(b, out=out)
    if bias is not None:
        made += bias
    return made


def check_sizes(
    gates: int, walk: Walk, input: Array, w_ih: Array, w_hh: Array, *states: Array
) -> None:
    """Raise torch's error for what does not fit, as the kernels of a step look at no sizes.

    The last of the states is as wide as a gate.
    """
    size, batch = states[-1].shape[1], max(walk.sizes, default=0)
    for name, weight in (("weight_ih", w_ih), ("weight_hh", w_hh)):
        if len(weight) != gates * size:
            raise ShapeError(
                f"{name} first dim must be {gates} * hidden_size = {gates * size}, "
                f"but got {len(weight)}"
            )
    for index, state in enumerate(states):
        if len(state) != batch:
            raise ShapeError(
                f"Input batch size {batch} doesn't match hidden{index} batch size {len(state)}"
            )
    if len(input) != sum(walk.sizes):
        raise ShapeError(f"{sum(walk.sizes)} rows of input expected, got {len(input)}")


def each_step(walk: Walk, *states: Array | None) -> Iterator[tuple[Any, ...]]:
    """The rows of each step, and the states of the sequences that take part in it."""
    whole = len(set(walk.sizes)) == 1
    for step in walk.steps():
        size = step.stop - step.start
        yield (step, *(states if whole else [None if s is None else s[:size] for s in states]))


def states_before(rows: Array, start: Array, walk: Walk) -> Array:
    """The state before each row: that after the same sequence's row of the step before."""
    steps, parts = walk.steps(), []
    for last, step in zip([None, *steps], steps, strict=False):
        size = step.stop - step.start
        have = 0 if last is None else last.stop - last.start
        found = [] if last is None else [rows[last][:size]]
        if last is None or size > have:
            found.append(start[have:size])
        parts.append(found)
    in_time = parts[::-1] if walk.backwards else parts
    return joined([part for found in in_time for part in found], 0)


def input_part(input: Array, weight: Array, *biases: Array | None) -> Array:
    """What the input adds to the gates, for all steps at once."""
    given = [bias for bias in biases if bias is not None]
    return times(input, weight.T, sum(given[1:], given[0]) if given else None)


def transposed(weight: Array, walk: Walk) -> Array:
    """The transpose of a weight; a copy, with which BLAS is faster, where it serves often."""
    return weight.T.copy() if len(walk.sizes) > 3 else weight.T


def last_gradient(g: Array | None, like: Array) -> Array:
    """The gradient of the last state, to be written to: with its rows one after the other."""
    return xp_of(like).zeros(like.shape, like.dtype) if g is None else g.copy()


def output_gradient(g: Array | None) -> Array | None:
    """The gradient of all outputs, with rows without gaps for the kernels; or None."""
    return None if g is None else xp_of(g).ascontiguousarray(g)


def weight_gradients(
    needs: Sequence[bool], input: Array, w_ih: Array, found: WalkedBack
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
    keeps = ("states",)

    @staticmethod
    def forward(
        xp: Any, input: Array, hidden: Array, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array,
        walk: Walk, relu: bool,
    ) -> Any:  # fmt: skip
        """The states after all steps, and the last; and once more, as outputs may be written to."""
        check_sizes(1, walk, input, w_ih, w_hh, hidden)
        out, w, state = input_part(input, w_ih, b_ih, b_hh), transposed(w_hh, walk), hidden.copy()
        for step, h in each_step(walk, state):
            one_step.rnn(times(h, w), out[step], h, relu)
        return out, state, out.copy()

    @staticmethod
    def vjp(
        g: Any, input: Any, hidden: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, states: Any,
        walk: Walk, relu: bool, needs: Any, F: Any,
    ) -> Any:  # fmt: skip
        """Back through the steps; the weights' gradients at the end."""
        if F is not arrays:
            given = (input, hidden, w_ih, w_hh, b_ih, b_hh)
            return recurrent_steps.pull(F, recurrent_steps.rnn, g, given, needs, walk, relu)
        d, g_out = xp_of(states).empty_like(states), output_gradient(g[0])
        state = last_gradient(g[1], hidden)
        for step, h in each_step(walk.back(), state):
            now = None if g_out is None else g_out[step]
            one_step.rnn_back(h, now, states[step], d[step], relu)
            times(d[step], w_hh, out=h)
        found = WalkedBack(d, d, states_before(states, hidden, walk))
        gx, *weights = weight_gradients(needs, input, w_ih, found)
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
    keeps = ("gates", "from_state", "states")

    @staticmethod
    def forward(
        xp: Any, input: Array, hidden: Array, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array,
        walk: Walk,
    ) -> Any:  # fmt: skip
        """The states after all steps, and the last; the gates, and what n takes of the state."""
        check_sizes(3, walk, input, w_ih, w_hh, hidden)
        gates, w, state = input_part(input, w_ih, b_ih), transposed(w_hh, walk), hidden.copy()
        out = xp.empty((len(gates), hidden.shape[1]), gates.dtype)
        from_state = xp.empty_like(out)
        for step, h in each_step(walk, state):
            one_step.gru(times(h, w, b_hh), gates[step], from_state[step], h, out[step])
        return out, state, gates, from_state, out.copy()

    @staticmethod
    def vjp(
        g: Any, input: Any, hidden: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, gates: Any,
        from_state: Any, states: Any, walk: Walk, needs: Any, F: Any,
    ) -> Any:  # fmt: skip
        """Back through the steps. Input and state add to n apart: there are two gradients."""
        if F is not arrays:
            given = (input, hidden, w_ih, w_hh, b_ih, b_hh)
            return recurrent_steps.pull(F, recurrent_steps.gru, g, given, needs, walk)
        before, g_out = states_before(states, hidden, walk), output_gradient(g[0])
        state = last_gradient(g[1], hidden)
        by_input, by_state = (xp_of(gates).empty_like(gates) for _ in range(2))
        for step, h in each_step(walk.back(), state):
            now = None if g_out is None else g_out[step]
            kept = (gates[step], from_state[step], before[step])
            one_step.gru_back(h, now, *kept, by_input[step], by_state[step])
            h += times(by_state[step], w_hh)
        gx, *weights = weight_gradients(needs, input, w_ih, WalkedBack(by_input, by_state, before))
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
        check_sizes(4, walk, input, w_ih, w_hh, hidden, cell)
        size, rows = cell.shape[1], len(input)
        if w_hr is None and hidden.shape[1] != size:
            raise ShapeError(
                f"hidden1 has inconsistent hidden_size: got {size}, expected {hidden.shape[1]}"
            )
        gates, w = input_part(input, w_ih, b_ih, b_hh), transposed(w_hh, walk)
        cells, shown = (xp.empty((rows, size), gates.dtype) for _ in range(2))
        out = xp.empty((rows, hidden.shape[1]), gates.dtype)
        state, memory = hidden.copy(), cell.copy()
        for step, h, c in each_step(walk, state, memory):
            given = (times(h, w), gates[step], c, cells[step], shown[step])
            if w_hr is None:
                one_step.lstm(*given, h, out[step])
            else:
                whole = xp.empty_like(c)
                one_step.lstm(*given, None, whole)
                out[step] = h[...] = times(whole, w_hr.T)
        return out, state, memory, gates, cells, shown

    @staticmethod
    def vjp(
        g: Any, input: Any, hidden: Any, cell: Any, w_hr: Any, w_ih: Any, w_hh: Any, b_ih: Any,
        b_hh: Any, out: Any, gates: Any, cells: Any, shown: Any, walk: Walk, needs: Any, F: Any,
    ) -> Any:  # fmt: skip
        """Back through the steps; the weights' gradients at the end."""
        if F is not arrays:
            given = (input, hidden, cell, w_hr, w_ih, w_hh, b_ih, b_hh)
            return recurrent_steps.pull(F, recurrent_steps.lstm, g, given, needs, walk)
        before, g_out = states_before(cells, cell, walk), output_gradient(g[0])
        d = xp_of(gates).empty_like(gates)
        state, memory = last_gradient(g[1], hidden), last_gradient(g[2], cell)
        arrived = None if w_hr is None else xp_of(out).empty_like(out)
        for step, h, c in each_step(walk.back(), state, memory):
            m, now = h, None if g_out is None else g_out[step]
            if arrived is not None:
                arrived[step] = h if now is None else h + now
                m, now = times(arrived[step], w_hr), None
            one_step.lstm_back(m, now, gates[step], before[step], shown[step], c, d[step])
            times(d[step], w_hh, out=h)
        g_hr = None
        if arrived is not None:
            o = gates[:, 3 * cell.shape[1] :]
            g_hr = times(arrived.T, o * shown)
        found = WalkedBack(d, d, states_before(out, hidden, walk))
        gx, *weights = weight_gradients(needs, input, w_ih, found)
        return gx, state, memory, g_hr, *weights
