/* Sums, variances and places of the greatest along an axis that is not the last, of an array without
 * gaps.
 *
 *     sum_columns(x, y, outer, n, inner)            x (outer, n, inner), y (outer, inner)
 *     variance_columns(x, y, mean, n, inner, degrees)   x (n, inner), y and mean (inner): the sum of
 *         squares about the mean / degrees
 *     argmax_columns(x, places, outer, n, inner, sign)
 *         places, int64 (outer, inner): of the first of the greatest of sign x (1, or -1 for the
 *         least); of the first NaN if there is one
 *
 * Rows are read in the order of memory, WIDE columns of them at a time, whose results stay in the
 * first cache. They are added up in `real` for some rows, and then in double.
 * Rows that are short are taken together to longer ones. Reference: Sum, ArgMax of ops/reduction.
 */
enum {
    R(WIDE) = 4096,        /* columns of a part */
    R(SHORT_ROW) = 256,    /* shorter rows are taken together */
    R(SUMMED) = 32,        /* rows that are added up in `real` */
    R(ROW_PARTS) = 16,     /* of the rows, at most, each with its own sums */
};

typedef struct {
    const real *x, *about; /* about: what squares are taken about, a row; NULL: sums */
    real *y;
    int64_t *places;
    double *sums; /* of each part of the rows: inner, or fold, sums for each of outer */
    long outer, n, inner, blocks, parts, grain;
    real sign;
    int far; /* x is in no cache */
} R(columns);

/* `rows` rows, `step` apart, of `width` columns, added to `some`; or, where `about` is a row, what they
 * are more than that, and the squares of it to `some + WIDE`.
 */
INLINE void R(add_few_rows)(const real *x, long step, const long rows, long width, const real *about,
                            const int far, real *some)
{
    long i = 0;
    for (; i + LANES <= width; i += LANES) {
        vec sum = *(const vec *)(some + i), squares = *(const vec *)(some + R(WIDE) + i);
        for (long r = 0; r < rows; r++) {
            vec v = *(const vec *)(x + r * step + i);
            if (far) /* what lies in memory is asked for: a row is a short stream */
                __builtin_prefetch(x + (r + 2 * rows) * step + i, 0, 2);
            if (about) {
                v -= *(const vec *)(about + i);
                squares += v * v;
            }
            sum += v;
        }
        *(vec *)(some + i) = sum;
        if (about)
            *(vec *)(some + R(WIDE) + i) = squares;
    }
    for (; i < width; i++)
        for (long r = 0; r < rows; r++) {
            const real v = x[r * step + i] - (about ? about[i] : 0);
            some[i] += v;
            if (about)
                some[R(WIDE) + i] += v * v;
        }
}

/* The sums of rows of `width` columns, of an array that ends at `stop`: up to there the last vector of
 * a row may reach into the next, and what is summed beyond the width is not used. Four rows at a time:
 * sums are read and written once for them. Those of squares are `apart` from the plain ones.
 */
INLINE void R(add_wide_rows)(const real *x, const real *stop, long step, long rows, long width,
                             const real *about, const int far, double *sums, long apart)
{
    _Alignas(64) real some[2 * R(WIDE)];
    const long all = (width + LANES - 1) / LANES * LANES;
    for (int kind = 0; kind < 1 + (about != NULL); kind++)
        memset(sums + kind * apart, 0, (size_t)width * sizeof(double));
    for (long begin = 0; begin < rows; begin += R(SUMMED)) {
        for (int kind = 0; kind < 1 + (about != NULL); kind++)
            memset(some + kind * R(WIDE), 0, (size_t)all * sizeof(real));
        const long end = min(begin + R(SUMMED), rows);
        long r = begin;
        for (; r + 4 <= end; r += 4)
            R(add_few_rows)(x + r * step, step, 4,
                            x + (r + 3) * step + all <= stop ? all : width, about, far, some);
        for (; r < end; r++)
            R(add_few_rows)(x + r * step, step, 1, x + r * step + all <= stop ? all : width, about,
                            far, some);
        for (int kind = 0; kind < 1 + (about != NULL); kind++)
            for (long i = 0; i < width; i++)
                sums[kind * apart + i] += (double)some[kind * R(WIDE) + i];
    }
}

/* Pieces begin..end: each is a part of the rows, of a block of columns, of one of outer. */
static void R(sum_columns_range)(void *context, long begin, long end)
{
    const R(columns) *c = context;
    const long apart = c->outer * c->inner;
    const real *stop = c->x + c->n * apart;
    for (long at = begin; at < end; at++) {
        const long part = at % c->parts, block = at / c->parts % c->blocks;
        const long o = at / c->parts / c->blocks, first = part * c->grain;
        const long rows = min(c->grain, c->n - first), column = block * R(WIDE);
        const real *x = c->x + (o * c->n + first) * c->inner + column;
        const real *about = c->about ? c->about + column : NULL;
        const long width = min(c->inner - column, (long)R(WIDE));
        double *sums = c->sums + part * (about ? 2 : 1) * apart + o * c->inner + column;
        if (c->far && about)
            R(add_wide_rows)(x, stop, c->inner, rows, width, about, 1, sums, apart);
        else if (c->far)
            R(add_wide_rows)(x, stop, c->inner, rows, width, NULL, 1, sums, apart);
        else if (about)
            R(add_wide_rows)(x, stop, c->inner, rows, width, about, 0, sums, apart);
        else
            R(add_wide_rows)(x, stop, c->inner, rows, width, NULL, 0, sums, apart);
    }
}

/* The sums of all parts, and of rows that were taken together (`fold`) or are left over (`rest`, from
 * x on): y is the sum over `divisor`, or the variance from sums about a mean that was rounded.
 */
static void R(finish_sums)(const R(columns) *c, const real *x, long fold, long rest, double divisor)
{
    const long inner = c->inner / fold, apart = c->outer * c->inner;
    const long size = (c->about ? 2 : 1) * apart;
    for (long part = 1; part < c->parts; part++)
        for (long i = 0; i < size; i++)
            c->sums[i] += c->sums[part * size + i];
    for (long o = 0; o < c->outer; o++)
        for (long i = 0; i < inner; i++) {
            double plain = 0, squares = 0;
            for (long k = 0; c->parts && k < fold; k++) {
                const double *sum = c->sums + o * c->inner + k * inner + i;
                plain += *sum;
                squares += c->about ? sum[apart] : 0;
            }
            for (long r = 0; r < rest; r++) {
                const double v = (double)(x[r * inner + i] - (c->about ? c->about[i] : 0));
                plain += v;
                squares += v * v;
            }
            if (c->about)
                plain = squares - plain * plain / (double)(c->n * fold + rest);
            c->y[o * inner + i] = (real)(plain / divisor);
        }
}

static void R(columns_summed)(R(columns) c, double divisor)
{
    long fold = 1, rest = 0;
    if (c.outer == 1 && c.inner < R(SHORT_ROW) && c.inner > 0) {
        fold = min(R(SHORT_ROW) / c.inner, max(c.n, 1));
        fold -= fold > LANES ? fold % LANES : 0; /* whole vectors */
        rest = c.n % fold;
        c.n /= fold;
        c.inner *= fold;
    }
    if (c.about) { /* as often as rows are taken together, and room to read a vector beyond */
        real *about = scratch(1, (size_t)(c.inner + LANES) * sizeof(real));
        if (!about)
            return;
        for (long k = 0; k < fold; k++)
            memcpy(about + k * (c.inner / fold), c.about, (size_t)(c.inner / fold) * sizeof(real));
        memset(about + c.inner, 0, LANES * sizeof(real));
        c.about = about;
    }
    c.far = R(is_far)(c.outer * c.n * c.inner * (long)sizeof(real));
    c.blocks = (c.inner + R(WIDE) - 1) / R(WIDE);
    const long width = max(1, min(c.inner, (long)R(WIDE)));
    const long parts = max(1, R(ROW_PARTS) / max(1, c.outer * c.blocks));
    c.grain = max(max(1, (1 << 16) / width), (c.n + parts - 1) / parts);
    c.parts = (c.n + c.grain - 1) / c.grain;
    c.sums = scratch(0, (size_t)(2 * c.parts * c.outer * c.inner + 1) * sizeof(double));
    if (!c.sums)
        return;
    const long each = min(c.grain, max(c.n, 1)) * width;
    parallel(c.outer * c.blocks * c.parts, max(1, (1 << 15) / each), R(sum_columns_range), &c);
    R(finish_sums)(&c, c.x + c.n * c.inner, fold, rest, divisor);
}

KERNEL(sum_columns)
{
    R(columns) c = {.x = a[0].p, .y = a[1].p, .outer = a[2].i, .n = a[3].i, .inner = a[4].i};
    R(columns_summed)(c, 1);
}

KERNEL(variance_columns)
{
    R(columns) c = {.x = a[0].p, .y = a[2].p, .outer = 1, .n = a[3].i, .inner = a[4].i};
    R(columns_summed)(c, (double)c.n);
    c.about = c.y;
    c.y = a[1].p;
    R(columns_summed)(c, a[5].d);
}

/* `count` rows from row r on beside the best of those before, LANES columns of them. */
INLINE void R(better_rows)(const real *x, long step, real sign, long r, const long count,
                           const int far, real *best, whole *place)
{
    vec old = *(const vec *)best;
    mask where = *(const mask *)place;
    for (long k = 0; k < count; k++) {
        vec here = *(const vec *)(x + k * step) * sign;
        if (far)
            __builtin_prefetch(x + (k + 2 * count) * step, 0, 2);
        mask better = (here > old) | ((here != here) & (old == old));
        old = R(choose)(better, here, old);
        where = (better & (whole)(r + k)) | (~better & where);
    }
    *(vec *)best = old;
    *(mask *)place = where;
}

/* Rows r..r + count of `width` columns; four at a time: the best are read and written once. */
INLINE void R(best_of_rows)(const real *x, long step, long width, real sign, long r,
                            const long count, const int far, real *best, whole *place)
{
    const real *row = x + r * step;
    long i = 0;
    for (; i + LANES <= width; i += LANES)
        R(better_rows)(row + i, step, sign, r, count, far, best + i, place + i);
    for (; i < width; i++)
        for (long k = 0; k < count; k++) {
            const real here = row[k * step + i] * sign;
            if (here > best[i] || (here != here && best[i] == best[i])) {
                best[i] = here;
                place[i] = (whole)(r + k);
            }
        }
}

static void R(argmax_columns_range)(void *context, long begin, long end)
{
    const R(columns) *c = context;
    real best[R(WIDE)];
    whole place[R(WIDE)];
    for (long at = begin; at < end; at++) {
        const long o = at / c->blocks, column = at % c->blocks * R(WIDE);
        const long width = min(c->inner - column, (long)R(WIDE));
        const real *x = c->x + o * c->n * c->inner + column;
        for (long i = 0; i < width; i++) {
            best[i] = c->sign * x[i];
            place[i] = 0;
        }
        long r = 1;
        for (; r + 4 <= c->n; r += 4)
            if (c->far)
                R(best_of_rows)(x, c->inner, width, c->sign, r, 4, 1, best, place);
            else
                R(best_of_rows)(x, c->inner, width, c->sign, r, 4, 0, best, place);
        for (; r < c->n; r++)
            R(best_of_rows)(x, c->inner, width, c->sign, r, 1, 0, best, place);
        for (long i = 0; i < width; i++)
            c->places[o * c->inner + column + i] = place[i];
    }
}

KERNEL(argmax_columns)
{
    R(columns) c = {.x = a[0].p, .places = a[1].p, .outer = a[2].i, .n = a[3].i, .inner = a[4].i,
                    .sign = (real)a[5].d};
    c.blocks = (c.inner + R(WIDE) - 1) / R(WIDE);
    c.far = R(is_far)(c.outer * c.n * c.inner * (long)sizeof(real));
    const long each = max(1, c.n * min(c.inner, (long)R(WIDE)));
    parallel(c.outer * c.blocks, max(1, (1 << 15) / each), R(argmax_columns_range), &c);
}
