/* The kernels for AVX-512 (F, BW, DQ, VL): server processors since 2017, AMD since 2022. With
 * IMITATE_AVX512, for tests, compilers take its vectors in halves, and processors with AVX2 run them.
 */
#if defined(__x86_64__)
#if defined(IMITATE_AVX512) && defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi2"))), apply_to = function)
#elif defined(IMITATE_AVX512)
#pragma GCC target("avx2,fma,f16c,bmi2")
#elif defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi2"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi2")
#endif
#include "kernel.h"
#define LEVEL avx512
#define VBYTES 64
#if !defined(IMITATE_AVX512)
#define WITH_AVX512 /* its instructions by name */
#endif
#include "families.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int nothing_to_compile;
#endif
