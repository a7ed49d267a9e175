/* Convolutions with 3 x 3 filters and no strides by 16 products instead of 36 for 2 x 2 results.
 *
 * Y = A' [(G g G') . (B' d B)] A, for each filter g and each 4 x 4 tile d of the input, two apart:
 *
 *     B' = 1  0 -1  0     G = 1    0    0      A' = 1  1  1  0
 *          0  1  1  0         1/2  1/2  1/2         0  1 -1 -1
 *          0 -1  1  0         1/2 -1/2  1/2
 *          0  1  0 -1         0    0    1
 *
 * The sums over channels are 16 products of matrices, columns are tiles. Rounding: the transforms
 * add and subtract, which multiplies the error of a sum by about 2; so the sums over channels are
 * kept short and then added, and the error is that of the direct sum, which is 9 times as long
 * (measured: 1.3 to 2.5 units in the last place in the quadratic mean, from 16 to 512 channels).
 * Where a result is not finite the whole convolution is done directly, as an infinity in the input
 * would reach all of its tile.
 *
 * Source: Lavin and Gray, Fast algorithms for convolutional neural networks, 2016.
 */
#define SHORT_SUM 64L /* channels */
#define FILTERS_AT_ONCE (1L << 18) /* numbers: a megabyte in float32, where columns are shared */
#define SHARES 4L /* parts of the channels whose columns are transformed for all cuts of the rows */

typedef struct {
    R(conv) tiles;        /* their columns; y, its steps and the filters are those of the whole */
    const real *w;
    const int64_t *at;
    long step, out_h, out_w;
    long first, last;     /* the panels of filters that are done at a time */
    real *filters;        /* those, transformed */
    int not_finite;
} R(wino);

/* G g G' for a vector of filters. */
INLINE void R(wino_filter)(const vec *g, vec *u)
{
    vec h[4][3];
    for (int t = 0; t < 3; t++) {
        const vec ends = (g[t] + g[6 + t]) * (real)0.5, mid = g[3 + t] * (real)0.5;
        h[0][t] = g[t];
        h[1][t] = ends + mid;
        h[2][t] = ends - mid;
        h[3][t] = g[6 + t];
    }
    for (int t = 0; t < 4; t++) {
        const vec ends = (h[t][0] + h[t][2]) * (real)0.5, mid = h[t][1] * (real)0.5;
        u[4 * t] = h[t][0];
        u[4 * t + 1] = ends + mid;
        u[4 * t + 2] = ends - mid;
        u[4 * t + 3] = h[t][2];
    }
}

/* Transform some channels of the filters of a panel, to 16 panels (xi, channel, row). Packed as for
 * the direct product, each has 9 lines of the panel's height. Whole vectors are written where what
 * they spill is written later, by the same thread: before `limit`.
 */
static void R(wino_filters_of)(const R(wino) *f, const real *direct, long rows, long begin,
                               long end, long limit, real *to)
{
    const long channels = f->tiles.channels;
    for (long k = begin; k < end; k++, direct += 9 * rows)
        for (long i = 0; i < rows; i += LANES) {
            vec g[9], u[16];
            for (int t = 0; t < 9; t++)
                g[t] = *(const vec *)(direct + t * rows + i);
            R(wino_filter)(g, u);
            const size_t size = (size_t)min((long)LANES, rows - i) * sizeof(real);
            const int spill = rows <= LANES && k + 1 + LANES / rows < limit;
            for (int t = 0; t < 16; t++) {
                real *out = to + (t * channels + k) * rows + i;
                if (spill)
                    *(vec *)out = u[t];
                else
                    memcpy(out, u + t, size);
            }
        }
}

/* Where a row's filters are put. */
INLINE real *R(wino_place)(const R(wino) *f, long row)
{
    const R(conv) *c = &f->tiles;
    return f->filters + (row - panel_start(c->cut, f->first)) * 16 * c->channels;
}

/* Transform the filters of some panels. */
static void R(wino_filters)(void *context, long begin, long end)
{
    const R(wino) *f = context;
    const R(conv) *c = &f->tiles;
    real *direct = scratch(1, (size_t)(9 * c->channels * TILE_ROWS + LANES) * sizeof(real));
    if (!direct)
        return;
    for (long p = f->first + begin; p < f->first + end; p++) {
        const long row = panel_start(c->cut, p), rows = panel_start(c->cut, p + 1) - row;
        R(turn)(f->w + row * f->step, f->step, rows, 9 * c->channels, direct, rows);
        R(wino_filters_of)(f, direct, rows, 0, c->channels, c->channels, R(wino_place)(f, row));
    }
}

/* Transform the filters of some channels, whose rows lie close together. They are asked for from
 * memory as they lie; then the panels come one after the other, for each writes to 16 places.
 */
static void R(wino_gather)(void *context, long begin, long end)
{
    const R(wino) *f = context;
    const R(conv) *c = &f->tiles;
    real direct[9 * TILE_ROWS + LANES];
    memset(direct, 0, sizeof direct);
    const long top = panel_start(c->cut, f->first), bottom = panel_start(c->cut, f->last);
    for (long k = begin; k < end; k++)
        for (long i = top * f->step; i < bottom * f->step; i += 64 / (long)sizeof(real))
            __builtin_prefetch(f->w + f->at[9 * k] + i);
    for (long p = f->first; p < f->last; p++) {
        const long row = panel_start(c->cut, p), rows = panel_start(c->cut, p + 1) - row;
        for (long k = begin; k < end; k++) {
            for (long t = 0; t < 9; t++) {
                const real *from = f->w + row * f->step + f->at[9 * k + t];
                for (long i = 0; i < rows; i++)
                    direct[t * rows + i] = from[i * f->step];
            }
            R(wino_filters_of)(f, direct, rows, k, k + 1, end, R(wino_place)(f, row));
        }
    }
}

/* B' d B for a line of tiles in `lines`, one vector of each; results `step` apart. */
INLINE void R(wino_tile)(const real *lines, real *to, long step)
{
    vec d[4][4], e[4][4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            d[i][j] = *(const vec *)(lines + (4 * i + j) * TILE_COLS);
        e[0][j] = d[0][j] - d[2][j];
        e[1][j] = d[1][j] + d[2][j];
        e[2][j] = d[2][j] - d[1][j];
        e[3][j] = d[1][j] - d[3][j];
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        *(vec *)(to + (4 * i) * step) = e[i][0] - e[i][2];
        *(vec *)(to + (4 * i + 1) * step) = e[i][1] + e[i][2];
        *(vec *)(to + (4 * i + 2) * step) = e[i][2] - e[i][1];
        *(vec *)(to + (4 * i + 3) * step) = e[i][1] - e[i][3];
    }
}

/* The tiles of a panel transformed, for the channels of a window: 16 packed panels, (xi, channel,
 * tile).
 */
INLINE void R(wino_panel_of)(const int parts, const R(conv) *c, const R(conv_panel) *p,
                             const R(conv_window) *w, const int64_t *tap, long count, real *to)
{
    real lines[16 * TILE_COLS] __attribute__((aligned(64)));
    mask takes[TILE_VECS][LANES];
    const real *plane = w->from;
    R(part_lanes)(p, takes);
    for (long k = 0; k < count; k++, plane += w->plane, to += TILE_COLS) {
        for (int t = 0; t < 16; t++)
            R(pack_line)(parts, p, takes, plane + tap[t], lines + t * TILE_COLS);
        if (p->count < TILE_COLS)
            for (int t = 0; t < 16; t++)
                for (int q = p->count; q < TILE_COLS; q++)
                    lines[t * TILE_COLS + q] = 0;
        for (int q = 0; q < TILE_COLS; q += LANES)
            R(wino_tile)(lines + q, to + q, c->channels * TILE_COLS);
    }
}

static void R(wino_panel)(const R(conv) *c, const R(conv_panel) *p, const R(conv_window) *w,
                          const int64_t *tap, long count, real *to)
{
    const R(conv_panel) fixed = *p; /* the compiler sees that writing to `to` leaves it alone */
    switch (p->parts) {
    case 1:
        R(wino_panel_of)(1, c, &fixed, w, tap, count, to);
        break;
    case 2:
        R(wino_panel_of)(2, c, &fixed, w, tap, count, to);
        break;
    case 3:
        R(wino_panel_of)(3, c, &fixed, w, tap, count, to);
        break;
    default:
        R(wino_panel_of)(p->parts, c, &fixed, w, tap, count, to);
    }
}

/* A' m A for one vector of tiles: two lines of results, in pairs. Nonzero if one is not finite. */
INLINE vec R(wino_back)(const real *m, real first, real *top, real *bottom)
{
    vec s[4], t[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        const long xi = TILE_ROWS * TILE_COLS;
        const vec a = *(const vec *)(m + j * xi), b = *(const vec *)(m + (4 + j) * xi);
        const vec c = *(const vec *)(m + (8 + j) * xi), d = *(const vec *)(m + (12 + j) * xi);
        s[j] = a + b + c;
        t[j] = b - c - d;
    }
    const vec y00 = s[0] + s[1] + s[2] + first, y01 = s[1] - s[2] - s[3] + first;
    const vec y10 = t[0] + t[1] + t[2] + first, y11 = t[1] - t[2] - t[3] + first;
    *(vec *)top = R(zip_low)(y00, y01);
    *(vec *)(top + LANES) = R(zip_high)(y00, y01);
    *(vec *)bottom = R(zip_low)(y10, y11);
    *(vec *)(bottom + LANES) = R(zip_high)(y10, y11);
    return (y00 - y00) + (y01 - y01) + (y10 - y10) + (y11 - y11);
}

/* Transform the products of one panel of tiles back, and write them where they go. */
static int R(wino_write)(const R(wino) *f, const R(conv_panel) *p, const real *m, int rows, real *y,
                         const real *bias)
{
    const R(conv) *c = &f->tiles;
    const long line = f->out_w;
    real top[2 * TILE_COLS], bottom[2 * TILE_COLS];
    vec odd = {0};
    for (int i = 0; i < rows; i++, y += c->y_plane, m += TILE_COLS) {
        for (int q = 0; q < TILE_COLS; q += LANES)
            odd += R(wino_back)(m + q, bias ? bias[i] : 0, top + 2 * q, bottom + 2 * q);
        for (int k = 0; k < p->pieces; k++) {
            const long place = p->out[k] % c->y_image;
            const long count = min(2L * p->size[k], line - place % line);
            real *to = y + p->out[k];
            R(copy_short)(to, top + 2 * p->begin[k], count);
            if (place / line + 1 < f->out_h)
                R(copy_short)(to + line, bottom + 2 * p->begin[k], count);
        }
    }
    for (int q = 0; q < LANES; q++)
        if (odd[q] != 0)
            return 1;
    return 0;
}

/* Products of a block of columns and a cut of the rows; or, for `share`, some channels of a block's
 * columns, transformed for all cuts.
 */
static void R(wino_part)(R(wino) *f, long part, int share)
{
    const R(conv) *c = &f->tiles;
    const long cuts = share ? SHARES : c->cuts;
    const long cut = part % cuts, number = part / cuts, block = number % c->per_run;
    const long run = number / c->per_run, shift = run * c->length;
    const long first = shift + block * c->block * TILE_COLS;
    const long end = min(first + c->block * TILE_COLS, shift + c->length);
    const long count = (end - first + TILE_COLS - 1) / TILE_COLS;
    const long size = 16 * c->channels * TILE_COLS;
    const long from = share ? c->channels * cut / SHARES : 0;
    const long to = share ? c->channels * (cut + 1) / SHARES : c->channels;
    const int alone = !share && !c->shared;
    R(conv_window) w = R(open_window)(c, first, end);
    real *packed = alone ? scratch(1, (size_t)(count * size) * sizeof(real))
                         : c->shared + number * c->block * size;
    real *room = scratch(2, (size_t)((to - from) * w.plane + LANES) * sizeof(real));
    real *m = scratch(5, (size_t)(16 * TILE_ROWS * TILE_COLS) * sizeof(real));
    R(conv_panel) *panels = scratch(3, (size_t)count * sizeof(R(conv_panel)));
    if (!packed || !room || !panels || !m)
        return;
    int64_t tap[16];
    R(place_taps)(c, &w, tap);
    if (alone || share)
        R(fill_window)(c, &w, from, to, room);
    w.from = room;
    for (long b = 0; b < count; b++) {
        R(place_panel)(c, &w, first + b * TILE_COLS, end, panels + b);
        if (alone || share)
            R(wino_panel)(c, panels + b, &w, tap, to - from, packed + b * size + from * TILE_COLS);
    }
    if (share)
        return;
    const long height = f->last - f->first, bottom = f->first + height * (cut + 1) / c->cuts;
    for (long r = f->first + height * cut / c->cuts; r < bottom; r++) {
        const long row = panel_start(c->cut, r);
        const int rows = (int)(panel_start(c->cut, r + 1) - row);
        const real *a = R(wino_place)(f, row);
        for (long b = 0; b < count; b++) {
            for (long xi = 0; xi < 16; xi++)
                for (long k = 0; k < c->channels; k += SHORT_SUM)
                    R(tile)(rows, min(SHORT_SUM, c->channels - k),
                            a + (xi * c->channels + k) * rows,
                            packed + b * size + (xi * c->channels + k) * TILE_COLS,
                            m + xi * TILE_ROWS * TILE_COLS, TILE_COLS, NULL, NULL, k > 0);
            if (R(wino_write)(f, panels + b, m, rows, c->y + row * c->y_plane,
                              c->bias ? c->bias + row : NULL))
                __atomic_store_n(&f->not_finite, 1, __ATOMIC_RELAXED);
        }
    }
}

static void R(wino_parts)(void *context, long begin, long end)
{
    for (long part = begin; part < end; part++)
        R(wino_part)(context, part, 0);
}

static void R(wino_shares)(void *context, long begin, long end)
{
    for (long part = begin; part < end; part++)
        R(wino_part)(context, part, 1);
}

/* Whether it is a 3 x 3 filter without gaps, and where in it each tap stands. */
static int R(is_square)(const R(conv) *c, int64_t *tap)
{
    if (c->taps != 9 || c->step_h != 1 || c->step_w != 1 || c->y_column != 1)
        return 0;
    int seen = 0;
    for (long t = 0; t < 9; t++) {
        const long u = c->dh[t] - c->top, v = c->dw[t] - c->left;
        if (u > 2 || v > 2)
            return 0;
        tap[u * 3 + v] = t;
        seen |= 1 << (u * 3 + v);
    }
    return seen == 511;
}

/* Whether it pays, by steps of one vector for one channel of input and output. A direct sum has 9
 * and packs its columns; here there are 16 for four times the places. The other numbers are the
 * measured work of the transforms: of a filter 6, of a vector of tiles 8 to get there and 5 back.
 */
static int R(wino_pays)(const R(conv) *c, long tiles)
{
    const double direct = (double)((c->images * c->out_h * c->out_w + TILE_COLS - 1) / TILE_COLS);
    const double panels = (double)((tiles + TILE_COLS - 1) / TILE_COLS);
    const double rows = (double)c->rows, channels = (double)c->channels;
    if (c->channels < 8 || c->rows < 8)
        return 0;
    return panels * TILE_VECS * (16 + 128 / rows + 80 / channels) + 6 <
           0.9 * direct * TILE_VECS * (9 + 36 / rows);
}

/* Do a convolution this way where that is possible, faster and gives numbers; else return 0. */
static int R(winograd)(const R(conv) *c, const real *w, long step, const int64_t *at)
{
    static const int8_t down[16] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
    int64_t tap[9], dh[16], dw[16];
    R(wino) f = {.tiles = *c, .w = w, .step = step, .out_h = c->out_h, .out_w = c->out_w};
    R(conv) *t = &f.tiles;
    if (!winograd_allowed() || !R(is_square)(c, tap))
        return 0;
    t->out_h = (c->out_h + 1) / 2;
    t->out_w = (c->out_w + 1) / 2;
    if (!R(wino_pays)(c, c->images * t->out_h * t->out_w))
        return 0;
    for (long k = 0; k < 16; k++) {
        dh[k] = c->top + down[k]; /* a table, as GCC 12 breaks down at k / 4 and k % 4 */
        dw[k] = c->left + k - 4 * down[k];
    }
    t->dh = dh;
    t->dw = dw;
    t->taps = 16;
    t->step_h = t->step_w = 2;
    t->y_line = 2 * c->y_line;
    t->y_column = 2;
    t->cut = cut_rows(c->rows);
    R(look_around)(t);
    t->whole = 0;
    R(cut_columns)(t, 4 * c->channels, 0);
    const long blocks = t->images * t->out_h * t->out_w / t->length * t->per_run;
    f.last = t->cut.count;
    if (t->cuts > 1) {
        const long columns = blocks * t->block * TILE_COLS;
        t->shared = scratch(7, (size_t)(16 * c->channels * columns) * sizeof(real));
        if (!t->shared)
            return 1;
        parallel(blocks * SHARES, 1, R(wino_shares), &f);
        f.last = min(f.last, max(t->cuts, FILTERS_AT_ONCE / (16 * c->channels * TILE_ROWS)));
    }
    const long depth = 9 * c->channels, together = f.last;
    const long size = 16 * min(c->rows, together * TILE_ROWS) * c->channels + LANES;
    f.filters = scratch(0, (size_t)(size + 2) * sizeof(real) + (size_t)depth * sizeof(int64_t));
    if (!f.filters)
        return 1;
    int64_t *places = (int64_t *)(f.filters + (size + 1) / 2 * 2);
    for (long k = 0; k < depth; k++) {
        const long from = k / 9 * 9 + tap[k % 9];
        places[k] = at ? at[from] : from;
    }
    f.at = places;
    for (; f.first < t->cut.count; f.first = f.last) {
        f.last = min(f.first + together, (long)t->cut.count);
        if (at || tap[0])
            parallel(c->channels, max(16L, (1L << 16) / (9 * c->rows)), R(wino_gather), &f);
        else
            parallel(f.last - f.first, max(1L, (1L << 16) / (TILE_ROWS * depth)), R(wino_filters),
                     &f);
        parallel(blocks * t->cuts, 1, R(wino_parts), &f);
    }
    return !f.not_finite;
}
