/* Pooling over windows that slide over planes (planes, h, w) -> (planes, oh, ow), without gaps.
 *
 * max_pool(x, y, taps, planes, G...)            y = the greatest element of each window; taps,
 *     uint8: which one it was, i kw + j. The first of equals wins; of NaNs, which win
 *     over all, the last.
 * max_pool_backward(g, taps, gx, planes, G...)  g added to gx at the winners' places, 0 elsewhere
 * max_pool_places(taps, places, planes, G...)   the winners' places in their plane, int64
 * avg_pool(x, y, planes, G..., include_pad, divisor) y = the sum of each window / its count
 * avg_pool_backward(g, gx, planes, G..., include_pad, divisor)  its transpose
 *
 * G is the geometry: h, w, oh, ow, kh, kw, sh, sw, ph, pw (sizes, kernel, stride, padding). At
 * least one element of each window lies inside; kh kw <= 256. The count of a window is `divisor`,
 * or if that is 0 its number of places, with those of the margin if include_pad.
 * Twin: ../cpu/pool.c. Forward has a thread for each output; backward gathers, with a thread for each
 * input, so nothing is added twice to one place and the order of sums is fixed.
 */
#include "common.cuh"

struct Geometry {
    int h, w, oh, ow, kh, kw, sh, sw, ph, pw;
};
#define GEOMETRY i64 h, i64 w, i64 oh, i64 ow, i64 kh, i64 kw, i64 sh, i64 sw, i64 ph, i64 pw
#define GEOMETRY_GIVEN                                                                         \
    {(int)h,  (int)w,  (int)oh, (int)ow, (int)kh,                                              \
     (int)kw, (int)sh, (int)sw, (int)ph, (int)pw}

/* The window of an output: where it begins, and which of its taps lie inside of the plane. */
struct Window {
    int top, left, i0, i1, j0, j1;
};
__device__ __forceinline__ Window window_at(const Geometry &G, int o, int q)
{
    Window v = {o * G.sh - G.ph, q * G.sw - G.pw, 0, 0, 0, 0};
    v.i0 = max(0, -v.top);
    v.i1 = min(G.kh, G.h - v.top);
    v.j0 = max(0, -v.left);
    v.j1 = min(G.kw, G.w - v.left);
    return v;
}

/* The windows that hold a place along one axis: first and last. */
__device__ __forceinline__ int first_window(int at, int kernel, int stride)
{
    return at < kernel ? 0 : (at - kernel) / stride + 1; /* `at` counts from the margin's begin */
}

// Try: max_pool(randn(2, 3, 7, 8), out(2, 3, 4, 4), out(2, 3, 4, 4), 6, 7, 8, 4, 4, 3, 3, 2, 2, 1, 1)
// Try: max_pool(randn(4, 9, 9), out(4, 3, 3), out(4, 3, 3), 4, 9, 9, 3, 3, 3, 2, 3, 3, 0, 0)
KERNEL(max_pool, 256, cover(planes * oh * ow, 256))
(const real *__restrict__ x, real *__restrict__ y, u8 *__restrict__ taps, i64 planes, GEOMETRY)
{
    const Geometry G = GEOMETRY_GIVEN;
    GRID_STRIDE(at, planes * oh * ow)
    {
        const i64 plane = quotient(at, G.oh * G.ow);
        const int rest = (int)(at - plane * (G.oh * G.ow)), o = rest / G.ow, q = rest - o * G.ow;
        const Window v = window_at(G, o, q);
        const real *from = x + plane * G.h * G.w + (i64)v.top * G.w + v.left;
        wide best = widen(from[v.i0 * G.w + v.j0]);
        int winner = v.i0 * G.kw + v.j0;
        for (int i = v.i0; i < v.i1; i++)
            for (int j = v.j0; j < v.j1; j++) {
                const wide here = widen(from[i * G.w + j]);
                if (here > best || here != here) {
                    best = here;
                    winner = i * G.kw + j;
                }
            }
        y[at] = narrow(best);
        taps[at] = (u8)winner;
    }
}

// Try: max_pool_backward(randn(2, 3, 4, 4), indices(4, 2, 3, 4, 4), out(2, 3, 8, 8), 6, 8, 8, 4, 4,
//      2, 2, 2, 2, 0, 0)
// Try: max_pool_backward(randn(3, 5, 5), indices(9, 3, 5, 5), out(3, 7, 7), 3, 7, 7, 5, 5, 3, 3, 1, 1, 0, 0)
KERNEL(max_pool_backward, 256, cover(planes * h * w, 256))
(const real *__restrict__ g, const u8 *__restrict__ taps, real *__restrict__ gx, i64 planes, GEOMETRY)
{
    const Geometry G = GEOMETRY_GIVEN;
    GRID_STRIDE(at, planes * h * w)
    {
        const i64 plane = quotient(at, G.h * G.w);
        const int rest = (int)(at - plane * (G.h * G.w)), r = rest / G.w, c = rest - r * G.w;
        const int down = r + G.ph, right = c + G.pw;
        const int last_o = min(G.oh - 1, down / G.sh), last_q = min(G.ow - 1, right / G.sw);
        const i64 base = plane * G.oh * G.ow;
        wide sum = 0;
        for (int o = first_window(down, G.kh, G.sh); o <= last_o; o++)
            for (int q = first_window(right, G.kw, G.sw); q <= last_q; q++) {
                const i64 there = base + o * G.ow + q;
                if (taps[there] == (down - o * G.sh) * G.kw + right - q * G.sw)
                    sum += widen(g[there]);
            }
        gx[at] = narrow(sum);
    }
}

// Try: max_pool_places(indices(9, 2, 4, 4), out(2, 4, 4), 2, 9, 9, 4, 4, 3, 3, 2, 2, 0, 0)
KERNEL(max_pool_places, 256, cover(planes * oh * ow, 256))
(const u8 *__restrict__ taps, i64 *__restrict__ places, i64 planes, GEOMETRY)
{
    const Geometry G = GEOMETRY_GIVEN;
    GRID_STRIDE(at, planes * oh * ow)
    {
        const i64 plane = quotient(at, G.oh * G.ow);
        const int rest = (int)(at - plane * (G.oh * G.ow)), o = rest / G.ow, q = rest - o * G.ow;
        const int tap = taps[at], i = tap / G.kw;
        const int row = o * G.sh - G.ph + i, column = q * G.sw - G.pw + tap - i * G.kw;
        places[at] = (i64)row * G.w + column;
    }
}

__device__ __forceinline__ wide count_of(const Geometry &G, const Window &v, i64 include_pad,
                                         i64 divisor)
{
    if (divisor != 0)
        return (wide)divisor;
    if (!include_pad)
        return (wide)((v.i1 - v.i0) * (v.j1 - v.j0));
    return (wide)(min(G.kh, G.h + G.ph - v.top) * min(G.kw, G.w + G.pw - v.left));
}

// Try: avg_pool(randn(2, 3, 7, 8), out(2, 3, 4, 4), 6, 7, 8, 4, 4, 3, 3, 2, 2, 1, 1, 1, 0)
// Try: avg_pool(randn(2, 7, 8), out(2, 4, 4), 2, 7, 8, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0)
KERNEL(avg_pool, 256, cover(planes * oh * ow, 256))
(const real *__restrict__ x, real *__restrict__ y, i64 planes, GEOMETRY, i64 include_pad, i64 divisor)
{
    const Geometry G = GEOMETRY_GIVEN;
    GRID_STRIDE(at, planes * oh * ow)
    {
        const i64 plane = quotient(at, G.oh * G.ow);
        const int rest = (int)(at - plane * (G.oh * G.ow)), o = rest / G.ow, q = rest - o * G.ow;
        const Window v = window_at(G, o, q);
        const real *from = x + plane * G.h * G.w + (i64)v.top * G.w + v.left;
        wide sum = 0;
        for (int i = v.i0; i < v.i1; i++)
            for (int j = v.j0; j < v.j1; j++)
                sum += widen(from[i * G.w + j]);
        y[at] = narrow(sum / count_of(G, v, include_pad, divisor));
    }
}

// Try: avg_pool_backward(randn(2, 3, 4, 4), out(2, 3, 7, 8), 6, 7, 8, 4, 4, 3, 3, 2, 2, 1, 1, 1, 0)
// Try: avg_pool_backward(randn(2, 4, 4), out(2, 7, 8), 2, 7, 8, 4, 4, 3, 3, 2, 2, 1, 1, 0, 5)
KERNEL(avg_pool_backward, 256, cover(planes * h * w, 256))
(const real *__restrict__ g, real *__restrict__ gx, i64 planes, GEOMETRY, i64 include_pad, i64 divisor)
{
    const Geometry G = GEOMETRY_GIVEN;
    GRID_STRIDE(at, planes * h * w)
    {
        const i64 plane = quotient(at, G.h * G.w);
        const int rest = (int)(at - plane * (G.h * G.w)), r = rest / G.w, c = rest - r * G.w;
        const int down = r + G.ph, right = c + G.pw;
        const int last_o = min(G.oh - 1, down / G.sh), last_q = min(G.ow - 1, right / G.sw);
        wide sum = 0;
        for (int o = first_window(down, G.kh, G.sh); o <= last_o; o++)
            for (int q = first_window(right, G.kw, G.sw); q <= last_q; q++)
                sum += widen(g[plane * G.oh * G.ow + o * G.ow + q]) /
                       count_of(G, window_at(G, o, q), include_pad, divisor);
        gx[at] = narrow(sum);
    }
}
