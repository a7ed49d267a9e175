/* The gradient of a convolution for filters without strides by Winograd's algorithm: the transpose of
 * conv_winograd.h, with the same points (winograd.h).
 *
 * The sums over tiles are a product of matrices for each point, whose inner dimension is the tiles;
 * M x M places of the cotangent make one, and the N x N of the input that they look at. Both are
 * copied with channels innermost, so that a transform works on whole vectors of them.
 *
 * Tiles are taken in chunks whose sums are added up: short sums keep the error that of the direct
 * ones. Where a result is not finite the gradient is done directly, as in conv_winograd.h.
 */
#define TILES_AT_ONCE(xi) (2048 / (xi))
#define FEWEST_PLACES 512
#define PITCH ((TILE_ROWS + LANES - 1) / LANES * LANES) /* from place to place of the cotangent */

typedef struct {
    R(weight_cut) cut;
    const real *g, *x;
    const R(conv_sizes) *s;
    int points, results, taps;
    long xi;                             /* points of a tile */
    long high, wide;                     /* tiles of an image */
    long images, lines, chunks_h;        /* tiles of a chunk; chunks of an image */
    int not_finite;
} R(wino_weights);

/* Tiles that are done at a time. */
typedef struct {
    long n, images, line, lines, tiles;
} R(wino_chunk);

static R(wino_chunk) R(find_tiles)(const R(wino_weights) *f, long index)
{
    R(wino_chunk) k = {.n = index / f->chunks_h * f->images, .line = index % f->chunks_h * f->lines};
    k.images = min(f->images, f->s->n - k.n);
    k.lines = min(f->lines, f->high - k.line);
    k.tiles = k.images * k.lines * f->wide;
    return k;
}

/* Copy lines [top, top + high) of some images, `wide` columns from `left` on, with zeros around them
 * and `count` channels innermost: as many whole vectors as make `pitch`. `plane` is the size of a
 * channel and `image` the step between images; `at` is room for where each place goes.
 */
static void R(turn_lines)(const real *from, long images, long image, long plane, long width, long top,
                          long left, long high, long wide, long count, int64_t *at, real *to,
                          long pitch)
{
    const long height = plane / width, first = max(top, 0L), end = min(top + high, height);
    const long places = max(end - first, 0L) * width;
    for (long p = 0; p < places; p++)
        at[p] = ((first - top + p / width) * wide + p % width - left) * pitch;
    memset(to, 0, (size_t)(images * high * wide * pitch) * sizeof(real));
    for (long n = 0; n < images; n++, from += image, to += high * wide * pitch)
        for (long i = 0; i < count; i += LANES) {
            const real *channel = from + i * plane + first * width;
            const long many = min((long)LANES, count - i);
            long p = 0;
            for (; p + LANES <= places; p += LANES) {
                vec v[LANES];
#pragma GCC unroll 16
                for (int r = 0; r < LANES; r++)
                    v[r] = *(const vec *)(channel + min((long)r, many - 1) * plane + p);
                R(transpose)(v);
#pragma GCC unroll 16
                for (int r = 0; r < LANES; r++)
                    *(vec *)(to + at[p + r] + i) = v[r];
            }
            for (; p < places; p++)
                for (long r = 0; r < many; r++)
                    to[at[p] + i + r] = channel[r * plane + p];
        }
}

/* A y A' of the places from `y` on. */
INLINE void R(wino_cotangent)(const int points, const int results, const real *y, long line,
                              real *to, long step)
{
    vec e[4][WINO_POINTS], in[4], out[WINO_POINTS];
#pragma GCC unroll 4
    for (int j = 0; j < results; j++) {
#pragma GCC unroll 4
        for (int i = 0; i < results; i++)
            in[i] = *(const vec *)(y + i * line + j * PITCH);
        R(wino_spread)(points, results, in, e[j]);
    }
#pragma GCC unroll 6
    for (int i = 0; i < points; i++) {
#pragma GCC unroll 4
        for (int j = 0; j < results; j++)
            in[j] = e[j][i];
        R(wino_spread)(points, results, in, out);
#pragma GCC unroll 6
        for (int j = 0; j < points; j++)
            *(vec *)(to + (points * i + j) * step) = out[j];
    }
}

/* G' m G of one vector, products `step` apart: the taps, TILE_COLS apart. */
INLINE vec R(wino_filter_sums)(const int points, const int taps, const real *m, long step, real *to)
{
    vec e[WINO_POINTS][WINO_TAPS], in[WINO_POINTS], g[WINO_TAPS], odd = {0};
#pragma GCC unroll 6
    for (int j = 0; j < points; j++) {
#pragma GCC unroll 6
        for (int i = 0; i < points; i++)
            in[i] = *(const vec *)(m + (points * i + j) * step);
        R(wino_gather)(points, taps, in, e[j]);
    }
#pragma GCC unroll 5
    for (int i = 0; i < taps; i++) {
#pragma GCC unroll 6
        for (int j = 0; j < points; j++)
            in[j] = e[j][i];
        R(wino_gather)(points, taps, in, g);
#pragma GCC unroll 5
        for (int j = 0; j < taps; j++) {
            *(vec *)(to + (taps * i + j) * TILE_COLS) = g[j];
            odd += g[j] - g[j];
        }
    }
    return odd;
}

/* The tiles of the input in a chunk, transformed: (point, tile, channel). */
INLINE void R(wino_input)(const int points, const int results, const R(wino_weights) *f,
                          const R(wino_chunk) *k, const R(weight_unit) *u, int64_t *at, real *window,
                          real *to)
{
    const R(conv_sizes) *s = f->s;
    const long more = points - results, step = k->tiles * TILE_COLS;
    const long high = results * k->lines + more, wide = results * f->wide + more;
    R(turn_lines)(f->x + (k->n * s->c + u->channel) * s->h * s->w, k->images, s->c * s->h * s->w,
                  s->h * s->w, s->w, results * k->line - s->ph, -s->pw, high, wide, u->count, at,
                  window, TILE_COLS);
    for (long n = 0; n < k->images; n++)
        for (long i = 0; i < k->lines; i++)
            for (long j = 0; j < f->wide; j++, to += TILE_COLS)
                for (long q = 0; q < u->count; q += LANES)
                    R(wino_tile)(points,
                                 window + ((n * high + results * i) * wide + results * j) *
                                     TILE_COLS + q,
                                 TILE_COLS, wide * TILE_COLS, to + q, step);
}

/* The tiles of the cotangent, for a panel of rows: (point, tile, row), `step` from point to point. */
INLINE void R(wino_cotangents)(const int points, const int results, const R(wino_weights) *f,
                               const R(wino_chunk) *k, long channel, long rows, int64_t *at,
                               real *window, real *to, long step)
{
    const R(conv_sizes) *s = f->s;
    const long high = results * k->lines, wide = results * f->wide;
    R(turn_lines)(f->g + (k->n * s->o + channel) * s->oh * s->ow, k->images, s->o * s->oh * s->ow,
                  s->oh * s->ow, s->ow, results * k->line, 0, high, wide, rows, at, window, PITCH);
    for (long n = 0; n < k->images; n++)
        for (long i = 0; i < k->lines; i++)
            for (long j = 0; j < f->wide; j++, to += rows)
                for (long q = 0; q < rows; q += LANES) /* what it spills is written later */
                    R(wino_cotangent)(points, results,
                                      window + ((n * high + results * i) * wide + results * j) *
                                          PITCH + q,
                                      wide * PITCH, to + q, step);
}

/* The sums of some rows and channels, transformed back to filters. */
INLINE int R(wino_filters_back)(const int points, const int taps, const real *m, long step,
                                long rows, long count, long filter, real *to)
{
    real sums[WINO_TAPS * WINO_TAPS * TILE_COLS];
    vec odd = {0};
    for (long i = 0; i < rows; i++, m += TILE_COLS, to += filter) {
        for (long q = 0; q < count; q += LANES)
            odd += R(wino_filter_sums)(points, taps, m + q, step, sums + q);
        R(turn)(sums, TILE_COLS, taps * taps, count, to, taps * taps);
    }
    for (int q = 0; q < LANES; q++)
        if (odd[q] != 0)
            return 1;
    return 0;
}

INLINE void R(wino_weigh_unit)(const int points, const int results, const int taps,
                               R(wino_weights) *f, const R(weight_unit) *u)
{
    const long xi = points * points, more = points - results;
    const long most = f->images * f->lines * f->wide, step = most * TILE_ROWS + LANES;
    const long places = f->images * (results * f->lines + more) * (results * f->wide + more);
    real *m = scratch(1, (size_t)(xi * u->rows * TILE_COLS) * sizeof(real));
    real *window = scratch(2, (size_t)(places * TILE_COLS) * sizeof(real));
    real *input = scratch(3, (size_t)(xi * most * TILE_COLS) * sizeof(real));
    real *cotangent = scratch(5, (size_t)(xi * step) * sizeof(real));
    int64_t *at = scratch(6, (size_t)places * sizeof(int64_t));
    if (!m || !window || !input || !cotangent || !at)
        return;
    for (long index = u->chunk; index < u->chunk_end; index++) {
        const R(wino_chunk) k = R(find_tiles)(f, index);
        R(wino_input)(points, results, f, &k, u, at, window, input);
        for (long r = u->top; r < u->bottom; r++) {
            const long row = panel_start(f->cut.rows, r) - u->row;
            const long rows = panel_start(f->cut.rows, r + 1) - row - u->row;
            R(wino_cotangents)(points, results, f, &k, u->made + row, rows, at, window, cotangent,
                               step);
            for (long i = 0; i < xi; i++)
                (u->count > LANES ? R(tile) : R(tile_half))(
                    (int)rows, k.tiles, cotangent + i * step, input + i * k.tiles * TILE_COLS,
                    m + (xi * row + i * rows) * TILE_COLS, TILE_COLS, NULL, NULL,
                    index > u->chunk);
        }
    }
    const long filter = f->cut.channels * taps * taps;
    for (long r = u->top; r < u->bottom; r++) {
        const long row = panel_start(f->cut.rows, r) - u->row;
        const long rows = panel_start(f->cut.rows, r + 1) - row - u->row;
        if (R(wino_filters_back)(points, taps, m + xi * row * TILE_COLS, rows * TILE_COLS, rows,
                                 u->count, filter, u->to + row * filter))
            __atomic_store_n(&f->not_finite, 1, __ATOMIC_RELAXED);
    }
}

static void R(wino_weigh)(void *context, long begin, long end)
{
    R(wino_weights) *f = context;
    for (long index = begin; index < end; index++) {
        const R(weight_unit) u = R(find_unit)(&f->cut, f->s, index);
        WINO_AS(f, R(wino_weigh_unit)(points, results, taps, f, &u))
    }
}

/* Choose the points, if that pays, as in conv_winograd.h. Sums over few places may be zero exactly, after
 * functions and pools that leave many zeros; got by differences they are not, and Adam, which divides
 * a gradient by its size, would take what is left for a direction.
 */
static int R(wino_choose_weight)(R(wino_weights) *f)
{
    const R(conv_sizes) *s = f->s;
    const double rows = (double)(s->o / s->groups), places = (double)(s->n * s->oh * s->ow);
    double best = 0.9 * places * (double)(s->kh * s->kw);
    const double size = rows * (double)(s->c * s->kh * s->kw);
    if (s->sh != 1 || s->sw != 1 || s->dh != 1 || s->dw != 1 || s->c < 8 * s->groups ||
        s->o < 8 * s->groups || places < FEWEST_PLACES || !winograd_for(size * places))
        return 0;
    for (int i = 0; i < 3; i++) {
        const int points = R(wino_ways)[i][0], results = R(wino_ways)[i][1];
        const int taps = R(wino_ways)[i][2];
        const long high = (s->oh + results - 1) / results, wide = (s->ow + results - 1) / results;
        const double tiles = (double)(s->n * high * wide), xi = points * points;
        const double work = tiles * xi * (1.2 + 6 / rows);
        if (s->kh != taps || s->kw != taps || work >= best)
            continue;
        best = work;
        f->points = points;
        f->results = results;
        f->taps = taps;
        f->xi = points * points;
        f->high = high;
        f->wide = wide;
    }
    return f->points;
}

/* Do it this way where that is possible, faster and gives numbers; else return 0. */
static int R(weigh_by_tiles)(const real *g, const real *x, real *gw, const R(conv_sizes) *s)
{
    R(wino_weights) f = {.g = g, .x = x, .s = s};
    if (!R(wino_choose_weight)(&f))
        return 0;
    const long tiles = f.high * f.wide, most = TILES_AT_ONCE(f.xi);
    f.images = min(s->n, max(1L, most / tiles));
    f.chunks_h = max(1L, min(f.high, tiles / most));
    f.lines = (f.high + f.chunks_h - 1) / f.chunks_h;
    f.chunks_h = (f.high + f.lines - 1) / f.lines;
    f.cut = R(cut_weight)(s, (s->n + f.images - 1) / f.images * f.chunks_h, 1, f.xi, gw);
    if (!f.cut.to)
        return 1;
    R(sum_up)(&f.cut, s, R(wino_weigh), &f, gw);
    return !f.not_finite;
}
#undef PITCH
