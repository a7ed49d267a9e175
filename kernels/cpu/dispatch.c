/* The tables of kernels, which level this processor supports, and what kernels may do. */
#include "dispatch.h"

#include <stdatomic.h>

#define ONE(name, type, n) void name##_##type##_base(const arg *a);
#include "kernels.def"
#undef ONE
#define ONE(name, type, n) {#name "_" #type, n, name##_##type##_base},
static const entry base_entries[] = {
#include "kernels.def"
};
#undef ONE

#if defined(__x86_64__)
#define ONE(name, type, n) void name##_##type##_avx2(const arg *a);
#include "kernels.def"
#undef ONE
#define ONE(name, type, n) {#name "_" #type, n, name##_##type##_avx2},
static const entry avx2_entries[] = {
#include "kernels.def"
};
#undef ONE

#define ONE(name, type, n) void name##_##type##_avx512(const arg *a);
#include "kernels.def"
#undef ONE
#define ONE(name, type, n) {#name "_" #type, n, name##_##type##_avx512},
static const entry avx512_entries[] = {
#include "kernels.def"
};
#undef ONE
#endif

const int kernel_count = (int)(sizeof base_entries / sizeof *base_entries);

/* Products of a convolution that are left to the direct sums, which are exact for whole numbers: what a
 * reader can follow by hand comes out as it should, and takes less than twenty microseconds.
 */
static const double small = 1L << 21;
static atomic_int winograd = 1;

void allow_winograd(int allowed)
{
    winograd = allowed;
}

int winograd_allowed(void)
{
    return winograd;
}

int winograd_for(double products)
{
    return winograd > 1 || (winograd && products >= small);
}

const level *all_levels(int *count)
{
    static level levels[3] = {{"base", 1, base_entries}};
    *count = 1;
#if defined(__x86_64__)
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#if defined(IMITATE_AVX512)
    int avx512 = avx2;
#else
    int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    levels[1] = (level){"avx2", avx2, avx2_entries};
    levels[2] = (level){"avx512", avx512, avx512_entries};
    *count = 3;
#endif
    return levels;
}
