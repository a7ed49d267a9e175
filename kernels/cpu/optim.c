/* Steps of the optimizers, each in one pass over the memory; elementwise, on arrays without gaps.
 *
 * sgd_step(p, g, b, n, lr, momentum, dampening, decay, sign, nesterov, fresh)
 *     reference: optim SGD.rule. b is the momentum, or None; it becomes the gradient if `fresh`.
 * adam_step(p, g, m, v, top, n, beta1, beta2, eps, decay, shrink, sign, step_size, root)
 *     reference: optim Adam.rule. top is the largest v so far (amsgrad), or None. `shrink` is the
 *     factor of decoupled weight decay (1 for none), `root` is sqrt(1 - beta2^t).
 *
 * `sign` is -1 to maximize, else 1; `decay` times p is added to the gradient. Loops are plain C,
 * which compilers turn into vectors; whether a term is there is decided outside of the loop.
 */
enum { R(OPTIM_GRAIN) = 1 << 14 }; /* elements of a part: arrays of a step stay in the L2 cache */

typedef struct {
    real *p, *b;
    const real *g;
    real lr, momentum, share, decay, sign;
    int nesterov, fresh;
} R(sgd);

static void R(sgd_range)(void *context, long begin, long end)
{
    const R(sgd) s = *(const R(sgd) *)context;
    real *p = s.p, *b = s.b;
    const real *g = s.g;
    if (!b) {
        if (s.decay == 0)
            for (long i = begin; i < end; i++)
                p[i] -= s.lr * (s.sign * g[i]);
        else
            for (long i = begin; i < end; i++)
                p[i] -= s.lr * (s.sign * g[i] + s.decay * p[i]);
        return;
    }
    for (long i = begin; i < end; i++) {
        real d = s.sign * g[i];
        d = s.decay == 0 ? d : d + s.decay * p[i]; /* 0 * inf would be NaN */
        b[i] = s.fresh ? d : s.momentum * b[i] + s.share * d;
        p[i] -= s.lr * (s.nesterov ? d + s.momentum * b[i] : b[i]);
    }
}

KERNEL(sgd_step)
{
    R(sgd) s = {.p = a[0].p, .g = a[1].p, .b = a[2].p, .lr = (real)a[4].d,
                .momentum = (real)a[5].d, .share = (real)(1 - a[6].d), .decay = (real)a[7].d,
                .sign = (real)a[8].d, .nesterov = a[9].d != 0, .fresh = a[10].d != 0};
    parallel(a[3].i, R(OPTIM_GRAIN), R(sgd_range), &s);
}

typedef struct {
    real *p, *m, *v, *top;
    const real *g;
    real share1, beta2, share2, eps, decay, shrink, sign, step_size, root;
} R(adam);

/* The two means of one element, and the size that its step is divided by is left in *size. */
static inline real R(adam_means)(const R(adam) *s, long i, real d, real *size)
{
    real m = s->m[i] + s->share1 * (d - s->m[i]);
    real v = s->beta2 * s->v[i] + s->share2 * (d * d);
    s->m[i] = m;
    s->v[i] = v;
    *size = v;
    return m;
}

static void R(adam_range)(void *context, long begin, long end)
{
    const R(adam) s = *(const R(adam) *)context;
    real *p = s.p, *top = s.top;
    const real *g = s.g;
    for (long i = begin; i < end; i++) {
        real x = s.shrink == 1 ? p[i] : p[i] * s.shrink;
        real d = s.sign * g[i], v;
        d = s.decay == 0 ? d : d + s.decay * x;
        real m = R(adam_means)(&s, i, d, &v);
        if (top)
            v = top[i] = top[i] != top[i] || top[i] > v ? top[i] : v; /* NaN stays */
        real size = (sizeof(real) == 4 ? (real)sqrtf((float)v) : (real)sqrt((double)v)) / s.root;
        p[i] = x - s.step_size * (m / (size + s.eps));
    }
}

KERNEL(adam_step)
{
    R(adam) s = {.p = a[0].p, .g = a[1].p, .m = a[2].p, .v = a[3].p, .top = a[4].p,
                 .share1 = (real)(1 - a[6].d), .beta2 = (real)a[7].d, .share2 = (real)(1 - a[7].d),
                 .eps = (real)a[8].d, .decay = (real)a[9].d, .shrink = (real)a[10].d,
                 .sign = (real)a[11].d, .step_size = (real)a[12].d, .root = (real)a[13].d};
    parallel(a[5].i, R(OPTIM_GRAIN), R(adam_range), &s);
}
