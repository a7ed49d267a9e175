/* Windows that slide over planes, and the frame in which they are worked out.
 *
 * Windows that lie between the left and the right edge are worked out where they are, LANES at a
 * time. Where rows are short the others, one by one, would take most of the time: then a plane, or
 * a band of its rows, is copied into a frame with its margin, as `sh sw` planes: phase (a, b) holds
 * rows a, a + sh, ... and columns b, b + sw, ..., in lines of `pitch` elements, one behind the
 * other. There what tap (i, j) of all windows meets begins at one place, away[i kw + j],
 * and lies side by side, line after line: windows are worked out in whole vectors, whatever their
 * stride and however short their rows. Between two lines stand (kw - 1) / sw windows that do not
 * exist. Gradients go the other way: each place of a phase gathers from the windows that meet it.
 */
typedef struct {
    const real *x;
    real *y;
    uint8_t *taps;
    int64_t *places;
    long planes, h, w, oh, ow, kh, kw, sh, sw, ph, pw, include_pad;
    real divisor;
    long high, wide;  /* phases that taps meet */
    long pitch, deep; /* elements of a line; lines beyond one for each row of windows */
    long band, group; /* rows of windows at a time; planes, where they are whole */
    long area, frame; /* elements of a phase of a band, and of all its phases */
    long lo, hi; /* the columns of outputs whose windows lie between the left and the right edge */
    int few, framed; /* taps, few enough for a frame; whether windows are worked out in one */
    long first[2], inside[2]; /* of a line of phase (a, b): where the plane begins, its size */
} R(pool);

enum {
    R(FRAME) = 24576 / sizeof(real), /* elements that are worked on at a time, about */
    R(POOL_TAPS) = 256,              /* of windows that a frame serves */
};

/* Lines of each phase that hold the whole plane. */
static long R(lines_of)(const R(pool) *p)
{
    return (p->h - 1 + p->ph) / p->sh + 1;
}

static R(pool) R(pool_of)(const arg *a)
{
    R(pool) p = {.planes = a[0].i, .h = a[1].i, .w = a[2].i, .oh = a[3].i, .ow = a[4].i,
                 .kh = a[5].i, .kw = a[6].i, .sh = a[7].i, .sw = a[8].i, .ph = a[9].i,
                 .pw = a[10].i};
    p.high = min(p.kh, p.sh);
    p.wide = min(p.kw, p.sw);
    p.pitch = max(1, p.ow + (p.kw - 1) / p.sw);
    p.deep = (p.kh - 1) / p.sh;
    const long most = max(p.oh, R(lines_of)(&p));
    p.band = max(1, min(most, R(FRAME) / ((p.high * p.wide + 2) * p.pitch)));
    p.area = (p.band + p.deep) * p.pitch + p.kw + 2 * LANES;
    p.frame = p.high * p.wide * p.area;
    p.group = p.band < most ? 1 : max(1, R(FRAME) / (p.frame + 2 * p.area));
    p.lo = min((p.pw + p.sw - 1) / p.sw, p.ow);
    p.hi = p.w + p.pw < p.kw ? 0 : min((p.w + p.pw - p.kw) / p.sw + 1, p.ow);
    p.hi = max(p.hi, p.lo);
    p.few = p.sw <= 2 && p.kh * p.kw <= R(POOL_TAPS);
    p.framed = p.few && p.hi - p.lo < p.ow && p.ow * p.sw < 2 * LANES && p.oh * p.ow >= 4;
    for (long b = 0; b < p.wide && p.framed; b++) {
        p.first[b] = max(0, (p.pw - b + p.sw - 1) / p.sw);
        const long column = p.first[b] * p.sw + b - p.pw;
        p.inside[b] = min(p.pitch - p.first[b], (p.w - column + p.sw - 1) / p.sw);
    }
    return p;
}

/* Planes for one part of the work. */
static long R(pool_grain)(const R(pool) *p)
{
    return max(1, (1 << 15) / max(1, p->h * p->w));
}

typedef struct {
    long top, left, i0, i1, j0, j1; /* where a window begins; its rows, columns inside */
} R(window);

static inline R(window) R(window_at)(const R(pool) *p, long o, long q)
{
    R(window) v = {.top = o * p->sh - p->ph, .left = q * p->sw - p->pw};
    v.i0 = max(0, -v.top);
    v.i1 = min(p->kh, p->h - v.top);
    v.j0 = max(0, -v.left);
    v.j1 = min(p->kw, p->w - v.left);
    return v;
}

/* LANES elements that lie `step` (1 or 2) apart. */
static inline vec R(load_step)(const real *x, long step)
{
    if (step == 1)
        return *(const vec *)x;
    return R(evens)(*(const vec *)x, *(const vec *)(x + LANES));
}

/* Up to where, from p->lo on, a row of windows can be done in vectors without a frame, and without
 * reading beyond x + read or writing beyond y + write elements: the last reaches beyond the row.
 */
static long R(vector_end)(const R(pool) *p, const R(window) *v, long read, long write)
{
    if (p->sw > 2)
        return p->lo;
    long last = (v->top + v->i1 - 1) * p->w - p->pw + p->kw - 1; /* read for column 0, last tap */
    long spare = read - last - p->sw * LANES; /* negative: there is no place for one vector */
    long most = min(write - LANES, spare < 0 ? -1 : spare / p->sw);
    return most < p->lo ? p->lo : min(p->hi, most + 1);
}

/* From where on in a frame each tap meets the windows. */
static void R(taps_away)(const R(pool) *p, long *away)
{
    for (long i = 0; i < p->kh; i++)
        for (long j = 0; j < p->kw; j++)
            away[i * p->kw + j] = (i % p->sh * p->wide + j % p->sw) * p->area +
                                  i / p->sh * p->pitch + j / p->sw;
}

/* A vector of which `count` elements are there and `room` may be read; anything in other lanes. */
static inline vec R(some_within)(const real *x, long count, long room)
{
    return R(some_of)(x, room >= LANES ? LANES : max(0, count));
}

/* LANES places of a line, `count` of them within the plane; added to `sum`, times nothing. */
static inline void R(fill_line)(real *line, vec v, long count, vec margin, vec *sum)
{
    if (count < LANES) {
        const mask some = R(lanes_before)(count);
        *sum += (vec)((mask)v & some) * 0;
        v = R(choose)(some, v, margin);
    } else
        *sum += v * 0;
    *(vec *)line = v;
}

/* The part of a plane that rows o..o + rows of windows meet; `room` elements may be read from x on.
 * Lines are written from the first to the last, each beyond its end. Whether all are finite.
 */
static int R(fill_frame)(const R(pool) *p, const real *x, long room, long o, long rows, real pad,
                         real *frame)
{
    const vec margin = R(splat)(pad);
    const int two = p->wide == 2, swap = two && p->pw % 2; /* the phase of column 0 */
    const long ahead = two ? p->area : 0, most = max(p->inside[0], two ? p->inside[1] : 0);
    const long next = p->band < p->oh ? rows * p->sh * p->w : p->group * p->h * p->w;
    vec sum = {0};
    for (long a = 0; a < p->high; a++) {
        real *line = frame + a * p->wide * p->area;
        long row = o * p->sh + a - p->ph;
        for (long k = 0; k < rows + p->deep; k++, row += p->sh, line += p->pitch) {
            const long at = row * p->w, count = row >= 0 && row < p->h ? most : 0;
            for (long b = 0; b < p->wide; b++)
                for (long q = 0; q < p->first[b]; q += LANES)
                    *(vec *)(line + b * ahead + q) = margin;
            real *even = line + swap * ahead + p->first[swap];
            real *odd = line + !swap * ahead + p->first[!swap];
            for (long c = 0; c < p->w; c += 64 / sizeof(real))
                __builtin_prefetch(x + at + next + c, 0, 2);
            long q = 0;
            for (; q < count && p->sw == 1; q += LANES)
                R(fill_line)(even + q, R(some_within)(x + at + q, p->w - q, room - at - q),
                             count - q, margin, &sum);
            for (; q < count; q += LANES) {
                const long c = at + 2 * q, end = p->w - 2 * q;
                vec u = R(some_within)(x + c, end, room - c);
                vec v = R(some_within)(x + c + LANES, end - LANES, room - c - LANES);
                R(fill_line)(even + q, R(evens)(u, v), p->inside[swap] - q, margin, &sum);
                if (two)
                    R(fill_line)(odd + q, R(odds)(u, v), p->inside[!swap] - q, margin, &sum);
            }
            for (long b = 0; b < p->wide; b++)
                for (long c = p->first[b] + q; c < p->pitch; c += LANES)
                    *(vec *)(line + b * ahead + c) = margin;
        }
    }
    return R(sum_lanes)(sum) == 0;
}

/* Memory of the calling thread, for a group of planes: frames; two buffers of lines, with what is
 * read before and after them; a line of numbers for the windows of a row.
 */
typedef struct {
    real *frame, *values, *columns;
    whole *won;
} R(pool_room);

static R(pool_room) R(room_for)(const R(pool) *p)
{
    const long frames = p->group * p->frame, lines = p->group * p->area, line = p->pitch + LANES;
    const long all = frames + 2 * (lines + p->kw) + line;
    R(pool_room) room = {.frame = scratch(0, (size_t)all * sizeof(real))};
    if (room.frame) {
        room.values = room.frame + frames + p->kw;
        room.won = (whole *)(room.values + lines + p->kw);
        room.columns = room.values + 2 * lines + p->kw;
    }
    return room;
}

/* What a pool makes of rows o..o + rows of windows of `many` planes in a frame; results up to plane
 * `end` may be overwritten.
 */
typedef void R(pool_bands)(const R(pool) *p, const R(pool_room) *m, const long *away, long plane,
                           long many, long o, long rows, long end);

/* Planes begin..end, group by group and band by band. */
static void R(in_frames)(const R(pool) *p, const R(pool_room) *m, R(pool_bands) *bands, long begin,
                         long end)
{
    long away[R(POOL_TAPS)];
    R(taps_away)(p, away);
    for (long plane = begin; plane < end; plane += p->group)
        for (long o = 0; o < p->oh; o += p->band)
            bands(p, m, away, plane, min(p->group, end - plane), o, min(p->band, p->oh - o), end);
}

/* n elements to a row, of which `room` may be written: all lanes where there is room for them. */
static inline void R(store_line)(real *to, long n, long room, vec v)
{
    R(store_part)(to, room >= LANES ? LANES : n, v);
}

/* Row `row` of a plane out of the phases of its line; the next row overwrites what is beyond it. */
static void R(write_row)(const R(pool) *p, const real *line, real *to, long room)
{
    const long reached = max(0, min(p->w, p->pitch * p->sw - p->pw)), q0 = p->pw / p->sw;
    const long b = p->pw % p->sw; /* the phase of the first column */
    const real *one = line + b * p->area + q0, *two = line + (1 - b) * p->area + q0 + b;
    long c = 0;
    if (p->sw == 1)
        for (; c < reached; c += LANES)
            R(store_line)(to + c, reached - c, room - c, *(const vec *)(one + c));
    else if (p->sw == 2 && p->wide == 2)
        for (; c < reached; c += 2 * LANES, one += LANES, two += LANES) {
            vec v = *(const vec *)one, w = *(const vec *)two;
            R(store_line)(to + c, reached - c, room - c, R(zip_low)(v, w));
            if (reached - c > LANES)
                R(store_line)(to + c + LANES, reached - c - LANES, room - c - LANES,
                              R(zip_high)(v, w));
        }
    else
        for (; c < reached; c++) {
            long phase = (c + p->pw) % p->sw;
            to[c] = phase < p->wide ? line[phase * p->area + (c + p->pw) / p->sw] : 0;
        }
    for (c = reached; c < p->w; c++)
        to[c] = 0;
}

/* How far before each place of a phase the windows stand that meet it, the first of them first. */
static long R(windows_back)(const R(pool) *p, long a, long b, long *before)
{
    long many = 0;
    for (long i = a + (p->kh - 1 - a) / p->sh * p->sh; i >= 0; i -= p->sh)
        for (long j = b + (p->kw - 1 - b) / p->sw * p->sw; j >= 0; j -= p->sw)
            before[many++] = i / p->sh * p->pitch + j / p->sw;
    return many;
}

/* The gradients of bands of `many` planes: lines l0..l0 + lines of each phase. m->values is what
 * each window gives to all of its places, from `deep` lines before l0 on.
 */
static void R(gather_bands)(const R(pool) *p, const R(pool_room) *m, long many, long l0, long lines,
                            real *gx, long room)
{
    long before[R(POOL_TAPS)];
    for (long phase = 0; phase < p->high * p->wide; phase++) {
        const long count = R(windows_back)(p, phase / p->wide, phase % p->wide, before);
        for (long k = 0; k < many; k++) {
            const real *share = m->values + k * p->area + p->deep * p->pitch;
            real *to = m->frame + k * p->frame + phase * p->area;
            for (long t = 0; t < lines * p->pitch; t += LANES) {
                vec total = {0};
                for (long i = 0; i < count; i++)
                    total += *(const vec *)(share + t - before[i]);
                *(vec *)(to + t) = total;
            }
        }
    }
    for (long k = 0; k < many; k++, gx += p->h * p->w, room -= p->h * p->w)
        for (long l = 0; l < lines; l++)
            for (long a = 0; a < p->sh; a++) {
                const long row = (l0 + l) * p->sh + a - p->ph;
                const real *line = m->frame + k * p->frame + a * p->wide * p->area + l * p->pitch;
                if (row >= 0 && row < p->h && a < p->high)
                    R(write_row)(p, line, gx + row * p->w, room - row * p->w);
                else if (row >= 0 && row < p->h)
                    memset(gx + row * p->w, 0, (size_t)p->w * sizeof(real));
            }
}

/* Works out the gradient y of planes begin..end. */
typedef void R(pool_back)(const R(pool) *p, long begin, long end);

/* The same where no cache will hold all planes: one at a time, in a room, from which it goes past the
 * caches. Small planes, of which each begins and ends within a line, gain nothing by that.
 */
static void R(back_past)(const R(pool) *p, R(pool_back) *back, long begin, long end)
{
    const long size = p->h * p->w, out = p->oh * p->ow;
    const int fits = size >= 4 * R(BLOCK) && size <= 8 * R(FRAME);
    const int far = fits && R(is_far)(p->planes * size * (long)sizeof(real));
    real *room = far ? scratch(1, (size_t)size * sizeof(real)) : NULL;
    if (!room) {
        back(p, begin, end);
        return;
    }
    R(pool) one = *p;
    one.y = room;
    for (long plane = begin; plane < end; plane++) {
        one.planes = p->planes - plane;
        one.x = p->x + plane * out;
        one.taps = p->taps ? p->taps + plane * out : NULL;
        back(&one, 0, 1);
        R(put)(p->y + plane * size, room, size * (long)sizeof(real));
    }
    PUT_END();
}
