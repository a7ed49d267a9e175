/* Functions of vectors, to about one unit in the last place, with the special values of C's own:
 *
 *     vexp, vexp2, vexp_below (of at most 0), vexpm1 (of -87..80, float, or -700..700), vlog1p (of 0..1),
 *     vlog, vtanh, vsigmoid,
 *     vnormal: the chance that a normal number is below x, and its density
 *
 * Each is the same for every lane and every level but for fused multiply-adds. The polynomials are
 * those of Taylor on an interval where they are short, and one of Chebyshev's (vnormal).
 */

/* 2 to the power of whole numbers that lie in the low bits of `n`; in two steps, which reach from
 * the least denormal number to infinity.
 */
static inline vec R(scaled)(vec v, mask n)
{
    const int bits = sizeof(real) == 4 ? 23 : 52;
    const whole bias = sizeof(real) == 4 ? 127 : 1023;
    mask half = n >> 1, rest = n - half;
    return v * (vec)((half + bias) << bits) * (vec)((rest + bias) << bits);
}

/* x = n ln 2 + r, |r| <= ln 2 / 2: r, and n as whole numbers. */
static inline vec R(reduced)(vec x, mask *n)
{
    const int single = sizeof(real) == 4;
    /* 1.5 times 2^23 or 2^52: adding it rounds to a whole number, which stands in the low bits. */
    const real magic = single ? (real)12582912.0 : (real)6755399441055744.0;
    vec shifted = x * (real)1.4426950408889634074 + magic, k = shifted - magic;
    *n = (mask)shifted - (mask)R(splat)(magic);
    /* ln 2 in two parts, the first so short that its product with n is exact. */
    const real high = single ? (real)0.693359375 : (real)6.93147180369123816490e-01;
    const real low = single ? (real)-2.12194440054690583e-4 : (real)1.90821492927058770002e-10;
    return x - k * high - k * low;
}

/* (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2. */
static inline vec R(exp_tail)(vec r)
{
    static const real inverse[] = {1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040,
                                   1. / 40320, 1. / 362880, 1. / 3628800, 1. / 39916800,
                                   1. / 479001600, 1. / 6227020800};
    int last = sizeof(real) == 4 ? 5 : 11;
    vec sum = R(splat)(inverse[last]);
    for (int i = last - 1; i >= 0; i--)
        sum = sum * r + inverse[i];
    return sum;
}

static inline vec R(limited)(vec x, real least, real most)
{
    vec a = R(splat)(least), b = R(splat)(most);
    x = R(choose)(x < a, a, x); /* NaN stays */
    return R(choose)(x > b, b, x);
}

static inline vec R(vexp)(vec x)
{
    const int single = sizeof(real) == 4;
    mask n;
    vec r = R(reduced)(R(limited)(x, single ? -104 : -746, single ? 89 : 710), &n);
    return R(scaled)(r * r * R(exp_tail)(r) + r + 1, n);
}

/* 2^x; what is taken from x leaves its fraction without error. */
static inline vec R(vexp2)(vec x)
{
    const int single = sizeof(real) == 4;
    const real magic = single ? (real)12582912.0 : (real)6755399441055744.0;
    x = R(limited)(x, single ? -151 : -1076, single ? 129 : 1025);
    vec shifted = x + magic, r = (x - (shifted - magic)) * (real)0.69314718055994530942;
    mask n = (mask)shifted - (mask)R(splat)(magic);
    return R(scaled)(r * r * R(exp_tail)(r) + r + 1, n);
}

/* The same as vexp of what is at most 0 (or NaN), with fewer steps. */
static inline vec R(vexp_below)(vec x)
{
    const int single = sizeof(real) == 4, bits = single ? 23 : 52;
    const whole shift = single ? 64 : 512, bias = single ? 127 : 1023; /* n + shift is normal */
    const real back = single ? (real)0x1p-64 : (real)0x1p-512;
    vec least = R(splat)(single ? -104 : -746);
    mask n;
    vec r = R(reduced)(R(choose)(x < least, least, x), &n);
    return (r * r * R(exp_tail)(r) + r + 1) * (vec)((n + (bias + shift)) << bits) * back;
}

static inline vec R(vexpm1)(vec x)
{
    const int single = sizeof(real) == 4;
    mask n;
    vec r = R(reduced)(R(limited)(x, single ? -87 : -700, single ? 80 : 700), &n);
    vec small = r * r * R(exp_tail)(r) + r, power = R(scaled)(R(splat)(1), n);
    return power * small + (power - 1);
}

static inline vec R(vtanh)(vec x)
{
    vec e = R(vexpm1)(R(limited)(x, -30, 30) * 2);
    vec y = e / (e + 2);
    return R(choose)(x == 0, x, y); /* the sign of zero */
}

static inline vec R(vsigmoid)(vec x)
{
    return 1 / (R(vexp)(-x) + 1);
}

/* log(2^k (1 + f)), |f| < 0.42, by log((1 + s) / (1 - s)) = 2 (s + s^3 / 3 + s^5 / 5 + ...). */
static inline vec R(log_of_parts)(vec k, vec f)
{
    const int single = sizeof(real) == 4;
    vec s = f / (f + 2), z = s * s, half = f * f * (real)0.5;
    int last = single ? 4 : 10;
    vec sum = R(splat)((real)2 / (real)(2 * last + 1));
    for (int i = last - 1; i > 0; i--)
        sum = sum * z + (real)2 / (real)(2 * i + 1);
    const real high = single ? (real)0.693359375 : (real)6.93147180369123816490e-01;
    const real low = single ? (real)-2.12194440054690583e-4 : (real)1.90821492927058770002e-10;
    return k * high - ((half - (s * (half + z * sum) + k * low)) - f);
}

/* log(1 + u) for 0 <= u <= 1. */
static inline vec R(vlog1p)(vec u)
{
    mask large = u > (real)0.41421356237309505; /* then 1 + u = 2 (1 + f) */
    vec f = R(choose)(large, (u - 1) * (real)0.5, u);
    return R(log_of_parts)(R(choose)(large, R(splat)(1), R(splat)(0)), f);
}

static inline vec R(vlog)(vec x)
{
    const int single = sizeof(real) == 4, bits = single ? 23 : 52;
    const whole bias = single ? 127 : 1023;
    const real up = single ? (real)0x1p23 : (real)0x1p52;
    mask denormal = x < (single ? (real)0x1p-126 : (real)0x1p-1022);
    vec y = R(choose)(denormal, x * up, x), one = R(splat)(1), far = R(splat)((real)INFINITY);
    mask place = ((mask)y >> bits) - bias - (denormal & bits);
    mask fraction = (mask){0} + (((whole)1 << bits) - 1);
    vec m = (vec)(((mask)y & fraction) | (mask)one);
    mask large = m > (real)1.41421356237309505;
    m = R(choose)(large, m * (real)0.5, m);
    y = R(log_of_parts)(__builtin_convertvector(place - large, vec), m - 1);
    y = R(choose)((x > 0) & (x < far), y, x); /* infinity and NaN stay */
    y = R(choose)(x < 0, (vec)((mask)far | ((mask){0} + 1)), y);
    return R(choose)(x == 0, -far, y);
}

/* The chance that a normal number is below -a, over e^(-a^2 / 2), for a >= 0: H / (a + 3.5), where
 * H is a polynomial in (a - 3.5) / (a + 3.5) with a relative error of 1.3e-8, or 5e-17.
 */
static inline vec R(vtail)(vec a)
{
    static const real few[] = {
    0.744416071703, -0.565561903834, 0.315425242161, -0.116049109233, 0.0174045977872,
    0.00646546060893, -0.00317492041065, -0.000418067580013, 0.000448069056427, 3.47670765784e-5,
    -4.79235703627e-5
    };
    static const real many[] = {
    0.7444160754359381273, -0.56556181605377837621, 0.31542496988795269384,
    -0.11605092871414294553, 0.01740783260202747047, 0.0064762189218880904611,
    -0.0031891010475832244018, -0.00044501297918066419678, 0.00047665708973309443056,
    0.000067033466715961298065, -0.000075584549638017283755, -0.000018790062449242523983,
    0.000011506034522830003994, 5.6556523709886555885e-6, -1.1629746158325061653e-6,
    -1.4870963746577548734e-6, -1.4781565161464043215e-7, 3.0546014295383236099e-7,
    1.3067579221999840398e-7, -3.9867549554601594887e-8, -4.2597660471839944708e-8,
    1.07854621262907273e-9, 8.2294134142328633388e-9, 3.94527594178066867e-10,
    -7.6951435244926081135e-10
    };
    const int single = sizeof(real) == 4, last = single ? 10 : 24;
    const real *c = single ? few : many;
    vec inverse = 1 / (a + (real)3.5), u = 1 - inverse * 7, sum = R(splat)(c[last]);
    for (int i = last - 1; i >= 0; i--)
        sum = sum * u + c[i];
    return sum * inverse;
}

/* The chance that a normal number is below x, relatively exact in both tails; e^(-x^2 / 2) /
 * sqrt(2 pi) is put to `density`.
 */
static inline vec R(vnormal)(vec x, vec *density)
{
    const int single = sizeof(real) == 4;
    const mask front = (mask){0} + (single ? (whole)0xfffff000 : (whole)0xfffffffff8000000);
    vec a = R(choose)(x < 0, -x, x);
    a = R(choose)(a > 40, R(splat)(40), a);
    vec top = (vec)((mask)a & front); /* few enough digits that its square is exact */
    vec d = (a - top) * (a + top) * (real)-0.5; /* what that takes from the exponent */
    vec bell = R(vexp_below)(top * top * (real)-0.5);
    bell += bell * (d * (d * (d * (d * (real)(1. / 24) + (real)(1. / 6)) + (real)0.5) + 1));
    *density = bell * (real)0.39894228040143267794;
    vec below = bell * R(vtail)(a);
    return R(choose)(x > 0, 1 - below, below);
}
