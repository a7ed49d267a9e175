/* Products of small matrices by the tensor cores, as one instruction of a warp:
 *
 *     multiply(c, a, b)   c (16, 8) += a (16, 8 units) b (8 units, 8)
 *
 * A unit is 32 bits: a number rounded to TF32, or two neighbours of float16 or bfloat16 along the inner
 * dimension. Lane 4 g + t holds of a the units (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4), of b (t, g) and
 * (t + 4, g), of c (g, 2 t), (g, 2 t + 1), (g + 8, 2 t), (g + 8, 2 t + 1), in float. The CPU moves the numbers
 * between lanes in just this way, so that a wrong place gives a wrong result there as well.
 */
#pragma once
#include "common.cuh"

#ifdef CUDA_ON_CPU

/* c += the products of one unit of a and one of b. */
typedef float UnitProduct(u32 a, u32 b);
static inline float tf32_product(u32 a, u32 b) { return __uint_as_float(a) * __uint_as_float(b); }
static inline float half_product(u32 a, u32 b)
{
    return widen(half{(u16)a}) * widen(half{(u16)b}) +
           widen(half{(u16)(a >> 16)}) * widen(half{(u16)(b >> 16)});
}
static inline float bfloat16_product(u32 a, u32 b)
{
    return widen(bfloat16{(u16)a}) * widen(bfloat16{(u16)b}) +
           widen(bfloat16{(u16)(a >> 16)}) * widen(bfloat16{(u16)(b >> 16)});
}

template <UnitProduct *PRODUCT>
CUDA_ON_CPU_INSTRUCTION void exchange_and_multiply(float *c, const u32 *a, const u32 *b, int line)
{
    struct {
        const u32 *a, *b;
    } mine = {a, b};
    using Shown = decltype(mine);
    cuda_on_cpu::warp_barrier(ALL_LANES, (uint64_t)&mine, line);
    const unsigned g = cuda_on_cpu::lane() / 4, t = cuda_on_cpu::lane() % 4;
    for (unsigned i = 0; i < 4; i++) {
        const unsigned lower = i / 2, column = 2 * t + i % 2;
        for (unsigned k = 0; k < 8; k++) {
            const auto *row = (const Shown *)cuda_on_cpu::lane_value(ALL_LANES, 4 * g + k % 4, line);
            const auto *other = (const Shown *)cuda_on_cpu::lane_value(ALL_LANES, 4 * column + k % 4, line);
            c[i] += PRODUCT(row->a[lower + 2 * (k / 4)], other->b[k / 4]);
        }
    }
    cuda_on_cpu::warp_barrier(ALL_LANES, 0, line); /* all have read */
}

static inline u32 to_tf32(float x)
{
    const u32 bits = __float_as_uint(x);
    return (bits & 0x7f800000) == 0x7f800000 ? bits : (bits + 0x1000) & ~0x1fffu;
}

#define CUDA_ON_CPU_MULTIPLY(name, product)                                                    \
    static inline void name(float *c, const u32 *a, const u32 *b, CUDA_ON_CPU_LINE)            \
    {                                                                                          \
        exchange_and_multiply<product>(c, a, b, line);                                         \
    }
CUDA_ON_CPU_MULTIPLY(multiply_tf32, tf32_product)
CUDA_ON_CPU_MULTIPLY(multiply_half, half_product)
CUDA_ON_CPU_MULTIPLY(multiply_bfloat16, bfloat16_product)

#else

__device__ __forceinline__ u32 to_tf32(float x)
{
    u32 bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return bits;
}

#define MULTIPLY(name, instruction)                                                            \
    __device__ __forceinline__ void name(float *c, const u32 *a, const u32 *b)                 \
    {                                                                                          \
        asm volatile(instruction " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
                     : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])                          \
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));      \
    }
MULTIPLY(multiply_tf32, "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32")
MULTIPLY(multiply_half, "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32")
MULTIPLY(multiply_bfloat16, "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32")

#endif

#ifdef REAL_FLOAT16
#define multiply multiply_half
#elif defined(REAL_BFLOAT16)
#define multiply multiply_bfloat16
#else
#define multiply multiply_tf32
#endif
