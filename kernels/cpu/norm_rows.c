/* Normalisation of rows: the kernels row_norm and row_norm_backward, described in norm.c. */

static inline R(moments) R(row_moments)(const real *x, long n)
{
    R(moments) m = {0};
    if (n <= R(CHUNK)) /* as most rows: nothing to be joined */
        return R(chunk_moments)(x, n);
    R(channel_moments)(&m, x, 1, 0, n);
    return m;
}

static void R(row_norm_range)(void *context, long begin, long end)
{
    const R(norm) *p = context;
    long size = p->width * p->places;
    for (long row = begin; row < end; row++) {
        const real *x = p->x + row * size;
        real *y = p->y + row * size;
        R(moments) m = R(row_moments)(x, size);
        double var = m.squares < 0 ? 0 : m.squares / m.count;
        real mean = p->mean[row] = (real)m.mean;
        real invstd = p->invstd[row] = (real)(1 / sqrt(var + p->eps));
        p->var[row] = (real)var;
        long first = row % p->groups * p->width, k = 0;
        if (!p->w && !p->b)
            R(apply)(x, y, size, mean, invstd, 0);
        else if (p->places > 1)
            for (; k < p->width; k++)
                R(apply)(x + k * p->places, y + k * p->places, p->places, mean,
                         invstd * (p->w ? p->w[first + k] : 1), p->b ? p->b[first + k] : 0);
        else {
            const vec none = {0}, one = none + 1;
            for (; k + LANES <= size; k += LANES) {
                vec w = p->w ? *(const vec *)(p->w + first + k) : one;
                vec b = p->b ? *(const vec *)(p->b + first + k) : none;
                *(vec *)(y + k) = (*(const vec *)(x + k) - mean) * invstd * w + b;
            }
            for (; k < size; k++)
                y[k] = (x[k] - mean) * invstd * (p->w ? p->w[first + k] : 1) +
                       (p->b ? p->b[first + k] : 0);
        }
    }
}

KERNEL(row_norm)
{
    R(norm) p = {.x = a[0].p, .w = a[1].p, .b = a[2].p, .y = a[3].p, .mean = a[4].p,
                 .invstd = a[5].p, .var = a[6].p, .groups = a[8].i, .width = a[9].i,
                 .places = a[10].i, .eps = a[11].d};
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
        if (!p->w || p->places > 1)
            for (long k = 0; k < p->width; k++) {
                long at = k * p->places, n = p->w ? p->places : size;
                R(apply_back)(g + at, x + at, gx + at, n, mean, p->w ? p->w[first + k] : 1, flat,
                              slope, invstd);
                if (!p->w)
                    break; /* all at once */
            }
        else {
            long k = 0;
            for (; k + LANES <= size; k += LANES)
                *(vec *)(gx + k) =
                    (*(const vec *)(g + k) * *(const vec *)(p->w + first + k) - flat -
                     (*(const vec *)(x + k) - mean) * slope) * invstd;
            for (; k < size; k++)
                gx[k] = (g[k] * p->w[first + k] - flat - (x[k] - mean) * slope) * invstd;
        }
    }
}

enum { R(MOST_PARTS) = 64 }; /* of the samples: each has its own sums of gw and gb */

KERNEL(row_norm_backward)
{
    R(norm) p = {.g = a[0].p, .x = a[1].p, .w = a[2].p, .mean = a[3].p, .invstd = a[4].p,
                 .y = a[5].p, .gw = a[6].p, .gb = a[7].p, .n = a[8].i, .groups = a[9].i,
                 .width = a[10].i, .places = a[11].i};
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
