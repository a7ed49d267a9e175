/* Random numbers by Philox, and dropout. `offset` is the first block of the stream that is used.
 *
 * philox_words(out, n, seed, offset)                 n words: number i is word i % 4 of block offset + i / 4
 * philox_uniform(out, n, seed, offset, low, high)    low + (high - low) u; of float64 number i is made of
 *                                                    words 2 i (high) and 2 i + 1
 * philox_normal(out, n, seed, offset, mean, std)     Box-Muller: uniform numbers 2 i and 2 i + 1 give
 *                                                    sqrt(-2 ln(1 - u)) times cos and sin of 2 pi v
 * philox_bernoulli(out, n, seed, offset, p)          1 where u < p, else 0, with u of float32
 * dropout(x, y, n, seed, offset, p)                  y = x / (1 - p) where u >= p, else 0. It is its own
 *                                                    gradient: backward gives it the cotangent.
 *
 * So n numbers take ceil(n / 4) blocks, or ceil(n / 2) in float64 (words, bernoulli and dropout: the former always).
 */
#include "elements.cuh"
#include "philox.cuh"

#define SAMPLES (sizeof(wide) == 8 ? 2 : 4) /* numbers of a block */

// Try: philox_words(out(1003), 1003, 12345678901, 7)
KERNEL(philox_words, 256, cover(n, 1024))
(u32 *__restrict__ out, i64 n, i64 seed, i64 offset)
{
    GRID_STRIDE(b, (n + 3) / 4)
    {
        const uint4 words = philox((u64)(offset + b), (u64)seed);
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

// Try: philox_uniform(out(1003), 1003, 5, 0, -1, 2)
KERNEL(philox_uniform, 256, cover(n, 1024))
(real *__restrict__ out, i64 n, i64 seed, i64 offset, double low, double high)
{
    const wide width = (wide)(high - low), start = (wide)low;
    GRID_STRIDE(b, (n + SAMPLES - 1) / SAMPLES)
    {
        wide u[4];
        uniform_of(philox((u64)(offset + b), (u64)seed), u);
        for (int k = 0; k < SAMPLES && SAMPLES * b + k < n; k++)
            out[SAMPLES * b + k] = narrow(start + width * u[k]);
    }
}

// Try: philox_normal(out(1003), 1003, 5, 3, 1, 2)
KERNEL(philox_normal, 256, cover(n, 1024))
(real *__restrict__ out, i64 n, i64 seed, i64 offset, double mean, double std)
{
    GRID_STRIDE(b, (n + SAMPLES - 1) / SAMPLES)
    {
        wide u[4];
        uniform_of(philox((u64)(offset + b), (u64)seed), u);
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

// Try: philox_bernoulli(out(1003), 1003, 5, 3, 0.25)
KERNEL(philox_bernoulli, 256, cover(n, 1024))
(real *__restrict__ out, i64 n, i64 seed, i64 offset, double p)
{
    GRID_STRIDE(b, (n + 3) / 4)
    {
        const uint4 words = philox((u64)(offset + b), (u64)seed);
        const u32 four[4] = {words.x, words.y, words.z, words.w};
        for (int k = 0; k < 4 && 4 * b + k < n; k++)
            out[4 * b + k] = narrow(unit(four[k]) < (float)p ? wide(1) : wide(0));
    }
}

/* Four elements at a time, in one load where they are sixteen (or eight) bytes. */
struct __align__(4 * sizeof(real) < 16 ? 4 * sizeof(real) : 16) Four {
    real at[4];
};

// Try: dropout(randn(1003), out(1003), 1003, 5, 3, 0.25)
// Try: dropout(randn(1000), out(1000), 1000, 5, 3, 0.0)
KERNEL(dropout, 256, cover(n, 1024))
(const real *x, real *y, i64 n, i64 seed, i64 offset, double p)
{
    const wide scale = (wide)(p < 1 ? 1.0 / (1.0 - p) : 0.0);
    const bool aligned = whole_packs(x) && whole_packs(y);
    GRID_STRIDE(b, (n + 3) / 4)
    {
        const uint4 words = philox((u64)(offset + b), (u64)seed);
        const u32 four[4] = {words.x, words.y, words.z, words.w};
        if (aligned && 4 * b + 4 <= n) {
            Four v = ((const Four *)x)[b];
#pragma unroll
            for (int k = 0; k < 4; k++)
                v.at[k] = narrow(unit(four[k]) < (float)p ? wide(0) : widen(v.at[k]) * scale);
            ((Four *)y)[b] = v;
        } else {
            for (int k = 0; k < 4 && 4 * b + k < n; k++)
                y[4 * b + k] = narrow(unit(four[k]) < (float)p ? wide(0) : widen(x[4 * b + k]) * scale);
        }
    }
}
