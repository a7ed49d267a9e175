/* Numbers of one type to another, rounded to nearest; and what a gradient scaler needs.
 *
 * to_TYPE(x, y, n)                  y = x as float32, float64, float16 or bfloat16
 * unscale(g, n, factor, bad)        g times factor, in place; bad[0] (float32) becomes 1 if an element of
 *                                   g is not finite
 */
#include "elements.cuh"

__device__ __forceinline__ void put(float &y, wide x) { y = (float)x; }
__device__ __forceinline__ void put(double &y, wide x) { y = (double)x; }
__device__ __forceinline__ void put(half &y, wide x) { y = to_half((float)x); }
__device__ __forceinline__ void put(bfloat16 &y, wide x) { y = to_bfloat16((float)x); }

template <class T> struct __align__(sizeof(T) * PACK < 16 ? sizeof(T) * PACK : 16) Packed {
    T at[PACK];
};

template <class T> __device__ __forceinline__ void convert(const real *x, T *y, i64 n)
{
    const i64 packs = whole_packs(x) && whole_packs(y) ? n / PACK : 0;
    GRID_STRIDE(i, packs)
    {
        const Pack v = ((const Pack *)x)[i];
        Packed<T> w;
#pragma unroll
        for (int k = 0; k < PACK; k++)
            put(w.at[k], widen(v.at[k]));
        ((Packed<T> *)y)[i] = w;
    }
    for (i64 i = packs * PACK + (i64)blockIdx.x * blockDim.x + threadIdx.x; i < n;
         i += (i64)gridDim.x * blockDim.x)
        put(y[i], widen(x[i]));
}

// Try: to_float32(randn(1003), out(1003), 1003)
KERNEL(to_float32, 256, cover(n, 1024))
(const real *__restrict__ x, float *__restrict__ y, i64 n) { convert(x, y, n); }

// Try: to_float64(randn(1003), out(1003), 1003)
KERNEL(to_float64, 256, cover(n, 1024))
(const real *__restrict__ x, double *__restrict__ y, i64 n) { convert(x, y, n); }

// Try: to_float16(randn(1003), out(1003), 1003)
KERNEL(to_float16, 256, cover(n, 1024))
(const real *__restrict__ x, half *__restrict__ y, i64 n) { convert(x, y, n); }

// Try: to_bfloat16(randn(1003), out(1003), 1003)
KERNEL(to_bfloat16, 256, cover(n, 1024))
(const real *__restrict__ x, bfloat16 *__restrict__ y, i64 n) { convert(x, y, n); }

// Try: unscale(randn(1003), 1003, 0.125, zeros(1))
// Try: unscale(values(1, 1e30, float("inf")), 3, 0.125, zeros(1))
KERNEL(unscale, 256, cover(n, 1024))
(real *g, i64 n, double factor, float *bad)
{
    const wide by = (wide)factor;
    each(g, g, n, [=](wide v) {
        if (!(fabs(v) < INFINITE))
            atomicExch(bad, 1.0f);
        return v * by;
    });
}
