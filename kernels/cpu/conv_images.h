/* Convolutions of many small images with few filters, where packing columns would take a good part
 * of the time: TILE_COLS images lie side by side, so that the columns of the product at one place
 * are the vectors of these images, whatever tap looks where. The images are turned once, (channel,
 * line, column, image), and so is the result; taps that look beyond the image are left out.
 */
#define NEAR_BY (1L << 20) /* bytes of a second-level cache */
#define FEW_FILTERS 64     /* from there on packed columns are used often enough */

typedef struct {
    const R(conv) *c;
    const real *packed;  /* the filters, steps in the order of (tap, channel) */
    const int64_t *at;   /* where a step looks, seen from a place */
    long depth, elements, places;
} R(side_by_side);

/* Whether a tap meets an element when the filter stands at place (i, j). */
INLINE int R(meets)(const R(conv) *c, long i, long j, long t)
{
    const long h = i * c->step_h + c->dh[t], w = j * c->step_w + c->dw[t];
    return 0 <= h && h < c->height && 0 <= w && w < c->width;
}

/* The filters at one place: the taps that meet something, in runs that follow one another. */
static void R(images_at)(const R(side_by_side) *s, const real *turned, long i, long j, real *to)
{
    const R(conv) *c = s->c;
    const real *from = turned + (i * c->step_h * c->width + j * c->step_w) * TILE_COLS;
    int add = 0;
    for (long t = 0, end; t < c->taps; t = end) {
        for (end = t; end < c->taps && R(meets)(c, i, j, end); end++)
            ;
        const long first = t * c->channels, depth = (end - t) * c->channels;
        end += end == t; /* past a tap that meets nothing */
        if (!depth)
            continue;
        for (long r = 0; r < c->cut.count; r++) {
            const long row = panel_start(c->cut, r);
            const int rows = (int)(panel_start(c->cut, r + 1) - row);
            R(tile_placed)(rows, depth, s->packed + row * s->depth + first * rows, from,
                           s->at + first, LANES, to + row * s->places * TILE_COLS,
                           s->places * TILE_COLS, c->bias ? c->bias + row : NULL, NULL, add);
        }
        add = 1;
    }
    if (!add)
        for (long row = 0; row < c->rows; row++)
            for (int q = 0; q < TILE_COLS; q++)
                to[row * s->places * TILE_COLS + q] = c->bias ? c->bias[row] : 0;
}

static void R(image_groups)(void *context, long begin, long end)
{
    const R(side_by_side) *s = context;
    const R(conv) *c = s->c;
    const size_t made = (size_t)(c->rows * s->places * TILE_COLS);
    real *turned = scratch(1, (size_t)(s->elements * TILE_COLS) * sizeof(real));
    real *sums = scratch(2, made * sizeof(real));
    if (!turned || !sums)
        return;
    for (long group = begin; group < end; group++) {
        const long first = group * TILE_COLS, count = min((long)TILE_COLS, c->images - first);
        if (count < TILE_COLS) /* what lies there may be anything, and slow to multiply */
            memset(turned, 0, (size_t)(s->elements * TILE_COLS) * sizeof(real));
        R(turn)(c->x + first * c->x_image, c->x_image, count, s->elements, turned, TILE_COLS);
        for (long i = 0; i < c->out_h; i++)
            for (long j = 0; j < c->out_w; j++)
                R(images_at)(s, turned, i, j, sums + (i * c->out_w + j) * TILE_COLS);
        R(turn)(sums, TILE_COLS, c->rows * s->places, count, c->y + first * c->y_image,
                c->y_image);
    }
}

/* Do the convolution so, if it is one for that: 1. The filters are as `convolve` takes them. */
static int R(images_side_by_side)(R(conv) *c, const real *w, long step, const int64_t *at)
{
    R(side_by_side) s = {.c = c, .depth = c->channels * c->taps, .places = c->out_h * c->out_w,
                         .elements = c->channels * c->height * c->width};
    const long groups = (c->images + TILE_COLS - 1) / TILE_COLS;
    const long bytes = (s.elements + c->rows * s.places) * TILE_COLS * (long)sizeof(real);
    /* `turn` writes whole vectors: what they spill must be what it writes next. */
    if ((c->y_image != c->rows * s.places && c->rows * s.places % LANES) || groups < 4 || c->images * 5 < groups * TILE_COLS * 4 || c->rows > FEW_FILTERS ||
        s.depth > DEEPEST || bytes > NEAR_BY || c->y_column != 1 || c->y_line != c->out_w ||
        c->y_plane != s.places || c->apart)
        return 0;
    c->cut = cut_rows(c->rows);
    real *packed = scratch(0, (size_t)(c->rows * s.depth) * sizeof(real));
    int64_t *places = scratch(5, (size_t)s.depth * sizeof(int64_t));
    if (!packed || !places)
        return 1;
    for (long t = 0; t < c->taps; t++)
        for (long channel = 0; channel < c->channels; channel++) {
            const long k = t * c->channels + channel, from = channel * c->taps + t;
            const real *number = w + (at ? at[from] : from);
            places[k] = ((channel * c->height + c->dh[t]) * c->width + c->dw[t]) * TILE_COLS;
            for (long r = 0; r < c->cut.count; r++) {
                const long row = panel_start(c->cut, r), rows = panel_start(c->cut, r + 1) - row;
                for (long i = 0; i < rows; i++)
                    packed[row * s.depth + k * rows + i] = number[(row + i) * step];
            }
        }
    s.packed = packed;
    s.at = places;
    parallel(groups, 1, R(image_groups), &s);
    return 1;
}
