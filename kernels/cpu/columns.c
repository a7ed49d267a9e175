/* Blocks of planes as columns (im2col), and columns added up to planes (col2im).
 *
 *     unfold_planes(x, y, planes, G...)    (planes, h, w) -> (planes, kh, kw, oh, ow): what each tap
 *                                          of the kernel sees from each place; 0 beyond the edges
 *     fold_planes(x, y, planes, G...)      its transpose: y is the sum over taps, in their order
 *
 * G is the geometry: h, w, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw (sizes, kernel, stride, padding,
 * dilation). Reference: ImageColumns and ColumnImage of ops/image/image_columns.py.
 */
typedef struct {
    const real *x;
    real *y;
    long h, w, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw;
    int far; /* columns go past the caches */
} R(blocks);

static R(blocks) R(blocks_of)(const arg *a)
{
    return (R(blocks)){.x = a[0].p, .y = a[1].p, .h = a[3].i, .w = a[4].i, .oh = a[5].i,
                       .ow = a[6].i, .kh = a[7].i, .kw = a[8].i, .sh = a[9].i, .sw = a[10].i,
                       .ph = a[11].i, .pw = a[12].i, .dh = a[13].i, .dw = a[14].i};
}

/* The places lo..hi of `count` that a tap sees inside of 0..size, where place 0 sees `first`. */
static inline void R(seen)(long first, long step, long size, long count, long *lo, long *hi)
{
    *lo = first >= 0 ? 0 : min(count, (-first + step - 1) / step);
    *hi = first >= size ? *lo : max(*lo, min(count, (size - first + step - 1) / step));
}

/* Places r0..r1, c0..c1 see the plane as it lies, so many elements further on; the others nothing. */
static void R(unfold_shifted)(const R(blocks) *b, const real *x, long r0, long r1, long c0, long c1,
                              real *y)
{
    const long begin = r0 * b->ow + c0, end = (r1 - 1) * b->ow + c1;
    memset(y, 0, (size_t)begin * sizeof(real));
    long k = begin; /* not by memcpy, which takes twice as long where places are odd to each other */
    for (; k + LANES <= end; k += LANES)
        *(vec *)(y + k) = *(const vec *)(x + k);
    for (; k < end; k++)
        y[k] = x[k];
    for (long o = r0 + 1; o < r1; o++) /* what came from the ends of rows */
        for (long q = c1 - b->ow; q < c0; q++)
            y[o * b->ow + q] = 0;
    memset(y + end, 0, (size_t)(b->oh * b->ow - end) * sizeof(real));
}

/* What tap (i, j) sees from all places of one plane. */
static void R(unfold_tap)(const R(blocks) *b, const real *x, long i, long j, real *y)
{
    long top = i * b->dh - b->ph, left = j * b->dw - b->pw, r0, r1, c0, c1;
    R(seen)(top, b->sh, b->h, b->oh, &r0, &r1);
    R(seen)(left, b->sw, b->w, b->ow, &c0, &c1);
    if (b->sw == 1 && b->sh == 1 && b->ow == b->w && r0 < r1 && c0 < c1) {
        R(unfold_shifted)(b, x + top * b->w + left, r0, r1, c0, c1, y);
        return;
    }
    for (long o = 0; o < b->oh; o++, y += b->ow) {
        const long some = o >= r0 && o < r1 ? c1 - c0 : 0, begin = some ? c0 : b->ow;
        const real *from = x + (top + o * b->sh) * b->w + left;
        for (long q = 0; q < begin; q++)
            y[q] = 0;
        if (some && b->sw == 1)
            memcpy(y + c0, from + c0, (size_t)some * sizeof(real));
        else
            for (long q = c0; q < c0 + some; q++)
                y[q] = from[q * b->sw];
        for (long q = begin + some; q < b->ow; q++)
            y[q] = 0;
    }
}

static void R(unfold_range)(void *context, long begin, long end)
{
    const R(blocks) *b = context;
    const long places = b->oh * b->ow, taps = b->kh * b->kw;
    real *room = b->far ? scratch(0, (size_t)places * sizeof(real)) : NULL;
    for (long at = begin; at < end; at++) {
        real *y = b->y + at * places;
        R(unfold_tap)(b, b->x + at / taps * b->h * b->w, at % taps / b->kw, at % b->kw,
                      room ? room : y);
        if (room)
            R(put)(y, room, places * (long)sizeof(real));
    }
    PUT_END();
}

KERNEL(unfold_planes)
{
    R(blocks) b = R(blocks_of)(a);
    const long taps = b.kh * b.kw, places = b.oh * b.ow;
    b.far = places >= R(BLOCK) && R(is_far)(a[2].i * taps * places * (long)sizeof(real));
    parallel(a[2].i * taps, max(1, (1 << 15) / max(1, places)), R(unfold_range), &b);
}

/* n elements added to those of a line. Where `room` is there to write, and `read` to read, the last
 * vector is whole as well, with nothing in its other lanes.
 */
static inline void R(add_line)(real *to, const real *from, long n, long room, long read)
{
    long q = 0;
    for (; q + LANES <= n; q += LANES)
        *(vec *)(to + q) += *(const vec *)(from + q);
    if (q == n)
        return;
    if (room - q >= LANES && read - q >= LANES)
        *(vec *)(to + q) += (vec)(*(const mask *)(from + q) & R(lanes_before)(n - q));
    else
        for (; q < n; q++)
            to[q] += from[q];
}

static void R(fold_range)(void *context, long begin, long stop)
{
    const R(blocks) *b = context;
    for (long plane = begin; plane < stop; plane++) {
        real *y = b->y + plane * b->h * b->w;
        const real *x = b->x + plane * b->kh * b->kw * b->oh * b->ow;
        const real *end = y + b->h * b->w, *last = x + b->kh * b->kw * b->oh * b->ow;
        memset(y, 0, (size_t)(b->h * b->w) * sizeof(real));
        for (long tap = 0; tap < b->kh * b->kw; tap++, x += b->oh * b->ow) {
            long top = tap / b->kw * b->dh - b->ph, left = tap % b->kw * b->dw - b->pw;
            long r0, r1, c0, c1;
            R(seen)(top, b->sh, b->h, b->oh, &r0, &r1);
            R(seen)(left, b->sw, b->w, b->ow, &c0, &c1);
            for (long o = r0; o < r1; o++) {
                const real *from = x + o * b->ow;
                real *to = y + (top + o * b->sh) * b->w + left;
                if (b->sw == 1)
                    R(add_line)(to + c0, from + c0, c1 - c0, end - (to + c0), last - (from + c0));
                else
                    for (long q = c0; q < c1; q++)
                        to[q * b->sw] += from[q];
            }
        }
    }
}

KERNEL(fold_planes)
{
    R(blocks) b = R(blocks_of)(a);
    const long each = b.kh * b.kw * b.oh * b.ow;
    parallel(a[2].i, max(1, (1 << 15) / max(1, each)), R(fold_range), &b);
}
