/* Reading and adding along one axis: arrays (outer, size, inner), places from an index.
 *
 * take_rows(x, index, out, outer, size, inner, count, bad)   out[o, k, :] = x[o, index[k], :]
 * add_rows(out, index, x, outer, size, inner, count, bad)    out[o, index[k], :] += x[o, k, :]
 * take_along(x, index, out, outer, size, inner, count, bad)  out[o, k, i] = x[o, index[o, k, i], i]
 * add_along(out, index, x, outer, size, inner, count, bad)   the other way, and added
 * out_of_range(index, n, low, size, bad)                     only notes in bad whether low <= index < size
 * out_of_span(x, n, low, high, bad)                          the same of numbers, low <= x <= high; NaN is not
 *
 * Indices are int64. If one is outside of 0..size-1, bad[0] (int64) becomes 1, and nothing is read or
 * written for it. Twin: ../cpu/index.c. add_rows is that of an embedding's weight, too.
 *
 * Sums come in two forms: NAME_atomic adds in whatever order threads come (float and double), NAME_ordered
 * in the order of the index, always with the same bits. cuda_plans.py chooses.
 */
#include "elements.cuh"

/* Whether an index may be used; notes it if not. */
__device__ __forceinline__ bool usable(i64 at, i64 size, i64 *bad)
{
    if ((u64)at < (u64)size)
        return true;
    atomicExch((u64 *)bad, 1ull);
    return false;
}

// Try: out_of_range(values(0, -3, 3), 3, -3, 4, zeros(1))
// Try: out_of_range(values(0, 4, 2), 3, 0, 4, zeros(1))
KERNEL(out_of_range, 256, cover(n, 1024))
(const i64 *__restrict__ index, i64 n, i64 low, i64 size, i64 *bad)
{
    GRID_STRIDE(t, n) if (index[t] < low || index[t] >= size) atomicExch((u64 *)bad, 1ull);
}

// Try: out_of_span(randn(1003), 1003, -1.5, 1.5, zeros(1))
// Try: out_of_span(values(0, 1, float("nan")), 3, 0.0, 1.0, zeros(1))
KERNEL(out_of_span, 256, cover(n, 1024))
(const real *__restrict__ x, i64 n, double low, double high, i64 *bad)
{
    GRID_STRIDE(t, n) if (!(widen(x[t]) >= low && widen(x[t]) <= high)) atomicExch((u64 *)bad, 1ull);
}

/* In packs where rows are whole ones. */
// Try: take_rows(randn(2, 7, 8), shuffled(7), out(2, 7, 8), 2, 7, 8, 7, zeros(1))
// Try: take_rows(randn(7, 3), values(1, 6, 1, -1), out(4, 3), 1, 7, 3, 4, zeros(1))
KERNEL(take_rows, 256, cover(outer * count * inner, 1024))
(const real *__restrict__ x, const i64 *__restrict__ index, real *__restrict__ out, i64 outer, i64 size,
 i64 inner, i64 count, i64 *bad)
{
    const int many = inner % PACK == 0 && whole_packs(x) && whole_packs(out) ? PACK : 1;
    const i64 line = inner / many;
    GRID_STRIDE(t, outer * count * line)
    {
        const i64 row = quotient(t, line), o = quotient(row, count), at = index[row - o * count];
        if (usable(at, size, bad))
            store(out + t * many, load(x + ((o * size + at) * line + t - row * line) * many, many), many);
    }
}

// Try: take_along(randn(2, 7, 5), indices(7, 2, 4, 5), out(2, 4, 5), 2, 7, 5, 4, zeros(1))
KERNEL(take_along, 256, cover(outer * count * inner, 512))
(const real *__restrict__ x, const i64 *__restrict__ index, real *__restrict__ out, i64 outer, i64 size,
 i64 inner, i64 count, i64 *bad)
{
    GRID_STRIDE(t, outer * count * inner)
    {
        const i64 row = quotient(t, inner), o = quotient(row, count), at = index[t];
        if (usable(at, size, bad))
            out[t] = x[(o * size + at) * inner + t - row * inner];
    }
}

// Try: add_rows_atomic(randn(2, 7, 8), indices(7, 9), randn(2, 9, 8), 2, 7, 8, 9, zeros(1))
KERNEL(add_rows_atomic, 256, cover(outer * count * inner, 512))
(real *out, const i64 *__restrict__ index, const real *__restrict__ x, i64 outer, i64 size, i64 inner,
 i64 count, i64 *bad)
{
    GRID_STRIDE(t, outer * count * inner)
    {
        const i64 row = quotient(t, inner), o = quotient(row, count), at = index[row - o * count];
        if (usable(at, size, bad))
            add_to(out + (o * size + at) * inner + t - row * inner, x[t]);
    }
}

// Try: add_along_atomic(randn(2, 7, 5), indices(7, 2, 4, 5), randn(2, 4, 5), 2, 7, 5, 4, zeros(1))
KERNEL(add_along_atomic, 256, cover(outer * count * inner, 512))
(real *out, const i64 *__restrict__ index, const real *__restrict__ x, i64 outer, i64 size, i64 inner,
 i64 count, i64 *bad)
{
    GRID_STRIDE(t, outer * count * inner)
    {
        const i64 row = quotient(t, inner), o = quotient(row, count), at = index[t];
        if (usable(at, size, bad))
            add_to(out + (o * size + at) * inner + t - row * inner, x[t]);
    }
}

#define SLICE 64 /* rows of `out` for one block */

/* A block owns SLICE rows and 64 columns. It looks through the index 256 entries at a time, notes in
 * order those that fall to its rows, and adds them one after the other: four rows of threads share the
 * entries by the row that they add to.
 */
// Try: add_rows_ordered(randn(2, 70, 8), indices(70, 300), randn(2, 300, 8), 2, 70, 8, 300, zeros(1))
// Try: add_rows_ordered(randn(1, 3, 70), values(2, 0, 2, 2, 5), randn(5, 70), 1, 3, 70, 5, zeros(1))
KERNEL(add_rows_ordered, 256, (ceil(size, 64) * ceil(inner, 64), min(outer, 65535)))
(real *out, const i64 *__restrict__ index, const real *__restrict__ x, i64 outer, i64 size, i64 inner,
 i64 count, i64 *bad)
{
    __shared__ int found[256], counts[8];
    const u32 stripes = (u32)((inner + 63) / 64), slice = blockIdx.x / stripes;
    const i64 first = (i64)slice * SLICE;
    const i64 column = (i64)(blockIdx.x - slice * stripes) * 64 + threadIdx.x % 64;
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, share = threadIdx.x / 64;
    for (i64 begin = 0; begin < count; begin += 256) {
        const i64 k = begin + threadIdx.x;
        const i64 at = k < count ? index[k] : -1;
        if (k < count)
            usable(at, size, bad);
        const bool mine = at >= first && at < min(first + SLICE, size);
        const u32 votes = __ballot_sync(ALL_LANES, mine);
        if (lane == 0)
            counts[warp] = __popc(votes);
        __syncthreads();
        int before = 0, all = 0;
        for (int w = 0; w < 8; w++) {
            before += w < warp ? counts[w] : 0;
            all += counts[w];
        }
        if (mine)
            found[before + __popc(votes & ((1u << lane) - 1))] = (int)threadIdx.x << 8 | (int)(at - first);
        __syncthreads();
        if (column < inner)
            for (int f = 0; f < all; f++) {
                const i64 row = found[f] & 255, from = begin + (found[f] >> 8);
                if (row % 4 == share)
                    for (i64 o = blockIdx.y; o < outer; o += gridDim.y) {
                        real *to = out + (o * size + first + row) * inner + column;
                        *to = narrow(widen(*to) + widen(x[(o * count + from) * inner + column]));
                    }
            }
        __syncthreads();
    }
}

/* A thread a column: it alone adds to it. */
// Try: add_along_ordered(randn(2, 7, 5), indices(7, 2, 4, 5), randn(2, 4, 5), 2, 7, 5, 4, zeros(1))
KERNEL(add_along_ordered, 128, cover(outer * inner, 128))
(real *out, const i64 *__restrict__ index, const real *__restrict__ x, i64 outer, i64 size, i64 inner,
 i64 count, i64 *bad)
{
    GRID_STRIDE(column, outer * inner)
    {
        const i64 o = quotient(column, inner), i = column - o * inner;
        for (i64 k = 0; k < count; k++) {
            const i64 t = (o * count + k) * inner + i, at = index[t];
            if (usable(at, size, bad)) {
                real *to = out + (o * size + at) * inner + i;
                *to = narrow(widen(*to) + widen(x[t]));
            }
        }
    }
}
