/* Normalisation: y = (x - mean) invstd w + b, and its gradients. w and b may be NULL.
 *
 * batch_norm(x, w, b, y, mean, invstd, var, N, C, L, eps, given)
 *     x, y (N, C, L); the rest (C). Unless `given`, mean and biased variance of each channel are
 *     worked out and written; given ones are read. invstd = 1 / sqrt(var + eps) is written.
 * batch_norm_backward(g, x, w, mean, invstd, gx, gw, gb, N, C, L, given)
 *     gb = sum g, gw = sum g (x - mean) invstd,
 *     gx = invstd w (g - mean(g) - (x - mean) invstd^2 mean(g (x - mean))), or g invstd w if given.
 *     gx, gw, gb may be NULL where they are not wanted.
 * x, y, g and gx are `real`; all that there is one of for a channel is `wide`.
 * move_statistics(mean, var, running_mean, running_var, C, momentum, correction)
 *     running = (1 - momentum) running + momentum mean, and the same of var times `correction`; either
 *     of the two running ones may be NULL.
 *
 * Twin: ../cpu/norm.c. The plans take these steps: batch_sums, batch_finish, batch_apply; and
 * batch_backward_sums, batch_backward_finish, batch_backward_apply. Sums of a channel are taken in
 * parts, one block each, about the part's first element; parts are joined in double by the formula
 * of Chan, Golub and LeVeque (1979). Layers and groups are in norm_rows.cu.
 */
#include "elements.cuh"

/* The places begin..end of part `part` of a channel's `count` elements; parts begin at whole packs. */
struct Part {
    i64 begin, end;
    __device__ __forceinline__ Part(i64 count, i64 parts, i64 part)
    {
        const i64 size = ((count + parts - 1) / parts + PACK - 1) / PACK * PACK;
        begin = min(part * size, count);
        end = min(begin + size, count);
    }
};

/* f(index, count) for runs of elements of channel c, PACK of them where rows are whole packs. */
template <class F>
__device__ __forceinline__ void of_channel(i64 C, i64 L, i64 c, Part part, bool aligned, F f)
{
    const int many = aligned && L % PACK == 0 ? PACK : 1;
    for (i64 j = part.begin + threadIdx.x * many; j < part.end; j += blockDim.x * many) {
        const i64 n = quotient(j, L);
        f((n * C + c) * L + (j - n * L), many);
    }
}

// Try: batch_sums(randn(4, 5, 33), out(5, 2, 3), 4, 5, 33, 2)
KERNEL(batch_sums, 256, (C, parts))
(const real *__restrict__ x, double *__restrict__ out, i64 N, i64 C, i64 L, i64 parts)
{
    const i64 c = blockIdx.x;
    const Part part(N * L, parts, blockIdx.y);
    const i64 many = part.end - part.begin, first = min(part.begin, N * L - 1), n = first / L;
    const wide shift = widen(x[(n * C + c) * L + (first - n * L)]);
    wide sum = 0, squares = 0;
    of_channel(C, L, c, part, whole_packs(x), [&](i64 i, int count) {
        const Pack v = load(x + i, count);
#pragma unroll
        for (int k = 0; k < PACK; k++)
            if (k < count) {
                const wide d = widen(v.at[k]) - shift;
                sum += d;
                squares += d * d;
            }
    });
    sum = block_sum(sum);
    squares = block_sum(squares);
    if (threadIdx.x == 0) { /* how many, their mean, and the sum of squares about it */
        double *to = out + (c * parts + blockIdx.y) * 3;
        to[0] = (double)many;
        to[1] = many ? (double)shift + (double)sum / many : 0.0;
        to[2] = many ? (double)squares - (double)sum * (double)sum / many : 0.0;
    }
}

/* Channels side by side, as behind a linear layer: each warp reads 32 of them. */
// Try: batch_sums_columns(randn(50, 70), out(70, 3, 3), 50, 70, 3)
KERNEL(batch_sums_columns, 256, (ceil(C, 32), parts))
(const real *__restrict__ x, double *__restrict__ out, i64 N, i64 C, i64 parts)
{
    __shared__ wide sums[8][32], squares[8][32];
    const int lane = threadIdx.x & 31, line = threadIdx.x >> 5;
    const i64 c = (i64)blockIdx.x * 32 + lane, size = (N + parts - 1) / parts;
    const i64 begin = blockIdx.y * size, end = min(begin + size, N), many = max(end - begin, (i64)0);
    wide shift = 0, sum = 0, square = 0;
    if (c < C && many) {
        shift = widen(x[begin * C + c]);
        for (i64 n = begin + line; n < end; n += 8) {
            const wide d = widen(x[n * C + c]) - shift;
            sum += d;
            square += d * d;
        }
    }
    sums[line][lane] = sum;
    squares[line][lane] = square;
    __syncthreads();
    if (line == 0 && c < C) {
        for (int k = 1; k < 8; k++) {
            sum += sums[k][lane];
            square += squares[k][lane];
        }
        double *to = out + (c * parts + blockIdx.y) * 3;
        to[0] = (double)many;
        to[1] = many ? (double)shift + (double)sum / many : 0.0;
        to[2] = many ? (double)square - (double)sum * (double)sum / many : 0.0;
    }
}

/* Join the parts of each channel; of given statistics only invstd is written. */
// Try: batch_finish(rand(5, 2, 3), out(5), out(5), out(5), 5, 2, 1e-5, 0)
// Try: batch_finish(null, rand(5), out(5), rand(5), 5, 0, 1e-5, 1)
KERNEL(batch_finish, 128, cover(C, 128))
(const double *__restrict__ sums, wide *mean, wide *invstd, wide *var, i64 C, i64 parts, double eps,
 i64 given)
{
    GRID_STRIDE(c, C)
    {
        double variance;
        if (given) {
            variance = (double)var[c];
        } else {
            double count = 0, middle = 0, squares = 0;
            for (i64 k = 0; k < parts; k++) {
                const double *from = sums + (c * parts + k) * 3;
                const double both = count + from[0], away = from[1] - middle;
                if (from[0] == 0)
                    continue;
                middle += away * (from[0] / both);
                squares += from[2] + away * away * (count * from[0] / both);
                count = both;
            }
            variance = squares > 0 || squares != squares ? squares / count : 0.0;
            mean[c] = (wide)middle;
            var[c] = (wide)variance;
        }
        invstd[c] = (wide)(1.0 / sqrt(variance + eps));
    }
}

// Try: move_statistics(randn(5), rand(5), randn(5), rand(5), 5, 0.1, 1.25)
// Try: move_statistics(randn(5), rand(5), null, rand(5), 5, 0.1, float("nan"))
KERNEL(move_statistics, 128, cover(C, 128))
(const wide *mean, const wide *var, wide *running_mean, wide *running_var, i64 C, double momentum,
 double correction)
{
    const wide keep = (wide)(1.0 - momentum), take = (wide)momentum;
    GRID_STRIDE(c, C)
    {
        if (running_mean)
            running_mean[c] = running_mean[c] * keep + take * mean[c];
        if (running_var)
            running_var[c] = running_var[c] * keep + take * (var[c] * (wide)correction);
    }
}

// Try: batch_apply(randn(4, 5, 8), randn(5), randn(5), out(4, 5, 8), rand(5), rand(5), 160, 5, 8)
// Try: batch_apply(randn(4, 8), null, null, out(4, 8), rand(8), rand(8), 32, 8, 1)
// Try: batch_apply(randn(4, 5, 7), randn(5), null, out(4, 5, 7), rand(5), rand(5), 140, 5, 7)
KERNEL(batch_apply, 256, cover(n, 1024))
(const real *__restrict__ x, const wide *__restrict__ w, const wide *__restrict__ b,
 real *__restrict__ y, const wide *__restrict__ mean, const wide *__restrict__ invstd, i64 n, i64 C,
 i64 L)
{
    channels(n, C, L, whole_packs(x) && whole_packs(y), [=](i64 i, i64 c, int count, int step) {
        Pack v = load(x + i, count);
        wide middle, scale, shift;
#pragma unroll
        for (int k = 0; k < PACK; k++)
            if (k < count) {
                if (k == 0 || step) {
                    middle = mean[c + k * step];
                    scale = invstd[c + k * step] * (w ? w[c + k * step] : wide(1));
                    shift = b ? b[c + k * step] : wide(0);
                }
                v.at[k] = narrow((widen(v.at[k]) - middle) * scale + shift);
            }
        store(y + i, v, count);
    });
}

/* Of each channel: sum g, and sum g (x - mean). */
// Try: batch_backward_sums(randn(4, 5, 33), randn(4, 5, 33), randn(5), out(5, 2, 2), 4, 5, 33, 2)
KERNEL(batch_backward_sums, 256, (C, parts))
(const real *__restrict__ g, const real *__restrict__ x, const wide *__restrict__ mean,
 double *__restrict__ out, i64 N, i64 C, i64 L, i64 parts)
{
    const i64 c = blockIdx.x;
    const wide middle = mean[c];
    wide sum = 0, products = 0;
    const Part part(N * L, parts, blockIdx.y);
    of_channel(C, L, c, part, whole_packs(g) && whole_packs(x), [&](i64 i, int count) {
        const Pack u = load(g + i, count), v = load(x + i, count);
#pragma unroll
        for (int k = 0; k < PACK; k++)
            if (k < count) {
                const wide slope = widen(u.at[k]);
                sum += slope;
                products += slope * (widen(v.at[k]) - middle);
            }
    });
    sum = block_sum(sum);
    products = block_sum(products);
    if (threadIdx.x == 0) {
        out[(c * parts + blockIdx.y) * 2] = (double)sum;
        out[(c * parts + blockIdx.y) * 2 + 1] = (double)products;
    }
}

// Try: batch_backward_sums_columns(randn(50, 70), randn(50, 70), randn(70), out(70, 3, 2), 50, 70, 3)
KERNEL(batch_backward_sums_columns, 256, (ceil(C, 32), parts))
(const real *__restrict__ g, const real *__restrict__ x, const wide *__restrict__ mean,
 double *__restrict__ out, i64 N, i64 C, i64 parts)
{
    __shared__ wide sums[8][32], products[8][32];
    const int lane = threadIdx.x & 31, line = threadIdx.x >> 5;
    const i64 c = (i64)blockIdx.x * 32 + lane, size = (N + parts - 1) / parts;
    const i64 begin = blockIdx.y * size, end = min(begin + size, N);
    wide sum = 0, product = 0;
    if (c < C) {
        const wide middle = mean[c];
        for (i64 n = begin + line; n < end; n += 8) {
            const wide slope = widen(g[n * C + c]);
            sum += slope;
            product += slope * (widen(x[n * C + c]) - middle);
        }
    }
    sums[line][lane] = sum;
    products[line][lane] = product;
    __syncthreads();
    if (line == 0 && c < C) {
        for (int k = 1; k < 8; k++) {
            sum += sums[k][lane];
            product += products[k][lane];
        }
        out[(c * parts + blockIdx.y) * 2] = (double)sum;
        out[(c * parts + blockIdx.y) * 2 + 1] = (double)product;
    }
}

/* Join the parts to gb and gw; `slopes` (C, 2) keeps what batch_backward_apply needs. */
// Try: batch_backward_finish(randn(5, 2, 2), rand(5), out(5, 2), out(5), null, 5, 2, 10.0)
KERNEL(batch_backward_finish, 128, cover(C, 128))
(const double *__restrict__ sums, const wide *__restrict__ invstd, wide *slopes, wide *gw, wide *gb,
 i64 C, i64 parts, double count)
{
    GRID_STRIDE(c, C)
    {
        double sum = 0, products = 0;
        for (i64 k = 0; k < parts; k++) {
            sum += sums[(c * parts + k) * 2];
            products += sums[(c * parts + k) * 2 + 1];
        }
        const double inverse = (double)invstd[c];
        slopes[2 * c] = (wide)(sum / count);
        slopes[2 * c + 1] = (wide)(products / count * inverse * inverse);
        if (gb)
            gb[c] = (wide)sum;
        if (gw)
            gw[c] = (wide)(products * inverse);
    }
}

/* Without slopes: of given statistics. */
// Try: batch_backward_apply(randn(4, 5, 8), randn(4, 5, 8), randn(5), rand(5), rand(5), randn(5, 2),
//      out(4, 5, 8), 160, 5, 8)
// Try: batch_backward_apply(randn(4, 8), randn(4, 8), null, rand(8), rand(8), null, out(4, 8), 32, 8, 1)
KERNEL(batch_backward_apply, 256, cover(n, 1024))
(const real *__restrict__ g, const real *__restrict__ x, const wide *__restrict__ w,
 const wide *__restrict__ mean, const wide *__restrict__ invstd, const wide *__restrict__ slopes,
 real *__restrict__ gx, i64 n, i64 C, i64 L)
{
    const bool aligned = whole_packs(g) && whole_packs(x) && whole_packs(gx);
    channels(n, C, L, aligned, [=](i64 i, i64 c, int count, int step) {
        Pack u = load(g + i, count), v = load(x + i, count);
        wide middle, scale, flat, slope;
#pragma unroll
        for (int k = 0; k < PACK; k++)
            if (k < count) {
                if (k == 0 || step) {
                    const i64 at = c + k * step;
                    middle = mean[at];
                    scale = invstd[at] * (w ? w[at] : wide(1));
                    flat = slopes ? slopes[2 * at] : wide(0);
                    slope = slopes ? slopes[2 * at + 1] : wide(0);
                }
                const wide d = slopes ? (widen(v.at[k]) - middle) * slope : wide(0);
                u.at[k] = narrow((widen(u.at[k]) - flat - d) * scale);
            }
        store(gx + i, u, count);
    });
}
