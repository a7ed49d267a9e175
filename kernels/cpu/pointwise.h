/* How a function of a few vectors becomes a kernel that walks arrays.
 *
 *     POINTWISE2(hypot, x, y) { return ...; }
 *
 * writes the function R(hypot_of)(vec x, vec y) and the kernel `hypot`, which ufuncs.c calls:
 *
 *     (n, x, step, wide, many, y, step, wide, many, ..., out, step)      steps in bytes
 *
 * Element i of x is number (i / wide) % many of it: wide = 1 and many = n is an array of n elements,
 * many < n a row that stands in all rows, wide > 1 a column. Step 0 is a number. Where they can,
 * functions are called with the arrays themselves; else with copies, piece by piece. An end of less
 * than a vector is done in a vector as well, so that an element's value does not depend on where it
 * stands. Large results are written past the caches, unless they are written over an argument.
 */
enum {
    R(MOST) = 4,
    R(PIECE) = 512,     /* elements that are copied at a time */
    R(PART) = 1 << 15,
    R(WIDE_RUN) = 256,  /* so long is a run of one number that needs no copy */
    R(LONG_ROW) = 1024, /* a row that is shorter is repeated to such a one */
};

/* n elements: argument k is at p[k], which moves by step[k], 0 or a vector's size. */
typedef void R(pointwise_body)(const char **p, const long *step, real *out, long n);

typedef struct {
    const char *p;
    long step, wide, many;
} R(operand);

typedef struct {
    R(pointwise_body) *body;
    R(operand) x[R(MOST)];
    char *out;
    long out_step, n;
    int count, far; /* arguments */
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
    vec v = R(splat)(((const real *)p)[left - 1]);
    memcpy(&v, p, (size_t)left * sizeof(real));
    return v;
}

static inline int R(is_number)(const R(operand) *x)
{
    return x->step == 0 || x->many == 1;
}

/* Whether the elements of a run lie side by side. */
static inline int R(is_line)(const R(operand) *x)
{
    return x->wide == 1 && x->step == sizeof(real);
}

/* How many of `run` elements from i on can be taken together. */
static inline long R(run_from)(const R(operand) *x, long n, long i, long run)
{
    if (R(is_number)(x))
        return run;
    if (x->wide >= R(WIDE_RUN))
        return min(run, x->wide - i % x->wide);
    if (!R(is_line)(x))
        return min(run, (long)R(PIECE));
    return x->many >= n ? run : min(run, x->many - i % x->many);
}

/* `run` elements from i on, copied; each run of one number as whole vectors. */
static void R(copy_run)(const R(operand) *x, long i, long run, real *to)
{
    long place = i / x->wide % x->many, off = i % x->wide;
    if (x->wide == 1) {
        for (long k = 0; k < run; k++) {
            to[k] = *(const real *)(x->p + place * x->step);
            place = place + 1 == x->many ? 0 : place + 1;
        }
        return;
    }
    for (long k = 0, some; k < run; k += some, off = 0) {
        const vec number = R(splat)(*(const real *)(x->p + place * x->step));
        some = min(x->wide - off, run - k);
        for (long q = 0; q < some; q += LANES)
            *(vec *)(to + k + q) = number;
        place = place + 1 == x->many ? 0 : place + 1;
    }
}

/* What stands for the arguments in a run: where each begins, and by how much it moves. */
typedef struct {
    const char *p[R(MOST)];
    long step[R(MOST)];
    vec numbers[R(MOST)];
    real held[R(MOST)][R(PIECE) + LANES];
} R(pointwise_run);

/* The longest run from i on, up to `end`; its length. */
static long R(begin_run)(const R(pointwise_job) *job, long i, long end, R(pointwise_run) *r)
{
    long run = end - i;
    for (int k = 0; k < job->count; k++)
        run = R(run_from)(&job->x[k], job->n, i, run);
    for (int k = 0; k < job->count; k++) {
        const R(operand) *x = &job->x[k];
        r->step[k] = sizeof(vec);
        if (R(is_number)(x) || x->wide >= R(WIDE_RUN)) {
            r->step[k] = 0;
            r->numbers[k] = R(splat)(*(const real *)(x->p + i / x->wide % x->many * x->step));
            r->p[k] = (const char *)&r->numbers[k];
        } else if (R(is_line)(x))
            r->p[k] = x->p + (x->many >= job->n ? i : i % x->many) * x->step;
        else {
            R(copy_run)(x, i, run, r->held[k]);
            r->p[k] = (const char *)r->held[k];
        }
    }
    return run;
}

/* Elements begin..end of the result, past the caches: in blocks that begin where a line does, whatever
 * the runs.
 */
static void R(pointwise_far)(const R(pointwise_job) *job, long begin, long end)
{
    R(pointwise_run) r;
    _Alignas(64) real block[R(BLOCK)];
    real *out = (real *)job->out + begin;
    long have = 0, room = R(to_line)(out, end - begin);
    for (long i = begin, run; i < end; i += run) {
        run = R(begin_run)(job, i, end, &r);
        for (long j = 0, many; j < run; j += many) {
            many = min(run - j, room - have);
            job->body(r.p, r.step, block + have, many);
            for (int k = 0; k < job->count; k++)
                if (r.step[k]) {
                    r.p[k] += many * (long)sizeof(real);
                    R(ask_near)(r.p[k], R(BLOCK));
                }
            have += many;
            if (have == room) {
                R(put)(out, block, have * (long)sizeof(real));
                out += have;
                have = 0;
                room = R(BLOCK);
            }
        }
    }
    R(put)(out, block, have * (long)sizeof(real));
    PUT_END();
}

/* Elements begin..end of the result. */
static void R(pointwise_some)(const void *context, real *out, long begin, long end)
{
    const R(pointwise_job) *job = context;
    R(pointwise_run) r;
    for (long i = begin, run; i < end; i += run) {
        run = R(begin_run)(job, i, end, &r);
        job->body(r.p, r.step, out + (i - begin), run);
    }
}

static void R(pointwise_part)(void *context, long begin, long end)
{
    const R(pointwise_job) *job = context;
    if (job->out_step == sizeof(real) && job->far) {
        R(pointwise_far)(job, begin, end);
        return;
    }
    if (job->out_step == sizeof(real)) {
        R(deliver)(R(pointwise_some), job, (real *)job->out, 0, begin, end);
        return;
    }
    real made[R(PIECE)];
    for (long start = begin; start < end; start += R(PIECE)) {
        const long n = min(end - start, (long)R(PIECE));
        R(pointwise_some)(job, made, start, start + n);
        for (long i = 0; i < n; i++)
            *(real *)(job->out + (start + i) * job->out_step) = made[i];
    }
}

/* A short row, as often as makes a long one. */
static void R(repeat_row)(R(operand) *x, int slot, long n)
{
    if (x->wide > 1 || x->many == 1 || x->step == 0 || x->many >= min(n, R(LONG_ROW) / 2))
        return;
    const long most = min(n, R(LONG_ROW)) / x->many * x->many;
    real *row = scratch(slot, (size_t)most * sizeof(real));
    if (!row)
        return;
    R(copy_run)(x, 0, x->many, row);
    for (long k = x->many; k < most; k *= 2)
        memcpy(row + k, row, (size_t)min(k, most - k) * sizeof(real));
    *x = (R(operand)){(const char *)row, sizeof(real), 1, most};
}

static void R(pointwise)(const arg *a, int count, R(pointwise_body) *body)
{
    R(pointwise_job) job = {.body = body, .count = count, .n = a[0].i, .out = a[1 + 4 * count].p,
                            .out_step = a[2 + 4 * count].i,
                            .far = R(is_far)(a[0].i * (long)sizeof(real))};
    for (int k = 0; k < count; k++) {
        const arg *x = a + 1 + 4 * k;
        job.x[k] = (R(operand)){x[0].p, x[1].i, x[2].i, x[3].i};
        job.far &= x[0].p != job.out;
        R(repeat_row)(&job.x[k], k, job.n);
    }
    parallel(job.n, R(PART), R(pointwise_part), &job);
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
