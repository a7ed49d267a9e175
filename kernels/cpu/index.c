/* Reading, adding and weighing along one axis: arrays (outer, size, inner), places from an index.
 *
 * take_rows(x, index, out, outer, size, inner, count, bad)   out[o, k, :] = x[o, index[k], :]
 * add_rows(out, index, x, outer, size, inner, count, bad)    out[o, index[k], :] += x[o, k, :]
 *     reference: ops IndexSelect, TableRows; places.add_rows
 * take_along(x, index, out, outer, size, inner, count, bad)  out[o, k, i] = x[o, index[o, k, i], i]
 * add_along(out, index, x, outer, size, inner, count, bad)   the other way, and added
 *     reference: ops Gather, PutAlong, ScatterAdd
 * map_axis(x, index, weights, begins, out, outer, size, inner, rows)
 *     out[o, r, :] = sum of weights[t] x[o, index[t], :] over begins[r] <= t < begins[r + 1]
 *     reference: axis_maps.product (interpolation, means of parts, and their transposes)
 * reverse_rows(x, out, rows, size)   out[r, i] = x[r, size - 1 - i]
 *     reference: op Flip
 *
 * Indices are int64. If one is outside of 0..size-1, bad[0] (int64) becomes 1, and what is written
 * is undefined. What is added to one place is added in the order of the index, by one thread.
 */
#ifndef MINIGRAD_INDEX_C
#define MINIGRAD_INDEX_C
enum {
    INDEX_GRAIN = 1 << 14, /* elements of a part */
    INDEX_COLUMN = 128,    /* elements of inner that one part adds at, at least: some cache lines */
};
typedef struct {
    void *x, *out;
    const int64_t *index;
    int64_t *bad;
    long outer, size, inner, count, column;
    int far; /* the result goes past the caches */
} index_call;

/* Whether an index may be used; notes it if not. */
static inline int index_inside(const index_call *c, const int64_t *index, long n)
{
    int outside = 0;
    for (long k = 0; k < n; k++)
        outside |= (uint64_t)index[k] >= (uint64_t)c->size;
    if (outside)
        __atomic_store_n(c->bad, 1, __ATOMIC_RELAXED);
    return !outside;
}

static inline index_call index_arguments(const arg *a)
{
    return (index_call){.index = a[1].p, .outer = a[3].i, .size = a[4].i, .inner = a[5].i,
                        .count = a[6].i, .bad = a[7].p,
                        .column = max(INDEX_COLUMN, (a[5].i + threads() - 1) / threads())};
}
#endif

/* How many rows ahead those at unknown places are asked for: some kilobytes of them; none of a table
 * that the caches hold.
 */
static inline long R(rows_ahead)(const index_call *c)
{
    const long bytes = c->inner * (long)sizeof(real);
    return c->size * bytes < 1 << 20 ? c->count : max(4, min(64, 8192 / max(1, bytes)));
}

/* Ask memory for the lines of a row, of its first four kilobytes at most: the rest follows by itself.
 * They are to come as far as the second cache: the first has few places for what is on its way.
 */
static inline void R(ask)(const real *row, long n)
{
    const char *end = (const char *)(row + min(n, 4096 / (long)sizeof(real)));
    for (const char *line = (const char *)((uintptr_t)row & ~(uintptr_t)63); line < end; line += 64)
        __builtin_prefetch(line, 0, 2);
}

static void R(take_rows_range)(void *context, long begin, long end)
{
    const index_call *c = context;
    const long inner = c->inner, ahead = R(rows_ahead)(c);
    const real *x = (const real *)c->x + begin / c->count * c->size * inner;
    long k = begin % c->count;
    for (long row = begin; row < end; row++) {
        real *out = (real *)c->out + row * inner;
        const real *from = x + c->index[k] * inner;
        if (k + ahead < c->count)
            R(ask)(x + c->index[k + ahead] * inner, inner);
        if (c->far)
            R(put)(out, from, inner * (long)sizeof(real));
        else
            memcpy(out, from, (size_t)inner * sizeof(real));
        if (++k == c->count) {
            k = 0;
            x += c->size * inner;
        }
    }
    PUT_END();
}

/* Numbers instead of rows: four lines at a time share the index. */
static void R(take_lines)(void *context, long begin, long end)
{
    const index_call *c = context;
    long line = begin, size = c->size, count = c->count;
    for (; line + 4 <= end; line += 4) {
        const real *x = (const real *)c->x + line * size;
        real *out = (real *)c->out + line * count;
        for (long k = 0; k < count; k++) {
            const real *at = x + c->index[k];
            real p = at[0], q = at[size], r = at[2 * size], s = at[3 * size];
            out[k] = p;
            out[k + count] = q;
            out[k + 2 * count] = r;
            out[k + 3 * count] = s;
        }
    }
    for (; line < end; line++)
        for (long k = 0; k < count; k++)
            ((real *)c->out)[line * count + k] = ((const real *)c->x)[line * size + c->index[k]];
}

KERNEL(take_rows)
{
    index_call c = index_arguments(a);
    c.x = a[0].p;
    c.out = a[2].p;
    if (!index_inside(&c, c.index, c.count))
        return;
    c.far = R(is_far)(c.outer * c.count * c.inner * (long)sizeof(real)) && c.inner >= 128;
    if (c.inner == 1)
        parallel(c.outer, max(4, INDEX_GRAIN / max(c.count, 1) / 4 * 4), R(take_lines), &c);
    else
        parallel(c.outer * c.count, max(1, INDEX_GRAIN / max(c.inner, 1)), R(take_rows_range), &c);
}

/* A part is one of `outer`, and `column` elements of inner. */
static void R(add_rows_range)(void *context, long begin, long end)
{
    const index_call *c = context;
    long inner = c->inner, columns = (inner + c->column - 1) / c->column;
    const long ahead = R(rows_ahead)(c);
    for (long part = begin; part < end; part++) {
        long o = part / columns, first = part % columns * c->column;
        long many = min(c->column, inner - first);
        const real *x = (const real *)c->x + o * c->count * inner + first;
        real *out = (real *)c->out + o * c->size * inner + first;
        for (long k = 0; k < c->count; k++, x += inner) {
            real *to = out + c->index[k] * inner;
            if (k + ahead < c->count)
                R(ask)(out + c->index[k + ahead] * inner, many);
            for (long i = 0; i < many; i++)
                to[i] += x[i];
        }
    }
}

static void R(add_along_range)(void *context, long begin, long end)
{
    const index_call *c = context;
    long inner = c->inner, columns = (inner + c->column - 1) / c->column;
    for (long part = begin; part < end; part++) {
        long o = part / columns, first = part % columns * c->column;
        long many = min(c->column, inner - first);
        long at = o * c->count * inner + first;
        real *out = (real *)c->out + o * c->size * inner + first;
        for (long k = 0; k < c->count; k++, at += inner) {
            const int64_t *index = c->index + at;
            const real *x = (const real *)c->x + at;
            if (!index_inside(c, index, many))
                return;
            for (long i = 0; i < many; i++)
                out[index[i] * inner + i] += x[i];
        }
    }
}

/* Lines of numbers; four at a time share the index, and wait less for one another's sums. */
static void R(add_lines)(void *context, long begin, long end)
{
    const index_call *c = context;
    long line = begin, size = c->size, count = c->count;
    for (; line + 4 <= end; line += 4) {
        const real *x = (const real *)c->x + line * count;
        real *out = (real *)c->out + line * size;
        for (long k = 0; k < count; k++) {
            real *at = out + c->index[k];
            at[0] += x[k];
            at[size] += x[k + count];
            at[2 * size] += x[k + 2 * count];
            at[3 * size] += x[k + 3 * count];
        }
    }
    for (; line < end; line++)
        for (long k = 0; k < count; k++)
            ((real *)c->out)[line * size + c->index[k]] += ((const real *)c->x)[line * count + k];
}

static void R(add_along_lines)(void *context, long begin, long end)
{
    const index_call *c = context;
    for (long line = begin; line < end; line++) {
        const int64_t *index = c->index + line * c->count;
        const real *x = (const real *)c->x + line * c->count;
        real *out = (real *)c->out + line * c->size;
        if (!index_inside(c, index, c->count))
            return;
        for (long k = 0; k < c->count; k++)
            out[index[k]] += x[k];
    }
}

/* Parts of whole columns, of few outer ones if they are small; lines have one column each. */
static void R(add_parts)(index_call *c, range_body *rows, range_body *lines)
{
    range_body *body = c->inner == 1 ? lines : rows;
    long columns = (c->inner + c->column - 1) / c->column;
    long each = c->count * min(c->column, c->inner);
    parallel(c->outer * columns, max(4, INDEX_GRAIN / max(each, 1) / 4 * 4), body, c);
}

KERNEL(add_rows)
{
    index_call c = index_arguments(a);
    c.out = a[0].p;
    c.x = a[2].p;
    if (index_inside(&c, c.index, c.count))
        R(add_parts)(&c, R(add_rows_range), R(add_lines));
}

KERNEL(add_along)
{
    index_call c = index_arguments(a);
    c.out = a[0].p;
    c.x = a[2].p;
    R(add_parts)(&c, R(add_along_range), R(add_along_lines));
}

static void R(take_along_range)(void *context, long begin, long end)
{
    const index_call *c = context;
    long inner = c->inner;
    for (long row = begin; row < end; row++) {
        const int64_t *index = c->index + row * inner;
        const real *x = (const real *)c->x + row / c->count * c->size * inner;
        real *out = (real *)c->out + row * inner;
        long many = inner;
        if (inner == 1) { /* a run of numbers of one line */
            many = min(end - row, c->count - row % c->count);
            row += many - 1;
        }
        if (!index_inside(c, index, many))
            return;
        if (inner == 1)
            for (long i = 0; i < many; i++)
                out[i] = x[index[i]];
        else
            for (long i = 0; i < many; i++)
                out[i] = x[index[i] * inner + i];
    }
}

KERNEL(take_along)
{
    index_call c = index_arguments(a);
    c.x = a[0].p;
    c.out = a[2].p;
    parallel(c.outer * c.count, max(1, INDEX_GRAIN / max(c.inner, 1)), R(take_along_range), &c);
}

typedef struct {
    const real *x, *weights;
    real *out;
    const int64_t *index, *begins;
    long size, inner, rows;
} R(axis);

/* One row of the result, all of its inner elements. */
static inline void R(map_row)(const R(axis) *c, const real *x, real *restrict out, long row)
{
    long t = c->begins[row], end = c->begins[row + 1], inner = c->inner;
    if (end - t == 2) {
        const real *one = x + c->index[t] * inner, *two = x + c->index[t + 1] * inner;
        real v = c->weights[t], w = c->weights[t + 1];
        for (long i = 0; i < inner; i++)
            out[i] = v * one[i] + w * two[i];
        return;
    }
    memset(out, 0, (size_t)inner * sizeof(real));
    for (; t < end; t++) {
        const real *from = x + c->index[t] * inner;
        real w = c->weights[t];
        for (long i = 0; i < inner; i++)
            out[i] += w * from[i];
    }
}

static void R(map_rows)(void *context, long begin, long end)
{
    const R(axis) *c = context;
    for (long row = begin; row < end; row++)
        R(map_row)(c, c->x + row / c->rows * c->size * c->inner, c->out + row * c->inner,
                   row % c->rows);
}

/* The last axis: four lines at a time share the index and the weights. */
static void R(map_lines)(void *context, long begin, long end)
{
    const R(axis) *c = context;
    long line = begin, size = c->size, rows = c->rows;
    for (; line + 4 <= end; line += 4) {
        const real *x = c->x + line * size;
        real *out = c->out + line * rows;
        for (long row = 0; row < rows; row++) {
            real p = 0, q = 0, r = 0, s = 0;
            for (long t = c->begins[row]; t < c->begins[row + 1]; t++) {
                const real *at = x + c->index[t];
                real w = c->weights[t];
                p += w * at[0];
                q += w * at[size];
                r += w * at[2 * size];
                s += w * at[3 * size];
            }
            out[row] = p;
            out[row + rows] = q;
            out[row + 2 * rows] = r;
            out[row + 3 * rows] = s;
        }
    }
    for (; line < end; line++)
        for (long row = 0; row < rows; row++)
            R(map_row)(c, c->x + line * size, c->out + line * rows + row, row);
}

KERNEL(map_axis)
{
    R(axis) c = {.x = a[0].p, .index = a[1].p, .weights = a[2].p, .begins = a[3].p, .out = a[4].p,
                 .size = a[6].i, .inner = a[7].i, .rows = a[8].i};
    long outer = a[5].i;
    if (c.inner == 1)
        parallel(outer, max(4, INDEX_GRAIN / max(c.rows, 1) / 4 * 4), R(map_lines), &c);
    else
        parallel(outer * c.rows, max(1, INDEX_GRAIN / max(c.inner, 1)), R(map_rows), &c);
}

typedef struct {
    const real *x;
    real *out;
    long size;
} R(reversal);

static void R(reverse_range)(void *context, long begin, long end)
{
    const R(reversal) *c = context;
    long size = c->size;
    for (long row = begin; row < end; row++) {
        const real *last = c->x + (row + 1) * size - 1;
        real *restrict out = c->out + row * size;
        for (long i = 0; i < size; i++)
            out[i] = last[-i];
    }
}

KERNEL(reverse_rows)
{
    R(reversal) c = {.x = a[0].p, .out = a[1].p, .size = a[3].i};
    parallel(a[2].i, max(1, INDEX_GRAIN / max(c.size, 1)), R(reverse_range), &c);
}
