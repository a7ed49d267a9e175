/* Loops over elements, sixteen bytes at a time where arrays begin at multiples of that; and over
 * elements of (outer, channels, length), where a function depends on the channel.
 */
#pragma once
#include "common.cuh"

/* y[i] = f(x[i]) */
template <class F> __device__ __forceinline__ void each(const real *x, real *y, i64 n, F f)
{
    const i64 packs = whole_packs(x) && whole_packs(y) ? n / PACK : 0;
    const i64 threads = (i64)gridDim.x * blockDim.x, me = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    for (i64 i = me; i < packs; i += 2 * threads) {
        const bool two = i + threads < packs; /* a second one on its way hides the wait */
        Pack a = ((const Pack *)x)[i], b = two ? ((const Pack *)x)[i + threads] : a;
#pragma unroll
        for (int k = 0; k < PACK; k++) {
            a.at[k] = narrow(f(widen(a.at[k])));
            b.at[k] = narrow(f(widen(b.at[k])));
        }
        ((Pack *)y)[i] = a;
        if (two)
            ((Pack *)y)[i + threads] = b;
    }
    for (i64 i = packs * PACK + me; i < n; i += threads)
        y[i] = narrow(f(widen(x[i])));
}

/* y[i] = f(a[i], b[i]) */
template <class F>
__device__ __forceinline__ void each(const real *a, const real *b, real *y, i64 n, F f)
{
    const i64 packs = whole_packs(a) && whole_packs(b) && whole_packs(y) ? n / PACK : 0;
    const i64 threads = (i64)gridDim.x * blockDim.x, me = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    for (i64 i = me; i < packs; i += threads) {
        Pack u = ((const Pack *)a)[i], v = ((const Pack *)b)[i];
#pragma unroll
        for (int k = 0; k < PACK; k++)
            u.at[k] = narrow(f(widen(u.at[k]), widen(v.at[k])));
        ((Pack *)y)[i] = u;
    }
    for (i64 i = packs * PACK + me; i < n; i += threads)
        y[i] = narrow(f(widen(a[i]), widen(b[i])));
}

/* What a loop over (outer, C, L) does: f(i, c, count) for runs of `count` elements, PACK or one, of
 * which all are aligned to packs; element i + k has channel c + k * step. `aligned` says whether
 * the arrays begin at multiples of sixteen bytes.
 */
template <class I, class F>
__device__ __forceinline__ void channels_by(I n, I C, I L, bool aligned, F f)
{
    const I threads = (I)gridDim.x * blockDim.x, me = (I)blockIdx.x * blockDim.x + threadIdx.x;
    const bool flat = L == 1 && C % PACK == 0; /* a pack holds channels side by side */
    if (aligned && (flat || L % PACK == 0)) {
        for (I i = me * PACK; i < n; i += threads * PACK)
            f((i64)i, (i64)(flat ? i % C : i / L % C), PACK, flat ? 1 : 0);
        return;
    }
    for (I i = me; i < n; i += threads)
        f((i64)i, (i64)(i / L % C), 1, 0);
}

/* Divisions of 32 bits are several times faster than those of 64. */
template <class F>
__device__ __forceinline__ void channels(i64 n, i64 C, i64 L, bool aligned, F f)
{
    if (n + (i64)gridDim.x * blockDim.x * PACK < (1ll << 32))
        channels_by<u32>((u32)n, (u32)C, (u32)L, aligned, f);
    else
        channels_by<i64>(n, C, L, aligned, f);
}

/* `count` elements from p on, which is PACK of them in one load. */
__device__ __forceinline__ Pack load(const real *p, int count)
{
    Pack pack;
    if (count == PACK)
        pack = *(const Pack *)p;
    else
        pack.at[0] = *p;
    return pack;
}
__device__ __forceinline__ void store(real *p, const Pack &pack, int count)
{
    if (count == PACK)
        *(Pack *)p = pack;
    else
        *p = pack.at[0];
}

/* Add to an element that other threads add to as well. */
#if defined(REAL_FLOAT32) || defined(REAL_FLOAT64)
__device__ __forceinline__ void add_to(real *at, real x) { atomicAdd(at, x); }
#else
/* Halves are read and changed as the 16 bits that they are: the word around one may reach beyond the
 * array.
 */
__device__ __forceinline__ void add_to(real *at, real x)
{
    u16 before = atomicCAS(&at->bits, (u16)0, (u16)0), seen;
    do {
        seen = before;
        real old;
        old.bits = seen;
        before = atomicCAS(&at->bits, seen, narrow(widen(old) + widen(x)).bits);
    } while (before != seen);
}
#endif
