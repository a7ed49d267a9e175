/* What every kernel is written with: the types `real` and `wide`, loops over a grid, sums over warps
 * and blocks, loads of sixteen bytes. No header of CUDA is needed.
 *
 *     real    what arrays hold: float, double, half or bfloat16 (REAL_FLOAT32, ... is defined)
 *     wide    what is computed with: double for double, else float
 *     widen(real) -> wide,  narrow(wide) -> real, rounded to nearest
 */
#pragma once

typedef long long i64;
typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;

/* A kernel: its name, the threads of a block, and for Python the grid and the bytes of dynamic shared
 * memory, in the names of its parameters. */
#define TWICE(threads) threads, 2 /* registers for two blocks on a multiprocessor */
#define KERNEL(name, threads, ...) extern "C" __global__ void __launch_bounds__(threads) name##_kernel

#define GRID_STRIDE(i, n)                                                                      \
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < (n);                          \
         i += (i64)gridDim.x * blockDim.x)

#ifdef CUDA_ON_CPU
#define DYNAMIC_SHARED(T, name) T *name = (T *)cuda_on_cpu::dynamic_shared()
#else
#define DYNAMIC_SHARED(T, name)                                                                \
    extern __shared__ __align__(128) unsigned char name##_bytes[];                             \
    T *name = (T *)name##_bytes
#endif

#define ALL_LANES 0xffffffffu
#define INFINITE __int_as_float(0x7f800000)
#define NOT_A_NUMBER __int_as_float(0x7fffffff)

/* Numbers of 16 bits are stored as such and computed in float. */
struct half {
    u16 bits;
};
struct bfloat16 {
    u16 bits;
};

__device__ __forceinline__ float widen(float x) { return x; }
__device__ __forceinline__ double widen(double x) { return x; }
__device__ __forceinline__ float widen(bfloat16 x) { return __uint_as_float((u32)x.bits << 16); }
__device__ __forceinline__ bfloat16 to_bfloat16(float x)
{
    u32 bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return {(u16)(bits >> 16 | 0x40)}; /* stays a NaN */
    return {(u16)((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

#ifdef CUDA_ON_CPU
static inline float widen(half x)
{
    u32 sign = (u32)(x.bits & 0x8000) << 16, rest = x.bits & 0x7fff;
    if (rest >= 0x7c00)
        return __uint_as_float(sign | 0x7f800000 | (rest & 0x3ff) << 13);
    if (rest < 0x400) /* subnormal: a whole number of 2^-24 */
        return __uint_as_float(sign | __float_as_uint((float)rest * 0x1p-24f));
    return __uint_as_float(sign | ((rest << 13) + (112 << 23)));
}
static inline half to_half(float x)
{
    u32 bits = __float_as_uint(x), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    if (rest > 0x7f800000)
        return {(u16)(sign | 0x7e00)};
    if (rest >= 0x477ff000) /* rounds to more than 65504 */
        return {(u16)(sign | 0x7c00)};
    if (rest < 0x38800000) /* subnormal: the sum lets the processor round at 2^-24 */
        return {(u16)(sign | (__float_as_uint(__uint_as_float(rest) + 0.5f) - 0x3f000000))};
    return {(u16)(sign | ((rest - (112 << 23) + 0xfff + (rest >> 13 & 1)) >> 13))};
}
#else
__device__ __forceinline__ float widen(half x)
{
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}
__device__ __forceinline__ half to_half(float x)
{
    half y;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
}
#endif

#if defined(REAL_FLOAT64)
typedef double real;
typedef double wide;
__device__ __forceinline__ real narrow(wide x) { return x; }
#else
typedef float wide;
#if defined(REAL_FLOAT16)
typedef half real;
__device__ __forceinline__ real narrow(wide x) { return to_half(x); }
#elif defined(REAL_BFLOAT16)
typedef bfloat16 real;
__device__ __forceinline__ real narrow(wide x) { return to_bfloat16(x); }
#else
typedef float real;
__device__ __forceinline__ real narrow(wide x) { return x; }
#endif
#endif

/* a / b of numbers that are not negative. A division of 32 bits takes a third of the time. */
__device__ __forceinline__ i64 quotient(i64 a, i64 b)
{
    return (u64)(a | b) >> 32 == 0 ? (i64)((u32)a / (u32)b) : a / b;
}

/* Sixteen bytes at once. */
#define PACK (16 / (int)sizeof(real))
struct __align__(16) Pack {
    real at[PACK];
};
__device__ __forceinline__ bool whole_packs(const void *p) { return ((u64)p & 15) == 0; }

/* The greater one; a NaN wins. */
__device__ __forceinline__ wide greater(wide a, wide b) { return a > b || a != a ? a : b; }

template <class T> __device__ __forceinline__ T warp_sum(T x)
{
#pragma unroll
    for (int step = 16; step > 0; step >>= 1)
        x += __shfl_xor_sync(ALL_LANES, x, step);
    return x;
}

__device__ __forceinline__ wide warp_greatest(wide x)
{
#pragma unroll
    for (int step = 16; step > 0; step >>= 1)
        x = greater(x, __shfl_xor_sync(ALL_LANES, x, step));
    return x;
}

/* Over a block of whole warps; every thread gets the result, which does not depend on timing. */
template <class T> __device__ __forceinline__ T block_sum(T x)
{
    __shared__ T part[32];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    x = warp_sum(x);
    __syncthreads(); /* the last sum's parts have been read */
    if (lane == 0)
        part[warp] = x;
    __syncthreads();
    return warp_sum(lane < warps ? part[lane] : T(0));
}

__device__ __forceinline__ wide block_greatest(wide x)
{
    __shared__ wide part[32];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    x = warp_greatest(x);
    __syncthreads();
    if (lane == 0)
        part[warp] = x;
    __syncthreads();
    return warp_greatest(lane < warps ? part[lane] : -INFINITE);
}
