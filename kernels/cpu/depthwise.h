/* Convolutions in which each channel has filters of its own: groups == C.
 *
 * Nothing is shared between channels, so there is no product of matrices: each plane of the result
 * is a sum of shifted planes. The input's plane is copied to a window (conv_columns.h); a line of
 * results is a sum over taps of whole vectors. Where a line is short and the steps are 1, all lines
 * are done as one, with the margins between them.
 */
#define PLANES_AT_ONCE (1 << 14) /* bytes of windows and sums: half of a first-level cache */

typedef struct {
    R(conv) conv;         /* of one image and one channel made from `channels`; first x, y */
    const real *w;        /* element (source, tap) of the filters for plane o at */
    const int64_t *at;    /* w[o * w_plane + at[source * taps + tap]] */
    long w_plane, planes; /* planes made from an image */
    long share, x_plane;  /* so many of them from the same plane of x; step to the next */
    long run, runs, pitch, skip; /* results in one go; how many times; steps in sums, window */
} R(depth);

/* Results are lines of the plane, or all of them in one. */
static void R(cut_runs)(R(depth) *d)
{
    R(conv) *c = &d->conv;
    R(look_around)(c);
    c->whole = 0;
    const long vectors = (c->out_w + LANES - 1) / LANES * c->out_h;
    const long joined = ((c->out_h - 1) * c->line + c->out_w + LANES - 1) / LANES;
    d->skip = c->step_h * c->line;
    if (c->step_h == 1 && c->phases == 1 && joined < vectors) {
        d->run = (c->out_h - 1) * c->line + c->out_w;
        d->runs = 1;
        d->pitch = c->line;
    } else {
        d->run = c->out_w;
        d->runs = c->out_h;
        d->pitch = (c->out_w + LANES - 1) / LANES * LANES;
    }
}

/* to[q] = sum over taps of numbers[t] from[tap[t] + q], and what is there or `first`, for `count`
 * elements, which are at most so many vectors.
 */
INLINE void R(sum_taps)(const int vectors, const long taps, const vec *numbers, const int add,
                        vec first, const real *from, const int64_t *tap, real *to, long count)
{
    vec sums[4];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        sums[v] = add ? *(const vec *)(to + v * LANES) : first;
#pragma GCC unroll 9
    for (long t = 0; t < taps; t++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            sums[v] += numbers[t] * *(const vec *)(from + tap[t] + v * LANES);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        R(store_part)(to + v * LANES, count - v * LANES, sums[v]);
}

/* The sums of one plane; `numbers` is room for its filter. */
static void R(depth_plane)(const R(depth) *d, const R(conv_window) *w, const int64_t *tap, long o,
                           const real *window, vec *numbers, real *sums)
{
    const R(conv) *c = &d->conv;
    const vec first = (c->bias ? c->bias[o] : 0) - (vec){0};
    for (long source = 0; source < c->channels; source++) {
        for (long t = 0; t < c->taps; t++)
            numbers[t] = d->w[o * d->w_plane + d->at[source * c->taps + t]] - (vec){0};
        for (long r = 0; r < d->runs; r++) {
            const real *from = window + source * w->plane + r * d->skip;
            real *to = sums + r * d->pitch;
            long q = 0;
            for (; q + 3 * LANES < d->run; q += 4 * LANES)
                R(sum_taps)(4, c->taps, numbers, source > 0, first, from + q, tap, to + q,
                            4 * LANES);
            for (; q < d->run; q += LANES)
                R(sum_taps)(1, c->taps, numbers, source > 0, first, from + q, tap, to + q, LANES);
        }
    }
}

/* One line of a window, which tap line l - r meets for line r of the results, into the sums. */
INLINE void R(meet_line)(const int l, const int high, const int vectors, const long wide,
                         const vec *numbers, const real *from, const int64_t *tap, vec sums[4][3])
{
    for (long t = 0; t < wide; t++) {
        vec v[3];
#pragma GCC unroll 3
        for (int k = 0; k < vectors; k++)
            v[k] = *(const vec *)(from + tap[t] + k * LANES);
#pragma GCC unroll 4
        for (int r = 0; r < 4; r++)
            if (l >= r && l - r < high)
#pragma GCC unroll 3
                for (int k = 0; k < vectors; k++)
                    sums[r][k] += numbers[(l - r) * wide + t] * v[k];
    }
}

/* Four lines of results, of `count` elements: what is read serves all the lines that it is for. */
INLINE void R(sum_four)(const R(conv) *c, const int high, const int vectors, const vec *numbers,
                        const vec first, const real *from, const int64_t *tap, real *to, long count)
{
    const long wide = c->taps / high;
    vec sums[4][3];
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++)
        sums[r][0] = sums[r][1] = sums[r][2] = first;
#define MEET_LINE(l)                                                                               \
    if (l < high + 3)                                                                              \
        R(meet_line)(l, high, vectors, wide, numbers, from + l * c->line, tap, sums);
    MEET_LINE(0)
    MEET_LINE(1)
    MEET_LINE(2)
    MEET_LINE(3)
    MEET_LINE(4)
    MEET_LINE(5)
    MEET_LINE(6)
    MEET_LINE(7)
    MEET_LINE(8)
    MEET_LINE(9)
#undef MEET_LINE
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++)
#pragma GCC unroll 3
        for (int k = 0; k < vectors; k++)
            R(store_part)(to + r * c->y_line + k * LANES, count - k * LANES, sums[r][k]);
}

/* The sums for one source and lines that are not short, written to y at once. `high`: the lines of a
 * filter that meets every place, or 0.
 */
INLINE void R(sum_lines)(const R(conv) *c, const int high, const long taps, const vec *numbers,
                         const vec first, const real *from, const long skip, const int64_t *tap,
                         real *to)
{
    long i = 0;
    for (; high && i + 4 <= c->out_h; i += 4, from += 4 * skip, to += 4 * c->y_line)
        for (long q = 0, left = c->out_w; left > 0; q += 3 * LANES, left -= 3 * LANES)
            if (left > 2 * LANES)
                R(sum_four)(c, high, 3, numbers, first, from + q, tap, to + q, left);
            else if (left > LANES)
                R(sum_four)(c, high, 2, numbers, first, from + q, tap, to + q, left);
            else
                R(sum_four)(c, high, 1, numbers, first, from + q, tap, to + q, left);
    const long whole = c->out_w / (4 * LANES) * 4 * LANES, left = c->out_w - whole;
    for (; i < c->out_h; i++, from += skip, to += c->y_line) {
        for (long q = 0; q < whole; q += 4 * LANES)
            R(sum_taps)(4, taps, numbers, 0, first, from + q, tap, to + q, 4 * LANES);
        if (left > 3 * LANES)
            R(sum_taps)(4, taps, numbers, 0, first, from + whole, tap, to + whole, left);
        else if (left > 2 * LANES)
            R(sum_taps)(3, taps, numbers, 0, first, from + whole, tap, to + whole, left);
        else if (left > LANES)
            R(sum_taps)(2, taps, numbers, 0, first, from + whole, tap, to + whole, left);
        else if (left)
            R(sum_taps)(1, taps, numbers, 0, first, from + whole, tap, to + whole, left);
    }
}

/* The lines of filters whose taps lie side by side and meet every place; 0 of others. */
static long R(lines_met)(const R(conv) *c)
{
    long wide = 1;
    while (wide < c->taps && c->dh[wide] == c->dh[0])
        wide++;
    for (long t = 0; t < c->taps; t++)
        if (c->dh[t] != c->dh[0] + t / wide || c->dw[t] != c->dw[t % wide])
            return 0;
    return c->step_h == 1 && c->step_w == 1 && c->taps % wide == 0 ? c->taps / wide : 0;
}

static void R(depth_lines)(const R(depth) *d, const int64_t *tap, long high, long o,
                           const real *window, vec *numbers, real *y)
{
    const R(conv) *c = &d->conv;
    vec few[9]; /* these may stay in registers */
    for (long t = 0; t < c->taps; t++)
        numbers[t] = R(splat)(d->w[o * d->w_plane + d->at[t]]);
    for (long t = 0; t < min(9L, c->taps); t++)
        few[t] = numbers[t];
    const vec first = R(splat)(c->bias ? c->bias[o] : 0);
    if (c->taps == 9)
        R(sum_lines)(c, 0, 9, few, first, window, d->skip, tap, y);
    else if (c->taps == 6) /* what even lines of a gradient meet of 3x3 taps, two places apart */
        R(sum_lines)(c, 0, 6, few, first, window, d->skip, tap, y);
    else if (c->taps == 3) /* and odd ones */
        R(sum_lines)(c, 0, 3, few, first, window, d->skip, tap, y);
    else if (high == 7)
        R(sum_lines)(c, 7, c->taps, numbers, first, window, d->skip, tap, y);
    else if (high == 5)
        R(sum_lines)(c, 5, c->taps, numbers, first, window, d->skip, tap, y);
    else
        R(sum_lines)(c, 0, c->taps, numbers, first, window, d->skip, tap, y);
}

/* Write the sums of one plane where they go. */
static void R(depth_write)(const R(depth) *d, const real *sums, real *y)
{
    const R(conv) *c = &d->conv;
    for (long i = 0; i < c->out_h; i++) {
        const real *from = sums + i * d->pitch;
        real *to = y + i * c->y_line;
        const long spilt = i * c->out_w + (c->out_w + LANES - 1) / LANES * LANES;
        if (c->y_column == 1 && c->y_line == c->out_w && spilt <= c->out_h * c->out_w)
            for (long q = 0; q < c->out_w; q += LANES) /* the next line is written next */
                *(vec *)(to + q) = *(const vec *)(from + q);
        else if (c->y_column == 1)
            R(copy_short)(to, from, c->out_w);
        else
            for (long j = 0; j < c->out_w; j++)
                to[j * c->y_column] = from[j];
    }
}

/* Several planes at a time where they are small: reading what has only just been written, by
 * vectors that lie across those that were written, would wait for it.
 */
static void R(depth_planes)(void *context, long begin, long end)
{
    const R(depth) *d = context;
    R(conv) c = d->conv;
    R(conv_window) w = R(open_window)(&c, 0, c.out_h * c.out_w);
    const long window = c.channels * w.plane + 4 * LANES, lines = c.out_h * d->pitch + 4 * LANES;
    const long fit = PLANES_AT_ONCE / (long)sizeof(real) / (window + lines);
    const long batch = max(1L, min(end - begin, fit));
    real *room = scratch(2, (size_t)(batch * window) * sizeof(real));
    real *sums = scratch(6, (size_t)(batch * lines) * sizeof(real));
    int64_t *tap = scratch(3, (size_t)c.taps * sizeof(int64_t));
    vec *numbers = scratch(1, (size_t)c.taps * sizeof(vec));
    if (!room || !sums || !tap || !numbers)
        return;
    R(place_taps)(&c, &w, tap);
    const int straight = c.channels == 1 && c.out_w >= 2 * LANES && c.y_column == 1;
    const long high = R(lines_met)(&c);
    for (long p = begin; p < end; p += batch) {
        const long count = min(batch, end - p);
        for (long k = 0; k < count; k++) {
            c.x = d->conv.x + (p + k) / d->planes * c.x_image +
                  (p + k) % d->planes / d->share * d->x_plane;
            R(fill_window)(&c, &w, 0, c.channels, room + k * window);
        }
        if (straight) {
            for (long k = 0; k < count; k++)
                R(depth_lines)(d, tap, high, (p + k) % d->planes, room + k * window, numbers,
                               c.y + (p + k) / d->planes * c.y_image +
                                   (p + k) % d->planes * c.y_plane);
            continue;
        }
        for (long k = 0; k < count; k++)
            R(depth_plane)(d, &w, tap, (p + k) % d->planes, room + k * window,
                           numbers, sums + k * lines);
        for (long k = 0; k < count; k++)
            R(depth_write)(d, sums + k * lines, c.y + (p + k) / d->planes * c.y_image +
                                                    (p + k) % d->planes * c.y_plane);
    }
}

/* All planes that are made: see the structure. */
static void R(depthwise)(const R(conv) *c, const real *w, long w_plane, const int64_t *at,
                         long planes, long share, long x_plane)
{
    R(depth) d = {.conv = *c, .w = w, .at = at, .w_plane = w_plane, .planes = planes,
                  .share = share, .x_plane = x_plane};
    d.conv.images = 1;
    R(cut_runs)(&d);
    const long work = c->out_h * c->out_w * c->taps * c->channels;
    parallel(c->images * planes, max(1L, (1L << 17) / (work + 1)), R(depth_planes), &d);
}

/* The gradient for the filters: products of a plane of the cotangent and shifted planes of x. */
typedef struct {
    R(conv) conv;      /* of one image and one channel; x the first one */
    const real *g;
    real *gw;
    long share, planes, images;
} R(depth_weights);

/* Add up g[q] from[tap[t] + q] over a line, for at most nine taps; elements past the end are not
 * looked at: they may be infinite.
 */
INLINE void R(weigh_line)(const int taps, const real *g, const real *g_end, const real *from,
                          const int64_t *tap, long count, vec *sums)
{
    vec s[9];
#pragma GCC unroll 9
    for (int t = 0; t < taps; t++)
        s[t] = sums[t];
    long q = 0;
    for (; q + LANES <= count; q += LANES) {
        const vec number = *(const vec *)(g + q);
#pragma GCC unroll 9
        for (int t = 0; t < taps; t++)
            s[t] += number * *(const vec *)(from + tap[t] + q);
    }
    if (q < count) {
        vec number = {0};
        const mask inside = R(lanes_before)(count - q);
        if (g + q + LANES <= g_end)
            number = (vec)((mask)*(const vec *)(g + q) & inside);
        else
            memcpy(&number, g + q, (size_t)(count - q) * sizeof(real));
#pragma GCC unroll 9
        for (int t = 0; t < taps; t++)
            s[t] += number * (vec)((mask)*(const vec *)(from + tap[t] + q) & inside);
    }
#pragma GCC unroll 9
    for (int t = 0; t < taps; t++)
        sums[t] = s[t];
}

static void R(depth_weigh)(void *context, long begin, long end)
{
    const R(depth_weights) *d = context;
    R(conv) c = d->conv;
    R(conv_window) w = R(open_window)(&c, 0, c.out_h * c.out_w);
    const long places = c.out_h * c.out_w;
    real *room = scratch(2, (size_t)(w.plane + LANES) * sizeof(real));
    int64_t *tap = scratch(3, (size_t)c.taps * sizeof(int64_t));
    if (!room || !tap)
        return;
    R(place_taps)(&c, &w, tap);
    const real *g_end = d->g + d->images * d->planes * places;
    for (long o = begin; o < end; o++)
        for (long first = 0; first < c.taps; first += 9) {
            const long count = min(9L, c.taps - first);
            vec total[9];
            memset(total, 0, sizeof total);
            for (long n = 0; n < d->images; n++) {
                vec sums[9];
                memset(sums, 0, sizeof sums);
                c.x = d->conv.x + n * c.x_image + o / d->share * c.height * c.width;
                R(fill_window)(&c, &w, 0, 1, room);
                const real *g = d->g + (n * d->planes + o) * places;
                for (long i = 0; i < c.out_h; i++, g += c.out_w) {
                    const real *from = room + i * c.step_h * w.line;
                    if (count == 9)
                        R(weigh_line)(9, g, g_end, from, tap + first, c.out_w, sums);
                    else
                        for (long k = 0; k < count; k++)
                            R(weigh_line)(1, g, g_end, from, tap + first + k, c.out_w, sums + k);
                }
                for (long k = 0; k < count; k++)
                    total[k] += sums[k];
            }
            for (long k = 0; k < count; k++)
                d->gw[o * c.taps + first + k] = R(sum_lanes)(total[k]);
        }
}
