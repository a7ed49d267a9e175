/* Elements kept where a bit is set, and scaled: dropout, and its gradient.
 *
 *     keep_bits(x, bits, y, n, factor)     y[i] = x[i] (bit i ? factor : 0)
 *
 * Bits are packed, the first in the lowest bit of a byte; there is a byte more than they need.
 * Reference: op KeepBits of ops/network/dropout_bits.py.
 */
typedef struct {
    const real *x;
    const uint8_t *bits;
    real *y, factor;
    int far;
} R(kept);

/* All bits set in the lanes whose bit is: those of elements i..i + LANES, i a multiple of LANES. */
static inline mask R(lanes_of)(const uint8_t *bits, long i)
{
    static const whole powers[16] = {1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7,
                                     1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14,
                                     1 << 15};
    whole word = (whole)(bits[i >> 3] | bits[(i >> 3) + 1] << 8) >> (i & 7);
    return (((mask){0} + word) & *(const mask *)powers) != 0;
}

static void R(keep_some)(const void *context, real *y, long begin, long end)
{
    const R(kept) *c = context;
    const vec factor = R(splat)(c->factor), none = {0};
    long i = begin;
    for (; i < end && i % LANES; i++) /* a block that begins within a vector */
        y[i - begin] = c->x[i] * (c->bits[i >> 3] >> (i & 7) & 1 ? c->factor : 0);
    for (; i + LANES <= end; i += LANES)
        *(vec *)(y + i - begin) =
            *(const vec *)(c->x + i) * R(choose)(R(lanes_of)(c->bits, i), factor, none);
    for (; i < end; i++)
        y[i - begin] = c->x[i] * (c->bits[i >> 3] >> (i & 7) & 1 ? c->factor : 0);
}

static void R(keep_range)(void *context, long begin, long end)
{
    const R(kept) *c = context;
    R(deliver)(R(keep_some), c, c->y, c->far, begin, end);
}

KERNEL(keep_bits)
{
    R(kept) c = {.x = a[0].p, .bits = a[1].p, .y = a[2].p, .factor = (real)a[4].d,
                 .far = R(is_far)(a[3].i * (long)sizeof(real))};
    parallel(a[3].i, 1 << 15, R(keep_range), &c);
}
