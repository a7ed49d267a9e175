/* What an axis has come to at each of its places, of an array (outer, n, inner) without gaps.
 *
 *     running_sum(x, y, outer, n, inner)        y_i = x_0 + ... + x_i, added up in double
 *     running_product(x, y, outer, n, inner)    the same of products
 *     running_extreme(x, y, places, outer, n, inner, least)   the greatest so far, or the least, and
 *         the last place where it stands (int64); from the first NaN on, NaN and the last of them
 *
 * Some lines along the axis go side by side: a sum waits for the one before it, and those of other
 * lines come in between. Reference: ops/reduction/running.py.
 */
enum { R(FEW_LINES) = 4, R(MANY_LINES) = 64 }; /* side by side, where the axis is the last or not */

typedef struct {
    const real *x;
    real *y;
    int64_t *places;
    long outer, n, inner;
} R(run_along);

/* `count` lines from `start` on, `across` apart, whose elements are `along` apart. */
INLINE void R(total_lines)(const R(run_along) *c, long start, long along, long across, long count,
                         const int product)
{
    double so_far[R(MANY_LINES)];
    for (long k = 0; k < count; k++)
        so_far[k] = product;
    for (long i = 0; i < c->n; i++) {
        const real *x = c->x + start + i * along;
        real *y = c->y + start + i * along;
        for (long k = 0; k < count; k++) {
            so_far[k] = product ? so_far[k] * (double)x[k * across] : so_far[k] + (double)x[k * across];
            y[k * across] = (real)so_far[k];
        }
    }
}

INLINE void R(extreme_lines)(const R(run_along) *c, long start, long along, long across, long count,
                             const int least)
{
    real top[R(MANY_LINES)];
    int64_t place[R(MANY_LINES)];
    for (long k = 0; k < count; k++) {
        top[k] = c->x[start + k * across];
        place[k] = 0;
    }
    for (long i = 0; i < c->n; i++) {
        const long at = start + i * along;
        for (long k = 0; k < count; k++) {
            const real v = c->x[at + k * across];
            const int better = (least ? v <= top[k] : v >= top[k]) | (v != v);
            top[k] = better ? v : top[k];
            place[k] = better ? i : place[k];
            c->y[at + k * across] = top[k];
            c->places[at + k * across] = place[k];
        }
    }
}

/* Both ways of an array: lines of which each is in one piece, and lines side by side. */
#define ALONG(NAME, LINES, ARGUMENT)                                                               \
    static void R(NAME##_rows)(void *context, long begin, long end)                                \
    {                                                                                              \
        const R(run_along) *c = context;                                                           \
        long r = begin * R(FEW_LINES);                                                             \
        const long stop = min(end * R(FEW_LINES), c->outer);                                       \
        for (; r + R(FEW_LINES) <= stop; r += R(FEW_LINES))                                        \
            R(LINES)(c, r * c->n, 1, c->n, R(FEW_LINES), ARGUMENT);                                \
        for (; r < stop; r++)                                                                      \
            R(LINES)(c, r * c->n, 1, c->n, 1, ARGUMENT);                                           \
    }                                                                                              \
    static void R(NAME##_columns)(void *context, long begin, long end)                             \
    {                                                                                              \
        const R(run_along) *c = context;                                                           \
        const long strips = (c->inner + R(MANY_LINES) - 1) / R(MANY_LINES);                        \
        for (long k = begin; k < end; k++) {                                                       \
            const long first = k % strips * R(MANY_LINES);                                         \
            R(LINES)(c, k / strips * c->n * c->inner + first, c->inner, 1,                         \
                     min(c->inner - first, (long)R(MANY_LINES)), ARGUMENT);                        \
        }                                                                                          \
    }                                                                                              \
    static void R(NAME##_of)(R(run_along) c)                                                       \
    {                                                                                              \
        if (!c.n)                                                                                  \
            return;                                                                                \
        if (c.inner == 1)                                                                          \
            parallel((c.outer + R(FEW_LINES) - 1) / R(FEW_LINES),                                  \
                     max(1L, (1L << 13) / c.n), R(NAME##_rows), &c);                               \
        else                                                                                       \
            parallel((c.inner + R(MANY_LINES) - 1) / R(MANY_LINES) * c.outer,                      \
                     max(1L, (1L << 15) / (c.n * R(MANY_LINES))), R(NAME##_columns), &c);          \
    }

ALONG(running_sum, total_lines, 0)
ALONG(running_product, total_lines, 1)
ALONG(running_greatest, extreme_lines, 0)
ALONG(running_least, extreme_lines, 1)
#undef ALONG

KERNEL(running_sum)
{
    R(running_sum_of)((R(run_along)){
        .x = a[0].p, .y = a[1].p, .outer = a[2].i, .n = a[3].i, .inner = a[4].i});
}

KERNEL(running_product)
{
    R(running_product_of)((R(run_along)){
        .x = a[0].p, .y = a[1].p, .outer = a[2].i, .n = a[3].i, .inner = a[4].i});
}

KERNEL(running_extreme)
{
    const R(run_along) c = {.x = a[0].p, .y = a[1].p, .places = a[2].p,
                            .outer = a[3].i, .n = a[4].i, .inner = a[5].i};
    if (a[6].i)
        R(running_least_of)(c);
    else
        R(running_greatest_of)(c);
}
