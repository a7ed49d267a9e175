/* Products, sums and variances along an axis of an array without gaps.
 *
 *     product(x, y, outer, n, inner)              x (outer, n, inner), y (outer, inner)
 *     sum_rows(x, y, outer, n)                    x (outer, n), y (outer)
 *     sum_columns: see reduce_columns.c
 *     variance_rows(x, y, mean, outer, n, degrees)    the sum of squares about the mean / degrees
 *
 * A row is multiplied or added up in vectors side by side; one long row in parts, whose results are
 * taken together in order. Sums of some hundred numbers are added up in double: they are rounded
 * once more, at the end. Reference: Prod, Sum and Var of ops/reduction.
 */
enum { R(ROW_PART) = 1 << 14 };

typedef struct {
    const real *x;
    real *y, *parts;
    long n, inner;
} R(reduction);

static real R(product_of)(const real *x, long n)
{
    vec one = R(splat)(1), p[4] = {one, one, one, one};
    long i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        for (int k = 0; k < 4; k++)
            p[k] *= *(const vec *)(x + i + k * LANES);
    for (; i + LANES <= n; i += LANES)
        p[0] *= *(const vec *)(x + i);
    vec whole_row = (p[0] * p[1]) * (p[2] * p[3]);
    real found = 1;
    for (int k = 0; k < LANES; k++)
        found *= whole_row[k];
    for (; i < n; i++)
        found *= x[i];
    return found;
}

static void R(product_parts)(void *context, long begin, long end)
{
    const R(reduction) *r = context;
    for (long at = begin; at < end; at += R(ROW_PART))
        r->parts[at / R(ROW_PART)] = R(product_of)(r->x + at, min(end - at, (long)R(ROW_PART)));
}

static void R(product_rows)(void *context, long begin, long end)
{
    const R(reduction) *r = context;
    for (long row = begin; row < end; row++) {
        const real *x = r->x + row * r->n * r->inner;
        real *y = r->y + row * r->inner;
        if (r->inner == 1) {
            *y = R(product_of)(x, r->n);
            continue;
        }
        for (long j = 0; j < r->inner; j++)
            y[j] = 1;
        for (long i = 0; i < r->n; i++)
            for (long j = 0; j < r->inner; j++)
                y[j] *= x[i * r->inner + j];
    }
}

KERNEL(product)
{
    R(reduction) r = {.x = a[0].p, .y = a[1].p, .n = a[3].i, .inner = a[4].i};
    long outer = a[2].i, parts = (r.n + R(ROW_PART) - 1) / R(ROW_PART);
    if (outer != 1 || r.inner != 1 || parts < 2) {
        parallel(outer, max(1, (1 << 15) / max(1, r.n * r.inner)), R(product_rows), &r);
        return;
    }
    r.parts = scratch(0, (size_t)parts * sizeof(real));
    if (r.parts == NULL)
        return;
    parallel(r.n, R(ROW_PART), R(product_parts), &r);
    real found = 1;
    for (long i = 0; i < parts; i++)
        found *= r.parts[i];
    *r.y = found;
}

/* The sum of some numbers: of each four vectors one sum in `real`, all else in doubles. It reads as fast
 * as the memory gives; what numbers cancel within those four costs what it costs in `real`.
 */
static double R(sum_of_some)(const real *x, long n)
{
    R(double_sums) sums[2] = {{{{0}}}, {{{0}}}};
    long i = 0;
    for (; i + 8 * LANES <= n; i += 8 * LANES)
        for (int k = 0; k < 2; k++) {
            const vec *v = (const vec *)(x + i + 4 * k * LANES);
            R(add_to)(&sums[k], (v[0] + v[1]) + (v[2] + v[3]));
        }
    for (; i + LANES <= n; i += LANES)
        R(add_to)(&sums[0], *(const vec *)(x + i));
    double total = R(whole_sum)(&sums[0]) + R(whole_sum)(&sums[1]);
    for (; i < n; i++)
        total += (double)x[i];
    return total;
}

/* The sum of a row. Of doubles those of blocks are summed, so that few are added to one that is large. */
static double R(sum_of)(const real *x, long n)
{
    const long block = SINGLE ? max(n, 1L) : 512 * LANES;
    double total = 0;
    for (long at = 0; at < n; at += block)
        total += R(sum_of_some)(x + at, min(n - at, block));
    return total;
}

enum { R(SHORT_SUM_OF) = 16 * LANES }; /* vectors side by side, each of as many numbers */

/* Sums of what a row's numbers are more than a mean, and of the squares of that. */
typedef struct {
    double plain, squares;
} R(sums);

static R(sums) R(squares_of)(const real *x, long n, real mean)
{
    R(double_sums) plain = {{{0}}}, square = {{{0}}};
    long i = 0;
    while (i + 4 * LANES <= n) {
        vec sums[4] = {{0}, {0}, {0}, {0}}, more[4] = {{0}, {0}, {0}, {0}};
        const long end = min(n, i + 4 * R(SHORT_SUM_OF));
        for (; i + 4 * LANES <= end; i += 4 * LANES) {
            for (int k = 0; k < 4; k++) {
                vec v = *(const vec *)(x + i + k * LANES) - mean;
                sums[k] += v;
                more[k] += v * v;
            }
            R(ask_ahead)(x + n + i, 4 * LANES); /* of the next row */
        }
        vec all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        vec all_more = (more[0] + more[1]) + (more[2] + more[3]);
        R(add_to)(&plain, all);
        R(add_to)(&square, all_more);
    }
    for (; i + LANES <= n; i += LANES) {
        vec v = *(const vec *)(x + i) - mean;
        R(add_to)(&plain, v);
        R(add_to)(&square, v * v);
    }
    R(sums) total = {R(whole_sum)(&plain), R(whole_sum)(&square)};
    for (; i < n; i++) {
        double v = (double)(x[i] - mean);
        total.plain += v;
        total.squares += v * v;
    }
    return total;
}

typedef struct {
    const real *x;
    real *y, *means, mean;
    R(sums) *parts;
    double degrees;
    long n;
    int squares;
} R(addition);

static void R(added_parts)(void *context, long begin, long end)
{
    const R(addition) *r = context;
    for (long at = begin; at < end; at += R(ROW_PART)) {
        const long count = min(end - at, (long)R(ROW_PART));
        R(sums) *part = r->parts + at / R(ROW_PART);
        if (r->squares)
            *part = R(squares_of)(r->x + at, count, r->mean);
        else
            part->plain = R(sum_of)(r->x + at, count);
    }
}

/* The same of one long row, in parts. */
static R(sums) R(added_in_parts)(R(addition) *r, int squares)
{
    const long parts = (r->n + R(ROW_PART) - 1) / R(ROW_PART);
    R(sums) total = {0, 0};
    r->squares = squares;
    parallel(r->n, R(ROW_PART), R(added_parts), r);
    for (long i = 0; i < parts; i++) {
        total.plain += r->parts[i].plain;
        if (squares)
            total.squares += r->parts[i].squares;
    }
    return total;
}

static void R(sum_some)(void *context, long begin, long end)
{
    const R(addition) *r = context;
    for (long row = begin; row < end; row++)
        r->y[row] = (real)R(sum_of)(r->x + row * r->n, r->n);
}

/* The variance from sums about a mean that was rounded. */
static inline real R(variance_of)(R(sums) about, const R(addition) *r)
{
    return (real)((about.squares - about.plain * about.plain / (double)r->n) / r->degrees);
}

static void R(variance_some)(void *context, long begin, long end)
{
    const R(addition) *r = context;
    for (long row = begin; row < end; row++) {
        const real *x = r->x + row * r->n;
        const real mean = (real)(R(sum_of)(x, r->n) / (double)r->n);
        r->means[row] = mean;
        r->y[row] = R(variance_of)(R(squares_of)(x, r->n, mean), r);
    }
}

KERNEL(sum_rows)
{
    R(addition) r = {.x = a[0].p, .y = a[1].p, .n = a[3].i};
    const long outer = a[2].i;
    if (outer == 1 && r.n > R(ROW_PART)) {
        r.parts = scratch(0, (size_t)(r.n / R(ROW_PART) + 1) * sizeof(R(sums)));
        if (r.parts)
            *r.y = (real)R(added_in_parts)(&r, 0).plain;
        return;
    }
    parallel(outer, max(1, (1 << 15) / max(1, r.n)), R(sum_some), &r);
}

KERNEL(variance_rows)
{
    R(addition) r = {.x = a[0].p, .y = a[1].p, .means = a[2].p, .n = a[4].i, .degrees = a[5].d};
    const long outer = a[3].i;
    if (outer == 1 && r.n > R(ROW_PART)) {
        r.parts = scratch(0, (size_t)(r.n / R(ROW_PART) + 1) * sizeof(R(sums)));
        if (!r.parts)
            return;
        *r.means = r.mean = (real)(R(added_in_parts)(&r, 0).plain / (double)r.n);
        *r.y = R(variance_of)(R(added_in_parts)(&r, 1), &r);
        return;
    }
    parallel(outer, max(1, (1 << 15) / max(1, r.n)), R(variance_some), &r);
}
