/* Convolutions in which each channel has filters of its own: groups == C.
 *
 * Nothing is shared between channels, so there is no product of matrices: each plane of the result is
 * a sum of shifted planes. The input's plane is copied to a window (conv_columns.h); a line of results
 * is a sum over taps of whole vectors. Where a line is short and the steps are 1, all lines are done
 * as one, with the margins between them.
 */
typedef struct {
    R(conv) conv;         /* of one image and one channel made from `channels`; x, y: the first ones */
    const real *w;        /* element (source, tap) of the filters for plane o at */
    const int64_t *at;    /* w[o * w_plane + at[source * taps + tap]] */
    long w_plane, planes; /* planes made from an image, and their steps in x */
    long x_plane;
    long run, runs, pitch, skip; /* results done in one go; how many times; steps in result, window */
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
        d->pitch = c->out_w;
    }
}

/* to[q] += sum over taps of w[at[t]] from[tap[t] + q], for `vectors` whole vectors, at most four. */
INLINE void R(sum_taps)(const int vectors, long taps, const real *w, const int64_t *at,
                        const real *from, const int64_t *tap, real *to)
{
    vec sums[4];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        sums[v] = *(const vec *)(to + v * LANES);
    for (long t = 0; t < taps; t++) {
        const vec number = w[at[t]] - (vec){0};
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            sums[v] += number * *(const vec *)(from + tap[t] + v * LANES);
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        *(vec *)(to + v * LANES) = sums[v];
}

static void R(depth_planes)(void *context, long begin, long end)
{
    const R(depth) *d = context;
    R(conv) c = d->conv;
    R(conv_window) w = R(open_window)(&c, 0, c.out_h * c.out_w);
    real *room = scratch(2, (size_t)(c.channels * w.plane + 4 * LANES) * sizeof(real));
    real *sums = scratch(6, (size_t)(d->runs * d->pitch + 4 * LANES) * sizeof(real));
    int64_t *tap = scratch(3, (size_t)c.taps * sizeof(int64_t));
    if (!room || !sums || !tap)
        return;
    R(place_taps)(&c, &w, tap);
    for (long p = begin; p < end; p++) {
        const long n = p / d->planes, o = p % d->planes;
        c.x = d->conv.x + n * c.x_image + o * d->x_plane;
        R(fill_window)(&c, &w, 0, c.channels, room);
        const real first = c.bias ? c.bias[o] : 0;
        for (long q = 0; q < d->runs * d->pitch; q++)
            sums[q] = first;
        for (long source = 0; source < c.channels; source++)
            for (long r = d->runs - 1; r >= 0; r--) { /* what a line spills was done: it is added */
                const real *from = room + source * w.plane + r * d->skip;
                const int64_t *at = d->at + source * c.taps;
                const real *numbers = d->w + o * d->w_plane;
                real line[4 * LANES], *to = sums + r * d->pitch;
                long q = 0;
                for (; q + 4 * LANES <= d->run; q += 4 * LANES)
                    R(sum_taps)(4, c.taps, numbers, at, from + q, tap, to + q);
                for (; q + LANES <= d->run; q += LANES)
                    R(sum_taps)(1, c.taps, numbers, at, from + q, tap, to + q);
                if (q < d->run) {
                    memcpy(line, to + q, (size_t)(d->run - q) * sizeof(real));
                    R(sum_taps)(1, c.taps, numbers, at, from + q, tap, line);
                    memcpy(to + q, line, (size_t)(d->run - q) * sizeof(real));
                }
            }
        real *y = c.y + n * c.y_image + o * c.y_plane;
        for (long i = 0; i < c.out_h; i++) {
            const real *from = sums + i * d->pitch;
            real *to = y + i * c.y_line;
            if (c.y_column == 1)
                R(copy_short)(to, from, c.out_w);
            else
                for (long j = 0; j < c.out_w; j++)
                    to[j * c.y_column] = from[j];
        }
    }
}

/* All planes: of `images`, `planes` each. */
static void R(depthwise)(const R(conv) *c, const real *w, long w_plane, const int64_t *at, long planes,
                         long x_plane)
{
    R(depth) d = {.conv = *c, .w = w, .at = at, .w_plane = w_plane, .planes = planes,
                  .x_plane = x_plane};
    d.conv.images = 1;
    R(cut_runs)(&d);
    const long work = c->out_h * c->out_w * c->taps * c->channels;
    parallel(c->images * planes, max(1L, (1L << 17) / (work + 1)), R(depth_planes), &d);
}
