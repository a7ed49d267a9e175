/* Elements moved as they are, in whole rows or transposed.
 *
 *     copy_rows(x, y, rows, n, x_step, y_step)    y[r y_step + i] = x[r x_step + i], 0 <= i < n
 *         reference: ops Clone, CopyInto, Cat
 *     turn_planes(x, y, outer, rows, columns)     (outer, rows, columns) -> (outer, columns, rows)
 *         reference: op RowMajor
 *     repeat_rows(x, y, copies, rows, many, n)    y[c, r, m, i] = x[r, i]: each row of n `many` times,
 *                                                 and all of that `copies` times
 *         reference: numpy.broadcast_to, copied
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

/* Rows of x, each again and again. */
typedef struct {
    const real *x;
    real *y;
    long rows, many, n;
    int far;
} R(repeats);

/* Elements begin..end of the result, of which so many in one run come from x as they lie, or are one
 * element of it.
 */
static void R(repeats_some)(const void *context, real *out, long begin, long end)
{
    const R(repeats) *t = context;
    const long run = t->n > 1 ? t->n : t->many, again = t->n > 1 ? t->many : 1;
    for (long i = begin, which = begin / run, many; i < end; i += many, out += many, which++) {
        const real *from = t->x + which / again % t->rows * t->n;
        const long inside = i - which * run;
        many = min(run - inside, end - i);
        if (t->n > 1)
            memcpy(out, from + inside, (size_t)many * sizeof(real));
        else {
            const long room = end - i; /* what the last vector spills is overwritten next */
            long k = 0;
            for (; k < many && k + LANES <= room; k += LANES)
                *(vec *)(out + k) = R(splat)(*from);
            for (; k < many; k++)
                out[k] = *from;
        }
    }
}

static void R(repeats_range)(void *context, long begin, long end)
{
    const R(repeats) *t = context;
    R(deliver)(R(repeats_some), t, t->y, t->far, begin, end);
}

KERNEL(repeat_rows)
{
    R(repeats) t = {.x = a[0].p, .y = a[1].p, .rows = a[3].i, .many = a[4].i, .n = a[5].i};
    const long all = a[2].i * t.rows * t.many * t.n;
    t.far = R(is_far)(all * (long)sizeof(real));
    parallel(all, R(RUN), R(repeats_range), &t);
}

enum { R(LINE) = 64 / sizeof(real) }; /* rows that are turned together: a column of them is a line */

/* LANES columns from column c on of LINE rows, each at its place; past the caches a line at a time. */
INLINE void R(turn_squares)(const real *const *row, long c, real *y, long rows, int far)
{
    vec square[R(LINE) / LANES][LANES];
    for (int s = 0; s < R(LINE) / LANES; s++) {
        for (int i = 0; i < LANES; i++)
            square[s][i] = *(const vec *)(row[s * LANES + i] + c);
        R(transpose)(square[s]);
    }
    for (int i = 0; i < LANES; i++)
        for (int s = 0; s < R(LINE) / LANES; s++) {
            real *to = y + (c + i) * rows + s * LANES;
            if (far)
                PUT_VECTOR(to, square[s][i]);
            else
                *(vec *)to = square[s][i];
        }
}

/* LINE rows from row `first` on, of which the last `next` are the first rows, a column further: what
 * fills a line of the result's memory.
 */
static void R(turn_strip)(const R(move) *m, const real *x, real *y, long first, long next, int far)
{
    const long rows = m->rows, here = R(LINE) - next, columns = m->n - (next > 0);
    const real *row[R(LINE)];
    for (long i = 0; i < R(LINE); i++)
        row[i] = i < here ? x + (first + i) * m->n : x + (i - here) * m->n + 1;
    long c = 0;
    for (; c + LANES <= columns; c += LANES)
        if (far)
            R(turn_squares)(row, c, y + first, rows, 1);
        else
            R(turn_squares)(row, c, y + first, rows, 0);
    for (; c < m->n; c++)
        for (long i = 0; i < (c < columns ? R(LINE) : here); i++)
            y[c * rows + first + i] = row[i][c];
    for (long i = 0; i < next; i++)
        y[i] = x[i * m->n];
}

/* Strips begin..end of rows. Where columns of the result are whole lines long, strips begin where
 * these do.
 */
static void R(turn_range)(void *context, long begin, long end)
{
    const R(move) *m = context;
    const long strips = (m->rows + R(LINE) - 1) / R(LINE), even = m->rows % R(LINE) == 0;
    for (long at = begin; at < end; at++) {
        const real *x = m->x + at / strips * m->rows * m->n;
        real *y = m->y + at / strips * m->rows * m->n;
        const long lead = even ? (long)(-(uintptr_t)y & 63) / (long)sizeof(real) : 0;
        const long first = lead + at % strips * R(LINE), beyond = first + R(LINE) - m->rows;
        if (even || beyond <= 0) {
            R(turn_strip)(m, x, y, first, max(0, beyond), m->far && even);
            continue;
        }
        for (long c = 0; c < m->n; c++)
            for (long i = first; i < m->rows; i++)
                y[c * m->rows + i] = x[i * m->n + c];
    }
    PUT_END();
}

KERNEL(turn_planes)
{
    R(move) m = {.x = a[0].p, .y = a[1].p, .rows = a[3].i, .n = a[4].i,
                 .far = R(is_far)(a[2].i * a[3].i * a[4].i * (long)sizeof(real))};
    const long strips = (m.rows + R(LINE) - 1) / R(LINE);
    parallel(a[2].i * strips, max(1, R(RUN) / max(1, R(LINE) * m.n)), R(turn_range), &m);
}
