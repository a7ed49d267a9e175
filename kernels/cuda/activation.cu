/* Elementwise nonlinearities over arrays without gaps, each in one pass.
 *
 *     NAME(x, y, n, p, q)                 y = f(x)
 *     NAME_backward(g, s, gx, n, p, q)    gx = g f'(x); s is what backward is told: x, or y
 *
 * p and q are the function's parameters (0 where it has none). The formulas are in activations.cuh.
 * Twin: ../cpu/activation.c.
 */
#include "elements.cuh"
#include "activations.cuh"

#define FORWARD(name)                                                                          \
    each(x, y, n, [=](wide v) { return name##_function::of(v, (wide)p, (wide)q); })
#define BACKWARD(name)                                                                         \
    each(g, s, gx, n, [=](wide u, wide v) { return name##_function::back(u, v, (wide)p, (wide)q); })

// Try: relu(randn(1003), out(1003), 1003, 0, 0)
KERNEL(relu, 256, cover(n, 2048))
(const real *x, real *y, i64 n, double p, double q) { FORWARD(relu); }

// Try: relu_backward(randn(1003), rand(1003), out(1003), 1003, 0, 0)
KERNEL(relu_backward, 256, cover(n, 1024))
(const real *g, const real *s, real *gx, i64 n, double p, double q) { BACKWARD(relu); }

// Try: leaky_relu(randn(1003), out(1003), 1003, 0.1, 0)
KERNEL(leaky_relu, 256, cover(n, 2048))
(const real *x, real *y, i64 n, double p, double q) { FORWARD(leaky_relu); }

// Try: leaky_relu_backward(randn(1003), rand(1003), out(1003), 1003, 0.1, 0)
KERNEL(leaky_relu_backward, 256, cover(n, 1024))
(const real *g, const real *s, real *gx, i64 n, double p, double q) { BACKWARD(leaky_relu); }

// Try: hardtanh(randn(1003), out(1003), 1003, -1, 1)
KERNEL(hardtanh, 256, cover(n, 2048))
(const real *x, real *y, i64 n, double p, double q) { FORWARD(hardtanh); }

// Try: hardtanh_backward(randn(1003), rand(1003), out(1003), 1003, -1, 1)
KERNEL(hardtanh_backward, 256, cover(n, 1024))
(const real *g, const real *s, real *gx, i64 n, double p, double q) { BACKWARD(hardtanh); }

// Try: sigmoid(randn(1003), out(1003), 1003, 0, 0)
KERNEL(sigmoid, 256, cover(n, 2048))
(const real *x, real *y, i64 n, double p, double q) { FORWARD(sigmoid); }

// Try: sigmoid_backward(randn(1003), rand(1003), out(1003), 1003, 0, 0)
KERNEL(sigmoid_backward, 256, cover(n, 1024))
(const real *g, const real *s, real *gx, i64 n, double p, double q) { BACKWARD(sigmoid); }

// Try: tanh(randn(1003), out(1003), 1003, 0, 0)
KERNEL(tanh, 256, cover(n, 2048))
(const real *x, real *y, i64 n, double p, double q) { FORWARD(tanh); }

// Try: tanh_backward(randn(1003), rand(1003), out(1003), 1003, 0, 0)
KERNEL(tanh_backward, 256, cover(n, 1024))
(const real *g, const real *s, real *gx, i64 n, double p, double q) { BACKWARD(tanh); }

// Try: silu(randn(1003), out(1003), 1003, 0, 0)
KERNEL(silu, 256, cover(n, 2048))
(const real *x, real *y, i64 n, double p, double q) { FORWARD(silu); }

// Try: silu_backward(randn(1003), rand(1003), out(1003), 1003, 0, 0)
KERNEL(silu_backward, 256, cover(n, 1024))
(const real *g, const real *s, real *gx, i64 n, double p, double q) { BACKWARD(silu); }

// Try: gelu(randn(1003), out(1003), 1003, 0, 0)
KERNEL(gelu, 256, cover(n, 2048))
(const real *x, real *y, i64 n, double p, double q) { FORWARD(gelu); }

// Try: gelu_backward(randn(1003), rand(1003), out(1003), 1003, 0, 0)
KERNEL(gelu_backward, 256, cover(n, 1024))
(const real *g, const real *s, real *gx, i64 n, double p, double q) { BACKWARD(gelu); }

// Try: gelu_tanh(randn(1003), out(1003), 1003, 0, 0)
KERNEL(gelu_tanh, 256, cover(n, 2048))
(const real *x, real *y, i64 n, double p, double q) { FORWARD(gelu_tanh); }

// Try: gelu_tanh_backward(randn(1003), rand(1003), out(1003), 1003, 0, 0)
KERNEL(gelu_tanh_backward, 256, cover(n, 1024))
(const real *g, const real *s, real *gx, i64 n, double p, double q) { BACKWARD(gelu_tanh); }

// Try: elu(randn(1003), out(1003), 1003, 1.0, 1.0)
KERNEL(elu, 256, cover(n, 2048))
(const real *x, real *y, i64 n, double p, double q) { FORWARD(elu); }

// Try: elu_backward(randn(1003), rand(1003), out(1003), 1003, 1.0, 1.0)
KERNEL(elu_backward, 256, cover(n, 1024))
(const real *g, const real *s, real *gx, i64 n, double p, double q) { BACKWARD(elu); }

// Try: softplus(randn(1003), out(1003), 1003, 1.0, 20)
KERNEL(softplus, 256, cover(n, 2048))
(const real *x, real *y, i64 n, double p, double q) { FORWARD(softplus); }

// Try: softplus_backward(randn(1003), rand(1003), out(1003), 1003, 1.0, 20)
KERNEL(softplus_backward, 256, cover(n, 1024))
(const real *g, const real *s, real *gx, i64 n, double p, double q) { BACKWARD(softplus); }
