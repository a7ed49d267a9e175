/* Who works on a row: a warp, where rows are short, or a whole block.
 *
 *     Team<32> or Team<threads of the block>; with team: lane, width, row(), rows()
 *
 * Rows are taken in strides of rows(), so that any grid does; all threads of a team meet in sums.
 */
#pragma once
#include "common.cuh"

template <int WIDTH> struct Team {
    static constexpr int width = WIDTH;
    __device__ __forceinline__ int lane() const { return threadIdx.x % WIDTH; }
    __device__ __forceinline__ i64 row() const
    {
        return (i64)blockIdx.x * (blockDim.x / WIDTH) + threadIdx.x / WIDTH;
    }
    __device__ __forceinline__ i64 rows() const { return (i64)gridDim.x * (blockDim.x / WIDTH); }
    template <class T> __device__ __forceinline__ T sum(T x) const
    {
        if constexpr (WIDTH == 32)
            return warp_sum(x);
        else
            return block_sum(x);
    }
    __device__ __forceinline__ wide greatest(wide x) const
    {
        if constexpr (WIDTH == 32)
            return warp_greatest(x);
        else
            return block_greatest(x);
    }
};

/* The size of each of so many parts of a row: whole packs, so that all parts are aligned as the row. */
__device__ __forceinline__ i64 ceil_to_packs(i64 n, i64 parts)
{
    const i64 size = (n + parts - 1) / parts;
    return (size + PACK - 1) / PACK * PACK;
}

/* f(k, value) for the elements of a contiguous row that fall to a lane, in packs where possible. A row
 * has fewer than 2^31 elements. */
template <class T, class F>
__device__ __forceinline__ void along(T team, const real *x, i64 n, F f)
{
    const int packs = whole_packs(x) ? (int)(n / PACK) : 0;
    for (int i = team.lane(); i < packs; i += T::width) {
        const Pack v = ((const Pack *)x)[i];
#pragma unroll
        for (int k = 0; k < PACK; k++)
            f(i * PACK + k, widen(v.at[k]));
    }
    for (int k = packs * PACK + team.lane(); k < n; k += T::width)
        f(k, widen(x[k]));
}

/* y[k] = f(k, x[k]) */
template <class T, class F>
__device__ __forceinline__ void rewrite(T team, const real *x, real *y, i64 n, F f)
{
    const int packs = whole_packs(x) && whole_packs(y) ? (int)(n / PACK) : 0;
    for (int i = team.lane(); i < packs; i += T::width) {
        Pack v = ((const Pack *)x)[i];
#pragma unroll
        for (int k = 0; k < PACK; k++)
            v.at[k] = narrow(f(i * PACK + k, widen(v.at[k])));
        ((Pack *)y)[i] = v;
    }
    for (int k = packs * PACK + team.lane(); k < n; k += T::width)
        y[k] = narrow(f(k, widen(x[k])));
}
