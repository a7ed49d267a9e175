/* Products of matrices, one or a stack of them.
 *
 * gemm(a, b, bias or None, c, count, m, n, k, a_step, a_row, a_column, b_step, b_row, b_column)
 *
 *     c[z, i, j] = bias[j] + sum over k of a[z, i, k] b[z, k, j]          reference: numpy.matmul
 *
 * c (count, m, n) and bias (n) have no gaps; of a and b any steps between elements are taken, so
 * that transpositions, slices and repeated matrices are read where they lie. No size is 0.
 *
 * Products of blocks are in gemm_blocks.h; here are those that need no packing. One row is a sum of
 * rows, or inner products. Where one factor has few rows or columns, and many steps, c is a table of
 * inner products (dots.h); where c has few columns it is worked out turned round, so that these are
 * the rows, of which there may be any number.
 */
#define LONG 128L       /* steps, from which summing up the lanes at a line's end pays */
#define ROWS_AT_ONCE 8
#define DOT_CHUNK 1024L /* steps: DOT_COLS lines of so many stay in the nearest cache */

/* Some lines of a table of inner products: of rows, or of columns where these are more. */
static void R(dot_lines)(void *context, long begin, long end)
{
    const R(factors) *g = context;
    const int down = g->m >= g->n;
    const long row = down ? begin : 0, rows = down ? end - begin : g->m;
    const long column = down ? 0 : begin, columns = down ? g->n : end - begin;
    int64_t *at = scratch(3, (size_t)columns * sizeof(int64_t));
    if (!at)
        return;
    for (long j = 0; j < columns; j++)
        at[j] = (column + j) * g->b_column;
    for (long i = 0; i < rows; i++) {
        real *to = g->c + (row + i) * g->n + column;
        if (g->bias)
            memcpy(to, g->bias + column, (size_t)columns * sizeof(real));
        else
            memset(to, 0, (size_t)columns * sizeof(real));
    }
    for (long k = 0; k < g->k; k += DOT_CHUNK) {
        const real *a = g->a + row * g->a_row + k, *b = g->b + k;
        const long count = min(g->k - k, DOT_CHUNK);
        const R(dots) d = {.a = a, .a_end = g->a + max(0L, (g->m - 1) * g->a_row) + g->k,
                           .a_row = g->a_row, .b = b,
                           .b_end = g->b + max(0L, (g->n - 1) * g->b_column) + g->k, .at = at,
                           .runs = 1, .count = count};
        R(all_dots)(&d, rows, columns, g->c + row * g->n + column, g->n);
    }
}

/* Some elements of the product of one row with a matrix whose rows have no gaps: the sum of its
 * rows, eight at a time, each times its number.
 */
static void R(row_parts)(void *context, long begin, long end)
{
    const R(factors) *g = context;
    for (long j = begin; j < end; j++)
        g->c[j] = g->bias ? g->bias[j] : 0;
    for (long k = 0; k < g->k; k += ROWS_AT_ONCE) {
        const int count = (int)min((long)ROWS_AT_ONCE, g->k - k);
        const real *line[ROWS_AT_ONCE];
        real number[ROWS_AT_ONCE];
        for (int i = 0; i < ROWS_AT_ONCE; i++) {
            line[i] = g->b + (k + min(i, count - 1)) * g->b_row;
            number[i] = i < count ? g->a[(k + i) * g->a_column] : 0;
        }
        long j = begin;
        for (; count == ROWS_AT_ONCE && j + LANES <= end; j += LANES) {
            vec sum = {0};
#pragma GCC unroll 8
            for (int i = 0; i < ROWS_AT_ONCE; i++)
                sum += number[i] * *(const vec *)(line[i] + j);
            *(vec *)(g->c + j) += sum;
        }
        for (; j < end; j++) {
            real sum = 0;
            for (int i = 0; i < count; i++)
                sum += number[i] * line[i][j];
            g->c[j] += sum;
        }
    }
}

/* The same where a column's elements lie side by side, as the row's do: inner products, LANES at a
 * time, whose sums fall in the lanes of one vector.
 */
static void R(line_parts)(void *context, long begin, long end)
{
    const R(factors) *g = context;
    const real *b_end = g->b + (g->n - 1) * g->b_column + g->k;
    const long whole_count = g->k / LANES * LANES, rest = g->k - whole_count;
    mask inside = {0};
    for (int i = 0; i < LANES; i++)
        inside[i] = i < rest ? -1 : 0;
    for (long j = begin; j < end; j += LANES) {
        const int count = (int)min((long)LANES, end - j);
        const real *line = g->b + j * g->b_column;
        int64_t at[LANES];
        vec sums[LANES];
        for (int i = 0; i < LANES; i++) {
            at[i] = min(i, count - 1) * g->b_column;
            sums[i] = (vec){0};
        }
        for (long q = 0; q < whole_count; q += LANES) {
            const vec x = *(const vec *)(g->a + q);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++)
                sums[i] += x * *(const vec *)(line + at[i] + q);
        }
        if (rest) {
            const vec x = R(load_tail)(g->a + whole_count, g->a + g->k, inside, rest);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++)
                sums[i] += x * R(load_tail)(line + at[i] + whole_count, b_end, inside, rest);
        }
        real found[LANES];
        *(vec *)found = R(sum_each)(sums);
        for (int i = 0; i < count; i++)
            g->c[j + i] = found[i] + (g->bias ? g->bias[j + i] : 0);
    }
}

/* The same product turned round, so that a is b; a column of it is a row then. */
static R(factors) R(turned_round)(const R(factors) *g, real *c)
{
    R(factors) t = *g;
    t.m = g->n;
    t.n = g->m;
    t.a = g->b;
    t.a_row = g->b_column;
    t.a_column = g->b_row;
    t.b = g->a;
    t.b_row = g->a_column;
    t.b_column = g->a_row;
    t.c = c;
    return t;
}

/* Whether one of the factors has few rows, or columns, and both can be lines along the steps; its
 * lines are laid so if they are not. -1: there is no memory.
 */
static int R(make_lines)(R(factors) *g)
{
    const int few_rows = g->m <= g->n;
    const long count = min(g->m, g->n), row = few_rows ? g->a_row : g->b_column;
    const long column = few_rows ? g->a_column : g->b_row;
    if (count > FEW_ROWS || g->k < LONG || (few_rows ? g->b_row : g->a_column) != 1)
        return 0;
    if (column == 1)
        return 1;
    real *lines = scratch(2, (size_t)(count * g->k) * sizeof(real));
    if (!lines)
        return -1;
    R(pack_any)(few_rows ? g->a : g->b, column, row, g->k, count, lines, g->k);
    if (few_rows) {
        g->a = lines;
        g->a_row = g->k;
        g->a_column = 1;
    } else {
        g->b = lines;
        g->b_column = g->k;
        g->b_row = 1;
    }
    return 1;
}

/* Some of a stack of products. */
typedef struct {
    R(factors) first;
    long a_step, b_step;
} R(stack);

static void R(gemm_stack)(void *context, long begin, long end)
{
    const R(stack) *all = context;
    for (long z = begin; z < end; z++) {
        R(factors) g = all->first;
        g.a += z * all->a_step;
        g.b += z * all->b_step;
        g.c += z * g.m * g.n;
        if (g.n == 1 && g.m > 1 && !g.bias)
            g = R(turned_round)(&g, g.c);
        if (g.m == 1 && g.b_column == 1 && g.n >= 4 * LANES) {
            parallel(g.n, max(2048L, (1L << 17) / g.k / LANES * LANES), R(row_parts), &g);
            continue;
        }
        if (g.m == 1 && g.b_row == 1 && g.a_column == 1) {
            parallel(g.n, max(1L, (1L << 17) / g.k / LANES) * LANES, R(line_parts), &g);
            continue;
        }
        const int lines = R(make_lines)(&g);
        if (lines < 0)
            return;
        if (lines) {
            const long work = min(g.m, g.n) * g.k;
            parallel(max(g.m, g.n), max(4L * DOT_COLS, (1L << 17) / work), R(dot_lines), &g);
            continue;
        }
        if (g.n <= FEW_ROWS && g.m > 2 * g.n && !g.bias) {
            real *c = scratch(2, (size_t)(g.m * g.n) * sizeof(real));
            if (!c)
                return;
            R(factors) turned = R(turned_round)(&g, c);
            R(gemm_blocks)(&turned);
            R(turn)(c, g.m, g.n, g.m, g.c, g.n);
            continue;
        }
        R(gemm_blocks)(&g);
    }
}

KERNEL(gemm)
{
    R(stack) all = {.first = {.a = a[0].p, .b = a[1].p, .bias = a[2].p, .c = a[3].p, .m = a[5].i,
                              .n = a[6].i, .k = a[7].i, .a_row = a[9].i, .a_column = a[10].i,
                              .b_row = a[12].i, .b_column = a[13].i},
                    .a_step = a[8].i, .b_step = a[11].i};
    const R(factors) *g = &all.first;
    const long count = a[4].i;
    if (count == 1)
        R(gemm_stack)(&all, 0, 1);
    else
        parallel(count, max(1L, (1L << 17) / (g->m * g->n * g->k)), R(gemm_stack), &all);
}
