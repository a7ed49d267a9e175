/* Special functions, for which the C library has one element at a time, or nothing.
 *
 * Reference: the op of that name in ops/elementwise; SciPy's values. Each is a short polynomial, of
 * fewer terms in float32, times an exponential or a root.
 */

/* e^(-a^2) for |a| < 26, to 2e-10. */
static inline double R(bell_one)(double a)
{
    const double magic = 6755399441055744.0; /* adding it rounds to a whole number */
    double shifted = -a * a * 1.4426950408889634074 + magic, k = shifted - magic;
    double r = -a * a - k * 0.69314718055994530942;
    double e = 1. / 40320 * r + 1. / 5040;
    e = (((e * r + 1. / 720) * r + 1. / 120) * r + 1. / 24) * r + 1. / 6;
    e = ((e * r + 1. / 2) * r + 1) * r + 1;
    int64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (int64_t)(((uint64_t)bits + 1023) << 52); /* 2^k: k stands in the low bits */
    double power;
    memcpy(&power, &bits, sizeof power);
    return power * e;
}

/* 1 - erf(x), relatively exact where it is small: twice the chance below -sqrt(2) x. Of float32 in
 * double, one element after the other in steps without branches, which the compiler makes vectors
 * of; of float64 the square of x is taken in two parts, the first of them exact (see vnormal).
 */
static inline double R(erfc_one)(double x, double a)
{
    double over = 1 / (a * 1.41421356237309504880 + 3.5), u = 1 - 7 * over;
    double sum = (-4.79235703627e-5 * u + 3.47670765784e-5) * u + 0.000448069056427;
    sum = ((sum * u - 0.000418067580013) * u - 0.00317492041065) * u + 0.00646546060893;
    sum = ((sum * u + 0.0174045977872) * u - 0.116049109233) * u + 0.315425242161;
    sum = (sum * u - 0.565561903834) * u + 0.744416071703;
    double beyond = 2 * R(bell_one)(a) * sum * over;
    double sign = copysign(1, x);
    return 1 - sign + sign * beyond; /* below zero 2 - beyond */
}

static inline vec R(erfc_of)(vec x)
{
    const mask front = (mask){0} + (whole)0xfffffffff8000000;
    vec a = R(choose)(x < 0, -x, x);
    a = R(choose)(a > 30, R(splat)(30), a);
    vec top = (vec)((mask)a & front);
    vec d = (a - top) * (a + top) * -1;
    vec bell = R(vexp_below)(-top * top);
    bell += bell * (d * (d * (d * (d * (real)(1. / 24) + (real)(1. / 6)) + (real)0.5) + 1));
    vec beyond = 2 * bell * R(vtail)(a * (real)1.41421356237309504880);
    return R(choose)(x < 0, 2 - beyond, beyond);
}
WALK(erfc_in_vectors, 1, R(erfc_of)(R(at)(a)), R(erfc_of)(LAST_OF(a)))

static void R(erfc_walk)(const char **p, const long *step, real *out, long n)
{
    if (sizeof(real) == 8) {
        R(erfc_in_vectors_walk)(p, step, out, n);
        return;
    }
    enum { BLOCK = 256 };
    for (long start = 0; start < n; start += BLOCK) {
        int count = (int)min(n - start, (long)BLOCK);
        double x[BLOCK], size[BLOCK];
        for (int i = 0; i < count; i++)
            x[i] = (double)((const real *)p[0])[step[0] ? start + i : 0];
        for (int i = 0; i < count; i++)
            size[i] = fabs(x[i]) > 12 ? 12 : fabs(x[i]); /* beyond, the result is 0 or 2 */
        for (int i = 0; i < count; i++)
            out[start + i] = (real)R(erfc_one)(x[i], size[i]);
    }
}
KERNEL(erfc) { R(pointwise)(a, 1, R(erfc_walk)); }

/* The error function: of float32 in double; of float64 its series, and beyond 1/2 what erfc leaves. */
#if SINGLE
POINTWISE1(erf, x) { return R(wide_erf_of)(x); }
#else
POINTWISE1(erf, x)
{
    vec z = x * x, term = R(splat)(1), sum = R(splat)(0);
    for (int k = 1; k < 14; k++) {
        term *= z * (real)(-1. / k);
        sum += term * (real)(1. / (2 * k + 1));
    }
    vec near = (x + x * sum) * (real)1.12837916709551257390;
    vec a = R(magnitude)(x);
    return R(choose)(a < (real)0.5, near, R(with_sign)(1 - R(erfc_of)(a), x));
}
#endif

/* The angle of the point (x, y), and the inverse error function: of float64 one by one. Of the latter
 * the polynomial of float32 begins, and each step by the slope and the curve trebles its digits; in
 * the tails by what is missing to 1, which is exact.
 */
#if SINGLE
POINTWISE2(atan2, y, x) { return R(wide_atan2_of)(y, x); }
POINTWISE1(erfinv, x) { return R(wide_erfinv_of)(x); }
#else
POINTWISE2(atan2, y, x)
{
    for (int i = 0; i < LANES; i++)
        y[i] = atan2(y[i], x[i]);
    return y;
}

static inline double R(erfinv_one)(double a)
{
    if (!(a < 1))
        return a == 1 ? (double)INFINITY : (double)NAN;
    double w = -log1p(-a * a), v = w < 5 ? w - 2.5 : sqrt(w) - 3;
    double y = w < 5 ? a * ((v * -0.00417768164 + 0.246640727) * v + 1.50140941)
                     : a * (v * 1.00167406 + 2.83297682);
    for (int step = 0; step < 4; step++) {
        double off = a < 0.5 ? erf(y) - a : (1 - a) - erfc(y);
        double slide = off * exp(y * y) * 0.88622692545275801365;
        y -= slide / (1 + y * slide);
    }
    return y;
}

POINTWISE1(erfinv, x)
{
    for (int i = 0; i < LANES; i++)
        x[i] = copysign(R(erfinv_one)(fabs(x[i])), x[i]);
    return x;
}
#endif

/* The logarithm of the gamma function. Of positive float32 in double by Lanczos' sum with g = 7 and
 * nine terms, which is exact to 1e-15; the C library does the other elements, and float64.
 */
static inline double R(log_one)(double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    /* x = 2^k m with m around 1: the bits of the root of a half are those where k begins. */
    int64_t k = (int64_t)((uint64_t)bits - 0x3fe6a09e667f3bcdu) >> 52;
    bits = (int64_t)((uint64_t)bits - ((uint64_t)k << 52));
    double m;
    memcpy(&m, &bits, sizeof m);
    double s = (m - 1) / (m + 1), z = s * s;
    double sum = (2. / 19 * z + 2. / 17) * z + 2. / 15;
    sum = ((sum * z + 2. / 13) * z + 2. / 11) * z + 2. / 9;
    sum = ((sum * z + 2. / 7) * z + 2. / 5) * z + 2. / 3;
    return (double)(int)k * 0.69314718055994530942 + (s * z * sum + 2 * s);
}

static inline double R(lgamma_one)(double x)
{
    double t = x + 6.5;
    double sum = 0.99999999999980993 + 676.5203681218851 / x - 1259.1392167224028 / (x + 1) +
                 771.32342877765313 / (x + 2) - 176.61502916214059 / (x + 3) +
                 12.507343278686905 / (x + 4) - 0.13857109526572012 / (x + 5) +
                 9.9843695780195716e-6 / (x + 6) + 1.5056327351493116e-7 / (x + 7);
    return (x - 0.5) * R(log_one)(t) - t + R(log_one)(sum * 2.5066282746310005024);
}

static void R(lgamma_walk)(const char **p, const long *step, real *out, long n)
{
    enum { BLOCK = 256 };
    for (long start = 0; start < n; start += BLOCK) {
        int count = (int)min(n - start, (long)BLOCK), odd = sizeof(real) == 8;
        double x[BLOCK], y[BLOCK];
        for (int i = 0; i < count; i++)
            x[i] = (double)((const real *)p[0])[step[0] ? start + i : 0];
        for (int i = 0; i < count; i++)
            odd |= !(x[i] > 0) | !(x[i] < (double)INFINITY);
        for (int i = 0; sizeof(real) == 4 && i < count; i++)
            y[i] = R(lgamma_one)(x[i]);
        for (int i = 0; odd && i < count; i++)
            if (sizeof(real) == 8 || !(x[i] > 0) || !(x[i] < (double)INFINITY))
                y[i] = lgamma(x[i]);
        for (int i = 0; i < count; i++)
            out[start + i] = (real)y[i];
    }
}
KERNEL(lgamma) { R(pointwise)(a, 1, R(lgamma_walk)); }

/* g times a bell curve. */
POINTWISE3(bell_product, g, x, height) { return g * (R(vexp)(-(x * x)) * height); }

/* A sum of Chebyshev's polynomials of t, by Clenshaw's recurrence. */
static inline vec R(chebyshev_sum)(vec t, const real *c, int count)
{
    vec two = t + t, above = (vec){0}, now = (vec){0};
    for (int k = count - 1; k > 0; k--) {
        vec next = two * now - above + c[k];
        above = now;
        now = next;
    }
    return t * now - above + c[0];
}

/* Of the modified Bessel functions of the first kind times e^-|x|: up to 8 in x / 4 - 1 (that of
 * order 1 divided by x), from there on times the root of x, in 16 / x - 1. Interpolated in 60
 * digits at Chebyshev's points; what is left out is below a third of 1e-8, or of 1e-17.
 */
static const real R(i0_near)[] = {
    0.33839763720473803, -0.3046826723431984, 0.17162090152220877, -0.094901097048047639,
    0.049305284239670712, -0.023737414805899471, 0.010546460394594998,
    -0.0043243099950505759, 0.0016394756169413357, -0.00057637557453858236,
    0.00018850288509584165, -5.754195010082104e-05, 1.6448448070728896e-05,
    -4.4167383584587505e-06, 1.1173875391201037e-06, -2.6707938539406119e-07,
    6.0469950225419186e-08, -1.300025009986248e-08, 2.6598237246823866e-09,
    -5.1897956016352627e-10, 9.675809035373237e-11, -1.7268262914415559e-11,
    2.9550526631296399e-12, -4.856446783111929e-13, 7.6761854986049361e-14,
    -1.1685332877993451e-14, 1.7153912855551331e-15, -2.4312798465479549e-16,
    3.3307945188222384e-17, -4.4153416464793395e-18
};
static const real R(i0_far)[] = {
    0.40224520550705439, 0.0033691164782556943, 6.8897583469168245e-05,
    2.8913705208347567e-06, 2.0489185894690638e-07, 2.266668990498178e-08,
    3.3962320257083865e-09, 4.9406023882249701e-10, 1.1889147107846439e-11,
    -3.1499165279632416e-11, -1.3215811840447713e-11, -1.7941785315068062e-12,
    7.180124451383666e-13, 3.8527783827421426e-13, 1.54008621752141e-14,
    -4.1505693472872222e-14, -9.5548466988283073e-15, 3.8116806693526208e-15,
    1.7725601330565245e-15, -3.4254856196771421e-16, -2.8276239805166458e-16,
    3.4612228676956579e-17, 4.4656214203020778e-17, -4.8305044859640105e-18,
    -7.2331804880438443e-18
};
static const real R(i1_near)[] = {
    0.12629359322181682, -0.17641651835783406, 0.10264365868984709, -0.052945981208094989,
    0.024726449030626516, -0.010564084894626197, 0.0041564229443128882,
    -0.0015135724506312532, 0.00051228595616857576, -0.00016176081582589674,
    4.7815651075500542e-05, -1.3273163656039436e-05, 3.4702513081376785e-06,
    -8.5687202646954547e-07, 2.0032947535521353e-07, -4.4450591287963281e-08,
    9.3815373864957726e-09, -1.8872497517228294e-09, 3.6255902815521172e-10,
    -6.6634897235020271e-11, 1.1736186298890901e-11, -1.9839743977649436e-12,
    3.2237933659455748e-13, -5.0421855047279118e-14, 7.6006842947354077e-15,
    -1.1055969477353862e-15, 1.5536319577362005e-16, -2.111421214358166e-17,
    2.7779141127610464e-18
};
static const real R(i1_far)[] = {
    0.38928811750914005, -0.0097610974913614687, -0.00011058893876262371,
    -3.8825648088776906e-06, -2.5122362378702088e-07, -2.6314688468895196e-08,
    -3.835380385964237e-09, -5.5897434621965838e-10, -1.8974958123505413e-11,
    3.2526035830154884e-11, 1.4125807436613782e-11, 2.0356285441470896e-12,
    -7.1985517762459084e-13, -4.0835511110921974e-13, -2.1015418427726643e-14,
    4.2724400167119517e-14, 1.0420276984128802e-14, -3.8144030724370068e-15,
    -1.8803547755107805e-15, 3.3082023109208501e-16, 2.9626289976460157e-16,
    -3.2095259219916371e-17, -4.6503053684947827e-17, 4.4143483230939367e-18,
    7.5172963110113975e-18, -9.3141788709072631e-19, -1.2421932752759928e-18
};

static inline vec R(bessel_near)(vec a, const real *c, int count)
{
    vec t = R(choose)(a < 8, a, R(splat)(8)) * (real)0.25 - 1;
    return R(chebyshev_sum)(t, c, count);
}

static inline vec R(bessel_far)(vec a, const real *c, int count)
{
    a = R(choose)(a > 8, a, R(splat)(8));
    return R(chebyshev_sum)(16 / a - 1, c, count) / R(vsqrt)(a);
}

POINTWISE1(i0e, x)
{
    vec a = R(magnitude)(x);
    vec near = R(bessel_near)(a, R(i0_near), sizeof(real) == 4 ? 19 : 30);
    vec far = R(bessel_far)(a, R(i0_far), sizeof(real) == 4 ? 7 : 25);
    return R(choose)(x != x, x, R(choose)(a <= 8, near, far));
}

POINTWISE1(i1e, x)
{
    vec a = R(magnitude)(x);
    vec near = a * R(bessel_near)(a, R(i1_near), sizeof(real) == 4 ? 18 : 29);
    vec far = R(bessel_far)(a, R(i1_far), sizeof(real) == 4 ? 7 : 27);
    return R(choose)(x != x, x, R(with_sign)(R(choose)(a <= 8, near, far), x));
}

/* e^a y for a >= 0 where e^a alone may be too large, as its half's square. */
static inline vec R(grown)(vec a, vec y)
{
    vec half = R(vexp)(a * (real)0.5);
    return R(choose)(a < (sizeof(real) == 4 ? 80 : 700), y * R(vexp)(a), y * half * half);
}
POINTWISE1(i0, x) { return R(grown)(R(magnitude)(x), R(i0e_of)(x)); }
POINTWISE1(i1, x) { return R(grown)(R(magnitude)(x), R(i1e_of)(x)); }
