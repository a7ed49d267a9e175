/* Elementwise arithmetic on arrays without gaps, several steps in one pass.
 *
 * fill(y, n, value)                y = value
 * scale_add(x, y, n, a, b)         y = a x + b
 * axpby(x, y, z, n, a, b)          z = a x + b y
 * multiply_add(x, y, z, n, a)      z += a x y
 * interpolate(x, y, z, n, weight)  z = x + weight (y - x)
 * channel_affine(x, w, b, y, n, C, L)   y = x w[channel] + b[channel] over (outer, C, L); w or b may be NULL
 * power(x, y, n, exponent), exponential, logarithm, root, reciprocal (x, y, n)
 */
#include "elements.cuh"

// Try: fill(out(1003), 1003, 2.5)
KERNEL(fill, 256, cover(n, 1024))
(real *y, i64 n, double value)
{
    const real v = narrow((wide)value);
    const i64 packs = whole_packs(y) ? n / PACK : 0;
    Pack pack;
#pragma unroll
    for (int k = 0; k < PACK; k++)
        pack.at[k] = v;
    GRID_STRIDE(i, packs) ((Pack *)y)[i] = pack;
    for (i64 i = packs * PACK + (i64)blockIdx.x * blockDim.x + threadIdx.x; i < n;
         i += (i64)gridDim.x * blockDim.x)
        y[i] = v;
}

// Try: scale_add(randn(1003), out(1003), 1003, 2, -1)
KERNEL(scale_add, 256, cover(n, 2048))
(const real *x, real *y, i64 n, double a, double b)
{
    const wide u = (wide)a, v = (wide)b;
    each(x, y, n, [=](wide t) { return u * t + v; });
}

// Try: axpby(randn(1003), randn(1003), out(1003), 1003, 2, -1)
KERNEL(axpby, 256, cover(n, 1024))
(const real *x, const real *y, real *z, i64 n, double a, double b)
{
    const wide u = (wide)a, v = (wide)b;
    each(x, y, z, n, [=](wide s, wide t) { return u * s + v * t; });
}

// Try: multiply_add(randn(1003), randn(1003), randn(1003), 1003, 2)
KERNEL(multiply_add, 256, cover(n, 512))
(const real *x, const real *y, real *z, i64 n, double a)
{
    const wide u = (wide)a;
    GRID_STRIDE(i, n) z[i] = narrow(widen(z[i]) + u * widen(x[i]) * widen(y[i]));
}

// Try: interpolate(randn(1003), randn(1003), out(1003), 1003, 0.3)
KERNEL(interpolate, 256, cover(n, 1024))
(const real *x, const real *y, real *z, i64 n, double weight)
{
    const wide u = (wide)weight;
    each(x, y, z, n, [=](wide s, wide t) { return s + u * (t - s); });
}

// Try: channel_affine(randn(3, 5, 8), randn(5), randn(5), out(120), 120, 5, 8)
// Try: channel_affine(randn(3, 8), null, randn(8), out(24), 24, 8, 1)
KERNEL(channel_affine, 256, cover(n, 1024))
(const real *x, const real *w, const real *b, real *y, i64 n, i64 C, i64 L)
{
    channels(n, C, L, whole_packs(x) && whole_packs(y), [=](i64 i, i64 c, int count, int step) {
        Pack v = load(x + i, count);
#pragma unroll
        for (int k = 0; k < PACK; k++)
            if (k < count) {
                const wide scaled = w ? widen(v.at[k]) * widen(w[c + k * step]) : widen(v.at[k]);
                v.at[k] = narrow(b ? scaled + widen(b[c + k * step]) : scaled);
            }
        store(y + i, v, count);
    });
}

// Try: power(rand(1003), out(1003), 1003, 2.5)
KERNEL(power, 256, cover(n, 2048))
(const real *x, real *y, i64 n, double exponent)
{
    const wide e = (wide)exponent;
    each(x, y, n, [=](wide t) { return pow(t, e); });
}

// Try: exponential(randn(1003), out(1003), 1003)
KERNEL(exponential, 256, cover(n, 2048))
(const real *x, real *y, i64 n) { each(x, y, n, [](wide t) { return exp(t); }); }

// Try: logarithm(rand(1003), out(1003), 1003)
KERNEL(logarithm, 256, cover(n, 2048))
(const real *x, real *y, i64 n) { each(x, y, n, [](wide t) { return log(t); }); }

// Try: root(rand(1003), out(1003), 1003)
KERNEL(root, 256, cover(n, 2048))
(const real *x, real *y, i64 n) { each(x, y, n, [](wide t) { return sqrt(t); }); }

// Try: reciprocal(randn(1003), out(1003), 1003)
KERNEL(reciprocal, 256, cover(n, 2048))
(const real *x, real *y, i64 n) { each(x, y, n, [](wide t) { return 1 / t; }); }
