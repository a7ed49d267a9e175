/* The kernels for AVX2 with fused multiply-adds: x86-64 processors since about 2013. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi2"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c,bmi2")
#endif
#include "kernel.h"
#define LEVEL avx2
#define VBYTES 32
#include "families.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int nothing_to_compile;
#endif
