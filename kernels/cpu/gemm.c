/* Products of matrices, one or a stack of them.
 *
 * gemm(a, b, bias or None, c, count, m, n, k, a_step, a_row, a_column, b_step, b_row, b_column)
 *
 *     c[z, i, j] = bias[j] + sum over k of a[z, i, k] b[z, k, j]          reference: numpy.matmul
 *
 * c (count, m, n) and bias (n) have no gaps; of a and b any steps between elements are taken, so
 * that transpositions, slices and repeated matrices are read where they lie. No size is 0.
 *
 * Both factors are packed in panels (gemm.h) for some hundreds of steps at a time: the rows first,
 * then a block of columns by the thread that multiplies it, in whose second cache it stays while the
 * rows go by. Where there are so few blocks that the rows are cut for more threads, these share
 * columns that were packed before; for few rows the columns are left where they are. Where the
 * steps of both factors lie side by side and one of them has few rows, c is a table of inner
 * products (dots.h).
 */
#define BLOCK_ROWS 1344L /* rows that are packed at a time: at most 2 MiB */
#define COLUMNS_AT_ONCE 5L /* panels of DEPTH steps: 240 KiB, a part of a second-level cache */
#define PACKED_TOGETHER 4L /* panels whose columns lie side by side */
#define FEW_ROWS 28L       /* packing columns takes the time of about five rows */
#define LONG 128L         /* steps, from which summing up the lanes at a line's end pays */
#define FAR (1L << 21)     /* bytes of columns that no cache near by holds */
#define ROWS_AT_ONCE 8
#define DOT_CHUNK 1024L    /* steps: DOT_COLS lines of so many stay in the nearest cache */

typedef struct {
    const real *a, *b, *bias;
    real *c;
    long m, n, k, a_row, a_column, b_row, b_column;
    real *left, *right;              /* packed */
    long row, rows; /* of the block */
    long step, depth;                /* the first step of this time, and how many */
    row_cut cut;
    long panels, blocks, cuts;       /* of columns; of those that are done at once; of rows */
    int placed, far, shared;         /* columns are not packed, but for the last panel; or before */
} R(factors);

/* to[k * pitch + i] = from[i * row + k * column], as lines lie side by side one way, the other, or
 * neither. Where a line is not whole vectors it is read and written as if it were, if what follows
 * it belongs to the next one; that is written later.
 */
static void R(pack_any)(const real *from, long row, long column, long rows, long depth, real *to,
                        long pitch)
{
    if (column == 1)
        R(turn)(from, row, rows, depth, to, pitch);
    else if (row == 1) {
        const long filled = (rows + LANES - 1) / LANES * LANES;
        const long spilling = column < filled ? 0 : depth - 1 - (filled - rows) / pitch;
        long k = 0;
        for (; k < spilling; k++)
            for (long i = 0; i < rows; i += LANES)
                *(vec *)(to + k * pitch + i) = *(const vec *)(from + k * column + i);
        for (; k < depth; k++)
            R(copy_short)(to + k * pitch, from + k * column, rows);
    } else
        for (long k = 0; k < depth; k++)
            for (long i = 0; i < rows; i++)
                to[k * pitch + i] = from[i * row + k * column];
}

/* Panels of columns, line by line. */
static void R(pack_columns)(const R(factors) *g, long first, long last, real *to)
{
    for (long k = 0; k < g->depth; k += LANES)
        for (long p = first; p < last; p++) {
            const long column = p * TILE_COLS;
            R(pack_any)(g->b + column * g->b_column + (g->step + k) * g->b_row, g->b_column,
                        g->b_row, min((long)TILE_COLS, g->n - column),
                        min((long)LANES, g->depth - k),
                        to + ((p - first) * g->depth + k) * TILE_COLS, TILE_COLS);
        }
}

/* Panels of the left factor, then groups of panels of the right one. */
static void R(pack_factors)(void *context, long begin, long end)
{
    const R(factors) *g = context;
    for (long unit = begin; unit < end; unit++)
        if (unit < g->cut.count) {
            const long row = panel_start(g->cut, unit);
            const long rows = panel_start(g->cut, unit + 1) - row;
            R(pack_any)(g->a + (g->row + row) * g->a_row + g->step * g->a_column, g->a_row,
                        g->a_column, rows, g->depth, g->left + row * g->depth, rows);
        } else {
            const long first = (unit - g->cut.count) * PACKED_TOGETHER;
            R(pack_columns)(g, first, min(first + PACKED_TOGETHER, g->panels),
                            g->right + first * g->depth * TILE_COLS);
        }
}

/* One tile of c, which may be narrower than a panel. */
static void R(gemm_tile)(const R(factors) *g, long panel, int rows, const real *a, const real *b,
                         const int64_t *at, real *c)
{
    real tile[TILE_ROWS * TILE_COLS], bias[TILE_COLS];
    const long column = panel * TILE_COLS, width = min((long)TILE_COLS, g->n - column);
    const int add = g->step > 0, whole_tile = width == TILE_COLS;
    const real *across = NULL;
    if (g->bias && !add) {
        across = g->bias + column;
        if (!whole_tile)
            across = memcpy(bias, across, (size_t)width * sizeof(real));
    }
    real *to = whole_tile ? c + column : tile;
    const long step = whole_tile ? g->n : TILE_COLS;
    for (int i = 0; i < rows; i++) /* needed when the products are done */
        for (long j = 0; j < TILE_COLS; j += 64 / (long)sizeof(real))
            __builtin_prefetch(to + i * step + j, 1);
    const real *unpacked = g->b + g->step * g->b_row + column;
    if (g->far && whole_tile)
        R(tile_far)(rows, g->depth, a, unpacked, at, to, step, across, add);
    else if (g->placed && whole_tile)
        R(tile_placed)(rows, g->depth, a, unpacked, at, LANES, to, step, NULL, across, add);
    else
        (width > LANES ? R(tile) : R(tile_half))(rows, g->depth, a, b, to, step, NULL, across,
                                                 add && whole_tile);
    if (!whole_tile)
        for (int i = 0; i < rows; i++)
            for (long j = 0; j < width; j++)
                c[i * g->n + column + j] =
                    tile[i * TILE_COLS + j] + (add ? c[i * g->n + column + j] : 0);
}

/* A block of columns times a cut of the rows. */
static void R(gemm_parts)(void *context, long begin, long end)
{
    const R(factors) *g = context;
    int64_t at[DEEPEST];
    if (g->placed)
        for (long k = 0; k < g->depth; k++)
            at[k] = k * g->b_row;
    for (long unit = begin; unit < end; unit++) {
        const long cut = unit % g->cuts, block = unit / g->cuts;
        const long first = g->panels * block / g->blocks;
        const long last = g->panels * (block + 1) / g->blocks;
        const long held = g->shared ? 0 : g->placed ? g->n / TILE_COLS : first;
        real *right = g->right;
        if (!g->shared && !g->placed) {
            right = scratch(1, (size_t)((last - first) * TILE_COLS * g->depth) * sizeof(real));
            if (!right)
                return;
            R(pack_columns)(g, first, last, right);
        }
        for (long r = g->cut.count * cut / g->cuts; r < g->cut.count * (cut + 1) / g->cuts; r++) {
            const long row = panel_start(g->cut, r);
            const int rows = (int)(panel_start(g->cut, r + 1) - row);
            real *c = g->c + (g->row + row) * g->n;
            const real *a = g->left + row * g->depth;
            for (long p = first; p < last; p++) {
                const real *b = p < held ? NULL : right + (p - held) * g->depth * TILE_COLS;
                R(gemm_tile)(g, p, rows, a, b, at, c);
            }
        }
    }
}

/* All steps of a block of rows. */
static void R(gemm_block)(R(factors) *g)
{
    const long deepest = R(longest_turn)(g->k), whole_panels = g->n / TILE_COLS;
    g->cut = cut_rows(g->rows);
    g->panels = (g->n + TILE_COLS - 1) / TILE_COLS;
    g->placed = g->b_column == 1 && g->rows <= FEW_ROWS;
    g->far = g->placed && g->rows > 2 && g->k * g->n * (long)sizeof(real) > FAR;
    g->blocks = (g->panels + COLUMNS_AT_ONCE - 1) / COLUMNS_AT_ONCE;
    g->cuts = threads() == 1 ? 1 : max(1L, min(8 / g->blocks, (long)g->cut.count / 4));
    g->shared = g->cuts > 1 && !g->placed;
    g->left = scratch(0, (size_t)(g->rows * deepest) * sizeof(real));
    g->right = NULL;
    if (g->shared || (g->placed && whole_panels < g->panels))
        g->right = scratch(1, (size_t)((g->shared ? g->panels : 1) * TILE_COLS * deepest) *
                                  sizeof(real));
    if (!g->left || (g->shared && !g->right))
        return;
    const long groups = g->shared ? (g->panels + PACKED_TOGETHER - 1) / PACKED_TOGETHER : 0;
    for (long turn = 0; turn < R(turns_of)(g->k); turn++) {
        g->step = R(turn_start)(g->k, turn);
        g->depth = R(turn_start)(g->k, turn + 1) - g->step;
        if (g->placed && g->right)
            R(pack_columns)(g, whole_panels, g->panels, g->right);
        parallel(g->cut.count + groups, max(1L, (1L << 14) / (g->depth * TILE_COLS)),
                 R(pack_factors), g);
        parallel(g->blocks * g->cuts, max(1L, (1L << 16) / (g->depth * g->rows * 5 + 1)),
                 R(gemm_parts), g);
    }
}

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

static void R(gemm_blocks)(R(factors) *g)
{
    const long blocks = (g->m + BLOCK_ROWS - 1) / BLOCK_ROWS;
    for (long block = 0; block < blocks; block++) {
        g->row = g->m * block / blocks;
        g->rows = g->m * (block + 1) / blocks - g->row;
        R(gemm_block)(g);
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
