/* One step of recurrent layers, and one step back, each element by a thread.
 *
 * rnn_step(s, y, h, n, size, relu)       y = f(y + s), h = y; f tanh, or relu
 * rnn_step_backward(gh, g, y, d, n, size, relu)                      d = (gh + g) f'
 * gru_step(s, gates, rest, h, y, n, size)
 *     r, z = sigmoid(gates + s), rest = s_n, n = tanh(gates_n + r rest), y = h = n + z (h - n)
 * gru_step_backward(gh, g, gates, rest, before, by_input, by_state, n, size)
 *     with e = gh + g: to n's argument a = e (1 - z) (1 - n^2), to z's e (before - n) z (1 - z), to r's
 *     a rest r (1 - r); by_state has a r in place of a; gh = e z
 * lstm_step(s, gates, c, cells, shown, h, y, n, size)
 *     i, f, a, o = sigmoid, sigmoid, tanh, sigmoid of gates + s, cells = c = f c + i a, shown = tanh(c),
 *     y = h = o shown; h may be None
 * lstm_step_backward(gh, g, gates, before, shown, gc, d, n, size)
 *     with m = gh + g, e = gc + m o (1 - shown^2): d = e a i (1 - i), e before f (1 - f), e i (1 - a^2),
 *     m shown o (1 - o); gc = e f
 *
 * s is what the state adds to the gates, which are what the input adds, and become the gates; g, the
 * gradient of the output, may be None. n rows of `size` numbers, of gates as many times that. Twin:
 * ../cpu/recurrent.c.
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
KERNEL(rnn_step, 256, cover(n * size, 256))
(const real *__restrict__ s, real *__restrict__ y, real *__restrict__ h, i64 n, i64 size, i64 relu)
{
    GRID_STRIDE(i, n * size)
    {
        const wide x = widen(y[i]) + widen(s[i]);
        y[i] = h[i] = narrow(relu ? (x <= 0 ? wide(0) : x) : tanh(x));
    }
}

// Try: rnn_step_backward(randn(5, 37), randn(5, 37), rand(5, 37), out(5, 37), 5, 37, 0)
// Try: rnn_step_backward(randn(5, 37), null, rand(5, 37), out(5, 37), 5, 37, 1)
KERNEL(rnn_step_backward, 256, cover(n * size, 256))
(const real *__restrict__ gh, const real *__restrict__ g, const real *__restrict__ y,
 real *__restrict__ d, i64 n, i64 size, i64 relu)
{
    GRID_STRIDE(i, n * size)
    {
        const wide e = arrived(gh, g, i), now = widen(y[i]);
        d[i] = narrow(relu ? (now <= 0 ? wide(0) : e) : e * (1 - now * now));
    }
}

// Try: gru_step(randn(5, 111), randn(5, 111), out(5, 37), randn(5, 37), out(5, 37), 5, 37)
KERNEL(gru_step, 256, cover(n * size, 256))
(const real *__restrict__ s, real *__restrict__ gates, real *__restrict__ rest,
 real *__restrict__ h, real *__restrict__ y, i64 n, i64 size)
{
    GRID_STRIDE(i, n * size)
    {
        const i64 at = gate_of(i, size, 3);
        const wide r = logistic(widen(gates[at]) + widen(s[at]));
        const wide z = logistic(widen(gates[at + size]) + widen(s[at + size]));
        const wide recalled = widen(s[at + 2 * size]);
        const wide now = tanh(widen(gates[at + 2 * size]) + r * recalled);
        gates[at] = narrow(r);
        gates[at + size] = narrow(z);
        gates[at + 2 * size] = narrow(now);
        rest[i] = narrow(recalled);
        y[i] = h[i] = narrow((widen(h[i]) - now) * z + now);
    }
}

// Try: gru_step_backward(randn(5, 37), randn(5, 37), rand(5, 111), randn(5, 37), randn(5, 37), out(5, 111), out(5, 111), 5, 37)
// Try: gru_step_backward(randn(5, 37), null, rand(5, 111), randn(5, 37), randn(5, 37), out(5, 111), out(5, 111), 5, 37)
KERNEL(gru_step_backward, 256, cover(n * size, 256))
(real *__restrict__ gh, const real *__restrict__ g, const real *__restrict__ gates,
 const real *__restrict__ rest, const real *__restrict__ before, real *__restrict__ by_input,
 real *__restrict__ by_state, i64 n, i64 size)
{
    GRID_STRIDE(i, n * size)
    {
        const i64 at = gate_of(i, size, 3);
        const wide e = arrived(gh, g, i), r = widen(gates[at]);
        const wide z = widen(gates[at + size]), now = widen(gates[at + 2 * size]);
        const wide to_n = (1 - z) * (1 - now * now) * e;
        by_input[at] = by_state[at] = narrow(to_n * r * widen(rest[i]) * (1 - r));
        by_input[at + size] = by_state[at + size] =
            narrow((widen(before[i]) - now) * z * (1 - z) * e);
        by_input[at + 2 * size] = narrow(to_n);
        by_state[at + 2 * size] = narrow(to_n * r);
        gh[i] = narrow(e * z);
    }
}

// Try: lstm_step(randn(5, 148), randn(5, 148), randn(5, 37), out(5, 37), out(5, 37), out(5, 37), out(5, 37), 5, 37)
// Try: lstm_step(randn(5, 148), randn(5, 148), randn(5, 37), out(5, 37), out(5, 37), null, out(5, 37), 5, 37)
KERNEL(lstm_step, 256, cover(n * size, 256))
(const real *__restrict__ s, real *__restrict__ gates, real *__restrict__ c,
 real *__restrict__ cells, real *__restrict__ shown, real *__restrict__ h, real *__restrict__ y,
 i64 n, i64 size)
{
    GRID_STRIDE(i, n * size)
    {
        const i64 at = gate_of(i, size, 4);
        const wide in = logistic(widen(gates[at]) + widen(s[at]));
        const wide forget = logistic(widen(gates[at + size]) + widen(s[at + size]));
        const wide now = tanh(widen(gates[at + 2 * size]) + widen(s[at + 2 * size]));
        const wide show = logistic(widen(gates[at + 3 * size]) + widen(s[at + 3 * size]));
        const wide cell = widen(c[i]) * forget + in * now, seen = tanh(cell);
        gates[at] = narrow(in);
        gates[at + size] = narrow(forget);
        gates[at + 2 * size] = narrow(now);
        gates[at + 3 * size] = narrow(show);
        c[i] = cells[i] = narrow(cell);
        shown[i] = narrow(seen);
        y[i] = narrow(seen * show);
        if (h)
            h[i] = y[i];
    }
}

// Try: lstm_step_backward(randn(5, 37), randn(5, 37), rand(5, 148), randn(5, 37), rand(5, 37), randn(5, 37), out(5, 148), 5, 37)
// Try: lstm_step_backward(randn(5, 37), null, rand(5, 148), randn(5, 37), rand(5, 37), randn(5, 37), out(5, 148), 5, 37)
KERNEL(lstm_step_backward, 256, cover(n * size, 256))
(const real *__restrict__ gh, const real *__restrict__ g, const real *__restrict__ gates,
 const real *__restrict__ before, const real *__restrict__ shown, real *__restrict__ gc,
 real *__restrict__ d, i64 n, i64 size)
{
    GRID_STRIDE(i, n * size)
    {
        const i64 at = gate_of(i, size, 4);
        const wide m = arrived(gh, g, i), seen = widen(shown[i]);
        const wide in = widen(gates[at]), forget = widen(gates[at + size]);
        const wide now = widen(gates[at + 2 * size]), show = widen(gates[at + 3 * size]);
        const wide e = widen(gc[i]) + show * (1 - seen * seen) * m;
        d[at] = narrow(in * (1 - in) * now * e);
        d[at + size] = narrow(forget * (1 - forget) * widen(before[i]) * e);
        d[at + 2 * size] = narrow((1 - now * now) * in * e);
        d[at + 3 * size] = narrow(show * (1 - show) * seen * m);
        gc[i] = narrow(e * forget);
    }
}
