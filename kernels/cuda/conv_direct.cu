/* Convolutions with few channels in a group, above all one: no product would fill a tile.
 *
 * conv_forward_direct, conv_input_direct, conv_weight_direct take what conv_forward, conv_input and conv_weight of
 * conv.cu take. A thread makes an element of y or gx; a block makes an element of gw, in a fixed order.
 */
#include "rows.cuh"

#define SIZES i64 N, i64 C, i64 H, i64 W, i64 O, i64 kh, i64 kw, i64 sh, i64 sw, i64 ph, i64 pw, i64 dh, i64 dw, i64 groups, i64 oh, i64 ow

// Try: conv_forward_direct(randn(2, 4, 7, 8), randn(8, 1, 3, 3), randn(8), out(2, 8, 7, 8),
//      2, 4, 7, 8, 8, 3, 3, 1, 1, 1, 1, 1, 1, 4, 7, 8)
KERNEL(conv_forward_direct, 256, cover(N * O * oh * ow, 256))
(const real *__restrict__ x, const real *__restrict__ w, const real *__restrict__ bias, real *__restrict__ y, SIZES)
{
    const int channels = (int)(C / groups), filters = (int)(O / groups), places = (int)(oh * ow);
    GRID_STRIDE(t, N * O * places)
    {
        const i64 row = quotient(t, places), n = quotient(row, O);
        const int place = (int)(t - row * places), p = place / (int)ow, q = place - p * (int)ow;
        const int o = (int)(row - n * O), top = p * (int)sh - (int)ph, left = q * (int)sw - (int)pw;
        const real *from = x + (n * C + o / filters * channels) * H * W;
        const real *filter = w + (i64)o * channels * kh * kw;
        wide sum = bias ? widen(bias[o]) : wide(0);
        for (int c = 0; c < channels; c++, from += H * W)
            for (int i = 0; i < kh; i++) {
                const int y = top + i * (int)dh;
                for (int j = 0; j < kw; j++, filter++) {
                    const int z = left + j * (int)dw;
                    if ((u32)y < (u32)H && (u32)z < (u32)W)
                        sum += widen(*filter) * widen(from[y * (int)W + z]);
                }
            }
        y[t] = narrow(sum);
    }
}

// Try: conv_input_direct(randn(2, 8, 4, 4), randn(8, 1, 3, 3), null, out(2, 4, 7, 8),
//      2, 4, 7, 8, 8, 3, 3, 2, 2, 1, 1, 1, 1, 4, 4, 4)
KERNEL(conv_input_direct, 256, cover(N * C * H * W, 256))
(const real *__restrict__ g, const real *__restrict__ w, const real *__restrict__ bias, real *__restrict__ gx, SIZES)
{
    const int channels = (int)(C / groups), filters = (int)(O / groups), size = (int)(H * W);
    GRID_STRIDE(t, N * C * size)
    {
        const i64 row = quotient(t, size), n = quotient(row, C);
        const int place = (int)(t - row * size), y = place / (int)W, z = place - y * (int)W;
        const int c = (int)(row - n * C), group = c / channels;
        const real *from = g + (n * O + group * filters) * oh * ow;
        const real *filter = w + ((i64)group * filters * channels + c - group * channels) * kh * kw;
        wide sum = bias ? widen(bias[c]) : wide(0);
        for (int i = 0; i < kh; i++) {
            const int down = y + (int)ph - i * (int)dh, p = down / (int)sh;
            if (down < 0 || p * (int)sh != down || p >= oh)
                continue;
            for (int j = 0; j < kw; j++) {
                const int right = z + (int)pw - j * (int)dw, q = right / (int)sw;
                if (right < 0 || q * (int)sw != right || q >= ow)
                    continue;
                for (int o = 0; o < filters; o++)
                    sum += widen(from[((i64)o * oh + p) * ow + q]) *
                           widen(filter[(i64)o * channels * kh * kw + i * kw + j]);
            }
        }
        gx[t] = narrow(sum);
    }
}

// Try: conv_weight_direct(randn(2, 8, 4, 4), randn(2, 4, 7, 8), out(8, 1, 3, 3),
//      2, 4, 7, 8, 8, 3, 3, 2, 2, 1, 1, 1, 1, 4, 4, 4)
KERNEL(conv_weight_direct, 256, O * ceil(C, groups) * kh * kw)
(const real *__restrict__ g, const real *__restrict__ x, real *__restrict__ gw, SIZES)
{
    const int channels = (int)(C / groups), taps = (int)(kh * kw), places = (int)(oh * ow);
    const i64 row = blockIdx.x / taps, o = row / channels;
    const int t = (int)(blockIdx.x - row * taps), i = t / (int)kw, j = t - i * (int)kw;
    const i64 channel = o / (O / groups) * channels + row - o * channels;
    wide sum = 0;
    for (i64 k = threadIdx.x; k < N * places; k += blockDim.x) {
        const i64 n = quotient(k, places);
        const int place = (int)(k - n * places), p = place / (int)ow;
        const int y = p * (int)sh - (int)ph + i * (int)dh;
        const int z = (place - p * (int)ow) * (int)sw - (int)pw + j * (int)dw;
        if ((u32)y < (u32)H && (u32)z < (u32)W)
            sum += widen(g[(n * O + o) * places + place]) * widen(x[((n * C + channel) * H + y) * W + z]);
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0)
        gw[blockIdx.x] = narrow(sum);
}
