/* Elementwise nonlinearities over arrays without gaps.
 *
 * relu(x, y, n)             y = max(x, 0), NaN stays NaN            reference: ops Relu
 * relu_backward(g, y, gx, n) gx = g where y > 0, else 0             reference: ops Relu.grad_input
 */
typedef struct {
    const real *x, *y;
    real *out;
} R(elementwise);

static void R(relu_range)(void *context, long begin, long end)
{
    const R(elementwise) *c = context;
    const vec zero = {0};
    long i = begin;
    for (; i + LANES <= end; i += LANES) {
        vec x = *(const vec *)(c->x + i);
        *(vec *)(c->out + i) = R(choose)(x <= zero, zero, x); /* NaN compares false and stays */
    }
    for (; i < end; i++)
        c->out[i] = c->x[i] <= 0 ? 0 : c->x[i];
}

KERNEL(relu)
{
    R(elementwise) c = {.x = a[0].p, .out = a[1].p};
    parallel(a[2].i, 1 << 15, R(relu_range), &c);
}

static void R(relu_backward_range)(void *context, long begin, long end)
{
    const R(elementwise) *c = context;
    const vec zero = {0};
    long i = begin;
    for (; i + LANES <= end; i += LANES) {
        vec g = *(const vec *)(c->x + i), y = *(const vec *)(c->y + i);
        *(vec *)(c->out + i) = R(choose)(y > zero, g, zero);
    }
    for (; i < end; i++)
        c->out[i] = c->y[i] > 0 ? c->x[i] : 0;
}

KERNEL(relu_backward)
{
    R(elementwise) c = {.x = a[0].p, .y = a[1].p, .out = a[2].p};
    parallel(a[3].i, 1 << 15, R(relu_backward_range), &c);
}
