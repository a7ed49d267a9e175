/* What the processor can do at most, for benchmarks.
 *
 * multiply_adds(out, rounds)   out[0] = operations of one round, as many as a loop of independent
 *                              multiply-adds of vectors has; out[1] = a number that needs all
 */
#define CHAINS 12 /* results take four steps, and two are begun in each: eight would do */

KERNEL(multiply_adds)
{
    real *out = a[0].p;
    vec sums[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sums[i] = (vec){0} + out[i & 1];
    const vec number = sums[0] * (real)0.5, more = sums[1] + (real)1;
    for (int64_t round = 0; round < a[1].i; round++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            sums[i] = sums[i] * number + more;
    }
    for (int i = 1; i < CHAINS; i++)
        sums[0] += sums[i];
    out[0] = 2 * CHAINS * LANES;
    out[1] = R(sum_lanes)(sums[0]);
}
