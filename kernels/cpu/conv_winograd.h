/* Convolutions without strides by Winograd's algorithm (winograd.h): 3 x 3 filters with 4 or 6 points,
 * 5 x 5 filters with 6. The sums over channels are a product of matrices for each of the points of a
 * tile, columns are tiles.
 *
 * Rounding: the transforms multiply the error of a sum by about 2; so the sums over channels are kept
 * short and then added, and the error is that of the direct sum, which is 9 or 25 times as long. Where
 * a result is not finite the whole convolution is done directly, as an infinity in the input would
 * reach all of its tile.
 */
#define SHORT_SUM 64L /* channels */
#define FEW_BLOCKS 8L
#define SHARES 4L /* parts of the channels, whose columns are transformed for all rows */

/* Numbers of the products for one point of a panel of tiles: lines would all fall on the same places of
 * a cache, were it only those of the channels.
 */
INLINE long R(wino_step)(const R(conv) *c)
{
    return c->channels * TILE_COLS + LANES;
}

/* The tiles of a panel transformed, for the channels of a window: for each point (channel, tile). */
INLINE void R(wino_panel_of)(const int points, const int parts, const R(conv) *c,
                             const R(conv_panel) *p, const R(conv_window) *w, const int64_t *tap,
                             long count, real *to)
{
    real lines[WINO_POINTS * WINO_POINTS * TILE_COLS] __attribute__((aligned(64)));
    mask takes[TILE_VECS][LANES];
    const real *plane = w->from;
    R(part_lanes)(p, takes);
    for (long k = 0; k < count; k++, plane += w->plane, to += TILE_COLS) {
        for (int t = 0; t < points * points; t++)
            R(pack_line)(parts, p, takes, plane + tap[t], lines + t * TILE_COLS);
        if (p->count < TILE_COLS)
            for (int t = 0; t < points * points; t++)
                for (int q = p->count; q < TILE_COLS; q++)
                    lines[t * TILE_COLS + q] = 0;
        for (int q = 0; q < p->count; q += LANES)
            R(wino_tile)(points, lines + q, TILE_COLS, points * TILE_COLS, to + q, R(wino_step)(c));
    }
}

INLINE void R(wino_panel_at)(const int points, const R(conv) *c, const R(conv_panel) *p,
                             const R(conv_window) *w, const int64_t *tap, long count, real *to)
{
    const R(conv_panel) fixed = *p; /* the compiler sees that writing to `to` leaves it alone */
    switch (p->parts) {
    case 1:
        R(wino_panel_of)(points, 1, c, &fixed, w, tap, count, to);
        break;
    case 2:
        R(wino_panel_of)(points, 2, c, &fixed, w, tap, count, to);
        break;
    case 3:
        R(wino_panel_of)(points, 3, c, &fixed, w, tap, count, to);
        break;
    default:
        R(wino_panel_of)(points, p->parts, c, &fixed, w, tap, count, to);
    }
}

static void R(wino_panel)(const R(wino) *f, const R(conv_panel) *p, const R(conv_window) *w,
                          const int64_t *tap, long count, real *to)
{
    if (f->points == 4)
        R(wino_panel_at)(4, &f->tiles, p, w, tap, count, to);
    else
        R(wino_panel_at)(6, &f->tiles, p, w, tap, count, to);
}

/* Transform the products of one panel of tiles back, and write them where they go. */
INLINE int R(wino_write_of)(const int points, const int results, const R(wino) *f,
                            const R(conv_panel) *p, const real *m, int rows, real *y,
                            const real *bias)
{
    const R(conv) *c = &f->tiles;
    const long line = f->out_w, step = TILE_ROWS * TILE_COLS;
    real lines[4 * 4 * TILE_COLS];
    vec odd = {0};
    for (int i = 0; i < rows; i++, y += c->y_plane, m += TILE_COLS) {
        for (int q = 0; q < p->count; q += LANES)
            odd += R(wino_back)(points, results, m + q, step, bias ? bias[i] : 0,
                                lines + results * q, 4 * TILE_COLS);
        for (int k = 0; k < p->pieces; k++) {
            const long place = p->out[k] % c->y_image;
            const long count = min((long)results * p->size[k], line - place % line);
            const long high = min((long)results, f->out_h - place / line);
            for (long h = 0; h < high; h++)
                R(copy_short)(y + p->out[k] + h * line,
                              lines + h * 4 * TILE_COLS + results * p->begin[k], count);
        }
    }
    for (int q = 0; q < LANES; q++)
        if (odd[q] != 0)
            return 1;
    return 0;
}

static int R(wino_write)(const R(wino) *f, const R(conv_panel) *p, const real *m, int rows, real *y,
                         const real *bias)
{
    WINO_AS(f, return R(wino_write_of)(points, results, f, p, m, rows, y, bias))
}

/* A block of columns: which ones, and their panels. */
typedef struct {
    long first, end, count;
    R(conv_window) window;
    R(conv_panel) *panels;
} R(wino_block);

static R(wino_block) R(find_block)(const R(conv) *c, long number)
{
    const long shift = number / c->per_run * c->length;
    R(wino_block) k = {.first = shift + number % c->per_run * c->block * TILE_COLS};
    k.end = min(k.first + c->block * TILE_COLS, shift + c->length);
    k.count = (k.end - k.first + TILE_COLS - 1) / TILE_COLS;
    k.window = R(open_window)(c, k.first, k.end);
    k.panels = scratch(3, (size_t)k.count * sizeof(R(conv_panel)));
    for (long b = 0; k.panels && b < k.count; b++)
        R(place_panel)(c, &k.window, k.first + b * TILE_COLS, k.end, k.panels + b);
    return k;
}

/* Transform some channels of a block's columns. */
static void R(wino_columns)(const R(wino) *f, R(wino_block) *k, long begin, long end, real *packed)
{
    const R(conv) *c = &f->tiles;
    int64_t tap[WINO_POINTS * WINO_POINTS];
    real *room = scratch(2, (size_t)((end - begin) * k->window.plane + LANES) * sizeof(real));
    if (!room)
        return;
    R(place_taps)(c, &k->window, tap);
    R(fill_window)(c, &k->window, begin, end, room);
    k->window.from = room;
    for (long b = 0; b < k->count; b++)
        R(wino_panel)(f, k->panels + b, &k->window, tap, end - begin,
                      packed + b * f->xi * R(wino_step)(c) + begin * TILE_COLS);
}

/* Filters of a panel of rows times a block's columns. */
static void R(wino_products)(R(wino) *f, const R(wino_block) *k, long panel, const real *filters,
                             const real *packed)
{
    const R(conv) *c = &f->tiles;
    const long row = panel_start(c->cut, panel), step = R(wino_step)(c);
    const int rows = (int)(panel_start(c->cut, panel + 1) - row);
    real *m = scratch(5, (size_t)(f->xi * TILE_ROWS * TILE_COLS) * sizeof(real));
    if (!m)
        return;
    for (long b = 0; b < k->count; b++, packed += f->xi * step) {
        for (long xi = 0; xi < f->xi; xi++)
            for (long i = 0; i < c->channels; i += SHORT_SUM)
                (k->panels[b].count > LANES ? R(tile) : R(tile_half))(
                    rows, min(SHORT_SUM, c->channels - i), filters + (xi * c->channels + i) * rows,
                    packed + xi * step + i * TILE_COLS, m + xi * TILE_ROWS * TILE_COLS, TILE_COLS,
                    NULL, NULL, i > 0);
        if (R(wino_write)(f, k->panels + b, m, rows, c->y + row * c->y_plane,
                          c->bias ? c->bias + row : NULL))
            __atomic_store_n(&f->not_finite, 1, __ATOMIC_RELAXED);
    }
}

/* Many columns: the filters are transformed for all, then a block's columns meet them. */
static void R(wino_all_filters)(void *context, long begin, long end)
{
    const R(wino) *f = context;
    for (long r = begin; r < end; r++)
        R(wino_filters)(f, r, f->filters + panel_start(f->tiles.cut, r) * f->xi * f->tiles.channels);
}

static void R(wino_blocks)(void *context, long begin, long end)
{
    R(wino) *f = context;
    const R(conv) *c = &f->tiles;
    for (long number = begin; number < end; number++) {
        R(wino_block) k = R(find_block)(c, number);
        const long size = k.count * f->xi * R(wino_step)(c);
        real *packed = scratch(1, (size_t)size * sizeof(real));
        if (!packed || !k.panels)
            return;
        R(wino_columns)(f, &k, 0, c->channels, packed);
        for (long r = 0; r < c->cut.count; r++)
            R(wino_products)(f, &k, r, f->filters + panel_start(c->cut, r) * f->xi * c->channels,
                             packed);
    }
}

/* Few columns: they are transformed for all, then a panel's filters meet them. */
static void R(wino_all_columns)(void *context, long begin, long end)
{
    const R(wino) *f = context;
    const R(conv) *c = &f->tiles;
    for (long part = begin; part < end; part++) {
        const long number = part / SHARES, share = part % SHARES;
        R(wino_block) k = R(find_block)(c, number);
        if (k.panels)
            R(wino_columns)(f, &k, c->channels * share / SHARES, c->channels * (share + 1) / SHARES,
                            c->shared + number * c->block * f->xi * R(wino_step)(c));
    }
}

static void R(wino_rows)(void *context, long begin, long end)
{
    R(wino) *f = context;
    const R(conv) *c = &f->tiles;
    const long size = f->xi * c->channels * TILE_ROWS + LANES;
    real *filters = scratch(1, (size_t)size * sizeof(real));
    if (!filters)
        return;
    for (long r = begin; r < end; r++) {
        R(wino_filters)(f, r, filters);
        for (long number = 0; number < f->blocks; number++) {
            R(wino_block) k = R(find_block)(c, number);
            if (k.panels)
                R(wino_products)(f, &k, r, filters,
                                 c->shared + number * c->block * f->xi * R(wino_step)(c));
        }
    }
}

/* Whether it is a square filter without gaps, and where in it each tap stands. */
static int R(is_square)(const R(conv) *c, long size, int64_t *tap)
{
    if (c->taps != size * size || c->step_h != 1 || c->step_w != 1 || c->y_column != 1)
        return 0;
    int64_t seen = 0;
    for (long t = 0; t < c->taps; t++) {
        const long u = c->dh[t] - c->top, v = c->dw[t] - c->left;
        if (u >= size || v >= size)
            return 0;
        tap[u * size + v] = t;
        seen |= (int64_t)1 << (u * size + v);
    }
    return seen == ((int64_t)1 << c->taps) - 1;
}

/* Choose the points and with them the tiles, if that pays.
 *
 * Work is counted in products of two vectors for one channel of input and output. A direct sum has one for
 * each tap and packs its columns. The other numbers are the measured work of the transforms.
 */
static int R(wino_choose)(R(wino) *f, const R(conv) *c, int64_t *tap)
{
    const double rows = (double)c->rows, channels = (double)c->channels;
    const double places = (double)(c->images * c->out_h * c->out_w);
    double best = 0.9 * places * ((double)c->taps + 36 / rows);
    if (c->channels < 8 || c->rows < 8 ||
        !winograd_for(places * (double)(c->taps * c->channels * c->rows)))
        return 0;
    for (int i = 0; i < 3; i++) {
        const int points = R(wino_ways)[i][0], results = R(wino_ways)[i][1];
        const int taps = R(wino_ways)[i][2];
        if (!R(is_square)(c, taps, tap))
            continue;
        const long high = (c->out_h + results - 1) / results;
        const long wide = (c->out_w + results - 1) / results;
        const double xi = points * points;
        const double tiles = (double)((c->images * high * wide + LANES - 1) / LANES * LANES);
        const double work = tiles * xi * (1 + 8 / rows + 5 / channels) + 6 * xi;
        if (work < best) {
            best = work;
            f->points = points;
            f->results = results;
            f->taps = taps;
            f->xi = points * points;
            f->tiles.out_h = high;
            f->tiles.out_w = wide;
        }
    }
    return f->points && R(is_square)(c, f->taps, tap);
}

/* Do a convolution this way where that is possible, faster and gives numbers; else return 0. */
static int R(winograd)(const R(conv) *c, const real *w, long step, const int64_t *at)
{
    int64_t tap[WINO_TAPS * WINO_TAPS], dh[WINO_POINTS * WINO_POINTS];
    int64_t dw[WINO_POINTS * WINO_POINTS];
    R(wino) f = {.tiles = *c, .w = w, .step = step, .out_h = c->out_h, .out_w = c->out_w};
    R(conv) *t = &f.tiles;
    if (!R(wino_choose)(&f, c, tap))
        return 0;
    for (long i = 0; i < f.points; i++)
        for (long j = 0; j < f.points; j++) {
            dh[f.points * i + j] = c->top + i;
            dw[f.points * i + j] = c->left + j;
        }
    t->dh = dh;
    t->dw = dw;
    t->taps = f.xi;
    t->step_h = t->step_w = f.results;
    t->y_line = f.results * c->y_line;
    t->y_column = f.results;
    t->cut = cut_rows(c->rows);
    R(look_around)(t);
    t->whole = 0;
    R(cut_columns)(t, f.xi / 4 * c->channels, 0);
    const long runs = t->images * t->out_h * t->out_w / t->length;
    const long panels = (t->length + TILE_COLS - 1) / TILE_COLS;
    while (runs * t->per_run < FEW_BLOCKS && t->block > 1) {
        t->block = (t->block + 1) / 2;
        t->per_run = (panels + t->block - 1) / t->block;
    }
    f.blocks = runs * t->per_run;
    const long depth = c->taps * c->channels, tiles = t->images * t->out_h * t->out_w;
    if (at || tap[0]) {
        int64_t *places = scratch(0, (size_t)depth * sizeof(int64_t));
        if (!places)
            return 1;
        for (long k = 0; k < depth; k++) {
            const long from = k / c->taps * c->taps + tap[k % c->taps];
            places[k] = at ? at[from] : from;
        }
        f.at = places;
    }
    if (f.blocks < FEW_BLOCKS || c->rows > tiles) {
        const long size = f.blocks * t->block * f.xi * R(wino_step)(t);
        t->shared = scratch(7, (size_t)size * sizeof(real));
        if (!t->shared)
            return 1;
        parallel(f.blocks * SHARES, 1, R(wino_all_columns), &f);
        parallel(t->cut.count, 1, R(wino_rows), &f);
    } else {
        f.filters = scratch(7, (size_t)(f.xi * c->rows * c->channels + LANES) * sizeof(real));
        if (!f.filters)
            return 1;
        parallel(t->cut.count, max(1L, (1L << 16) / (TILE_ROWS * depth)), R(wino_all_filters), &f);
        parallel(f.blocks, 1, R(wino_blocks), &f);
    }
    return !f.not_finite;
}
