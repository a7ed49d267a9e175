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

/* Of at most CHUNK elements: a mean, and the sums of the distances from it and of their squares. */
static inline void R(chunk_sums)(const real *x, long n, real *about, double *first, double *second)
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
    real mean = *about = sum / (real)n;
    vec d0 = {0}, d1 = {0}, q0 = {0}, q1 = {0};
    for (i = 0; i + 2 * LANES <= n; i += 2 * LANES) {
        vec a = *(const vec *)(x + i) - mean, b = *(const vec *)(x + i + LANES) - mean;
        d0 += a;
        q0 += a * a;
        d1 += b;
        q1 += b * b;
        R(ask_ahead)(x + n + i, 2 * LANES);
    }
    real d = R(sum_lanes)(d0 + d1), q = R(sum_lanes)(q0 + q1);
    for (; i < n; i++) {
        real a = x[i] - mean;
        d += a;
        q += a * a;
    }
    *first = (double)d;
    *second = (double)q;
}

static R(moments) R(chunk_moments)(const real *x, long n)
{
    real mean;
    double d, q, count = (double)n;
    R(chunk_sums)(x, n, &mean, &d, &q);
    if (!isfinite(mean))
        return (R(moments)){count, (double)mean, NAN};
    double rest = d / count; /* what rounding took from the mean */
    return (R(moments)){count, (double)mean + rest, q - d * rest};
}

static void R(join_chunk)(R(moments) *m, const real *x, long n)
{
    R(moments) chunk = R(chunk_moments)(x, n);
    R(join)(m, chunk.count, chunk.mean, chunk.squares);
}

typedef struct {
    const real *g, *x, *w, *b;
    real *y, *mean, *invstd, *var, *gw, *gb;
    void *parts; /* sums of gw and gb: two rows of reals for each part of the samples */
    long n, c, l;  /* batch: N, C, L */
    long groups, width, places, grain; /* rows: G, W, P; samples in a part */
    double eps;
    int given, far; /* far: the result goes past the caches */
} R(norm);

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

/* The same, past the caches if the result is `far`. */
static inline void R(apply_to)(const real *x, real *y, long n, real mean, real scale, real shift,
                               int far)
{
    if (!far) {
        R(apply)(x, y, n, mean, scale, shift);
        return;
    }
    _Alignas(64) real block[R(BLOCK)];
    long i = 0, many = R(to_line)(y, n);
    for (; i < n; i += many, many = min(n - i, (long)R(BLOCK))) {
        R(apply)(x + i, block, many, mean, scale, shift);
        R(put)(y + i, block, many * (long)sizeof(real));
    }
}

static inline void R(apply_back_to)(const real *g, const real *x, real *gx, long n, real mean,
                                    real w, real flat, real slope, real scale, int far)
{
    if (!far) {
        R(apply_back)(g, x, gx, n, mean, w, flat, slope, scale);
        return;
    }
    _Alignas(64) real block[R(BLOCK)];
    long i = 0, many = R(to_line)(gx, n);
    for (; i < n; i += many, many = min(n - i, (long)R(BLOCK))) {
        R(apply_back)(g + i, x + i, block, many, mean, w, flat, slope, scale);
        R(put)(gx + i, block, many * (long)sizeof(real));
    }
}
