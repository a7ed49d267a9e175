/* Normalisation: y = (x - mean) invstd w + b, and its gradients. w and b may be NULL.
 *
 * batch_norm(x, w, b, y, mean, invstd, var, N, C, L, eps, given)
 *     x, y (N, C, L); the rest (C). Unless `given`, mean and biased variance of each channel are
 *     worked out and written; given ones are read. invstd = 1 / sqrt(var + eps) is written.
 * batch_norm_backward(g, x, w, mean, invstd, gx, gw, gb, N, C, L, given)
 *     gb = sum g, gw = sum g (x - mean) invstd,
 *     gx = invstd w (g - mean(g) - (x - mean) invstd^2 mean(g (x - mean))), or g invstd w if given.
 *     gx, gw, gb may be NULL where they are not wanted.
 * row_norm(x, w, b, y, mean, invstd, var, N, G, W, P, eps)
 *     x, y (N, G, W, P), statistics over the last two axes: mean, invstd, var (N, G); w, b (G, W).
 *     Layer (G = P = 1), group and instance normalisation (W = 1).
 * row_norm_backward(g, x, w, mean, invstd, gx, gw, gb, N, G, W, P)
 *
 * Reference: _Standardised of ops/network/norm.py. Sums are added up in `real` within a chunk that
 * lies in the first cache, and in double from chunk to chunk. The variance of a chunk is taken
 * about the chunk's own mean, and chunks are joined by the formula of Chan, Golub and
 * LeVeque (1979).
 */
enum { R(CHUNK) = 16384 / sizeof(real) };

typedef struct {
    double count, mean, squares; /* squares: the sum of squared distances from the mean */
} R(moments);

static void R(join)(R(moments) *m, double count, double mean, double squares)
{
    double total = m->count + count, delta = mean - m->mean;
    if (isfinite(m->mean) && isfinite(mean)) {
        m->squares += squares + delta * delta * (m->count * count / total);
        m->mean += delta * (count / total);
    } else {
        m->squares = NAN;
        m->mean += mean;
    }
    m->count = total;
}

/* At most CHUNK elements. */
static void R(join_chunk)(R(moments) *m, const real *x, long n)
{
    vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    long i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        s0 += *(const vec *)(x + i);
        s1 += *(const vec *)(x + i + LANES);
        s2 += *(const vec *)(x + i + 2 * LANES);
        s3 += *(const vec *)(x + i + 3 * LANES);
    }
    for (; i + LANES <= n; i += LANES)
        s0 += *(const vec *)(x + i);
    real sum = R(sum_lanes)((s0 + s1) + (s2 + s3));
    for (; i < n; i++)
        sum += x[i];
    real mean = sum / (real)n;
    if (!isfinite(mean)) {
        R(join)(m, (double)n, mean, NAN);
        return;
    }
    vec d0 = {0}, d1 = {0}, q0 = {0}, q1 = {0};
    for (i = 0; i + 2 * LANES <= n; i += 2 * LANES) {
        vec a = *(const vec *)(x + i) - mean, b = *(const vec *)(x + i + LANES) - mean;
        d0 += a;
        q0 += a * a;
        d1 += b;
        q1 += b * b;
    }
    real d = R(sum_lanes)(d0 + d1), q = R(sum_lanes)(q0 + q1);
    for (; i < n; i++) {
        real a = x[i] - mean;
        d += a;
        q += a * a;
    }
    double rest = (double)d / (double)n; /* what rounding took from the mean */
    R(join)(m, (double)n, (double)mean + rest, (double)q - (double)d * rest);
}

typedef struct {
    const real *g, *x, *w, *b;
    real *y, *mean, *invstd, *var, *gw, *gb;
    void *parts; /* sums of gw and gb: two rows of reals for each part of the samples */
    long n, c, l;  /* batch: N, C, L */
    long groups, width, places, grain; /* rows: G, W, P; samples in a part */
    double eps;
    int given;
} R(norm);

/* All elements of one channel, or of one row. Short rows are put together to longer ones. */
static void R(channel_moments)(R(moments) *m, const real *x, long rows, long step, long n)
{
    if (n >= 64 || rows == 1) {
        for (long r = 0; r < rows; r++)
            for (long i = 0; i < n; i += R(CHUNK))
                R(join_chunk)(m, x + r * step + i, min(R(CHUNK), n - i));
        return;
    }
    real together[512];
    long filled = 0;
    for (long r = 0; r < rows; r++) {
        for (long i = 0; i < n; i++)
            together[filled + i] = x[r * step + i];
        filled += n;
        if (filled + n > 512 || r == rows - 1) {
            R(join_chunk)(m, together, filled);
            filled = 0;
        }
    }
}

/* y = (x - mean) scale + shift */
static inline void R(apply)(const real *x, real *y, long n, real mean, real scale, real shift)
{
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        *(vec *)(y + i) = (*(const vec *)(x + i) - mean) * scale + shift;
    for (; i < n; i++)
        y[i] = (x[i] - mean) * scale + shift;
}

static void R(finish)(const R(norm) *p, long c, const R(moments) *m)
{
    double var = m->squares < 0 ? 0 : m->squares / m->count;
    p->mean[c] = (real)m->mean;
    p->var[c] = (real)var;
    p->invstd[c] = (real)(1 / sqrt(var + p->eps));
}

static void R(batch_norm_range)(void *context, long begin, long end)
{
    const R(norm) *p = context;
    for (long c = begin; c < end; c++) {
        const real *x = p->x + c * p->l;
        if (p->given)
            p->invstd[c] = (real)(1 / sqrt((double)p->var[c] + p->eps));
        else {
            R(moments) m = {0};
            R(channel_moments)(&m, x, p->n, p->c * p->l, p->l);
            R(finish)(p, c, &m);
        }
        real scale = p->invstd[c] * (p->w ? p->w[c] : 1), shift = p->b ? p->b[c] : 0;
        for (long n = 0; n < p->n; n++)
            R(apply)(x + n * p->c * p->l, p->y + (n * p->c + c) * p->l, p->l, p->mean[c], scale,
                     shift);
    }
}

/* Of (N, C): LANES channels beside each other, the samples in chunks. */
enum { R(DEEP) = 64 };

static void R(column_norm)(const R(norm) *p, long c)
{
    const real *x = p->x + c;
    if (!p->given) {
        R(moments) m[LANES] = {{0}};
        for (long n = 0; n < p->n; n += R(DEEP)) {
            long rows = min(R(DEEP), p->n - n);
            vec sum = {0}, d = {0}, q = {0};
            for (long r = 0; r < rows; r++)
                sum += *(const vec *)(x + (n + r) * p->c);
            vec mean = sum / (real)rows;
            for (long r = 0; r < rows; r++) {
                vec a = *(const vec *)(x + (n + r) * p->c) - mean;
                d += a;
                q += a * a;
            }
            for (int i = 0; i < LANES; i++) {
                double rest = isfinite(mean[i]) ? (double)d[i] / (double)rows : 0;
                R(join)(&m[i], (double)rows, (double)mean[i] + rest,
                        (double)q[i] - (double)d[i] * rest);
            }
        }
        for (int i = 0; i < LANES; i++)
            R(finish)(p, c + i, &m[i]);
    } else
        for (int i = 0; i < LANES; i++)
            p->invstd[c + i] = (real)(1 / sqrt((double)p->var[c + i] + p->eps));
    vec mean = *(vec *)(p->mean + c), scale = *(vec *)(p->invstd + c), shift = {0};
    if (p->w)
        scale *= *(const vec *)(p->w + c);
    if (p->b)
        shift = *(const vec *)(p->b + c);
    for (long n = 0; n < p->n; n++)
        *(vec *)(p->y + n * p->c + c) = (*(const vec *)(x + n * p->c) - mean) * scale + shift;
}

static void R(column_norm_range)(void *context, long begin, long end)
{
    long c = begin;
    for (; c + LANES <= end; c += LANES)
        R(column_norm)(context, c);
    R(batch_norm_range)(context, c, end);
}

/* Channels for one part of the work; for single columns whole vectors of them. */
static long R(channel_grain)(const R(norm) *p)
{
    long grain = max(1, (1 << 15) / max(1, p->n * p->l));
    return p->l == 1 ? (grain + LANES - 1) / LANES * LANES : grain;
}

KERNEL(batch_norm)
{
    R(norm) p = {.x = a[0].p, .w = a[1].p, .b = a[2].p, .y = a[3].p, .mean = a[4].p,
                 .invstd = a[5].p, .var = a[6].p, .n = a[7].i, .c = a[8].i, .l = a[9].i,
                 .eps = a[10].d, .given = (int)a[11].i};
    parallel(p.c, R(channel_grain)(&p), p.l == 1 ? R(column_norm_range) : R(batch_norm_range), &p);
}

/* sum g and sum g (x - mean) of contiguous elements are added to s and t. */
static void R(add_products)(const real *g, const real *x, long n, real mean, double *s, double *t)
{
    for (long begin = 0; begin < n; begin += R(CHUNK) / 2) {
        long end = min(begin + R(CHUNK) / 2, n), i = begin;
        vec s0 = {0}, s1 = {0}, t0 = {0}, t1 = {0};
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            vec g0 = *(const vec *)(g + i), g1 = *(const vec *)(g + i + LANES);
            s0 += g0;
            t0 += g0 * (*(const vec *)(x + i) - mean);
            s1 += g1;
            t1 += g1 * (*(const vec *)(x + i + LANES) - mean);
        }
        for (; i + LANES <= end; i += LANES) {
            vec g0 = *(const vec *)(g + i);
            s0 += g0;
            t0 += g0 * (*(const vec *)(x + i) - mean);
        }
        real s2 = 0, t2 = 0;
        for (; i < end; i++) {
            s2 += g[i];
            t2 += g[i] * (x[i] - mean);
        }
        *s += (double)R(sum_lanes)(s0 + s1) + (double)s2;
        *t += (double)R(sum_lanes)(t0 + t1) + (double)t2;
    }
}

/* gx = (g w - flat - (x - mean) slope) scale */
static inline void R(apply_back)(const real *g, const real *x, real *gx, long n, real mean, real w,
                                 real flat, real slope, real scale)
{
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        *(vec *)(gx + i) = (*(const vec *)(g + i) * w - flat -
                            (*(const vec *)(x + i) - mean) * slope) * scale;
    for (; i < n; i++)
        gx[i] = (g[i] * w - flat - (x[i] - mean) * slope) * scale;
}

/* The same of a channel: where rows are a few vectors each, lanes are folded once for several. */
static void R(channel_products)(const R(norm) *p, long c, real mean, double *s, double *t)
{
    long step = p->c * p->l, together = 512 / max(1, p->l);
    const real *g = p->g + c * p->l, *x = p->x + c * p->l;
    if (p->l % LANES || together < 2) {
        for (long n = 0; n < p->n; n++)
            R(add_products)(g + n * step, x + n * step, p->l, mean, s, t);
        return;
    }
    for (long n = 0; n < p->n; n += together) {
        vec s0 = {0}, t0 = {0};
        for (long r = n; r < min(n + together, p->n); r++)
            for (long i = r * step; i < r * step + p->l; i += LANES) {
                vec here = *(const vec *)(g + i);
                s0 += here;
                t0 += here * (*(const vec *)(x + i) - mean);
            }
        *s += (double)R(sum_lanes)(s0);
        *t += (double)R(sum_lanes)(t0);
    }
}

static void R(batch_norm_backward_range)(void *context, long begin, long end)
{
    const R(norm) *p = context;
    double count = (double)p->n * (double)p->l;
    for (long c = begin; c < end; c++) {
        real mean = p->mean[c], invstd = p->invstd[c], scale = invstd * (p->w ? p->w[c] : 1);
        double s = 0, t = 0;
        if (!p->given || p->gw || p->gb)
            R(channel_products)(p, c, mean, &s, &t);
        if (p->gw)
            p->gw[c] = (real)(t * invstd);
        if (p->gb)
            p->gb[c] = (real)s;
        if (!p->y)
            continue;
        real flat = p->given ? 0 : (real)(s / count);
        real slope = p->given ? 0 : (real)(t / count * invstd * invstd);
        for (long n = 0; n < p->n; n++) {
            long at = (n * p->c + c) * p->l;
            if (p->given)
                R(apply)(p->g + at, p->y + at, p->l, 0, scale, 0);
            else
                R(apply_back)(p->g + at, p->x + at, p->y + at, p->l, mean, 1, flat, slope, scale);
        }
    }
}

static void R(column_norm_back)(const R(norm) *p, long c)
{
    const real *g = p->g + c, *x = p->x + c;
    vec mean = *(vec *)(p->mean + c), invstd = *(vec *)(p->invstd + c), scale = invstd;
    double s[LANES] = {0}, t[LANES] = {0};
    for (long n = 0; n < p->n; n += R(DEEP)) {
        vec s0 = {0}, t0 = {0};
        for (long r = n; r < min(n + R(DEEP), p->n); r++) {
            vec here = *(const vec *)(g + r * p->c);
            s0 += here;
            t0 += here * (*(const vec *)(x + r * p->c) - mean);
        }
        for (int i = 0; i < LANES; i++) {
            s[i] += s0[i];
            t[i] += t0[i];
        }
    }
    vec flat = {0}, slope = {0};
    for (int i = 0; i < LANES; i++) {
        if (p->gw)
            p->gw[c + i] = (real)(t[i] * invstd[i]);
        if (p->gb)
            p->gb[c + i] = (real)s[i];
        flat[i] = p->given ? 0 : (real)(s[i] / (double)p->n);
        slope[i] = p->given ? 0 : (real)(t[i] / (double)p->n * invstd[i] * invstd[i]);
    }
    if (p->w)
        scale *= *(const vec *)(p->w + c);
    for (long n = 0; p->y && n < p->n; n++) {
        vec here = *(const vec *)(g + n * p->c) - flat;
        if (!p->given)
            here -= (*(const vec *)(x + n * p->c) - mean) * slope;
        *(vec *)(p->y + n * p->c + c) = here * scale;
    }
}

static void R(column_norm_back_range)(void *context, long begin, long end)
{
    long c = begin;
    for (; c + LANES <= end; c += LANES)
        R(column_norm_back)(context, c);
    R(batch_norm_backward_range)(context, c, end);
}

KERNEL(batch_norm_backward)
{
    R(norm) p = {.g = a[0].p, .x = a[1].p, .w = a[2].p, .mean = a[3].p, .invstd = a[4].p,
                 .y = a[5].p, .gw = a[6].p, .gb = a[7].p, .n = a[8].i, .c = a[9].i, .l = a[10].i,
                 .given = (int)a[11].i};
    parallel(p.c, R(channel_grain)(&p),
             p.l == 1 ? R(column_norm_back_range) : R(batch_norm_backward_range), &p);
}
