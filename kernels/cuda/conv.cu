/* Convolutions over images (lines are images of height 1), as products with gathered columns.
 *
 * conv_forward(x, w, bias or None, y, sizes...)   y = bias + w * x
 * conv_input(g, w, bias or None, gx, sizes...)    the gradient of the input; as a layer of its own it is
 *                                                 the transposed convolution, which has a bias
 * conv_weight(g, x, gw, sizes...)   gw[o, c, t] = sum over n, p of g[n, o, p] x[n, c, stride p + t]
 *
 * Sizes are N, C, H, W, O, kh, kw, then stride, padding and dilation as pairs, groups, and the output's H',
 * W'; none is 0. x, gx (N, C, H, W); w, gw (O, C / groups, kh, kw); y, g (N, O, H', W'). An image of all
 * channels has fewer than 2^31 elements. Twins: ../cpu/conv.c, conv_weight.c.
 *
 * The plans choose: NAME_plain (products in `wide`), NAME_tensor (tensor cores: TF32 for float32, else the
 * type's own, sums in float), each as NAME_..._narrow for few rows; and conv_direct.cu for tiny groups.
 *
 * The gradient of the input gathers too: with strides an element meets only some taps, the same for all
 * elements `stride` apart, so there is one product for each of these residues.
 */
#include "gather_product.cuh"

struct Sizes {
    i64 N, C, H, W, O;
    int kh, kw, sh, sw, ph, pw, dh, dw;
    i64 groups, oh, ow;
};
#define SIZES i64 N, i64 C, i64 H, i64 W, i64 O, i64 kh, i64 kw, i64 sh, i64 sw, i64 ph, i64 pw, i64 dh, i64 dw, i64 groups, i64 oh, i64 ow
#define SIZES_GIVEN                                                                            \
    {N, C, H, W, O, (int)kh, (int)kw, (int)sh, (int)sw, (int)ph, (int)pw, (int)dh, (int)dw, groups, oh, ow}

/* n is an output place, k a channel and a tap. */
struct Forward {
    Sizes s;
    const real *rows, *image;
    i64 row_step;
    int height, width, group, taps, places;

    __device__ __forceinline__ Forward(const Sizes &s, const real *x, const real *w, int group)
        : s(s), image(x), height((int)s.H), width((int)s.W), group(group), taps(s.kh * s.kw),
          places((int)(s.oh * s.ow))
    {
        row_step = s.C / s.groups * taps;
        rows = w + group * (s.O / s.groups) * row_step;
    }
    __device__ __forceinline__ Spot n_at(i64 n) const
    {
        const i64 i = quotient(n, places);
        if (i >= s.N)
            return {NOWHERE, 0, 0, -1};
        const int place = (int)(n - i * places), o = place / (int)s.ow;
        const int y = o * s.sh - s.ph, x = (place - o * (int)s.ow) * s.sw - s.pw;
        const i64 channel = i * s.C + group * (s.C / s.groups);
        return {y, x, channel * s.H * s.W + y * s.W + x, (i * s.O + group * (s.O / s.groups)) * places + place};
    }
    __device__ __forceinline__ Spot k_at(i64 k) const
    {
        const int c = (int)k / taps, t = (int)k - c * taps, i = t / s.kw;
        const int y = i * s.dh, x = (t - i * s.kw) * s.dw;
        return {y, x, (i64)c * s.H * s.W + y * s.W + x, k};
    }
    __device__ __forceinline__ i64 depth() const { return row_step; }
};

/* n is a place of the input with a given residue, k an output channel and a tap that it meets. */
struct Backward {
    Sizes s;
    const real *rows, *image;
    i64 row_step;
    int height, width, group, down, right, first_i, first_j, step_i, step_j, taps_i, taps_j, lines, columns;

    /* Along one axis the taps that meet residue r: i = first + step a with (r + p - i d) % stride == 0. */
    static __device__ __forceinline__ void meet(int r, int p, int d, int stride, int k, int &first, int &step,
                                                int &count)
    {
        first = k;
        step = 1;
        for (int i = k - 1; i >= 0; i--)
            if ((r + p - i * d) % stride == 0) {
                step = first - i;
                first = i;
            }
        /* `step` is the distance of the first two; with fewer it does not matter */
        count = first == k ? 0 : 1;
        for (int i = first + step; count && i < k && (r + p - i * d) % stride == 0; i += step)
            count++;
    }
    __device__ __forceinline__ Backward(const Sizes &s, const real *g, const real *w, int group, int residue)
        : s(s), image(g), height((int)s.oh), width((int)s.ow), group(group)
    {
        down = residue / s.sw;
        right = residue - down * s.sw;
        meet(down, s.ph, s.dh, s.sh, s.kh, first_i, step_i, taps_i);
        meet(right, s.pw, s.dw, s.sw, s.kw, first_j, step_j, taps_j);
        row_step = s.kh * s.kw; /* a row is a channel of the input */
        rows = w + group * (s.O / s.groups) * (s.C / s.groups) * row_step;
        lines = (int)((s.H - down + s.sh - 1) / s.sh);
        columns = (int)((s.W - right + s.sw - 1) / s.sw);
    }
    __device__ __forceinline__ Spot n_at(i64 n) const
    {
        const i64 places = (i64)lines * columns, i = places ? quotient(n, places) : s.N;
        if (i >= s.N)
            return {NOWHERE, 0, 0, -1};
        const int place = (int)(n - i * places), a = place / columns, b = place - a * columns;
        const i64 channel = i * s.O + group * (s.O / s.groups);
        const i64 to = (i * s.C + group * (s.C / s.groups)) * s.H * s.W;
        return {a, b, channel * s.oh * s.ow + a * s.ow + b, to + (a * s.sh + down) * s.W + b * s.sw + right};
    }
    __device__ __forceinline__ Spot k_at(i64 k) const
    {
        const int taps = taps_i * taps_j, o = (int)k / taps, t = (int)k - o * taps;
        const int i = first_i + t / taps_j * step_i, j = first_j + t % taps_j * step_j;
        const int y = (down + s.ph - i * s.dh) / s.sh, x = (right + s.pw - j * s.dw) / s.sw;
        const i64 row = (i64)o * (s.C / s.groups) * row_step + i * s.kw + j;
        return {y, x, (i64)o * s.oh * s.ow + y * s.ow + x, row};
    }
    __device__ __forceinline__ i64 depth() const { return s.O / s.groups * taps_i * taps_j; }
};

/* n is a channel of the input and a tap, k a place of the output: sums run over all images. */
struct Weight {
    Sizes s;
    const real *rows, *image;
    i64 row_step;
    int height, width, group, taps, places;

    __device__ __forceinline__ Weight(const Sizes &s, const real *g, const real *x, int group)
        : s(s), image(x), height((int)s.H), width((int)s.W), group(group), taps(s.kh * s.kw),
          places((int)(s.oh * s.ow))
    {
        row_step = places;
        rows = g + group * (s.O / s.groups) * row_step;
    }
    __device__ __forceinline__ Spot n_at(i64 n) const
    {
        const int c = (int)n / taps, t = (int)n - c * taps, i = t / s.kw;
        if (c >= s.C / s.groups)
            return {NOWHERE, 0, 0, -1};
        const int y = i * s.dh, x = (t - i * s.kw) * s.dw;
        return {y, x, (c + group * (s.C / s.groups)) * s.H * s.W + y * s.W + x, n};
    }
    __device__ __forceinline__ Spot k_at(i64 k) const
    {
        const i64 i = quotient(k, places);
        const int place = (int)(k - i * places), o = place / (int)s.ow;
        const int y = o * s.sh - s.ph, x = (place - o * (int)s.ow) * s.sw - s.pw;
        return {y, x, i * s.C * s.H * s.W + y * s.W + x, i * s.O * places + place};
    }
    __device__ __forceinline__ i64 depth() const { return s.N * places; }
};

/* Write rows of images: out[to + m * plane], with the bias of the row's channel. */
template <class Math, class Problem>
__device__ __forceinline__ void images_of(const Problem &problem, const real *bias, real *out, i64 M, i64 plane)
{
    DYNAMIC_SHARED(unsigned char, room);
    auto *tiles = (Tiles<Math, false> *)room;
    const i64 first_m = (i64)blockIdx.y * Math::TILE_M, first_n = (i64)blockIdx.x * Math::TILE_N;
    const real *mine = bias ? bias + problem.group * M : nullptr;
    gather_product<Math, false>(problem, tiles, M, first_m, first_n, 0, problem.depth(),
                                [=](i64 m, i64 to, wide sum) {
                                    out[to + m * plane] = narrow(mine ? sum + widen(mine[m]) : sum);
                                });
}

template <class Math>
__device__ __forceinline__ void forward_of(const real *x, const real *w, const real *bias, real *y, const Sizes &s)
{
    images_of<Math>(Forward(s, x, w, blockIdx.z), bias, y, s.O / s.groups, s.oh * s.ow);
}

template <class Math>
__device__ __forceinline__ void input_of(const real *g, const real *w, const real *bias, real *gx, const Sizes &s)
{
    const int residues = s.sh * s.sw, group = blockIdx.z / residues;
    images_of<Math>(Backward(s, g, w, group, blockIdx.z - group * residues), bias, gx, s.C / s.groups,
                    s.H * s.W);
}

/* Of part blockIdx.z % parts of the places; `out` (parts, O, C / groups, taps), or gw where there is one. */
template <class Math>
__device__ __forceinline__ void weight_of(const real *g, const real *x, real *gw, wide *out, const Sizes &s, i64 parts)
{
    DYNAMIC_SHARED(unsigned char, room);
    auto *tiles = (Tiles<Math, true> *)room;
    const int group = (int)(blockIdx.z / parts);
    const i64 part = blockIdx.z - group * parts, M = s.O / s.groups;
    const Weight problem(s, g, x, group);
    const i64 step = Math::STEP * Math::PER, steps = (problem.depth() + step - 1) / step;
    const i64 size = (steps + parts - 1) / parts * step, begin = part * size;
    const i64 line = s.C / s.groups * problem.taps;
    gather_product<Math, true>(problem, tiles, M, (i64)blockIdx.y * Math::TILE_M,
                               (i64)blockIdx.x * Math::TILE_N, begin, min(begin + size, problem.depth()),
                               [=](i64 m, i64 n, wide sum) {
                                   const i64 at = (group * M + m) * line + n;
                                   if (out)
                                       out[part * s.O * line + at] = sum;
                                   else
                                       gw[at] = narrow(sum);
                               });
}

#define FORWARD const real *__restrict__ x, const real *__restrict__ w, const real *__restrict__ bias, real *__restrict__ y, SIZES
#define INPUT const real *__restrict__ g, const real *__restrict__ w, const real *__restrict__ bias, real *__restrict__ gx, SIZES
#define WEIGHT const real *__restrict__ g, const real *__restrict__ x, real *__restrict__ gw, wide *__restrict__ out, i64 parts, SIZES

/* Of the grids, for Python. */
#define PLACES N * oh * ow
#define RESIDUE_PLACES N * ceil(H, sh) * ceil(W, sw)
#define LINE C * kh * kw
#define TILE (64 if itemsize == 8 else 128)

#ifdef REAL_FLOAT64 /* has no tensor cores here, and half as many numbers fit into the registers */
typedef Plain<64, 64> Large, LargeTensor, Narrow, NarrowTensor;
#else
typedef Plain<128, 128> Large;
typedef Plain<64, 128> Narrow;
typedef Tensor<128, 128, 2> LargeTensor;
typedef Tensor<64, 128, 2> NarrowTensor;
#endif

// Try: conv_forward_plain(randn(2, 5, 7, 8), randn(6, 5, 3, 3), randn(6), out(2, 6, 7, 8),
//      2, 5, 7, 8, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 7, 8)
KERNEL(conv_forward_plain, 256, (ceil(PLACES, TILE), ceil(ceil(O, groups), TILE), groups), 46080)
(FORWARD) { forward_of<Large>(x, w, bias, y, SIZES_GIVEN); }

// Try: conv_input_plain(randn(2, 6, 7, 8), randn(6, 5, 3, 3), randn(5), out(2, 5, 7, 8),
//      2, 5, 7, 8, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 7, 8)
KERNEL(conv_input_plain, 256, (ceil(RESIDUE_PLACES, TILE), ceil(ceil(C, groups), TILE), groups * sh * sw), 46080)
(INPUT) { input_of<Large>(g, w, bias, gx, SIZES_GIVEN); }

// Try: conv_weight_plain(randn(2, 6, 7, 8), randn(2, 5, 7, 8), out(6, 5, 3, 3), null, 1,
//      2, 5, 7, 8, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 7, 8)
KERNEL(conv_weight_plain, 256, (ceil(ceil(LINE, groups), TILE), ceil(ceil(O, groups), TILE), groups * parts), 46080)
(WEIGHT) { weight_of<Large>(g, x, gw, out, SIZES_GIVEN, parts); }

// Try: conv_forward_plain_narrow(randn(1, 4, 9, 9), randn(8, 2, 3, 2), null, out(1, 8, 4, 5),
//      1, 4, 9, 9, 8, 3, 2, 2, 2, 1, 1, 2, 1, 2, 4, 5)
KERNEL(conv_forward_plain_narrow, TWICE(256), (ceil(PLACES, TILE), ceil(ceil(O, groups), 64), groups), 46080)
(FORWARD) { forward_of<Narrow>(x, w, bias, y, SIZES_GIVEN); }

// Try: conv_input_plain_narrow(randn(1, 8, 4, 5), randn(8, 2, 3, 2), null, out(1, 4, 9, 9),
//      1, 4, 9, 9, 8, 3, 2, 2, 2, 1, 1, 2, 1, 2, 4, 5)
KERNEL(conv_input_plain_narrow, TWICE(256), (ceil(RESIDUE_PLACES, TILE), ceil(ceil(C, groups), 64), groups * sh * sw), 46080)
(INPUT) { input_of<Narrow>(g, w, bias, gx, SIZES_GIVEN); }

// Try: conv_weight_plain_narrow(randn(1, 8, 4, 5), randn(1, 4, 9, 9), null, out(2, 8, 2, 3, 2), 2,
//      1, 4, 9, 9, 8, 3, 2, 2, 2, 1, 1, 2, 1, 2, 4, 5)
KERNEL(conv_weight_plain_narrow, TWICE(256), (ceil(ceil(LINE, groups), TILE), ceil(ceil(O, groups), 64), groups * parts), 46080)
(WEIGHT) { weight_of<Narrow>(g, x, gw, out, SIZES_GIVEN, parts); }

// Try: conv_forward_tensor(randn(2, 5, 7, 8), randn(6, 5, 3, 3), randn(6), out(2, 6, 7, 8),
//      2, 5, 7, 8, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 7, 8)
KERNEL(conv_forward_tensor, 256, (ceil(PLACES, TILE), ceil(ceil(O, groups), TILE), groups), 46080)
(FORWARD) { forward_of<LargeTensor>(x, w, bias, y, SIZES_GIVEN); }

// Try: conv_input_tensor(randn(2, 6, 7, 8), randn(6, 5, 3, 3), randn(5), out(2, 5, 7, 8),
//      2, 5, 7, 8, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 7, 8)
KERNEL(conv_input_tensor, 256, (ceil(RESIDUE_PLACES, TILE), ceil(ceil(C, groups), TILE), groups * sh * sw), 46080)
(INPUT) { input_of<LargeTensor>(g, w, bias, gx, SIZES_GIVEN); }

// Try: conv_weight_tensor(randn(2, 6, 7, 8), randn(2, 5, 7, 8), out(6, 5, 3, 3), null, 1,
//      2, 5, 7, 8, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 7, 8)
KERNEL(conv_weight_tensor, 256, (ceil(ceil(LINE, groups), TILE), ceil(ceil(O, groups), TILE), groups * parts), 46080)
(WEIGHT) { weight_of<LargeTensor>(g, x, gw, out, SIZES_GIVEN, parts); }

// Try: conv_forward_tensor_narrow(randn(1, 4, 9, 9), randn(8, 2, 3, 2), null, out(1, 8, 4, 5),
//      1, 4, 9, 9, 8, 3, 2, 2, 2, 1, 1, 2, 1, 2, 4, 5)
KERNEL(conv_forward_tensor_narrow, TWICE(256), (ceil(PLACES, TILE), ceil(ceil(O, groups), 64), groups), 46080)
(FORWARD) { forward_of<NarrowTensor>(x, w, bias, y, SIZES_GIVEN); }

// Try: conv_input_tensor_narrow(randn(1, 8, 4, 5), randn(8, 2, 3, 2), null, out(1, 4, 9, 9),
//      1, 4, 9, 9, 8, 3, 2, 2, 2, 1, 1, 2, 1, 2, 4, 5)
KERNEL(conv_input_tensor_narrow, TWICE(256), (ceil(RESIDUE_PLACES, TILE), ceil(ceil(C, groups), 64), groups * sh * sw), 46080)
(INPUT) { input_of<NarrowTensor>(g, w, bias, gx, SIZES_GIVEN); }

// Try: conv_weight_tensor_narrow(randn(1, 8, 4, 5), randn(1, 4, 9, 9), null, out(2, 8, 2, 3, 2), 2,
//      1, 4, 9, 9, 8, 3, 2, 2, 2, 1, 1, 2, 1, 2, 4, 5)
KERNEL(conv_weight_tensor_narrow, TWICE(256), (ceil(ceil(LINE, groups), TILE), ceil(ceil(O, groups), 64), groups * parts), 46080)
(WEIGHT) { weight_of<NarrowTensor>(g, x, gw, out, SIZES_GIVEN, parts); }

// Try: conv_weight_finish(randn(3, 70), out(70), 70, 3)
KERNEL(conv_weight_finish, 256, cover(n, 256))
(const wide *__restrict__ parts_of, real *__restrict__ gw, i64 n, i64 parts)
{
    GRID_STRIDE(i, n)
    {
        wide sum = 0;
        for (i64 k = 0; k < parts; k++)
            sum += parts_of[k * n + i];
        gw[i] = narrow(sum);
    }
}
