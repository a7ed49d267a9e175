/* What every kernel is written with: its arguments, vectors of the level it is compiled for, loops
 * over threads.
 *
 * A family of kernels is one file, say pool.c. It is compiled once for each level of the processor
 * (LEVEL: base, avx2, avx512) and each type of numbers (real: float, double), by way of families.h.
 * So it defines nothing but static functions, named with R(name), and kernels:
 *
 *     KERNEL(relu) { const real *x = a[0].p; real *y = a[1].p; long n = a[2].i; ... }
 *
 * A kernel takes an array of arguments in the order in which Python gave them: pointers to the
 * elements of arrays, whole numbers, floating-point numbers. It is entered in kernels.def. It holds
 * no Python object and may run without the interpreter's lock.
 */
#ifndef MINIGRAD_KERNEL_H
#define MINIGRAD_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>

typedef union {
    void *p;   /* the first element of an array; NULL for None */
    int64_t i; /* a whole number or a bool */
    double d;  /* a floating-point number */
} arg;

typedef void kernel(const arg *a);

/* Run body(context, begin, end) over the parts of 0..n. The parts are cut at multiples of `grain`
 * and do not depend on the number of threads: a sum that is kept for each part is always the same.
 */
typedef void range_body(void *context, long begin, long end);
void parallel(long n, long grain, range_body *body, void *context);

/* Number of threads, from which code may choose the size of its scratch memory; results may not. */
int threads(void);

/* Whether a convolution of so many products may be done by Winograd's algorithm. */
int winograd_for(double products);

/* Scratch memory of the calling thread, aligned to 64 bytes, kept for the next call that asks.
 * Each `slot` (0..7) is one block, of which nothing is known; asking for more of it moves it. NULL if
 * there is no memory.
 */
void *scratch(int slot, size_t bytes);

/* Called where there is no memory; the call from Python then raises MemoryError. */
void fail_for_memory(void);
extern _Thread_local int out_of_memory; /* whether it was, in this thread */

/* Results of so many bytes or more are written past the caches: see stream.h. */
extern long far_bytes;

#define JOIN_(a, b, c) a##_##b##_##c
#define JOIN(a, b, c) JOIN_(a, b, c)
#define R(name) JOIN(name, REAL, LEVEL)
#define KERNEL(name) void R(name)(const arg *a)
/* Written out where it is called, whose constants make it a function of its own. */
#define INLINE static inline __attribute__((always_inline))

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))

#endif
