/* Reductions of the middle axis of x (outer, n, inner) to y (outer, inner).
 *
 * reduce(x, y, outer, n, inner, op, scale)   op 0: the sum, 1: of squares, 2: of absolute values,
 *     3: the product, 4: the greatest, 5: the least; times `scale` (1 / n gives the mean). A NaN
 *     makes extremes NaN. Of no elements the result is the operation's neutral one.
 * reduce_places(x, places, outer, n, inner, least)   int64: where the greatest (least) element is,
 *     the first of equals, or the first NaN
 *
 * The plan of reduce chooses: a warp a row, a block a row (in parts, if there are few rows), or 32
 * columns a block (in parts). Parts are joined in order, so no result depends on timing.
 */
#include "rows.cuh"

#define COMBINATION(name, first, step, both)                                                   \
    struct name {                                                                              \
        static __device__ __forceinline__ wide none() { return first; }                        \
        static __device__ __forceinline__ wide add(wide a, wide x) { return step; }            \
        static __device__ __forceinline__ wide join(wide a, wide x) { return both; }           \
    };
COMBINATION(Sum, 0, a + x, a + x)
COMBINATION(Squares, 0, a + x * x, a + x)
COMBINATION(Sizes, 0, a + fabs(x), a + x)
COMBINATION(Product, 1, a *x, a *x)
COMBINATION(Greatest, -INFINITE, greater(a, x), greater(a, x))
COMBINATION(Least, INFINITE, a < x || a != a ? a : x, a < x || a != a ? a : x)

#define BY_OPERATION(op, call)                                                                 \
    switch (op) {                                                                              \
    case 0: call(Sum); break;                                                                  \
    case 1: call(Squares); break;                                                              \
    case 2: call(Sizes); break;                                                                \
    case 3: call(Product); break;                                                              \
    case 4: call(Greatest); break;                                                             \
    case 5: call(Least); break;                                                                \
    }

template <class Op> __device__ __forceinline__ wide warp_join(wide x)
{
#pragma unroll
    for (int step = 16; step > 0; step >>= 1)
        x = Op::join(x, __shfl_xor_sync(ALL_LANES, x, step));
    return x;
}

template <class Op> __device__ __forceinline__ void by_warps(const real *x, real *y, i64 outer, i64 n, wide scale)
{
    const Team<32> team;
    for (i64 row = team.row(); row < outer; row += team.rows()) {
        wide mine = Op::none();
        along(team, x + row * n, n, [&](int, wide v) { mine = Op::add(mine, v); });
        mine = warp_join<Op>(mine);
        if (team.lane() == 0)
            y[row] = narrow(mine * scale);
    }
}

// Try: reduce_warps(randn(19, 70), out(19), 19, 70, 0, 0.5)
// Try: reduce_warps(randn(19, 5), out(19), 19, 5, 4, 1)
KERNEL(reduce_warps, 256, cover(outer, 8))
(const real *x, real *y, i64 outer, i64 n, i64 op, double scale)
{
#define CALL(Op) by_warps<Op>(x, y, outer, n, (wide)scale)
    BY_OPERATION(op, CALL)
#undef CALL
}

/* One number for a block of 256 threads; thread 0 has it. */
template <class Op> __device__ __forceinline__ wide block_join(wide x)
{
    __shared__ wide part[8];
    x = warp_join<Op>(x);
    if (threadIdx.x % 32 == 0)
        part[threadIdx.x / 32] = x;
    __syncthreads();
    return warp_join<Op>(threadIdx.x < 8 ? part[threadIdx.x] : Op::none());
}

template <class Op>
__device__ __forceinline__ void by_blocks(const real *x, real *y, wide *out, i64 n, i64 parts, wide scale)
{
    const i64 row = blockIdx.x, size = ceil_to_packs(n, parts), begin = min(blockIdx.y * size, n);
    wide mine = Op::none();
    along(Team<256>(), x + row * n + begin, min(size, n - begin),
          [&](int, wide v) { mine = Op::add(mine, v); });
    mine = block_join<Op>(mine);
    if (threadIdx.x == 0 && out)
        out[row * parts + blockIdx.y] = mine;
    else if (threadIdx.x == 0)
        y[row] = narrow(mine * scale);
}

/* Without `out` there is one part, and y is written. */
// Try: reduce_blocks(randn(3, 1030), out(3), null, 3, 1030, 1, 3, 1)
// Try: reduce_blocks(randn(1, 5000), null, out(4), 1, 5000, 4, 0, 1)
KERNEL(reduce_blocks, 256, (outer, parts))
(const real *x, real *y, wide *out, i64 outer, i64 n, i64 parts, i64 op, double scale)
{
#define CALL(Op) by_blocks<Op>(x, y, out, n, parts, (wide)scale)
    BY_OPERATION(op, CALL)
#undef CALL
}

template <class Op>
__device__ __forceinline__ void by_columns(const real *x, real *y, wide *out, i64 n, i64 inner, i64 parts,
                                           wide scale)
{
    __shared__ wide part[8][32];
    const i64 tiles = (inner + 31) / 32, o = blockIdx.x / tiles;
    const int lane = threadIdx.x & 31, line = threadIdx.x >> 5;
    const i64 column = (blockIdx.x - o * tiles) * 32 + lane, size = (n + parts - 1) / parts;
    const i64 begin = blockIdx.y * size, end = min(begin + size, n);
    wide mine = Op::none();
    if (column < inner)
        for (i64 k = begin + line; k < end; k += 8)
            mine = Op::add(mine, widen(x[(o * n + k) * inner + column]));
    part[line][lane] = mine;
    __syncthreads();
    if (line || column >= inner)
        return;
    for (int k = 1; k < 8; k++)
        mine = Op::join(mine, part[k][lane]);
    if (out)
        out[(o * parts + blockIdx.y) * inner + column] = mine;
    else
        y[o * inner + column] = narrow(mine * scale);
}

// Try: reduce_columns(randn(3, 50, 40), out(3, 40), null, 3, 50, 40, 1, 0, 1)
// Try: reduce_columns(randn(3, 50, 40), null, out(3, 4, 40), 3, 50, 40, 4, 5, 1)
KERNEL(reduce_columns, 256, (outer * ceil(inner, 32), parts))
(const real *x, real *y, wide *out, i64 outer, i64 n, i64 inner, i64 parts, i64 op, double scale)
{
#define CALL(Op) by_columns<Op>(x, y, out, n, inner, parts, (wide)scale)
    BY_OPERATION(op, CALL)
#undef CALL
}

template <class Op>
__device__ __forceinline__ void join_parts(const wide *out, real *y, i64 outer, i64 parts, i64 inner, wide scale)
{
    GRID_STRIDE(i, outer * inner)
    {
        const i64 o = quotient(i, inner);
        wide all = Op::none();
        for (i64 k = 0; k < parts; k++)
            all = Op::join(all, out[(o * parts + k) * inner + i - o * inner]);
        y[i] = narrow(all * scale);
    }
}

// Try: reduce_finish(randn(3, 4, 40), out(3, 40), 3, 4, 40, 4, 1)
KERNEL(reduce_finish, 128, cover(outer * inner, 128))
(const wide *out, real *y, i64 outer, i64 parts, i64 inner, i64 op, double scale)
{
#define CALL(Op) join_parts<Op>(out, y, outer, parts, inner, (wide)scale)
    BY_OPERATION(op, CALL)
#undef CALL
}

/* Whether (x, i) comes before (y, j): greater, or a NaN, or of equals the first. */
__device__ __forceinline__ bool comes_first(wide x, i64 i, wide y, i64 j)
{
    if (x != x || y != y)
        return x != x && (y == y || i < j);
    return x > y || (x == y && i < j);
}

// Try: reduce_places(randn(19, 70), out(19), 19, 70, 1, 0)
// Try: reduce_places(indices(3, 9, 4, 2, dtype="float32"), out(9, 2), 9, 4, 2, 1)
KERNEL(reduce_places, 256, cover(outer * inner, 8))
(const real *__restrict__ x, i64 *__restrict__ places, i64 outer, i64 n, i64 inner, i64 least)
{
    const Team<32> team;
    for (i64 i = team.row(); i < outer * inner; i += team.rows()) {
        const i64 o = quotient(i, inner), start = o * n * inner + i - o * inner;
        wide best = -INFINITE;
        i64 where = n; /* none yet */
        for (i64 k = team.lane(); k < n; k += 32) {
            const wide here = least ? -widen(x[start + k * inner]) : widen(x[start + k * inner]);
            if (where == n || comes_first(here, k, best, where)) {
                best = here;
                where = k;
            }
        }
#pragma unroll
        for (int step = 16; step > 0; step >>= 1) {
            const wide other = __shfl_xor_sync(ALL_LANES, best, step);
            const i64 there = __shfl_xor_sync(ALL_LANES, where, step);
            if (there < n && (where == n || comes_first(other, there, best, where))) {
                best = other;
                where = there;
            }
        }
        if (team.lane() == 0)
            places[i] = where;
    }
}
