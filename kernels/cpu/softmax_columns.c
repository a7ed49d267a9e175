/* Softmax over an axis that is not the last, for softmax.c: each column of (n, inner) is one.
 *
 * Columns are worked on a strip at a time: some lines of the cache wide, so that memory is read in
 * pieces that it can fetch ahead, and some vectors side by side, so that no sum waits for itself. What
 * is read again, or goes past the caches, stands in a tile: the rows of a strip may lie powers of two
 * apart and drive each other out of the cache.
 */
typedef struct {
    const real *x, *s;
    const int64_t *classes;
    real *y, *stats;
    long n, inner;
    int log, far, asks; /* far: the result goes past the caches; asks: not all is in a near one */
} R(rows);

/* Short rows are read ahead by the processor itself, and stores past the caches would come in pieces. */
INLINE int R(is_short)(const R(rows) *p)
{
    return p->inner == 1 && p->n < R(FAR_RUN);
}

/* What depends on the size of the result, in bytes. */
static R(rows) R(of_size)(R(rows) p, long bytes)
{
    p.far = R(is_far)(bytes) && !R(is_short)(&p);
    p.asks = bytes > 1L << 19 && !R(is_short)(&p);
    return p;
}

enum { R(WIDEST) = 16, R(TILE) = 131072 / sizeof(real) }; /* vectors of a strip; elements of a tile */

static long R(strip_width)(long n)
{
    return max(1, min((long)R(WIDEST), R(TILE) / (max(1, n) * LANES))) * LANES;
}

/* How far apart a tile's rows are: an odd number of vectors, for the same reason. */
static long R(tile_step)(long width)
{
    return ((width + LANES - 1) / LANES | 1) * LANES;
}

/* A strip: n rows of `width`, `inner` apart, worked out in a tile and then at y. */
typedef struct {
    const real *x, *s;
    real *y, *tile, *to;
    long n, inner, width, step, to_step;
    int log, asks;
} R(band);

/* Where a strip's result is worked out: at its place, or in the tile if that is past the caches. */
static R(band) R(band_at)(const R(rows) *p, long at, long width, real *tile)
{
    const long step = R(tile_step)(width);
    return (R(band)){.x = p->x + at, .s = p->s + at, .y = p->y + at, .tile = tile,
                      .to = p->far ? tile : p->y + at, .n = p->n, .inner = p->inner,
                      .width = width, .step = step, .to_step = p->far ? step : p->inner,
                      .log = p->log, .asks = p->asks};
}

static void R(end_band)(const R(band) *c)
{
    for (long i = 0; c->to == c->tile && i < c->n; i++)
        R(put)(c->y + i * c->inner, c->tile + i * c->step, c->width * (long)sizeof(real));
}

/* Ask memory for what the next strip reads there, by the second cache. */
INLINE void R(ask_next)(const R(band) *c, const real *from)
{
    if (c->asks)
        __builtin_prefetch(from + c->width, 0, 2);
}

/* Ask for a line that an ordinary store will wait for. */
INLINE void R(ask_place)(const R(band) *c, const real *to)
{
    if (c->asks && c->to != c->tile)
        __builtin_prefetch(to, 1);
}

/* At the end of every 64 rows their sums are added to the whole. */
INLINE void R(add_64_rows)(long i, long n, vec *part, vec *total, const int vectors)
{
    for (int k = 0; k < vectors && (i % 64 == 63 || i == n - 1); k++) {
        total[k] += part[k];
        part[k] = R(splat)(0);
    }
}

/* Some vectors of columns from j on, the last ones one by one; the next strip is asked for. */
INLINE void R(softmax_columns)(const R(band) *c, long j, const int vectors)
{
    vec top[4], total[4], part[4];
    const real *x = c->x + j;
    real *tile = c->tile + j, *to = c->to + j;
    const long count = vectors > 1 ? vectors * LANES : c->width - j;
    for (int k = 0; k < vectors; k++) {
        top[k] = R(splat)(-INFINITY);
        total[k] = part[k] = R(splat)(0);
    }
    for (long i = 0; i < c->n; i++)
        for (int k = 0; k < vectors; k++) {
            const vec v = R(load_part)(x + i * c->inner + k * LANES, count - k * LANES, 0);
            *(vec *)(tile + i * c->step + k * LANES) = v;
            top[k] = R(greater)(v, top[k]);
        }
    for (long i = 0; i < c->n; i++) {
        for (int k = 0; k < vectors; k++) {
            vec *v = (vec *)(tile + i * c->step + k * LANES), e = R(vexp_below)(*v - top[k]);
            if (!c->log)
                *v = e;
            part[k] += e;
            R(ask_next)(c, x + i * c->inner + k * LANES);
            R(ask_place)(c, to + i * c->to_step + k * LANES);
        }
        R(add_64_rows)(i, c->n, part, total, vectors);
    }
    for (int k = 0; k < vectors; k++)
        if (c->log)
            for (int lane = 0; lane < LANES; lane++)
                total[k][lane] = (real)log((double)total[k][lane]);
        else
            total[k] = 1 / total[k];
    for (long i = 0; i < c->n; i++)
        for (int k = 0; k < vectors; k++) {
            const vec v = *(const vec *)(tile + i * c->step + k * LANES);
            R(store_part)(to + i * c->to_step + k * LANES, count - k * LANES,
                          c->log ? v - top[k] - total[k] : v * total[k]);
        }
}

static void R(softmax_strip)(const R(band) *c)
{
    long j = 0;
    for (; j + 4 * LANES <= c->width; j += 4 * LANES)
        R(softmax_columns)(c, j, 4);
    for (; j < c->width; j += LANES)
        R(softmax_columns)(c, j, 1);
    R(end_band)(c);
}

static void R(each_strip)(const R(rows) *p, long row, int tiles, void (*body)(const R(band) *))
{
    const long most = R(strip_width)(tiles * p->n);
    real *tile = scratch(0, (size_t)(tiles * p->n * R(tile_step)(most)) * sizeof(real));
    for (long j = 0; tile && j < p->inner; j += most) {
        const R(band) c = R(band_at)(p, row * p->n * p->inner + j, min(most, p->inner - j), tile);
        body(&c);
    }
}

static inline vec R(softmax_slope)(vec g, vec y, vec total, int log)
{
    if (log)
        return g - R(vexp_below)(y) * total;
    return (g - total) * y;
}

/* One term of the sum: g, or g y. */
static inline vec R(softmax_term)(vec g, vec y, int log)
{
    if (log)
        return g;
    return g * y;
}

/* The same of g and y, which is called s here; gx may be g. */
INLINE void R(softmax_columns_back)(const R(band) *c, long j, const int vectors)
{
    vec total[2], part[2];
    const int apart = c->inner * (long)sizeof(real) % 1024 != 0; /* in the cache, too */
    const int far = c->to == c->tile; /* then reading ahead is not to wait for what is written */
    const long count = vectors > 1 ? vectors * LANES : c->width - j, step = apart ? c->inner : c->step;
    const real *g = c->x + j, *y = c->s + j;
    real *tile = c->tile + j, *tile_y = tile + c->n * c->step, *to = c->to + j;
    for (int k = 0; k < vectors; k++)
        total[k] = part[k] = R(splat)(0);
    for (long i = 0; i < c->n; i++) {
        for (int k = 0; k < vectors; k++) {
            const long at = i * c->inner + k * LANES, left = count - k * LANES;
            const vec one = R(load_part)(g + at, left, 0), two = R(load_part)(y + at, left, 0);
            R(ask_place)(c, to + i * c->to_step + k * LANES);
            if (far) {
                R(ask_next)(c, c->x + j + at);
                R(ask_next)(c, c->s + j + at);
            }
            if (!apart) {
                *(vec *)(tile + i * c->step + k * LANES) = one;
                *(vec *)(tile_y + i * c->step + k * LANES) = two;
            }
            part[k] += R(softmax_term)(one, two, c->log);
        }
        R(add_64_rows)(i, c->n, part, total, vectors);
    }
    if (!apart) {
        g = tile;
        y = tile_y;
    }
    for (long i = 0; i < c->n; i++)
        for (int k = 0; k < vectors; k++) {
            const long at = i * step + k * LANES, left = count - k * LANES;
            const vec slope = R(softmax_slope)(R(load_part)(g + at, left, 0),
                                               R(load_part)(y + at, left, 0), total[k], c->log);
            R(store_part)(to + i * c->to_step + k * LANES, left, slope);
            if (!far) {
                R(ask_next)(c, c->x + j + i * c->inner + k * LANES);
                R(ask_next)(c, c->s + j + i * c->inner + k * LANES);
            }
        }
}

static void R(softmax_strip_back)(const R(band) *c)
{
    long j = 0;
    for (; j + 2 * LANES <= c->width; j += 2 * LANES)
        R(softmax_columns_back)(c, j, 2);
    for (; j < c->width; j += LANES)
        R(softmax_columns_back)(c, j, 1);
    R(end_band)(c);
}
