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
    int32_t at[4][SAMPLE_PLACES], there[4][SAMPLE_PLACES];
    real weight[4][SAMPLE_PLACES], down[SAMPLE_PLACES], right[SAMPLE_PLACES];
} R(taps);

typedef struct {
    const real *x, *g, *down, *right;
    real *out, *to_down, *to_right;
    long n, c, h, w, places;
    int taps; /* 1 for the nearest element, else 4 */
} R(sample);

static inline real R(floor_of)(real x)
{
    return sizeof(real) == 4 ? (real)floorf((float)x) : (real)floor((double)x);
}

static inline void R(set_tap)(const R(sample) *s, R(taps) *t, int tap, int p, real line, real col)
{
    int there = line >= 0 && line <= (real)(s->h - 1) && col >= 0 && col <= (real)(s->w - 1);
    t->there[tap][p] = there; /* false for NaN, which must not become an integer */
    t->at[tap][p] = there ? (int32_t)line * (int32_t)s->w + (int32_t)col : 0;
}

static void R(find_taps)(const R(sample) *s, R(taps) *t, long first, int many)
{
    const real *down = s->down + first, *right = s->right + first;
    for (int p = 0; p < many; p++) {
        if (s->taps == 1) { /* halves to the even one, as rint */
            R(set_tap)(s, t, 0, p, (real)rint((double)down[p]), (real)rint((double)right[p]));
            t->weight[0][p] = 1;
            continue;
        }
        real top = R(floor_of)(down[p]), left = R(floor_of)(right[p]);
        real y = down[p] - top, x = right[p] - left;
        t->down[p] = y;
        t->right[p] = x;
        for (int tap = 0; tap < 4; tap++) {
            R(set_tap)(s, t, tap, p, top + (real)(tap >> 1), left + (real)(tap & 1));
            t->weight[tap][p] = (tap >> 1 ? y : 1 - y) * (tap & 1 ? x : 1 - x);
        }
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
        int many = (int)min((long)SAMPLE_PLACES, s->places - first);
        R(find_taps)(s, &t, image * s->places + first, many);
        for (long c = 0; c < s->c; c++) {
            const real *x = s->x + (image * s->c + c) * plane;
            memset(total, 0, sizeof total);
            for (int tap = 0; tap < s->taps; tap++)
                for (int p = 0; p < many; p++) {
                    real value = x[t.at[tap][p]];
                    total[p] += (t.there[tap][p] ? value : 0) * t.weight[tap][p];
                }
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
            int many = (int)min((long)SAMPLE_PLACES, s->places - first);
            R(find_taps)(s, &t, image * s->places + first, many);
            for (long c = low; c < high; c++) {
                const real *g = s->g + (image * s->c + c) * s->places + first;
                real *out = s->out + (image * s->c + c) * plane;
                for (int tap = 0; tap < s->taps; tap++)
                    for (int p = 0; p < many; p++)
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
        int many = (int)min((long)SAMPLE_PLACES, s->places - first);
        R(find_taps)(s, &t, image * s->places + first, many);
        memset(sums, 0, sizeof sums);
        for (long c = 0; c < s->c; c++) {
            const real *x = s->x + (image * s->c + c) * plane;
            const real *g = s->g + (image * s->c + c) * s->places + first;
            for (int tap = 0; tap < 4; tap++)
                for (int p = 0; p < many; p++) {
                    real value = x[t.at[tap][p]];
                    sums[tap][p] += g[p] * (t.there[tap][p] ? value : 0);
                }
        }
        long at = image * s->places + first;
        for (int p = 0; p < many; p++) {
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
