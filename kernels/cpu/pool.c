/* Pooling over windows that slide over planes (planes, h, w) -> (planes, oh, ow), without gaps.
 *
 * max_pool(x, y, taps, planes, G...)            y = the greatest element of each window; taps,
 *     uint8: which one it was, i kw + j. The first of equals wins; of NaNs, which win
 *     over all, the last.
 * max_pool_backward(g, taps, gx, planes, G...)  g added to gx at the winners' places, 0 elsewhere
 * max_pool_places(taps, places, planes, G...)   the winners' places in their plane, int64
 *
 * G is the geometry: h, w, oh, ow, kh, kw, sh, sw, ph, pw (sizes, kernel, stride, padding). At
 * least one element of each window lies inside; kh kw <= 256, of which a byte tells one. Reference:
 * MaxPool and MaxPlaces of ops/image/pool_windows.py.
 *
 * How windows are worked out says pool_frame.h. The last vector of a row may write beyond its end:
 * the next row overwrites that, and the last rows do without.
 */
static void R(max_pool_one)(const R(pool) *p, const real *x, long o, long q, real *y, uint8_t *tap)
{
    R(window) v = R(window_at)(p, o, q);
    real best = x[(v.top + v.i0) * p->w + v.left + v.j0];
    long winner = v.i0 * p->kw + v.j0;
    for (long i = v.i0; i < v.i1; i++)
        for (long j = v.j0; j < v.j1; j++) {
            real here = x[(v.top + i) * p->w + v.left + j];
            if (here > best || here != here) {
                best = here;
                winner = i * p->kw + j;
            }
        }
    *y = best;
    *tap = (uint8_t)winner;
}

static inline void R(max_pool_block)(const R(pool) *p, const R(window) *v, const real *x, long step,
                                     real *y, uint8_t *taps)
{
    vec best = R(load_step)(x + v->i0 * p->w, step);
    mask winner = (mask){0} + (whole)(v->i0 * p->kw);
    for (long i = v->i0; i < v->i1; i++)
        for (long j = 0; j < p->kw; j++) {
            vec here = R(load_step)(x + i * p->w + j, step);
            mask better = (here > best) | (here != here);
            best = R(choose)(better, here, best);
            winner = (better & (whole)(i * p->kw + j)) | (~better & winner);
        }
    *(vec *)y = best;
    R(store_bytes)(taps, winner);
}

/* Without a frame: in vectors where windows lie inside, else one by one. */
static void R(max_pool_rows)(const R(pool) *p, long begin, long end)
{
    long size = p->h * p->w, out = p->oh * p->ow;
    for (long row = begin * p->oh; row < end * p->oh; row++) {
        const long plane = row / p->oh, o = row % p->oh, at = row * p->ow;
        const real *x = p->x + plane * size;
        R(window) v = R(window_at)(p, o, 0);
        long stop = R(vector_end)(p, &v, (p->planes - plane) * size, end * out - at), q = p->lo;
        for (; q < stop; q += LANES) {
            const real *from = x + (v.top * p->w + q * p->sw - p->pw);
            if (p->sw == 1)
                R(max_pool_block)(p, &v, from, 1, p->y + at + q, p->taps + at + q);
            else
                R(max_pool_block)(p, &v, from, 2, p->y + at + q, p->taps + at + q);
        }
        for (q = min(q, p->hi); q < p->ow; q++)
            R(max_pool_one)(p, x, o, q, p->y + at + q, p->taps + at + q);
        for (q = 0; q < p->lo; q++)
            R(max_pool_one)(p, x, o, q, p->y + at + q, p->taps + at + q);
    }
}

/* The greatest of each of n windows in a frame, and the number of its tap; -inf and 0 where no
 * element is greater than that.
 */
INLINE void R(greatest_windows)(const real *frame, const long *away, const long taps, long n,
                                const int finite, real *values, whole *won)
{
    for (long t = 0; t < n; t += LANES) {
        vec best = R(splat)(-INFINITY);
        mask winner = {0};
        for (long k = 0; k < taps; k++) {
            vec here = *(const vec *)(frame + away[k] + t);
            mask better = here > best;
            if (!finite)
                better |= here != here;
            best = R(choose)(better, here, best);
            winner = (better & (whole)k) | (~better & winner);
        }
        *(vec *)(values + t) = best;
        *(mask *)(won + t) = winner;
    }
}

static void R(greatest_in_frame)(const real *frame, const long *away, long taps, long n, int finite,
                                 real *values, whole *won)
{
    if (!finite)
        R(greatest_windows)(frame, away, taps, n, 0, values, won);
    else if (taps == 9)
        R(greatest_windows)(frame, away, 9, n, 1, values, won);
    else if (taps == 4)
        R(greatest_windows)(frame, away, 4, n, 1, values, won);
    else
        R(greatest_windows)(frame, away, taps, n, 1, values, won);
}

/* A row of windows from a line of a frame. Where all are -inf the first tap inside wins. */
static void R(write_winners)(const R(pool) *p, const R(pool_room) *m, int finite, long line, long o,
                             real *y, uint8_t *taps, long room)
{
    const whole above = (whole)(max(0, p->ph - o * p->sh) * p->kw);
    for (long q = 0; q < p->ow; q += LANES) {
        vec best = *(const vec *)(m->values + line + q);
        mask winner = *(const mask *)(m->won + line + q);
        if (!finite) {
            mask none = best == -INFINITY;
            mask first = *(const mask *)((const whole *)m->columns + q) + above;
            winner = (none & first) | (~none & winner);
        }
        R(store_line)(y + q, p->ow - q, room - q, best);
        if (room - q >= LANES)
            R(store_bytes)(taps + q, winner);
        else
            for (long i = 0; i < p->ow - q; i++)
                taps[q + i] = (uint8_t)winner[i];
    }
}

static void R(max_pool_bands)(const R(pool) *p, const R(pool_room) *m, const long *away, long plane,
                              long many, long o, long rows, long end)
{
    const long size = p->h * p->w, out = p->oh * p->ow;
    int finite = 1;
    for (long k = 0; k < many; k++)
        finite &= R(fill_frame)(p, p->x + (plane + k) * size, (p->planes - plane - k) * size, o,
                                rows, -INFINITY, m->frame + k * p->frame);
    for (long k = 0; k < many; k++)
        R(greatest_in_frame)(m->frame + k * p->frame, away, p->kh * p->kw, rows * p->pitch, finite,
                             m->values + k * p->area, m->won + k * p->area);
    for (long k = 0; k < many; k++)
        for (long r = 0; r < rows; r++) {
            const long at = (plane + k) * out + (o + r) * p->ow;
            R(write_winners)(p, m, finite, k * p->area + r * p->pitch, o + r, p->y + at,
                             p->taps + at, end * out - at);
        }
}

static void R(max_pool_range)(void *context, long begin, long end)
{
    const R(pool) *p = context;
    const R(pool_room) m = p->framed ? R(room_for)(p) : (R(pool_room)){0};
    if (!m.frame) {
        R(max_pool_rows)(p, begin, end);
        return;
    }
    for (long q = 0; q < p->ow; q++)
        ((whole *)m.columns)[q] = (whole)max(0, p->pw - q * p->sw);
    R(in_frames)(p, &m, R(max_pool_bands), begin, end);
}

KERNEL(max_pool)
{
    R(pool) p = R(pool_of)(a + 3);
    p.x = a[0].p;
    p.y = a[1].p;
    p.taps = a[2].p;
    parallel(p.planes, R(pool_grain)(&p), R(max_pool_range), &p);
}

/* Windows two wide, side by side, that fill whole rows: every element is written once. (For rows
 * of less than a vector it is faster to write zeros, and then the winners.)
 */
static void R(max_pool_pairs)(const R(pool) *p, long begin, long end)
{
    long size = p->h * p->w, out = p->oh * p->ow;
    for (long plane = begin; plane < end; plane++)
        for (long o = 0; o < p->oh; o++)
            for (long i = 0; i < p->kh; i++) {
                long at = plane * out + o * p->ow;
                const real *g = p->x + at;
                const uint8_t *taps = p->taps + at;
                real *gx = p->y + plane * size + (o * p->kh + i) * p->w;
                long room = p->planes * out - at, q = 0;
                long write = end * size - plane * size - (o * p->kh + i) * p->w;
                for (; q < p->ow && q + LANES <= room && 2 * (q + LANES) <= write; q += LANES) {
                    mask winner = R(load_bytes)(taps + q);
                    vec here = *(const vec *)(g + q), zero = {0};
                    vec one = R(choose)(winner == (whole)(2 * i), here, zero);
                    vec two = R(choose)(winner == (whole)(2 * i + 1), here, zero);
                    *(vec *)(gx + 2 * q) = R(zip_low)(one, two);
                    *(vec *)(gx + 2 * q + LANES) = R(zip_high)(one, two);
                }
                for (; q < p->ow; q++) {
                    gx[2 * q] = taps[q] == 2 * i ? g[q] : 0;
                    gx[2 * q + 1] = taps[q] == 2 * i + 1 ? g[q] : 0;
                }
            }
}

static void R(max_pool_back)(const R(pool) *p, long begin, long end)
{
    long size = p->h * p->w, out = p->oh * p->ow;
    if (p->ow >= LANES && p->kw == 2 && p->sw == 2 && p->sh == p->kh && !p->ph && !p->pw &&
        p->w == 2 * p->ow && p->h == p->kh * p->oh) {
        R(max_pool_pairs)(p, begin, end);
        return;
    }
    long away[256]; /* of each tap from the window's begin */
    for (long t = 0; t < p->kh * p->kw; t++)
        away[t] = t / p->kw * p->w + t % p->kw;
    int apart = p->sh >= p->kh && p->sw >= p->kw; /* no place is in two windows */
    for (long plane = begin; plane < end; plane++) {
        const real *g = p->x + plane * out;
        const uint8_t *taps = p->taps + plane * out;
        real *gx = p->y + plane * size;
        memset(gx, 0, (size_t)size * sizeof(real));
        for (long o = 0; o < p->oh; o++, g += p->ow, taps += p->ow) {
            long start = (o * p->sh - p->ph) * p->w - p->pw;
            if (apart)
                for (long q = 0; q < p->ow; q++, start += p->sw)
                    gx[start + away[taps[q]]] = g[q];
            else
                for (long q = 0; q < p->ow; q++, start += p->sw)
                    gx[start + away[taps[q]]] += g[q];
        }
    }
}

static void R(max_pool_backward_range)(void *context, long begin, long end)
{
    R(back_past)(context, R(max_pool_back), begin, end);
}

KERNEL(max_pool_backward)
{
    R(pool) p = R(pool_of)(a + 3);
    p.x = a[0].p;
    p.taps = a[1].p;
    p.y = a[2].p;
    parallel(p.planes, R(pool_grain)(&p), R(max_pool_backward_range), &p);
}

static void R(max_pool_places_range)(void *context, long begin, long end)
{
    const R(pool) *p = context;
    long out = p->oh * p->ow;
    for (long plane = begin; plane < end; plane++)
        for (long o = 0; o < p->oh; o++)
            for (long q = 0; q < p->ow; q++) {
                long at = plane * out + o * p->ow + q, tap = p->taps[at];
                long row = o * p->sh - p->ph + tap / p->kw;
                long column = q * p->sw - p->pw + tap % p->kw;
                p->places[at] = row * p->w + column;
            }
}

KERNEL(max_pool_places)
{
    R(pool) p = R(pool_of)(a + 2);
    p.taps = a[0].p;
    p.places = a[1].p;
    parallel(p.planes, R(pool_grain)(&p), R(max_pool_places_range), &p);
}
