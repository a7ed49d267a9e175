/* Inner products of a few rows with a few others, as sums of vectors along both: neither side is
 * packed or turned, so this is the way to products of long lines where one side has few of them.
 *
 * DOT_ROWS rows of a, `a_row` apart, meet DOT_COLS rows of b, which begin at b + at[j]. A row is
 * `runs` pieces of `count` elements, a_run and b_run apart.
 */
#ifndef DOT_ROWS
#if VBYTES == 64 || defined(__aarch64__)
#define DOT_ROWS 4 /* 24 sums, 4 of a, 1 of b, of 32 registers */
#define DOT_COLS 6
#elif VBYTES == 32
#define DOT_ROWS 3 /* 12 sums, 3 of a, 1 of b, of 16 */
#define DOT_COLS 4
#else
#define DOT_ROWS 2
#define DOT_COLS 4
#endif
#define DOT_ROOM ((DOT_ROWS * DOT_COLS + LANES - 1) / LANES * LANES)
#endif

typedef struct {
    const real *a, *a_end; /* nothing is read from the ends on */
    long a_row, a_run;
    const real *b, *b_end;
    const int64_t *at;
    long b_run;
    long runs, count;
} R(dots);

/* The sums of LANES vectors, each in the lane of its number: rounds of zips as in a transposition,
 * each adding what it has laid side by side.
 */
INLINE vec R(sum_each)(vec *v)
{
#pragma GCC unroll 4
    for (int half = LANES / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < half; i++)
            v[i] = R(zip_low)(v[i], v[i + half]) + R(zip_high)(v[i], v[i + half]);
    return v[0];
}

/* The last elements of a piece, zeros after them. */
INLINE vec R(load_tail)(const real *from, const real *end, mask inside, long count)
{
    if (from + LANES <= end)
        return (vec)((mask)*(const vec *)from & inside);
    vec v = {0};
    memcpy(&v, from, (size_t)count * sizeof(real));
    return v;
}

/* to[i * step + j] += the product of row i and column j. */
INLINE void R(dots_of)(const int rows, const int cols, const R(dots) *d, const real *a,
                       const int64_t *at, real *to, long step)
{
    vec sums[DOT_ROOM] = {{0}};
    const long whole_count = d->count / LANES * LANES, rest = d->count - whole_count;
    mask inside = {0};
    for (int i = 0; i < LANES; i++)
        inside[i] = i < rest ? -1 : 0;
    for (long r = 0; r < d->runs; r++) {
        const real *from_a = a + r * d->a_run, *from_b = d->b + r * d->b_run;
        for (long q = 0; q < whole_count; q += LANES) {
            vec x[DOT_ROWS];
#pragma GCC unroll 4
            for (int i = 0; i < rows; i++)
                x[i] = *(const vec *)(from_a + i * d->a_row + q);
#pragma GCC unroll 6
            for (int j = 0; j < cols; j++) {
                const vec y = *(const vec *)(from_b + at[j] + q);
#pragma GCC unroll 4
                for (int i = 0; i < rows; i++)
                    sums[i * cols + j] += x[i] * y;
            }
        }
        if (rest) {
            vec x[DOT_ROWS];
#pragma GCC unroll 4
            for (int i = 0; i < rows; i++)
                x[i] = R(load_tail)(from_a + i * d->a_row + whole_count, d->a_end, inside, rest);
#pragma GCC unroll 6
            for (int j = 0; j < cols; j++) {
                const vec y = R(load_tail)(from_b + at[j] + whole_count, d->b_end, inside, rest);
#pragma GCC unroll 4
                for (int i = 0; i < rows; i++)
                    sums[i * cols + j] += x[i] * y;
            }
        }
    }
    real totals[DOT_ROOM];
#pragma GCC unroll 12
    for (int k = 0; k < rows * cols; k += LANES)
        *(vec *)(totals + k) = R(sum_each)(sums + k);
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 6
        for (int j = 0; j < cols; j++)
            to[i * step + j] += totals[i * cols + j];
}

#define DOT_CASE(m, n)                                                                             \
    case m * 8 + n:                                                                                \
        R(dots_of)(m <= DOT_ROWS ? m : 1, n <= DOT_COLS ? n : 1, d, a, at, to, step);              \
        break;
#define DOT_CASES(m) DOT_CASE(m, 1) DOT_CASE(m, 2) DOT_CASE(m, 3) DOT_CASE(m, 4)
#if DOT_COLS > 4
#define DOT_MORE(m) DOT_CASE(m, 5) DOT_CASE(m, 6)
#else
#define DOT_MORE(m)
#endif

static void R(dots_tile)(int rows, int cols, const R(dots) *d, const real *a, const int64_t *at,
                         real *to, long step)
{
    switch (rows * 8 + cols) {
        DOT_CASES(1) DOT_MORE(1)
        DOT_CASES(2) DOT_MORE(2)
#if DOT_ROWS > 2
        DOT_CASES(3) DOT_MORE(3)
#endif
#if DOT_ROWS > 3
        DOT_CASES(4) DOT_MORE(4)
#endif
    }
}
#undef DOT_CASE
#undef DOT_CASES
#undef DOT_MORE

/* to[i * step + j] += the products of all of `rows` and `cols`, in tiles as even as can be; few
 * columns at a time, which stay in the nearest cache while the rows go by.
 */
static void R(all_dots)(const R(dots) *d, long rows, long cols, real *to, long step)
{
    const long high = (rows + DOT_ROWS - 1) / DOT_ROWS, wide = (cols + DOT_COLS - 1) / DOT_COLS;
    for (long n = 0; n < wide; n++) {
        const long j = cols * n / wide, end = cols * (n + 1) / wide;
        for (long m = 0; m < high; m++) {
            const long i = rows * m / high, next = rows * (m + 1) / high;
            R(dots_tile)((int)(next - i), (int)(end - j), d, d->a + i * d->a_row, d->at + j,
                         to + i * step + j, step);
        }
    }
}
