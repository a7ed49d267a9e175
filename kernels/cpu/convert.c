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

/* Eight at a time by the processor's own instructions, where the level has them: how many are done. */
#if SINGLE && defined(__x86_64__) && VBYTES >= 32
typedef float R(eight) __attribute__((vector_size(32), aligned(4), may_alias));
typedef short R(eight_halves) __attribute__((vector_size(16), aligned(2), may_alias));

static long R(to_half_many)(const float *x, uint16_t *out, long n)
{
    long i = 0;
    for (; i + 8 <= n; i += 8)
        *(R(eight_halves) *)(out + i) =
            (R(eight_halves))__builtin_ia32_vcvtps2ph256(*(const R(eight) *)(x + i), 0);
    return i;
}

static long R(from_half_many)(const uint16_t *x, float *out, long n)
{
    long i = 0;
    for (; i + 8 <= n; i += 8)
        *(R(eight) *)(out + i) =
            (R(eight))__builtin_ia32_vcvtph2ps256(*(const R(eight_halves) *)(x + i));
    return i;
}
#else
#define PLAIN_LOOP(NAME, FROM, TO)                                                                 \
    static long R(NAME##_many)(const FROM *x, TO *out, long n)                                     \
    {                                                                                              \
        (void)x, (void)out, (void)n;                                                               \
        return 0;                                                                                  \
    }
PLAIN_LOOP(to_half, real, uint16_t)
PLAIN_LOOP(from_half, uint16_t, real)
#undef PLAIN_LOOP
#endif

#define CONVERSION(NAME, FROM, TO, MANY)                                                                 \
    static void R(NAME##_range)(void *context, long begin, long end)                               \
    {                                                                                              \
        const R(conversion) *c = context;                                                          \
        const FROM *restrict x = c->x;                                                             \
        TO *restrict out = c->out;                                                                 \
        for (long i = begin + MANY(x + begin, out + begin, end - begin); i < end; i++)             \
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
CONVERSION(to_half, real, uint16_t, R(to_half_many))

static inline real R(from_half_one)(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 13 & 0x0fffe000u, sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t found = R(bits_of)(R(of_bits)(bits) * 0x1p112f);
    found |= bits >= 0x0f800000u ? 0x7f800000u : 0;
    return (real)R(of_bits)(found | sign);
}
CONVERSION(from_half, uint16_t, real, R(from_half_many))

static inline uint16_t R(to_bfloat16_one)(real wide)
{
    uint32_t bits = R(bits_of)((float)wide), size = bits & 0x7fffffffu;
    uint32_t found = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return (uint16_t)(size > 0x7f800000u ? 0x7fc0u : found);
}
#define NONE(x, out, n) 0
CONVERSION(to_bfloat16, real, uint16_t, NONE)

static inline real R(from_bfloat16_one)(uint16_t half)
{
    return (real)R(of_bits)((uint32_t)half << 16);
}
CONVERSION(from_bfloat16, uint16_t, real, NONE)
#undef NONE
#undef CONVERSION
