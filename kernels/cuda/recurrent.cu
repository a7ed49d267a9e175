/* One step of recurrent layers, and one step back, each element by a thread. What the arguments and the
 * formulas are ../cpu/recurrent.c, the twin of this file, says; None is a null pointer.
 *
 * rnn_step(s, y, h, rows, size, relu)
 * rnn_step_backward(gh, g, y, d, rows, size, relu)
 * gru_step(s, gates, from_state, h, y, rows, size)
 * gru_step_backward(gh, g, gates, from_state, before, by_input, by_state, rows, size)
 * lstm_step(s, gates, c, cells, shown, h, y, rows, size)
 * lstm_step_backward(gh, g, gates, before, shown, gc, d, rows, size)
 */
#include "activations.cuh"
#include "common.cuh"

/* Where the first gate of element i is, if there are `gates` of them. */
__device__ __forceinline__ i64 gate_of(i64 i, i64 size, int gates)
{
    return i + quotient(i, size) * size * (gates - 1);
}

__device__ __forceinline__ wide arrived(const real *gh, const real *g, i64 i)
{
    return g ? widen(gh[i]) + widen(g[i]) : widen(gh[i]);
}

// Try: rnn_step(randn(5, 37), randn(5, 37), out(5, 37), 5, 37, 0)
// Try: rnn_step(randn(5, 37), randn(5, 37), out(5, 37), 5, 37, 1)
KERNEL(rnn_step, 256, cover(rows * size, 256))
(const real *__restrict__ s, real *__restrict__ y, real *__restrict__ h, i64 rows, i64 size, i64 relu)
{
    GRID_STRIDE(i, rows * size)
    {
        const wide x = widen(y[i]) + widen(s[i]);
        y[i] = h[i] = narrow(relu ? (x <= 0 ? wide(0) : x) : tanh(x));
    }
}

// Try: rnn_step_backward(randn(5, 37), randn(5, 37), rand(5, 37), out(5, 37), 5, 37, 0)
// Try: rnn_step_backward(randn(5, 37), null, rand(5, 37), out(5, 37), 5, 37, 1)
KERNEL(rnn_step_backward, 256, cover(rows * size, 256))
(const real *__restrict__ gh, const real *__restrict__ g, const real *__restrict__ y,
 real *__restrict__ d, i64 rows, i64 size, i64 relu)
{
    GRID_STRIDE(i, rows * size)
    {
        const wide e = arrived(gh, g, i), now = widen(y[i]);
        d[i] = narrow(relu ? (now <= 0 ? wide(0) : e) : e * (1 - now * now));
    }
}

// Try: gru_step(randn(5, 111), randn(5, 111), out(5, 37), randn(5, 37), out(5, 37), 5, 37)
KERNEL(gru_step, 256, cover(rows * size, 256))
(const real *__restrict__ s, real *__restrict__ gates, real *__restrict__ from_state,
 real *__restrict__ h, real *__restrict__ y, i64 rows, i64 size)
{
    GRID_STRIDE(i, rows * size)
    {
        const i64 at = gate_of(i, size, 3);
        const wide r = logistic(widen(gates[at]) + widen(s[at]));
        const wide z = logistic(widen(gates[at + size]) + widen(s[at + size]));
        const wide by_h = widen(s[at + 2 * size]);
        const wide now = tanh(widen(gates[at + 2 * size]) + r * by_h);
        gates[at] = narrow(r);
        gates[at + size] = narrow(z);
        gates[at + 2 * size] = narrow(now);
        from_state[i] = narrow(by_h);
        y[i] = h[i] = narrow((widen(h[i]) - now) * z + now);
    }
}

// Try: gru_step_backward(randn(5, 37), randn(5, 37), rand(5, 111), randn(5, 37), randn(5, 37), out(5, 111), out(5, 111), 5, 37)
// Try: gru_step_backward(randn(5, 37), null, rand(5, 111), randn(5, 37), randn(5, 37), out(5, 111), out(5, 111), 5, 37)
KERNEL(gru_step_backward, 256, cover(rows * size, 256))
(real *__restrict__ gh, const real *__restrict__ g, const real *__restrict__ gates,
 const real *__restrict__ from_state, const real *__restrict__ before, real *__restrict__ by_input,
 real *__restrict__ by_state, i64 rows, i64 size)
{
    GRID_STRIDE(i, rows * size)
    {
        const i64 at = gate_of(i, size, 3);
        const wide e = arrived(gh, g, i), r = widen(gates[at]);
        const wide z = widen(gates[at + size]), now = widen(gates[at + 2 * size]);
        const wide to_n = (1 - z) * (1 - now * now) * e;
        by_input[at] = by_state[at] = narrow(to_n * r * widen(from_state[i]) * (1 - r));
        by_input[at + size] = by_state[at + size] =
            narrow((widen(before[i]) - now) * z * (1 - z) * e);
        by_input[at + 2 * size] = narrow(to_n);
        by_state[at + 2 * size] = narrow(to_n * r);
        gh[i] = narrow(e * z);
    }
}

// Try: lstm_step(randn(5, 148), randn(5, 148), randn(5, 37), out(5, 37), out(5, 37), out(5, 37), out(5, 37), 5, 37)
// Try: lstm_step(randn(5, 148), randn(5, 148), randn(5, 37), out(5, 37), out(5, 37), null, out(5, 37), 5, 37)
KERNEL(lstm_step, 256, cover(rows * size, 256))
(const real *__restrict__ s, real *__restrict__ gates, real *__restrict__ c,
 real *__restrict__ cells, real *__restrict__ shown, real *__restrict__ h, real *__restrict__ y,
 i64 rows, i64 size)
{
    GRID_STRIDE(i, rows * size)
    {
        const i64 at = gate_of(i, size, 4);
        const wide in_gate = logistic(widen(gates[at]) + widen(s[at]));
        const wide forget_gate = logistic(widen(gates[at + size]) + widen(s[at + size]));
        const wide candidate = tanh(widen(gates[at + 2 * size]) + widen(s[at + 2 * size]));
        const wide out_gate = logistic(widen(gates[at + 3 * size]) + widen(s[at + 3 * size]));
        const wide cell = widen(c[i]) * forget_gate + in_gate * candidate, tanh_c = tanh(cell);
        gates[at] = narrow(in_gate);
        gates[at + size] = narrow(forget_gate);
        gates[at + 2 * size] = narrow(candidate);
        gates[at + 3 * size] = narrow(out_gate);
        c[i] = cells[i] = narrow(cell);
        shown[i] = narrow(tanh_c);
        y[i] = narrow(tanh_c * out_gate);
        if (h)
            h[i] = y[i];
    }
}

// Try: lstm_step_backward(randn(5, 37), randn(5, 37), rand(5, 148), randn(5, 37), rand(5, 37), randn(5, 37), out(5, 148), 5, 37)
// Try: lstm_step_backward(randn(5, 37), null, rand(5, 148), randn(5, 37), rand(5, 37), randn(5, 37), out(5, 148), 5, 37)
KERNEL(lstm_step_backward, 256, cover(rows * size, 256))
(const real *__restrict__ gh, const real *__restrict__ g, const real *__restrict__ gates,
 const real *__restrict__ before, const real *__restrict__ shown, real *__restrict__ gc,
 real *__restrict__ d, i64 rows, i64 size)
{
    GRID_STRIDE(i, rows * size)
    {
        const i64 at = gate_of(i, size, 4);
        const wide m = arrived(gh, g, i), tanh_c = widen(shown[i]);
        const wide in_gate = widen(gates[at]), forget_gate = widen(gates[at + size]);
        const wide candidate = widen(gates[at + 2 * size]), out_gate = widen(gates[at + 3 * size]);
        const wide e = widen(gc[i]) + out_gate * (1 - tanh_c * tanh_c) * m;
        d[at] = narrow(in_gate * (1 - in_gate) * candidate * e);
        d[at + size] = narrow(forget_gate * (1 - forget_gate) * widen(before[i]) * e);
        d[at + 2 * size] = narrow((1 - candidate * candidate) * in_gate * e);
        d[at + 3 * size] = narrow(out_gate * (1 - out_gate) * tanh_c * m);
        gc[i] = narrow(e * forget_gate);
    }
}
