/* Elementwise nonlinearities over arrays without gaps, each in one pass.
 *
 *     NAME(x, y, n, p, q)                 y = f(x)
 *     NAME_backward(g, s, gx, n, p, q)    gx = g f'(x); s is what backward is told: x, or y
 *
 * p and q are the function's parameters (0 where it has none). Reference: the op of that name in
 * ops/network/activation*.py. An end of less than a vector is done in a vector as well, so that an
 * element's value does not depend on where it stands. What takes longer to work out than to write is
 * not written past the caches (FAR): blocks would only keep it waiting.
 */
typedef struct {
    const real *x, *s;
    real *out;
    real p, q;
    int far;
} R(elementwise);

#define ENTRIES(NAME, FAR, FAR_BACKWARD)                                                           \
    static void R(NAME##_some)(const void *context, real *out, long begin, long end)               \
    {                                                                                              \
        const R(elementwise) *c = context;                                                         \
        const real *x = c->x + begin;                                                              \
        long i = 0, n = end - begin;                                                               \
        for (; i + LANES <= n; i += LANES)                                                         \
            *(vec *)(out + i) = R(NAME##_of)(*(const vec *)(x + i), c->p, c->q);                   \
        if (i < n) {                                                                               \
            vec last = {0};                                                                        \
            memcpy(&last, x + i, (size_t)(n - i) * sizeof(real));                                  \
            last = R(NAME##_of)(last, c->p, c->q);                                                 \
            memcpy(out + i, &last, (size_t)(n - i) * sizeof(real));                                \
        }                                                                                          \
    }                                                                                              \
    static void R(NAME##_range)(void *context, long begin, long end)                               \
    {                                                                                              \
        const R(elementwise) *c = context;                                                         \
        R(deliver)(R(NAME##_some), c, c->out, c->far, begin, end);                                 \
    }                                                                                              \
    KERNEL(NAME)                                                                                   \
    {                                                                                              \
        R(elementwise) c = {.x = a[0].p, .out = a[1].p, .p = (real)a[3].d, .q = (real)a[4].d,      \
                            .far = FAR && R(is_far)(a[2].i * (long)sizeof(real))};                 \
        parallel(a[2].i, 1 << 15, R(NAME##_range), &c);                                            \
    }                                                                                              \
    static void R(NAME##_backward_some)(const void *context, real *out, long begin, long end)      \
    {                                                                                              \
        const R(elementwise) *c = context;                                                         \
        const real *g = c->x + begin, *s = c->s + begin;                                           \
        long i = 0, n = end - begin;                                                               \
        for (; i + LANES <= n; i += LANES)                                                         \
            *(vec *)(out + i) =                                                                    \
                R(NAME##_back)(*(const vec *)(g + i), *(const vec *)(s + i), c->p, c->q);          \
        if (i < n) {                                                                               \
            vec one = {0}, two = {0};                                                              \
            memcpy(&one, g + i, (size_t)(n - i) * sizeof(real));                                   \
            memcpy(&two, s + i, (size_t)(n - i) * sizeof(real));                                   \
            one = R(NAME##_back)(one, two, c->p, c->q);                                            \
            memcpy(out + i, &one, (size_t)(n - i) * sizeof(real));                                 \
        }                                                                                          \
    }                                                                                              \
    static void R(NAME##_backward_range)(void *context, long begin, long end)                      \
    {                                                                                              \
        const R(elementwise) *c = context;                                                         \
        R(deliver)(R(NAME##_backward_some), c, c->out, c->far, begin, end);                        \
    }                                                                                              \
    KERNEL(NAME##_backward)                                                                        \
    {                                                                                              \
        R(elementwise) c = {.x = a[0].p, .s = a[1].p, .out = a[2].p, .p = (real)a[4].d,            \
                            .q = (real)a[5].d,                                                     \
                            .far = FAR_BACKWARD && R(is_far)(a[3].i * (long)sizeof(real))};        \
        parallel(a[3].i, 1 << 15, R(NAME##_backward_range), &c);                                   \
    }

#define FORWARD(NAME) static inline vec R(NAME##_of)(vec x, real p, real q)
#define BACKWARD(NAME) static inline vec R(NAME##_back)(vec g, vec s, real p, real q)
#define UNUSED (void)p, (void)q
#define ZERO ((vec){0})

/* Comparisons are written so that a NaN stays where it is, and lets its cotangent through. */
FORWARD(relu) { UNUSED; return R(choose)(x <= 0, ZERO, x); }
BACKWARD(relu) { UNUSED; return R(choose)(s <= 0, ZERO, g); } /* s = y */
ENTRIES(relu, 1, 1)

FORWARD(leaky_relu) { UNUSED; return R(choose)(x > 0, x, x * p); }
BACKWARD(leaky_relu) { UNUSED; return R(choose)(s > 0, g, g * p); }
ENTRIES(leaky_relu, 1, 1)

FORWARD(hardtanh) { return R(limited)(x, p, q); }
BACKWARD(hardtanh) { return R(choose)((s <= p) | (s >= q), ZERO, g); }
ENTRIES(hardtanh, 1, 1)

FORWARD(sigmoid) { UNUSED; return R(vsigmoid)(x); }
BACKWARD(sigmoid) { UNUSED; return g * ((1 - s) * s); } /* s = y */
ENTRIES(sigmoid, 0, 1)

FORWARD(tanh) { UNUSED; return R(vtanh)(x); }
BACKWARD(tanh) { UNUSED; return g * (1 - s * s); } /* s = y */
ENTRIES(tanh, 0, 1)

FORWARD(silu) { UNUSED; return x / (R(vexp)(-x) + 1); }
BACKWARD(silu)
{
    UNUSED;
    vec y = R(vsigmoid)(s);
    return g * (y * (1 + s * (1 - y)));
}
ENTRIES(silu, 0, 0)

FORWARD(gelu)
{
    UNUSED;
    vec density;
    return x * R(vnormal)(x, &density);
}
BACKWARD(gelu)
{
    UNUSED;
    vec density, chance = R(vnormal)(s, &density);
    return g * (chance + s * density);
}
ENTRIES(gelu, 0, 0)

/* Phi(x) = (1 + tanh u) / 2 = sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3) */
FORWARD(gelu_tanh)
{
    UNUSED;
    return x * R(vsigmoid)(x * (x * x * (real)0.044715 + 1) * (real)1.5957691216057307);
}
BACKWARD(gelu_tanh)
{
    UNUSED;
    vec square = s * s;
    vec z = s * (square * (real)0.044715 + 1) * (real)1.5957691216057307;
    vec e = R(vexp)(-z), y = 1 / (e + 1);
    vec rest = R(choose)(z > 0, e * y, 1 - y); /* 1 - y, with all its digits where y is nearly 1 */
    vec slope = (square * (real)0.134145 + 1) * (real)1.5957691216057307;
    return g * (y + s * (y * rest) * slope);
}
ENTRIES(gelu_tanh, 0, 0)

/* p: alpha times scale, q: scale */
FORWARD(elu) { return R(choose)(x <= 0, R(vexpm1)(x) * p, x * q); }
BACKWARD(elu) { return R(choose)(s <= 0, g * (R(vexp)(s) * p), g * q); }
ENTRIES(elu, 0, 0)

/* p: beta, q: the threshold */
FORWARD(softplus)
{
    vec z = x * p;
    vec y = (R(choose)(z > 0, z, ZERO) + R(vlog1p)(R(vexp_below)(R(choose)(z > 0, -z, z)))) / p;
    y = R(choose)(x != x, x, y);
    return R(choose)(z > q, x, y);
}
BACKWARD(softplus)
{
    vec z = s * p;
    return R(choose)(z > q, g, g * R(vsigmoid)(z));
}
ENTRIES(softplus, 0, 0)

#undef ENTRIES
#undef FORWARD
#undef BACKWARD
#undef UNUSED
#undef ZERO
