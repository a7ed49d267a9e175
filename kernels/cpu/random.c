/* Random numbers: the words of the Mersenne Twister, and what they are turned into.
 *
 * `state` is NumPy's mt19937: 624 words, then the place of the next one as an int. It is written.
 *
 * random_words(state, out, n)                32-bit words, in the memory of n float32
 * random_uniform(state, out, n, width, start) start + width * u
 *                                            reference: random/draws.py, uniform_singles, _doubles
 * random_normal(state, out, n, mean, std)    blocks of 16, n a multiple of that
 *                                            reference: random/box_muller.py, normal_blocks
 * random_bernoulli(state, out, n, p)         1 where u < p, u in double precision, else 0
 *                                            reference: Generator.bernoulli with a number
 * random_bits(state, bits, n, p)             the same packed, the first in the lowest bit of a byte;
 *                                            of the last byte, unused bits are 0
 * random_shuffle(state, order, n)            0 .. n-1 shuffled, int64 in the memory of n float64
 *                                            reference: random/draws.py, shuffled
 *
 * A float32 u is the low 24 bits of one word, a float64 u the low 53 bits of two, high one first.
 * Roundings are torch's, so every multiply-add that is fused there is an fma here.
 */
#ifndef MINIGRAD_RANDOM_C
#define MINIGRAD_RANDOM_C
enum {
    MT_WORDS = 624,        /* words of the state */
    MT_AHEAD = 397,      /* the word that a new one is mixed from */
    RANDOM_CHUNK = 1 << 16,  /* words made at a time: they are turned into numbers while in the cache */
    RANDOM_PAIRS = 128,      /* pairs worked on at a time: arrays that stay in the L1 cache */
};
typedef uint32_t random_word __attribute__((may_alias));
typedef int64_t random_place __attribute__((may_alias));
#endif

static inline uint32_t R(twist)(uint32_t high, uint32_t low, uint32_t ahead)
{
    uint32_t mixed = (high & 0x80000000u) | (low & 0x7fffffffu);
    return ahead ^ (mixed >> 1) ^ (-(low & 1u) & 0x9908b0dfu);
}

static void R(next_key)(uint32_t *key)
{
    for (int i = 0; i < MT_WORDS - MT_AHEAD; i++)
        key[i] = R(twist)(key[i], key[i + 1], key[i + MT_AHEAD]);
    for (int i = MT_WORDS - MT_AHEAD; i < MT_WORDS - 1; i++)
        key[i] = R(twist)(key[i], key[i + 1], key[i + MT_AHEAD - MT_WORDS]);
    key[MT_WORDS - 1] = R(twist)(key[MT_WORDS - 1], key[0], key[MT_AHEAD - 1]);
}

static void R(draw_words)(uint32_t *state, random_word *out, long n)
{
    while (n > 0) {
        int place = (int)state[MT_WORDS];
        if (place >= MT_WORDS) {
            R(next_key)(state);
            place = 0;
        }
        long many = min(n, (long)(MT_WORDS - place));
        for (long i = 0; i < many; i++) {
            uint32_t y = state[place + i];
            y ^= y >> 11;
            y ^= y << 7 & 0x9d2c5680u;
            y ^= y << 15 & 0xefc60000u;
            out[i] = y ^ y >> 18;
        }
        state[MT_WORDS] = (uint32_t)(place + many);
        out += many;
        n -= many;
    }
}

KERNEL(random_words)
{
    R(draw_words)(a[0].p, a[1].p, a[2].i);
}

static inline double R(double_of)(uint32_t high, uint32_t low)
{
    uint64_t bits = ((uint64_t)(high & 0x1fffffu) << 32) | low;
    return (double)(int64_t)bits * 0x1p-53;
}

/* Words to numbers in [0, 1), in place. */
static void R(to_uniform)(void *context, long begin, long end)
{
    real *out = context;
    const random_word *w = context;
    if (sizeof(real) == 4)
        for (long i = begin; i < end; i++)
            out[i] = (real)((float)(int32_t)(w[i] & 0xffffffu) * 0x1p-24f);
    else
        for (long i = begin; i < end; i++)
            out[i] = (real)R(double_of)(w[2 * i], w[2 * i + 1]);
}

static inline real R(fused)(real x, real factor, real term)
{
    return sizeof(real) == 4 ? (real)__builtin_fmaf((float)x, (float)factor, (float)term)
                             : (real)__builtin_fma((double)x, (double)factor, (double)term);
}

KERNEL(random_uniform)
{
    real *out = a[1].p, width = (real)a[3].d, start = (real)a[4].d;
    long n = a[2].i;
    for (long begin = 0; begin < n; begin += RANDOM_CHUNK) {
        long many = min(n - begin, (long)RANDOM_CHUNK);
        real *part = out + begin;
        R(draw_words)(a[0].p, (random_word *)part, many * (long)(sizeof(real) / 4));
        R(to_uniform)(part, 0, many);
        if (width != 1 || start != 0)
            for (long i = 0; i < many; i++)
                part[i] = R(fused)(part[i], width, start);
    }
}

typedef struct {
    real *out;
    real mean, std;
} R(normal);

#if SINGLE
/* x y + z with one rounding. */
static inline vec R(fused_lanes)(vec x, vec y, vec z)
{
    for (int i = 0; i < LANES; i++)
        z[i] = __builtin_fmaf(x[i], y[i], z[i]);
    return z;
}
#define FUSED(x, y, z) R(fused_lanes)(x, y, z)
#define EACH(number) R(splat)(number)

/* ln of numbers in [2^-24, 1], with the roundings of Cephes logf in fused arithmetic. */
static inline vec R(log_single)(vec u)
{
    mask bits = (mask)u;
    vec m = (vec)((bits & 0x7fffff) | 0x3f000000);
    mask small = m < 0.707106781186547524f;
    vec power = __builtin_convertvector((bits >> 23) - 126 + small, vec);
    vec x = R(choose)(small, m + m, m) - 1.0f, square = x * x;
    vec y = EACH(7.0376836292e-2f);
    y = FUSED(y, x, EACH(-1.1514610310e-1f));
    y = FUSED(y, x, EACH(1.1676998740e-1f));
    y = FUSED(y, x, EACH(-1.2420140846e-1f));
    y = FUSED(y, x, EACH(1.4249322787e-1f));
    y = FUSED(y, x, EACH(-1.6668057665e-1f));
    y = FUSED(y, x, EACH(2.0000714765e-1f));
    y = FUSED(y, x, EACH(-2.4999993993e-1f));
    y = FUSED(y, x, EACH(3.3333331174e-1f));
    y = y * x;
    y = FUSED(y, square, power * -2.12194440e-4f);
    y = y - square * 0.5f;               /* products by 0.5 and by LN2_HIGH are exact, */
    return x + y + power * 0.693359375f; /* so it does not matter whether they are fused */
}

/* Sines and cosines of numbers in [0, 2 pi], with the roundings of Cephes in fused arithmetic. */
static inline void R(sin_cos_single)(vec angle, vec *sine, vec *cosine)
{
    mask quarter = (__builtin_convertvector(angle * 1.27323954473516f, mask) + 1) >> 1;
    vec multiple = __builtin_convertvector(2 * quarter, vec);
    vec x = FUSED(multiple, EACH(-0.78515625f), angle);
    x = FUSED(multiple, EACH(-2.4187564849853515625e-4f), x);
    x = FUSED(multiple, EACH(-3.77489497744594108e-8f), x);
    vec square = x * x;
    vec c = FUSED(EACH(2.443315711809948e-5f), square, EACH(-1.388731625493765e-3f));
    c = FUSED(c, square, EACH(4.166664568298827e-2f)) * square;
    c = FUSED(c, square, square * -0.5f) + 1.0f;
    vec s = FUSED(EACH(-1.9515295891e-4f), square, EACH(8.3321608736e-3f));
    s = FUSED(s, square, EACH(-1.6666654611e-1f)) * square;
    s = FUSED(s, x, x);
    const mask odd = (quarter & 1) != 0;
    vec turned_s = R(choose)(odd, c, s), turned_c = R(choose)(odd, s, c);
    *sine = (vec)((mask)turned_s ^ (quarter & 2) << 30);
    *cosine = (vec)((mask)turned_c ^ ((quarter + 1) & 2) << 30);
}

/* Pairs of words to pairs of normals, in place: eight words for radii, then eight for angles. */
static void R(normal_range)(void *context, long begin, long end)
{
    const R(normal) *c = context;
    const vec mean = EACH(c->mean), std = EACH(c->std);
    real u[RANDOM_PAIRS + LANES], v[RANDOM_PAIRS + LANES];
    for (long first = begin; first < end; first += RANDOM_PAIRS / 8) {
        const int rows = (int)min(end - first, (long)(RANDOM_PAIRS / 8));
        real *out = c->out + first * 16;
        const random_word *w = (const random_word *)out;
        for (int r = 0; r < rows; r++)
            for (int k = 0; k < 8; k++) {
                u[r * 8 + k] = 1.0f - (float)(int32_t)(w[r * 16 + k] & 0xffffffu) * 0x1p-24f;
                v[r * 8 + k] = (float)(int32_t)(w[r * 16 + 8 + k] & 0xffffffu) * 0x1p-24f;
            }
        for (int k = 0; k < LANES; k++) /* eight pairs may end within a vector */
            u[rows * 8 + k] = v[rows * 8 + k] = 1;
        for (int i = 0; i < rows * 8; i += LANES) {
            vec sine, cosine, radius = R(vsqrt)(R(log_single)(*(vec *)(u + i)) * -2);
            R(sin_cos_single)(*(vec *)(v + i) * 6.283185307179586f, &sine, &cosine);
            *(vec *)(u + i) = FUSED(radius * cosine, std, mean);
            *(vec *)(v + i) = FUSED(radius * sine, std, mean);
        }
        for (int r = 0; r < rows; r++) {
            memcpy(out + r * 16, u + r * 8, 8 * sizeof(real));
            memcpy(out + r * 16 + 8, v + r * 8, 8 * sizeof(real));
        }
    }
}
#undef FUSED
#undef EACH

#else
/* The same with the functions of the C library; each row of 16 doubles is 32 words. */
static void R(normal_range)(void *context, long begin, long end)
{
    const R(normal) *c = context;
    for (long row = begin; row < end; row++) {
        double *out = c->out + row * 16, wave[16];
        const random_word *w = (const random_word *)out;
        for (int k = 0; k < 8; k++) {
            double u = R(double_of)(w[2 * k], w[2 * k + 1]);
            double v = R(double_of)(w[2 * k + 16], w[2 * k + 17]);
            double radius = sqrt(-2.0 * log(1.0 - u)), angle = 6.283185307179586 * v;
            wave[k] = __builtin_fma(radius * cos(angle), c->std, c->mean);
            wave[k + 8] = __builtin_fma(radius * sin(angle), c->std, c->mean);
        }
        memcpy(out, wave, sizeof wave);
    }
}
#endif

KERNEL(random_normal)
{
    long n = a[2].i;
    for (long begin = 0; begin < n; begin += RANDOM_CHUNK) {
        long many = min(n - begin, (long)RANDOM_CHUNK);
        R(normal) c = {.out = (real *)a[1].p + begin, .mean = (real)a[3].d, .std = (real)a[4].d};
        R(draw_words)(a[0].p, (random_word *)c.out, many * (long)(sizeof(real) / 4));
        parallel(many / 16, 256, R(normal_range), &c);
    }
}

KERNEL(random_bernoulli)
{
    real *out = a[1].p;
    long n = a[2].i;
    double p = a[3].d;
    random_word w[2 * RANDOM_PAIRS];
    for (long begin = 0; begin < n; begin += RANDOM_PAIRS) {
        long many = min(n - begin, (long)RANDOM_PAIRS);
        R(draw_words)(a[0].p, w, 2 * many);
        for (long i = 0; i < many; i++)
            out[begin + i] = R(double_of)(w[2 * i], w[2 * i + 1]) < p;
    }
}

/* u < p says of whole numbers that u 2^53 is less than p 2^53, rounded up. */
KERNEL(random_bits)
{
    uint8_t *bits = a[1].p, under[RANDOM_PAIRS];
    long n = a[2].i;
    const uint64_t limit = (uint64_t)ceil(a[3].d * 0x1p53);
    random_word w[2 * RANDOM_PAIRS];
    for (long begin = 0; begin < n; begin += RANDOM_PAIRS) {
        long many = min(n - begin, (long)RANDOM_PAIRS);
        R(draw_words)(a[0].p, w, 2 * many);
        memset(under, 0, sizeof under);
        for (long i = 0; i < many; i++)
            under[i] = (((uint64_t)(w[2 * i] & 0x1fffffu) << 32) | w[2 * i + 1]) < limit;
        for (long i = 0; i < many; i += 8, bits++) {
            *bits = 0;
            for (int k = 0; k < 8; k++)
                *bits |= (uint8_t)(under[i + k] << k);
        }
    }
}

KERNEL(random_shuffle)
{
    random_place *order = a[1].p;
    random_word w[2 * RANDOM_PAIRS];
    long n = a[2].i;
    for (long i = 0; i < n; i++)
        order[i] = i;
    for (long begin = 0; begin < n - 1; begin += 2 * RANDOM_PAIRS) {
        long many = min(n - 1 - begin, (long)(2 * RANDOM_PAIRS));
        R(draw_words)(a[0].p, w, many);
        for (long i = 0; i < many; i++) {
            long place = begin + i, other = place + (long)(w[i] % (uint32_t)(n - place));
            int64_t kept = order[place];
            order[place] = order[other];
            order[other] = kept;
        }
    }
}
