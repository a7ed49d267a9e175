/* Normalisation of rows.
 *
 * row_norm(x, w, b, y, mean, invstd, var, N, G, W, P, eps)
 *     x, y (N, G, W, P), statistics over the last two axes: mean, invstd, var (N, G); w, b (G, W).
 *     Layer (G = P = 1), group and instance normalisation (W = 1). w and b may be NULL.
 * row_norm_backward(g, x, w, mean, invstd, gx, gw, gb, N, G, W, P)
 *     gx, gw, gb may be NULL where they are not wanted.
 * x, y, g and gx are `real`, all else is `wide`.
 *
 * Twin: ../cpu/norm_rows.c. A row is read three times, twice of them from a cache: for its mean, for
 * the squares about it, and to be written. The gradients of w and b are sums over rows, in parts.
 */
#include "rows.cuh"

template <int WIDTH>
__device__ __forceinline__ void row_norm_of(const real *x, const wide *w, const wide *b, real *y,
                                            wide *mean, wide *invstd, wide *var, i64 N, i64 G, i64 W,
                                            i64 P, double eps)
{
    const Team<WIDTH> team;
    const i64 size = W * P;
    for (i64 row = team.row(); row < N * G; row += team.rows()) {
        const real *from = x + row * size;
        const i64 weights = row % G * W;
        wide sum = 0, squares = 0;
        along(team, from, size, [&](int, wide v) { sum += v; });
        const wide middle = team.sum(sum) / (wide)size;
        along(team, from, size, [&](int, wide v) { squares += (v - middle) * (v - middle); });
        const wide variance = team.sum(squares) / (wide)size;
        const wide inverse = 1 / sqrt(variance + (wide)eps);
        if (team.lane() == 0) {
            mean[row] = middle;
            var[row] = variance;
            invstd[row] = inverse;
        }
        rewrite(team, from, y + row * size, size, [&](int k, wide v) {
            const i64 at = weights + (P == 1 ? (u32)k : (u32)k / (u32)P);
            const wide scale = w ? inverse * w[at] : inverse;
            return (v - middle) * scale + (b ? b[at] : wide(0));
        });
    }
}

#define ROW_NORM const real *x, const wide *w, const wide *b, real *y, wide *mean, wide *invstd, wide *var, i64 N, i64 G, i64 W, i64 P, double eps

// Try: row_norm_warps(randn(9, 20), randn(20), randn(20), out(9, 20), out(9), out(9), out(9), 9, 1, 20, 1, 1e-5)
// Try: row_norm_warps(randn(2, 3, 2, 7), randn(6), null, out(2, 3, 2, 7), out(6), out(6), out(6), 2, 3, 2, 7, 1e-5)
KERNEL(row_norm_warps, 256, cover(N * G, 8))
(ROW_NORM) { row_norm_of<32>(x, w, b, y, mean, invstd, var, N, G, W, P, eps); }

// Try: row_norm_blocks(randn(3, 2000), randn(2000), null, out(3, 2000), out(3), out(3), out(3),
//      3, 1, 2000, 1, 1e-5)
KERNEL(row_norm_blocks, 256, cover(N * G, 1))
(ROW_NORM) { row_norm_of<256>(x, w, b, y, mean, invstd, var, N, G, W, P, eps); }

template <int WIDTH>
__device__ __forceinline__ void row_norm_backward_of(const real *g, const real *x, const wide *w,
                                                     const wide *mean, const wide *invstd, real *gx,
                                                     i64 N, i64 G, i64 W, i64 P)
{
    const Team<WIDTH> team;
    const i64 size = W * P;
    for (i64 row = team.row(); row < N * G; row += team.rows()) {
        const real *from = x + row * size, *slopes = g + row * size;
        const i64 weights = row % G * W;
        const wide middle = mean[row], inverse = invstd[row];
        wide sum = 0, products = 0;
        along(team, slopes, size, [&](int k, wide v) {
            const wide h = w ? v * w[weights + (P == 1 ? (u32)k : (u32)k / (u32)P)] : v;
            sum += h;
            products += h * (widen(from[k]) - middle);
        });
        const wide flat = team.sum(sum) / (wide)size;
        const wide slope = team.sum(products) / (wide)size * inverse * inverse;
        rewrite(team, slopes, gx + row * size, size, [&](int k, wide v) {
            const wide h = w ? v * w[weights + (P == 1 ? (u32)k : (u32)k / (u32)P)] : v;
            return (h - flat - (widen(from[k]) - middle) * slope) * inverse;
        });
    }
}

#define ROW_BACKWARD const real *g, const real *x, const wide *w, const wide *mean, const wide *invstd, real *gx, i64 N, i64 G, i64 W, i64 P

// Try: row_norm_backward_warps(randn(9, 20), randn(9, 20), randn(20), randn(9), rand(9), out(9, 20), 9, 1, 20, 1)
KERNEL(row_norm_backward_warps, 256, cover(N * G, 8))
(ROW_BACKWARD) { row_norm_backward_of<32>(g, x, w, mean, invstd, gx, N, G, W, P); }

// Try: row_norm_backward_blocks(randn(3, 2000), randn(3, 2000), null, randn(3), rand(3), out(3, 2000),
//      3, 1, 2000, 1)
KERNEL(row_norm_backward_blocks, 256, cover(N * G, 1))
(ROW_BACKWARD) { row_norm_backward_of<256>(g, x, w, mean, invstd, gx, N, G, W, P); }

/* Parts (parts, 2, G W) of gw and gb: of P = 1, where weights lie side by side. */
// Try: row_norm_weights_columns(randn(50, 70), randn(50, 70), randn(50), rand(50), out(3, 2, 70), 50, 1, 70, 3)
KERNEL(row_norm_weights_columns, 256, (ceil(G * W, 32), parts))
(const real *__restrict__ g, const real *__restrict__ x, const wide *__restrict__ mean,
 const wide *__restrict__ invstd, wide *__restrict__ out, i64 N, i64 G, i64 W, i64 parts)
{
    __shared__ wide sums[8][32], products[8][32];
    const int lane = threadIdx.x & 31, line = threadIdx.x >> 5;
    const i64 C = G * W, c = (i64)blockIdx.x * 32 + lane, size = (N + parts - 1) / parts;
    const i64 begin = blockIdx.y * size, end = min(begin + size, N);
    wide sum = 0, product = 0;
    if (c < C)
        for (i64 n = begin + line; n < end; n += 8) {
            const i64 row = n * G + c / W;
            const wide slope = widen(g[n * C + c]);
            sum += slope;
            product += slope * (widen(x[n * C + c]) - mean[row]) * invstd[row];
        }
    sums[line][lane] = sum;
    products[line][lane] = product;
    __syncthreads();
    if (line == 0 && c < C) {
        for (int k = 1; k < 8; k++) {
            sum += sums[k][lane];
            product += products[k][lane];
        }
        out[(2 * (i64)blockIdx.y) * C + c] = product;
        out[(2 * (i64)blockIdx.y + 1) * C + c] = sum;
    }
}

/* The same where each weight has P elements in a row of its own. */
// Try: row_norm_weights_planes(randn(4, 6, 33), randn(4, 6, 33), randn(4, 3), rand(4, 3), out(2, 2, 6), 4, 3, 2, 33, 2)
KERNEL(row_norm_weights_planes, 256, (G * W, parts))
(const real *__restrict__ g, const real *__restrict__ x, const wide *__restrict__ mean,
 const wide *__restrict__ invstd, wide *__restrict__ out, i64 N, i64 G, i64 W, i64 P, i64 parts)
{
    const i64 C = G * W, c = blockIdx.x, size = (N + parts - 1) / parts;
    const i64 begin = blockIdx.y * size, end = min(begin + size, N);
    wide sum = 0, product = 0;
    for (i64 n = begin; n < end; n++) {
        const i64 start = (n * C + c) * P;
        const wide middle = mean[n * G + c / W], inverse = invstd[n * G + c / W];
        for (i64 k = threadIdx.x; k < P; k += blockDim.x) {
            const wide slope = widen(g[start + k]);
            sum += slope;
            product += slope * (widen(x[start + k]) - middle) * inverse;
        }
    }
    sum = block_sum(sum);
    product = block_sum(product);
    if (threadIdx.x == 0) {
        out[(2 * (i64)blockIdx.y) * C + c] = product;
        out[(2 * (i64)blockIdx.y + 1) * C + c] = sum;
    }
}

// Try: row_norm_weights_finish(randn(3, 2, 70), out(70), out(70), 70, 3)
KERNEL(row_norm_weights_finish, 128, cover(C, 128))
(const wide *__restrict__ sums, wide *gw, wide *gb, i64 C, i64 parts)
{
    GRID_STRIDE(c, C)
    {
        double products = 0, sum = 0;
        for (i64 k = 0; k < parts; k++) {
            products += (double)sums[2 * k * C + c];
            sum += (double)sums[(2 * k + 1) * C + c];
        }
        if (gw)
            gw[c] = (wide)products;
        if (gb)
            gb[c] = (wide)sum;
    }
}
