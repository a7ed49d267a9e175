/* How a function of a few vectors becomes a kernel that walks arrays.
 *
 *     POINTWISE2(hypot, x, y) { return ...; }
 *
 * writes the function R(hypot_of)(vec x, vec y) and the kernel `hypot`. The kernel is what a NumPy
 * ufunc calls (ufuncs.c), so broadcasting, strides and the result's memory are NumPy's business:
 *
 *     (n, x, step of x, y, step of y, ..., out, step of out)      steps in bytes
 *
 * An argument with step 0 is a number: it is spread over a vector once. Arrays with gaps are
 * gathered piece by piece. An end of less than a vector is done in a vector as well, so that an
 * element's value does not depend on where it stands.
 */
enum { R(MOST) = 4, R(PIECE) = 512, R(PART) = 1 << 15 };

/* n elements: argument k is at p[k], which moves by step[k], 0 or a vector's size. */
typedef void R(pointwise_body)(const char **p, const long *step, real *out, long n);

typedef struct {
    R(pointwise_body) *body;
    char *p[R(MOST) + 1]; /* the arguments, then the result */
    long step[R(MOST) + 1];
    int count; /* of arguments */
} R(pointwise_job);

static inline vec R(at)(const char *p)
{
    return *(const vec *)p;
}

/* The last elements of an argument, filled up with the last one. */
static inline vec R(at_end)(const char *p, long step, long left)
{
    if (step == 0)
        return *(const vec *)p;
    vec v;
    for (int i = 0; i < LANES; i++)
        v[i] = ((const real *)p)[min((long)i, left - 1)];
    return v;
}

static void R(pointwise_part)(void *context, long begin, long end)
{
    const R(pointwise_job) *job = context;
    int count = job->count, gaps = job->step[count] != sizeof(real);
    vec numbers[R(MOST)];
    const char *p[R(MOST)];
    long step[R(MOST)];
    for (int k = 0; k < count; k++) {
        step[k] = job->step[k] ? sizeof(vec) : 0;
        p[k] = job->p[k] + begin * job->step[k];
        if (step[k] == 0) {
            numbers[k] = R(splat)(*(const real *)p[k]);
            p[k] = (const char *)&numbers[k];
        } else if (job->step[k] != sizeof(real))
            gaps = 1;
    }
    if (!gaps) {
        job->body(p, step, (real *)job->p[count] + begin, end - begin);
        return;
    }
    real held[R(MOST) + 1][R(PIECE)];
    for (long start = begin; start < end; start += R(PIECE)) {
        long n = min(end - start, (long)R(PIECE));
        for (int k = 0; k < count; k++) {
            const char *from = job->p[k] + start * job->step[k];
            if (step[k] == 0)
                continue;
            for (long i = 0; i < n; i++)
                held[k][i] = *(const real *)(from + i * job->step[k]);
            p[k] = (const char *)held[k];
        }
        job->body(p, step, held[count], n);
        char *to = job->p[count] + start * job->step[count];
        for (long i = 0; i < n; i++)
            *(real *)(to + i * job->step[count]) = held[count][i];
    }
}

static void R(pointwise)(const arg *a, int count, R(pointwise_body) *body)
{
    R(pointwise_job) job = {.body = body, .count = count};
    for (int k = 0; k <= count; k++) {
        job.p[k] = a[1 + 2 * k].p;
        job.step[k] = a[2 + 2 * k].i;
    }
    parallel(a[0].i, R(PART), R(pointwise_part), &job);
}

#define WALK(NAME, COUNT, VALUE, LAST)                                                             \
    static void R(NAME##_walk)(const char **p, const long *step, real *out, long n)                \
    {                                                                                              \
        const char *a = p[0], *b = p[COUNT > 1], *c = p[COUNT > 2 ? 2 : 0],                        \
                   *d = p[COUNT > 3 ? 3 : 0];                                                      \
        long a_step = step[0], b_step = step[COUNT > 1], c_step = step[COUNT > 2 ? 2 : 0],         \
             d_step = step[COUNT > 3 ? 3 : 0], i = 0;                                              \
        (void)b, (void)c, (void)d, (void)b_step, (void)c_step, (void)d_step;                       \
        for (; i + LANES <= n; i += LANES) {                                                       \
            *(vec *)(out + i) = VALUE;                                                             \
            a += a_step, b += b_step, c += c_step, d += d_step;                                    \
        }                                                                                          \
        if (i < n) {                                                                               \
            long left = n - i;                                                                     \
            vec end = LAST;                                                                        \
            memcpy(out + i, &end, (size_t)left * sizeof(real));                                    \
        }                                                                                          \
    }                                                                                              \
    KERNEL(NAME) { R(pointwise)(a, COUNT, R(NAME##_walk)); }

#define LAST_OF(x) R(at_end)(x, x##_step, left)
#define POINTWISE1(NAME, A)                                                                        \
    static inline vec R(NAME##_of)(vec A);                                                         \
    WALK(NAME, 1, R(NAME##_of)(R(at)(a)), R(NAME##_of)(LAST_OF(a)))                                \
    static inline vec R(NAME##_of)(vec A)
#define POINTWISE2(NAME, A, B)                                                                     \
    static inline vec R(NAME##_of)(vec A, vec B);                                                  \
    WALK(NAME, 2, R(NAME##_of)(R(at)(a), R(at)(b)), R(NAME##_of)(LAST_OF(a), LAST_OF(b)))          \
    static inline vec R(NAME##_of)(vec A, vec B)
#define POINTWISE3(NAME, A, B, C)                                                                  \
    static inline vec R(NAME##_of)(vec A, vec B, vec C);                                           \
    WALK(NAME, 3, R(NAME##_of)(R(at)(a), R(at)(b), R(at)(c)),                                      \
         R(NAME##_of)(LAST_OF(a), LAST_OF(b), LAST_OF(c)))                                         \
    static inline vec R(NAME##_of)(vec A, vec B, vec C)
#define POINTWISE4(NAME, A, B, C, D)                                                               \
    static inline vec R(NAME##_of)(vec A, vec B, vec C, vec D);                                    \
    WALK(NAME, 4, R(NAME##_of)(R(at)(a), R(at)(b), R(at)(c), R(at)(d)),                            \
         R(NAME##_of)(LAST_OF(a), LAST_OF(b), LAST_OF(c), LAST_OF(d)))                             \
    static inline vec R(NAME##_of)(vec A, vec B, vec C, vec D)
