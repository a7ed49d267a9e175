/* The gradient of a convolution for its weight, as inner products of lines: gw[o, c, t] is the
 * product of plane o of the cotangent and plane c of the input, moved by tap t.
 *
 * Nothing is turned, which pays where there are few filters, or few channels and taps, and for 1 x 1,
 * where the planes are taken as they are. For larger filters the planes of x are copied to a window
 * with zeros around (conv_columns.h), and those of the cotangent to lines as long as the window's, so
 * that a whole plane is one line, with zeros at the margins. A zero does not do away with an infinity
 * that it meets there: where a result is not finite, the gradient is made the other way.
 */
#define DOT_STEPS 1024 /* elements of a line: summing up the lanes at its end takes 5 % */

typedef struct {
    R(conv) conv;
    const real *g, *g_end;
    real *sums;                          /* of each split, laid out as gw */
    long o, channels, rows, taps, places; /* in a group */
    long width, parts, splits;           /* of the channels, how many in a part; of the chunks */
    long images, chunks;                 /* in a chunk; how many */
    long size, total;                    /* numbers in gw, of a group and in all */
} R(weigh_dots);

/* Planes of the cotangent with lines as long as the window's. */
static void R(widen_planes)(const R(weigh_dots) *d, const real *g, long images, long pitch,
                            real *to)
{
    const R(conv) *c = &d->conv;
    memset(to, 0, (size_t)(d->rows * images * pitch) * sizeof(real));
    for (long o = 0; o < d->rows; o++)
        for (long n = 0; n < images; n++, to += pitch)
            for (long i = 0; i < c->out_h; i++)
                R(copy_short)(to + i * c->line, g + (n * d->o + o) * d->places + i * c->out_w,
                              c->out_w);
}

/* The products of one chunk of images and one part of the channels of one group. */
static void R(dots_chunk)(const R(weigh_dots) *d, long group, long part, long chunk, real *sums)
{
    R(conv) c = d->conv;
    const long first = chunk * d->images, images = min(d->images, c.images - first);
    const long from = part * d->width, count = min(d->width, d->channels - from);
    const long run = (c.out_h - 1) * c.line + c.out_w, pitch = (run + LANES - 1) / LANES * LANES;
    const long columns = count * d->taps;
    R(conv_window) w = R(open_window)(&c, first * d->places, (first + images) * d->places);
    int64_t *tap = scratch(3, (size_t)(d->taps + columns) * sizeof(int64_t)), *at = tap + d->taps;
    if (!tap)
        return;
    c.x += (group * d->channels + from) * c.height * c.width;
    const real *g = d->g + (first * d->o + group * d->rows) * d->places;
    R(dots) p = {.a = g, .a_end = d->g_end, .a_row = d->places, .a_run = d->o * d->places,
                 .b = c.x + first * c.x_image, .b_end = c.x_end, .at = at, .b_run = c.x_image,
                 .runs = images, .count = d->places};
    if (!c.whole) {
        const long size = count * w.plane;
        real *room = scratch(2, (size_t)(size + LANES) * sizeof(real));
        real *lines = scratch(1, (size_t)(d->rows * images * pitch) * sizeof(real));
        if (!room || !lines)
            return;
        R(fill_window)(&c, &w, 0, count, room);
        memset(room + size, 0, LANES * sizeof(real));
        R(widen_planes)(d, g, images, pitch, lines);
        p = (R(dots)){.a = lines, .a_end = lines + d->rows * images * pitch,
                      .a_row = images * pitch, .a_run = pitch, .b = room,
                      .b_end = room + size + LANES, .at = at, .b_run = w.image,
                      .runs = images, .count = pitch};
    }
    R(place_taps)(&c, &w, tap);
    for (long k = 0; k < columns; k++)
        at[k] = k / d->taps * w.plane + tap[k % d->taps];
    R(all_dots)(&p, d->rows, columns, sums + group * d->size + from * d->taps,
                d->channels * d->taps);
}

static void R(dots_parts)(void *context, long begin, long end)
{
    const R(weigh_dots) *d = context;
    for (long unit = begin; unit < end; unit++) {
        const long split = unit % d->splits, part = unit / d->splits % d->parts;
        const long group = unit / d->splits / d->parts;
        for (long k = d->chunks * split / d->splits; k < d->chunks * (split + 1) / d->splits; k++)
            R(dots_chunk)(d, group, part, k, d->sums + split * d->total);
    }
}

/* Whether it pays: by the part of the vectors that is not zeros, and what the other way would cost:
 * turning x, shared by the filters, and tiles that few columns do not fill.
 */
static int R(dots_pay)(const R(conv) *c, long rows, long columns)
{
    const long run = c->whole ? c->out_h * c->out_w : (c->out_h - 1) * c->line + c->out_w;
    const double used = (double)(c->out_h * c->out_w) / (double)((run + LANES - 1) / LANES * LANES);
    if (c->whole)
        return rows <= 128 && used > 0.9;
    const int held = rows * run * (long)sizeof(real) <= 1L << 21; /* the cotangent's lines, in a cache */
    return used > 0.7 && (rows <= 8 || (held && columns <= TILE_COLS + LANES / 2));
}

/* Do it this way where that is faster and gives numbers; else return 0. */
static int R(weigh_by_dots)(const real *g, const real *x, real *gw, const R(conv_sizes) *s,
                            int64_t *room)
{
    const long taps = s->kh * s->kw, plane = s->h * s->w;
    int64_t *dh = room, *dw = room + taps;
    for (long t = 0; t < taps; t++) {
        dh[t] = t / s->kw * s->dh - s->ph;
        dw[t] = t % s->kw * s->dw - s->pw;
    }
    R(weigh_dots) d = {
        .conv = {.x = x, .x_end = x + s->n * s->c * plane, .images = s->n, .channels = s->c,
                 .height = s->h, .width = s->w, .x_image = s->c * plane, .out_h = s->oh,
                 .out_w = s->ow, .step_h = s->sh, .step_w = s->sw, .taps = taps, .dh = dh,
                 .dw = dw},
        .g = g, .g_end = g + s->n * s->o * s->oh * s->ow, .o = s->o,
        .channels = s->c / s->groups, .rows = s->o / s->groups, .taps = taps,
        .places = s->oh * s->ow, .total = s->o * (s->c / s->groups) * taps};
    R(look_around)(&d.conv);
    d.conv.whole &= taps == 1 && s->sh == 1 && s->oh == s->h && s->ow == s->w;
    if (s->sh > 1 || s->sw > 1 || !R(dots_pay)(&d.conv, d.rows, d.channels * taps))
        return 0;
    d.size = d.rows * d.channels * taps;
    d.images = max(1L, DOT_STEPS / d.places);
    d.chunks = (s->n + d.images - 1) / d.images;
    d.width = max(1L, 4 * DOT_COLS / taps);
    d.parts = (d.channels + d.width - 1) / d.width;
    d.splits = min(max(1L, 16 / (d.parts * s->groups)), d.chunks);
    d.sums = d.splits > 1 ? scratch(0, (size_t)(d.splits * d.total) * sizeof(real)) : gw;
    if (!d.sums)
        return 1;
    memset(d.sums, 0, (size_t)(d.splits * d.total) * sizeof(real));
    parallel(s->groups * d.parts * d.splits, 1, R(dots_parts), &d);
    real odd = 0;
    for (long i = 0; i < d.total; i++) {
        real sum = d.sums[i];
        for (long k = 1; k < d.splits; k++)
            sum += d.sums[k * d.total + i];
        gw[i] = sum;
        odd += sum - sum;
    }
    return odd == 0 || d.conv.whole;
}
