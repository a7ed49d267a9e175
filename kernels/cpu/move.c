/* Elements moved as they are, in whole rows or transposed.
 *
 *     copy_rows(x, y, rows, n, x_step, y_step)    y[r y_step + i] = x[r x_step + i], 0 <= i < n
 *         reference: ops Clone, CopyInto, Cat
 *     turn_planes(x, y, outer, rows, columns)     (outer, rows, columns) -> (outer, columns, rows)
 *         reference: op RowMajor
 *
 * Whatever has the size of the type is moved as if it were numbers of it.
 */
typedef struct {
    const real *x;
    real *y;
    long rows, n, x_step, y_step;
    int far;
} R(move);

enum { R(RUN) = 1 << 15 }; /* elements of a row in a part */

/* Runs begin..end: `runs` of them make a row. */
static void R(copy_range)(void *context, long begin, long end)
{
    const R(move) *m = context;
    long runs = (m->n + R(RUN) - 1) / R(RUN);
    for (long at = begin; at < end; at++) {
        long row = at / runs, i = at % runs * R(RUN), many = min(m->n - i, (long)R(RUN));
        real *to = m->y + row * m->y_step + i;
        const real *from = m->x + row * m->x_step + i;
        if (m->far)
            R(put)(to, from, many * (long)sizeof(real));
        else
            memcpy(to, from, (size_t)many * sizeof(real));
    }
    PUT_END();
}

KERNEL(copy_rows)
{
    R(move) m = {.x = a[0].p, .y = a[1].p, .rows = a[2].i, .n = a[3].i, .x_step = a[4].i,
                 .y_step = a[5].i, .far = R(is_far)(a[2].i * a[3].i * (long)sizeof(real))};
    long runs = (m.n + R(RUN) - 1) / R(RUN);
    parallel(m.rows * runs, max(1, R(RUN) / max(1, m.n)), R(copy_range), &m);
}

enum { R(SIDE) = 64 }; /* rows and columns turned in the first cache, and then written in rows */

/* Tiles begin..end of rows: all columns of TILE rows each. */
static void R(turn_range)(void *context, long begin, long end)
{
    const R(move) *m = context;
    _Alignas(64) real tile[R(SIDE) * R(SIDE)];
    long tiles = (m->rows + R(SIDE) - 1) / R(SIDE);
    for (long at = begin; at < end; at++) {
        long first = at % tiles * R(SIDE), rows = min(m->rows - first, (long)R(SIDE));
        const real *x = m->x + at / tiles * m->rows * m->n + first * m->n;
        real *y = m->y + at / tiles * m->rows * m->n + first;
        for (long c = 0; c < m->n; c += R(SIDE)) {
            long columns = min(m->n - c, (long)R(SIDE)), r = 0;
            for (; r + LANES <= rows; r += LANES) {
                long k = 0;
                for (; k + LANES <= columns; k += LANES) {
                    vec square[LANES];
                    for (int i = 0; i < LANES; i++)
                        square[i] = *(const vec *)(x + (r + i) * m->n + c + k);
                    R(transpose)(square); /* of gemm.h */
                    for (int i = 0; i < LANES; i++)
                        *(vec *)(tile + (k + i) * R(SIDE) + r) = square[i];
                }
                for (; k < columns; k++)
                    for (long i = r; i < r + LANES; i++)
                        tile[k * R(SIDE) + i] = x[i * m->n + c + k];
            }
            for (; r < rows; r++)
                for (long k = 0; k < columns; k++)
                    tile[k * R(SIDE) + r] = x[r * m->n + c + k];
            for (long k = 0; k < columns; k++) {
                real *to = y + (c + k) * m->rows;
                if (m->far)
                    R(put)(to, tile + k * R(SIDE), rows * (long)sizeof(real));
                else
                    memcpy(to, tile + k * R(SIDE), (size_t)rows * sizeof(real));
            }
        }
    }
    PUT_END();
}

KERNEL(turn_planes)
{
    R(move) m = {.x = a[0].p, .y = a[1].p, .rows = a[3].i, .n = a[4].i,
                 .far = R(is_far)(a[2].i * a[3].i * a[4].i * (long)sizeof(real))};
    long tiles = (m.rows + R(SIDE) - 1) / R(SIDE);
    parallel(a[2].i * tiles, max(1, R(RUN) / max(1, R(SIDE) * m.n)), R(turn_range), &m);
}
