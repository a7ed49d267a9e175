/* Cross-entropy of rows of scores, by the exponentials of softmax.c.
 *
 * cross_entropy(x, classes, y, stats, N, C)   y[i] = log softmax(x[i])[classes[i]]; stats (N, 2):
 *                                                  the greatest of row i, and log sum e^(x - it)
 * cross_entropy_backward(g, x, classes, stats, gx, N, C)   gx[i] = g[i] (onehot - softmax(x[i]))
 * class_rows(x, target, classes, y, stats, scale, N, C, ignore, bad)   as cross_entropy of a target that was
 *     not looked at; classes: the target, 0 where it is `ignore`; scale: -1, or 0 there; bad[0] (int64)
 *     becomes 1 if another is outside of 0..C-1
 * class_loss(y, scale, loss, N, mean)   loss[0] = sum of scale y, or its mean over those whose scale is
 *     not 0; scale is then divided by their number
 * class_gradient(g, scale, x, classes, stats, gx, N, C, M)   cross_entropy_backward of g[i] scale[i], which is
 *     0 where scale[i] is, whatever g is; one g for all if M is 1
 *
 * classes are int64 and in range. Reference: ops/network/cross_entropy_rows.py.
 */
/* What a row keeps, and its loss. */
static void R(keep_row)(const R(rows) *p, long row, real top, double total)
{
    real rest = (real)log(total);
    p->stats[2 * row] = top;
    p->stats[2 * row + 1] = rest;
    p->y[row] = p->x[row * p->n + p->classes[row]] - top - rest;
}

static void R(cross_entropy_turned)(const R(rows) *p, long begin, long end)
{
    real x[R(FEW) * LANES] = {0};
    for (long row = begin; row < end; row += LANES) {
        const long rows = min((long)LANES, end - row);
        vec top = R(splat)(-INFINITY), total = {0};
        R(turn)(p->x + row * p->n, p->n, rows, p->n, x, LANES);
        for (long i = 0; i < p->n; i++)
            top = R(greater)(*(const vec *)(x + i * LANES), top);
        for (long i = 0; i < p->n; i++)
            total += R(vexp_below)(*(const vec *)(x + i * LANES) - top);
        for (long lane = 0; lane < rows; lane++)
            R(keep_row)(p, row + lane, top[lane], (double)total[lane]);
    }
}

static void R(cross_entropy_range)(void *context, long begin, long end)
{
    const R(rows) *p = context;
    if (R(is_few)(p)) {
        R(cross_entropy_turned)(p, begin, end);
        return;
    }
    for (long row = begin; row < end; row++) {
        real top;
        const real *x = p->x + row * p->n;
        const double total = R(exponentials)(x, NULL, p->n, &top, p->asks ? x + p->n : NULL);
        R(keep_row)(p, row, top, total);
    }
}

KERNEL(cross_entropy)
{
    R(rows) p = {.x = a[0].p, .classes = a[1].p, .y = a[2].p, .stats = a[3].p, .n = a[5].i,
                 .inner = 1};
    p = R(of_size)(p, a[4].i * p.n * (long)sizeof(real));
    parallel(a[4].i, R(row_grain)(&p), R(cross_entropy_range), &p);
}

/* 0 - g e^(x - top - rest), and g more for the class; 0 and not -0 where g is 0. */
static void R(cross_entropy_back_some)(const void *context, real *out, long begin, long end)
{
    const R(row) r = *(const R(row) *)context;
    const real g = *r.g;
    if (r.ask)
        R(ask_near)(r.x + r.ask + begin, end - begin);
    long i = begin;
    for (; i + LANES <= end; i += LANES)
        *(vec *)(out + i - begin) = 0 - R(vexp_below)(*(const vec *)(r.x + i) - r.one - r.two) * g;
    if (i < end)
        R(store_part)(out + i - begin, end - i,
                      0 - R(vexp_below)(R(some_of)(r.x + i, end - i) - r.one - r.two) * g);
    if (r.class >= begin && r.class < end)
        out[r.class - begin] += g;
}

static void R(cross_entropy_row_back)(const R(rows) *p, long row, real slope)
{
    const R(row) r = {.x = p->s + row * p->n, .g = &slope, .class = p->classes[row],
                      .ask = p->asks ? p->n : 0, .one = R(splat)(p->stats[2 * row]),
                      .two = R(splat)(p->stats[2 * row + 1])};
    R(deliver_some)(R(cross_entropy_back_some), &r, p->y + row * p->n, p->far, 0, p->n);
}

static void R(cross_entropy_backward_range)(void *context, long begin, long end)
{
    const R(rows) *p = context;
    for (long row = begin; row < end; row++)
        R(cross_entropy_row_back)(p, row, p->x[row]);
    PUT_END();
}

KERNEL(cross_entropy_backward)
{
    R(rows) p = {.x = a[0].p, .s = a[1].p, .classes = a[2].p, .stats = a[3].p, .y = a[4].p,
                 .n = a[6].i, .inner = 1};
    p = R(of_size)(p, a[5].i * p.n * (long)sizeof(real));
    parallel(a[5].i, R(row_grain)(&p), R(cross_entropy_backward_range), &p);
}

/* Rows with a target that was not looked at, and what each counts; their gradient, with a cotangent for
 * each of them, or `apart` 0 and one for all.
 */
typedef struct {
    R(rows) rows;
    const int64_t *target;
    int64_t *classes, *bad;
    real *scale;
    const real *g;
    long ignore, apart;
} R(targets);

static void R(class_rows_range)(void *context, long begin, long end)
{
    const R(targets) *c = context;
    for (long row = begin; row < end; row++) {
        const int64_t at = c->target[row];
        const int counts = at != c->ignore, there = at >= 0 && at < c->rows.n;
        if (counts && !there)
            __atomic_store_n(c->bad, 1, __ATOMIC_RELAXED);
        c->classes[row] = counts && there ? at : 0;
        c->scale[row] = counts ? -1 : 0;
    }
    R(cross_entropy_range)((void *)&c->rows, begin, end);
}

KERNEL(class_rows)
{
    R(targets) c = {.rows = {.x = a[0].p, .classes = a[2].p, .y = a[3].p, .stats = a[4].p,
                                .n = a[7].i, .inner = 1},
                       .target = a[1].p, .classes = a[2].p, .scale = a[5].p, .ignore = a[8].i,
                       .bad = a[9].p};
    c.rows = R(of_size)(c.rows, a[6].i * c.rows.n * (long)sizeof(real));
    parallel(a[6].i, R(row_grain)(&c.rows), R(class_rows_range), &c);
}

KERNEL(class_loss)
{
    const real *y = a[0].p;
    real *scale = a[1].p, *loss = a[2].p;
    const long N = a[3].i;
    double sum = 0, count = 0;
    for (long i = 0; i < N; i++)
        if (scale[i] != 0) { /* else not even NaN counts */
            sum += (double)scale[i] * (double)y[i];
            count++;
        }
    loss[0] = (real)(a[4].i ? sum / count : sum);
    for (long i = 0; a[4].i && i < N; i++)
        scale[i] = scale[i] == 0 ? scale[i] : (real)((double)scale[i] / count);
}

static void R(class_gradient_range)(void *context, long begin, long end)
{
    const R(targets) *c = context;
    for (long row = begin; row < end; row++) {
        const real share = c->scale[row];
        R(cross_entropy_row_back)(&c->rows, row, share == 0 ? share : share * c->g[row * c->apart]);
    }
    PUT_END();
}

KERNEL(class_gradient)
{
    R(targets) c = {.rows = {.s = a[2].p, .classes = a[3].p, .stats = a[4].p, .y = a[5].p,
                                .n = a[7].i, .inner = 1},
                       .g = a[0].p, .scale = a[1].p, .apart = a[8].i > 1};
    c.rows = R(of_size)(c.rows, a[6].i * c.rows.n * (long)sizeof(real));
    parallel(a[6].i, R(row_grain)(&c.rows), R(class_gradient_range), &c);
}
