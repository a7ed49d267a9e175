/* A product of matrices with both factors packed in panels (gemm.h), for some hundreds of steps at a
 * time: the rows first, then a block of columns by the thread that multiplies it, in whose second
 * cache it stays while the rows go by. Where there are so few blocks that the rows are cut for more
 * threads, these share columns that were packed before; for few rows the columns are left where they
 * are.
 */
#define BLOCK_ROWS 1344L   /* rows that are packed at a time: at most 2 MiB */
#define COLUMNS_AT_ONCE 5L /* panels of DEPTH steps: 240 KiB, a part of a second-level cache */
#define PACKED_TOGETHER 4L /* panels whose columns lie side by side */
#define FEWEST_UNITS 8L    /* that threads share among them */
#define FEW_ROWS 28L       /* packing columns takes the time of about five rows */
#define FAR (1L << 21)     /* bytes of columns that no cache near by holds */

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
    const long many = g->b_row == 1 ? g->depth : LANES; /* lines are read as they lie */
    for (long k = 0; k < g->depth; k += many)
        for (long p = first; p < last; p++) {
            const long column = p * TILE_COLS;
            R(pack_any)(g->b + column * g->b_column + (g->step + k) * g->b_row, g->b_column,
                        g->b_row, min((long)TILE_COLS, g->n - column),
                        min(many, g->depth - k),
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
    R(call_lines)(to, step, rows);
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
    const long enough = (FEWEST_UNITS + g->blocks - 1) / g->blocks;
    g->cuts = threads() == 1 ? 1 : max(1L, min(enough, (long)g->cut.count / 4));
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

static void R(gemm_blocks)(R(factors) *g)
{
    const long blocks = (g->m + BLOCK_ROWS - 1) / BLOCK_ROWS;
    for (long block = 0; block < blocks; block++) {
        g->row = g->m * block / blocks;
        g->rows = g->m * (block + 1) / blocks - g->row;
        R(gemm_block)(g);
    }
}
