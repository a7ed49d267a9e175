/* Images read between their elements, and lines read through a map of one axis.
 *
 * sample_planes(x, down, right, out, n, c, h, w, places, nearest)
 *     x (n, c, h, w), out (n, c, places); place p of image i is at line down[i, p], column
 *     right[i, p], counted in elements: the four elements around it, weighted, or the nearest one.
 *     Elements outside of the image are zero.
 * sample_planes_input(g, down, right, gx, n, c, h, w, places, nearest)
 *     adds the shares of g (n, c, places) to gx (n, c, h, w); its _atomic form in whatever order
 *     threads come, its _ordered form place after place
 * sample_planes_places(g, x, down, right, gdown, gright, n, c, h, w, places)
 *     the slopes along down and right, (n, places)
 * map_axis(x, index, weights, begins, out, outer, size, inner, rows)
 *     out[o, r, :] = sum of weights[t] x[o, index[t], :] over begins[r] <= t < begins[r + 1]
 *
 * Twins: ../cpu/sample.c and index.c.
 */
#include "elements.cuh"

/* Around a place: four elements and their weights, or one; those outside are at -1. */
struct Around {
    int at[4];
    wide weight[4], down, right;

    __device__ __forceinline__ void put(int tap, wide line, wide column, int h, int w)
    {
        /* false for NaN, which must not become an integer */
        const bool there = line >= 0 && line <= (wide)(h - 1) && column >= 0 && column <= (wide)(w - 1);
        at[tap] = there ? (int)line * w + (int)column : -1;
    }
    __device__ __forceinline__ Around(wide y, wide x, int h, int w, bool nearest)
    {
        const wide top = floor(y), left = floor(x);
        down = y - top;
        right = x - left;
        if (nearest)
            put(0, rint(y), rint(x), h, w); /* halves to the even one */
#pragma unroll
        for (int tap = 0; tap < 4; tap++) {
            weight[tap] = (tap >> 1 ? down : 1 - down) * (tap & 1 ? right : 1 - right);
            if (nearest) {
                weight[tap] = tap == 0 ? wide(1) : wide(0);
                at[tap] = tap == 0 ? at[0] : -1;
            } else {
                put(tap, top + (wide)(tap >> 1), left + (wide)(tap & 1), h, w);
            }
        }
    }
};

// Try: sample_planes(randn(2, 3, 5, 6), rand(2, 7), rand(2, 7), out(2, 3, 7), 2, 3, 5, 6, 7, 0)
// Try: sample_planes(randn(1, 3, 5, 6), values(-1, 4.5, 9), values(0.5, 5, 2), out(1, 3, 3), 1, 3, 5, 6, 3, 1)
KERNEL(sample_planes, 256, cover(n * places, 256))
(const real *__restrict__ x, const real *__restrict__ down, const real *__restrict__ right,
 real *__restrict__ out, i64 n, i64 c, i64 h, i64 w, i64 places, i64 nearest)
{
    GRID_STRIDE(t, n * places)
    {
        const i64 image = quotient(t, places), p = t - image * places;
        const Around around(widen(down[t]), widen(right[t]), (int)h, (int)w, nearest);
        for (i64 plane = image * c; plane < (image + 1) * c; plane++) {
            wide sum = 0;
#pragma unroll
            for (int tap = 0; tap < 4; tap++)
                if (around.at[tap] >= 0)
                    sum += around.weight[tap] * widen(x[plane * h * w + around.at[tap]]);
            out[plane * places + p] = narrow(sum);
        }
    }
}

// Try: sample_planes_input_atomic(randn(2, 3, 7), rand(2, 7), rand(2, 7), zeros(2, 3, 5, 6), 2, 3, 5, 6, 7, 0)
KERNEL(sample_planes_input_atomic, 256, cover(n * places, 256))
(const real *__restrict__ g, const real *__restrict__ down, const real *__restrict__ right, real *gx, i64 n,
 i64 c, i64 h, i64 w, i64 places, i64 nearest)
{
    GRID_STRIDE(t, n * places)
    {
        const i64 image = quotient(t, places), p = t - image * places;
        const Around around(widen(down[t]), widen(right[t]), (int)h, (int)w, nearest);
        for (i64 plane = image * c; plane < (image + 1) * c; plane++) {
            const wide slope = widen(g[plane * places + p]);
#pragma unroll
            for (int tap = 0; tap < 4; tap++)
                if (around.at[tap] >= 0)
                    add_to(gx + plane * h * w + around.at[tap], narrow(slope * around.weight[tap]));
        }
    }
}

// Try: sample_planes_input_ordered(randn(2, 3, 7), rand(2, 7), rand(2, 7), zeros(2, 3, 5, 6), 2, 3, 5, 6, 7, 0)
KERNEL(sample_planes_input_ordered, 128, cover(n * c, 128))
(const real *__restrict__ g, const real *__restrict__ down, const real *__restrict__ right, real *gx, i64 n,
 i64 c, i64 h, i64 w, i64 places, i64 nearest)
{
    GRID_STRIDE(plane, n * c)
    {
        const i64 image = quotient(plane, c);
        real *mine = gx + plane * h * w;
        for (i64 p = 0; p < places; p++) {
            const i64 t = image * places + p;
            const Around around(widen(down[t]), widen(right[t]), (int)h, (int)w, nearest);
            const wide slope = widen(g[plane * places + p]);
#pragma unroll
            for (int tap = 0; tap < 4; tap++)
                if (around.at[tap] >= 0)
                    mine[around.at[tap]] = narrow(widen(mine[around.at[tap]]) + slope * around.weight[tap]);
        }
    }
}

// Try: sample_planes_places(randn(2, 3, 7), randn(2, 3, 5, 6), rand(2, 7), rand(2, 7), out(2, 7), out(2, 7),
//      2, 3, 5, 6, 7)
KERNEL(sample_planes_places, 256, cover(n * places, 256))
(const real *__restrict__ g, const real *__restrict__ x, const real *__restrict__ down,
 const real *__restrict__ right, real *__restrict__ gdown, real *__restrict__ gright, i64 n, i64 c, i64 h, i64 w,
 i64 places)
{
    GRID_STRIDE(t, n * places)
    {
        const i64 image = quotient(t, places), p = t - image * places;
        const Around around(widen(down[t]), widen(right[t]), (int)h, (int)w, false);
        wide sums[4] = {0, 0, 0, 0};
        for (i64 plane = image * c; plane < (image + 1) * c; plane++) {
            const wide slope = widen(g[plane * places + p]);
#pragma unroll
            for (int tap = 0; tap < 4; tap++)
                if (around.at[tap] >= 0)
                    sums[tap] += slope * widen(x[plane * h * w + around.at[tap]]);
        }
        const wide a = around.right, b = around.down;
        gdown[t] = narrow((sums[2] - sums[0]) * (1 - a) + (sums[3] - sums[1]) * a);
        gright[t] = narrow((sums[1] - sums[0]) * (1 - b) + (sums[3] - sums[2]) * b);
    }
}

// Try: map_axis(randn(2, 7, 5), values(0, 1, 6, 2), rand(4), values(0, 1, 1, 4), out(2, 3, 5), 2, 7, 5, 3)
KERNEL(map_axis, 256, cover(outer * rows * inner, 256))
(const real *__restrict__ x, const i64 *__restrict__ index, const real *__restrict__ weights,
 const i64 *__restrict__ begins, real *__restrict__ out, i64 outer, i64 size, i64 inner, i64 rows)
{
    GRID_STRIDE(t, outer * rows * inner)
    {
        const i64 line = quotient(t, inner), o = quotient(line, rows), r = line - o * rows;
        const real *from = x + o * size * inner + t - line * inner;
        wide sum = 0;
        for (i64 k = begins[r]; k < begins[r + 1]; k++)
            sum += widen(weights[k]) * widen(from[index[k] * inner]);
        out[t] = narrow(sum);
    }
}
