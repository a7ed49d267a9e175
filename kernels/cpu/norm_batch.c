/* Batch normalisation: the kernels batch_norm and batch_norm_backward, described in norm.c.
 *
 * Of planes of many places everything is read in the order in which it lies in memory: one channel
 * after the other would begin a new page with each sample, and where planes are a power of two
 * apart, all of them would contend for the same few lines of the cache. Samples are summed in parts
 * of their own, which are put together in their order. Of few places, or of one sample, a channel is
 * done at a time, and of none, (N, C), LANES channels.
 */
enum {
    R(PLANE) = 64,       /* places from which on memory's order is faster, forward */
    R(PLANE_BACK) = 16,  /* and backward, where less is done for each run */
    R(BATCH_PARTS) = 16, /* of the samples, at most: each has its own sums of all channels */
};

typedef struct {
    const R(norm) *p;
    long grain;    /* samples in a part */
    void *moments; /* of each part and channel: R(moments), or two doubles (sums of products) */
} R(parts);

/* Memory for what each part finds, and how many samples it has. */
static int R(cut)(R(parts) *c, const R(norm) *p, size_t each)
{
    long least = (1 << 15) / max(1, p->c * p->l); /* samples that are worth a thread */
    c->p = p;
    c->grain = max(max(1, least), (p->n + R(BATCH_PARTS) - 1) / R(BATCH_PARTS));
    c->moments = scratch(0, (size_t)((p->n + c->grain - 1) / c->grain * p->c) * each);
    return c->moments != NULL;
}

/* Samples begin..end of all channels. Sums are taken about the first mean of a part, `shift`: with
 * m, d and q of a chunk, sum (x - shift) = d + n (m - shift), and sum (x - shift)^2 likewise.
 */
static void R(part_moments)(void *context, long begin, long end)
{
    const R(parts) *parts = context;
    const R(norm) *p = parts->p;
    R(moments) *found = (R(moments) *)parts->moments + begin / parts->grain * p->c;
    double shift[64], first[64], second[64]; /* as many channels are done at a time */
    for (long c0 = 0; c0 < p->c; c0 += 64) {
        long channels = min(64, p->c - c0);
        for (long n = begin; n < end; n++)
            for (long c = 0; c < channels; c++)
                for (long i = 0; i < p->l; i += R(CHUNK)) {
                    long count = min(R(CHUNK), p->l - i);
                    real m;
                    double d, q;
                    R(chunk_sums)(p->x + (n * p->c + c0 + c) * p->l + i, count, &m, &d, &q);
                    if (n == begin && i == 0) {
                        shift[c] = isfinite(m) ? (double)m : 0;
                        first[c] = second[c] = 0;
                    }
                    if (!isfinite(m)) { /* of an infinite mean the chunks know no distance */
                        first[c] += (double)m;
                        second[c] = NAN;
                        continue;
                    }
                    double away = (double)m - shift[c];
                    first[c] += d + (double)count * away;
                    second[c] += q + away * (2 * d + (double)count * away);
                }
        double total = (double)(end - begin) * (double)p->l;
        for (long c = 0; c < channels; c++) {
            double rest = first[c] / total;
            found[c0 + c] = (R(moments)){total, shift[c] + rest, second[c] - first[c] * rest};
        }
    }
}

static void R(join_parts)(void *context, long begin, long end)
{
    const R(parts) *parts = context;
    const R(norm) *p = parts->p;
    for (long c = begin; c < end; c++) {
        R(moments) all = {0};
        for (long n = 0, at = c; n < p->n; n += parts->grain, at += p->c) {
            const R(moments) *m = (const R(moments) *)parts->moments + at;
            R(join)(&all, m->count, m->mean, m->squares);
        }
        R(finish)(p, c, &all);
    }
}

/* Planes begin..end of the result, in the order of memory. */
static void R(apply_planes)(void *context, long begin, long end)
{
    const R(norm) *p = context;
    for (long at = begin; at < end; at++) {
        long c = at % p->c;
        R(apply)(p->x + at * p->l, p->y + at * p->l, p->l, p->mean[c],
                 p->invstd[c] * (p->w ? p->w[c] : 1), p->b ? p->b[c] : 0);
    }
}

static long R(plane_grain)(const R(norm) *p)
{
    return max(1, (1 << 15) / max(1, p->l));
}

/* Rows begin..end of (N, C), with statistics that are there. */
static void R(apply_rows)(void *context, long begin, long end)
{
    const R(norm) *p = context;
    const vec none = {0}, one = none + 1;
    for (long n = begin; n < end; n++) {
        const real *x = p->x + n * p->c;
        real *y = p->y + n * p->c;
        long c = 0;
        for (; c + LANES <= p->c; c += LANES) {
            vec w = p->w ? *(const vec *)(p->w + c) : one, b = p->b ? *(const vec *)(p->b + c) : none;
            vec scale = *(const vec *)(p->invstd + c) * w;
            *(vec *)(y + c) = (*(const vec *)(x + c) - *(const vec *)(p->mean + c)) * scale + b;
        }
        for (; c < p->c; c++)
            y[c] = (x[c] - p->mean[c]) * (p->invstd[c] * (p->w ? p->w[c] : 1)) +
                   (p->b ? p->b[c] : 0);
    }
}

/* Channel by channel. */
static void R(channel_norm_range)(void *context, long begin, long end)
{
    const R(norm) *p = context;
    for (long c = begin; c < end; c++) {
        const real *x = p->x + c * p->l;
        R(moments) m = {0};
        R(channel_moments)(&m, x, p->n, p->c * p->l, p->l);
        R(finish)(p, c, &m);
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
    R(channel_norm_range)(context, c, end);
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
                 .eps = a[10].d};
    int given = (int)a[11].i;
    if (given)
        for (long c = 0; c < p.c; c++)
            p.invstd[c] = (real)(1 / sqrt((double)p.var[c] + p.eps));
    else if (p.l >= R(PLANE) && p.n > 1) {
        R(parts) parts;
        if (!R(cut)(&parts, &p, sizeof(R(moments))))
            return;
        parallel(p.n, parts.grain, R(part_moments), &parts);
        parallel(p.c, 64, R(join_parts), &parts);
    } else {
        parallel(p.c, R(channel_grain)(&p),
                 p.l == 1 ? R(column_norm_range) : R(channel_norm_range), &p);
        return;
    }
    if (p.l == 1)
        parallel(p.n, max(1, (1 << 15) / max(1, p.c)), R(apply_rows), &p);
    else
        parallel(p.n * p.c, R(plane_grain)(&p), R(apply_planes), &p);
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

static void R(channel_back_range)(void *context, long begin, long end)
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
    R(channel_back_range)(context, c, end);
}

/* The sums of g and of g (x - mean) of samples begin..end, for each channel. */
static void R(part_products)(void *context, long begin, long end)
{
    const R(parts) *parts = context;
    const R(norm) *p = parts->p;
    double *found = (double *)parts->moments + begin / parts->grain * p->c * 2;
    memset(found, 0, (size_t)p->c * 2 * sizeof(double));
    for (long n = begin; n < end; n++)
        for (long c = 0; c < p->c; c++) {
            long at = (n * p->c + c) * p->l;
            R(add_products)(p->g + at, p->x + at, p->l, p->mean[c], found + 2 * c,
                            found + 2 * c + 1);
        }
}

typedef struct {
    const R(norm) *p;
    const real *line; /* of each channel: flat, slope and scale of `apply_back` */
} R(slopes);

static void R(apply_planes_back)(void *context, long begin, long end)
{
    const R(slopes) *s = context;
    const R(norm) *p = s->p;
    for (long at = begin; at < end; at++) {
        const real *line = s->line + at % p->c * 3;
        R(apply_back)(p->g + at * p->l, p->x + at * p->l, p->y + at * p->l, p->l,
                      p->mean[at % p->c], 1, line[0], line[1], line[2]);
    }
}

static void R(planes_back)(const R(norm) *p)
{
    R(parts) parts;
    real *line = scratch(1, (size_t)p->c * 3 * sizeof(real));
    if (!line || !R(cut)(&parts, p, 2 * sizeof(double)))
        return;
    int sums = !p->given || p->gw || p->gb;
    if (sums)
        parallel(p->n, parts.grain, R(part_products), &parts);
    double count = (double)p->n * (double)p->l;
    for (long c = 0; c < p->c; c++) {
        double s = 0, t = 0, invstd = (double)p->invstd[c];
        for (long n = 0, at = c; sums && n < p->n; n += parts.grain, at += p->c) {
            s += ((double *)parts.moments)[2 * at];
            t += ((double *)parts.moments)[2 * at + 1];
        }
        if (p->gw)
            p->gw[c] = (real)(t * invstd);
        if (p->gb)
            p->gb[c] = (real)s;
        line[3 * c] = p->given ? 0 : (real)(s / count);
        line[3 * c + 1] = p->given ? 0 : (real)(t / count * invstd * invstd);
        line[3 * c + 2] = p->invstd[c] * (p->w ? p->w[c] : 1);
    }
    R(slopes) slopes = {p, line};
    if (p->y)
        parallel(p->n * p->c, R(plane_grain)(p), R(apply_planes_back), &slopes);
}

KERNEL(batch_norm_backward)
{
    R(norm) p = {.g = a[0].p, .x = a[1].p, .w = a[2].p, .mean = a[3].p, .invstd = a[4].p,
                 .y = a[5].p, .gw = a[6].p, .gb = a[7].p, .n = a[8].i, .c = a[9].i, .l = a[10].i,
                 .given = (int)a[11].i};
    if (p.l >= R(PLANE_BACK) && p.n > 1)
        R(planes_back)(&p);
    else
        parallel(p.c, R(channel_grain)(&p),
                 p.l == 1 ? R(column_norm_back_range) : R(channel_back_range), &p);
}
