/* The filters of a convolution, transformed for Winograd's algorithm: see conv_winograd.h. */
typedef struct {
    R(conv) tiles;        /* their columns; y, its steps and the filters are those of the whole */
    const real *w;
    long step;            /* from filter to filter */
    const int64_t *at;    /* of each channel and tap; NULL: one after the other */
    int points, results, taps;
    long xi;              /* points of a tile */
    long out_h, out_w, blocks;
    real *filters;        /* transformed, if they are for all */
    int not_finite;
} R(wino);

/* Transform some channels of the filters of a panel, to a panel (channel, row) for each point. Packed
 * as for the direct product, each has a line of the panel's height for each tap. Whole vectors are
 * written where what they spill is written later.
 */
INLINE void R(wino_filters_at)(const int points, const int taps, const R(wino) *f, const real *direct,
                               long rows, long begin, long end, real *to)
{
    const long channels = f->tiles.channels;
    for (long k = begin; k < end; k++, direct += taps * taps * rows)
        for (long i = 0; i < rows; i += LANES) {
            vec g[WINO_TAPS * WINO_TAPS], u[WINO_POINTS * WINO_POINTS];
            for (int t = 0; t < taps * taps; t++)
                g[t] = *(const vec *)(direct + t * rows + i);
            R(wino_filter)(points, taps, g, u);
            const size_t size = (size_t)min((long)LANES, rows - i) * sizeof(real);
            const int spill = rows <= LANES && k + 1 + LANES / rows < channels;
            for (int t = 0; t < points * points; t++) {
                real *out = to + (t * channels + k) * rows + i;
                if (spill)
                    *(vec *)out = u[t];
                else
                    memcpy(out, u + t, size);
            }
        }
}

static void R(wino_filters_of)(const R(wino) *f, const real *direct, long rows, long begin,
                               long end, real *to)
{
    WINO_AS(f, R(wino_filters_at)(points, taps, f, direct, rows, begin, end, to))
}

/* Transform the filters of a panel of rows. */
static void R(wino_filters)(const R(wino) *f, long panel, real *to)
{
    const R(conv) *c = &f->tiles;
    const long row = panel_start(c->cut, panel), rows = panel_start(c->cut, panel + 1) - row;
    const long depth = f->taps * f->taps * (f->at ? 1 : c->channels);
    real *direct = scratch(6, (size_t)(depth * TILE_ROWS + LANES) * sizeof(real));
    if (!direct)
        return;
    if (!f->at) {
        R(turn)(f->w + row * f->step, f->step, rows, depth, direct, rows);
        R(wino_filters_of)(f, direct, rows, 0, c->channels, to);
        return;
    }
    for (long k = 0; k < c->channels; k++) {
        R(gather_taps)(f->w + row * f->step, f->step, rows, f->at + k * depth, depth, direct);
        R(wino_filters_of)(f, direct, rows, k, k + 1, to);
    }
}
