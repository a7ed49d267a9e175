/* Functions of float32 that are worked out in double, half a vector at a time, and rounded once: the
 * result is within 0.51 units in the last place. They are steps without branches.
 *
 * Reference: NumPy's function of that name, in whose place they are used (ufuncs.c); its own are
 * within 1.4 to 3.6 units. Special values are those of C's functions. The polynomials are the first
 * terms of a series, or interpolate at Chebyshev's points: errors of at most 2e-9 in what is summed.
 */
#define wide R(doubles)
#define long_mask JOIN(long_mask, REAL, LEVEL)
typedef int64_t long_mask __attribute__((vector_size(VBYTES)));

/* A kernel from a function of doubles. */
#define WIDE(NAME, A)                                                                              \
    static inline wide R(NAME##_wide)(wide A);                                                     \
    POINTWISE1(wide_##NAME, A)                                                                     \
    {                                                                                              \
        R(half) half[2];                                                                           \
        memcpy(half, &A, sizeof half);                                                             \
        for (int i = 0; i < 2; i++)                                                                \
            half[i] = R(narrow)(R(NAME##_wide)(R(widen)(half[i])));                                \
        memcpy(&A, half, sizeof half);                                                             \
        return A;                                                                                  \
    }                                                                                              \
    static inline wide R(NAME##_wide)(wide A)

/* These are within one unit as they are. */
POINTWISE1(wide_exp, x) { return R(vexp)(x); }
POINTWISE1(wide_exp2, x) { return R(vexp2)(x); }

#define NONE ((wide){0})
#define LN_2 0.69314718055994530942
#define HALF_PI 1.57079632679489661923
#define MAGIC 6755399441055744.0 /* adding it rounds to a whole number, which stands in the low bits */

/* Where m is true a, else b. */
static inline wide R(either)(long_mask m, wide a, wide b)
{
    return (wide)((m & (long_mask)a) | (~m & (long_mask)b));
}

static inline wide R(size_of)(wide x)
{
    return (wide)((long_mask)x & INT64_MAX);
}

static inline wide R(signed_as)(wide size, wide x)
{
    return (wide)((long_mask)size | ((long_mask)x & INT64_MIN));
}

static inline wide R(at_most)(wide x, double most)
{
    return R(either)(x > most, NONE + most, x); /* NaN stays */
}

static inline wide R(wide_root)(wide x)
{
    for (int i = 0; i < LANES / 2; i++)
        x[i] = sqrt(x[i]);
    return x;
}

/* e^r - 1 for x = k ln 2 + r, |x| < 708, |r| <= ln 2 / 2; 2^k is put to `power`. */
static inline wide R(growth_of)(wide x, wide *power)
{
    wide shifted = x * (1 / LN_2) + MAGIC, k = shifted - MAGIC, r = x - k * LN_2;
    wide sum = r * (1. / 40320) + 1. / 5040;
    sum = ((sum * r + 1. / 720) * r + 1. / 120) * r + 1. / 24;
    sum = ((sum * r + 1. / 6) * r + 1. / 2) * r + 1;
    *power = (wide)(((long_mask)shifted + 1023) << 52);
    return sum * r;
}

static inline wide R(grown_less_one)(wide x)
{
    wide power, growth = R(growth_of)(x, &power);
    return power * growth + (power - 1);
}

static inline wide R(exp_wide_of)(wide x)
{
    wide power, growth = R(growth_of)(R(either)(x < -700, NONE - 700, R(at_most)(x, 700)), &power);
    return power * growth + power;
}

/* m and k of x = 2^k m, with m from the root of a half to the root of 2. */
static inline wide R(fraction_of)(wide x, wide *k)
{
    const int64_t root_half = 0x3fe6a09e667f3bcd;
    long_mask exponent = ((long_mask)x - root_half) >> 52;
    *k = __builtin_convertvector(exponent, wide);
    return (wide)((long_mask)x - (exponent << 52));
}

/* log m = 2 (s + s^3 / 3 + s^5 / 5 + ...), s = (m - 1) / (m + 1). */
static inline wide R(log_of_fraction)(wide m)
{
    wide s = (m - 1) / (m + 1), z = s * s;
    wide sum = (z * (2. / 11) + 2. / 9) * z + 2. / 7;
    sum = ((sum * z + 2. / 5) * z + 2. / 3) * z + 2;
    return sum * s;
}

/* The logarithm y of x, where that is no special value. */
static inline wide R(with_ends)(wide y, wide x)
{
    wide far = NONE + (double)INFINITY;
    y = R(either)((x > 0) & (x < far), y, x);
    y = R(either)(x < 0, NONE + (double)NAN, y);
    return R(either)(x == 0, -far, y);
}

static inline wide R(log_wide_of)(wide x)
{
    wide k, m = R(fraction_of)(x, &k);
    return R(with_ends)(k * LN_2 + R(log_of_fraction)(m), x);
}

WIDE(expm1, x)
{
    wide y = R(grown_less_one)(R(either)(x < -100, NONE - 100, R(at_most)(x, 100)));
    return R(either)(x == 0, x, y);
}

WIDE(log, x) { return R(log_wide_of)(x); }

WIDE(log2, x)
{
    wide k, m = R(fraction_of)(x, &k);
    return R(with_ends)(k + R(log_of_fraction)(m) * (1 / LN_2), x);
}

WIDE(log10, x) { return R(log_wide_of)(x) * 0.43429448190325182765; }

WIDE(log1p, x)
{
    wide near = x - x * x * 0.5;
    return R(either)(R(size_of)(x) < 0x1p-20, near, R(log_wide_of)(x + 1));
}

WIDE(arctanh, x)
{
    wide near = x + x * x * x * (1. / 3);
    return R(either)(R(size_of)(x) < 0x1p-12, near, R(log_wide_of)((1 + x) / (1 - x)) * 0.5);
}

WIDE(tanh, x)
{
    wide y = R(grown_less_one)(R(at_most)(R(size_of)(x), 20) * 2);
    return R(signed_as)(y / (y + 2), x);
}

WIDE(sinh, x)
{
    wide y = R(grown_less_one)(R(at_most)(R(size_of)(x), 100));
    return R(signed_as)((y + y / (y + 1)) * 0.5, x);
}

WIDE(cosh, x)
{
    wide y = R(grown_less_one)(R(at_most)(R(size_of)(x), 100)) + 1;
    return (y + 1 / y) * 0.5;
}

/* arcsin x for 0 <= x <= 1/2. */
static inline wide R(small_arcsin)(wide x)
{
    wide z = x * x;
    wide sum = (z * 0.03097454037136 + 0.01057441551691) * z + 0.02361181700889;
    sum = ((sum * z + 0.03026913872859) * z + 0.04464766388813) * z + 0.07499992404402;
    return x + x * (z * (sum * z + 0.1666666668609));
}

/* From 1/2 on by the half angle: arccos x = 2 arcsin of the root of (1 - x) / 2. */
WIDE(arcsin, x)
{
    wide a = R(size_of)(x), rest = R(wide_root)((1 - a) * 0.5);
    long_mask small = a <= 0.5;
    wide y = R(small_arcsin)(R(either)(small, a, rest));
    return R(signed_as)(R(either)(small, y, HALF_PI - 2 * y), x);
}

WIDE(arccos, x)
{
    wide a = R(size_of)(x), rest = R(wide_root)((1 - a) * 0.5);
    long_mask small = a <= 0.5;
    wide y = R(small_arcsin)(R(either)(small, a, rest));
    wide far = R(either)(x < 0, 2 * HALF_PI - 2 * y, 2 * y);
    return R(either)(small, HALF_PI - R(signed_as)(y, x), far);
}

/* arctan t for 0 <= t <= 1. */
static inline wide R(small_arctan)(wide t)
{
    wide z = t * t;
    wide sum = (z * 0.001057607438057 - 0.007030669470424) * z + 0.02191294586545;
    sum = ((sum * z - 0.04392841073327) * z + 0.06685281517877) * z - 0.08785043282363;
    sum = ((sum * z + 0.1105077127585) * z - 0.1427857602481) * z + 0.1999955810036;
    return ((sum * z - 0.3333332248891) * z + 0.9999999995535) * t;
}

WIDE(arctan, x)
{
    wide a = R(size_of)(x);
    long_mask large = a > 1;
    wide y = R(small_arctan)(R(either)(large, 1 / a, a));
    return R(signed_as)(R(either)(large, HALF_PI - y, y), x);
}

/* The angle of the point (x, y), by the smaller over the larger of the two. */
static inline wide R(direction)(wide y, wide x)
{
    wide a = R(size_of)(y), b = R(size_of)(x);
    long_mask steep = a > b;
    wide less = R(either)(steep, b, a), more = R(either)(steep, a, b);
    wide same = R(either)(more == 0, NONE, NONE + 1); /* also of two infinities */
    wide turn = R(small_arctan)(R(either)(less == more, same, less / more));
    turn = R(either)(steep, HALF_PI - turn, turn);
    return R(signed_as)(R(either)((long_mask)x < 0, 2 * HALF_PI - turn, turn), y);
}

POINTWISE2(wide_atan2, y, x)
{
    R(half) one[2], two[2];
    memcpy(one, &y, sizeof one);
    memcpy(two, &x, sizeof two);
    for (int i = 0; i < 2; i++)
        one[i] = R(narrow)(R(direction)(R(widen)(one[i]), R(widen)(two[i])));
    memcpy(&y, one, sizeof one);
    return y;
}

/* sin(x + quarter pi / 2), |x| < 2^20, from the nearest multiple of pi / 2: that is taken away in
 * two parts, of which the first has so few digits that its product with the multiple is exact.
 */
static inline wide R(sine)(wide x, int64_t quarter)
{
    wide shifted = x * (1 / HALF_PI) + MAGIC, k = shifted - MAGIC;
    wide r = x - k * 0x1.921fb544p+0 - k * 0x1.0b4611a626331p-34, z = r * r;
    wide sine = (z * 2.71696430911e-6 - 0.0001983916083153) * z + 0.008333328645003;
    sine = r * (z * (sine * z - 0.1666666663017) + 1); /* a zero keeps its sign */
    wide cosine = (z * -2.716961555117e-7 + 2.479887554656e-5) * z - 0.001388888013719;
    cosine = ((cosine * z + 0.04166666653894) * z - 0.5) * z + 1;
    long_mask place = (long_mask)shifted + quarter;
    wide y = R(either)((place & 1) == 1, cosine, sine);
    return (wide)((long_mask)y ^ ((place & 2) << 62));
}

/* What is large goes to the C library. */
#define TURNING(NAME, IN_C, VALUE)                                                                 \
    WIDE(NAME##_near, x) { return VALUE; }                                                         \
    static void R(wide_##NAME##_walk)(const char **p, const long *step, real *out, long n)           \
    {                                                                                              \
        enum { BLOCK = 256 };                                                                      \
        for (long start = 0; start < n; start += BLOCK) {                                          \
            const char *from = p[0] + (step[0] ? start * (long)sizeof(real) : 0);                  \
            const real *x = (const real *)from;                                                    \
            const long count = min(n - start, (long)BLOCK);                                        \
            int odd = 0;                                                                           \
            real kept[BLOCK]; /* the result may lie where x does */                                \
            for (long i = 0; i < count; i++) {                                                     \
                kept[i] = x[step[0] ? i : 0];                                                      \
                odd |= !(fabsf(kept[i]) < 1e6f);                                                   \
            }                                                                                      \
            R(wide_##NAME##_near_walk)(&from, step, out + start, count);                                  \
            for (long i = 0; odd && i < count; i++)                                                \
                if (!(fabsf(kept[i]) < 1e6f))                                                      \
                    out[start + i] = IN_C(kept[i]);                                                \
        }                                                                                          \
    }                                                                                              \
    KERNEL(wide_##NAME) { R(pointwise)(a, 1, R(wide_##NAME##_walk)); }
TURNING(sin, sinf, R(sine)(x, 0))
TURNING(cos, cosf, R(sine)(x, 1))
TURNING(tan, tanf, R(sine)(x, 0) / R(sine)(x, 1))

/* The error function near 0: its series. */
static inline wide R(erf_near)(wide x)
{
    wide z = x * x, sum = (z * (-1. / 75600) + 1. / 9360) * z - 1. / 1320;
    sum = (((sum * z + 1. / 216) * z - 1. / 42) * z + 1. / 10) * z - 1. / 3;
    return x * (sum * z + 1) * 1.12837916709551257390;
}

/* What is missing to 1 in its tail, over e^(-a^2), a > 0 (vtail of vmath.h). */
static inline wide R(erf_tail)(wide a)
{
    wide over = 1 / (a * 1.41421356237309504880 + 3.5), u = 1 - 7 * over;
    wide sum = (-4.79235703627e-5 * u + 3.47670765784e-5) * u + 0.000448069056427;
    sum = ((sum * u - 0.000418067580013) * u - 0.00317492041065) * u + 0.00646546060893;
    sum = ((sum * u + 0.0174045977872) * u - 0.116049109233) * u + 0.315425242161;
    return 2 * ((sum * u - 0.565561903834) * u + 0.744416071703) * over;
}

WIDE(erf, x)
{
    wide a = R(at_most)(R(size_of)(x), 5);
    wide far = 1 - (R(grown_less_one)(-a * a) + 1) * R(erf_tail)(a);
    return R(either)(R(size_of)(x) < 0.5, R(erf_near)(x), R(signed_as)(far, x));
}

/* One step by the slope of the error function from y, which is nearly where it is a, 0 <= a <= 1. */
static inline wide R(nearer)(wide y, wide a)
{
    wide bell = R(grown_less_one)(-y * y) + 1;
    wide off = R(either)(a < 0.5, R(erf_near)(y) - a, (1 - a) - bell * R(erf_tail)(y));
    return y - off / bell * 0.88622692545275801365;
}

/* The inverse of the error function: x p(w), w = -log(1 - x^2), p a polynomial near the middle and one
 * of the root of w in the tails (M. Giles, "Approximating the erfinv function", GPU Computing Gems,
 * 2011), and one step from there.
 */
POINTWISE1(wide_erfinv, x)
{
    vec a = R(magnitude)(x), w = -R(vlog)((1 - a) * (1 + a)), v = w - 2.5f;
    vec near = (v * 2.81022636e-8f + 3.43273939e-7f) * v - 3.5233877e-6f;
    near = ((near * v - 4.39150654e-6f) * v + 0.00021858087f) * v - 0.00125372503f;
    near = ((near * v - 0.00417768164f) * v + 0.246640727f) * v + 1.50140941f;
    v = R(vsqrt)(w) - 3;
    vec far = (v * -0.000200214257f + 0.000100950558f) * v + 0.00134934322f;
    far = ((far * v - 0.00367342844f) * v + 0.00573950773f) * v - 0.0076224613f;
    far = ((far * v + 0.00943887047f) * v + 1.00167406f) * v + 2.83297682f;
    vec y = R(choose)(w < 5, near, far) * a;
    R(half) one[2], two[2];
    memcpy(one, &y, sizeof one);
    memcpy(two, &a, sizeof two);
    for (int i = 0; i < 2; i++)
        one[i] = R(narrow)(R(nearer)(R(widen)(one[i]), R(widen)(two[i])));
    memcpy(&y, one, sizeof one);
    return R(with_sign)(R(choose)(a == 1, R(splat)((real)INFINITY), y), x);
}

#undef WIDE
#undef TURNING
#undef NONE
#undef LN_2
#undef HALF_PI
#undef MAGIC
#undef wide
#undef long_mask
