/* LU decomposition with exchanges of rows, of a stack of matrices without gaps.
 *
 *     lu(a, pivots, places, info, count, m, n)
 *
 * Each a (m, n) is overwritten by L below the diagonal and U; pivots (min(m, n), int32, counted
 * from 1) are LAPACK's; places (m, int64) says which row of a each row of L U is; info (int32) is
 * the first zero pivot, counted from 1, or 0. Reference: LuPacked of ops/matrix/lu.py.
 */
typedef struct {
    real *a;
    int32_t *pivots, *info;
    int64_t *places;
    long m, n;
} R(lu_job);

/* y -= factor x */
static inline void R(take_away)(real *restrict y, const real *restrict x, real factor, long n)
{
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        *(vec *)(y + i) -= *(const vec *)(x + i) * factor;
    for (; i < n; i++)
        y[i] -= x[i] * factor;
}

static void R(lu_range)(void *context, long begin, long end)
{
    const R(lu_job) *job = context;
    long m = job->m, n = job->n, steps = min(m, n);
    for (long number = begin; number < end; number++) {
        real *a = job->a + number * m * n;
        int32_t *pivots = job->pivots + number * steps;
        int64_t *places = job->places + number * m;
        int32_t info = 0;
        for (long i = 0; i < m; i++)
            places[i] = i;
        for (long j = 0; j < steps; j++) {
            long best = j;
            real most = a[j * n + j] < 0 ? -a[j * n + j] : a[j * n + j];
            for (long i = j + 1; i < m; i++) {
                real here = a[i * n + j] < 0 ? -a[i * n + j] : a[i * n + j];
                if (here > most) {
                    most = here;
                    best = i;
                }
            }
            pivots[j] = (int32_t)(best + 1);
            if (best != j) {
                for (long k = 0; k < n; k++) {
                    real kept = a[j * n + k];
                    a[j * n + k] = a[best * n + k];
                    a[best * n + k] = kept;
                }
                int64_t kept = places[j];
                places[j] = places[best];
                places[best] = kept;
            }
            real pivot = a[j * n + j];
            if (pivot == 0) {
                info = info ? info : (int32_t)(j + 1);
                continue;
            }
            for (long i = j + 1; i < m; i++) {
                real factor = a[i * n + j] / pivot;
                a[i * n + j] = factor;
                R(take_away)(a + i * n + j + 1, a + j * n + j + 1, factor, n - j - 1);
            }
        }
        job->info[number] = info;
    }
}

KERNEL(lu)
{
    R(lu_job) job = {.a = a[0].p, .pivots = a[1].p, .places = a[2].p, .info = a[3].p,
                     .m = a[5].i, .n = a[6].i};
    parallel(a[4].i, max(1, 8192 / max(1, job.m * job.n)), R(lu_range), &job);
}
