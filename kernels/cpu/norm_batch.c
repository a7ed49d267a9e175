/* Batch normalisation: the kernels batch_norm and batch_norm_backward, described in norm.c.
 *
 * Everything is read in the order in which it lies in memory: one channel after the other would
 * begin a new page with each sample, and where samples are a power of two apart, all of them would
 * contend for the same few lines of the cache. Samples are summed in parts of their own, which are
 * put together in their order. Planes of many places are summed one by one. Of few places, or none,
 * a sample is a row of C L columns: norm_columns.c.
 */
/* Samples begin..end of planes. */
static void R(part_planes)(void *context, long begin, long end)
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
                    R(add_chunk)((double)count, (double)m, d, q, shift[c], first + c, second + c);
                }
        double total = (double)(end - begin) * (double)p->l;
        for (long c = 0; c < channels; c++)
            found[c0 + c] = R(moments_about)(total, shift[c], first[c], second[c]);
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

/* A number of a channel, as often as it has columns. */
static void R(lay_out)(real *to, long c, long each, real value)
{
    for (long i = 0; i < each; i++)
        to[c * each + i] = value;
}

/* Elements begin..end of the result, by planes. The last vector of a plane reaches beyond its end: the
 * next plane overwrites that.
 */
static void R(planes_some)(const void *context, real *out, long begin, long end)
{
    const R(parts) *m = context;
    const R(norm) *p = m->p;
    long first = begin % p->l, c = begin / p->l % p->c, many;
    for (long k = begin; k < end; k += many, first = 0, c = c + 1 == p->c ? 0 : c + 1) {
        const real mean = m->mean[c], scale = m->scale[c], shift = m->shift[c];
        many = min(p->l - first, end - k);
        if (m->far_planes)
            R(apply_to)(p->x + k, out + (k - begin), many, mean, scale, shift, 1);
        else
            for (long i = k; i < k + many; i += LANES)
                R(store_part)(out + (i - begin), end - i,
                              (R(some_of)(p->x + i, end - i) - mean) * scale + shift);
    }
}

static void R(write_range)(void *context, long begin, long end)
{
    const R(parts) *m = context;
    R(deliver)(m->some, m, m->p->y, m->far, begin, end);
    PUT_END();
}

/* The whole result, in the order of memory. */
static void R(write_all)(R(parts) *m, R(some) *by_columns, R(some) *by_planes)
{
    m->some = m->lines ? by_columns : by_planes;
    if (m->some == R(planes_some)) /* blocks of short planes cost more than one stream's stores */
        m->far = 0;
    parallel(m->p->n * m->p->c * m->p->l, 1 << 15, R(write_range), m);
}

KERNEL(batch_norm)
{
    R(norm) p = {.x = a[0].p, .w = a[1].p, .b = a[2].p, .y = a[3].p, .mean = a[4].p,
                 .invstd = a[5].p, .var = a[6].p, .n = a[7].i, .c = a[8].i, .l = a[9].i,
                 .eps = a[10].d};
    R(parts) parts;
    if (!R(cut)(&parts, &p, sizeof(R(moments))))
        return;
    if (a[11].i) /* given */
        for (long c = 0; c < p.c; c++)
            p.invstd[c] = (real)(1 / sqrt((double)p.var[c] + p.eps));
    else {
        parallel(p.n, parts.grain, parts.columns ? R(part_columns) : R(part_planes), &parts);
        parallel(p.c, 64, R(join_parts), &parts);
    }
    const long each = parts.lines ? p.l : 1, size = p.c * each;
    real *lines = scratch(1, (size_t)size * 3 * sizeof(real));
    if (!lines)
        return;
    parts.mean = lines;
    parts.scale = lines + size;
    parts.shift = lines + 2 * size;
    for (long c = 0; c < p.c; c++) {
        R(lay_out)(lines, c, each, p.mean[c]);
        R(lay_out)(lines + size, c, each, p.invstd[c] * (p.w ? p.w[c] : 1));
        R(lay_out)(lines + 2 * size, c, each, p.b ? p.b[c] : 0);
    }
    R(write_all)(&parts, R(columns_some), R(planes_some));
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

static void R(planes_back_some)(const void *context, real *out, long begin, long end)
{
    const R(parts) *m = context;
    const R(norm) *p = m->p;
    const long all = p->n * p->c * p->l, write = m->far ? end + LANES : end;
    long first = begin % p->l, c = begin / p->l % p->c, many;
    for (long k = begin; k < end; k += many, first = 0, c = c + 1 == p->c ? 0 : c + 1) {
        const real mean = m->mean[c], flat = m->flat[c], slope = m->slope[c], scale = m->scale[c];
        many = min(p->l - first, end - k);
        if (m->far_planes)
            R(apply_back_to)(p->g + k, p->x + k, out + (k - begin), many, mean, 1, flat, slope,
                             scale, 1);
        else
            for (long i = k; i < k + many; i += LANES)
                R(store_part)(out + (i - begin), write - i,
                              (R(some_of)(p->g + i, all - i) - flat -
                               (R(some_of)(p->x + i, all - i) - mean) * slope) * scale);
    }
    if (m->far) {
        R(ask_near)(p->g + end, R(BLOCK));
        R(ask_near)(p->x + end, R(BLOCK));
    }
}

KERNEL(batch_norm_backward)
{
    R(norm) p = {.g = a[0].p, .x = a[1].p, .w = a[2].p, .mean = a[3].p, .invstd = a[4].p,
                 .y = a[5].p, .gw = a[6].p, .gb = a[7].p, .n = a[8].i, .c = a[9].i, .l = a[10].i,
                 .given = (int)a[11].i};
    R(parts) parts;
    if (!R(cut)(&parts, &p, 2 * sizeof(double)))
        return;
    const long wide = parts.columns ? p.l : 1, each = parts.lines ? p.l : 1, size = p.c * each;
    real *means = scratch(1, (size_t)(p.c * wide + 3 * size) * sizeof(real));
    if (!means)
        return;
    real *lines = means + p.c * wide;
    parts.mean = means;
    parts.scale = lines;
    parts.flat = lines + size;
    parts.slope = lines + 2 * size;
    for (long c = 0; c < p.c; c++)
        R(lay_out)(means, c, wide, p.mean[c]);
    const int sums = !p.given || p.gw || p.gb;
    if (sums)
        parallel(p.n, parts.grain, parts.columns ? R(products_of_columns) : R(part_products), &parts);
    const double count = (double)p.n * (double)p.l;
    for (long c = 0; c < p.c; c++) {
        double s = 0, t = 0, invstd = (double)p.invstd[c];
        for (long n = 0, at = c; sums && n < p.n; n += parts.grain, at += p.c) {
            s += ((double *)parts.moments)[2 * at];
            t += ((double *)parts.moments)[2 * at + 1];
        }
        if (p.gw)
            p.gw[c] = (real)(t * invstd);
        if (p.gb)
            p.gb[c] = (real)s;
        R(lay_out)(lines, c, each, p.invstd[c] * (p.w ? p.w[c] : 1));
        R(lay_out)(lines + size, c, each, (real)(s / count));
        R(lay_out)(lines + 2 * size, c, each, (real)(t / count * invstd * invstd));
    }
    if (!p.y)
        return;
    if (!parts.lines)
        parts.mean = p.mean;
    if (p.given) { /* g scale: x may be infinite, and is not read */
        memset(means, 0, (size_t)size * sizeof(real));
        parts.mean = parts.shift = means;
        p.x = p.g;
    }
    if (p.given)
        R(write_all)(&parts, R(columns_some), R(planes_some));
    else
        R(write_all)(&parts, R(columns_back_some), R(planes_back_some));
}
