"""One step of a recurrent layer on arrays, and one step back: what its gates do.

Each is a kernel where there is one, which writes everything in one pass. ``by_state`` is what the
state adds to the gates of this step, in rows as the gates are; arrays are written to in place.
Going back, ``arrived`` is the gradient of the state, which came from the step after, and ``g`` that
of the layer's output at this step, or None.
"""

from __future__ import annotations

from typing import Any

from minigrad.backend import Array, xp_of
from minigrad.backend.native import kernel


def rnn(by_state: Array, out: Array, state: Array, relu: bool) -> None:
    """From what the input adds to the new state, in place; and to ``state``."""
    run = kernel("rnn_step", by_state, out, state)
    if run is not None:
        run(by_state, out, state, *out.shape, int(relu))
        return
    xp = xp_of(out)
    out += by_state
    if relu:
        xp.maximum(out, 0, out=out)
    else:
        xp.tanh(out, out=out)
    state[...] = out


def rnn_back(arrived: Array, g: Array | None, out: Array, d: Array, relu: bool) -> None:
    """The gradient of what input and state add up to, into ``d``."""
    run = kernel("rnn_step_backward", arrived, out, d, *([] if g is None else [g]))
    if run is not None:
        run(arrived, g, out, d, *out.shape, int(relu))
        return
    xp = xp_of(out)
    whole = arrived if g is None else arrived + g
    d[...] = xp.where(out <= 0, 0, whole) if relu else whole * (1 - out * out)


def gru(by_state: Array, gates: Array, from_state: Array, state: Array, out: Array) -> None:
    """To the gates r, z, n, what n takes of the state, and the new state, twice."""
    rows, size = state.shape
    run = kernel("gru_step", by_state, gates, from_state, state, out)
    if run is not None:
        run(by_state, gates, from_state, state, out, rows, size)
        return
    xp = xp_of(gates)
    rz, n = gates[:, : 2 * size], gates[:, 2 * size :]
    from_state[...] = by_state[:, 2 * size :]
    rz += by_state[:, : 2 * size]
    _sigmoid(xp, rz)
    n += rz[:, :size] * from_state
    xp.tanh(n, out=n)
    state -= n
    state *= rz[:, size:]
    state += n
    out[...] = state


def gru_back(
    arrived: Array, g: Array | None, gates: Array, from_state: Array, before: Array,
    by_input: Array, by_state: Array,
) -> None:  # fmt: skip
    """The gradients of what input and state add, and in ``arrived`` what the state kept has."""
    rows, size = arrived.shape
    given = (gates, from_state, before, by_input, by_state)
    run = kernel("gru_step_backward", arrived, *given, *([] if g is None else [g]))
    if run is not None:
        run(arrived, g, *given, rows, size)
        return
    if g is not None:
        arrived += g
    r, z, n = _parts(gates, 3)
    to_r, to_z, to_n = _parts(by_input, 3)
    to_n[...] = (1 - z) * (1 - n * n) * arrived
    to_z[...] = (before - n) * z * (1 - z) * arrived
    to_r[...] = to_n * r * from_state * (1 - r)
    by_state[...] = by_input
    by_state[:, 2 * size :] *= r
    arrived *= z


def lstm(
    by_state: Array, gates: Array, cell: Array, cells: Array, shown: Array, state: Array | None,
    out: Array,
) -> None:  # fmt: skip
    """To the gates i, f, a, o, the cell, twice, its tanh, and what the layer shows, twice."""
    rows, size = cell.shape
    given = (by_state, gates, cell, cells, shown)
    run = kernel("lstm_step", *given, out, *([] if state is None else [state]))
    if run is not None:
        run(*given, state, out, rows, size)
        return
    xp = xp_of(gates)
    gates += by_state
    i, f, a, o = _parts(gates, 4)
    _sigmoid(xp, gates[:, : 2 * size])
    xp.tanh(a, out=a)
    _sigmoid(xp, o)
    cell *= f
    cell += i * a
    cells[...] = cell
    xp.tanh(cell, out=shown)
    xp.multiply(shown, o, out=out)
    if state is not None:
        state[...] = out


def lstm_back(
    arrived: Array, g: Array | None, gates: Array, before: Array, shown: Array, cell: Array,
    d: Array,
) -> None:  # fmt: skip
    """The gradient of the sums in the gates into ``d``; ``cell`` is that of the cell, in place."""
    rows, size = cell.shape
    given = (gates, before, shown, cell, d)
    run = kernel("lstm_step_backward", arrived, *given, *([] if g is None else [g]))
    if run is not None:
        run(arrived, g, *given, rows, size)
        return
    whole = arrived if g is None else arrived + g
    i, f, a, o = _parts(gates, 4)
    to_i, to_f, to_a, to_o = _parts(d, 4)
    cell += o * (1 - shown * shown) * whole
    to_i[...] = i * (1 - i) * a * cell
    to_f[...] = f * (1 - f) * before * cell
    to_a[...] = (1 - a * a) * i * cell
    to_o[...] = o * (1 - o) * shown * whole
    cell *= f


def _parts(rows: Array, count: int) -> list[Array]:
    """The gates, side by side in each row."""
    size = rows.shape[1] // count
    return [rows[:, k * size : (k + 1) * size] for k in range(count)]


def _sigmoid(xp: Any, x: Array) -> None:
    """In place, σ(x) = (1 + tanh(x / 2)) / 2, which no large number overflows."""
    x *= 0.5
    xp.tanh(x, out=x)
    x *= 0.5
    x += 0.5
