/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): four random words from a counter and a key.
 *
 * The stream of a seed: words 4 b to 4 b + 3 are the block with counter (b, 0) and key (seed), both of
 * 64 bits, low words first. minigrad/random/philox.py has the same numbers.
 */
#pragma once
#include "common.cuh"

__device__ __forceinline__ uint4 philox(u64 block, u64 seed)
{
    uint4 c = make_uint4((u32)block, (u32)(block >> 32), 0, 0);
    u32 low = (u32)seed, high = (u32)(seed >> 32);
#pragma unroll
    for (int round = 0; round < 10; round++) {
        const u32 h0 = __umulhi(0xD2511F53u, c.x), l0 = 0xD2511F53u * c.x;
        const u32 h1 = __umulhi(0xCD9E8D57u, c.z), l1 = 0xCD9E8D57u * c.z;
        c = make_uint4(h1 ^ c.y ^ low, l1, h0 ^ c.w ^ high, l0);
        low += 0x9E3779B9u;
        high += 0xBB67AE85u;
    }
    return c;
}

/* Where draws begin: at block `offset` of the stream of `seed`. In a captured step both are read from
 * memory, `place` (seed, block), which each replay writes first; `offset` counts from there.
 */
struct Stream {
    u64 seed, block;
};
__device__ __forceinline__ Stream stream_at(i64 seed, i64 offset, const i64 *place)
{
    if (place)
        return {(u64)place[0], (u64)place[1] + (u64)offset};
    return {(u64)seed, (u64)offset};
}
__device__ __forceinline__ uint4 philox(Stream from, i64 b)
{
    return philox(from.block + (u64)b, from.seed);
}

/* In [0, 1): the high 24 bits of a word, the high 53 of two. */
__device__ __forceinline__ float unit(u32 word) { return (float)(word >> 8) * 5.9604644775390625e-8f; }
__device__ __forceinline__ double unit(u32 high, u32 low)
{
    return (double)(((u64)high << 32 | low) >> 11) * 1.1102230246251565e-16;
}

/* low + width u, rounded twice: a card must not contract it, so that all places have the same bits. */
__device__ __forceinline__ float spread(float low, float width, float u)
{
    return __fadd_rn(low, __fmul_rn(width, u));
}
__device__ __forceinline__ double spread(double low, double width, double u)
{
    return __dadd_rn(low, __dmul_rn(width, u));
}
