/* Images read between their elements: the four elements around each place, weighted.
 *
 * sample_planes(x, down, right, out, n, c, h, w, places, nearest)
 *     x (n, c, h, w), out (n, c, places); place p of image i is at line down[i, p], column
 *     right[i, p], counted in elements. Elements outside of the image are zero.
 * sample_planes_input(g, down, right, gx, n, c, h, w, places, nearest)
 *     adds the shares of g (n, c, places) to gx (n, c, h, w)
 * sample_planes_places(g, x, down, right, gdown, gright, n, c, h, w, places)
 *     the slopes along down and right, (n, places)
 *     reference: ops GridValues
 * grid_places(grid, down, right, to_down, to_right, places, h, w, align, edges)
 *     such lines and columns, of a grid (places, 2) that names the column first, each from -1 to 1;
 *     edges: 0 for zeros beyond, 1 for the border, 2 for the reflection. How fast they move with the
 *     grid is put to to_down and to_right, if they are given.
 *     reference: coordinate of ops/image/grid_places.py
 */
#ifndef MINIGRAD_SAMPLE_C
#define MINIGRAD_SAMPLE_C
enum {
    SAMPLE_PLACES = 256,  /* places worked on at a time: what is known of them fits the L1 cache */
    SAMPLE_CHANNELS = 8,  /* channels of a part that adds: they share that work */
};
#endif

/* What is known of a run of places: for each of four taps the element and its weight. */
typedef struct {
    whole at[4][SAMPLE_PLACES], there[4][SAMPLE_PLACES];
    real weight[4][SAMPLE_PLACES], down[SAMPLE_PLACES], right[SAMPLE_PLACES];
} R(taps);

typedef struct {
    const real *x, *g, *down, *right;
    real *out, *to_down, *to_right;
    long n, c, h, w, places;
    int taps; /* 1 for the nearest element, else 4 */
} R(sample);

static inline vec R(vfloor)(vec x)
{
    vec near = R(vrint)(x);
    return R(choose)(near > x, near - 1, near);
}

static inline void R(set_tap)(const R(sample) *s, R(taps) *t, int tap, long p, vec line, vec col)
{
    const mask there = (line >= 0) & (line <= (real)(s->h - 1)) & (col >= 0) &
                       (col <= (real)(s->w - 1)); /* false for NaN, which is no integer */
    const mask row = __builtin_convertvector(R(choose)(there, line, R(splat)(0)), mask);
    const mask column = __builtin_convertvector(R(choose)(there, col, R(splat)(0)), mask);
    *(mask *)(t->there[tap] + p) = there;
    *(mask *)(t->at[tap] + p) = row * (whole)s->w + column;
}

static void R(find_taps)(const R(sample) *s, R(taps) *t, long first, long many)
{
    for (long p = 0; p < many; p += LANES) {
        const vec down = R(some_of)(s->down + first + p, many - p);
        const vec right = R(some_of)(s->right + first + p, many - p);
        if (s->taps == 1) { /* halves to the even one */
            R(set_tap)(s, t, 0, p, R(vrint)(down), R(vrint)(right));
            *(vec *)(t->weight[0] + p) = R(splat)(1);
            continue;
        }
        const vec top = R(vfloor)(down), left = R(vfloor)(right);
        const vec y[2] = {1 - (down - top), down - top}, x[2] = {1 - (right - left), right - left};
        *(vec *)(t->down + p) = y[1];
        *(vec *)(t->right + p) = x[1];
#pragma GCC unroll 4
        for (int tap = 0; tap < 4; tap++) {
            R(set_tap)(s, t, tap, p, top + (real)(tap >> 1), left + (real)(tap & 1));
            *(vec *)(t->weight[tap] + p) = y[tap >> 1] * x[tap & 1];
        }
    }
}

/* What some places read of a plane. */
INLINE void R(read_taps)(const int taps, const R(taps) *t, const real *x, long many, real *total)
{
    for (long p = 0; p < many; p++) {
        real sum = 0;
#pragma GCC unroll 4
        for (int tap = 0; tap < taps; tap++) {
            real value = x[t->at[tap][p]];
            sum += (t->there[tap][p] ? value : 0) * t->weight[tap][p];
        }
        total[p] = sum;
    }
}

/* Runs of places of one image; a part reads them for all channels. */
static void R(sample_range)(void *context, long begin, long end)
{
    const R(sample) *s = context;
    long runs = (s->places + SAMPLE_PLACES - 1) / SAMPLE_PLACES, plane = s->h * s->w;
    R(taps) t;
    real total[SAMPLE_PLACES]; /* on the stack, so that the compiler knows it apart from x */
    for (long part = begin; part < end; part++) {
        long image = part / runs, first = part % runs * SAMPLE_PLACES;
        const long many = min((long)SAMPLE_PLACES, s->places - first);
        R(find_taps)(s, &t, image * s->places + first, many);
        for (long c = 0; c < s->c; c++) {
            const real *x = s->x + (image * s->c + c) * plane;
            if (s->taps == 1)
                R(read_taps)(1, &t, x, many, total);
            else
                R(read_taps)(4, &t, x, many, total);
            memcpy(s->out + (image * s->c + c) * s->places + first, total,
                   (size_t)many * sizeof(real));
        }
    }
}

/* Some channels of one image, all places one after the other. */
static void R(sample_input_range)(void *context, long begin, long end)
{
    const R(sample) *s = context;
    long groups = (s->c + SAMPLE_CHANNELS - 1) / SAMPLE_CHANNELS, plane = s->h * s->w;
    R(taps) t;
    for (long part = begin; part < end; part++) {
        long image = part / groups, low = part % groups * SAMPLE_CHANNELS;
        long high = min(low + SAMPLE_CHANNELS, s->c);
        for (long first = 0; first < s->places; first += SAMPLE_PLACES) {
            const long many = min((long)SAMPLE_PLACES, s->places - first);
            R(find_taps)(s, &t, image * s->places + first, many);
            for (long c = low; c < high; c++) {
                const real *g = s->g + (image * s->c + c) * s->places + first;
                real *out = s->out + (image * s->c + c) * plane;
                for (int tap = 0; tap < s->taps; tap++)
                    for (long p = 0; p < many; p++)
                        if (t.there[tap][p])
                            out[t.at[tap][p]] += g[p] * t.weight[tap][p];
            }
        }
    }
}

/* Runs of places of one image; the sums over the channels are finished by one part. */
static void R(sample_places_range)(void *context, long begin, long end)
{
    const R(sample) *s = context;
    long runs = (s->places + SAMPLE_PLACES - 1) / SAMPLE_PLACES, plane = s->h * s->w;
    R(taps) t;
    real sums[4][SAMPLE_PLACES];
    for (long part = begin; part < end; part++) {
        long image = part / runs, first = part % runs * SAMPLE_PLACES;
        const long many = min((long)SAMPLE_PLACES, s->places - first);
        R(find_taps)(s, &t, image * s->places + first, many);
        memset(sums, 0, sizeof sums);
        for (long c = 0; c < s->c; c++) {
            const real *x = s->x + (image * s->c + c) * plane;
            const real *g = s->g + (image * s->c + c) * s->places + first;
            for (int tap = 0; tap < 4; tap++)
                for (long p = 0; p < many; p++) {
                    real value = x[t.at[tap][p]];
                    sums[tap][p] += g[p] * (t.there[tap][p] ? value : 0);
                }
        }
        long at = image * s->places + first;
        for (long p = 0; p < many; p++) {
            real y = t.down[p], x = t.right[p];
            s->to_down[at + p] =
                (sums[2][p] - sums[0][p]) * (1 - x) + (sums[3][p] - sums[1][p]) * x;
            s->to_right[at + p] =
                (sums[1][p] - sums[0][p]) * (1 - y) + (sums[3][p] - sums[2][p]) * y;
        }
    }
}

static long R(sample_runs)(const R(sample) *s)
{
    return s->n * ((s->places + SAMPLE_PLACES - 1) / SAMPLE_PLACES);
}

KERNEL(sample_planes)
{
    R(sample) s = {.x = a[0].p, .down = a[1].p, .right = a[2].p, .out = a[3].p, .n = a[4].i,
                   .c = a[5].i, .h = a[6].i, .w = a[7].i, .places = a[8].i,
                   .taps = a[9].i ? 1 : 4};
    parallel(R(sample_runs)(&s), max(1, 16 / max(s.c, 1)), R(sample_range), &s);
}

KERNEL(sample_planes_input)
{
    R(sample) s = {.g = a[0].p, .down = a[1].p, .right = a[2].p, .out = a[3].p, .n = a[4].i,
                   .c = a[5].i, .h = a[6].i, .w = a[7].i, .places = a[8].i,
                   .taps = a[9].i ? 1 : 4};
    parallel(s.n * ((s.c + SAMPLE_CHANNELS - 1) / SAMPLE_CHANNELS), 1, R(sample_input_range), &s);
}

KERNEL(sample_planes_places)
{
    R(sample) s = {.g = a[0].p, .x = a[1].p, .down = a[2].p, .right = a[3].p, .to_down = a[4].p,
                   .to_right = a[5].p, .n = a[6].i, .c = a[7].i, .h = a[8].i, .w = a[9].i,
                   .places = a[10].i, .taps = 4};
    parallel(R(sample_runs)(&s), max(1, 16 / max(s.c, 1)), R(sample_places_range), &s);
}

/* Grids, as lines and columns. */
typedef struct {
    const real *grid;
    real *to[2], *pace[2];
    long places, size[2];
    int align, edges;
} R(grid);

/* A place brought to where there are elements; its pace is 0 where it was cut off. */
static inline vec R(moved)(const R(grid) *g, long size, vec c, vec *pace)
{
    if (g->edges == 2) {
        const real low = g->align ? 0 : (real)-0.5, span = (real)(g->align ? size - 1 : size);
        const vec x = c - low, turns = R(vfloor)(R(magnitude)(x) / (span != 0 ? span : 1));
        const mask odd = turns - 2 * R(vfloor)(turns / 2) == 1;
        const vec sign = R(choose)(odd ^ (x < 0), R(splat)(-1), R(splat)(1));
        const vec shift = R(choose)(odd, (turns + 1) * span, -turns * span);
        c = x * sign + shift + low;
        *pace *= sign;
        if (span == 0)
            c *= 0;
    }
    const vec last = R(splat)((real)(size - 1));
    const mask inside = (c > 0) & (c < last);
    *pace = R(choose)(inside, *pace, R(splat)(0));
    return R(choose)(inside, c, R(choose)(c > 0, last, R(splat)(0)));
}

static void R(grid_range)(void *context, long begin, long end)
{
    const R(grid) *g = context;
    for (long first = begin; first < end; first += SAMPLE_PLACES) {
        const long many = min((long)SAMPLE_PLACES, end - first);
        real place[2][SAMPLE_PLACES];
        vec pace[2];
        for (int axis = 0; axis < 2; axis++)
            pace[axis] = R(splat)((real)(g->size[axis] - (g->align ? 1 : 0)) / 2);
        for (long p = 0; p < many; p += LANES) {
            const real *from = g->grid + 2 * (first + p);
            const vec one = R(some_of)(from, 2 * (many - p));
            const vec two = R(some_of)(from + LANES, max(0, 2 * (many - p) - LANES));
            *(vec *)(place[0] + p) = (R(odds)(one, two) + 1) * pace[0];
            *(vec *)(place[1] + p) = (R(evens)(one, two) + 1) * pace[1];
        }
        /* The products are rounded, as torch's are, before a half is taken from them. */
        for (int axis = 0; axis < 2; axis++)
            for (long p = 0; p < many; p += LANES) {
                vec c = *(vec *)(place[axis] + p) - (g->align ? 0 : (real)0.5), fast = pace[axis];
                if (g->edges)
                    c = R(moved)(g, g->size[axis], c, &fast);
                R(store_part)(g->to[axis] + first + p, many - p, c);
                if (g->pace[axis])
                    R(store_part)(g->pace[axis] + first + p, many - p, fast);
            }
    }
}

KERNEL(grid_places)
{
    R(grid) g = {.grid = a[0].p, .to = {a[1].p, a[2].p}, .pace = {a[3].p, a[4].p},
                 .places = a[5].i, .size = {a[6].i, a[7].i}, .align = a[8].i != 0,
                 .edges = (int)a[9].i};
    parallel(g.places, 16 * SAMPLE_PLACES, R(grid_range), &g);
}
