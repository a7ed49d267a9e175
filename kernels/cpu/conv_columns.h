/* What the filters of a convolution see, as the right factor of a product: column j holds, for each
 * channel and each tap of a filter, the element that the tap meets when the filter stands at place
 * j. The matrix of all columns never exists: a few panels of it at a time are packed from a window,
 * a copy of the lines that these panels look at, with zeros around and, for strides, with the
 * elements that one tap meets side by side. Where no zeros and strides are asked for the window is
 * the input itself.
 */

typedef struct {
    long n, c, h, w, o, kh, kw, sh, sw, ph, pw, dh, dw, groups, oh, ow;
} R(conv_sizes);

/* The sizes that every kernel is given. */
static R(conv_sizes) R(read_conv)(const arg *a)
{
    return (R(conv_sizes)){a[0].i,  a[1].i,  a[2].i,  a[3].i,  a[4].i,  a[5].i,  a[6].i,  a[7].i,
                      a[8].i,  a[9].i,  a[10].i, a[11].i, a[12].i, a[13].i, a[14].i, a[15].i};
}

/* A product of filters and columns, written to y: see conv.c for the convolutions made of it. */
typedef struct {
    const real *x, *x_end;                   /* what is read, and where it ends */
    const real *bias;                        /* for each row, or NULL */
    real *y;
    long images, channels, height, width;    /* of x */
    long x_image;                            /* step from image to image; planes have no gaps */
    long rows, y_image, y_plane;             /* channels made; steps in y */
    long out_h, out_w;                       /* places */
    long step_h, step_w;                     /* in x, from place to place */
    long y_line, y_column;                   /* in y, from place to place */
    long taps;
    int64_t *dh, *dw;                        /* where a tap looks, seen from step * place */
    long top, bottom, left, right;           /* least and greatest dh and dw */
    long phases, phase, line;                /* of a line of a window: how many, steps */
    int whole;                               /* x is the window */
    long apart;                              /* step of x's columns in a window, if not 0 */
    int unpacked;                            /* products take columns from the window */
    long wide;                               /* columns for the places of one line */
    long length, per_run, block, cuts;       /* columns in a run, its blocks, their panels */
    const real *packed;                      /* the filters */
    long panel;                              /* numbers in a packed panel of columns */
    real *shared;                            /* all of these, where several cuts need them */
    row_cut cut;
} R(conv);

/* Some columns of it. */
typedef struct {
    int count, pieces, unpacked, parts;
    int64_t from[TILE_VECS][LANES]; /* in the window: each vector of a line of the panel is made of */
    int16_t lane[TILE_VECS][LANES]; /* `parts` vectors, each counting from its lane on */
    int64_t out[TILE_COLS];         /* where pieces of a line of the product go in y */
    int16_t begin[TILE_COLS], size[TILE_COLS];
} R(conv_panel);

/* Which lines a block of columns looks at, and where they are. */
typedef struct {
    const real *from;
    long plane, image, line;   /* steps */
    long first, last;          /* images */
    long begin, end;           /* lines; of the first image from `start`, of the last to `stop` */
    long start, stop;
} R(conv_window);

/* Where each place is one element of the input, an image is one line. */
static void R(join_lines)(R(conv) *c)
{
    if (c->taps == 1 && !c->dh[0] && !c->dw[0] && c->step_h == 1 && c->step_w == 1 &&
        c->height == c->out_h && c->width == c->out_w && c->y_line == c->out_w &&
        c->y_column == 1 && !c->apart) {
        c->width = c->out_w = c->y_line = c->height * c->width;
        c->height = c->out_h = 1;
    }
}

/* Least, greatest and what follows from them; called when the taps and places are known. */
static void R(look_around)(R(conv) *c)
{
    c->top = c->bottom = c->dh[0];
    c->left = c->right = c->dw[0];
    for (long t = 1; t < c->taps; t++) {
        c->top = min(c->top, c->dh[t]);
        c->bottom = max(c->bottom, c->dh[t]);
        c->left = min(c->left, c->dw[t]);
        c->right = max(c->right, c->dw[t]);
    }
    c->phases = 1;
    for (long t = 0; t < c->taps; t++)
        c->phases = max(c->phases, (c->dw[t] - c->left) % c->step_w + 1);
    c->phase = c->out_w + (c->right - c->left) / c->step_w;
    c->line = c->phases * c->phase;
    c->unpacked = 0;
    c->wide = c->out_w;
    c->whole = c->step_w == 1 && c->top >= 0 && c->left >= 0 &&
               (c->out_h - 1) * c->step_h + c->bottom < c->height &&
               c->out_w - 1 + c->right < c->width;
}

/* to[q] = from[q * step], q < count. Zeros may be written for LANES more. */
INLINE void R(copy_line)(const R(conv) *c, const real *from, long step, long count, real *to)
{
    long q = 0;
    if (step == 1)
        for (; q < count && from + q + LANES <= c->x_end; q += LANES) {
            const mask inside = R(lanes_before)(count - q);
            *(vec *)(to + q) = (vec)((mask)*(const vec *)(from + q) & inside);
        }
    else if (step == 2 || step == 4)
        for (; q < count && from + step * (q + LANES) <= c->x_end; q += LANES) {
            const vec *v = (const vec *)(from + step * q);
            const mask inside = R(lanes_before)(count - q);
            const vec line = step == 2 ? R(evens)(v[0], v[1])
                                       : R(evens)(R(evens)(v[0], v[1]), R(evens)(v[2], v[3]));
            *(vec *)(to + q) = (vec)((mask)line & inside);
        }
    for (; q < count; q++)
        to[q] = from[q * step];
}

/* Lay a line of x down with zeros between its elements, from column c->left on; what it spills is
 * zeros.
 */
INLINE void R(spread_line)(const R(conv) *c, const real *from, real *to)
{
    long q = c->left > 0 ? (c->left + c->apart - 1) / c->apart : 0;
    const long end = min(c->width, (c->left + c->phase + c->apart - 1) / c->apart);
    to -= c->left;
    if (c->apart == 2)
        for (; q < end && from + q + LANES <= c->x_end; q += LANES) {
            const mask inside = R(lanes_before)(end - q);
            const vec v = (vec)((mask)*(const vec *)(from + q) & inside);
            *(vec *)(to + 2 * q) = R(zip_low)(v, (vec){0});
            *(vec *)(to + 2 * q + LANES) = R(zip_high)(v, (vec){0});
        }
    for (; q < end; q++)
        to[q * c->apart] = from[q];
}

/* Copy the lines of some channels to the window's memory; in ascending order, so that what a line
 * spills over the next is written again.
 */
static void R(fill_window)(const R(conv) *c, const R(conv_window) *w, long begin, long end,
                           real *to)
{
    memset(to, 0, (size_t)((end - begin) * w->plane) * sizeof(real));
    for (long channel = begin; channel < end; channel++)
        for (long n = w->first; n <= w->last; n++) {
            const real *plane = c->x + n * c->x_image + channel * c->height * c->width;
            real *image = to + (channel - begin) * w->plane + (n - w->first) * w->image;
            const long start = max(n == w->first ? w->start : w->begin, 0L);
            const long stop = min(n == w->last ? w->stop : w->end, c->height);
            if (c->apart) {
                for (long line = start; line < stop; line++)
                    R(spread_line)(c, plane + line * c->width, image + (line - w->begin) * w->line);
                continue;
            }
            for (long line = start; line < stop; line++)
                for (long p = 0; p < c->phases; p++) {
                    const long left = c->left + p, step = c->step_w;
                    const long first = left < 0 ? (-left + step - 1) / step : 0;
                    const long end = left < c->width ? (c->width - left + step - 1) / step : 0;
                    R(copy_line)(c, plane + line * c->width + left + first * step, step,
                                 min(end, c->phase) - first,
                                 image + (line - w->begin) * w->line + p * c->phase + first);
                }
        }
}

/* Where the columns from `begin` on look, and where the product goes. */
static void R(place_panel)(const R(conv) *c, const R(conv_window) *w, long begin, long end,
                           R(conv_panel) *p)
{
    const long places = c->out_h * c->wide;
    long n = begin / places, i = begin % places / c->wide, j = begin % places % c->wide;
    int parts[TILE_VECS] = {0};
    p->count = (int)min((long)TILE_COLS, end - begin);
    p->pieces = 0;
    for (int at = 0; at < p->count;) {
        const int size = (int)min(c->wide - j, (long)p->count - at);
        const int64_t out = n * c->y_image + i * c->y_line + j * c->y_column;
        const int64_t from = (n - w->first) * w->image + (i * c->step_h + c->top - w->begin) *
                             w->line + j;
        for (int v = at / LANES; v * LANES < at + size; v++) {
            p->from[v][parts[v]] = from - at + v * LANES;
            p->lane[v][parts[v]++] = (int16_t)max(at - v * LANES, 0);
        }
        const int last = p->pieces - 1;
        if (last >= 0 && c->y_column == 1 && p->out[last] + p->size[last] == out && !c->unpacked)
            p->size[last] = (int16_t)(p->size[last] + size);
        else {
            p->out[p->pieces] = out;
            p->begin[p->pieces] = (int16_t)at;
            p->size[p->pieces++] = (int16_t)min((long)size, c->out_w - j);
        }
        at += size;
        j = 0;
        if (++i == c->out_h) {
            i = 0;
            n++;
        }
    }
    p->parts = 1;
    for (int v = 0; v < TILE_VECS; v++)
        p->parts = max(p->parts, parts[v]);
    for (int v = 0; v < TILE_VECS; v++) /* the last part again, or what comes before this vector */
        for (int m = parts[v]; m < p->parts; m++) {
            p->from[v][m] = m ? p->from[v][m - 1] : p->from[0][0];
            p->lane[v][m] = m ? p->lane[v][m - 1] : 0;
        }
}

/* Whether reading whole vectors for the columns of a panel would go beyond the input. */
static int R(reads_beyond)(const R(conv) *c, const R(conv_panel) *p, const R(conv_window) *w,
                           long channels)
{
    if (!c->whole)
        return 0;
    int64_t far = (c->bottom - c->top) * w->line + c->right, most = 0;
    for (int v = 0; v < TILE_VECS; v++)
        most = max(most, p->from[v][p->parts - 1]);
    return w->from + (channels - 1) * w->plane + far + most + LANES > c->x_end;
}

/* One line of a panel, each of its vectors of some parts: a part is read as if it had begun in lane
 * 0, where the line that it belongs to lies too, or an earlier one.
 */
INLINE void R(pack_line)(const int parts, const R(conv_panel) *p, mask (*takes)[LANES],
                         const real *from, real *to)
{
#pragma GCC unroll 2
    for (int v = 0; v < TILE_VECS; v++) {
        vec line = *(const vec *)(from + p->from[v][0]);
#pragma GCC unroll 4
        for (int m = 1; m < min(parts, LANES); m++)
            line = R(choose)(takes[v][m], *(const vec *)(from + p->from[v][m]), line);
        *(vec *)(to + v * LANES) = line;
    }
}

/* Which lanes the parts of a panel's vectors take from those before. */
INLINE void R(part_lanes)(const R(conv_panel) *p, mask (*takes)[LANES])
{
    for (int v = 0; v < TILE_VECS; v++)
        for (int m = 1; m < min(p->parts, LANES); m++)
            for (int i = 0; i < LANES; i++)
                takes[v][m][i] = i < p->lane[v][m] ? 0 : -1;
}

/* A number of lines. */
INLINE void R(pack_lines)(const R(conv) *c, const int parts, const R(conv_panel) *p,
                          const real *plane, long step, const int64_t *tap, long t, long count,
                          real *to)
{
    mask takes[TILE_VECS][LANES];
    R(part_lanes)(p, takes);
    for (; count > 0; count--, to += TILE_COLS) {
        R(pack_line)(parts, p, takes, plane + tap[t], to);
        if (++t == c->taps) {
            t = 0;
            plane += step;
        }
    }
}

/* Lines [begin, end) of a panel: line k is channel k / taps, tap k % taps; the window begins with
 * channel `first`.
 */
static void R(pack_panel)(const R(conv) *c, const R(conv_panel) *p, const R(conv_window) *w,
                          const int64_t *tap, long first, long begin, long end, real *to)
{
    const long t = begin % c->taps, count = end - begin;
    const real *plane = w->from + (begin / c->taps - first) * w->plane;
    const R(conv_panel) fixed = *p; /* the compiler sees that writing to `to` leaves it alone */
    if (R(reads_beyond)(c, p, w, (end - 1) / c->taps - first + 1)) {
        for (long k = begin; k < end; k++, to += TILE_COLS) {
            const real *from = w->from + (k / c->taps - first) * w->plane + tap[k % c->taps];
            for (int v = 0; v < TILE_VECS; v++)
                for (int m = 0; m < p->parts; m++)
                    for (int i = p->lane[v][m]; i < LANES; i++) {
                        const real *element = from + p->from[v][m] + i;
                        to[v * LANES + i] = element < c->x_end ? *element : 0;
                    }
        }
        return;
    }
    switch (p->parts) {
    case 1:
        R(pack_lines)(c, 1, &fixed, plane, w->plane, tap, t, count, to);
        break;
    case 2:
        R(pack_lines)(c, 2, &fixed, plane, w->plane, tap, t, count, to);
        break;
    case 3:
        R(pack_lines)(c, 3, &fixed, plane, w->plane, tap, t, count, to);
        break;
    default:
        R(pack_lines)(c, p->parts, &fixed, plane, w->plane, tap, t, count, to);
    }
}

/* The window of the columns from `first` to `end`; its memory is still to be found. */
static R(conv_window) R(open_window)(const R(conv) *c, long first, long end)
{
    const long places = c->out_h * c->wide;
    R(conv_window) w = {.first = first / places, .last = (end - 1) / places, .line = c->line};
    w.start = first % places / c->wide * c->step_h + c->top;
    w.stop = (end - 1) % places / c->wide * c->step_h + c->bottom + 1;
    w.begin = w.first == w.last ? w.start : c->top;
    w.end = w.first == w.last ? w.stop : (c->out_h - 1) * c->step_h + c->bottom + 1;
    w.image = (w.end - w.begin) * w.line;
    w.plane = (w.last - w.first + 1) * w.image;
    if (c->whole) {
        w.begin = 0;
        w.line = c->width;
        w.image = c->x_image;
        w.plane = c->height * c->width;
    }
    return w;
}

/* How far from the place of a filter each tap meets its element, in a window. */
static void R(place_taps)(const R(conv) *c, const R(conv_window) *w, int64_t *tap)
{
    for (long t = 0; t < c->taps; t++) {
        const long down = (c->dh[t] - c->top) * w->line, right = c->dw[t] - c->left;
        tap[t] = c->whole ? down + c->dw[t]
                          : down + right % c->step_w * c->phase + right / c->step_w;
    }
}

/* Parts of columns whatever the number of threads: enough of them, and small enough for the cache.
 *
 * Columns need not be packed where lines can be cut in whole vectors. Packing takes the time of
 * about five rows of the product; so it is left out for few rows, and where little is wasted. An image
 * that is one line, each vector of it in two lines of a cache, had better be packed.
 */
static void R(cut_columns)(R(conv) *c, long depth, int may_unpack)
{
    const long padded = (c->out_w + LANES - 1) / LANES * LANES;
    if (may_unpack && (c->out_h > 1 || padded == c->out_w) &&
        (double)(c->rows * padded) * 0.99 < (double)((c->rows + 5) * c->out_w)) {
        c->unpacked = 1;
        c->wide = padded;
    }
    const long places = c->out_h * c->wide;
    const long filled = (places + TILE_COLS - 1) / TILE_COLS * TILE_COLS;
    const int apart = filled - places <= places / 32; /* no panel need go over images */
    const long runs = apart ? c->images : 1;
    c->length = apart ? places : places * c->images;
    const long panels = (c->length + TILE_COLS - 1) / TILE_COLS;
    const long bytes = depth * TILE_COLS * (long)sizeof(real);
    long block = min(max((1L << 18) / bytes, 1L), 16L);
    block = max(min(block, 4L), min(block, runs * panels / 16));
    c->per_run = (panels + block - 1) / block;
    c->block = (panels + c->per_run - 1) / c->per_run;
    c->per_run = (panels + c->block - 1) / c->block;
    c->cuts = max(1L, min(8 / (runs * c->per_run), (long)c->cut.count / 4));
}

/* Pack the taps of some filters for one channel: tap t of filter i, from[i * step + at[t]], goes to
 * to[t * rows + i].
 */
static void R(gather_taps)(const real *from, long step, long rows, const int64_t *at, long taps,
                           real *to)
{
    for (long t = 0; t < taps; t++)
        for (long i = 0; i < rows; i++)
            to[t * rows + i] = from[i * step + at[t]];
}
