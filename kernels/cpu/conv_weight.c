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
 */
typedef struct {
    R(weight_cut) cut;
    const real *g, *x;
    R(conv_sizes) s;
    long taps;
    long images, lines, columns;        /* of y, in a chunk */
    long chunks_h, chunks_w;            /* how many of them in an image */
    real *packed;                       /* the whole cotangent as products want it, or NULL */
} R(conv_weights);

#define NEAR_ROWS (1L << 18)    /* bytes of rows that stay in the second cache */
#define PACKED_BYTES (8L << 20) /* of a cotangent that is packed once for all parts of the channels */

/* Whether taps fill up the columns; how many panels of columns there are. */
static int R(is_filled)(const R(conv_weights) *c, long channels)
{
    return channels < TILE_COLS && c->taps > 1;
}

static long R(panels_of)(const R(conv_weights) *c, long channels)
{
    const int filled = R(is_filled)(c, channels);
    const long columns = filled ? c->taps * channels : channels;
    return (columns + TILE_COLS - 1) / TILE_COLS * (filled ? 1 : c->taps);
}

/* Whether the products are gw as it lies. */
static int R(is_straight)(const R(conv_weights) *c, long channels)
{
    return c->taps == 1 && channels % TILE_COLS == 0;
}

/* Some places of y, and the window of x that they look at. */
typedef struct {
    long n, images, i, lines, j, columns;
    long top, left, high, wide, pitch; /* of the window; pitch: from column to column */
} R(conv_chunk);

static R(conv_chunk) R(find_chunk)(const R(conv_weights) *c, long channels, long index)
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
    k.pitch = R(is_filled)(c, channels) ? channels : TILE_COLS;
    return k;
}

/* The cotangent of some rows at the places of a chunk, place by place. */
static void R(turn_rows)(const R(conv_weights) *c, const R(conv_chunk) *k, long made, long rows,
                         real *to)
{
    const long step = c->s.oh * c->s.ow, run = k->lines * k->columns;
    for (long n = 0; n < k->images; n++)
        R(turn)(c->g + ((k->n + n) * c->s.o + made) * step + k->i * c->s.ow + k->j, step, rows, run,
                to + n * run * rows, rows);
}

/* Where the packed cotangent of a chunk begins. */
static long R(chunk_start)(const R(conv_weights) *c, long index)
{
    return index * c->images * c->lines * c->columns * c->s.o;
}

/* The same of all rows and chunks, if they are packed once: by chunks, then panels of rows. */
static void R(pack_rows)(void *context, long begin, long end)
{
    const R(conv_weights) *c = context;
    const row_cut cut = c->cut.rows;
    for (long index = begin; index < end; index++) {
        const long r = index % cut.count, group = index / cut.count % c->s.groups;
        const long chunk = index / cut.count / c->s.groups, row = panel_start(cut, r);
        const R(conv_chunk) k = R(find_chunk)(c, TILE_COLS, chunk);
        const long made = group * (c->s.o / c->s.groups) + row;
        R(turn_rows)(c, &k, made, panel_start(cut, r + 1) - row,
                     c->packed + R(chunk_start)(c, chunk) +
                         made * k.images * k.lines * k.columns);
    }
}

/* Copy the window of a chunk, `count` channels innermost, with zeros around. */
static void R(turn_window)(const R(conv_weights) *c, const R(conv_chunk) *k, long channel,
                           long count, int64_t *room, real *to)
{
    const R(conv_sizes) *s = &c->s;
    const int whole_lines = k->left <= 0 && k->left + k->wide >= s->w;
    if (whole_lines && k->pitch == TILE_COLS && s->sh <= (s->kh - 1) * s->dh + 1) {
        R(turn_lines)(c->x + (k->n * s->c + channel) * s->h * s->w, k->images, s->c * s->h * s->w,
                      s->h * s->w, s->w, k->top, k->left, k->high, k->wide, count, room, to,
                      k->pitch);
        return;
    }
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

/* What the products of one chunk have in common. */
typedef struct {
    const R(weight_unit) *u;
    const real *columns;
    const int64_t *at;
    long places, window_size, pitch, wide;
    int is_filled, straight, add;
    real *sums;
} R(chunk_products);

/* A panel of rows, which lies at `left`, times a panel of columns. */
static void R(weigh_panels)(const R(conv_weights) *c, const R(chunk_products) *k, long r,
                            const real *left, long b)
{
    const R(weight_unit) *u = k->u;
    const long start = panel_start(c->cut.rows, r), row = start - u->row;
    const int rows = (int)(panel_start(c->cut.rows, r + 1) - start);
    const real *from = k->columns + b * TILE_COLS;
    if (!k->is_filled) {
        const long h = b % c->taps / c->s.kw * c->s.dh, w = b % c->taps % c->s.kw * c->s.dw;
        from = k->columns + b / c->taps * k->window_size + (h * k->wide + w) * k->pitch;
    }
    real *to = k->straight ? u->to + row * c->cut.channels + b * TILE_COLS
                           : k->sums + (b * u->rows + row) * TILE_COLS;
    const long step = k->straight ? c->cut.channels : TILE_COLS;
    if (k->straight)
        R(call_lines)(to, step, rows);
    R(tile_placed)(rows, k->places, left, from, k->at, LANES, to, step, NULL, NULL, k->add);
}

/* Add the products of one chunk to the sums of a unit: (panel of columns, row, column). Columns that
 * taps fill up are lines far apart: a panel of them stays in the nearest cache while the rows go by, if
 * these are few.
 */
static void R(weigh_chunk)(const R(conv_weights) *c, const R(weight_unit) *u, long index, int add,
                           real *sums)
{
    const R(conv_sizes) *s = &c->s;
    const R(conv_chunk) k = R(find_chunk)(c, u->count, index);
    const int is_filled = R(is_filled)(c, u->count), straight = R(is_straight)(c, u->count);
    const long panels = R(panels_of)(c, u->count), width = panels * TILE_COLS;
    const long places = k.images * k.lines * k.columns;
    const long size = k.images * k.high * k.wide * k.pitch;
    const long windows = (u->count + TILE_COLS - 1) / TILE_COLS;
    const long tables = 2 * places + k.high * max(k.wide, s->w);
    int64_t *at = scratch(3, (size_t)tables * sizeof(int64_t)), *lines = at + places;
    real *window = scratch(1, (size_t)(windows * size + LANES) * sizeof(real));
    const int columns_first = is_filled && u->rows * places * (long)sizeof(real) <= NEAR_ROWS;
    const long kept = c->packed ? 1 : columns_first ? u->rows : TILE_ROWS;
    real *turned = scratch(2, (size_t)(kept * places) * sizeof(real));
    real *filled = is_filled ? scratch(5, (size_t)(places * width + LANES) * sizeof(real)) : window;
    if (!at || !window || !turned || !filled)
        return;
    for (long q = 0; q < places; q++) {
        const long n = q / k.columns / k.lines, i = q / k.columns % k.lines, j = q % k.columns;
        at[q] = ((n * k.high + i * s->sh) * k.wide + j * s->sw) * k.pitch;
        lines[q] = q * width;
    }
    for (long w = 0; w < windows; w++)
        R(turn_window)(c, &k, u->channel + w * TILE_COLS,
                       min(u->count - w * TILE_COLS, (long)TILE_COLS), lines + places,
                       window + w * size);
    if (is_filled)
        R(fill_columns)(c, &k, window, at, places, width, filled);
    const R(chunk_products) products = {u,     filled, is_filled ? lines : at, places, size, k.pitch,
                                        k.wide, is_filled, straight, add, sums};
    const real *packed = c->packed ? c->packed + R(chunk_start)(c, index) + u->made * places : NULL;
    for (long r = u->top; r < u->bottom; r++) {
        const long row = panel_start(c->cut.rows, r) - u->row;
        const long rows = panel_start(c->cut.rows, r + 1) - u->row - row;
        real *to = turned + (columns_first ? row * places : 0);
        if (!packed)
            R(turn_rows)(c, &k, u->made + row, rows, to);
        if (!columns_first)
            for (long b = 0; b < panels; b++)
                R(weigh_panels)(c, &products, r, packed ? packed + row * places : to, b);
    }
    if (!columns_first)
        return;
    const real *left = packed ? packed : turned;
    for (long b = 0; b < panels; b++)
        for (long r = u->top; r < u->bottom; r++)
            R(weigh_panels)(c, &products, r,
                            left + (panel_start(c->cut.rows, r) - u->row) * places, b);
}

/* Put the sums of a unit where gw wants them. */
static void R(unpack_sums)(const R(conv_weights) *c, const R(weight_unit) *u, const real *sums)
{
    const long panel = u->rows * TILE_COLS, filled = R(is_filled)(c, u->count);
    const long width = filled ? R(panels_of)(c, u->count) * TILE_COLS : 0;
    real *to = u->to, *line = scratch(1, (size_t)width * sizeof(real));
    if (filled && !line)
        return;
    for (long o = 0; o < u->rows; o++, sums += TILE_COLS, to += c->cut.channels * c->taps)
        if (filled) {
            for (long q = 0; q < width; q += LANES)
                *(vec *)(line + q) = *(const vec *)(sums + q / TILE_COLS * panel + q % TILE_COLS);
            R(turn)(line, u->count, c->taps, u->count, to, c->taps);
        } else
            for (long i = 0; i < u->count; i += TILE_COLS) {
                const real *from = sums + i / TILE_COLS * c->taps * panel;
                const long count = min(u->count - i, (long)TILE_COLS);
                if (c->taps == 1)
                    R(copy_short)(to + i, from, count);
                else
                    R(turn)(from, panel, c->taps, count, to + i * c->taps, c->taps);
            }
}

static void R(weigh)(void *context, long begin, long end)
{
    const R(conv_weights) *c = context;
    for (long index = begin; index < end; index++) {
        const R(weight_unit) u = R(find_unit)(&c->cut, &c->s, index);
        const long size = R(panels_of)(c, u.count) * u.rows * TILE_COLS;
        real *sums = scratch(6, (size_t)size * sizeof(real));
        if (!sums)
            return;
        for (long k = u.chunk; k < u.chunk_end; k++)
            R(weigh_chunk)(c, &u, k, k > u.chunk, sums);
        if (!R(is_straight)(c, u.count))
            R(unpack_sums)(c, &u, sums);
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

/* The size of parts, at most `most`, where these are as few and as even as can be. */
static long R(evenly)(long size, long most)
{
    const long parts = (size + most - 1) / most;
    return (size + parts - 1) / parts;
}

KERNEL(conv_weight)
{
    R(conv_weights) c = {.g = a[0].p, .x = a[1].p, .s = R(read_conv)(a + 3)};
    const R(conv_sizes) *s = &c.s;
    const long channels = s->c / s->groups, places = s->oh * s->ow;
    if (channels == 1 && s->groups > 1) {
        if (R(fit_lanes)(s))
            R(lanes_weight)(a, s);
        else
            R(weigh_planes)(a, s);
        return;
    }
    c.taps = s->kh * s->kw;
    int64_t *room = scratch(4, (size_t)(2 * c.taps) * sizeof(int64_t));
    if (!room || R(weigh_by_dots)(a[0].p, a[1].p, a[2].p, s, room) ||
        R(weigh_by_tiles)(a[0].p, a[1].p, a[2].p, s))
        return;
    c.columns = min(s->ow, DEPTH);
    c.lines = R(evenly)(s->oh, max(1L, DEEPEST / s->ow));
    c.images = R(evenly)(s->n, max(1L, DEEPEST / places));
    c.chunks_h = (s->oh + c.lines - 1) / c.lines;
    c.chunks_w = (s->ow + c.columns - 1) / c.columns;
    const long chunks = (s->n + c.images - 1) / c.images * c.chunks_h * c.chunks_w;
    const long most = c.taps == 1 ? 8 : c.taps <= 4 ? 2 : 1;
    c.cut = R(cut_weight)(s, chunks, most, R(panels_of)(&c, min(channels, most * TILE_COLS)), a[2].p);
    if (!c.cut.to)
        return;
    const long all = chunks * c.images * c.lines * c.columns * s->o * (long)sizeof(real);
    if (c.cut.parts > 1 && all <= PACKED_BYTES) {
        c.packed = scratch(7, (size_t)all);
        if (!c.packed)
            return;
        parallel(chunks * s->groups * c.cut.rows.count,
                 max(1L, (1L << 14) / (c.images * c.lines * c.columns * TILE_ROWS)), R(pack_rows),
                 &c);
    }
    R(sum_up)(&c.cut, s, R(weigh), &c, a[2].p);
}
