/* Pooling over windows that slide over planes (planes, h, w) -> (planes, oh, ow), without gaps.
 *
 * max_pool(x, y, taps, planes, G...)            y = the greatest element of each window; taps,
 *     uint8: which one it was, i kw + j. The first of equals wins; of NaNs, which win
 *     over all, the last.
 * max_pool_backward(g, taps, gx, planes, G...)  g added to gx at the winners' places, 0 elsewhere
 * max_pool_places(taps, places, planes, G...)   the winners' places in their plane, int64
 * avg_pool(x, y, planes, G..., include_pad, divisor) y = the sum of each window / its count
 * avg_pool_backward(g, gx, planes, G..., include_pad, divisor)  its transpose
 *
 * G is the geometry: h, w, oh, ow, kh, kw, sh, sw, ph, pw (sizes, kernel, stride, padding). At
 * least one element of each window lies inside; kh kw <= 256. The count of a window is `divisor`,
 * or if that is 0 its number of places, with those of the margin if include_pad.
 * Reference: MaxPool, MaxPlaces, WindowMean, WindowSpread of ops/image/pool_windows.py.
 *
 * A row of outputs is done LANES at a time where whole windows lie inside. The last vector of a row
 * may write beyond its end: the next row overwrites that, and the last rows do without.
 */
typedef struct {
    const real *x;
    real *y;
    uint8_t *taps;
    int64_t *places;
    long planes, h, w, oh, ow, kh, kw, sh, sw, ph, pw, include_pad;
    real divisor;
    long lo, hi; /* the columns of outputs whose windows lie between the left and the right edge */
} R(pool);

static R(pool) R(pool_of)(const arg *a)
{
    R(pool) p = {.planes = a[0].i, .h = a[1].i, .w = a[2].i, .oh = a[3].i, .ow = a[4].i,
                 .kh = a[5].i, .kw = a[6].i, .sh = a[7].i, .sw = a[8].i, .ph = a[9].i,
                 .pw = a[10].i};
    p.lo = min((p.pw + p.sw - 1) / p.sw, p.ow);
    p.hi = p.w + p.pw < p.kw ? 0 : min((p.w + p.pw - p.kw) / p.sw + 1, p.ow);
    p.hi = max(p.hi, p.lo);
    return p;
}

/* Planes for one part of the work. */
static long R(pool_grain)(const R(pool) *p)
{
    return max(1, (1 << 15) / max(1, p->h * p->w));
}

/* LANES elements that lie `step` (1 or 2) apart. */
static inline vec R(load_step)(const real *x, long step)
{
    if (step == 1)
        return *(const vec *)x;
    return R(evens)(*(const vec *)x, *(const vec *)(x + LANES));
}

typedef struct {
    long top, left, i0, i1, j0, j1; /* where a window begins; its rows, columns inside */
} R(window);

static inline R(window) R(window_at)(const R(pool) *p, long o, long q)
{
    R(window) v = {.top = o * p->sh - p->ph, .left = q * p->sw - p->pw};
    v.i0 = max(0, -v.top);
    v.i1 = min(p->kh, p->h - v.top);
    v.j0 = max(0, -v.left);
    v.j1 = min(p->kw, p->w - v.left);
    return v;
}

static void R(max_pool_one)(const R(pool) *p, const real *x, long o, long q, real *y, uint8_t *tap)
{
    R(window) v = R(window_at)(p, o, q);
    real best = x[(v.top + v.i0) * p->w + v.left + v.j0];
    long winner = v.i0 * p->kw + v.j0;
    for (long i = v.i0; i < v.i1; i++)
        for (long j = v.j0; j < v.j1; j++) {
            real here = x[(v.top + i) * p->w + v.left + j];
            if (here > best || here != here) {
                best = here;
                winner = i * p->kw + j;
            }
        }
    *y = best;
    *tap = (uint8_t)winner;
}

/* Up to where a row of outputs can be done in vectors without reading beyond x + read, or writing
 * beyond y + write elements.
 */
static long R(vector_end)(const R(pool) *p, const R(window) *v, long read, long write)
{
    if (p->sw > 2)
        return p->lo;
    long last = (v->top + v->i1 - 1) * p->w - p->pw + p->kw - 1; /* read for column 0, last tap */
    long spare = read - last - p->sw * LANES; /* negative: there is no place for one vector */
    long most = min(write - LANES, spare < 0 ? -1 : spare / p->sw);
    return most < p->lo ? p->lo : min(p->hi, most + 1);
}

static inline void R(max_pool_block)(const R(pool) *p, const R(window) *v, const real *x, long step,
                                     real *y, uint8_t *taps)
{
    vec best = R(load_step)(x + v->i0 * p->w, step);
    mask winner = (mask){0} + (whole)(v->i0 * p->kw);
    for (long i = v->i0; i < v->i1; i++)
        for (long j = 0; j < p->kw; j++) {
            vec here = R(load_step)(x + i * p->w + j, step);
            mask better = (here > best) | (here != here);
            best = R(choose)(better, here, best);
            winner = (better & (whole)(i * p->kw + j)) | (~better & winner);
        }
    *(vec *)y = best;
    R(store_bytes)(taps, winner);
}

static void R(max_pool_range)(void *context, long begin, long end)
{
    const R(pool) *p = context;
    long size = p->h * p->w, out = p->oh * p->ow;
    for (long plane = begin; plane < end; plane++) {
        const real *x = p->x + plane * size;
        for (long o = 0; o < p->oh; o++) {
            long at = plane * out + o * p->ow, q = p->lo;
            real *y = p->y + at;
            uint8_t *taps = p->taps + at;
            R(window) v = R(window_at)(p, o, 0);
            long stop = R(vector_end)(p, &v, (p->planes - plane) * size, end * out - at);
            for (; q < stop; q += LANES) {
                const real *from = x + (v.top * p->w + q * p->sw - p->pw);
                if (p->sw == 1)
                    R(max_pool_block)(p, &v, from, 1, y + q, taps + q);
                else
                    R(max_pool_block)(p, &v, from, 2, y + q, taps + q);
            }
            for (q = min(q, p->hi); q < p->ow; q++)
                R(max_pool_one)(p, x, o, q, y + q, taps + q);
            for (q = 0; q < p->lo; q++)
                R(max_pool_one)(p, x, o, q, y + q, taps + q);
        }
    }
}

KERNEL(max_pool)
{
    R(pool) p = R(pool_of)(a + 3);
    p.x = a[0].p;
    p.y = a[1].p;
    p.taps = a[2].p;
    parallel(p.planes, R(pool_grain)(&p), R(max_pool_range), &p);
}

/* Windows two wide, side by side, that fill whole rows: every element is written once. (For rows
 * of less than a vector it is faster to write zeros, and then the winners.)
 */
static void R(max_pool_pairs)(const R(pool) *p, long begin, long end)
{
    long size = p->h * p->w, out = p->oh * p->ow;
    for (long plane = begin; plane < end; plane++)
        for (long o = 0; o < p->oh; o++)
            for (long i = 0; i < p->kh; i++) {
                long at = plane * out + o * p->ow;
                const real *g = p->x + at;
                const uint8_t *taps = p->taps + at;
                real *gx = p->y + plane * size + (o * p->kh + i) * p->w;
                long room = p->planes * out - at, q = 0;
                long write = end * size - plane * size - (o * p->kh + i) * p->w;
                for (; q < p->ow && q + LANES <= room && 2 * (q + LANES) <= write; q += LANES) {
                    mask winner = R(load_bytes)(taps + q);
                    vec here = *(const vec *)(g + q), zero = {0};
                    vec one = R(choose)(winner == (whole)(2 * i), here, zero);
                    vec two = R(choose)(winner == (whole)(2 * i + 1), here, zero);
                    *(vec *)(gx + 2 * q) = R(zip_low)(one, two);
                    *(vec *)(gx + 2 * q + LANES) = R(zip_high)(one, two);
                }
                for (; q < p->ow; q++) {
                    gx[2 * q] = taps[q] == 2 * i ? g[q] : 0;
                    gx[2 * q + 1] = taps[q] == 2 * i + 1 ? g[q] : 0;
                }
            }
}

static void R(max_pool_backward_range)(void *context, long begin, long end)
{
    const R(pool) *p = context;
    long size = p->h * p->w, out = p->oh * p->ow;
    if (p->ow >= LANES && p->kw == 2 && p->sw == 2 && p->sh == p->kh && !p->ph && !p->pw &&
        p->w == 2 * p->ow && p->h == p->kh * p->oh) {
        R(max_pool_pairs)(p, begin, end);
        return;
    }
    long away[256]; /* of each tap from the window's begin */
    for (long t = 0; t < p->kh * p->kw; t++)
        away[t] = t / p->kw * p->w + t % p->kw;
    int apart = p->sh >= p->kh && p->sw >= p->kw; /* no place is in two windows */
    for (long plane = begin; plane < end; plane++) {
        const real *g = p->x + plane * out;
        const uint8_t *taps = p->taps + plane * out;
        real *gx = p->y + plane * size;
        memset(gx, 0, (size_t)size * sizeof(real));
        for (long o = 0; o < p->oh; o++, g += p->ow, taps += p->ow) {
            long start = (o * p->sh - p->ph) * p->w - p->pw;
            if (apart)
                for (long q = 0; q < p->ow; q++, start += p->sw)
                    gx[start + away[taps[q]]] = g[q];
            else
                for (long q = 0; q < p->ow; q++, start += p->sw)
                    gx[start + away[taps[q]]] += g[q];
        }
    }
}

KERNEL(max_pool_backward)
{
    R(pool) p = R(pool_of)(a + 3);
    p.x = a[0].p;
    p.taps = a[1].p;
    p.y = a[2].p;
    parallel(p.planes, R(pool_grain)(&p), R(max_pool_backward_range), &p);
}

static void R(max_pool_places_range)(void *context, long begin, long end)
{
    const R(pool) *p = context;
    long out = p->oh * p->ow;
    for (long plane = begin; plane < end; plane++)
        for (long o = 0; o < p->oh; o++)
            for (long q = 0; q < p->ow; q++) {
                long at = plane * out + o * p->ow + q, tap = p->taps[at];
                long row = o * p->sh - p->ph + tap / p->kw;
                long column = q * p->sw - p->pw + tap % p->kw;
                p->places[at] = row * p->w + column;
            }
}

KERNEL(max_pool_places)
{
    R(pool) p = R(pool_of)(a + 2);
    p.taps = a[0].p;
    p.places = a[1].p;
    parallel(p.planes, R(pool_grain)(&p), R(max_pool_places_range), &p);
}

/* The count of the window at (o, q). */
static inline real R(count_of)(const R(pool) *p, const R(window) *v)
{
    if (p->divisor != 0)
        return p->divisor;
    if (!p->include_pad)
        return (real)((v->i1 - v->i0) * (v->j1 - v->j0));
    return (real)(min(p->kh, p->h + p->ph - v->top) * min(p->kw, p->w + p->pw - v->left));
}

static void R(avg_pool_range)(void *context, long begin, long end)
{
    const R(pool) *p = context;
    long size = p->h * p->w, out = p->oh * p->ow;
    for (long plane = begin; plane < end; plane++) {
        const real *x = p->x + plane * size;
        for (long o = 0; o < p->oh; o++) {
            long at = plane * out + o * p->ow, q = p->lo;
            real *y = p->y + at;
            R(window) v = R(window_at)(p, o, p->lo < p->ow ? p->lo : 0);
            long stop = R(vector_end)(p, &v, (p->planes - plane) * size, end * out - at);
            real count = R(count_of)(p, &v);
            for (; q < stop; q += LANES) {
                vec total = {0};
                for (long i = v.i0; i < v.i1; i++)
                    for (long j = 0; j < p->kw; j++) {
                        const real *from = x + ((v.top + i) * p->w + q * p->sw - p->pw + j);
                        total += p->sw == 1 ? R(load_step)(from, 1) : R(load_step)(from, 2);
                    }
                *(vec *)(y + q) = total / count;
            }
            q = min(q, p->hi);
            for (long n = p->ow - q + p->lo; n > 0; n--, q++) { /* the rest, then the left edge */
                if (q == p->ow)
                    q = 0;
                R(window) one = R(window_at)(p, o, q);
                real total = 0;
                for (long i = one.i0; i < one.i1; i++)
                    for (long j = one.j0; j < one.j1; j++)
                        total += x[(one.top + i) * p->w + one.left + j];
                y[q] = total / R(count_of)(p, &one);
            }
        }
    }
}

KERNEL(avg_pool)
{
    R(pool) p = R(pool_of)(a + 2);
    p.x = a[0].p;
    p.y = a[1].p;
    p.include_pad = a[13].i;
    p.divisor = (real)a[14].i;
    parallel(p.planes, R(pool_grain)(&p), R(avg_pool_range), &p);
}

/* One row of windows side by side: each number as often as its window is wide. */
static inline void R(repeat)(const real *g, real *to, long n, long times, real count)
{
    long q = 0;
    for (; times == 2 && q + LANES <= n; q += LANES) {
        vec here = *(const vec *)(g + q) / count;
        *(vec *)(to + 2 * q) = R(zip_low)(here, here);
        *(vec *)(to + 2 * q + LANES) = R(zip_high)(here, here);
    }
    for (; q < n; q++) {
        const real here = g[q] / count;
        for (long j = 0; j < times; j++)
            to[q * times + j] = here;
    }
}

/* Windows side by side that fill the plane: every element is written once. */
static void R(avg_pool_tiles)(const R(pool) *p, long begin, long end)
{
    real count = p->divisor != 0 ? p->divisor : (real)(p->kh * p->kw);
    for (long row = begin * p->oh; row < end * p->oh; row++) {
        real *gx = p->y + row * p->kh * p->w;
        R(repeat)(p->x + row * p->ow, gx, p->ow, p->kw, count);
        for (long i = 1; i < p->kh; i++)
            memcpy(gx + i * p->w, gx, (size_t)p->w * sizeof(real));
    }
}

static void R(avg_pool_backward_range)(void *context, long begin, long end)
{
    const R(pool) *p = context;
    long size = p->h * p->w;
    if (p->sh == p->kh && p->sw == p->kw && !p->ph && !p->pw && p->h == p->oh * p->kh &&
        p->w == p->ow * p->kw) {
        R(avg_pool_tiles)(p, begin, end);
        return;
    }
    memset(p->y + begin * size, 0, (size_t)((end - begin) * size) * sizeof(real));
    for (long plane = begin; plane < end; plane++) {
        real *gx = p->y + plane * size;
        for (long o = 0; o < p->oh; o++)
            for (long q = 0; q < p->ow; q++) {
                R(window) v = R(window_at)(p, o, q);
                real share = p->x[(plane * p->oh + o) * p->ow + q] / R(count_of)(p, &v);
                for (long i = v.i0; i < v.i1; i++)
                    for (long j = v.j0; j < v.j1; j++)
                        gx[(v.top + i) * p->w + v.left + j] += share;
            }
    }
}

KERNEL(avg_pool_backward)
{
    R(pool) p = R(pool_of)(a + 2);
    p.x = a[0].p;
    p.y = a[1].p;
    p.include_pad = a[13].i;
    p.divisor = (real)a[14].i;
    parallel(p.planes, R(pool_grain)(&p), R(avg_pool_backward_range), &p);
}
