/* Steps of the optimizers, each in one pass over the memory; elementwise, on arrays without gaps.
 *
 * sgd_step(p, g, b, n, lr, momentum, dampening, decay, sign, nesterov, fresh)
 *     b is the momentum, or None; it becomes the gradient if `fresh`.
 * adam_step(p, g, m, v, top, n, beta1, beta2, eps, decay, shrink, sign, step_size, root)
 *     top is the largest v so far (amsgrad), or None. `shrink` is the factor of decoupled weight decay
 *     (1 for none: AdamW has decay 0 and shrink 1 - lr decay), `root` is sqrt(1 - beta2^t).
 * sgd_many(tensors, lr, ...), adam_many(tensors, beta1, ...)   the same for many tensors in one launch
 * adam_many_counted(tensors, count, rate, lr, beta1, beta2, eps, decay, decoupled, sign)
 *     adam_many that a captured step can repeat: how many steps there were, this one included, is read
 *     from count (float32), and the learning rate from rate (float32) if that is not None
 *
 * `sign` is -1 to maximize, else 1; `decay` times p is added to the gradient. Twin: ../cpu/optim.c.
 * What is kept from step to step has the type of p. `tensors` is a struct Tensors, by value; cuda_plans.py
 * fills it: at most 64 tensors, each cut in chunks of 4096 elements, a block a chunk.
 */
#include "common.cuh"

struct Sgd {
    wide lr, momentum, share, decay, sign;
    bool nesterov, fresh;

    __device__ __forceinline__ void operator()(real *p, const real *g, real *b, i64 i) const
    {
        const wide x = widen(p[i]);
        wide d = sign * widen(g[i]);
        d = decay == 0 ? d : d + decay * x; /* 0 * inf would be NaN */
        if (b) {
            const wide m = fresh ? d : momentum * widen(b[i]) + share * d;
            b[i] = narrow(m);
            d = nesterov ? d + momentum * m : m;
        }
        p[i] = narrow(x - lr * d);
    }
};
#define SGD double lr, double momentum, double dampening, double decay, double sign, i64 nesterov, i64 fresh
#define SGD_GIVEN                                                                              \
    {(wide)lr,   (wide)momentum, (wide)(1 - dampening), (wide)decay,                           \
     (wide)sign, nesterov != 0,  fresh != 0}

struct Adam {
    wide share1, beta2, share2, eps, decay, shrink, sign, step_size, root;

    __device__ __forceinline__ void operator()(real *p, const real *g, real *m, real *v, real *top,
                                               i64 i) const
    {
        const wide x = shrink == 1 ? widen(p[i]) : widen(p[i]) * shrink;
        wide d = sign * widen(g[i]);
        d = decay == 0 ? d : d + decay * x;
        const wide mean = widen(m[i]) + share1 * (d - widen(m[i]));
        wide square = beta2 * widen(v[i]) + share2 * (d * d);
        m[i] = narrow(mean);
        v[i] = narrow(square);
        if (top) {
            square = greater(widen(top[i]), square);
            top[i] = narrow(square);
        }
        p[i] = narrow(x - step_size * (mean / (sqrt(square) / root + eps)));
    }
};
#define ADAM double beta1, double beta2, double eps, double decay, double shrink, double sign, double step_size, double root
#define ADAM_GIVEN                                                                             \
    {(wide)(1 - beta1), (wide)beta2,  (wide)(1 - beta2), (wide)eps, (wide)decay,               \
     (wide)shrink,      (wide)sign,   (wide)step_size,   (wide)root}

// Try: sgd_step(randn(1003), randn(1003), randn(1003), 1003, 0.1, 0.9, 0, 0.01, 1, 1, 0)
// Try: sgd_step(randn(1003), randn(1003), null, 1003, 0.1, 0, 0, 0, 1, 0, 0)
KERNEL(sgd_step, 256, cover(n, 512))
(real *__restrict__ p, const real *__restrict__ g, real *__restrict__ b, i64 n, SGD)
{
    const Sgd step = SGD_GIVEN;
    GRID_STRIDE(i, n) step(p, g, b, i);
}

// Try: adam_step(randn(1003), randn(1003), randn(1003), rand(1003), rand(1003), 1003, 0.9, 0.999, 1e-8, 0.01, 1, 1, 0.001, 0.1)
// Try: adam_step(randn(1003), randn(1003), randn(1003), rand(1003), null, 1003, 0.9, 0.999, 1e-8, 0, 0.99, -1, 0.001, 0.1)
KERNEL(adam_step, 256, cover(n, 512))
(real *__restrict__ p, const real *__restrict__ g, real *__restrict__ m, real *__restrict__ v,
 real *__restrict__ top, i64 n, ADAM)
{
    const Adam step = ADAM_GIVEN;
    GRID_STRIDE(i, n) step(p, g, m, v, top, i);
}

#define MOST 64
#define CHUNK 4096

/* Tensor t has the blocks first[t] to first[t + 1] - 1; state that is not there is NULL. */
struct Tensors {
    i64 count, first[MOST + 1], size[MOST];
    real *p[MOST];
    const real *g[MOST];
    real *state[3][MOST];
};

/* The tensor whose chunk this block has. */
__device__ __forceinline__ int tensor_of(const Tensors &tensors)
{
    int low = 0, high = (int)tensors.count - 1;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (tensors.first[middle] <= (i64)blockIdx.x)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

#define OF_CHUNK(i, t)                                                                         \
    const i64 begin = (blockIdx.x - tensors.first[t]) * CHUNK;                                 \
    const i64 end = min(begin + CHUNK, tensors.size[t]);                                       \
    for (i64 i = begin + threadIdx.x; i < end; i += blockDim.x)

KERNEL(sgd_many, 256, int(tensors["first"][tensors["count"]]))
(const Tensors tensors, SGD)
{
    const Sgd step = SGD_GIVEN;
    const int t = tensor_of(tensors);
    OF_CHUNK(i, t) step(tensors.p[t], tensors.g[t], tensors.state[0][t], i);
}

KERNEL(adam_many, 256, int(tensors["first"][tensors["count"]]))
(const Tensors tensors, ADAM)
{
    const Adam step = ADAM_GIVEN;
    const int t = tensor_of(tensors);
    OF_CHUNK(i, t)
    step(tensors.p[t], tensors.g[t], tensors.state[0][t], tensors.state[1][t], tensors.state[2][t], i);
}

KERNEL(adam_many_counted, 256, int(tensors["first"][tensors["count"]]))
(const Tensors tensors, const float *count, const float *rate, double lr, double beta1, double beta2,
 double eps, double decay, i64 decoupled, double sign)
{
    __shared__ double step_size, root, shrink;
    if (threadIdx.x == 0) {
        const double now = rate ? *rate : lr;
        step_size = now / (1 - pow(beta1, (double)*count));
        root = sqrt(1 - pow(beta2, (double)*count));
        shrink = decoupled ? 1 - now * decay : 1;
    }
    __syncthreads();
    decay = decoupled ? 0 : decay;
    const Adam step = ADAM_GIVEN;
    const int t = tensor_of(tensors);
    OF_CHUNK(i, t)
    step(tensors.p[t], tensors.g[t], tensors.state[0][t], tensors.state[1][t], tensors.state[2][t], i);
}
