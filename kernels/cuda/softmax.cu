/* Softmax and cross-entropy. x is seen as (outer, n, inner); the sum is over the middle axis.
 *
 * softmax(x, y, outer, n, inner, log)              y = e^x / sum e^x, or its logarithm
 * softmax_backward(g, y, gx, outer, n, inner, log) gx = (g - sum g y) y, or g - e^y sum g
 * cross_entropy(x, classes, y, stats, N, C)   y[i] = log softmax(x[i])[classes[i]]; stats (N, 2):
 *                                                  the greatest of row i, and log sum e^(x - it)
 * cross_entropy_backward(g, x, classes, stats, gx, N, C)   gx[i] = g[i] (onehot - softmax(x[i]))
 * class_rows(x, target, classes, y, stats, scale, N, C, ignore, bad)   as cross_entropy of a target that was
 *     not looked at; classes: the target, 0 where it is `ignore`; scale: -1, or 0 there; bad[0] (int64)
 *     becomes 1 if another is outside of 0..C-1
 * class_loss(y, scale, loss, N, mean)   loss[0] = sum of scale y, or its mean over those whose scale is
 *     not 0; scale is then divided by their number
 * class_gradient(g, scale, x, classes, stats, gx, N, C, M)   cross_entropy_backward of g[i] scale[i], which is
 *     0 where scale[i] is, whatever g is; one g for all if M is 1
 *
 * Scores, losses and their gradients are `real`; y, stats and scale, one or two numbers of a row,
 * are `wide`, and so is g of cross_entropy_backward.
 *
 * classes are int64 and in range. The greatest element is taken out of exponentials. A NaN, or an
 * infinity that leaves no difference, makes a whole row NaN. Twins: ../cpu/softmax.c, cross_entropy.c; which of the
 * kernels here runs is chosen in cuda_plans.py: a warp a row, a block a row, or a thread a column.
 */
#include "rows.cuh"

/* The greatest of some numbers, and the sum of e^(number - it): one exponential for most numbers. The
 * sum becomes NaN by a NaN, and by an infinity.
 */
struct Exponentials {
    wide top, sum;
    __device__ __forceinline__ void add(wide x)
    {
        if (x > top) {
            sum = sum * exp(top - x) + (x - x + 1);
            top = x;
        } else if (x != -INFINITE) {
            sum += exp(x - top);
        }
    }
};

template <class T> __device__ __forceinline__ Exponentials exponentials(T team, const real *x, i64 n)
{
    Exponentials mine = {-INFINITE, 0};
    along(team, x, n, [&](int, wide v) { mine.add(v); });
    const wide top = team.greatest(mine.top);
    const wide sum = team.sum(mine.sum == 0 ? wide(0) : mine.sum * exp(mine.top - top));
    return {top, sum};
}

__device__ __forceinline__ wide finished(wide x, const Exponentials &e, wide scale, bool log)
{
    return log ? x - e.top - scale : exp(x - e.top) * scale;
}

template <int WIDTH>
__device__ __forceinline__ void softmax_of(const real *x, real *y, i64 outer, i64 n, bool as_log)
{
    const Team<WIDTH> team;
    for (i64 row = team.row(); row < outer; row += team.rows()) {
        const Exponentials e = exponentials(team, x + row * n, n);
        const wide scale = as_log ? log(e.sum) : 1 / e.sum;
        rewrite(team, x + row * n, y + row * n, n,
                [&](int, wide v) { return finished(v, e, scale, as_log); });
    }
}

// Try: softmax_warps(randn(19, 70), out(19, 70), 19, 70, 1, 0)
KERNEL(softmax_warps, 256, cover(outer, 8))
(const real *x, real *y, i64 outer, i64 n, i64 inner, i64 log) { softmax_of<32>(x, y, outer, n, log); }

// Try: softmax_blocks(randn(3, 1030), out(3, 1030), 3, 1030, 1, 1)
KERNEL(softmax_blocks, 256, cover(outer, 1))
(const real *x, real *y, i64 outer, i64 n, i64 inner, i64 log) { softmax_of<256>(x, y, outer, n, log); }

// Try: softmax_columns(randn(2, 5, 33), out(2, 5, 33), 2, 5, 33, 0)
KERNEL(softmax_columns, 256, cover(outer * inner, 256))
(const real *x, real *y, i64 outer, i64 n, i64 inner, i64 as_log)
{
    GRID_STRIDE(column, outer * inner)
    {
        const i64 o = quotient(column, inner), start = o * n * inner + column - o * inner;
        Exponentials e = {-INFINITE, 0};
        for (i64 k = 0; k < n; k++)
            e.add(widen(x[start + k * inner]));
        const wide scale = as_log ? log(e.sum) : 1 / e.sum;
        for (i64 k = 0; k < n; k++)
            y[start + k * inner] = narrow(finished(widen(x[start + k * inner]), e, scale, as_log));
    }
}

__device__ __forceinline__ wide softmax_slope(wide g, wide y, wide sum, bool log)
{
    return log ? g - exp(y) * sum : (g - sum) * y;
}

template <int WIDTH>
__device__ __forceinline__ void softmax_backward_of(const real *g, const real *y, real *gx, i64 outer,
                                                    i64 n, bool log)
{
    const Team<WIDTH> team;
    for (i64 row = team.row(); row < outer; row += team.rows()) {
        const real *mine = y + row * n;
        wide sum = 0;
        along(team, g + row * n, n, [&](int k, wide v) { sum += log ? v : v * widen(mine[k]); });
        sum = team.sum(sum);
        rewrite(team, g + row * n, gx + row * n, n,
                [&](int k, wide v) { return softmax_slope(v, widen(mine[k]), sum, log); });
    }
}

// Try: softmax_backward_warps(randn(19, 70), rand(19, 70), out(19, 70), 19, 70, 1, 0)
KERNEL(softmax_backward_warps, 256, cover(outer, 8))
(const real *g, const real *y, real *gx, i64 outer, i64 n, i64 inner, i64 log)
{
    softmax_backward_of<32>(g, y, gx, outer, n, log);
}

// Try: softmax_backward_blocks(randn(3, 1030), rand(3, 1030), out(3, 1030), 3, 1030, 1, 1)
KERNEL(softmax_backward_blocks, 256, cover(outer, 1))
(const real *g, const real *y, real *gx, i64 outer, i64 n, i64 inner, i64 log)
{
    softmax_backward_of<256>(g, y, gx, outer, n, log);
}

// Try: softmax_backward_columns(randn(2, 5, 33), rand(2, 5, 33), out(2, 5, 33), 2, 5, 33, 0)
KERNEL(softmax_backward_columns, 256, cover(outer * inner, 256))
(const real *g, const real *y, real *gx, i64 outer, i64 n, i64 inner, i64 log)
{
    GRID_STRIDE(column, outer * inner)
    {
        const i64 o = quotient(column, inner), start = o * n * inner + column - o * inner;
        wide sum = 0;
        for (i64 i = start, k = 0; k < n; k++, i += inner)
            sum += log ? widen(g[i]) : widen(g[i]) * widen(y[i]);
        for (i64 i = start, k = 0; k < n; k++, i += inner)
            gx[i] = narrow(softmax_slope(widen(g[i]), widen(y[i]), sum, log));
    }
}

/* What a row of scores says of its class; and what its slope makes of the scores. */
template <class T>
__device__ __forceinline__ void row_score(T team, const real *x, i64 row, i64 C, i64 here, wide *y,
                                          wide *stats)
{
    const Exponentials e = exponentials(team, x + row * C, C);
    if (team.lane() == 0) {
        const wide rest = log(e.sum);
        stats[2 * row] = e.top;
        stats[2 * row + 1] = rest;
        y[row] = widen(x[row * C + here]) - e.top - rest;
    }
}

template <class T>
__device__ __forceinline__ void row_slope(T team, wide slope, const real *x, i64 row, i64 C, i64 here,
                                          const wide *stats, real *gx)
{
    const wide top = stats[2 * row], rest = stats[2 * row + 1];
    rewrite(team, x + row * C, gx + row * C, C, [&](int k, wide v) {
        return (k == here ? slope : wide(0)) - exp(v - top - rest) * slope; /* of inf a NaN */
    });
}

template <int WIDTH>
__device__ __forceinline__ void cross_entropy_of(const real *x, const i64 *classes, wide *y, wide *stats,
                                                 i64 N, i64 C)
{
    const Team<WIDTH> team;
    for (i64 row = team.row(); row < N; row += team.rows())
        row_score(team, x, row, C, classes[row], y, stats);
}

// Try: cross_entropy_warps(randn(19, 10), indices(10, 19), out(19), out(19, 2), 19, 10)
KERNEL(cross_entropy_warps, 256, cover(N, 8))
(const real *x, const i64 *classes, wide *y, wide *stats, i64 N, i64 C)
{
    cross_entropy_of<32>(x, classes, y, stats, N, C);
}

// Try: cross_entropy_blocks(randn(3, 1030), indices(1030, 3), out(3), out(3, 2), 3, 1030)
KERNEL(cross_entropy_blocks, 256, cover(N, 1))
(const real *x, const i64 *classes, wide *y, wide *stats, i64 N, i64 C)
{
    cross_entropy_of<256>(x, classes, y, stats, N, C);
}

template <int WIDTH>
__device__ __forceinline__ void cross_entropy_backward_of(const wide *g, const real *x,
                                                          const i64 *classes, const wide *stats,
                                                          real *gx, i64 N, i64 C)
{
    const Team<WIDTH> team;
    for (i64 row = team.row(); row < N; row += team.rows())
        row_slope(team, g[row], x, row, C, classes[row], stats, gx);
}

// Try: cross_entropy_backward_warps(randn(19), randn(19, 10), indices(10, 19), rand(19, 2), out(19, 10), 19, 10)
KERNEL(cross_entropy_backward_warps, 256, cover(N, 8))
(const wide *g, const real *x, const i64 *classes, const wide *stats, real *gx, i64 N, i64 C)
{
    cross_entropy_backward_of<32>(g, x, classes, stats, gx, N, C);
}

// Try: cross_entropy_backward_blocks(randn(3), randn(3, 1030), indices(1030, 3), rand(3, 2),
//      out(3, 1030), 3, 1030)
KERNEL(cross_entropy_backward_blocks, 256, cover(N, 1))
(const wide *g, const real *x, const i64 *classes, const wide *stats, real *gx, i64 N, i64 C)
{
    cross_entropy_backward_of<256>(g, x, classes, stats, gx, N, C);
}

#define CLASS_ROWS const real *x, const i64 *target, i64 *classes, wide *y, wide *stats, wide *scale, i64 N, i64 C, i64 ignore, i64 *bad

template <int WIDTH> __device__ __forceinline__ void class_rows_of(CLASS_ROWS)
{
    const Team<WIDTH> team;
    for (i64 row = team.row(); row < N; row += team.rows()) {
        const i64 at = target[row];
        const bool counts = at != ignore, there = at >= 0 && at < C;
        const i64 here = counts && there ? at : 0;
        if (team.lane() == 0) {
            if (counts && !there)
                atomicExch((u64 *)bad, 1ull);
            classes[row] = here;
            scale[row] = counts ? wide(-1) : wide(0);
        }
        row_score(team, x, row, C, here, y, stats);
    }
}

// Try: class_rows_warps(randn(4, 5), values(1, -100, 2, 5), out(4), out(4), out(4, 2), out(4), 4, 5, -100, zeros(1))
KERNEL(class_rows_warps, 256, cover(N, 8))
(CLASS_ROWS) { class_rows_of<32>(x, target, classes, y, stats, scale, N, C, ignore, bad); }

// Try: class_rows_blocks(randn(3, 1030), indices(1030, 3), out(3), out(3), out(3, 2), out(3), 3, 1030, 2, zeros(1))
KERNEL(class_rows_blocks, 256, cover(N, 1))
(CLASS_ROWS) { class_rows_of<256>(x, target, classes, y, stats, scale, N, C, ignore, bad); }

#define CLASS_GRADIENT const real *g, const wide *scale, const real *x, const i64 *classes, const wide *stats, real *gx, i64 N, i64 C, i64 M

template <int WIDTH> __device__ __forceinline__ void class_gradient_of(CLASS_GRADIENT)
{
    const Team<WIDTH> team;
    for (i64 row = team.row(); row < N; row += team.rows()) {
        const wide s = scale[row], slope = s == 0 ? s : s * widen(g[M == 1 ? 0 : row]);
        row_slope(team, slope, x, row, C, classes[row], stats, gx);
    }
}

// Try: class_gradient_warps(randn(1), values(-1, 0, -1), randn(3, 5), indices(5, 3), rand(3, 2), out(3, 5), 3, 5, 1)
// Try: class_gradient_warps(randn(3), values(-1, 0, -1), randn(3, 5), indices(5, 3), rand(3, 2), out(3, 5), 3, 5, 3)
KERNEL(class_gradient_warps, 256, cover(N, 8))
(CLASS_GRADIENT) { class_gradient_of<32>(g, scale, x, classes, stats, gx, N, C, M); }

// Try: class_gradient_blocks(randn(1), randn(3), randn(3, 1030), indices(1030, 3), rand(3, 2), out(3, 1030), 3, 1030, 1)
KERNEL(class_gradient_blocks, 256, cover(N, 1))
(CLASS_GRADIENT) { class_gradient_of<256>(g, scale, x, classes, stats, gx, N, C, M); }

/* One block: there are as many rows as samples, and each was a row of scores before. */
// Try: class_loss(randn(1003), randn(1003), out(1), 1003, 1)
// Try: class_loss(randn(3), zeros(3), out(1), 3, 0)
KERNEL(class_loss, 256, 1)
(const wide *__restrict__ y, wide *__restrict__ scale, real *__restrict__ loss, i64 N, i64 mean)
{
    wide sum = 0, count = 0;
    for (i64 i = threadIdx.x; i < N; i += blockDim.x) {
        const wide s = scale[i];
        sum += s == 0 ? wide(0) : s * y[i];
        count += s == 0 ? wide(0) : wide(1);
    }
    sum = block_sum(sum);
    count = block_sum(count);
    if (threadIdx.x == 0)
        loss[0] = narrow(mean ? sum / count : sum);
    if (mean)
        for (i64 i = threadIdx.x; i < N; i += blockDim.x) {
            const wide s = scale[i];
            scale[i] = s == 0 ? s : s / count;
        }
}
