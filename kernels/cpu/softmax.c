/* Softmax. x is seen as (outer, n, inner); the sum is over the middle axis.
 *
 * softmax(x, y, outer, n, inner, log)              y = e^x / sum e^x, or its logarithm
 * softmax_backward(g, y, gx, outer, n, inner, log) gx = (g - sum g y) y, or g - e^y sum g
 * logsumexp(x, y, rows, n)                         y = log sum e^x, of rows
 *
 * The greatest element is taken out of exponentials. A NaN, or an infinity that leaves no difference,
 * makes a whole row NaN. Reference: ops/network/softmax.py.
 */
/* The greatest of a row; four at a time, as each comparison waits for the one before. */
static real R(greatest_of)(const real *x, long n)
{
    vec m0 = R(splat)(-INFINITY), m1 = m0, m2 = m0, m3 = m0;
    long i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        m0 = R(greater)(*(const vec *)(x + i), m0);
        m1 = R(greater)(*(const vec *)(x + i + LANES), m1);
        m2 = R(greater)(*(const vec *)(x + i + 2 * LANES), m2);
        m3 = R(greater)(*(const vec *)(x + i + 3 * LANES), m3);
    }
    for (; i < n; i += LANES)
        m0 = R(greater)(R(load_part)(x + i, n - i, -INFINITY), m0);
    return R(max_lanes)(R(greater)(R(greater)(m0, m1), R(greater)(m2, m3)));
}

/* The greatest of a row, and the sum of e^(x - greatest); these are put to `e`, if given. `next`: what
 * memory is asked for meanwhile, or NULL.
 */
static double R(exponentials)(const real *x, real *e, long n, real *greatest, const real *next)
{
    real top = *greatest = R(greatest_of)(x, n);
    double total = 0;
    for (long begin = 0; begin < n; begin += 64 * LANES) { /* so many are added up in `real` */
        long end = min(begin + 64 * LANES, n), i = begin;
        vec sum = {0};
        for (; i + LANES <= end; i += LANES) {
            vec v = R(vexp_below)(*(const vec *)(x + i) - top);
            if (e)
                *(vec *)(e + i) = v;
            if (next)
                __builtin_prefetch(next + i);
            sum += v;
        }
        if (i < end) {
            vec v = R(vexp_below)(R(load_part)(x + i, end - i, -INFINITY) - top);
            if (e)
                R(store_part)(e + i, end - i, v);
            sum += v; /* nothing in the lanes beyond the end, or NaN in all */
        }
        total += (double)R(sum_lanes)(sum);
    }
    return total;
}

/* What is the same for all elements of a row: what they are read from (g: of cross-entropy one number),
 * and two numbers; n if memory is to be asked for the next row, else 0.
 */
typedef struct {
    const real *x, *g;
    vec one, two;
    long class, ask;
    int log;
} R(row);

/* x - top - rest, or e^(x - top) / sum. */
INLINE vec R(softmax_of)(const R(row) *r, vec x)
{
    return r->log ? x - r->one - r->two : x * r->one;
}

static void R(softmax_some)(const void *context, real *out, long begin, long end)
{
    const R(row) r = *(const R(row) *)context;
    long i = begin;
    for (; i + LANES <= end; i += LANES)
        *(vec *)(out + i - begin) = R(softmax_of)(&r, *(const vec *)(r.x + i));
    if (i < end)
        R(store_part)(out + i - begin, end - i, R(softmax_of)(&r, R(some_of)(r.x + i, end - i)));
}

/* A short row: its result is not handed on in blocks. */
static void R(softmax_short_row)(const real *x, real *y, long n)
{
    real top;
    const double total = R(exponentials)(x, y, n, &top, NULL);
    const vec one = R(splat)((real)(1 / total)); /* as exact as dividing by a rounded total */
    for (long i = 0; i < n; i += LANES)
        R(store_part)(y + i, n - i, R(some_of)(y + i, n - i) * one);
}

static void R(log_softmax_short_row)(const real *x, real *y, long n)
{
    real top;
    const double total = R(exponentials)(x, NULL, n, &top, NULL);
    const vec one = R(splat)(top), two = R(splat)((real)log(total));
    for (long i = 0; i < n; i += LANES)
        R(store_part)(y + i, n - i, R(some_of)(x + i, n - i) - one - two);
}

static void R(softmax_row)(const R(rows) *p, const real *x, real *y)
{
    real top;
    real *e = p->log ? NULL : p->far ? scratch(0, (size_t)p->n * sizeof(real)) : y;
    if (!p->log && !e)
        return;
    const double total = R(exponentials)(x, e, p->n, &top, p->asks ? x + p->n : NULL);
    R(row) r = {.x = p->log ? x : e, .log = p->log};
    r.one = R(splat)(p->log ? top : (real)(1 / total)); /* as exact as dividing by a rounded total */
    r.two = R(splat)(p->log ? (real)log(total) : 0);
    R(deliver_some)(R(softmax_some), &r, y, p->far, 0, p->n);
}

/* Rows of a few elements are turned, LANES of them at a time, and are columns then: as rows they
 * would leave many lanes empty, and each would wait for a sum of lanes.
 */
enum { R(FEW) = 3 * LANES };

INLINE int R(is_few)(const R(rows) *p)
{
    return p->inner == 1 && p->n < R(FEW);
}

static void R(softmax_turned)(const R(rows) *p, long begin, long end)
{
    real x[R(FEW) * LANES] = {0}, tile[R(FEW) * LANES];
    const R(band) c = {.x = x, .tile = tile, .to = x, .n = p->n, .inner = LANES, .width = LANES,
                       .step = LANES, .to_step = LANES, .log = p->log};
    for (long row = begin; row < end; row += LANES) {
        const long rows = min((long)LANES, end - row), at = row * p->n;
        R(turn)(p->x + at, p->n, rows, p->n, x, LANES);
        R(softmax_strip)(&c);
        R(turn)(x, LANES, p->n, rows, p->y + at, p->n);
    }
}

static void R(softmax_range)(void *context, long begin, long end)
{
    const R(rows) *p = context;
    if (R(is_few)(p)) {
        R(softmax_turned)(p, begin, end);
        return;
    }
    for (long row = begin; row < end; row++) {
        long at = row * p->n * p->inner;
        if (p->inner > 1)
            R(each_strip)(p, row, 1, R(softmax_strip));
        else if (!R(is_short)(p))
            R(softmax_row)(p, p->x + at, p->y + at);
        else if (p->log)
            R(log_softmax_short_row)(p->x + at, p->y + at, p->n);
        else
            R(softmax_short_row)(p->x + at, p->y + at, p->n);
    }
    PUT_END();
}

static long R(row_grain)(const R(rows) *p)
{
    return max(1, (1 << 13) / max(1, p->n * p->inner));
}

KERNEL(softmax)
{
    R(rows) p = {.x = a[0].p, .y = a[1].p, .n = a[3].i, .inner = a[4].i, .log = (int)a[5].i};
    p = R(of_size)(p, a[2].i * p.n * p.inner * (long)sizeof(real));
    parallel(a[2].i, R(row_grain)(&p), R(softmax_range), &p);
}

/* (g - sum) y, or g - e^y sum. */
static void R(softmax_back_some)(const void *context, real *out, long begin, long end)
{
    const R(row) r = *(const R(row) *)context;
    if (r.ask) {
        R(ask_near)(r.x + r.ask + begin, end - begin);
        R(ask_near)(r.g + r.ask + begin, end - begin);
    }
    long i = begin;
    for (; i + LANES <= end; i += LANES)
        *(vec *)(out + i - begin) =
            R(softmax_slope)(*(const vec *)(r.g + i), *(const vec *)(r.x + i), r.one, r.log);
    if (i < end)
        R(store_part)(out + i - begin, end - i,
                      R(softmax_slope)(R(some_of)(r.g + i, end - i), R(some_of)(r.x + i, end - i),
                                       r.one, r.log));
}

static void R(softmax_row_back)(const R(rows) *p, const real *g, const real *y, real *gx)
{
    double total = 0;
    long n = p->n, i = 0;
    while (i + LANES <= n) { /* at most 64 vectors are added up in `real` */
        long end = min(i + 64 * LANES, n);
        vec one = {0}, two = {0};
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            one += R(softmax_term)(*(const vec *)(g + i), *(const vec *)(y + i), p->log);
            two += R(softmax_term)(*(const vec *)(g + i + LANES), *(const vec *)(y + i + LANES), p->log);
        }
        for (; i + LANES <= end; i += LANES)
            one += R(softmax_term)(*(const vec *)(g + i), *(const vec *)(y + i), p->log);
        total += (double)R(sum_lanes)(one + two);
    }
    real last = 0;
    for (; i < n; i++)
        last += p->log ? g[i] : g[i] * y[i];
    const R(row) r = {.x = y, .g = g, .one = R(splat)((real)(total + (double)last)), .log = p->log,
                      .ask = p->asks ? n : 0};
    R(deliver_some)(R(softmax_back_some), &r, gx, p->far, 0, n);
}

/* A short row: one sum for at most 64 vectors in each lane. */
INLINE void R(short_row_back)(const real *g, const real *y, real *gx, long n, const int log)
{
    vec one = {0}, two = {0};
    long i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        one += R(softmax_term)(*(const vec *)(g + i), *(const vec *)(y + i), log);
        two += R(softmax_term)(*(const vec *)(g + i + LANES), *(const vec *)(y + i + LANES), log);
    }
    for (; i < n; i += LANES)
        one += R(softmax_term)(R(some_of)(g + i, n - i), R(some_of)(y + i, n - i), log);
    const vec total = R(splat)(R(sum_lanes)(one + two));
    for (i = 0; i < n; i += LANES)
        R(store_part)(gx + i, n - i,
                      R(softmax_slope)(R(some_of)(g + i, n - i), R(some_of)(y + i, n - i), total, log));
}

INLINE void R(short_rows_back)(const R(rows) *p, long begin, long end, const int log)
{
    for (long at = begin * p->n; at < end * p->n; at += p->n)
        R(short_row_back)(p->x + at, p->s + at, p->y + at, p->n, log);
}

static void R(softmax_backward_range)(void *context, long begin, long end)
{
    const R(rows) *p = context;
    if (R(is_short)(p)) {
        if (p->log)
            R(short_rows_back)(p, begin, end, 1);
        else
            R(short_rows_back)(p, begin, end, 0);
        return;
    }
    for (long row = begin; row < end; row++) {
        long at = row * p->n * p->inner;
        if (p->inner == 1)
            R(softmax_row_back)(p, p->x + at, p->s + at, p->y + at);
        else
            R(each_strip)(p, row, 2, R(softmax_strip_back));
    }
    PUT_END();
}

KERNEL(softmax_backward)
{
    R(rows) p = {.x = a[0].p, .s = a[1].p, .y = a[2].p, .n = a[4].i, .inner = a[5].i,
                 .log = (int)a[6].i};
    p = R(of_size)(p, a[3].i * p.n * p.inner * (long)sizeof(real));
    parallel(a[3].i, R(row_grain)(&p), R(softmax_backward_range), &p);
}

static void R(logsumexp_range)(void *context, long begin, long end)
{
    const R(rows) *p = context;
    for (long row = begin; row < end; row++) {
        const real *x = p->x + row * p->n;
        real top;
        const double total = R(exponentials)(x, NULL, p->n, &top, NULL);
        p->y[row] = (real)((double)top + log(total));
        if (isinf(top)) { /* there are no differences; but NaN may be among the others */
            p->y[row] = top;
            for (long i = 0; i < p->n; i++)
                p->y[row] = x[i] != x[i] ? x[i] : p->y[row];
        }
    }
}

KERNEL(logsumexp)
{
    R(rows) p = {.x = a[0].p, .y = a[1].p, .n = a[3].i, .inner = 1};
    parallel(a[2].i, R(row_grain)(&p), R(logsumexp_range), &p);
}
