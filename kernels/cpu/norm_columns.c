/* Batch normalisation of samples that are rows of C L columns, L of each channel: of few places, or
 * none. Columns are summed side by side, and what belongs to a channel is added up at the end. Parts
 * of norm_batch.c, which says why everything is read in the order of memory.
 */
enum {
    R(PLANE) = 64,          /* places from which on planes are summed one by one */
    R(FEW_PLACES) = 8,      /* below, the result is worked out by columns as well, */
    R(FEW_COLUMNS) = 8192,  /* and of no more columns: numbers for each stay in the cache; */
    R(MORE_COLUMNS) = 16384, /* or of these, but for a forward result that no cache holds */
    R(BATCH_PARTS) = 16,    /* of the samples, at most: each has its own sums of all channels */
    R(DEEP) = 32,           /* samples of columns that are added up in `real` */
    R(STRIP) = 1024,        /* columns whose sums are kept side by side */
};

typedef struct {
    const R(norm) *p;
    long grain;    /* samples in a part */
    void *moments; /* of each part and channel: R(moments), or two doubles (sums of products) */
    /* Of each channel, or column: y = (x - mean) scale + shift, and of `apply_back` the rest. */
    const real *mean, *scale, *shift, *flat, *slope;
    long columns; /* of a sample, which are summed side by side; 0: planes are summed */
    long lines;   /* columns as well where the result is worked out by columns; 0: by planes */
    int far, far_planes; /* the result goes past the caches in blocks; plane by plane */
    R(some) *some; /* what writes elements of it */
} R(parts);

/* How the work is cut, and memory for what each part finds. */
static int R(cut)(R(parts) *c, const R(norm) *p, size_t each)
{
    long least = (1 << 17) / max(1, p->c * p->l); /* samples that are worth a thread */
    c->p = p;
    c->columns = p->l < R(PLANE) ? p->c * p->l : 0;
    c->far = R(is_far)(p->n * p->c * p->l * (long)sizeof(real));
    const long few = c->far && !p->g ? R(FEW_COLUMNS) : R(MORE_COLUMNS);
    c->lines = p->l < R(FEW_PLACES) || c->columns <= few ? c->columns : 0;
    c->far_planes = c->far && !c->lines && p->l >= R(FAR_RUN);
    c->far -= c->far_planes;
    c->grain = max(max(1, least), (p->n + R(BATCH_PARTS) - 1) / R(BATCH_PARTS));
    c->moments = scratch(0, (size_t)((p->n + c->grain - 1) / c->grain * p->c) * each);
    return c->moments != NULL;
}

/* The sums about `shift` of a chunk of `count` with mean m, d and q of chunk_sums: with them,
 * sum (x - shift) = d + count (m - shift), and sum (x - shift)^2 likewise.
 */
static inline void R(add_chunk)(double count, double m, double d, double q, double shift,
                                double *first, double *second)
{
    double away = m - shift;
    *first += d + count * away;
    *second += q + away * (2 * d + count * away);
}

static inline R(moments) R(moments_about)(double total, double shift, double first, double second)
{
    double rest = first / total;
    return (R(moments)){total, shift + rest, second - first * rest};
}

/* x - shift, and its squares, of `rows` samples added up side by side; or, of g, g and g (x - shift).
 * Four samples at a time: the sums are read and written once for them. The next are asked for: their
 * pages are others, in which the processor would have to find out what comes next.
 */
INLINE void R(add_samples)(const real *g, const real *x, long step, const long rows,
                           const real *shift, long n, real *s, real *q)
{
    long i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec first = *(const vec *)(s + i), second = *(const vec *)(q + i);
        for (long r = 0; r < rows; r++) {
            vec away = *(const vec *)(x + r * step + i) - *(const vec *)(shift + i);
            vec weight = g ? *(const vec *)(g + r * step + i) : away;
            first += weight;
            second += weight * away;
            __builtin_prefetch(x + (r + rows) * step + i, 0, 2);
            if (g)
                __builtin_prefetch(g + (r + rows) * step + i, 0, 2);
        }
        *(vec *)(s + i) = first;
        *(vec *)(q + i) = second;
    }
    for (; i < n; i++)
        for (long r = 0; r < rows; r++) {
            real away = x[r * step + i] - shift[i], weight = g ? g[r * step + i] : away;
            s[i] += weight;
            q[i] += weight * away;
        }
}

INLINE void R(add_all_samples)(const real *g, const real *x, long step, long rows,
                               const real *shift, long n, real *s, real *q)
{
    long r = 0;
    for (; r + 4 <= rows; r += 4)
        R(add_samples)(g ? g + r * step : NULL, x + r * step, step, 4, shift, n, s, q);
    for (; r < rows; r++)
        R(add_samples)(g ? g + r * step : NULL, x + r * step, step, 1, shift, n, s, q);
}

/* Sums of a strip of columns: of some rows in `real`, of all in double. */
typedef struct {
    double first[R(STRIP)], second[R(STRIP)];
    real s[R(STRIP)], q[R(STRIP)];
} R(strip);

/* What was added up in `real` goes to the sums in double. */
static void R(settle)(R(strip) *sums, long width)
{
    for (long k = 0; k < width; k++) {
        sums->first[k] += (double)sums->s[k];
        sums->second[k] += (double)sums->q[k];
    }
    memset(sums->s, 0, (size_t)width * sizeof(real));
    memset(sums->q, 0, (size_t)width * sizeof(real));
}

static inline double R(sum_run)(const double *x, long n)
{
    double s[4] = {0, 0, 0, 0};
    long i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++)
            s[k] += x[i + k];
    for (; i < n; i++)
        s[0] += x[i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

/* About what the columns of some rows are summed: for each channel, near the mean of its first
 * column in this strip. `channel` is the shift of the channel that began before it.
 */
static void R(find_shift)(const real *x, long step, long rows, long width, long l, long place,
                          real *channel, real *shift)
{
    memset(shift, 0, (size_t)width * sizeof(real));
    for (long r = 0; r < rows; r++)
        for (long k = 0; k < width; k++)
            shift[k] += x[r * step + k];
    for (long k = 0; k < width; k++) {
        if (place == 0) {
            const real mean = shift[k] / (real)rows;
            *channel = isfinite(mean) ? mean : 0;
        }
        shift[k] = *channel;
        place = place + 1 == l ? 0 : place + 1;
    }
}

/* Samples begin..end of columns. A channel's columns share a shift, so that their sums add up. */
static void R(part_columns)(void *context, long begin, long end)
{
    const R(parts) *parts = context;
    const R(norm) *p = parts->p;
    const long step = parts->columns, l = p->l;
    R(moments) *found = (R(moments) *)parts->moments + begin / parts->grain * p->c;
    const double total = (double)(end - begin) * (double)l;
    R(strip) sums;
    real shift[R(STRIP)], last = 0;
    double first = 0, second = 0;
    long channel = 0, place = 0; /* of the next column that is added to its channel */
    for (long c = 0; c < step; c += R(STRIP)) {
        const long width = min(step - c, (long)R(STRIP));
        R(find_shift)(p->x + begin * step + c, step, min(end - begin, (long)R(DEEP)), width, l,
                      place, &last, shift);
        memset(&sums, 0, sizeof sums);
        for (long n = begin; n < end; n += R(DEEP)) {
            R(add_all_samples)(NULL, p->x + n * step + c, step, min(end - n, (long)R(DEEP)), shift,
                               width, sums.s, sums.q);
            R(settle)(&sums, width);
        }
        for (long k = 0, many; k < width; k += many) {
            many = min(l - place, width - k);
            first += R(sum_run)(sums.first + k, many);
            second += R(sum_run)(sums.second + k, many);
            if ((place += many) == l) {
                found[channel++] = R(moments_about)(total, (double)shift[k], first, second);
                first = second = 0;
                place = 0;
            }
        }
    }
}

/* Elements begin..end of the result, by columns. */
static void R(columns_some)(const void *context, real *out, long begin, long end)
{
    const R(parts) *m = context;
    for (long k = begin, c = begin % m->columns, many; k < end; k += many, c = 0) {
        const real *x = m->p->x + k, *scale = m->scale + c, *mean = m->mean + c;
        const real *shift = m->shift + c;
        real *to = out + (k - begin);
        long i = 0;
        many = min(m->columns - c, end - k);
        for (; i + LANES <= many; i += LANES)
            *(vec *)(to + i) = (*(const vec *)(x + i) - *(const vec *)(mean + i)) *
                                   *(const vec *)(scale + i) + *(const vec *)(shift + i);
        for (; i < many; i++)
            to[i] = (x[i] - mean[i]) * scale[i] + shift[i];
        if (m->far)
            R(ask_near)(x + many, R(BLOCK));
    }
}

/* The sums of g and of g (x - mean) of samples begin..end, for each channel. */
static void R(products_of_columns)(void *context, long begin, long end)
{
    const R(parts) *parts = context;
    const R(norm) *p = parts->p;
    const long step = parts->columns;
    double *found = (double *)parts->moments + begin / parts->grain * p->c * 2;
    R(strip) sums;
    double first = 0, second = 0;
    long place = 0;
    for (long c = 0; c < step; c += R(STRIP)) {
        const long width = min(step - c, (long)R(STRIP));
        memset(&sums, 0, sizeof sums);
        for (long n = begin; n < end; n += R(DEEP)) {
            R(add_all_samples)(p->g + n * step + c, p->x + n * step + c, step,
                               min(end - n, (long)R(DEEP)), parts->mean + c, width, sums.s, sums.q);
            R(settle)(&sums, width);
        }
        for (long k = 0, many; k < width; k += many) {
            many = min(p->l - place, width - k);
            first += R(sum_run)(sums.first + k, many);
            second += R(sum_run)(sums.second + k, many);
            if ((place += many) == p->l) {
                *found++ = first;
                *found++ = second;
                first = second = 0;
                place = 0;
            }
        }
    }
}

static void R(columns_back_some)(const void *context, real *out, long begin, long end)
{
    const R(parts) *m = context;
    for (long k = begin, c = begin % m->columns, many; k < end; k += many, c = 0) {
        const real *g = m->p->g + k, *x = m->p->x + k, *mean = m->mean + c;
        const real *flat = m->flat + c, *slope = m->slope + c, *scale = m->scale + c;
        real *to = out + (k - begin);
        long i = 0;
        many = min(m->columns - c, end - k);
        for (; i + LANES <= many; i += LANES) {
            vec away = *(const vec *)(x + i) - *(const vec *)(mean + i);
            *(vec *)(to + i) = (*(const vec *)(g + i) - *(const vec *)(flat + i) -
                                away * *(const vec *)(slope + i)) * *(const vec *)(scale + i);
        }
        for (; i < many; i++)
            to[i] = (g[i] - flat[i] - (x[i] - mean[i]) * slope[i]) * scale[i];
        if (m->far) {
            R(ask_near)(g + many, R(BLOCK));
            R(ask_near)(x + many, R(BLOCK));
        }
    }
}
