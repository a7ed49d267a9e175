/* Products along an axis of an array without gaps, seen as (outer, n, inner).
 *
 *     product(x, y, outer, n, inner)        y (outer, inner)
 *
 * A row is multiplied in vectors side by side, many rows of a long one in parts whose products are
 * multiplied in order. Reference: Prod of ops/reduction/reduce.py.
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
