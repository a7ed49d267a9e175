/* A bias for each channel and an activation, in one pass over (outer, C, L).
 *
 *     bias_NAME(x, b, y, n, C, L)               y = f(x + b[channel]); n = outer C L
 *     bias_NAME_backward(g, x, b, gx, n, C, L)  gx = g f'(x + b[channel])
 *
 * The gradient of the bias is the sum of gx over all but the channel: reduce_sum. L is 1 for a linear
 * layer. bias_identity is the plain bias of a convolution.
 */
#include "elements.cuh"
#include "activations.cuh"

template <class F>
__device__ __forceinline__ void with_bias(const real *x, const real *b, real *y, i64 n, i64 C, i64 L)
{
    channels(n, C, L, whole_packs(x) && whole_packs(y), [=](i64 i, i64 c, int count, int step) {
        Pack v = load(x + i, count);
        wide shift = widen(b[c]);
#pragma unroll
        for (int k = 0; k < PACK; k++)
            if (k < count) {
                shift = step ? widen(b[c + k]) : shift;
                v.at[k] = narrow(F::of(widen(v.at[k]) + shift, 0, 0));
            }
        store(y + i, v, count);
    });
}

/* Functions whose slope is told by their output get it here, from the input. */
template <class F>
__device__ __forceinline__ void with_bias_backward(const real *g, const real *x, const real *b,
                                                   real *gx, i64 n, i64 C, i64 L, bool by_output)
{
    const bool aligned = whole_packs(g) && whole_packs(x) && whole_packs(gx);
    channels(n, C, L, aligned, [=](i64 i, i64 c, int count, int step) {
        Pack u = load(g + i, count), v = load(x + i, count);
        wide shift = widen(b[c]);
#pragma unroll
        for (int k = 0; k < PACK; k++)
            if (k < count) {
                shift = step ? widen(b[c + k]) : shift;
                wide s = widen(v.at[k]) + shift;
                u.at[k] = narrow(F::back(widen(u.at[k]), by_output ? F::of(s, 0, 0) : s, 0, 0));
            }
        store(gx + i, u, count);
    });
}

// Try: bias_identity(randn(3, 5, 8), randn(5), out(120), 120, 5, 8)
// Try: bias_identity(randn(3, 8), randn(8), out(24), 24, 8, 1)
// Try: bias_identity(randn(3, 5, 7), randn(5), out(105), 105, 5, 7)
KERNEL(bias_identity, 256, cover(n, 1024))
(const real *x, const real *b, real *y, i64 n, i64 C, i64 L)
{
    with_bias<identity_function>(x, b, y, n, C, L);
}

// Try: bias_relu(randn(3, 5, 8), randn(5), out(120), 120, 5, 8)
// Try: bias_relu(randn(3, 8), randn(8), out(24), 24, 8, 1)
// Try: bias_relu(randn(3, 5, 7), randn(5), out(105), 105, 5, 7)
KERNEL(bias_relu, 256, cover(n, 1024))
(const real *x, const real *b, real *y, i64 n, i64 C, i64 L)
{
    with_bias<relu_function>(x, b, y, n, C, L);
}

// Try: bias_relu_backward(randn(105), randn(3, 5, 7), randn(5), out(105), 105, 5, 7)
KERNEL(bias_relu_backward, 256, cover(n, 1024))
(const real *g, const real *x, const real *b, real *gx, i64 n, i64 C, i64 L)
{
    with_bias_backward<relu_function>(g, x, b, gx, n, C, L, true);
}

// Try: bias_sigmoid(randn(3, 5, 8), randn(5), out(120), 120, 5, 8)
// Try: bias_sigmoid(randn(3, 8), randn(8), out(24), 24, 8, 1)
// Try: bias_sigmoid(randn(3, 5, 7), randn(5), out(105), 105, 5, 7)
KERNEL(bias_sigmoid, 256, cover(n, 1024))
(const real *x, const real *b, real *y, i64 n, i64 C, i64 L)
{
    with_bias<sigmoid_function>(x, b, y, n, C, L);
}

// Try: bias_sigmoid_backward(randn(105), randn(3, 5, 7), randn(5), out(105), 105, 5, 7)
KERNEL(bias_sigmoid_backward, 256, cover(n, 1024))
(const real *g, const real *x, const real *b, real *gx, i64 n, i64 C, i64 L)
{
    with_bias_backward<sigmoid_function>(g, x, b, gx, n, C, L, true);
}

// Try: bias_tanh(randn(3, 5, 8), randn(5), out(120), 120, 5, 8)
// Try: bias_tanh(randn(3, 8), randn(8), out(24), 24, 8, 1)
// Try: bias_tanh(randn(3, 5, 7), randn(5), out(105), 105, 5, 7)
KERNEL(bias_tanh, 256, cover(n, 1024))
(const real *x, const real *b, real *y, i64 n, i64 C, i64 L)
{
    with_bias<tanh_function>(x, b, y, n, C, L);
}

// Try: bias_tanh_backward(randn(105), randn(3, 5, 7), randn(5), out(105), 105, 5, 7)
KERNEL(bias_tanh_backward, 256, cover(n, 1024))
(const real *g, const real *x, const real *b, real *gx, i64 n, i64 C, i64 L)
{
    with_bias_backward<tanh_function>(g, x, b, gx, n, C, L, true);
}

// Try: bias_silu(randn(3, 5, 8), randn(5), out(120), 120, 5, 8)
// Try: bias_silu(randn(3, 8), randn(8), out(24), 24, 8, 1)
// Try: bias_silu(randn(3, 5, 7), randn(5), out(105), 105, 5, 7)
KERNEL(bias_silu, 256, cover(n, 1024))
(const real *x, const real *b, real *y, i64 n, i64 C, i64 L)
{
    with_bias<silu_function>(x, b, y, n, C, L);
}

// Try: bias_silu_backward(randn(105), randn(3, 5, 7), randn(5), out(105), 105, 5, 7)
KERNEL(bias_silu_backward, 256, cover(n, 1024))
(const real *g, const real *x, const real *b, real *gx, i64 n, i64 C, i64 L)
{
    with_bias_backward<silu_function>(g, x, b, gx, n, C, L, false);
}

// Try: bias_gelu(randn(3, 5, 8), randn(5), out(120), 120, 5, 8)
// Try: bias_gelu(randn(3, 8), randn(8), out(24), 24, 8, 1)
// Try: bias_gelu(randn(3, 5, 7), randn(5), out(105), 105, 5, 7)
KERNEL(bias_gelu, 256, cover(n, 1024))
(const real *x, const real *b, real *y, i64 n, i64 C, i64 L)
{
    with_bias<gelu_function>(x, b, y, n, C, L);
}

// Try: bias_gelu_backward(randn(105), randn(3, 5, 7), randn(5), out(105), 105, 5, 7)
KERNEL(bias_gelu_backward, 256, cover(n, 1024))
(const real *g, const real *x, const real *b, real *gx, i64 n, i64 C, i64 L)
{
    with_bias_backward<gelu_function>(g, x, b, gx, n, C, L, false);
}

// Try: bias_gelu_tanh(randn(3, 5, 8), randn(5), out(120), 120, 5, 8)
// Try: bias_gelu_tanh(randn(3, 8), randn(8), out(24), 24, 8, 1)
// Try: bias_gelu_tanh(randn(3, 5, 7), randn(5), out(105), 105, 5, 7)
KERNEL(bias_gelu_tanh, 256, cover(n, 1024))
(const real *x, const real *b, real *y, i64 n, i64 C, i64 L)
{
    with_bias<gelu_tanh_function>(x, b, y, n, C, L);
}

// Try: bias_gelu_tanh_backward(randn(105), randn(3, 5, 7), randn(5), out(105), 105, 5, 7)
KERNEL(bias_gelu_tanh_backward, 256, cover(n, 1024))
(const real *g, const real *x, const real *b, real *gx, i64 n, i64 C, i64 L)
{
    with_bias_backward<gelu_tanh_function>(g, x, b, gx, n, C, L, false);
}
