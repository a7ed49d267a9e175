"""One layer of a recurrent network in one direction, as one op: a node for all its steps.

What the input adds to the gates is one product of matrices for all steps, and so are the gradients
of the weights; only what depends on the state before is done step by step.

Sequences of several lengths lie as torch packs them: first the first elements of all, longest
sequence first, then the second elements of those that have one. So a step is a slice of rows, and
a batch of equal lengths is the case in which all slices are equally long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from minigrad.autograd.op import Op, arrays
from minigrad.autograd.registry import register
from minigrad.backend import Array
from minigrad.ops.image.grid_sample import constant
from minigrad.ops.matrix.products import product


class Walk(NamedTuple):
    """How many rows each step has, never more than the one before; and the end to begin from."""

    sizes: tuple[int, ...]
    backwards: bool = False

    def steps(self) -> list[slice]:
        """The rows of each step, in the order in which the states follow each other."""
        found, start = [], 0
        for size in self.sizes:
            found.append(slice(start, start + size))
            start += size
        return found[::-1] if self.backwards else found

    def in_time(self, F: Any, parts: list[Any]) -> Any:
        """What the steps gave, joined as the rows lie."""
        if len(parts) == 1:
            return parts[0]
        return F.cat(*(reversed(parts) if self.backwards else parts), dim=0)


class State:
    """A state while sequences of several lengths end, or begin, on the way."""

    def __init__(self, F: Any, start: Any) -> None:
        self.F, self.start = F, start
        self.ended: list[Any] = []

    def first(self, step: slice) -> Any:
        """The rows that take part in the first step."""
        return self.start[: step.stop - step.start]

    def fit(self, now: Any, step: slice) -> Any:
        """The rows that take part in a step, from those of the step before."""
        size, have = step.stop - step.start, now.shape[0]
        if size < have:
            self.ended.append(now[size:])
            return now[:size]
        if size > have:
            return self.F.cat(now, self.start[have:size], dim=0)
        return now

    def all(self, now: Any) -> Any:
        """The last rows together with those that ended before."""
        return self.F.cat(now, *reversed(self.ended), dim=0) if self.ended else now


def added(input: Any, weight: Any, *biases: Any) -> Any:
    """What the input adds to the gates, for all steps at once."""
    found = product(input, weight.T)
    for bias in biases:
        if bias is not None:
            found = found + bias
    return found


def turned(weight: Any, steps: Sequence[slice]) -> Any:
    """The transpose of a weight; of an array a copy, with which BLAS is faster, if it pays."""
    if hasattr(weight, "_array") or len(steps) < 4:
        return weight.T
    return weight.T.copy()


def apart(found: tuple[Any, ...]) -> tuple[Any, ...]:
    """After a single step the last state is the output: no memory may be shared."""
    out, last, *others = found
    return (out, last.copy() if out is last else last, *others)


def gates_of(x: Any, count: int) -> tuple[Any, ...]:
    """The parts of the last axis, one for each gate."""
    size = x.shape[1] // count
    return tuple([x[:, k * size : (k + 1) * size] for k in range(count)])


def pulled(
    F: Any, needs: Sequence[bool], input: Any, before: Any, w_ih: Any, by_input: Any, by_state: Any
) -> tuple[Any, ...]:
    """The gradients of input, both weights and both biases, from those of the gates' arguments."""
    flags = (needs[0], *needs[-4:])
    return (
        product(by_input, w_ih) if flags[0] else None,
        product(by_input.T, input) if flags[1] else None,
        product(by_state.T, before) if flags[2] else None,
        by_input.sum(0) if flags[3] else None,
        by_state.sum(0) if flags[4] else None,
    )


@register("rnn_layer", internal=True)
class RnnLayer(Op):
    """The simple recurrence.   h' = f(w_ih x + b_ih + w_hh h + b_hh), f tanh or relu.

    Gradient, from the last step to the first: d = (g + gh') f', gh = d w_hh; gw_hh = Σ dᵀ h,
    gw_ih = Σ dᵀ x, gx = d w_ih.
    """

    outputs = 2
    promotes = "same"
    keeps = ("before",)

    @staticmethod
    def forward(
        xp: Any, input: Array, hidden: Array, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array,
        walk: Walk, relu: bool,
    ) -> Any:  # fmt: skip
        """The output of all steps, and the last state."""
        found = RnnLayer.run(arrays, input, hidden, w_ih, w_hh, b_ih, b_hh, walk, relu)
        return apart(found)

    @staticmethod
    def rekeep(
        F: Any, input: Any, hidden: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
        walk: Any, relu: Any,
    ) -> Any:  # fmt: skip
        """The states are functions of the arguments."""
        return RnnLayer.run(F, input, hidden, w_ih, w_hh, b_ih, b_hh, walk, relu)[2:]

    @staticmethod
    def run(
        F: Any, input: Any, hidden: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
        walk: Walk, relu: bool,
    ) -> Any:  # fmt: skip
        """All steps, in either reading."""
        steps, state = walk.steps(), State(F, hidden)
        given, w = added(input, w_ih, b_ih, b_hh), turned(w_hh, steps)
        f = F.relu if relu else F.tanh
        now = state.first(steps[0])
        before, after = [], []
        for step in steps:
            now = state.fit(now, step)
            before.append(now)
            now = f(given[step] + product(now, w))
            after.append(now)
        return walk.in_time(F, after), state.all(now), walk.in_time(F, before)

    @staticmethod
    def vjp(
        g: Any, input: Any, hidden: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
        out: Any, before: Any, walk: Walk, relu: bool, needs: Any, F: Any,
    ) -> Any:  # fmt: skip
        """Back through the steps; the weights' gradients at the end."""
        g_out, g_last = g
        slope = (out > 0) if relu else 1 - out * out
        steps = walk.steps()[::-1]
        state = State(F, F.zeros_of(hidden) if g_last is None else g_last)
        now, found = state.first(steps[0]), []
        for step in steps:
            now = state.fit(now, step)
            if g_out is not None:
                now = now + g_out[step]
            d = now * slope[step]
            found.append(d)
            now = product(d, w_hh)
        d = walk.in_time(F, found[::-1])
        gx, *weights = pulled(F, needs, input, before, w_ih, d, d)
        return gx, state.all(now), *weights


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
    keeps = ("gates", "fresh", "recalled", "before")

    @staticmethod
    def forward(
        xp: Any, input: Array, hidden: Array, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array,
        walk: Walk,
    ) -> Any:  # fmt: skip
        """The output of all steps, and the last state."""
        return apart(GruLayer.run(arrays, input, hidden, w_ih, w_hh, b_ih, b_hh, walk))

    @staticmethod
    def rekeep(
        F: Any, input: Any, hidden: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, walk: Any
    ) -> Any:
        """The gates are functions of the arguments."""
        return GruLayer.run(F, input, hidden, w_ih, w_hh, b_ih, b_hh, walk)[2:]

    @staticmethod
    def run(
        F: Any, input: Any, hidden: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, walk: Walk
    ) -> Any:
        """All steps, in either reading."""
        steps, state, size = walk.steps(), State(F, hidden), hidden.shape[1]
        given, w = added(input, w_ih, b_ih), turned(w_hh, steps)
        now = state.first(steps[0])
        before, gates, fresh, recalled, after = [], [], [], [], []
        tanh = F.tanh
        for step in steps:
            now = state.fit(now, step)
            before.append(now)
            x, h = given[step], product(now, w)
            if b_hh is not None:
                h = h + b_hh
            rz = tanh((x[:, : 2 * size] + h[:, : 2 * size]) * 0.5) * 0.5 + 0.5
            h = h[:, 2 * size :]
            n = tanh(x[:, 2 * size :] + rz[:, :size] * h)
            now = n + rz[:, size:] * (now - n)
            gates.append(rz)
            fresh.append(n)
            recalled.append(h)
            after.append(now)
        kept = [walk.in_time(F, parts) for parts in (after, gates, fresh, recalled, before)]
        return kept[0], state.all(now), *kept[1:]

    @staticmethod
    def vjp(
        g: Any, input: Any, hidden: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
        gates: Any, fresh: Any, recalled: Any, before: Any, walk: Walk, needs: Any, F: Any,
    ) -> Any:  # fmt: skip
        """All three gates' gradients are d times something that no step changes."""
        g_out, g_last = g
        r, z = gates_of(gates, 2)
        rows, size = fresh.shape
        to_n = (1 - z) * (1 - fresh * fresh)
        to_z = (before - fresh) * z * (1 - z)
        factors = F.cat(to_n * recalled * r * (1 - r), to_z, to_n * r, dim=1)
        factors = factors.reshape((rows, 3, size))
        steps = walk.steps()[::-1]
        state = State(F, F.zeros_of(hidden) if g_last is None else g_last)
        now, found, arrived = state.first(steps[0]), [], []
        for step in steps:
            now = state.fit(now, step)
            if g_out is not None:
                now = now + g_out[step]
            d = (now[:, None] * factors[step]).reshape((step.stop - step.start, 3 * size))
            found.append(d)
            arrived.append(now)
            now = now * z[step] + product(d, w_hh)
        d = walk.in_time(F, found[::-1])
        by_n = walk.in_time(F, arrived[::-1]) * to_n
        by_input = F.cat(d[:, : 2 * size], by_n, dim=1)
        gx, *weights = pulled(F, needs, input, before, w_ih, by_input, d)
        return gx, state.all(now), *weights


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
    keeps = ("gates", "before", "cells", "shown")

    @staticmethod
    def forward(
        xp: Any, input: Array, hidden: Array, cell: Array, w_hr: Array,
        w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array, walk: Walk,
    ) -> Any:  # fmt: skip
        """The output of all steps, and the last states."""
        return apart(
            LstmLayer.run(arrays, input, hidden, cell, w_hr, w_ih, w_hh, b_ih, b_hh, walk)
        )

    @staticmethod
    def rekeep(
        F: Any, input: Any, hidden: Any, cell: Any, w_hr: Any,
        w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, walk: Any,
    ) -> Any:  # fmt: skip
        """The gates are functions of the arguments."""
        return LstmLayer.run(F, input, hidden, cell, w_hr, w_ih, w_hh, b_ih, b_hh, walk)[3:]

    @staticmethod
    def run(
        F: Any, input: Any, hidden: Any, cell: Any, w_hr: Any,
        w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, walk: Walk,
    ) -> Any:  # fmt: skip
        """All steps, in either reading; σ(x) is (1 + tanh(x / 2)) / 2, one tanh for four gates."""
        steps, state, memory = walk.steps(), State(F, hidden), State(F, cell)
        given, w = added(input, w_ih, b_ih, b_hh), turned(w_hh, steps)
        scale, shift = _sigmoids(F, given, cell.shape[1])
        h, c = state.first(steps[0]), memory.first(steps[0])
        before, cells, gates, shown, after = [], [], [], [], []
        tanh = F.tanh
        for step in steps:
            h, c = state.fit(h, step), memory.fit(c, step)
            before.append(h)
            cells.append(c)
            gate = tanh((given[step] + product(h, w)) * scale) * scale + shift
            i, f, a, o = gates_of(gate, 4)
            c = f * c + i * a
            s = tanh(c)
            h = o * s
            if w_hr is not None:
                h = product(h, w_hr.T)
            gates.append(gate)
            shown.append(s)
            after.append(h)
        kept = [walk.in_time(F, parts) for parts in (after, gates, before, cells, shown)]
        return kept[0], state.all(h), memory.all(c), *kept[1:]

    @staticmethod
    def vjp(
        g: Any, input: Any, hidden: Any, cell: Any, w_hr: Any,
        w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
        gates: Any, before: Any, cells: Any, shown: Any, walk: Walk, needs: Any, F: Any,
    ) -> Any:  # fmt: skip
        """What no step changes is worked out for all of them first."""
        g_out, g_state, g_cell = g
        i, f, a, o = gates_of(gates, 4)
        rows, size = shown.shape
        by_cell = F.cat(a * i * (1 - i), cells * f * (1 - f), i * (1 - a * a), dim=1)
        by_cell = by_cell.reshape((rows, 3, size))
        to_cell, to_o = o * (1 - shown * shown), shown * o * (1 - o)
        steps = walk.steps()[::-1]
        state = State(F, F.zeros_of(hidden) if g_state is None else g_state)
        memory = State(F, F.zeros_of(cell) if g_cell is None else g_cell)
        h, c = state.first(steps[0]), memory.first(steps[0])
        found, arrived = [], []
        for step in steps:
            h, c = state.fit(h, step), memory.fit(c, step)
            if g_out is not None:
                h = h + g_out[step]
            arrived.append(h)
            if w_hr is not None:
                h = product(h, w_hr)
            c = c + h * to_cell[step]
            first = (c[:, None] * by_cell[step]).reshape((step.stop - step.start, 3 * size))
            d = F.cat(first, h * to_o[step], dim=1)
            found.append(d)
            h, c = product(d, w_hh), c * f[step]
        d = walk.in_time(F, found[::-1])
        g_hr = None
        if w_hr is not None and needs[3]:
            g_hr = product(walk.in_time(F, arrived[::-1]).T, o * shown)
        gx, *weights = pulled(F, needs, input, before, w_ih, d, d)
        return gx, state.all(h), memory.all(c), g_hr, *weights


def _sigmoids(F: Any, like: Any, size: int) -> tuple[Any, Any]:
    """Factors and summands that make of tanh the sigmoids of all gates but the third."""
    array = getattr(like, "_array", like)
    scale = array.dtype.type(0.5) + 0 * array[:0].sum(0)
    shift = scale.copy()
    scale[2 * size : 3 * size] = 1
    shift[2 * size : 3 * size] = 0
    return constant(F, scale), constant(F, shift)
