/* Softmax and cross-entropy. x is seen as (outer, n, inner); the sum is over the middle axis.
 *
 * softmax(x, y, outer, n, inner, log)              y = e^x / sum e^x, or its logarithm
 * softmax_backward(g, y, gx, outer, n, inner, log) gx = (g - sum g y) y, or g - e^y sum g
 * cross_entropy(x, classes, y, stats, N, C)   y[i] = log softmax(x[i])[classes[i]]; stats (N, 2):
 *                                                  the greatest of row i, and log sum e^(x - it)
 * cross_entropy_backward(g, x, classes, stats, gx, N, C)   gx[i] = g[i] (onehot - softmax(x[i]))
 *
 * classes are int64 and in range. The greatest element is taken out of exponentials. A NaN, or an
 * infinity that leaves no difference, makes a whole row NaN. Reference: ops/network/softmax.py and
 * cross_entropy_rows.py.
 */
typedef struct {
    const real *x, *s;
    const int64_t *classes;
    real *y, *stats;
    long n, inner;
    int log, far;
} R(rows);

/* `count` elements, the rest of the lanes filled. */
static inline vec R(load_part)(const real *x, long count, real fill)
{
    if (count >= LANES)
        return *(const vec *)x;
    vec v = R(splat)(fill);
    memcpy(&v, x, (size_t)count * sizeof(real));
    return v;
}

static inline void R(store_part)(real *y, long count, vec v)
{
    if (count >= LANES)
        *(vec *)y = v;
    else
        memcpy(y, &v, (size_t)count * sizeof(real));
}

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

/* The greatest of a row, and the sum of e^(x - greatest); these are put to `e`, if given. */
static double R(exponentials)(const real *x, real *e, long n, real *greatest)
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

static void R(softmax_row)(const R(rows) *p, const real *x, real *y)
{
    real top;
    double total = R(exponentials)(x, p->log ? NULL : y, p->n, &top);
    if (p->log) {
        real rest = (real)log(total);
        long i = 0;
        for (; i + LANES <= p->n; i += LANES)
            *(vec *)(y + i) = *(const vec *)(x + i) - top - rest;
        for (; i < p->n; i++)
            y[i] = x[i] - top - rest;
    } else {
        real share = (real)(1 / total); /* as exact as dividing by a rounded total */
        long i = 0;
        for (; i + LANES <= p->n; i += LANES)
            *(vec *)(y + i) *= share;
        for (; i < p->n; i++)
            y[i] *= share;
    }
}

/* LANES columns, whose rows are `step` apart; y may be x. */
static void R(softmax_columns)(const R(rows) *p, const real *x, real *y, long step)
{
    vec top = R(splat)(-INFINITY), total = {0}, part = {0}, rest = {0};
    for (long i = 0; i < p->n; i++)
        top = R(greater)(*(const vec *)(x + i * step), top);
    for (long i = 0; i < p->n; i++) {
        vec e = R(vexp_below)(*(const vec *)(x + i * step) - top);
        if (!p->log)
            *(vec *)(y + i * step) = e;
        part += e;
        if (i % 64 == 63 || i == p->n - 1) {
            total += part;
            part = rest;
        }
    }
    if (p->log)
        for (int k = 0; k < LANES; k++)
            rest[k] = (real)log((double)total[k]);
    const vec share = 1 / total;
    for (long i = 0; i < p->n; i++)
        if (p->log)
            *(vec *)(y + i * step) = *(const vec *)(x + i * step) - top - rest;
        else
            *(vec *)(y + i * step) *= share;
}

enum { R(TILE) = 65536 / sizeof(real) }; /* elements of columns that are worked on together */

/* Whether columns are copied to tiles: where their rows lie powers of two apart, so that they would
 * drive each other out of the first cache, and where results are written past the caches.
 */
static int R(in_tiles)(const R(rows) *p)
{
    return p->far || p->inner * (long)sizeof(real) % 1024 == 0;
}

/* How many columns a tile has, of so many rows: some lines of the cache. */
static long R(tile_width)(long n)
{
    return max(1, min(16, R(TILE) / (max(1, n) * LANES))) * LANES;
}

/* `width` columns to a tile. How far apart its rows are. */
static long R(fill_tile)(real *tile, const real *x, long n, long inner, long width)
{
    const long step = (width + LANES - 1) / LANES * LANES;
    for (long i = 0; i < n; i++)
        memcpy(tile + i * step, x + i * inner, (size_t)width * sizeof(real));
    return step;
}

static void R(empty_tile)(const R(rows) *p, const real *tile, long step, real *y, long width)
{
    for (long i = 0; i < p->n; i++)
        if (p->far)
            R(put)(y + i * p->inner, tile + i * step, width * (long)sizeof(real));
        else
            memcpy(y + i * p->inner, tile + i * step, (size_t)width * sizeof(real));
}

static void R(softmax_tiles)(const R(rows) *p, const real *x, real *y)
{
    const long most = R(tile_width)(p->n);
    long j = 0;
    for (; !R(in_tiles)(p) && j + LANES <= p->inner; j += LANES)
        R(softmax_columns)(p, x + j, y + j, p->inner);
    real *tile = j < p->inner ? scratch(0, (size_t)(p->n * most) * sizeof(real)) : NULL;
    for (; tile && j < p->inner; j += most) {
        const long width = min(most, p->inner - j);
        const long step = R(fill_tile)(tile, x + j, p->n, p->inner, width);
        for (long k = 0; k < width; k += LANES)
            R(softmax_columns)(p, tile + k, tile + k, step);
        R(empty_tile)(p, tile, step, y + j, width);
    }
}

static void R(softmax_range)(void *context, long begin, long end)
{
    const R(rows) *p = context;
    for (long row = begin; row < end; row++) {
        long at = row * p->n * p->inner;
        if (p->inner == 1)
            R(softmax_row)(p, p->x + at, p->y + at);
        else
            R(softmax_tiles)(p, p->x + at, p->y + at);
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
    p.far = R(is_far)(a[2].i * p.n * p.inner * (long)sizeof(real));
    parallel(a[2].i, R(row_grain)(&p), R(softmax_range), &p);
}

static inline vec R(softmax_slope)(vec g, vec y, vec total, int log)
{
    if (log)
        return g - R(vexp_below)(y) * total;
    return (g - total) * y;
}

/* The same of g and y; gx may be g. */
static void R(softmax_columns_back)(const R(rows) *p, const real *g, const real *y, real *gx,
                                    long step)
{
    vec total = {0}, part = {0}, none = {0};
    for (long i = 0; i < p->n; i++) {
        vec here = *(const vec *)(g + i * step);
        if (!p->log)
            here *= *(const vec *)(y + i * step);
        part += here;
        if (i % 64 == 63 || i == p->n - 1) {
            total += part;
            part = none;
        }
    }
    for (long i = 0; i < p->n; i++)
        *(vec *)(gx + i * step) = R(softmax_slope)(*(const vec *)(g + i * step),
                                                   *(const vec *)(y + i * step), total, p->log);
}

static void R(softmax_tiles_back)(const R(rows) *p, const real *g, const real *y, real *gx)
{
    const long most = R(tile_width)(2 * p->n), size = p->n * most;
    long j = 0;
    for (; !R(in_tiles)(p) && j + LANES <= p->inner; j += LANES)
        R(softmax_columns_back)(p, g + j, y + j, gx + j, p->inner);
    real *tile = j < p->inner ? scratch(0, (size_t)(2 * size) * sizeof(real)) : NULL;
    for (; tile && j < p->inner; j += most) {
        const long width = min(most, p->inner - j);
        R(fill_tile)(tile, g + j, p->n, p->inner, width);
        const long step = R(fill_tile)(tile + size, y + j, p->n, p->inner, width);
        for (long k = 0; k < width; k += LANES)
            R(softmax_columns_back)(p, tile + k, tile + size + k, tile + k, step);
        R(empty_tile)(p, tile, step, gx + j, width);
    }
}

/* One factor of the sum: g, or g y. */
static inline vec R(softmax_term)(vec g, const real *y, int log)
{
    if (log)
        return g;
    return g * *(const vec *)y;
}

static void R(softmax_row_back)(const R(rows) *p, const real *g, const real *y, real *gx)
{
    double total = 0;
    long n = p->n, i = 0;
    while (i + LANES <= n) { /* at most 64 vectors are added up in `real` */
        long end = min(i + 64 * LANES, n);
        vec one = {0}, two = {0};
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            one += R(softmax_term)(*(const vec *)(g + i), y + i, p->log);
            two += R(softmax_term)(*(const vec *)(g + i + LANES), y + i + LANES, p->log);
        }
        for (; i + LANES <= end; i += LANES)
            one += R(softmax_term)(*(const vec *)(g + i), y + i, p->log);
        total += (double)R(sum_lanes)(one + two);
    }
    real last = 0;
    for (; i < n; i++)
        last += p->log ? g[i] : g[i] * y[i];
    vec sum = R(splat)((real)(total + (double)last));
    for (i = 0; i + LANES <= n; i += LANES)
        *(vec *)(gx + i) = R(softmax_slope)(*(const vec *)(g + i), *(const vec *)(y + i), sum,
                                            p->log);
    if (i < n)
        R(store_part)(gx + i, n - i,
                      R(softmax_slope)(R(load_part)(g + i, n - i, 0), R(load_part)(y + i, n - i, 0),
                                       sum, p->log));
}

static void R(softmax_backward_range)(void *context, long begin, long end)
{
    const R(rows) *p = context;
    for (long row = begin; row < end; row++) {
        long at = row * p->n * p->inner;
        if (p->inner == 1)
            R(softmax_row_back)(p, p->x + at, p->s + at, p->y + at);
        else
            R(softmax_tiles_back)(p, p->x + at, p->s + at, p->y + at);
    }
    PUT_END();
}

KERNEL(softmax_backward)
{
    R(rows) p = {.x = a[0].p, .s = a[1].p, .y = a[2].p, .n = a[4].i, .inner = a[5].i,
                 .log = (int)a[6].i};
    p.far = R(is_far)(a[3].i * p.n * p.inner * (long)sizeof(real));
    parallel(a[3].i, R(row_grain)(&p), R(softmax_backward_range), &p);
}

static void R(cross_entropy_range)(void *context, long begin, long end)
{
    const R(rows) *p = context;
    for (long row = begin; row < end; row++) {
        const real *x = p->x + row * p->n;
        real top, rest = (real)log(R(exponentials)(x, NULL, p->n, &top));
        p->stats[2 * row] = top;
        p->stats[2 * row + 1] = rest;
        p->y[row] = x[p->classes[row]] - top - rest;
    }
}

KERNEL(cross_entropy)
{
    R(rows) p = {.x = a[0].p, .classes = a[1].p, .y = a[2].p, .stats = a[3].p, .n = a[5].i,
                 .inner = 1};
    parallel(a[4].i, R(row_grain)(&p), R(cross_entropy_range), &p);
}

static void R(cross_entropy_backward_range)(void *context, long begin, long end)
{
    const R(rows) *p = context;
    for (long row = begin; row < end; row++) {
        const real *x = p->s + row * p->n;
        real *gx = p->y + row * p->n, g = p->x[row];
        real top = p->stats[2 * row], rest = p->stats[2 * row + 1];
        for (long i = 0; i < p->n; i += LANES)
            R(store_part)(gx + i, p->n - i,
                          R(vexp_below)(R(load_part)(x + i, p->n - i, 0) - top - rest) * -g);
        gx[p->classes[row]] += g;
    }
}

KERNEL(cross_entropy_backward)
{
    R(rows) p = {.x = a[0].p, .s = a[1].p, .classes = a[2].p, .stats = a[3].p, .y = a[4].p,
                 .n = a[6].i, .inner = 1};
    parallel(a[5].i, R(row_grain)(&p), R(cross_entropy_backward_range), &p);
}
