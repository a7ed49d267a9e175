/* The tables of kernels, and which level this processor supports. */
#include "dispatch.h"

#define K(name, n) void name##_f32_base(const arg *a); void name##_f64_base(const arg *a);
#include "kernels.def"
#undef K
#define K(name, n) {#name "_f32", n, name##_f32_base}, {#name "_f64", n, name##_f64_base},
static const entry base_entries[] = {
#include "kernels.def"
};
#undef K

#if defined(__x86_64__)
#define K(name, n) void name##_f32_avx2(const arg *a); void name##_f64_avx2(const arg *a);
#include "kernels.def"
#undef K
#define K(name, n) {#name "_f32", n, name##_f32_avx2}, {#name "_f64", n, name##_f64_avx2},
static const entry avx2_entries[] = {
#include "kernels.def"
};
#undef K

#define K(name, n) void name##_f32_avx512(const arg *a); void name##_f64_avx512(const arg *a);
#include "kernels.def"
#undef K
#define K(name, n) {#name "_f32", n, name##_f32_avx512}, {#name "_f64", n, name##_f64_avx512},
static const entry avx512_entries[] = {
#include "kernels.def"
};
#undef K
#endif

const int kernel_count = (int)(sizeof base_entries / sizeof *base_entries);

const level *all_levels(int *count)
{
    static level levels[3] = {{"base", 1, base_entries}};
    *count = 1;
#if defined(__x86_64__)
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    levels[1] = (level){"avx2", avx2, avx2_entries};
    levels[2] = (level){"avx512", avx512, avx512_entries};
    *count = 3;
#endif
    return levels;
}
