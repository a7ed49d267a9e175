/* Sums, and places of the greatest, along an axis that is not the last, of an array without gaps.
 *
 *     sum_columns(x, y, outer, n, inner)            x (outer, n, inner), y (outer, inner)
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
    const real *x;
    real *y;
    int64_t *places;
    double *sums; /* of each part of the rows: inner, or fold, sums for each of outer */
    long outer, n, inner, blocks, parts, grain;
    real sign;
} R(columns);

/* The sums of rows, `step` apart, of `width` columns. */
static void R(add_wide_rows)(const real *x, long step, long rows, long width, double *sums)
{
    real some[R(WIDE)];
    memset(sums, 0, (size_t)width * sizeof(double));
    for (long begin = 0; begin < rows; begin += R(SUMMED)) {
        memset(some, 0, (size_t)width * sizeof(real));
        const long end = min(begin + R(SUMMED), rows);
        long r = begin;
        for (; r + 4 <= end; r += 4) { /* at a time: the sums are read and written once for them */
            const real *a = x + r * step, *b = a + step, *c = b + step, *d = c + step;
            long i = 0;
            for (; i + LANES <= width; i += LANES)
                *(vec *)(some + i) = *(const vec *)(some + i) + *(const vec *)(a + i) +
                                     *(const vec *)(b + i) + *(const vec *)(c + i) +
                                     *(const vec *)(d + i);
            for (; i < width; i++)
                some[i] = some[i] + a[i] + b[i] + c[i] + d[i];
        }
        for (; r < end; r++) {
            const real *row = x + r * step;
            long i = 0;
            for (; i + LANES <= width; i += LANES)
                *(vec *)(some + i) += *(const vec *)(row + i);
            for (; i < width; i++)
                some[i] += row[i];
        }
        for (long i = 0; i < width; i++)
            sums[i] += (double)some[i];
    }
}

/* Pieces begin..end: each is a part of the rows, of a block of columns, of one of outer. */
static void R(sum_columns_range)(void *context, long begin, long end)
{
    const R(columns) *c = context;
    for (long at = begin; at < end; at++) {
        const long part = at % c->parts, block = at / c->parts % c->blocks;
        const long o = at / c->parts / c->blocks, first = part * c->grain;
        const long rows = min(c->grain, c->n - first), column = block * R(WIDE);
        R(add_wide_rows)(c->x + (o * c->n + first) * c->inner + column, c->inner, rows,
                         min(c->inner - column, (long)R(WIDE)),
                         c->sums + (part * c->outer + o) * c->inner + column);
    }
}

/* Rows of x are `fold` rows taken together, and `rest` rows of x are left over. */
static void R(finish_sums)(const R(columns) *c, const real *x, long fold, long rest)
{
    const long inner = c->inner / fold;
    for (long o = 0; o < c->outer; o++)
        for (long i = 0; i < inner; i++) {
            double total = 0;
            for (long part = 0; part < c->parts; part++)
                for (long k = 0; k < fold; k++)
                    total += c->sums[(part * c->outer + o) * c->inner + k * inner + i];
            for (long r = 0; r < rest; r++)
                total += (double)x[r * inner + i];
            c->y[o * inner + i] = (real)total;
        }
}

KERNEL(sum_columns)
{
    R(columns) c = {.x = a[0].p, .y = a[1].p, .outer = a[2].i, .n = a[3].i, .inner = a[4].i};
    long fold = 1, rest = 0;
    if (c.outer == 1 && c.inner < R(SHORT_ROW) && c.inner > 0) {
        fold = min(R(SHORT_ROW) / c.inner, max(c.n, 1));
        rest = c.n % fold;
        c.n /= fold;
        c.inner *= fold;
    }
    c.blocks = (c.inner + R(WIDE) - 1) / R(WIDE);
    const long width = max(1, min(c.inner, (long)R(WIDE)));
    const long parts = max(1, R(ROW_PARTS) / max(1, c.outer * c.blocks));
    c.grain = max(max(1, (1 << 16) / width), (c.n + parts - 1) / parts);
    c.parts = (c.n + c.grain - 1) / c.grain;
    c.sums = scratch(0, (size_t)(c.parts * c.outer * c.inner + 1) * sizeof(double));
    if (!c.sums)
        return;
    const long each = min(c.grain, max(c.n, 1)) * width;
    parallel(c.outer * c.blocks * c.parts, max(1, (1 << 15) / each), R(sum_columns_range), &c);
    R(finish_sums)(&c, c.x + c.n * c.inner, fold, rest);
}

/* `count` rows from row r on beside the best of those before, LANES columns of them. */
INLINE void R(better_rows)(const real *x, long step, real sign, long r, const long count,
                           real *best, whole *place)
{
    vec old = *(const vec *)best;
    mask where = *(const mask *)place;
    for (long k = 0; k < count; k++) {
        vec here = *(const vec *)(x + k * step) * sign;
        mask better = (here > old) | ((here != here) & (old == old));
        old = R(choose)(better, here, old);
        where = (better & (whole)(r + k)) | (~better & where);
    }
    *(vec *)best = old;
    *(mask *)place = where;
}

/* Rows r..r + count of `width` columns; four at a time: the best are read and written once. */
INLINE void R(best_of_rows)(const real *x, long step, long width, real sign, long r,
                            const long count, real *best, whole *place)
{
    const real *row = x + r * step;
    long i = 0;
    for (; i + LANES <= width; i += LANES)
        R(better_rows)(row + i, step, sign, r, count, best + i, place + i);
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
            R(best_of_rows)(x, c->inner, width, c->sign, r, 4, best, place);
        for (; r < c->n; r++)
            R(best_of_rows)(x, c->inner, width, c->sign, r, 1, best, place);
        for (long i = 0; i < width; i++)
            c->places[o * c->inner + column + i] = place[i];
    }
}

KERNEL(argmax_columns)
{
    R(columns) c = {.x = a[0].p, .places = a[1].p, .outer = a[2].i, .n = a[3].i, .inner = a[4].i,
                    .sign = (real)a[5].d};
    c.blocks = (c.inner + R(WIDE) - 1) / R(WIDE);
    const long each = max(1, c.n * min(c.inner, (long)R(WIDE)));
    parallel(c.outer * c.blocks, max(1, (1 << 15) / each), R(argmax_columns_range), &c);
}
