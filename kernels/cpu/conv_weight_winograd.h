/* The gradient of a convolution for 3 x 3 filters without strides by 16 products instead of 36 for
 * 2 x 2 places of the result: the transpose of conv_winograd.h.
 *
 * gw = G' [sum over tiles of (A g A') . (B' x B)] G, with the matrices of conv_winograd.h, for each
 * filter and channel. The sums are 16 products of matrices, whose inner dimension is the tiles; 2 x 2
 * places of the cotangent make one, and the 4 x 4 of the input that they look at. The last line and
 * column of A and of G' have their signs turned, which the products do not see.
 *
 * Both are copied with channels innermost, so that a transform works on whole vectors of them.
 * Tiles are taken in chunks whose sums are added up: short sums keep the error that of the direct
 * ones. Where a result is not finite the gradient is done directly, as in conv_winograd.h.
 *
 * Source: Lavin and Gray, Fast algorithms for convolutional neural networks, 2016.
 */
#define TILES_AT_ONCE 128L
#define SUMS_AT_ONCE 128L /* rows, whose 16 sums for a panel of channels stay in the second cache */
#define FEWEST_TILES 32L
#define PITCH ((TILE_ROWS + LANES - 1) / LANES * LANES) /* from place to place of the cotangent */

typedef struct {
    const real *g, *x;
    real *to;                            /* gw, or that of each split */
    const R(conv_sizes) *s;
    long channels, rows, parts, blocks;  /* in a group: parts of its channels, blocks of its rows */
    long high, wide;                     /* tiles of an image */
    long images, lines, chunks_h, chunks, splits;
    row_cut cut;
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

/* B' d B of the 4 x 4 places from `d` on, lines `line` apart; results `step` apart. */
INLINE void R(wino_tile_of)(const real *d, long line, real *to, long step)
{
    vec e[4][4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        const real *column = d + j * TILE_COLS;
        const vec a = *(const vec *)column, b = *(const vec *)(column + line);
        const vec c = *(const vec *)(column + 2 * line), d = *(const vec *)(column + 3 * line);
        e[0][j] = a - c;
        e[1][j] = b + c;
        e[2][j] = c - b;
        e[3][j] = b - d;
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        *(vec *)(to + (4 * i) * step) = e[i][0] - e[i][2];
        *(vec *)(to + (4 * i + 1) * step) = e[i][1] + e[i][2];
        *(vec *)(to + (4 * i + 2) * step) = e[i][2] - e[i][1];
        *(vec *)(to + (4 * i + 3) * step) = e[i][1] - e[i][3];
    }
}

/* A g A' of the 2 x 2 places from `g` on. */
INLINE void R(wino_cotangent)(const real *g, long line, real *to, long step)
{
    vec e[4][2];
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) {
        const vec a = *(const vec *)(g + j * PITCH), b = *(const vec *)(g + line + j * PITCH);
        e[0][j] = a;
        e[1][j] = a + b;
        e[2][j] = a - b;
        e[3][j] = b;
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        *(vec *)(to + (4 * i) * step) = e[i][0];
        *(vec *)(to + (4 * i + 1) * step) = e[i][0] + e[i][1];
        *(vec *)(to + (4 * i + 2) * step) = e[i][0] - e[i][1];
        *(vec *)(to + (4 * i + 3) * step) = e[i][1];
    }
}

/* G' m G of one vector: 9 numbers, TILE_COLS apart; 16 given, `step` apart. */
INLINE vec R(wino_filter_sums)(const real *m, long step, real *to)
{
    vec e[3][4], odd = {0};
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        const vec a = *(const vec *)(m + j * step), b = *(const vec *)(m + (4 + j) * step);
        const vec c = *(const vec *)(m + (8 + j) * step), d = *(const vec *)(m + (12 + j) * step);
        const vec half = (b + c) * (real)0.5;
        e[0][j] = a + half;
        e[1][j] = (b - c) * (real)0.5;
        e[2][j] = half - d;
    }
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++) {
        const vec half = (e[i][1] + e[i][2]) * (real)0.5;
        const vec y[3] = {e[i][0] + half, (e[i][1] - e[i][2]) * (real)0.5, half - e[i][3]};
        for (int j = 0; j < 3; j++) {
            *(vec *)(to + (3 * i + j) * TILE_COLS) = y[j];
            odd += y[j] - y[j];
        }
    }
    return odd;
}

/* The tiles of the input in a chunk, transformed: (xi, tile, channel). */
static void R(wino_input)(const R(wino_weights) *f, const R(wino_chunk) *k, long channel, long count,
                          int64_t *at, real *window, real *to)
{
    const R(conv_sizes) *s = f->s;
    const long high = 2 * k->lines + 2, wide = 2 * f->wide + 2, step = k->tiles * TILE_COLS;
    R(turn_lines)(f->x + (k->n * s->c + channel) * s->h * s->w, k->images, s->c * s->h * s->w,
                  s->h * s->w, s->w, 2 * k->line - s->ph, -s->pw, high, wide, count, at, window,
                  TILE_COLS);
    for (long n = 0; n < k->images; n++)
        for (long i = 0; i < k->lines; i++)
            for (long j = 0; j < f->wide; j++, to += TILE_COLS)
                for (long q = 0; q < count; q += LANES)
                    R(wino_tile_of)(window + ((n * high + 2 * i) * wide + 2 * j) * TILE_COLS + q,
                                    wide * TILE_COLS, to + q, step);
}

/* The tiles of the cotangent, for a panel of rows: (xi, tile, row), `step` from xi to xi. */
static void R(wino_cotangents)(const R(wino_weights) *f, const R(wino_chunk) *k, long channel,
                               long rows, int64_t *at, real *window, real *to, long step)
{
    const R(conv_sizes) *s = f->s;
    const long high = 2 * k->lines, wide = 2 * f->wide;
    R(turn_lines)(f->g + (k->n * s->o + channel) * s->oh * s->ow, k->images, s->o * s->oh * s->ow,
                  s->oh * s->ow, s->ow, 2 * k->line, 0, high, wide, rows, at, window, PITCH);
    for (long n = 0; n < k->images; n++)
        for (long i = 0; i < k->lines; i++)
            for (long j = 0; j < f->wide; j++, to += rows)
                for (long q = 0; q < rows; q += LANES) /* what it spills is written later */
                    R(wino_cotangent)(window + ((n * high + 2 * i) * wide + 2 * j) * PITCH + q,
                                      wide * PITCH, to + q, step);
}

/* The sums of some rows and channels, transformed back to filters. */
static int R(wino_filters_back)(const R(wino_weights) *f, const real *m, long step, long rows,
                                long count, real *to)
{
    real taps[9 * TILE_COLS];
    vec odd = {0};
    for (long i = 0; i < rows; i++, m += TILE_COLS, to += f->channels * 9) {
        for (long q = 0; q < count; q += LANES)
            odd += R(wino_filter_sums)(m + q, step, taps + q);
        R(turn)(taps, TILE_COLS, 9, count, to, 9);
    }
    for (int q = 0; q < LANES; q++)
        if (odd[q] != 0)
            return 1;
    return 0;
}

/* A split of the tiles, for a part of the channels and a block of the rows. */
static void R(wino_weigh_unit)(R(wino_weights) *f, long unit)
{
    const R(conv_sizes) *s = f->s;
    const long split = unit % f->splits, block = unit / f->splits % f->blocks;
    const long part = unit / f->splits / f->blocks % f->parts;
    const long group = unit / f->splits / f->blocks / f->parts;
    const long first = part * TILE_COLS, count = min((long)TILE_COLS, f->channels - first);
    const long top = f->cut.count * block / f->blocks, end = f->cut.count * (block + 1) / f->blocks;
    const long begin = panel_start(f->cut, top), height = panel_start(f->cut, end) - begin;
    const long most = f->images * f->lines * f->wide, step = most * TILE_ROWS + LANES;
    const long places = f->images * (2 * f->lines + 2) * (2 * f->wide + 2);
    real *m = scratch(1, (size_t)(16 * height * TILE_COLS) * sizeof(real));
    real *window = scratch(2, (size_t)(places * TILE_COLS) * sizeof(real));
    real *input = scratch(3, (size_t)(16 * most * TILE_COLS) * sizeof(real));
    real *cotangent = scratch(5, (size_t)(16 * step) * sizeof(real));
    int64_t *at = scratch(6, (size_t)places * sizeof(int64_t));
    if (!m || !window || !input || !cotangent || !at)
        return;
    int add = 0;
    for (long index = f->chunks * split / f->splits; index < f->chunks * (split + 1) / f->splits;
         index++, add = 1) {
        const R(wino_chunk) k = R(find_tiles)(f, index);
        R(wino_input)(f, &k, group * f->channels + first, count, at, window, input);
        for (long r = top; r < end; r++) {
            const long row = panel_start(f->cut, r), rows = panel_start(f->cut, r + 1) - row;
            real *sums = m + 16 * (row - begin) * TILE_COLS;
            R(wino_cotangents)(f, &k, group * f->rows + row, rows, at, window, cotangent, step);
            for (long xi = 0; xi < 16; xi++)
                (count > LANES ? R(tile) : R(tile_half))(
                    (int)rows, k.tiles, cotangent + xi * step, input + xi * k.tiles * TILE_COLS,
                    sums + xi * rows * TILE_COLS, TILE_COLS, NULL, NULL, add);
        }
    }
    real *to = f->to + split * s->o * f->channels * 9;
    for (long r = top; r < end; r++) {
        const long row = panel_start(f->cut, r), rows = panel_start(f->cut, r + 1) - row;
        if (R(wino_filters_back)(f, m + 16 * (row - begin) * TILE_COLS, rows * TILE_COLS, rows, count,
                                 to + ((group * f->rows + row) * f->channels + first) * 9))
            __atomic_store_n(&f->not_finite, 1, __ATOMIC_RELAXED);
    }
}

static void R(wino_weigh)(void *context, long begin, long end)
{
    for (long unit = begin; unit < end; unit++)
        R(wino_weigh_unit)(context, unit);
}

typedef struct {
    const real *sums;
    real *to;
    long size, splits;
} R(wino_splits);

/* Add up the splits, in order. */
static void R(wino_join)(void *context, long begin, long end)
{
    const R(wino_splits) *j = context;
    for (long i = begin; i < end; i++) {
        real sum = j->sums[i];
        for (long split = 1; split < j->splits; split++)
            sum += j->sums[split * j->size + i];
        j->to[i] = sum;
    }
}

/* Whether it pays; where few products are added up they are better not got by differences. */
static int R(tiles_pay)(const R(wino_weights) *f)
{
    const long tiles = f->s->n * f->high * f->wide, places = f->s->n * f->s->oh * f->s->ow;
    return f->channels >= 8 && f->rows >= 8 && tiles >= FEWEST_TILES && 18 * tiles < 9 * places;
}

/* Do it this way where that is possible, faster and gives numbers; else return 0. */
static int R(weigh_by_tiles)(const real *g, const real *x, real *gw, const R(conv_sizes) *s)
{
    R(wino_weights) f = {.g = g, .x = x, .s = s, .channels = s->c / s->groups,
                         .rows = s->o / s->groups, .high = (s->oh + 1) / 2, .wide = (s->ow + 1) / 2};
    if (!winograd_allowed() || s->kh != 3 || s->kw != 3 || s->sh != 1 || s->sw != 1 || s->dh != 1 ||
        s->dw != 1 || !R(tiles_pay)(&f))
        return 0;
    const long tiles = f.high * f.wide, size = s->o * f.channels * 9;
    f.images = min(s->n, max(1L, TILES_AT_ONCE / tiles));
    f.chunks_h = max(1L, min(f.high, tiles / TILES_AT_ONCE));
    f.lines = (f.high + f.chunks_h - 1) / f.chunks_h;
    f.chunks_h = (f.high + f.lines - 1) / f.lines;
    f.chunks = (s->n + f.images - 1) / f.images * f.chunks_h;
    f.parts = (f.channels + TILE_COLS - 1) / TILE_COLS;
    f.cut = cut_rows(f.rows);
    f.blocks = (f.rows + SUMS_AT_ONCE - 1) / SUMS_AT_ONCE;
    f.splits = max(1L, min(16 / (s->groups * f.parts * f.blocks),
                           (8L << 20) / (size * (long)sizeof(real))));
    f.splits = min(f.splits, f.chunks);
    f.to = f.splits > 1 ? scratch(0, (size_t)(f.splits * size) * sizeof(real)) : gw;
    if (!f.to)
        return 1;
    parallel(s->groups * f.parts * f.blocks * f.splits, 1, R(wino_weigh), &f);
    R(wino_splits) j = {f.to, gw, size, f.splits};
    if (f.splits > 1)
        parallel(size, 1L << 14, R(wino_join), &j);
    return !f.not_finite;
}
#undef PITCH
