/* Elementwise nonlinearities: y = F::of(x, p, q), and F::back(g, s, p, q) = g f'(x), where s is the
 * output for those that say so, else the input. Comparisons are written so that a NaN stays where it
 * is, and lets its cotangent through.
 */
#pragma once
#include "common.cuh"

__device__ __forceinline__ wide logistic(wide x) { return wide(1) / (wide(1) + exp(-x)); }
/* The chance that a standard normal number is below x, and its density. */
__device__ __forceinline__ wide normal_below(wide x)
{
    return wide(0.5) * erfc(x * wide(-0.70710678118654752));
}
__device__ __forceinline__ wide normal_density(wide x)
{
    return wide(0.39894228040143268) * exp(wide(-0.5) * x * x);
}

/* x Phi(x) with Phi(x) = (1 + tanh u) / 2 = logistic(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3) */
#define GELU_RATE wide(1.5957691216057307) /* 2 sqrt(2 / pi) */
__device__ __forceinline__ wide gelu_tanh_slope(wide s)
{
    const wide square = s * s, y = logistic(s * (square * wide(0.044715) + 1) * GELU_RATE);
    return y + s * (y * (1 - y)) * ((square * wide(0.134145) + 1) * GELU_RATE);
}
/* p: beta, q: the threshold */
__device__ __forceinline__ wide soft_plus(wide x, wide p, wide q)
{
    const wide z = x * p;
    if (z > q || x != x)
        return x;
    return ((z > 0 ? z : wide(0)) + log1p(exp(z > 0 ? -z : z))) / p;
}

#define ACTIVATION(name, value, slope)                                                         \
    struct name##_function {                                                                   \
        static __device__ __forceinline__ wide of(wide x, wide p, wide q) { return value; }    \
        static __device__ __forceinline__ wide back(wide g, wide s, wide p, wide q)            \
        {                                                                                      \
            return slope;                                                                      \
        }                                                                                      \
    };

ACTIVATION(identity, x, g)
ACTIVATION(relu, x <= 0 ? wide(0) : x, s <= 0 ? wide(0) : g) /* s = y */
ACTIVATION(leaky_relu, x > 0 ? x : x * p, s > 0 ? g : g * p)
ACTIVATION(hardtanh, x < p ? p : x > q ? q : x, s <= p || s >= q ? wide(0) : g)
ACTIVATION(sigmoid, logistic(x), g * ((1 - s) * s)) /* s = y */
ACTIVATION(tanh, tanh(x), g * (1 - s * s))          /* s = y */
ACTIVATION(silu, x / (exp(-x) + 1), g * (logistic(s) * (1 + s * (1 - logistic(s)))))
ACTIVATION(gelu, x * normal_below(x), g * (normal_below(s) + s * normal_density(s)))
ACTIVATION(gelu_tanh, x * logistic(x * (x * x * wide(0.044715) + 1) * GELU_RATE),
           g * gelu_tanh_slope(s))
/* p: alpha times scale, q: scale */
ACTIVATION(elu, x <= 0 ? expm1(x) * p : x * q, s <= 0 ? g * (exp(s) * p) : g * q)
ACTIVATION(softplus, soft_plus(x, p, q), s * p > q ? g : g * logistic(s * p))
