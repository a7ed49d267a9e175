/* The matrix product inside convolutions: packed panels and the tile that multiplies two of them.
 *
 * C (rows x columns) is cut in tiles of at most TILE_ROWS x TILE_COLS, which stay in registers
 * while the inner dimension goes by. The left factor is packed in panels of even height (64 rows
 * are five panels of 13 or 12, not four of 14 and one of 8), element (i, k) of a panel at
 * a[k * height + i];
 * the right factor in panels of TILE_COLS columns, element (k, j) at b[k * TILE_COLS + j].
 *
 * Source: Goto and van de Geijn, Anatomy of high-performance matrix multiplication, 2008.
 */
#ifndef TILE_VECS
#define TILE_VECS 2
#if VBYTES == 64
#define TILE_ROWS 14 /* 28 sums, 2 columns, of 32 registers; the rows' numbers come from memory */
#elif VBYTES == 32
#define TILE_ROWS 6 /* 12 sums, 2 columns, 2 numbers, of 16 registers */
#elif defined(__aarch64__)
#define TILE_ROWS 12
#else
#define TILE_ROWS 4 /* without fused multiply-adds products need registers too */
#endif
#define TILE_COLS (TILE_VECS * LANES)
/* Steps at a time: a left panel fills some 2/3 of 32 KiB. A sum of more is done in turns, as even as
 * can be: each reads and writes the product once more.
 */
#define DEPTH (1536 / (long)sizeof(real))
#define DEEPEST (DEPTH + DEPTH / 8)

/* How the rows of a left factor are cut in panels. */
typedef struct {
    int count, height, taller; /* the first `taller` panels have one row more */
} row_cut;

INLINE row_cut cut_rows(long rows)
{
    int count = (int)((rows + TILE_ROWS - 1) / TILE_ROWS);
    return (row_cut){count, count ? (int)(rows / count) : 0, count ? (int)(rows % count) : 0};
}

/* First row of a panel; panel `count` begins where the rows end. */
INLINE long panel_start(row_cut cut, long panel)
{
    return panel * cut.height + min(panel, (long)cut.taller);
}
#endif

/* How many turns so many steps take; the first step of one, where turn `turns` begins at their end;
 * and the steps of the longest.
 */
INLINE long R(turns_of)(long steps)
{
    return max(1L, (steps + DEPTH - 1 - DEPTH / 8) / DEPTH);
}

INLINE long R(turn_start)(long steps, long turn)
{
    return steps * turn / R(turns_of)(steps);
}

INLINE long R(longest_turn)(long steps)
{
    return (steps + R(turns_of)(steps) - 1) / R(turns_of)(steps);
}

/* One tile: c (rows x TILE_COLS, lines `step` apart) = a b, + start[i] if there is a start and
 * + across[j] if there is that; or += a b. HALF: only the first vector of its columns is wanted.
 * PLACED: the columns of step k are not packed but two vectors, `gap` elements apart, the first at
 * b + at[k]; PLACED_FAR: those of the panel after the next are fetched, as they lie in memory, where
 * nothing else sees that they come.
 */
enum { R(PACKED), R(HALF), R(PLACED), R(PLACED_FAR) };

INLINE void R(tile_of)(const int rows, const int way, long depth, const real *a, const real *b,
                       const int64_t *at, long gap, real *c, long step, const real *start,
                       const real *across, int add)
{
    const int placed = way >= R(PLACED), both = way != R(HALF);
    vec sums[TILE_ROWS][TILE_VECS];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
        sums[i][0] = sums[i][1] = (vec){0};
    for (long k = 0; k < depth; k++) {
        const real *from = placed ? b + at[k] : b + k * TILE_COLS;
        const vec b0 = *(const vec *)from;
        const vec b1 = both ? *(const vec *)(from + (placed ? gap : LANES)) : b0;
        if (way == R(PLACED_FAR))
            for (int j = 0; j < TILE_COLS; j += 64 / (int)sizeof(real))
                __builtin_prefetch(from + 2 * TILE_COLS + j);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            const vec number = a[i] - (vec){0};
            sums[i][0] += number * b0;
            if (both)
                sums[i][1] += number * b1;
        }
        a += rows;
    }
    const vec left = across ? *(const vec *)across : (vec){0};
    const vec right = across && both ? *(const vec *)(across + LANES) : (vec){0};
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
        vec *to = (vec *)(c + i * step), *next = (vec *)(c + i * step + LANES);
        if (add) {
            *to += sums[i][0];
            if (both)
                *next += sums[i][1];
        } else {
            const vec first = (start ? start[i] : 0) - (vec){0};
            *to = sums[i][0] + first + left;
            if (both)
                *next = sums[i][1] + first + right;
        }
    }
}

/* Call the lines of a tile that is written when its products are done. */
INLINE void R(call_lines)(const real *c, long step, int rows)
{
    for (int i = 0; i < rows; i++)
        for (long j = 0; j < TILE_COLS; j += 64 / (long)sizeof(real))
            __builtin_prefetch(c + i * step + j, 1);
}

#define TILE_CASE(n)                                                                               \
    case n:                                                                                        \
        R(tile_of)(n <= TILE_ROWS ? n : 1, way, depth, a, b, at, gap, c, step, start, across,   \
                   add);                                                                           \
        break;

INLINE void R(tile_any)(int rows, const int way, long depth, const real *a, const real *b,
                        const int64_t *at, long gap, real *c, long step, const real *start,
                        const real *across, int add)
{
    switch (rows) {
        TILE_CASE(1)
        TILE_CASE(2)
        TILE_CASE(3)
        TILE_CASE(4)
#if TILE_ROWS > 4
        TILE_CASE(5)
        TILE_CASE(6)
#endif
#if TILE_ROWS > 6
        TILE_CASE(7)
        TILE_CASE(8)
        TILE_CASE(9)
        TILE_CASE(10)
        TILE_CASE(11)
        TILE_CASE(12)
#endif
#if TILE_ROWS > 12
        TILE_CASE(13)
        TILE_CASE(14)
#endif
    }
}
#undef TILE_CASE

/* Tiles from packed columns: of whole panels, and of panels with no more columns than a vector. */
static void R(tile)(int rows, long depth, const real *a, const real *b, real *c, long step,
                    const real *start, const real *across, int add)
{
    R(tile_any)(rows, R(PACKED), depth, a, b, NULL, LANES, c, step, start, across, add);
}

static void R(tile_half)(int rows, long depth, const real *a, const real *b, real *c, long step,
                         const real *start, const real *across, int add)
{
    R(tile_any)(rows, R(HALF), depth, a, b, NULL, LANES, c, step, start, across, add);
}

/* Tiles whose columns were not packed: from a cache, from memory. */
static void R(tile_placed)(int rows, long depth, const real *a, const real *b, const int64_t *at,
                           long gap, real *c, long step, const real *start, const real *across,
                           int add)
{
    R(tile_any)(rows, R(PLACED), depth, a, b, at, gap, c, step, start, across, add);
}

static void R(tile_far)(int rows, long depth, const real *a, const real *b, const int64_t *at,
                        real *c, long step, const real *across, int add)
{
    R(tile_any)(rows, R(PLACED_FAR), depth, a, b, at, LANES, c, step, NULL, across, add);
}

/* to[k * pitch + i] = from[i * step + k], for i < rows <= pitch and k < depth. Lines are written as
 * whole vectors that spill into the next line, which comes later; so the last block of rows goes
 * first, and the last lines go one by one.
 */
static void R(turn)(const real *from, long step, long rows, long depth, real *to, long pitch)
{
    for (long i = (rows - 1) / LANES * LANES; i >= 0; i -= LANES) {
        const long height = min((long)LANES, rows - i);
        const long spill = height == LANES ? 0 : LANES;
        const long whole_vectors = height > LANES / 4 ? depth : 0; /* a few rows go one by one */
        long k = 0;
        for (; k + LANES <= whole_vectors && (depth - k - LANES) * pitch >= spill; k += LANES) {
            vec v[LANES];
#pragma GCC unroll 16
            for (int r = 0; r < LANES; r++) {
                const real *line = from + (i + min((long)r, height - 1)) * step + k;
                __builtin_prefetch(line + 4 * LANES);
                v[r] = *(const vec *)line;
            }
            R(transpose)(v);
#pragma GCC unroll 16
            for (int r = 0; r < LANES; r++)
                *(vec *)(to + (k + r) * pitch + i) = v[r];
        }
        for (; k < depth; k++)
            for (long r = 0; r < height; r++)
                to[k * pitch + i + r] = from[(i + r) * step + k];
    }
}

/* A line that may be shorter than a vector. */
INLINE void R(copy_short)(real *to, const real *from, long count)
{
    long q = 0;
    for (; q + LANES <= count; q += LANES)
        *(vec *)(to + q) = *(const vec *)(from + q);
    for (; q < count; q++)
        to[q] = from[q];
}
