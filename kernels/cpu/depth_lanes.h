/* Convolutions in which each channel has a filter of its own, on small planes: LANES channels side
 * by side, so that neither short lines nor the margins cost anything. Planes are transposed into a
 * window with zeros around and, when they are done, back.
 *
 * For the gradient of the input the window is of the cotangent. With strides the elements of the
 * result are done in pieces, those `stride` apart together, which meet the same taps.
 */
#define MOST_TAPS 64   /* of a filter; larger ones take the other way */
#define SMALL_PLANE 1200 /* elements of a window: 16 channels of it fill two first-level caches */
#define AT_A_TIME 8    /* sums at a time, at most, of vectors that lie in a line */

/* Elements of the result that meet the same taps; places and steps in vectors. */
typedef struct {
    long lines, columns, out, out_line, out_column;
    long from, line, column; /* in the window */
    long first, taps;        /* which of the taps listed */
} R(lane_piece);

typedef struct {
    const real *x, *w, *bias;
    real *y;
    long images, planes, height, width, out_h, out_w, taps;
    long top, left, high, wide; /* the window: where in it x begins; its size */
    int pieces;
    R(lane_piece) piece[4];
    int64_t at[MOST_TAPS], tap[MOST_TAPS]; /* where the taps listed look, and which they are */
} R(lanes);

/* Transpose the planes of some channels into the middle of a window, whose margins are zeros. */
static void R(fill_lanes)(const real *x, long channels, long height, long width, long top,
                          long left, long wide, vec *turned, vec *window)
{
    R(turn)(x, height * width, channels, height * width, (real *)turned, LANES);
    for (long i = 0; i < height; i++)
        for (long j = 0; j < width; j++)
            window[(i + top) * wide + left + j] = turned[i * width + j];
}

/* Some sums of a line: out[p] = first + the sum over taps. */
INLINE void R(lane_sums)(const int count, const R(lanes) *d, const R(lane_piece) *p, vec first,
                         const vec *w, const vec *from, vec *out)
{
    vec sums[AT_A_TIME];
#pragma GCC unroll 8
    for (int q = 0; q < count; q++)
        sums[q] = first;
    for (long t = p->first; t < p->first + p->taps; t++) {
        const vec number = w[d->tap[t]], *place = from + d->at[t];
#pragma GCC unroll 8
        for (int q = 0; q < count; q++)
            sums[q] += number * place[q * p->column];
    }
#pragma GCC unroll 8
    for (int q = 0; q < count; q++)
        out[q * p->out_column] = sums[q];
}

#define LANES_CASE(n)                                                                              \
    case n:                                                                                        \
        R(lane_sums)(n, d, p, first, w, from, out);                                                \
        break;

static void R(any_lane_sums)(long count, const R(lanes) *d, const R(lane_piece) *p, vec first,
                             const vec *w, const vec *from, vec *out)
{
    switch (count) {
        LANES_CASE(1)
        LANES_CASE(2)
        LANES_CASE(3)
        LANES_CASE(4)
        LANES_CASE(5)
        LANES_CASE(6)
        LANES_CASE(7)
        LANES_CASE(8)
    }
}
#undef LANES_CASE

static void R(lane_piece_sums)(const R(lanes) *d, const R(lane_piece) *p, vec first, const vec *w,
                               const vec *window, vec *out)
{
    const long cuts = (p->columns + AT_A_TIME - 1) / AT_A_TIME; /* as even as can be */
    for (long i = 0; i < p->lines; i++) {
        const vec *from = window + p->from + i * p->line;
        vec *to = out + p->out + i * p->out_line;
        for (long cut = 0, j = 0, next; cut < cuts; cut++, j = next) {
            next = p->columns * (cut + 1) / cuts;
            R(any_lane_sums)(next - j, d, p, first, w, from + j * p->column,
                             to + j * p->out_column);
        }
    }
}

/* Filters of some channels, or what is to become them: a vector for each tap. */
static void R(turn_filters)(const real *w, long taps, long channels, vec *to)
{
    memset(to, 0, (size_t)taps * sizeof(vec));
    for (long t = 0; t < taps; t++)
        for (long i = 0; i < channels; i++)
            to[t][i] = w[i * taps + t];
}

static void R(lane_blocks)(void *context, long begin, long end)
{
    const R(lanes) *d = context;
    const long size = d->height * d->width, places = d->out_h * d->out_w;
    const long window = d->high * d->wide;
    real *room = scratch(2, (size_t)(window + max(size, places)) * sizeof(vec));
    if (!room)
        return;
    vec *turned = (vec *)room + window, w[MOST_TAPS], first = {0};
    memset(room, 0, (size_t)window * sizeof(vec));
    for (long unit = begin; unit < end; unit++) {
        const long channel = unit / d->images * LANES, n = unit % d->images;
        const long channels = min((long)LANES, d->planes - channel);
        if (unit == begin || n == 0) {
            R(turn_filters)(d->w + channel * d->taps, d->taps, channels, w);
            if (d->bias)
                memcpy(&first, d->bias + channel, (size_t)channels * sizeof(real));
        }
        R(fill_lanes)(d->x + (n * d->planes + channel) * size, channels, d->height, d->width,
                      d->top, d->left, d->wide, turned, (vec *)room);
        real *y = d->y + (n * d->planes + channel) * places;
        if (n + 1 < d->images)
            R(ask_ahead)(d->x + ((n + 1) * d->planes + channel) * size, channels * size);
        for (int p = 0; p < d->pieces; p++)
            R(lane_piece_sums)(d, d->piece + p, first, w, (vec *)room, turned);
        R(turn)((real *)turned, LANES, places, channels, y, places);
    }
}

/* Whether planes are small, filters alone and not too large, and steps none or two. */
static int R(fit_lanes)(const R(conv_sizes) *s)
{
    const long high = s->h + 2 * s->ph + s->dh * s->kh, wide = s->w + 2 * s->pw + s->dw * s->kw;
    return s->groups == s->c && s->c == s->o && s->c >= LANES / 2 && s->kh * s->kw <= MOST_TAPS &&
           high * wide <= SMALL_PLANE && s->sh <= 2 && s->sw <= 2;
}

static void R(run_lanes)(R(lanes) *d)
{
    const long blocks = (d->planes + LANES - 1) / LANES;
    const long work = (d->out_h * d->out_w * (d->taps + 16) + d->height * d->width * 8);
    parallel(blocks * d->images, max(1L, (1L << 16) / work), R(lane_blocks), d);
}

/* The convolution. */
static void R(lanes_forward)(const arg *a, const R(conv_sizes) *s)
{
    R(lanes) d = {.x = a[0].p, .w = a[1].p, .bias = a[2].p, .y = a[3].p, .images = s->n,
                  .planes = s->c, .height = s->h, .width = s->w, .out_h = s->oh, .out_w = s->ow,
                  .taps = s->kh * s->kw, .top = s->ph, .left = s->pw, .high = s->h + 2 * s->ph,
                  .wide = s->w + 2 * s->pw, .pieces = 1};
    for (long t = 0; t < d.taps; t++) {
        d.tap[t] = t;
        d.at[t] = t / s->kw * s->dh * d.wide + t % s->kw * s->dw;
    }
    d.piece[0] = (R(lane_piece)){s->oh, s->ow, 0, s->ow, 1, 0, s->sh * d.wide, s->sw, 0, d.taps};
    R(run_lanes)(&d);
}

/* Its gradient for the input. */
static void R(lanes_input)(const arg *a, const R(conv_sizes) *s)
{
    const long top = (s->kh - 1) * s->dh, left = (s->kw - 1) * s->dw; /* taps look back so far */
    R(lanes) d = {.x = a[0].p, .w = a[1].p, .bias = a[2].p, .y = a[3].p, .images = s->n,
                  .planes = s->c, .height = s->oh, .width = s->ow, .out_h = s->h, .out_w = s->w,
                  .taps = s->kh * s->kw, .top = top, .left = left};
    d.high = top + max(s->oh, s->h + s->ph);
    d.wide = left + max(s->ow, s->w + s->pw);
    long listed = 0;
    for (long rh = 0; rh < min(s->sh, s->h); rh++)
        for (long rw = 0; rw < min(s->sw, s->w); rw++) {
            R(lane_piece) *p = d.piece + d.pieces++;
            *p = (R(lane_piece)){(s->h - rh + s->sh - 1) / s->sh, (s->w - rw + s->sw - 1) / s->sw,
                                 rh * s->w + rw, s->sh * s->w, s->sw, top * d.wide + left,
                                 d.wide, 1, listed, 0};
            for (long t = 0; t < d.taps; t++) {
                const long h = rh + s->ph - t / s->kw * s->dh, w = rw + s->pw - t % s->kw * s->dw;
                if (h % s->sh || w % s->sw)
                    continue;
                d.tap[listed] = t;
                d.at[listed++] = h / s->sh * d.wide + w / s->sw;
                p->taps++;
            }
        }
    R(run_lanes)(&d);
}

/* Its gradient for the filters: sums over the places of all images, of LANES channels at once. */
typedef struct {
    const real *g, *x;
    real *gw;
    const R(conv_sizes) *s;
} R(lane_weights);

/* sums[t] += the product of the cotangent's lines and what some taps meet of the window. */
INLINE void R(weigh_lanes)(const int count, const R(conv_sizes) *s, long wide, const vec *g,
                           const vec *window, const int64_t *at, vec *sums)
{
    vec v[9];
#pragma GCC unroll 9
    for (int t = 0; t < count; t++)
        v[t] = (vec){0};
    for (long i = 0; i < s->oh; i++)
        for (long j = 0; j < s->ow; j++) {
            const vec number = g[i * s->ow + j], *place = window + i * s->sh * wide + j * s->sw;
#pragma GCC unroll 9
            for (int t = 0; t < count; t++)
                v[t] += number * place[at[t]];
        }
#pragma GCC unroll 9
    for (int t = 0; t < count; t++)
        sums[t] += v[t];
}

static void R(lane_weigh)(void *context, long begin, long end)
{
    const R(lane_weights) *d = context;
    const R(conv_sizes) *s = d->s;
    const long size = s->h * s->w, places = s->oh * s->ow, taps = s->kh * s->kw;
    const long high = s->h + 2 * s->ph, wide = s->w + 2 * s->pw;
    vec *window = scratch(2, (size_t)(high * wide + size + places) * sizeof(vec));
    if (!window)
        return;
    vec *turned = window + high * wide, *g = turned + size;
    int64_t at[MOST_TAPS];
    for (long t = 0; t < taps; t++)
        at[t] = t / s->kw * s->dh * wide + t % s->kw * s->dw;
    memset(window, 0, (size_t)(high * wide) * sizeof(vec));
    for (long block = begin; block < end; block++) {
        const long channel = block * LANES, channels = min((long)LANES, s->c - channel);
        vec sums[MOST_TAPS];
        memset(sums, 0, (size_t)taps * sizeof(vec));
        for (long n = 0; n < s->n; n++) {
            R(fill_lanes)(d->x + (n * s->c + channel) * size, channels, s->h, s->w, s->ph, s->pw,
                          wide, turned, window);
            R(turn)(d->g + (n * s->c + channel) * places, places, channels, places, (real *)g,
                    LANES);
            long t = 0;
            for (; t + 9 <= taps; t += 9)
                R(weigh_lanes)(9, s, wide, g, window, at + t, sums + t);
            for (; t < taps; t++)
                R(weigh_lanes)(1, s, wide, g, window, at + t, sums + t);
        }
        for (long i = 0; i < channels; i++)
            for (long t = 0; t < taps; t++)
                d->gw[(channel + i) * taps + t] = sums[t][i];
    }
}

static void R(lanes_weight)(const arg *a, const R(conv_sizes) *s)
{
    R(lane_weights) d = {a[0].p, a[1].p, a[2].p, s};
    parallel((s->c + LANES - 1) / LANES, 1, R(lane_weigh), &d);
}
