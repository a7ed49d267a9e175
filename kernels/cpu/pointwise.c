/* Functions of one to four numbers, element by element: see pointwise.h for how each is called.
 *
 * Reference: the op of that name in ops/elementwise and ops/network. NaN goes through all of them
 * unless a comment says otherwise.
 */
#define ZERO ((vec){0})

static inline mask R(sign_bit)(void)
{
    return (mask)-ZERO;
}

static inline vec R(magnitude)(vec x)
{
    return (vec)((mask)x & ~R(sign_bit)());
}

static inline vec R(with_sign)(vec x, vec sign)
{
    return (vec)(((mask)x & ~R(sign_bit)()) | ((mask)sign & R(sign_bit)()));
}

/* The nearest whole number, halves to the even one: adding 2^23, or 2^52, leaves no fraction. */
static inline vec R(vrint)(vec x)
{
    const real whole_from = sizeof(real) == 4 ? (real)0x1p23 : (real)0x1p52;
    vec a = R(magnitude)(x), near = (a + whole_from) - whole_from;
    return R(with_sign)(R(choose)(a < whole_from, near, a), x);
}

static inline vec R(vtrunc)(vec x)
{
    vec a = R(magnitude)(x), near = R(vrint)(a);
    return R(with_sign)(R(choose)(near > a, near - 1, near), x);
}

static inline vec R(vsqrt)(vec x)
{
    real one[LANES];
    memcpy(one, &x, sizeof x);
    for (int i = 0; i < LANES; i++)
        one[i] = sizeof(real) == 4 ? (real)sqrtf((float)one[i]) : (real)sqrt((double)one[i]);
    memcpy(&x, one, sizeof x);
    return x;
}

/* For what is broadcast along rows or columns, and for what no cache holds. */
POINTWISE2(plus, x, y) { return x + y; }
POINTWISE2(minus, x, y) { return x - y; }
POINTWISE2(times, x, y) { return x * y; }
POINTWISE2(over, x, y) { return x / y; }

/* Products, quotients and sums in one pass. */
POINTWISE4(addcmul, x, a, b, value) { return x + a * b * value; }
POINTWISE4(addcdiv, x, a, b, value) { return x + a * value / b; }
POINTWISE4(addcdiv_divisor, g, a, b, value) { return -g * (a * value / (b * b)); }
POINTWISE3(scaled_product, g, x, value) { return g * (x * value); }
POINTWISE3(scaled_quotient, g, x, y) { return g * (x / y); }
POINTWISE3(quotient_slope, g, x, y) { return -g * (x / y / y); }
POINTWISE2(rest_product, g, x) { return g * (1 - x); }
POINTWISE3(centred_product, x, mean, slope) { return (x - mean) * slope; }
POINTWISE3(difference_product, g, x, y) { return g * (y - x); }

/* From the nearer end, so that both ends are reached. */
POINTWISE3(lerp, x, end, weight)
{
    vec way = end - x;
    return R(choose)(R(magnitude)(weight) < (real)0.5, x + weight * way, end - way * (1 - weight));
}

/* Rounded quotients and what they leave. Of float32 by way of double, where a quotient below 2^28
 * is rounded to a whole number, multiplied back and taken away without error; below 2^22 it is
 * also what torch gets in float32. The C library does the other elements, and float64.
 */
static inline real R(left_over)(real x, real y, int down)
{
    real rest = sizeof(real) == 4 ? (real)fmodf((float)x, (float)y) : (real)fmod(x, y);
    if (!down || y == 0 || rest == 0) /* a zero has the sign of x */
        return rest;
    return (y < 0) != (rest < 0) ? rest + y : rest;
}

static inline real R(rounded_down)(real x, real y)
{
    if (y == 0)
        return x / y;
    real rest = R(left_over)(x, y, 0), quotient = (x - rest) / y;
    if (rest != 0 && (y < 0) != (rest < 0))
        quotient -= 1;
    if (quotient == 0)
        return (real)copysign(0, (double)(x / y));
    real down = (real)floor((double)quotient);
    return quotient - down > (real)0.5 ? down + 1 : down;
}

static void R(divided)(const char **p, const long *step, real *out, long n, int down, int rest)
{
    enum { BLOCK = 256 };
    const double most = rest ? 0x1p28 : 0x1p22;
    const real *x = (const real *)p[0], *y = (const real *)p[1];
    for (long start = 0; start < n; start += BLOCK) {
        int count = (int)min(n - start, (long)BLOCK), odd = sizeof(real) == 8;
        double a[BLOCK], b[BLOCK], q[BLOCK];
        for (int i = 0; i < count; i++)
            a[i] = (double)x[step[0] ? start + i : 0];
        for (int i = 0; i < count; i++)
            b[i] = (double)y[step[1] ? start + i : 0];
        for (int i = 0; i < count; i++)
            q[i] = a[i] / b[i];
        if (down)
            for (int i = 0; i < count; i++)
                q[i] = floor(q[i]);
        else
            for (int i = 0; i < count; i++)
                q[i] = trunc(q[i]);
        for (int i = 0; i < count; i++)
            odd |= !(fabs(q[i]) < most) | !(fabs(b[i]) < (double)INFINITY);
        for (int i = 0; i < count; i++) {
            double left = a[i] - q[i] * b[i];
            out[start + i] = (real)(!rest ? q[i] : left == 0 ? a[i] * 0.0 : left);
        }
        for (int i = 0; odd && i < count; i++)
            if (sizeof(real) == 8 || !(fabs(q[i]) < most) || !(fabs(b[i]) < (double)INFINITY))
                out[start + i] = rest ? R(left_over)((real)a[i], (real)b[i], down)
                                      : R(rounded_down)((real)a[i], (real)b[i]);
    }
}
#define DIVIDED(NAME, DOWN, REST)                                                                  \
    static void R(NAME##_walk)(const char **p, const long *step, real *out, long n)                \
    {                                                                                              \
        R(divided)(p, step, out, n, DOWN, REST);                                                   \
    }                                                                                              \
    KERNEL(NAME) { R(pointwise)(a, 2, R(NAME##_walk)); }
DIVIDED(fmod, 0, 1)
DIVIDED(remainder, 1, 1)
DIVIDED(floor_divide, 1, 0)
#undef DIVIDED
POINTWISE2(trunc_divide, x, y) { return R(vtrunc)(x / y); }

/* The length of (x, y): of float32 in double, where nothing overflows; infinity before NaN. */
POINTWISE2(hypot, x, y)
{
    real a[LANES], b[LANES];
    memcpy(a, &x, sizeof x);
    memcpy(b, &y, sizeof y);
    for (int i = 0; i < LANES; i++)
        a[i] = sizeof(real) == 4
                   ? (real)sqrt((double)a[i] * (double)a[i] + (double)b[i] * (double)b[i])
                   : (real)hypot((double)a[i], (double)b[i]);
    vec r, far = R(splat)((real)INFINITY);
    memcpy(&r, a, sizeof r);
    return R(choose)((R(magnitude)(x) == far) | (R(magnitude)(y) == far), far, r);
}

POINTWISE2(copysign, x, y) { return R(with_sign)(x, y); }

/* One step in the numbers' own order, which is that of their bits. */
POINTWISE2(nextafter, x, y)
{
    vec one = R(splat)(1), usual = R(choose)((x == 0) | (x != x), one, x);
    mask bits = (mask)usual, away = (y > x) == (x > 0);
    vec next = (vec)(bits + ((away & 2) - 1));
    vec least = R(with_sign)((vec)((mask){0} + 1), y);
    next = R(choose)(x == 0, least, next);
    next = R(choose)(x == y, y, next);
    return R(choose)((x != x) | (y != y), x + y, next);
}

POINTWISE2(logaddexp, x, y)
{
    vec gap = R(magnitude)(x - y);
    vec more = R(choose)(x > y, x, y) + R(vlog1p)(R(vexp_below)(-gap));
    more = R(choose)(x == y, x + (real)0.69314718055994530942, more);
    return R(choose)((x != x) | (y != y), x + y, more);
}

POINTWISE1(round, x) { return R(vrint)(x); }
POINTWISE1(frac, x) { return x - R(vtrunc)(x); }
POINTWISE1(rsqrt, x) { return 1 / R(vsqrt)(x); }

/* -1, 0 or 1; of NaN 0. */
POINTWISE1(sign, x)
{
    vec one = R(splat)(1);
    return R(choose)(x > 0, one, R(choose)(x < 0, -one, ZERO));
}

POINTWISE1(angle, x)
{
    vec turned = R(choose)(x < 0, R(splat)((real)3.14159265358979323846), ZERO);
    return R(choose)(x != x, x, turned);
}

POINTWISE4(nan_to_num, x, missing, most, least)
{
    vec far = R(splat)((real)INFINITY);
    vec y = R(choose)(x == far, most, R(choose)(x == -far, least, x));
    return R(choose)(x != x, missing, y);
}

POINTWISE2(squared_difference, x, t) { return (x - t) * (x - t); }
POINTWISE2(distance, x, t) { return R(magnitude)(x - t); }

/* A parabola of x - t that goes over into two lines `bend` away from 0; the same over `bend`. */
static inline vec R(bent)(vec d, vec bend)
{
    const vec far = R(magnitude)(d), inside = R(choose)(far > bend, bend, far);
    return (far + far - inside) * inside * (real)0.5;
}
POINTWISE3(huber, x, t, bend) { return R(bent)(x - t, bend); }
POINTWISE3(smooth_l1, x, t, bend) { return R(bent)(x - t, bend) / bend; }

/* -log sigmoid(x) of a target t of 1, x more than that for 0: (1 - t) x + log(1 + e^-x). */
POINTWISE2(logistic_loss, x, t)
{
    const vec rest = R(vlog1p)(R(vexp_below)(-R(magnitude)(x)));
    return (1 - t) * x + (rest - R(choose)(x < 0, x, ZERO));
}

/* log sigmoid(x) = -log(1 + e^-x). */
POINTWISE1(log_sigmoid, x)
{
    return R(choose)(x < 0, x, ZERO) - R(vlog1p)(R(vexp_below)(-R(magnitude)(x)));
}
POINTWISE2(log_sigmoid_backward, g, x) { return g * R(vsigmoid)(-x); }

/* x t, t = tanh(log(1 + e)) = n / (n + 2), e = e^x, n = e (e + 2); t is 1 from 20 on. */
POINTWISE1(mish, x)
{
    vec e = R(vexp)(R(limited)(x, -INFINITY, 20)), n = e * (e + 2);
    return x * (n / (n + 2));
}
POINTWISE2(mish_backward, g, x)
{
    vec e = R(vexp)(R(limited)(x, -INFINITY, 20)), n = e * (e + 2), over = 1 / (n + 2);
    vec slope = n * over + x * (e * over) * ((e + 1) * over) * 4;
    return R(choose)(x > 20, g * (1 + x * 0), g * slope); /* of infinity NaN, as torch's */
}

/* Cut below, then above; a bound that is NaN gives NaN. */
POINTWISE3(clamp, x, least, most)
{
    vec y = R(choose)((x < least) | (least != least), least, x);
    return R(choose)((y > most) | (most != most), most, y);
}
POINTWISE4(clamp_backward, g, x, least, most)
{
    return R(choose)((x >= least) & (x <= most), g, ZERO);
}

POINTWISE3(threshold, x, from, value) { return R(choose)(x <= from, value, x); }
POINTWISE3(threshold_backward, g, x, from) { return R(choose)(x <= from, ZERO, g); }

POINTWISE2(hardshrink, x, cut) { return R(choose)((x >= -cut) & (x <= cut), ZERO, x); }
POINTWISE3(shrink_backward, g, x, cut) { return R(choose)((x >= -cut) & (x <= cut), ZERO, g); }

/* A zero has the sign of what it was. */
POINTWISE2(softshrink, x, cut)
{
    vec inside = R(choose)(x > cut, cut, R(choose)(x < -cut, -cut, x));
    return R(with_sign)(x - inside, x);
}

static inline vec R(cut_at_six)(vec x)
{
    return R(limited)(x + 3, 0, 6);
}
POINTWISE1(hardsigmoid, x) { return R(cut_at_six)(x) / 6; }
POINTWISE2(hardsigmoid_backward, g, x) { return R(choose)((x > -3) & (x < 3), g / 6, ZERO); }
POINTWISE1(hardswish, x) { return R(cut_at_six)(x) * x / 6; }
POINTWISE2(hardswish_backward, g, x)
{
    vec inside = R(choose)(x > -3, g * (x / 3 + (real)0.5), ZERO);
    return R(choose)(x < 3, inside, g);
}

/* log(x / (1 - x)); between bounds; and its slope, `outside` where x is not between them. */
POINTWISE1(logit, x) { return R(vlog)(x / (1 - x)); }
POINTWISE3(logit_between, x, least, most)
{
    x = R(choose)(x < least, least, x);
    x = R(choose)(x > most, most, x);
    return R(vlog)(x / (1 - x));
}
POINTWISE4(logit_backward, g, x, least, outside)
{
    vec slope = g / (x * (1 - x));
    return R(choose)((x >= least) & (x <= 1 - least), slope, outside);
}

POINTWISE2(prelu, x, slope) { return R(choose)(x > 0, x, x * slope); }
POINTWISE2(gated, x, gate) { return x * R(vsigmoid)(gate); }
POINTWISE3(gate_slope, g, x, gate)
{
    vec y = R(vsigmoid)(gate);
    return g * x * (y * (1 - y));
}

#undef ZERO
