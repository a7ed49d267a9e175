/* Convolutions over lines or images, as products of filters and columns (conv_columns.h).
 *
 * conv_forward(x, w, bias or None, y, sizes...)   y = bias + w * x        reference: Convolution
 * conv_input(g, w, bias or None, gx, sizes...)    gx, of the input; as a layer of its own it is the
 *     transposed convolution, which has a bias                        reference: ConvolutionInput
 *
 * No size is 0. Sizes are N, C, H, W, O, kh, kw, then stride, padding and dilation as pairs,
 * groups, and the output's H', W'. x, gx (N, C, H, W); w (O, C / groups, kh, kw); y, g
 * (N, O, H', W').
 *
 * The gradient of the input is a convolution too: of the cotangent, with filters turned round and
 * the roles of their channels exchanged. With strides an element of the input meets only some taps,
 * the same for all elements `stride` apart; so there is one convolution for each residue.
 */
#define AT_ONCE 32 /* lines of panels packed in turns: each may be on a page of memory of its own */

/* Write a tile's rows where the panel says. */
static void R(spread)(const R(conv) *c, const R(conv_panel) *p, const real *tile, int rows, real *y,
                      const real *bias)
{
    for (int i = 0; i < rows; i++, tile += TILE_COLS, y += c->y_plane) {
        const real first = bias ? bias[i] : 0;
        for (int m = 0; m < p->pieces; m++) {
            const real *from = tile + p->begin[m];
            real *to = y + p->out[m];
            const int size = p->size[m];
            if (c->y_column == 2)
                for (int q = 0; q < size; q++)
                    to[2 * q] = from[q] + first;
            else if (c->y_column != 1)
                for (int q = 0; q < size; q++)
                    to[q * c->y_column] = from[q] + first;
            else
                for (int q = 0; q < size; q++)
                    to[q] = from[q] + first;
        }
    }
}

/* A block of the product: which columns and rows, and the steps of the sum done this time. */
typedef struct {
    const R(conv_panel) *panels;
    long count;              /* of panels */
    const real *packed;      /* those of them that are packed, LANES apart for what lines spill */
    long panel;              /* step between them */
    const real *window;      /* where the others are, and their steps */
    const int64_t *at;
    real *sums;              /* of tiles that are not written to y as they are */
    long begin, end, all;    /* steps */
    long first, last;        /* panels of filters */
} R(conv_block);

/* Panel r of the filters times panel b of the columns. */
static void R(multiply_panels)(const R(conv) *c, const R(conv_block) *k, long r, long b)
{
    const long depth = k->end - k->begin, row = panel_start(c->cut, r);
    const long above = row - panel_start(c->cut, k->first);
    const int rows = (int)(panel_start(c->cut, r + 1) - row), add = k->begin > 0;
    const R(conv_panel) *p = k->panels + b;
    const int straight = p->size[0] == TILE_COLS && c->y_column == 1;
    const real *a = c->packed + row * k->all + k->begin * rows;
    const real *bias = c->bias ? c->bias + row : NULL, *start = straight ? bias : NULL;
    real *tile = k->sums + (above * k->count + b * rows) * TILE_COLS;
    real *y = c->y + row * c->y_plane, *to = straight ? y + p->out[0] : tile;
    const long step = straight ? c->y_plane : TILE_COLS;
    if (straight)
        R(call_lines)(to, step, rows);
    if (p->unpacked)
        R(tile_placed)(rows, depth, a, k->window + p->from[0][0], k->at,
                       p->from[1][0] - p->from[0][0], to, step, start, NULL, add);
    else
        (p->count > LANES ? R(tile) : R(tile_half))(rows, depth, a, k->packed + b * k->panel, to,
                                                    step, start, NULL, add);
    if (!straight && k->end == k->all)
        R(spread)(c, p, tile, rows, y, bias);
}

/* Filters times columns. A panel of filters stays in the nearest cache while the columns go by; but
 * of narrow panels of columns that are not packed, a line on each of as many pages as there are
 * steps, each stays there for all filters, if these are fewer than the steps.
 */
static void R(multiply)(const R(conv) *c, const R(conv_block) *k)
{
    const long rows = panel_start(c->cut, k->last) - panel_start(c->cut, k->first);
    if (VBYTES < 64 && c->unpacked && rows < k->end - k->begin)
        for (long b = 0; b < k->count; b++)
            for (long r = k->first; r < k->last; r++)
                R(multiply_panels)(c, k, r, b);
    else
        for (long r = k->first; r < k->last; r++)
            for (long b = 0; b < k->count; b++)
                R(multiply_panels)(c, k, r, b);
}

/* Steps [k, stop) of the columns of a block, from a window that is filled here unless it is x. */
static void R(pack_block)(const R(conv) *c, R(conv_window) *w, const R(conv_panel) *panels,
                          long count, const int64_t *tap, long k, long stop, real *room,
                          real *packed)
{
    const long channel = k / c->taps;
    if (c->whole)
        w->from = c->x + w->first * c->x_image + channel * w->plane;
    else {
        R(fill_window)(c, w, channel, (stop - 1) / c->taps + 1, room);
        w->from = room;
    }
    for (long q = k; q < stop; q += AT_ONCE)
        for (long b = 0; b < count; b++)
            if (!panels[b].unpacked)
                R(pack_panel)(c, panels + b, w, tap, channel, q, min(q + AT_ONCE, stop),
                              packed + b * c->panel + (q - k) * TILE_COLS);
}

/* One block of columns and one cut of the rows; or, for `share`, some steps of a block's columns,
 * packed for all cuts.
 */
static void R(conv_part)(const R(conv) *c, long part, int share)
{
    const long all = c->channels * c->taps, depth = R(longest_turn)(all);
    const long turns = R(turns_of)(all), cuts = share ? turns : c->cuts;
    const long cut = part % cuts, number = part / cuts, block = number % c->per_run;
    const long run = number / c->per_run, shift = run * c->length;
    const long first = shift + block * c->block * TILE_COLS;
    const long end = min(first + c->block * TILE_COLS, shift + c->length);
    R(conv_window) w = R(open_window)(c, first, end);
    const long count = (end - first + TILE_COLS - 1) / TILE_COLS;
    const long held = min(c->channels, (depth - 1) / c->taps + 2);
    const long top = c->cut.count * cut / c->cuts, bottom = c->cut.count * (cut + 1) / c->cuts;
    const long rows = share ? 0 : panel_start(c->cut, bottom) - panel_start(c->cut, top);
    const int alone = !share && !c->shared;
    real *packed = alone ? scratch(1, (size_t)(count * c->panel) * sizeof(real)) : c->shared;
    real *room = scratch(2, (size_t)(c->whole ? 1 : held * w.plane + LANES) * sizeof(real));
    int64_t *tap = scratch(3, (size_t)(c->taps + depth) * sizeof(int64_t)), *at = tap + c->taps;
    R(conv_panel) *panels = scratch(5, (size_t)count * sizeof(R(conv_panel)));
    real *sums = scratch(6, (size_t)(rows * count * TILE_COLS + 1) * sizeof(real));
    if (!packed || !room || !tap || !panels || !sums)
        return;
    R(place_taps)(c, &w, tap);
    for (long b = 0; b < count; b++)
        R(place_panel)(c, &w, first + b * TILE_COLS, end, panels + b);
    for (long turn = share ? cut : 0; turn < (share ? cut + 1 : turns); turn++) {
        const long k = R(turn_start)(all, turn), stop = R(turn_start)(all, turn + 1);
        const long channel = k / c->taps;
        real *to = alone ? packed : packed + (number * turns + turn) * c->block * c->panel;
        if (c->unpacked) {
            if (c->whole)
                w.from = c->x + w.first * c->x_image + channel * w.plane;
            for (long q = k; q < stop; q++)
                at[q - k] = (q / c->taps - channel) * w.plane + tap[q % c->taps];
        }
        for (long b = 0; b < count; b++)
            panels[b].unpacked = c->unpacked && !R(reads_beyond)(c, panels + b, &w, held);
        if (alone || share)
            R(pack_block)(c, &w, panels, count, tap, k, stop, room, to);
        R(conv_block) product = {panels, count, to, c->panel, w.from, at,
                                 sums,   k,     stop, all,    top,    bottom};
        if (!share)
            R(multiply)(c, &product);
    }
}

static void R(conv_parts)(void *context, long begin, long end)
{
    for (long part = begin; part < end; part++)
        R(conv_part)(context, part, 0);
}

static void R(share_parts)(void *context, long begin, long end)
{
    for (long part = begin; part < end; part++)
        R(conv_part)(context, part, 1);
}

/* The filters of one convolution, packed panel by panel. */
typedef struct {
    const real *w;
    const int64_t *at;
    real *to;
    long step, depth, taps;
    row_cut cut;
} R(conv_filters);

static void R(pack_filters)(void *context, long begin, long end)
{
    const R(conv_filters) *f = context;
    for (long p = begin; p < end; p++) {
        const long row = panel_start(f->cut, p), next = panel_start(f->cut, p + 1);
        R(turn)(f->w + row * f->step, f->step, next - row, f->depth, f->to + row * f->depth,
                next - row);
    }
}

/* The same for filters whose rows lie close together, by channels, so that the memory is read
 * as it lies.
 */
static void R(gather_filters)(void *context, long begin, long end)
{
    const R(conv_filters) *f = context;
    for (long channel = begin; channel < end; channel++)
        for (long p = 0; p < f->cut.count; p++) {
            const long row = panel_start(f->cut, p), rows = panel_start(f->cut, p + 1) - row;
            real *to = f->to + row * f->depth + channel * f->taps * rows;
            R(gather_taps)(f->w + row * f->step, f->step, rows, f->at + channel * f->taps, f->taps,
                           to);
        }
}

/* Pack the filters, element (row, k) at w[row * step + at[k]], and do the products. */
static void R(convolve)(R(conv) *c, const real *w, long step, const int64_t *at)
{
    const long depth = c->channels * c->taps;
    R(join_lines)(c);
    R(look_around)(c);
    if (R(winograd)(c, w, step, at) || R(images_side_by_side)(c, w, step, at))
        return;
    c->cut = cut_rows(c->rows);
    R(cut_columns)(c, R(longest_turn)(depth), 1);
    real *room = scratch(0, (size_t)(c->rows * depth) * sizeof(real));
    R(conv_filters) f = {w, at, room, step, depth, c->taps, c->cut};
    if (!f.to)
        return;
    if (at)
        parallel(c->channels, max(1L, (1L << 16) / (c->rows * c->taps)), R(gather_filters), &f);
    else
        parallel(c->cut.count, max(1L, (1L << 16) / (TILE_ROWS * depth)), R(pack_filters), &f);
    c->packed = f.to;
    c->panel = R(longest_turn)(depth) * TILE_COLS + LANES;
    const long blocks = c->images * c->out_h * c->wide / c->length * c->per_run;
    if (c->cuts > 1 && !c->unpacked) {
        const long turns = R(turns_of)(depth);
        real *shared = scratch(7, (size_t)(blocks * turns * c->block * c->panel) * sizeof(real));
        if (!shared)
            return;
        c->shared = shared;
        parallel(blocks * turns, 1, R(share_parts), c);
    }
    parallel(blocks * c->cuts, 1, R(conv_parts), c);
}

KERNEL(conv_forward)
{
    const R(conv_sizes) s = R(read_conv)(a + 4);
    const long channels = s.c / s.groups, rows = s.o / s.groups, taps = s.kh * s.kw;
    const long plane = s.h * s.w, places = s.oh * s.ow;
    if (R(fit_lanes)(&s)) {
        R(lanes_forward)(a, &s);
        return;
    }
    int64_t *dh = scratch(4, (size_t)(3 * taps) * sizeof(int64_t));
    int64_t *dw = dh + taps, *at = dw + taps;
    if (!dh)
        return;
    for (long t = 0; t < taps; t++) {
        dh[t] = t / s.kw * s.dh - s.ph;
        dw[t] = t % s.kw * s.dw - s.pw;
        at[t] = t;
    }
    const int apart = channels == 1 && s.groups > 1;
    for (long g = 0; g < (apart ? 1 : s.groups); g++) {
        R(conv) c = {.x = (const real *)a[0].p + g * channels * plane,
                     .x_end = (const real *)a[0].p + s.n * s.c * plane,
                     .bias = a[2].p ? (const real *)a[2].p + g * rows : NULL,
                     .y = (real *)a[3].p + g * rows * places,
                     .images = s.n, .channels = channels, .height = s.h, .width = s.w,
                     .x_image = s.c * plane, .rows = rows, .y_image = s.o * places,
                     .y_plane = places, .out_h = s.oh, .out_w = s.ow, .step_h = s.sh,
                     .step_w = s.sw, .y_line = s.ow, .y_column = 1, .taps = taps, .dh = dh,
                     .dw = dw};
        const real *w = (const real *)a[1].p + g * rows * channels * taps;
        if (apart)
            R(depthwise)(&c, w, taps, at, s.o, rows, plane);
        else
            R(convolve)(&c, w, channels * taps, NULL);
    }
}

/* The taps that an element at a residue meets along one axis: indices and where they look, the last
 * tap, which looks first, before the others if they are to go `backwards`.
 */
static long R(meeting)(long residue, long taps, long step, long margin, long gap, int backwards,
                       int64_t *index, int64_t *shift)
{
    long count = 0;
    for (long k = 0; k < taps; k++) {
        const long t = backwards ? taps - 1 - k : k;
        const long from = residue + margin - t * gap;
        if (from % step == 0) {
            index[count] = t;
            shift[count++] = from / step;
        }
    }
    return count;
}

/* A plane's elements at one residue that no tap meets: the bias, or 0. */
static void R(fill_residue)(const R(conv) *c, long rows)
{
    for (long n = 0; n < c->images; n++)
        for (long row = 0; row < rows; row++)
            for (long i = 0; i < c->out_h; i++)
                for (long j = 0; j < c->out_w; j++)
                    c->y[n * c->y_image + row * c->y_plane + i * c->y_line + j * c->y_column] =
                        c->bias ? c->bias[row] : 0;
}

/* The elements of gx at one residue of both axes, for one group. */
static void R(conv_residue)(const arg *a, const R(conv_sizes) *s, long group, long rh, long rw,
                            int64_t *room)
{
    const long channels = s->o / s->groups, rows = s->c / s->groups, taps = s->kh * s->kw;
    const long plane = s->oh * s->ow, places = s->h * s->w;
    int64_t *ih = room, *lh = ih + s->kh, *iw = lh + s->kh, *lw = iw + s->kw;
    int64_t *dh = lw + s->kw, *dw = dh + taps, *at = dw + taps;
    const int lone = rows == 1 && s->groups > 1; /* depthwise */
    const long high = R(meeting)(rh, s->kh, s->sh, s->ph, s->dh, lone, ih, lh);
    const int joined = lone && s->sw == 2;       /* both residues along the lines at once */
    const long wide = R(meeting)(rw, s->kw, joined ? 1 : s->sw, s->pw, s->dw, lone, iw, lw);
    const long met = high * wide;
    for (long t = 0; t < met; t++) {
        dh[t] = lh[t / wide];
        dw[t] = lw[t % wide];
        for (long o = 0; o < channels; o++)
            at[o * met + t] = o * rows * taps + ih[t / wide] * s->kw + iw[t % wide];
    }
    R(conv) c = {.x = (const real *)a[0].p + group * channels * plane,
                 .x_end = (const real *)a[0].p + s->n * s->o * plane,
                 .bias = a[2].p ? (const real *)a[2].p + group * rows : NULL,
                 .y = (real *)a[3].p + group * rows * places + rh * s->w + rw,
                 .images = s->n, .channels = channels, .height = s->oh, .width = s->ow,
                 .x_image = s->o * plane, .rows = rows, .y_image = s->c * places,
                 .y_plane = places, .out_h = (s->h - rh + s->sh - 1) / s->sh,
                 .out_w = joined ? s->w : (s->w - rw + s->sw - 1) / s->sw, .step_h = 1,
                 .step_w = 1, .y_line = s->sh * s->w, .y_column = joined ? 1 : s->sw,
                 .taps = met, .dh = dh, .dw = dw, .apart = joined ? 2 : 0};
    if (met && lone)
        R(depthwise)(&c, a[1].p, channels * taps, at, s->c, 1, channels * plane);
    else if (met)
        R(convolve)(&c, (const real *)a[1].p + group * channels * rows * taps, taps, at);
    else
        R(fill_residue)(&c, rows == 1 ? s->c : rows);
}

KERNEL(conv_input)
{
    const R(conv_sizes) s = R(read_conv)(a + 4);
    if (R(fit_lanes)(&s)) {
        R(lanes_input)(a, &s);
        return;
    }
    const long taps = s.kh * s.kw, numbers = 2 * (s.kh + s.kw + taps) + s.o / s.groups * taps;
    int64_t *room = scratch(4, (size_t)numbers * sizeof(int64_t));
    if (!room)
        return;
    const int apart = s.c == s.groups && s.groups > 1; /* one call does all planes */
    for (long g = 0; g < (apart ? 1 : s.groups); g++)
        for (long rh = 0; rh < min(s.sh, s.h); rh++)
            for (long rw = 0; rw < (apart && s.sw == 2 ? 1 : min(s.sw, s.w)); rw++)
                R(conv_residue)(a, &s, g, rh, rw, room);
}
