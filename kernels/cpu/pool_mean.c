/* Means of windows over planes (planes, h, w) -> (planes, oh, ow), without gaps.
 *
 * avg_pool(x, y, planes, G..., include_pad, divisor) y = the sum of each window / its count
 * avg_pool_backward(g, gx, planes, G..., include_pad, divisor)  its transpose
 *
 * G is the geometry of pool.c. The count of a window is `divisor`, or if that is 0 its number of
 * places, with those of the margin if include_pad. Reference: WindowMean and WindowSpread of
 * ops/image/pool_windows.py.
 */
/* The count of the window at (o, q). */
static inline real R(count_of)(const R(pool) *p, const R(window) *v)
{
    if (p->divisor != 0)
        return p->divisor;
    if (!p->include_pad)
        return (real)((v->i1 - v->i0) * (v->j1 - v->j0));
    return (real)(min(p->kh, p->h + p->ph - v->top) * min(p->kw, p->w + p->pw - v->left));
}

static real R(mean_of_one)(const R(pool) *p, const real *x, long o, long q)
{
    R(window) v = R(window_at)(p, o, q);
    real total = 0;
    for (long i = v.i0; i < v.i1; i++)
        for (long j = v.j0; j < v.j1; j++)
            total += x[(v.top + i) * p->w + v.left + j];
    return total / R(count_of)(p, &v);
}

/* A row of windows far apart: columns are added up first, in vectors. */
static void R(means_of_columns)(const R(pool) *p, const real *x, long o, real *line, real *y)
{
    R(window) v = R(window_at)(p, o, 0);
    const real *row = x + (v.top + v.i0) * p->w;
    const long high = v.i1 - v.i0;
    long c = 0;
    for (; c + LANES <= p->w; c += LANES) {
        vec total = {0};
        for (long i = 0; i < high; i++)
            total += *(const vec *)(row + i * p->w + c);
        *(vec *)(line + c) = total;
    }
    for (; c < p->w; c++) {
        line[c] = 0;
        for (long i = 0; i < high; i++)
            line[c] += row[i * p->w + c];
    }
    for (long q = 0; q < p->ow; q++) {
        R(window) one = R(window_at)(p, o, q);
        real total = 0;
        for (long j = one.j0; j < one.j1; j++)
            total += line[one.left + j];
        y[q] = total / R(count_of)(p, &one);
    }
}

/* Without a frame: in vectors where windows lie inside, else one by one. */
static void R(avg_pool_rows)(const R(pool) *p, long begin, long end)
{
    long size = p->h * p->w, out = p->oh * p->ow;
    real *line = p->sw > 2 ? scratch(0, (size_t)p->w * sizeof(real)) : NULL;
    for (long row = begin * p->oh; row < end * p->oh; row++) {
        const long plane = row / p->oh, o = row % p->oh, at = row * p->ow;
        const real *x = p->x + plane * size;
        if (line) {
            R(means_of_columns)(p, x, o, line, p->y + at);
            continue;
        }
        R(window) v = R(window_at)(p, o, p->lo < p->ow ? p->lo : 0);
        long stop = R(vector_end)(p, &v, (p->planes - plane) * size, end * out - at), q = p->lo;
        const real count = R(count_of)(p, &v);
        for (; q < stop; q += LANES) {
            vec total = {0};
            for (long i = v.i0; i < v.i1; i++)
                for (long j = 0; j < p->kw; j++) {
                    const real *from = x + ((v.top + i) * p->w + q * p->sw - p->pw + j);
                    total += p->sw == 1 ? R(load_step)(from, 1) : R(load_step)(from, 2);
                }
            *(vec *)(p->y + at + q) = total / count;
        }
        for (q = min(q, p->hi); q < p->ow; q++)
            p->y[at + q] = R(mean_of_one)(p, x, o, q);
        for (q = 0; q < p->lo; q++)
            p->y[at + q] = R(mean_of_one)(p, x, o, q);
    }
}

/* The sums of n windows in a frame. */
static void R(sum_windows)(const real *frame, const long *away, long taps, long n, real *values)
{
    for (long t = 0; t < n; t += LANES) {
        vec total = {0};
        for (long k = 0; k < taps; k++)
            total += *(const vec *)(frame + away[k] + t);
        *(vec *)(values + t) = total;
    }
}

/* A window's count is one of its rows times one of its columns; the latter for a row of windows. */
static void R(count_columns)(const R(pool) *p, real *columns)
{
    for (long q = 0; q < p->pitch + LANES; q++) {
        R(window) v = R(window_at)(p, 0, min(q, p->ow - 1));
        long wide = p->include_pad ? min(p->kw, p->w + p->pw - v.left) : v.j1 - v.j0;
        columns[q] = p->divisor != 0 ? 1 : (real)wide;
    }
}

static real R(count_rows)(const R(pool) *p, long o)
{
    R(window) v = R(window_at)(p, o, 0);
    long high = p->include_pad ? min(p->kh, p->h + p->ph - v.top) : v.i1 - v.i0;
    return p->divisor != 0 ? p->divisor : (real)high;
}

static void R(write_means)(const R(pool) *p, const R(pool_room) *m, const real *totals, long o,
                           real *y, long room)
{
    const real high = R(count_rows)(p, o);
    for (long q = 0; q < p->ow; q += LANES)
        R(store_line)(y + q, p->ow - q, room - q,
                      *(const vec *)(totals + q) / (*(const vec *)(m->columns + q) * high));
}

static void R(avg_pool_bands)(const R(pool) *p, const R(pool_room) *m, const long *away, long plane,
                              long many, long o, long rows, long end)
{
    const long size = p->h * p->w, out = p->oh * p->ow;
    for (long k = 0; k < many; k++)
        R(fill_frame)(p, p->x + (plane + k) * size, (p->planes - plane - k) * size, o, rows, 0,
                      m->frame + k * p->frame);
    for (long k = 0; k < many; k++)
        R(sum_windows)(m->frame + k * p->frame, away, p->kh * p->kw, rows * p->pitch,
                       m->values + k * p->area);
    for (long k = 0; k < many; k++)
        for (long r = 0; r < rows; r++) {
            const long at = (plane + k) * out + (o + r) * p->ow;
            R(write_means)(p, m, m->values + k * p->area + r * p->pitch, o + r, p->y + at,
                           end * out - at);
        }
}

static void R(avg_pool_range)(void *context, long begin, long end)
{
    const R(pool) *p = context;
    const R(pool_room) m = p->framed ? R(room_for)(p) : (R(pool_room)){0};
    if (!m.frame) {
        R(avg_pool_rows)(p, begin, end);
        return;
    }
    R(count_columns)(p, m.columns);
    R(in_frames)(p, &m, R(avg_pool_bands), begin, end);
}

/* The arguments of both kernels. */
static R(pool) R(mean_pool_of)(const arg *a)
{
    R(pool) p = R(pool_of)(a + 2);
    p.x = a[0].p;
    p.y = a[1].p;
    p.include_pad = a[13].i;
    p.divisor = (real)a[14].i;
    return p;
}

KERNEL(avg_pool)
{
    R(pool) p = R(mean_pool_of)(a);
    parallel(p.planes, R(pool_grain)(&p), R(avg_pool_range), &p);
}

/* One row of windows side by side: each number as often as its window is wide. */
static inline void R(repeat)(const real *g, real *to, long n, long times, real count)
{
    long q = 0;
    for (; times == 2 && q + LANES <= n; q += LANES) {
        vec here = *(const vec *)(g + q) / count;
        *(vec *)(to + 2 * q) = R(zip_low)(here, here);
        *(vec *)(to + 2 * q + LANES) = R(zip_high)(here, here);
    }
    for (; q < n; q++) {
        const real here = g[q] / count;
        for (long j = 0; j < times; j++)
            to[q * times + j] = here;
    }
}

/* Windows side by side that fill the plane: every element is written once. */
static void R(avg_pool_tiles)(const R(pool) *p, long begin, long end)
{
    real count = p->divisor != 0 ? p->divisor : (real)(p->kh * p->kw);
    for (long row = begin * p->oh; row < end * p->oh; row++) {
        real *gx = p->y + row * p->kh * p->w;
        R(repeat)(p->x + row * p->ow, gx, p->ow, p->kw, count);
        for (long i = 1; i < p->kh; i++)
            memcpy(gx + i * p->w, gx, (size_t)p->w * sizeof(real));
    }
}

/* What windows of rows o..o + rows give to each of their places, in lines of a frame. */
static void R(shares_in_lines)(const R(pool) *p, long plane, long o, long rows, const real *columns,
                               real *values)
{
    const long out = p->oh * p->ow;
    for (long k = 0; k < rows; k++, o++) {
        const long at = plane * out + o * p->ow, inside = o >= 0 && o < p->oh ? p->ow : 0;
        const real high = inside ? R(count_rows)(p, o) : 1;
        for (long q = 0; q < p->pitch; q += LANES) {
            vec here = {0};
            if (q < inside)
                here = R(some_within)(p->x + at + q, inside - q, p->planes * out - at - q) /
                       (*(const vec *)(columns + q) * high);
            here = (vec)((mask)here & R(lanes_before)(inside - q));
            *(vec *)(values + k * p->pitch + q) = here;
        }
    }
}

static void R(avg_pool_back_singly)(const R(pool) *p, long begin, long end)
{
    memset(p->y + begin * p->h * p->w, 0, (size_t)((end - begin) * p->h * p->w) * sizeof(real));
    for (long plane = begin; plane < end; plane++) {
        real *gx = p->y + plane * p->h * p->w;
        for (long o = 0; o < p->oh; o++)
            for (long q = 0; q < p->ow; q++) {
                R(window) v = R(window_at)(p, o, q);
                real share = p->x[(plane * p->oh + o) * p->ow + q] / R(count_of)(p, &v);
                for (long i = v.i0; i < v.i1; i++)
                    for (long j = v.j0; j < v.j1; j++)
                        gx[(v.top + i) * p->w + v.left + j] += share;
            }
    }
}

static void R(avg_pool_backward_range)(void *context, long begin, long end)
{
    const R(pool) *p = context;
    if (p->sh == p->kh && p->sw == p->kw && !p->ph && !p->pw && p->h == p->oh * p->kh &&
        p->w == p->ow * p->kw) {
        R(back_past)(p, R(avg_pool_tiles), begin, end);
        return;
    }
    const R(pool_room) m = p->few ? R(room_for)(p) : (R(pool_room)){0};
    if (!m.frame) {
        R(avg_pool_back_singly)(p, begin, end);
        return;
    }
    const long size = p->h * p->w, lines = R(lines_of)(p);
    R(count_columns)(p, m.columns);
    for (long k = 0; k < p->group; k++) /* read before the first line; no line is written there */
        memset(m.values + k * p->area - p->kw, 0, (size_t)p->kw * sizeof(real));
    for (long plane = begin; plane < end; plane += p->group)
        for (long l = 0; l < lines; l += p->band) {
            const long many = min(p->group, end - plane), some = min(p->band, lines - l);
            for (long k = 0; k < many; k++)
                R(shares_in_lines)(p, plane + k, l - p->deep, some + p->deep, m.columns,
                                   m.values + k * p->area);
            R(gather_bands)(p, &m, many, l, some, p->y + plane * size, (end - plane) * size);
        }
}

KERNEL(avg_pool_backward)
{
    R(pool) p = R(mean_pool_of)(a);
    parallel(p.planes, R(pool_grain)(&p), R(avg_pool_backward_range), &p);
}
