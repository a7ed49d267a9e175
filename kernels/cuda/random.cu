/* Random numbers by Philox, and dropout. They begin at block `offset` of the stream of `seed`; where `place`
 * is no null pointer, both count from what lies there (seed, block), so that a captured step draws anew.
 *
 * philox_words(out, n, seed, offset, place)                n words: number i is word i % 4 of block offset + i / 4
 * philox_uniform(out, n, seed, offset, place, low, high)   low + (high - low) u, and low where that rounds to high; of
 *                                                          float64 number i is made of words 2 i (high) and 2 i + 1
 * philox_normal(out, n, seed, offset, place, mean, std)    Box-Muller: uniform numbers 2 i and 2 i + 1 give
 *                                                          sqrt(-2 ln(1 - u)) times cos and sin of 2 pi v
 * philox_bernoulli(out, n, seed, offset, place, p)         1 where u < p, else 0, with u of float32
 * dropout(x, y, n, seed, offset, place, p)                 y = x m / (1 - p), m = 0 where u < p, else 1. It is its
 *                                                          own gradient: backward gives it the cotangent.
 * philox_place(place, seed, block)                         writes such a place
 *
 * So n numbers take ceil(n / 4) blocks, or ceil(n / 2) in float64 (words, bernoulli and dropout: the former always).
 */
#include "elements.cuh"
#include "philox.cuh"

#define SAMPLES (sizeof(wide) == 8 ? 2 : 4) /* numbers of a block */

// Try: philox_words(out(1003), 1003, 12345678901, 7, null)
// Try: philox_words(out(1003), 1003, 0, 7, values(12345678901, 5))
KERNEL(philox_words, 256, cover(n, 1024))
(u32 *__restrict__ out, i64 n, i64 seed, i64 offset, const i64 *place)
{
    const Stream from = stream_at(seed, offset, place);
    GRID_STRIDE(b, (n + 3) / 4)
    {
        const uint4 words = philox(from, b);
        const u32 four[4] = {words.x, words.y, words.z, words.w};
        for (int k = 0; k < 4 && 4 * b + k < n; k++)
            out[4 * b + k] = four[k];
    }
}

__device__ __forceinline__ void uniform_of(uint4 words, wide *u)
{
#ifdef REAL_FLOAT64
    u[0] = unit(words.x, words.y);
    u[1] = unit(words.z, words.w);
#else
    u[0] = unit(words.x);
    u[1] = unit(words.y);
    u[2] = unit(words.z);
    u[3] = unit(words.w);
#endif
}

// Try: philox_uniform(out(1003), 1003, 5, 0, null, -1, 2)
KERNEL(philox_uniform, 256, cover(n, 1024))
(real *__restrict__ out, i64 n, i64 seed, i64 offset, const i64 *place, double low, double high)
{
    const wide width = (wide)(high - low), start = (wide)low, end = widen(narrow((wide)high));
    const Stream from = stream_at(seed, offset, place);
    GRID_STRIDE(b, (n + SAMPLES - 1) / SAMPLES)
    {
        wide u[4];
        uniform_of(philox(from, b), u);
        for (int k = 0; k < SAMPLES && SAMPLES * b + k < n; k++) {
            const real drawn = narrow(spread(start, width, u[k]));
            out[SAMPLES * b + k] = widen(drawn) < end ? drawn : narrow(start);
        }
    }
}

// Try: philox_normal(out(1003), 1003, 5, 3, null, 1, 2)
KERNEL(philox_normal, 256, cover(n, 1024))
(real *__restrict__ out, i64 n, i64 seed, i64 offset, const i64 *place, double mean, double std)
{
    const Stream from = stream_at(seed, offset, place);
    GRID_STRIDE(b, (n + SAMPLES - 1) / SAMPLES)
    {
        wide u[4];
        uniform_of(philox(from, b), u);
        for (int k = 0; k < SAMPLES; k += 2) {
            const wide r = sqrt(wide(-2) * log(1 - u[k])), angle = wide(6.283185307179586) * u[k + 1];
            const i64 i = SAMPLES * b + k;
            if (i < n)
                out[i] = narrow((wide)mean + (wide)std * (r * cos(angle)));
            if (i + 1 < n)
                out[i + 1] = narrow((wide)mean + (wide)std * (r * sin(angle)));
        }
    }
}

// Try: philox_bernoulli(out(1003), 1003, 5, 3, null, 0.25)
KERNEL(philox_bernoulli, 256, cover(n, 1024))
(real *__restrict__ out, i64 n, i64 seed, i64 offset, const i64 *place, double p)
{
    const Stream from = stream_at(seed, offset, place);
    GRID_STRIDE(b, (n + 3) / 4)
    {
        const uint4 words = philox(from, b);
        const u32 four[4] = {words.x, words.y, words.z, words.w};
        for (int k = 0; k < 4 && 4 * b + k < n; k++)
            out[4 * b + k] = narrow(unit(four[k]) < (float)p ? wide(1) : wide(0));
    }
}

/* Four elements at a time, in one load where they are sixteen (or eight) bytes. */
struct __align__(4 * sizeof(real) < 16 ? 4 * sizeof(real) : 16) Four {
    real at[4];
};

// Try: dropout(randn(1003), out(1003), 1003, 5, 3, null, 0.25)
// Try: dropout(randn(1000), out(1000), 1000, 0, 3, values(5, 4), 0.0)
KERNEL(dropout, 256, cover(n, 1024))
(const real *x, real *y, i64 n, i64 seed, i64 offset, const i64 *place, double p)
{
    const wide scale = (wide)(p < 1 ? 1.0 / (1.0 - p) : 0.0);
    const bool aligned = whole_packs(x) && whole_packs(y);
    const Stream from = stream_at(seed, offset, place);
    GRID_STRIDE(b, (n + 3) / 4)
    {
        const uint4 words = philox(from, b);
        const u32 four[4] = {words.x, words.y, words.z, words.w};
        if (aligned && 4 * b + 4 <= n) {
            Four v = ((const Four *)x)[b];
#pragma unroll
            for (int k = 0; k < 4; k++)
                v.at[k] = narrow(widen(v.at[k]) * (unit(four[k]) < (float)p ? wide(0) : scale));
            ((Four *)y)[b] = v;
        } else {
            for (int k = 0; k < 4 && 4 * b + k < n; k++)
                y[4 * b + k] = narrow(widen(x[4 * b + k]) * (unit(four[k]) < (float)p ? wide(0) : scale));
        }
    }
}

// Try: philox_place(out(2), 12345678901, 7)
KERNEL(philox_place, 1, 1)(i64 *place, i64 seed, i64 block)
{
    place[0] = seed;
    place[1] = block;
}
