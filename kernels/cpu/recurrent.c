/* One step of recurrent layers, and one step back, over the sequences that take part in it.
 *
 *     rnn_step(s, y, h, n, size, relu)       y = f(y + s), h = y; f tanh, or relu
 *     rnn_step_backward(gh, g, y, d, n, size, relu)                      d = (gh + g) f'
 *     gru_step(s, gates, rest, h, y, n, size)
 *         r, z = sigmoid(gates + s), rest = s_n, n = tanh(gates_n + r rest), y = h = n + z (h - n)
 *     gru_step_backward(gh, g, gates, rest, before, by_input, by_state, n, size)
 *         with e = gh + g: to n's argument a = e (1 - z) (1 - n^2), to z's e (before - n) z (1 - z), to
 *         r's a rest r (1 - r); by_state has a r in place of a; gh = e z
 *     lstm_step(s, gates, c, cells, shown, h, y, n, size)
 *         i, f, a, o = sigmoid, sigmoid, tanh, sigmoid of gates + s, cells = c = f c + i a,
 *         shown = tanh(c), y = h = o shown; h may be NULL
 *     lstm_step_backward(gh, g, gates, before, shown, gc, d, n, size)
 *         with m = gh + g, e = gc + m o (1 - shown^2): d = e a i (1 - i), e before f (1 - f),
 *         e i (1 - a^2), m shown o (1 - o); gc = e f
 *
 * s is what the state adds to the gates, which are what the input adds, and become the gates; g,
 * the gradient of the output, may be NULL. Rows of `size` numbers, of gates as many times that, all
 * without gaps; n rows. Reference: ops/network/recurrent_gates.py.
 */
#define FROM(p, offset) ((p) ? (p) + (offset) : NULL)
#define GET(p) R(some_of)(p, k)
#define PUT(p, v) R(store_part)(p, k, v)

/* What the loops of all kernels are: rows from `begin` on, then vectors at j of k numbers each. */
#define EACH_ROW for (long row = begin; row < end; row++)
#define EACH_PART for (long j = 0, k = size; j < size; j += LANES, k -= LANES)

static inline vec R(arrived)(const real *gh, const real *g, long j, long k)
{
    if (g)
        return GET(gh + j) + GET(g + j);
    return GET(gh + j);
}

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
        real *gates = (real *)a[1].p + row * 3 * size, *rest = (real *)a[2].p + row * size;
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
            PUT(rest + j, recalled);
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
        const real *rest = (const real *)a[3].p + row * size;
        const real *before = (const real *)a[4].p + row * size;
        real *by_input = (real *)a[5].p + row * 3 * size;
        real *by_state = (real *)a[6].p + row * 3 * size;
        EACH_PART {
            const vec e = R(arrived)(gh, g, j, k), r = GET(gates + j);
            const vec z = GET(gates + size + j), now = GET(gates + 2 * size + j);
            const vec to_n = (1 - z) * (1 - now * now) * e;
            const vec to_z = (GET(before + j) - now) * z * (1 - z) * e;
            const vec recalled = to_n * r, to_r = recalled * GET(rest + j) * (1 - r);
            PUT(by_input + j, to_r);
            PUT(by_state + j, to_r);
            PUT(by_input + size + j, to_z);
            PUT(by_state + size + j, to_z);
            PUT(by_input + 2 * size + j, to_n);
            PUT(by_state + 2 * size + j, recalled);
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
            const vec in = R(vsigmoid)(GET(gates + j) + GET(s + j));
            const vec forget = R(vsigmoid)(GET(gates + size + j) + GET(s + size + j));
            const vec new = R(vtanh)(GET(gates + 2 * size + j) + GET(s + 2 * size + j));
            const vec out = R(vsigmoid)(GET(gates + 3 * size + j) + GET(s + 3 * size + j));
            const vec cell = GET(c + j) * forget + in * new, show = R(vtanh)(cell);
            PUT(gates + j, in);
            PUT(gates + size + j, forget);
            PUT(gates + 2 * size + j, new);
            PUT(gates + 3 * size + j, out);
            PUT(c + j, cell);
            PUT(cells + j, cell);
            PUT(shown + j, show);
            PUT(y + j, show * out);
            if (h)
                PUT(h + j, show * out);
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
            const vec m = R(arrived)(gh, g, j, k), show = GET(shown + j);
            const vec in = GET(gates + j), forget = GET(gates + size + j);
            const vec new = GET(gates + 2 * size + j), out = GET(gates + 3 * size + j);
            const vec e = GET(gc + j) + out * (1 - show * show) * m;
            PUT(d + j, in * (1 - in) * new * e);
            PUT(d + size + j, forget * (1 - forget) * GET(before + j) * e);
            PUT(d + 2 * size + j, (1 - new * new) * in * e);
            PUT(d + 3 * size + j, out * (1 - out) * show * m);
            PUT(gc + j, e * forget);
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
