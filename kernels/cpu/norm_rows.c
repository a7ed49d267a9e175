/* Normalisation of rows: the kernels row_norm and row_norm_backward, described in norm.c. */

static inline R(moments) R(row_moments)(const real *x, long n)
{
    R(moments) m = {0};
    if (n <= R(CHUNK)) /* as most rows: nothing to be joined */
        return R(chunk_moments)(x, n);
    for (long i = 0; i < n; i += R(CHUNK))
        R(join_chunk)(&m, x + i, min(R(CHUNK), n - i));
    return m;
}

/* y = (x - mean) invstd w + b with a w and a b for each element; either may be NULL. */
static inline void R(apply_each)(const real *x, real *y, long n, real mean, real invstd,
                                 const real *w, const real *b)
{
    const vec none = {0}, one = none + 1;
    long k = 0;
    for (; k + LANES <= n; k += LANES) {
        vec weight = w ? *(const vec *)(w + k) : one, bias = b ? *(const vec *)(b + k) : none;
        *(vec *)(y + k) = (*(const vec *)(x + k) - mean) * invstd * weight + bias;
    }
    for (; k < n; k++)
        y[k] = (x[k] - mean) * invstd * (w ? w[k] : 1) + (b ? b[k] : 0);
}

/* The same, past the caches if the result is `far`. */
static inline void R(apply_each_to)(const real *x, real *y, long n, real mean, real invstd,
                                    const real *w, const real *b, int far)
{
    if (!far) {
        R(apply_each)(x, y, n, mean, invstd, w, b);
        return;
    }
    _Alignas(64) real block[R(BLOCK)];
    long i = 0, many = R(to_line)(y, n);
    for (; i < n; i += many, many = min(n - i, (long)R(BLOCK))) {
        R(apply_each)(x + i, block, many, mean, invstd, w ? w + i : NULL, b ? b + i : NULL);
        R(put)(y + i, block, many * (long)sizeof(real));
    }
}

static void R(row_norm_range)(void *context, long begin, long end)
{
    const R(norm) *p = context;
    const long size = p->width * p->places;
    for (long row = begin; row < end; row++) {
        const real *x = p->x + row * size;
        real *y = p->y + row * size;
        R(moments) m = R(row_moments)(x, size);
        double var = m.squares < 0 ? 0 : m.squares / m.count;
        real mean = p->mean[row] = (real)m.mean;
        real invstd = p->invstd[row] = (real)(1 / sqrt(var + p->eps));
        p->var[row] = (real)var;
        const long first = row % p->groups * p->width;
        const real *w = p->w ? p->w + first : NULL, *b = p->b ? p->b + first : NULL;
        if (!w && !b)
            R(apply_to)(x, y, size, mean, invstd, 0, p->far);
        else if (p->places > 1)
            for (long k = 0; k < p->width; k++)
                R(apply_to)(x + k * p->places, y + k * p->places, p->places, mean,
                            invstd * (w ? w[k] : 1), b ? b[k] : 0, p->far && p->places >= R(FAR_RUN));
        else
            R(apply_each_to)(x, y, size, mean, invstd, w, b, p->far);
    }
    PUT_END();
}

/* Whether a result of so many samples goes past the caches; not by short rows. */
static int R(far_rows)(const R(norm) *p, long samples)
{
    const long size = p->width * p->places;
    return size >= R(FAR_RUN) && R(is_far)(samples * p->groups * size * (long)sizeof(real));
}

KERNEL(row_norm)
{
    R(norm) p = {.x = a[0].p, .w = a[1].p, .b = a[2].p, .y = a[3].p, .mean = a[4].p,
                 .invstd = a[5].p, .var = a[6].p, .groups = a[8].i, .width = a[9].i,
                 .places = a[10].i, .eps = a[11].d};
    p.far = R(far_rows)(&p, a[7].i);
    long grain = max(1, (1 << 15) / max(1, p.width * p.places));
    parallel(a[7].i * p.groups, grain, R(row_norm_range), &p);
}

/* One row with one weight for each element: gw and gb grow elementwise, in `real`: a part has few
 * rows. The sums of h = g w and h (x - mean) are returned.
 */
static void R(row_sums)(const R(norm) *p, const real *g, const real *x, long first, real mean,
                        real invstd, real *gw, real *gb, double *s, double *t)
{
    vec s0 = {0}, t0 = {0};
    real s1 = 0, t1 = 0;
    long k = 0;
    for (; k + LANES <= p->width; k += LANES) {
        vec here = *(const vec *)(g + k), away = *(const vec *)(x + k) - mean;
        if (gw) {
            *(vec *)(gw + k) += here * (away * invstd);
            *(vec *)(gb + k) += here;
        }
        if (p->w)
            here *= *(const vec *)(p->w + first + k);
        s0 += here;
        t0 += here * away;
    }
    for (; k < p->width; k++) {
        real here = g[k], away = x[k] - mean;
        if (gw) {
            gw[k] += here * (away * invstd);
            gb[k] += here;
        }
        here *= p->w ? p->w[first + k] : 1;
        s1 += here;
        t1 += here * away;
    }
    *s = (double)R(sum_lanes)(s0) + (double)s1;
    *t = (double)R(sum_lanes)(t0) + (double)t1;
}

/* gx = (g w - flat - (x - mean) slope) scale with a w for each element. */
static inline void R(apply_back_each)(const real *g, const real *x, real *gx, long n, real mean,
                                      const real *w, real flat, real slope, real scale)
{
    long k = 0;
    for (; k + LANES <= n; k += LANES)
        *(vec *)(gx + k) = (*(const vec *)(g + k) * *(const vec *)(w + k) - flat -
                            (*(const vec *)(x + k) - mean) * slope) * scale;
    for (; k < n; k++)
        gx[k] = (g[k] * w[k] - flat - (x[k] - mean) * slope) * scale;
}

static inline void R(apply_back_each_to)(const real *g, const real *x, real *gx, long n, real mean,
                                         const real *w, real flat, real slope, real scale, int far)
{
    if (!far) {
        R(apply_back_each)(g, x, gx, n, mean, w, flat, slope, scale);
        return;
    }
    _Alignas(64) real block[R(BLOCK)];
    long i = 0, many = R(to_line)(gx, n);
    for (; i < n; i += many, many = min(n - i, (long)R(BLOCK))) {
        R(apply_back_each)(g + i, x + i, block, many, mean, w + i, flat, slope, scale);
        R(put)(gx + i, block, many * (long)sizeof(real));
    }
}

static void R(row_norm_backward_range)(void *context, long begin, long end)
{
    const R(norm) *p = context;
    long size = p->width * p->places, channels = p->groups * p->width;
    real *gw = NULL, *gb = NULL;
    if (p->parts) {
        gw = (real *)p->parts + begin / p->grain * 2 * channels;
        gb = gw + channels;
        memset(gw, 0, (size_t)channels * 2 * sizeof(real));
    }
    for (long row = begin * p->groups; row < end * p->groups; row++) {
        const real *g = p->g + row * size, *x = p->x + row * size;
        real *gx = p->y + row * size, mean = p->mean[row], invstd = p->invstd[row];
        long first = row % p->groups * p->width;
        double s = 0, t = 0;
        if (p->places == 1)
            R(row_sums)(p, g, x, first, mean, invstd, gw ? gw + first : NULL,
                        gw ? gb + first : NULL, &s, &t);
        else
            for (long k = 0; k < p->width; k++) {
                double here = 0, product = 0, w = p->w ? p->w[first + k] : 1;
                R(add_products)(g + k * p->places, x + k * p->places, p->places, mean, &here,
                                &product);
                if (gw) {
                    gw[first + k] += (real)(product * invstd);
                    gb[first + k] += (real)here;
                }
                s += here * w;
                t += product * w;
            }
        if (!p->y)
            continue;
        real flat = (real)(s / (double)size);
        real slope = (real)(t / (double)size * invstd * invstd);
        const real *w = p->w ? p->w + first : NULL;
        if (!w)
            R(apply_back_to)(g, x, gx, size, mean, 1, flat, slope, invstd, p->far);
        else if (p->places > 1)
            for (long k = 0; k < size; k += p->places)
                R(apply_back_to)(g + k, x + k, gx + k, p->places, mean, w[k / p->places], flat,
                                 slope, invstd, p->far && p->places >= R(FAR_RUN));
        else
            R(apply_back_each_to)(g, x, gx, size, mean, w, flat, slope, invstd, p->far);
    }
    PUT_END();
}

enum { R(MOST_PARTS) = 64 }; /* of the samples: each has its own sums of gw and gb */

KERNEL(row_norm_backward)
{
    R(norm) p = {.g = a[0].p, .x = a[1].p, .w = a[2].p, .mean = a[3].p, .invstd = a[4].p,
                 .y = a[5].p, .gw = a[6].p, .gb = a[7].p, .n = a[8].i, .groups = a[9].i,
                 .width = a[10].i, .places = a[11].i};
    p.far = R(far_rows)(&p, p.n);
    long channels = p.groups * p.width;
    long grain = (1 << 15) / max(1, channels * p.places);
    p.grain = max(1, max(grain, (p.n + R(MOST_PARTS) - 1) / R(MOST_PARTS)));
    long parts = (p.n + p.grain - 1) / p.grain;
    if (p.gw || p.gb) {
        p.parts = scratch(0, (size_t)(parts * 2 * channels) * sizeof(real));
        if (!p.parts)
            return;
    }
    parallel(p.n, p.grain, R(row_norm_backward_range), &p);
    for (int which = 0; which < 2; which++) {
        real *to = which ? p.gb : p.gw;
        const real *from = (real *)p.parts + which * channels;
        for (long c = 0; to && c < channels; c++) {
            double total = 0;
            for (long part = 0; part < parts; part++)
                total += (double)from[part * 2 * channels + c];
            to[c] = (real)total;
        }
    }
}
