/* Distances of rows from rows, and their gradient.
 *
 * distances(x, y, out, batches, rows, columns, width, p, pairs)
 *     x (batches, rows, width), y (batches, columns, width), out (batches, rows, columns): the p-norm of
 *     the difference of a row of x and a row of y; p is 0, inf, or positive. With `pairs` y is x, there
 *     is one batch, and out holds those of rows i < j, one i after the other.
 * distances_backward(g, d, x, y, gx, batches, rows, columns, width, p, layout)
 *     the gradient of the rows of x, for p > 0; g and the distances d are (batches, rows, columns),
 *     or with layout 1 (batches, columns, rows), or with 2 as the pairs are.
 *     reference: ops Distances, PairDistances
 *
 * Rows of y are columns of a tile, and stand in the lanes: so short rows fill vectors as long ones
 * do, and no distance needs a sum of lanes. Long rows are added up a piece after the other, the sums
 * of pieces in double.
 */
#ifndef MINIGRAD_DISTANCE_C
#define MINIGRAD_DISTANCE_C
enum { COUNTED, ADDED, SQUARED, GREATEST, POWERS }; /* the norms of p = 0, 1, 2, inf, and others */
enum {
    DISTANCE_ROWS = 32,     /* rows of x that share a tile */
    DISTANCE_PIECE = 16,    /* elements of a row that a tile holds */
    DISTANCE_WORK = 1 << 16, /* differences of a part, at least */
    SLOPE_ROWS = 16,
    SLOPE_COLUMNS = 256,
};

static inline int norm_of(double p)
{
    return p == 0 ? COUNTED : p == 1 ? ADDED : p == 2 ? SQUARED : isinf(p) ? GREATEST : POWERS;
}
#endif
#define DISTANCE_COLUMNS (4 * LANES)
#define SLOPE_DEPTH (LANES > 4 ? LANES : 4)

typedef struct {
    const real *x, *y, *g, *d;
    real *out;
    long rows, columns, width, blocks, layout;
    int kind, pairs;
    double p;
} R(between);

/* Where the distance of rows i < j stands among those of all pairs of n. */
static inline long R(pair_at)(long n, long i, long j)
{
    return i * (2 * n - i - 1) / 2 + j - i - 1;
}

/* x to the power of p, for x >= 0: float32 in double, float64 by the C library. */
static inline vec R(power_of)(vec x, double p)
{
#if SINGLE
    R(half) half[2];
    memcpy(half, &x, sizeof half);
    for (int i = 0; i < 2; i++) {
        const R(doubles) e = R(log_wide_of)(R(widen)(half[i])) * p;
        half[i] = R(narrow)(R(exp_wide_of)(e));
    }
    memcpy(&x, half, sizeof half);
#else
    for (int i = 0; i < LANES; i++)
        x[i] = pow(x[i], p);
#endif
    return x;
}

static inline vec R(rounded)(const R(double_sums) *sums)
{
#if SINGLE
    R(half) half[2] = {R(narrow)(sums->part[0]), R(narrow)(sums->part[1])};
    vec v;
    memcpy(&v, half, sizeof v);
    return v;
#else
    return (vec)sums->part[0];
#endif
}

/* What the norm of so much is, of one more difference. */
INLINE vec R(norm_with)(const int kind, vec norm, vec d, double p)
{
    const vec size = R(magnitude)(d);
    switch (kind) {
    case COUNTED:
        return norm + R(choose)(d != 0, R(splat)(1), R(splat)(0));
    case ADDED:
        return norm + size;
    case SQUARED:
        return norm + d * d;
    case GREATEST: /* NaN stays, and comes in */
        return R(choose)((norm >= size) | (norm != norm), norm, size);
    default:
        return norm + R(power_of)(size, p);
    }
}

/* What is known of a tile's norms: of single pieces of rows as they are, of several their sums. */
typedef struct {
    R(double_sums) sums[DISTANCE_ROWS * 4];
    vec norms[DISTANCE_ROWS * 4];
} R(found);

/* A piece of a row of x and of the columns of some vectors; it may be the first, the last, or both. */
INLINE void R(distance_piece)(const int kind, const int vecs, const real *x, const real *tile,
                              long count, int first, int last, R(found) *to, long at, double p)
{
    vec found[4] = {{0}};
    for (long k = 0; k < count; k++) {
        const vec one = R(splat)(x[k]);
#pragma GCC unroll 4
        for (int q = 0; q < vecs; q++) {
            const vec d = one - *(const vec *)(tile + k * DISTANCE_COLUMNS + q * LANES);
            found[q] = R(norm_with)(kind, found[q], d, p);
        }
    }
#pragma GCC unroll 4
    for (int q = 0; q < vecs; q++) {
        if (kind == GREATEST && !first)
            found[q] = R(norm_with)(kind, to->norms[at + q], found[q], p);
        if (kind != GREATEST && !(first && last)) {
            R(double_sums) sum = {0};
            if (!first)
                sum = to->sums[at + q];
            R(add_to)(&sum, found[q]);
            to->sums[at + q] = sum;
            if (last)
                found[q] = R(rounded)(&sum);
        }
        to->norms[at + q] = found[q];
    }
}

INLINE void R(distance_tile)(const int kind, const R(between) *s, const real *x, long rows,
                             long vecs, const real *tile, long count, int first, int last,
                             R(found) *to)
{
    for (long i = 0; i < rows; i++, x += s->width)
        if (vecs == 4 && kind != POWERS)
            R(distance_piece)(kind, 4, x, tile, count, first, last, to, i * 4, s->p);
        else
            for (long q = 0; q < vecs; q++)
                R(distance_piece)(kind, 1, x, tile + q * LANES, count, first, last, to, i * 4 + q,
                                  s->p);
}

/* The norm from what was summed. */
static inline vec R(norm_end)(int kind, vec sum, double p)
{
    if (kind == POWERS)
        return R(power_of)(sum, 1 / p);
    return kind == SQUARED ? R(vsqrt)(sum) : sum;
}

/* The distances of `rows` rows from `first` on, and of a tile of columns from j on. */
static void R(distance_block)(const R(between) *s, const real *x, const real *y, long first,
                              long rows, long j, long columns, real *out)
{
    real tile[DISTANCE_PIECE * DISTANCE_COLUMNS], line[DISTANCE_COLUMNS + LANES];
    R(found) found;
    const long vecs = (columns + LANES - 1) / LANES;
    for (long k = 0; k < s->width || k == 0; k += DISTANCE_PIECE) {
        const long count = min((long)DISTANCE_PIECE, s->width - k);
        for (long i = 0; columns < vecs * LANES && i < count; i++)
            *(vec *)(tile + i * DISTANCE_COLUMNS + (vecs - 1) * LANES) = R(splat)(0);
        R(turn)(y + j * s->width + k, s->width, columns, count, tile, DISTANCE_COLUMNS);
        const real *from = x + first * s->width + k;
        switch (s->kind) {
#define CASE(kind)                                                                                 \
    case kind:                                                                                     \
        R(distance_tile)(kind, s, from, rows, vecs, tile, count, k == 0, k + count == s->width,   \
                         &found);                                                                  \
        break;
            CASE(COUNTED) CASE(ADDED) CASE(SQUARED) CASE(GREATEST) CASE(POWERS)
#undef CASE
        }
    }
    for (long i = 0; i < rows; i++) {
        const long skip = s->pairs ? max(0, first + i + 1 - j) : 0;
        const long at = s->pairs ? R(pair_at)(s->rows, first + i, j) : (first + i) * s->columns + j;
        for (long q = 0; q < vecs; q++) {
            const vec norm = R(norm_end)(s->kind, found.norms[i * 4 + q], s->p);
            if (skip)
                *(vec *)(line + q * LANES) = norm;
            else
                R(store_part)(out + (at + q * LANES), columns - q * LANES, norm);
        }
        for (long q = skip; skip && q < columns; q += LANES)
            R(store_part)(out + (at + q), columns - q, *(const vec *)(line + q));
    }
}

static void R(distance_range)(void *context, long begin, long end)
{
    const R(between) *s = context;
    long batch = begin / s->blocks, block = begin % s->blocks;
    for (long part = begin; part < end; part++) {
        const long first = block * DISTANCE_ROWS;
        const real *x = s->x + batch * s->rows * s->width;
        const real *y = s->y + batch * s->columns * s->width;
        real *out = s->out + batch * s->rows * s->columns;
        for (long j = s->pairs ? first + 1 : 0; j < s->columns; j += DISTANCE_COLUMNS) {
            const long columns = min((long)DISTANCE_COLUMNS, s->columns - j);
            long rows = min((long)DISTANCE_ROWS, s->rows - first);
            if (s->pairs)
                rows = min(rows, j + columns - 1 - first);
            R(distance_block)(s, x, y, first, rows, j, columns, out);
        }
        if (++block == s->blocks) {
            block = 0;
            batch++;
        }
    }
}

KERNEL(distances)
{
    R(between) s = {.x = a[0].p, .y = a[1].p, .out = a[2].p, .rows = a[4].i, .columns = a[5].i,
                     .width = a[6].i, .kind = norm_of(a[7].d), .p = a[7].d, .pairs = a[8].i};
    s.blocks = (s.rows + DISTANCE_ROWS - 1) / DISTANCE_ROWS;
    const long work = min((long)DISTANCE_ROWS, s.rows) * s.columns * max(1, s.width);
    parallel(a[3].i * s.blocks, max(1, DISTANCE_WORK / max(1, work)), R(distance_range), &s);
}

/* The cotangents and the distances of some rows and columns, 0 and 1 where there are none, and those
 * of distances that are 0.
 */
static void R(slope_tiles)(const R(between) *s, const real *g, const real *d, long i0, long rows,
                           long j0, long columns, real *slopes, real *sizes)
{
    const long filled = (columns + LANES - 1) / LANES * LANES;
    for (long i = 0; i < rows; i++) {
        real *slope = slopes + i * SLOPE_COLUMNS, *size = sizes + i * SLOPE_COLUMNS;
        const long row = i0 + i, past = max(0, min(columns, row + 1 - j0));
        const long from = s->layout == 0 ? 0 : s->layout == 1 ? columns : past;
        const long at = s->layout == 2 ? R(pair_at)(s->rows, row, j0) : row * s->columns + j0;
        for (long q = filled - LANES; q < filled; q++)
            slope[q] = size[q] = 0;
        if (s->layout == 2 && past > 0)
            slope[past - 1] = size[past - 1] = 0; /* of a row with itself, unless it is overwritten */
        for (long q = from; q < columns; q += LANES) {
            R(store_part)(slope + q, columns - q, R(some_of)(g + (at + q), columns - q));
            R(store_part)(size + q, columns - q, R(some_of)(d + (at + q), columns - q));
        }
    }
    for (long q = 0; s->layout && q < columns; q++) { /* what lies along columns */
        const long j = j0 + q, from = s->layout == 1 ? 0 : max(0, min(rows, j + 1 - i0));
        const long at = s->layout == 2 ? R(pair_at)(s->rows, j, i0) : j * s->rows + i0;
        for (long i = from; i < rows; i++) {
            slopes[i * SLOPE_COLUMNS + q] = g[at + i];
            sizes[i * SLOPE_COLUMNS + q] = d[at + i];
        }
    }
    for (long i = 0; i < rows; i++)
        for (long q = 0; q < filled; q += LANES) {
            vec *slope = (vec *)(slopes + i * SLOPE_COLUMNS + q);
            vec *size = (vec *)(sizes + i * SLOPE_COLUMNS + q);
            const mask apart = *size != 0;
            if (s->kind == SQUARED)
                *slope /= *size;
            *slope = R(choose)(apart, *slope, R(splat)(0));
            *size = R(choose)(apart, *size, R(splat)(1));
        }
}

/* What a difference gives to the gradient. */
INLINE vec R(slope_with)(const int kind, vec d, vec slope, vec size, double p)
{
    if (kind == SQUARED)
        return slope * d;
    const vec far = R(magnitude)(d);
    if (kind == POWERS)
        slope *= R(power_of)(far / size, p - 1);
    const mask sign = (mask)d & R(sign_bit)();
    const vec still = kind == POWERS ? d + 0 : d * slope; /* of a difference of 0, or NaN */
    slope = R(choose)(far > 0, (vec)((mask)slope ^ sign), still);
    return kind == GREATEST ? R(choose)(far == size, slope, R(splat)(0)) : slope;
}

/* The gradient of `depth` elements of some rows, from a tile of columns that has them as rows. Column
 * `own` is the first of these rows itself, from which nothing comes, not even NaN where it is infinite.
 */
INLINE void R(slope_rows)(const int kind, const int depth, const R(between) *s, const real *x,
                          long rows, long own, long filled, real *tile, const real *slopes,
                          const real *sizes, long count, int first, real *out)
{
    for (long i = 0; i < rows; i++, own++, x += s->width, out += s->width) {
        const int among = s->layout == 2 && own >= 0 && own < filled;
        vec sums[SLOPE_DEPTH] = {{0}};
        real one[SLOPE_DEPTH] = {0}, total[SLOPE_DEPTH];
        for (long k = 0; k < count; k++) {
            one[k] = x[k];
            if (among)
                tile[k * SLOPE_COLUMNS + own] = 0;
        }
        for (long q = 0; q < filled; q += LANES) {
            const vec slope = *(const vec *)(slopes + i * SLOPE_COLUMNS + q);
            const vec size = *(const vec *)(sizes + i * SLOPE_COLUMNS + q);
#pragma GCC unroll 16
            for (int k = 0; k < depth; k++) {
                const vec d = one[k] - *(const vec *)(tile + k * SLOPE_COLUMNS + q);
                sums[k] += R(slope_with)(kind, d, slope, size, s->p);
            }
        }
        if (depth == LANES)
            *(vec *)total = R(sum_each)(sums);
        else
            for (int k = 0; k < depth && k < count; k++)
                total[k] = R(sum_lanes)(sums[k]);
        for (long k = 0; k < count; k++) {
            out[k] = first ? total[k] : out[k] + total[k];
            if (among)
                tile[k * SLOPE_COLUMNS + own] = one[k];
        }
    }
}

static void R(slope_block)(const R(between) *s, const real *x, const real *y, long rows, long own,
                           long j, long columns, const real *slopes, const real *sizes, real *out)
{
    const long filled = (columns + LANES - 1) / LANES * LANES;
    real tile[SLOPE_DEPTH * SLOPE_COLUMNS];
    const long depth = min((long)SLOPE_DEPTH, s->width), lines = depth < SLOPE_DEPTH ? 4 : depth;
    for (long i = 0; i < lines; i++) /* what the first turn may leave */
        for (long q = i < depth ? filled - LANES : 0; q < filled; q += LANES)
            *(vec *)(tile + i * SLOPE_COLUMNS + q) = R(splat)(0);
    for (long k = 0; k < s->width;) {
        const long left = s->width - k, most = left < SLOPE_DEPTH ? 4 : SLOPE_DEPTH;
        const long count = min(left, most);
        R(turn)(y + j * s->width + k, s->width, columns, count, tile, SLOPE_COLUMNS);
        switch (s->kind * 2 + (most > 4)) {
#define CASE(kind, half, depth)                                                                    \
    case kind * 2 + half:                                                                          \
        R(slope_rows)(kind, depth, s, x + k, rows, own, filled, tile, slopes, sizes, count, j == 0, \
                      out + k);                                                                    \
        break;
#define CASES(kind) CASE(kind, 0, 4) CASE(kind, 1, SLOPE_DEPTH)
            CASES(ADDED) CASES(SQUARED) CASES(GREATEST) CASES(POWERS)
#undef CASES
#undef CASE
        }
        k += count;
    }
}

static void R(slope_range)(void *context, long begin, long end)
{
    const R(between) *s = context;
    const long each = s->layout == 2 ? 0 : s->rows * s->columns;
    real slopes[SLOPE_ROWS * SLOPE_COLUMNS], sizes[SLOPE_ROWS * SLOPE_COLUMNS];
    long batch = begin / s->blocks, block = begin % s->blocks;
    for (long part = begin; part < end; part++) {
        const long first = block * SLOPE_ROWS;
        const long rows = min((long)SLOPE_ROWS, s->rows - first);
        const real *x = s->x + (batch * s->rows + first) * s->width;
        real *out = s->out + (batch * s->rows + first) * s->width;
        for (long j = 0; j < s->columns; j += SLOPE_COLUMNS) {
            const long columns = min((long)SLOPE_COLUMNS, s->columns - j);
            R(slope_tiles)(s, s->g + batch * each, s->d + batch * each, first, rows, j, columns,
                           slopes, sizes);
            R(slope_block)(s, x, s->y + batch * s->columns * s->width, rows, first - j, j, columns,
                           slopes, sizes, out);
        }
        if (++block == s->blocks) {
            block = 0;
            batch++;
        }
    }
}

KERNEL(distances_backward)
{
    R(between) s = {.g = a[0].p, .d = a[1].p, .x = a[2].p, .y = a[3].p, .out = a[4].p,
                     .rows = a[6].i, .columns = a[7].i, .width = a[8].i, .kind = norm_of(a[9].d),
                     .p = a[9].d, .layout = a[10].i};
    s.blocks = (s.rows + SLOPE_ROWS - 1) / SLOPE_ROWS;
    const long work = min((long)SLOPE_ROWS, s.rows) * s.columns * max(1, s.width);
    parallel(a[5].i * s.blocks, max(1, DISTANCE_WORK / max(1, work)), R(slope_range), &s);
}
#undef DISTANCE_COLUMNS
#undef SLOPE_DEPTH
