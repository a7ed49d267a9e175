/* One step of recurrent layers, and one step back, over the sequences that take part in it.
 *
 *     rnn_step(s, y, h, rows, size, relu)                       y = f(y + s), h = y; f tanh, or relu
 *     rnn_step_backward(gh, g, y, d, rows, size, relu)          d = (gh + g) f'
 *     gru_step(s, gates, from_state, h, y, rows, size)
 *         r, z = sigmoid(gates + s), from_state = s_n, n = tanh(gates_n + r from_state),
 *         y = h = n + z (h - n)
 *     gru_step_backward(gh, g, gates, from_state, before, by_input, by_state, rows, size)
 *         with e = gh + g: to n's argument t = e (1 - z) (1 - n^2), to z's e (before - n) z (1 - z), to
 *         r's t r from_state (1 - r); by_state has t r in place of t; gh = e z
 *     lstm_step(s, gates, c, cells, shown, h, y, rows, size)
 *         i, f, a, o = sigmoid, sigmoid, tanh, sigmoid of gates + s, cells = c = f c + i a,
 *         shown = tanh(c), y = h = o shown; h may be NULL
 *     lstm_step_backward(gh, g, gates, before, shown, gc, d, rows, size)
 *         with m = gh + g, e = gc + m o (1 - shown^2): d = e a i (1 - i), e before f (1 - f),
 *         e i (1 - a^2), m shown o (1 - o); gc = e f
 *
 * A row is a sequence: `size` numbers of its state, and of gates as many each, side by side: r, z, n,
 * or i, f, a, o; all without gaps. When a step begins `gates` is what the input adds to them, and s what
 * the state adds; when it ends, `gates` is the gates. g, the gradient of the output, may be NULL.
 * Reference: ops/network/recurrent_gates.py.
 */
#define FROM(p, offset) ((p) ? (p) + (offset) : NULL)
#define GET(p) R(some_of)(p, k)
#define PUT(p, v) R(store_part)(p, k, v)

/* The loops of all kernels: rows from `begin` on, then vectors at j; GET and PUT take k numbers there, which
 * are all that are left of the row.
 */
#define EACH_ROW for (long row = begin; row < end; row++)
#define EACH_PART for (long j = 0, k = size; j < size; j += LANES, k -= LANES)

static inline vec R(arrived)(const real *gh, const real *g, long j, long k)
{
    if (g)
        return GET(gh + j) + GET(g + j);
    return GET(gh + j);
}

/* Rows of a part: so many that they have `work` numbers, fewer where each takes longer. */
static long R(step_grain)(long work, long size)
{
    return max(1L, work / max(1L, size));
}

static inline vec R(rnn_of)(vec x, int relu)
{
    if (relu)
        return R(choose)(x <= 0, (vec){0}, x);
    return R(vtanh)(x);
}

static inline vec R(rnn_back)(vec g, vec y, int relu)
{
    if (relu)
        return R(choose)(y <= 0, (vec){0}, g);
    return g * (1 - y * y);
}

static void R(rnn_rows)(void *context, long begin, long end)
{
    const arg *a = context;
    const long size = a[4].i;
    const real *s = (const real *)a[0].p + begin * size;
    real *y = (real *)a[1].p + begin * size, *h = (real *)a[2].p + begin * size;
    const int relu = a[5].i != 0;
    for (long j = 0, k = (end - begin) * size; k > 0; j += LANES, k -= LANES) {
        const vec now = R(rnn_of)(GET(y + j) + GET(s + j), relu);
        PUT(y + j, now);
        PUT(h + j, now);
    }
}

KERNEL(rnn_step)
{
    parallel(a[3].i, R(step_grain)(1 << 13, a[4].i), R(rnn_rows), (void *)a);
}

static void R(rnn_rows_backward)(void *context, long begin, long end)
{
    const arg *a = context;
    const long size = a[5].i, first = begin * size;
    const real *gh = (const real *)a[0].p + first, *g = FROM((const real *)a[1].p, first);
    const real *y = (const real *)a[2].p + first;
    real *d = (real *)a[3].p + first;
    const int relu = a[6].i != 0;
    for (long j = 0, k = (end - begin) * size; k > 0; j += LANES, k -= LANES) {
        const vec e = R(arrived)(gh, g, j, k), now = GET(y + j);
        PUT(d + j, R(rnn_back)(e, now, relu));
    }
}

KERNEL(rnn_step_backward)
{
    parallel(a[4].i, R(step_grain)(1 << 14, a[5].i), R(rnn_rows_backward), (void *)a);
}

static void R(gru_rows)(void *context, long begin, long end)
{
    const arg *a = context;
    const long size = a[6].i;
    EACH_ROW {
        const real *s = (const real *)a[0].p + row * 3 * size;
        real *gates = (real *)a[1].p + row * 3 * size, *from_state = (real *)a[2].p + row * size;
        real *h = (real *)a[3].p + row * size, *y = (real *)a[4].p + row * size;
        EACH_PART {
            const vec r = R(vsigmoid)(GET(gates + j) + GET(s + j));
            const vec z = R(vsigmoid)(GET(gates + size + j) + GET(s + size + j));
            const vec recalled = GET(s + 2 * size + j);
            const vec now = R(vtanh)(GET(gates + 2 * size + j) + r * recalled);
            const vec state = (GET(h + j) - now) * z + now;
            PUT(gates + j, r);
            PUT(gates + size + j, z);
            PUT(gates + 2 * size + j, now);
            PUT(from_state + j, recalled);
            PUT(h + j, state);
            PUT(y + j, state);
        }
    }
}

KERNEL(gru_step)
{
    parallel(a[5].i, R(step_grain)(1 << 12, a[6].i), R(gru_rows), (void *)a);
}

static void R(gru_rows_backward)(void *context, long begin, long end)
{
    const arg *a = context;
    const long size = a[8].i;
    EACH_ROW {
        real *gh = (real *)a[0].p + row * size;
        const real *g = FROM((const real *)a[1].p, row * size);
        const real *gates = (const real *)a[2].p + row * 3 * size;
        const real *from_state = (const real *)a[3].p + row * size;
        const real *before = (const real *)a[4].p + row * size;
        real *by_input = (real *)a[5].p + row * 3 * size;
        real *by_state = (real *)a[6].p + row * 3 * size;
        EACH_PART {
            const vec e = R(arrived)(gh, g, j, k), r = GET(gates + j);
            const vec z = GET(gates + size + j), now = GET(gates + 2 * size + j);
            const vec to_n = (1 - z) * (1 - now * now) * e;
            const vec to_z = (GET(before + j) - now) * z * (1 - z) * e;
            const vec by_r = to_n * r, to_r = by_r * GET(from_state + j) * (1 - r);
            PUT(by_input + j, to_r);
            PUT(by_state + j, to_r);
            PUT(by_input + size + j, to_z);
            PUT(by_state + size + j, to_z);
            PUT(by_input + 2 * size + j, to_n);
            PUT(by_state + 2 * size + j, by_r);
            PUT(gh + j, e * z);
        }
    }
}

KERNEL(gru_step_backward)
{
    parallel(a[7].i, R(step_grain)(1 << 13, a[8].i), R(gru_rows_backward), (void *)a);
}

static void R(lstm_rows)(void *context, long begin, long end)
{
    const arg *a = context;
    const long size = a[8].i;
    EACH_ROW {
        const real *s = (const real *)a[0].p + row * 4 * size;
        real *gates = (real *)a[1].p + row * 4 * size, *c = (real *)a[2].p + row * size;
        real *cells = (real *)a[3].p + row * size, *shown = (real *)a[4].p + row * size;
        real *h = FROM((real *)a[5].p, row * size), *y = (real *)a[6].p + row * size;
        EACH_PART {
            const vec in_gate = R(vsigmoid)(GET(gates + j) + GET(s + j));
            const vec forget_gate = R(vsigmoid)(GET(gates + size + j) + GET(s + size + j));
            const vec candidate = R(vtanh)(GET(gates + 2 * size + j) + GET(s + 2 * size + j));
            const vec out_gate = R(vsigmoid)(GET(gates + 3 * size + j) + GET(s + 3 * size + j));
            const vec cell = GET(c + j) * forget_gate + in_gate * candidate, tanh_c = R(vtanh)(cell);
            PUT(gates + j, in_gate);
            PUT(gates + size + j, forget_gate);
            PUT(gates + 2 * size + j, candidate);
            PUT(gates + 3 * size + j, out_gate);
            PUT(c + j, cell);
            PUT(cells + j, cell);
            PUT(shown + j, tanh_c);
            PUT(y + j, tanh_c * out_gate);
            if (h)
                PUT(h + j, tanh_c * out_gate);
        }
    }
}

KERNEL(lstm_step)
{
    parallel(a[7].i, R(step_grain)(1 << 12, a[8].i), R(lstm_rows), (void *)a);
}

static void R(lstm_rows_backward)(void *context, long begin, long end)
{
    const arg *a = context;
    const long size = a[8].i;
    EACH_ROW {
        const real *gh = (const real *)a[0].p + row * size;
        const real *g = FROM((const real *)a[1].p, row * size);
        const real *gates = (const real *)a[2].p + row * 4 * size;
        const real *before = (const real *)a[3].p + row * size;
        const real *shown = (const real *)a[4].p + row * size;
        real *gc = (real *)a[5].p + row * size, *d = (real *)a[6].p + row * 4 * size;
        EACH_PART {
            const vec m = R(arrived)(gh, g, j, k), tanh_c = GET(shown + j);
            const vec in_gate = GET(gates + j), forget_gate = GET(gates + size + j);
            const vec candidate = GET(gates + 2 * size + j), out_gate = GET(gates + 3 * size + j);
            const vec e = GET(gc + j) + out_gate * (1 - tanh_c * tanh_c) * m;
            PUT(d + j, in_gate * (1 - in_gate) * candidate * e);
            PUT(d + size + j, forget_gate * (1 - forget_gate) * GET(before + j) * e);
            PUT(d + 2 * size + j, (1 - candidate * candidate) * in_gate * e);
            PUT(d + 3 * size + j, out_gate * (1 - out_gate) * tanh_c * m);
            PUT(gc + j, e * forget_gate);
        }
    }
}

KERNEL(lstm_step_backward)
{
    parallel(a[7].i, R(step_grain)(1 << 13, a[8].i), R(lstm_rows_backward), (void *)a);
}

#undef FROM
#undef GET
#undef PUT
#undef EACH_ROW
#undef EACH_PART
