/* The gradient of a convolution for its weight, as products over the places of a few lines.
 *
 * conv_weight(g, x, gw, sizes...)   gw[o, c, t] = sum over n, p of g[n, o, p] x[n, c, stride p + t]
 *                                                                    reference: ConvolutionWeight
 * Layouts and sizes as in conv.c.
 *
 * The inner dimension of the product is the places. The cotangent is packed place by place; of the
 * input a window is copied with channels innermost, so that what one tap meets at a place is
 * TILE_COLS channels side by side, and nothing has to be copied again for each tap. Where there are
 * fewer channels the taps of a filter fill the columns up: they are copied to lines of a matrix.
 *
 * Channels are cut in parts of TILE_COLS (of more where there are few taps, so that a packed panel
 * of the cotangent meets many columns), the places in splits whose sums are added up in order.
 */
typedef struct {
    const real *g, *x;
    real *gw, *sums;
    R(conv_sizes) s;
    long channels, rows, taps;          /* in a group */
    long parts, width, splits;          /* of its channels, and how many in each; of the chunks */
    long images, lines, columns;        /* of y, in a chunk */
    long chunks_n, chunks_h, chunks_w;  /* how many of them */
    long panels;                        /* of columns, over all groups and parts */
    row_cut cut;
} R(conv_weights);

/* A part of the channels: of how many, whether taps fill up its columns, and in which panels. */
typedef struct {
    long group, first, count, panels, before;
    int filled;
} R(conv_band);

/* How many panels of columns: the taps of few channels share them. */
static long R(panels_of)(long taps, long channels)
{
    const long columns = channels < TILE_COLS ? taps * channels : channels;
    return (columns + TILE_COLS - 1) / TILE_COLS * (channels < TILE_COLS ? 1 : taps);
}

static R(conv_band) R(find_part)(const R(conv_weights) *c, long index)
{
    R(conv_band) p = {.group = index / c->parts, .first = index % c->parts * c->width};
    p.count = min(c->width, c->channels - p.first);
    p.filled = p.count < TILE_COLS && c->taps > 1;
    p.panels = R(panels_of)(c->taps, p.count);
    const long full = R(panels_of)(c->taps, c->width);
    const long last = R(panels_of)(c->taps, c->channels - (c->parts - 1) * c->width);
    p.before = p.group * ((c->parts - 1) * full + last) + index % c->parts * full;
    return p;
}

/* Some places of y, and the window of x that they look at. */
typedef struct {
    long n, images, i, lines, j, columns;
    long top, left, high, wide, pitch; /* of the window; pitch: from column to column */
} R(conv_chunk);

static R(conv_chunk) R(find_chunk)(const R(conv_weights) *c, const R(conv_band) *p, long index)
{
    const R(conv_sizes) *s = &c->s;
    R(conv_chunk) k = {.n = index / c->chunks_w / c->chunks_h * c->images,
                  .i = index / c->chunks_w % c->chunks_h * c->lines,
                  .j = index % c->chunks_w * c->columns};
    k.images = min(c->images, s->n - k.n);
    k.lines = min(c->lines, s->oh - k.i);
    k.columns = min(c->columns, s->ow - k.j);
    k.top = k.i * s->sh - s->ph;
    k.left = k.j * s->sw - s->pw;
    k.high = (k.lines - 1) * s->sh + (s->kh - 1) * s->dh + 1;
    k.wide = (k.columns - 1) * s->sw + (s->kw - 1) * s->dw + 1;
    k.pitch = p->filled ? p->count : TILE_COLS;
    return k;
}

/* Copy the window of a chunk, `count` channels innermost, with zeros around. */
static void R(turn_window)(const R(conv_weights) *c, const R(conv_chunk) *k, long channel,
                           long count, real *to)
{
    const R(conv_sizes) *s = &c->s;
    const long first = min(max(-k->left, 0L), k->wide);
    const long end = max(min(s->w - k->left, k->wide), first);
    for (long n = 0; n < k->images; n++) {
        const real *planes = c->x + ((k->n + n) * s->c + channel) * s->h * s->w;
        for (long h = 0; h < k->high; h++, to += k->wide * k->pitch) {
            const long line = k->top + h;
            if (h % s->sh > (s->kh - 1) * s->dh)
                continue; /* between the places of all taps */
            if (line < 0 || line >= s->h) {
                memset(to, 0, (size_t)(k->wide * k->pitch) * sizeof(real));
                continue;
            }
            memset(to, 0, (size_t)(first * k->pitch) * sizeof(real));
            R(turn)(planes + line * s->w + k->left + first, s->h * s->w, count, end - first,
                    to + first * k->pitch, k->pitch);
            memset(to + end * k->pitch, 0, (size_t)((k->wide - end) * k->pitch) * sizeof(real));
        }
    }
}

/* Copy what all taps meet, for each place a line of `width` numbers. */
static void R(fill_columns)(const R(conv_weights) *c, const R(conv_chunk) *k, const real *window,
                            const int64_t *at, long places, long width, real *to)
{
    const R(conv_sizes) *s = &c->s;
    const int joined = s->dw == 1; /* the taps of a line lie side by side */
    const long runs = joined ? s->kh : c->taps, size = joined ? s->kw * k->pitch : k->pitch;
    for (long p = 0; p < places; p++)
        for (long r = 0; r < runs; r++) {
            const long h = joined ? r : r / s->kw, w = joined ? 0 : r % s->kw;
            const real *from = window + at[p] + (h * s->dh * k->wide + w * s->dw) * k->pitch;
            real *line = to + p * width + r * size;
            for (long q = 0; q < size; q += LANES)
                *(vec *)(line + q) = *(const vec *)(from + q);
        }
}

/* Add the products of one chunk to the sums of one part. */
static void R(weigh_chunk)(const R(conv_weights) *c, const R(conv_band) *p, long index, real *sums)
{
    const R(conv_sizes) *s = &c->s;
    const R(conv_chunk) k = R(find_chunk)(c, p, index);
    const long places = k.images * k.lines * k.columns, width = p->panels * TILE_COLS;
    const long size = k.images * k.high * k.wide * k.pitch;
    const long first = p->group * c->channels + p->first;
    const long windows = (p->count + TILE_COLS - 1) / TILE_COLS;
    int64_t *at = scratch(3, (size_t)(2 * places) * sizeof(int64_t)), *lines = at + places;
    real *window = scratch(1, (size_t)(windows * size + LANES) * sizeof(real));
    real *packed = scratch(2, (size_t)(TILE_ROWS * places) * sizeof(real));
    real *filled = p->filled ? scratch(5, (size_t)(places * width + LANES) * sizeof(real)) : window;
    if (!at || !window || !packed || !filled)
        return;
    for (long q = 0; q < places; q++) {
        const long n = q / k.columns / k.lines, i = q / k.columns % k.lines, j = q % k.columns;
        at[q] = ((n * k.high + i * s->sh) * k.wide + j * s->sw) * k.pitch;
        lines[q] = q * width;
    }
    for (long w = 0; w < windows; w++)
        R(turn_window)(c, &k, first + w * TILE_COLS, min(p->count - w * TILE_COLS, (long)TILE_COLS),
                       window + w * size);
    if (p->filled)
        R(fill_columns)(c, &k, window, at, places, width, filled);
    for (long r = 0; r < c->cut.count; r++) {
        const long row = panel_start(c->cut, r), rows = panel_start(c->cut, r + 1) - row;
        const long step = s->oh * s->ow, run = k.lines * k.columns;
        for (long n = 0; n < k.images; n++) {
            const long channel = (k.n + n) * s->o + p->group * c->rows + row;
            const real *g = c->g + channel * step + k.i * s->ow + k.j;
            R(turn)(g, step, rows, run, packed + n * run * rows, rows);
        }
        for (long b = 0; b < p->panels; b++) {
            const real *from = filled + b * TILE_COLS;
            if (!p->filled) {
                const long h = b % c->taps / s->kw * s->dh, w = b % c->taps % s->kw * s->dw;
                from = window + b / c->taps * size + (h * k.wide + w) * k.pitch;
            }
            R(tile_placed)((int)rows, places, packed, from, p->filled ? lines : at,
                           LANES, sums + (b * c->rows + row) * TILE_COLS, TILE_COLS, NULL, NULL, 1);
        }
    }
}

/* One split of the chunks for one part of the channels. */
static void R(weigh)(void *context, long begin, long end)
{
    const R(conv_weights) *c = context;
    for (long unit = begin; unit < end; unit++) {
        const R(conv_band) p = R(find_part)(c, unit / c->splits);
        const long split = unit % c->splits, chunks = c->chunks_n * c->chunks_h * c->chunks_w;
        const long tile = c->rows * TILE_COLS;
        real *sums = c->sums + (split * c->panels + p.before) * tile;
        memset(sums, 0, (size_t)(p.panels * tile) * sizeof(real));
        for (long k = chunks * split / c->splits; k < chunks * (split + 1) / c->splits; k++)
            R(weigh_chunk)(c, &p, k, sums);
    }
}

/* Add up the splits of one part, and put the sums where gw wants them. */
static void R(unpack_part)(const R(conv_weights) *c, const R(conv_band) *p, real *gw)
{
    const long tile = c->rows * TILE_COLS;
    real *sums = c->sums + p->before * tile;
    for (long split = 1; split < c->splits; split++) {
        const real *more = sums + split * c->panels * tile;
        for (long i = 0; i < p->panels * tile; i++)
            sums[i] += more[i];
    }
    for (long o = 0; o < c->rows; o++) {
        real *to = gw + ((p->group * c->rows + o) * c->channels + p->first) * c->taps;
        for (long i = 0; i < p->count; i++)
            for (long t = 0; t < c->taps; t++) {
                const long q = p->filled ? t * p->count + i : i;
                const long panel = p->filled ? q / TILE_COLS : q / TILE_COLS * c->taps + t;
                *to++ = sums[panel * tile + o * TILE_COLS + q % TILE_COLS];
            }
    }
}

static void R(unpack_parts)(void *context, long begin, long end)
{
    const R(conv_weights) *c = context;
    for (long i = begin; i < end; i++) {
        const R(conv_band) p = R(find_part)(c, i);
        R(unpack_part)(c, &p, c->gw);
    }
}

/* Each channel with filters of its own: see depthwise.h. */
static void R(weigh_planes)(const arg *a, const R(conv_sizes) *s)
{
    const long taps = s->kh * s->kw;
    int64_t *dh = scratch(4, (size_t)(2 * taps) * sizeof(int64_t)), *dw = dh + taps;
    if (!dh)
        return;
    for (long t = 0; t < taps; t++) {
        dh[t] = t / s->kw * s->dh - s->ph;
        dw[t] = t % s->kw * s->dw - s->pw;
    }
    R(depth_weights) d = {
        .conv = {.x = a[1].p, .x_end = (const real *)a[1].p + s->n * s->c * s->h * s->w,
                 .images = 1, .channels = 1, .height = s->h, .width = s->w,
                 .x_image = s->c * s->h * s->w, .out_h = s->oh, .out_w = s->ow, .step_h = s->sh,
                 .step_w = s->sw, .taps = taps, .dh = dh, .dw = dw},
        .g = a[0].p, .gw = a[2].p, .share = s->o / s->c, .planes = s->o, .images = s->n};
    R(look_around)(&d.conv);
    d.conv.whole = 0;
    parallel(s->o, max(1L, (1L << 17) / (s->n * s->oh * s->ow * taps + 1)), R(depth_weigh), &d);
}

KERNEL(conv_weight)
{
    R(conv_weights) c = {.g = a[0].p, .x = a[1].p, .gw = a[2].p, .s = R(read_conv)(a + 3)};
    const R(conv_sizes) *s = &c.s;
    c.channels = s->c / s->groups;
    if (c.channels == 1 && s->groups > 1) {
        if (R(fit_lanes)(s))
            R(lanes_weight)(a, s);
        else
            R(weigh_planes)(a, s);
        return;
    }
    c.rows = s->o / s->groups;
    c.taps = s->kh * s->kw;
    int64_t *room = scratch(4, (size_t)(2 * c.taps) * sizeof(int64_t));
    if (!room || R(weigh_by_dots)(a[0].p, a[1].p, a[2].p, s, room) ||
        R(weigh_by_tiles)(a[0].p, a[1].p, a[2].p, s))
        return;
    c.width = TILE_COLS * (c.taps == 1 ? 16 : c.taps <= 4 ? 2 : 1);
    c.width = max((long)TILE_COLS, min(c.width, c.channels));
    c.parts = (c.channels + c.width - 1) / c.width;
    c.cut = cut_rows(c.rows);
    const long places = s->oh * s->ow;
    c.columns = min(s->ow, DEPTH);
    c.lines = min(s->oh, max(1L, DEPTH / s->ow));
    c.images = min(s->n, max(1L, DEPTH / places));
    c.chunks_n = (s->n + c.images - 1) / c.images;
    c.chunks_h = (s->oh + c.lines - 1) / c.lines;
    c.chunks_w = (s->ow + c.columns - 1) / c.columns;
    const R(conv_band) last = R(find_part)(&c, s->groups * c.parts - 1);
    c.panels = last.before + last.panels;
    const long bytes = c.panels * c.rows * TILE_COLS * (long)sizeof(real);
    c.splits = max(1L, min(16 / (s->groups * c.parts), (8L << 20) / bytes));
    c.splits = min(c.splits, c.chunks_n * c.chunks_h * c.chunks_w);
    c.sums = scratch(0, (size_t)(c.splits * bytes));
    if (!c.sums)
        return;
    parallel(s->groups * c.parts * c.splits, 1, R(weigh), &c);
    parallel(s->groups * c.parts, 1, R(unpack_parts), &c);
}
