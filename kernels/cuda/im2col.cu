/* The columns of a convolution, as matrices: the reference forms beside conv.cu.
 *
 * im2col(x, columns, N, C, H, W, kh, kw, sh, sw, ph, pw, dh, dw, oh, ow)
 *     x (N, C, H, W) -> columns (N, C kh kw, oh ow), zeros for the margin
 * col2im(columns, x, ...)   the transpose: each element of x gets the sum of its copies
 *
 * col2im gathers, with a thread for each element of x: nothing is added twice to one place.
 */
#include "common.cuh"

#define COLUMNS i64 N, i64 C, i64 H, i64 W, i64 kh, i64 kw, i64 sh, i64 sw, i64 ph, i64 pw, i64 dh, i64 dw, i64 oh, i64 ow

// Try: im2col(randn(2, 3, 7, 8), out(2, 27, 56), 2, 3, 7, 8, 3, 3, 1, 1, 1, 1, 1, 1, 7, 8)
// Try: im2col(randn(2, 3, 12, 11), out(2, 75, 12), 2, 3, 12, 11, 5, 5, 2, 2, 0, 0, 1, 2, 4, 2)
KERNEL(im2col, 256, cover(N * C * kh * kw * oh * ow, 512))
(const real *__restrict__ x, real *__restrict__ columns, COLUMNS)
{
    const int places = (int)(oh * ow), taps = (int)(kh * kw);
    GRID_STRIDE(t, N * C * taps * places)
    {
        const i64 row = quotient(t, places), plane = quotient(row, taps);
        const int place = (int)(t - row * places), tap = (int)(row - plane * taps);
        const int o = place / (int)ow, i = tap / (int)kw;
        const i64 y = o * sh - ph + i * dh, z = (place - o * ow) * sw - pw + (tap - i * kw) * dw;
        const bool inside = y >= 0 && y < H && z >= 0 && z < W;
        columns[t] = inside ? x[(plane * H + y) * W + z] : narrow(0);
    }
}

// Try: col2im(randn(2, 27, 56), out(2, 3, 7, 8), 2, 3, 7, 8, 3, 3, 1, 1, 1, 1, 1, 1, 7, 8)
// Try: col2im(randn(2, 75, 8), out(2, 3, 12, 11), 2, 3, 12, 11, 5, 5, 2, 2, 0, 0, 1, 2, 4, 2)
KERNEL(col2im, 256, cover(N * C * H * W, 256))
(const real *__restrict__ columns, real *__restrict__ x, COLUMNS)
{
    const i64 size = H * W, places = oh * ow;
    GRID_STRIDE(t, N * C * size)
    {
        const i64 plane = quotient(t, size);
        const int rest = (int)(t - plane * size), r = rest / (int)W, c = rest - r * (int)W;
        const real *from = columns + plane * kh * kw * places;
        wide sum = 0;
        for (int i = 0; i < kh; i++) {
            const int down = r + (int)ph - i * (int)dh, o = down / (int)sh;
            if (down < 0 || down % (int)sh || o >= oh)
                continue;
            for (int j = 0; j < kw; j++) {
                const int right = c + (int)pw - j * (int)dw, q = right / (int)sw;
                if (right >= 0 && right % (int)sw == 0 && q < ow)
                    sum += widen(from[(i * kw + j) * places + o * ow + q]);
            }
        }
        x[t] = narrow(sum);
    }
}
