/* Half precision, as bits in 16-bit whole numbers, to and from numbers of full precision.
 *
 *     to_half(x, out, n), to_bfloat16(x, out, n), from_half(x, out, n), from_bfloat16(x, out, n)
 *
 * Rounded to the nearest, halves to even; of float64 by way of float32, as torch has it. Every step
 * is the same for all elements, so that the compiler makes vectors of the loops.
 */
typedef struct {
    const void *x;
    void *out;
} R(conversion);

static inline uint32_t R(bits_of)(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float R(of_bits)(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#define CONVERSION(NAME, FROM, TO)                                                                 \
    static void R(NAME##_range)(void *context, long begin, long end)                               \
    {                                                                                              \
        const R(conversion) *c = context;                                                          \
        const FROM *restrict x = c->x;                                                             \
        TO *restrict out = c->out;                                                                 \
        for (long i = begin; i < end; i++)                                                         \
            out[i] = R(NAME##_one)(x[i]);                                                          \
    }                                                                                              \
    KERNEL(NAME)                                                                                   \
    {                                                                                              \
        R(conversion) c = {a[0].p, a[1].p};                                                        \
        parallel(a[2].i, 1 << 16, R(NAME##_range), &c);                                            \
    }

/* A normal number's bits are shifted after rounding; a denormal one is rounded by the addition of a
 * half, whose last bit is worth as much as float16's.
 */
static inline uint16_t R(to_half_one)(real wide)
{
    uint32_t bits = R(bits_of)((float)wide), sign = bits >> 16 & 0x8000u;
    bits &= 0x7fffffffu;
    uint32_t normal = (bits - 0x38000000u + 0xfffu + (bits >> 13 & 1u)) >> 13;
    uint32_t small = R(bits_of)(R(of_bits)(bits) + 0.5f) - 0x3f000000u;
    uint32_t large = bits > 0x7f800000u ? 0x7e00u : 0x7c00u;
    uint32_t found = bits < 0x38800000u ? small : normal;
    return (uint16_t)(sign | (bits >= 0x47800000u ? large : found));
}
CONVERSION(to_half, real, uint16_t)

static inline real R(from_half_one)(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 13 & 0x0fffe000u, sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t found = R(bits_of)(R(of_bits)(bits) * 0x1p112f);
    found |= bits >= 0x0f800000u ? 0x7f800000u : 0;
    return (real)R(of_bits)(found | sign);
}
CONVERSION(from_half, uint16_t, real)

static inline uint16_t R(to_bfloat16_one)(real wide)
{
    uint32_t bits = R(bits_of)((float)wide), size = bits & 0x7fffffffu;
    uint32_t found = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return (uint16_t)(size > 0x7f800000u ? 0x7fc0u : found);
}
CONVERSION(to_bfloat16, real, uint16_t)

static inline real R(from_bfloat16_one)(uint16_t half)
{
    return (real)R(of_bits)((uint32_t)half << 16);
}
CONVERSION(from_bfloat16, uint16_t, real)
#undef CONVERSION
