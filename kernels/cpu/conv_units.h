/* How the gradient of a convolution's weight is cut in units that threads take, whatever their number:
 * a part of the channels, in panels of TILE_COLS; a block of the rows, whose sums stay in the second
 * cache; and a split of the chunks of places. A unit adds up its chunks in order and writes what gw
 * wants of it, to gw itself or, of several splits, to one of as many copies, which are added up in
 * order.
 */
#define SUMS_BYTES (1L << 19)
#define UNITS 16L

typedef struct {
    real *to;                    /* gw, or a copy for each split */
    long channels, taps;         /* of a filter */
    long width, parts, blocks, chunks, splits;
    row_cut rows;                /* of a group */
} R(weight_cut);

typedef struct {
    long channel, count;         /* of x */
    long made, row, rows;        /* the first channel of g, and its number in the group */
    long top, bottom;            /* panels of rows */
    long chunk, chunk_end;
    real *to;                    /* the first filter's first channel */
} R(weight_unit);

/* Parts of at most `most` panels of channels, whose sums for one row fill `panels` panels. */
static R(weight_cut) R(cut_weight)(const R(conv_sizes) *s, long chunks, long most, long panels,
                                   real *gw)
{
    R(weight_cut) c = {.channels = s->c / s->groups, .taps = s->kh * s->kw, .chunks = chunks,
                       .rows = cut_rows(s->o / s->groups)};
    const long rows = s->o / s->groups, size = s->o * c.channels * c.taps;
    const long wide = (c.channels + TILE_COLS - 1) / TILE_COLS;
    if (chunks * s->groups < UNITS / 2) /* then parts make the units */
        most = min(most, max(1L, wide / 4));
    c.width = most * TILE_COLS;
    c.parts = (wide + most - 1) / most;
    c.blocks = (rows * panels * TILE_COLS * (long)sizeof(real) + SUMS_BYTES - 1) / SUMS_BYTES;
    c.blocks = max(1L, min(c.blocks, (long)c.rows.count));
    c.splits = min(UNITS / (s->groups * c.parts * c.blocks),
                   (8L << 20) / (size * (long)sizeof(real)));
    c.splits = max(1L, min(c.splits, chunks));
    c.to = c.splits > 1 ? scratch(0, (size_t)(c.splits * size) * sizeof(real)) : gw;
    return c;
}

static R(weight_unit) R(find_unit)(const R(weight_cut) *c, const R(conv_sizes) *s, long index)
{
    const long split = index % c->splits, block = index / c->splits % c->blocks;
    const long part = index / c->splits / c->blocks % c->parts;
    const long group = index / c->splits / c->blocks / c->parts, made = s->o / s->groups;
    const long first = part * c->width;
    R(weight_unit) u = {.channel = group * c->channels + first,
                        .count = min(c->width, c->channels - first),
                        .top = c->rows.count * block / c->blocks,
                        .bottom = c->rows.count * (block + 1) / c->blocks,
                        .chunk = c->chunks * split / c->splits,
                        .chunk_end = c->chunks * (split + 1) / c->splits};
    u.row = panel_start(c->rows, u.top);
    u.rows = panel_start(c->rows, u.bottom) - u.row;
    u.made = group * made + u.row;
    u.to = c->to + ((split * s->o + u.made) * c->channels + first) * c->taps;
    return u;
}

typedef struct {
    const real *sums;
    real *to;
    long size, splits;
} R(weight_splits);

static void R(join_splits)(void *context, long begin, long end)
{
    const R(weight_splits) *j = context;
    for (long i = begin; i < end; i++) {
        real sum = j->sums[i];
        for (long split = 1; split < j->splits; split++)
            sum += j->sums[split * j->size + i];
        j->to[i] = sum;
    }
}

/* Let threads do all units, and add up the splits. */
static void R(sum_up)(const R(weight_cut) *c, const R(conv_sizes) *s, range_body *body,
                      void *context, real *gw)
{
    parallel(s->groups * c->parts * c->blocks * c->splits, 1, body, context);
    R(weight_splits) j = {c->to, gw, s->o * c->channels * c->taps, c->splits};
    if (c->splits > 1)
        parallel(j.size, 1L << 14, R(join_splits), &j);
}
