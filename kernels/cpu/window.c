/* Elements of planes at places: the greatest of several, all of them, and elements put there.
 *
 *     max_among(x, candidates, away, y, places, planes, size, count, taps, shared)
 *         (planes, size) -> (planes, count): the greatest of each `taps` candidates, and its place.
 *         Candidates are places (planes, count, taps), or (count, taps) in all planes (shared);
 *         or, if `away` is there, those that lie away[t] from places (planes, count), or (count).
 *         The first of equals wins; of NaNs, which win over all, the last.
 *     plane_gather(x, places, y, planes, count, size, shared, bad)
 *         (planes, size) -> (planes, count), at places of each plane, or of all (shared)
 *     plane_scatter(x, places, y, planes, count, size, once, bad)
 *         (planes, count) -> (planes, size): elements added up at their places, 0 elsewhere; with
 *         `once` the last one stands there
 *
 * All places are int64. Those of max_among are checked by the caller; where another is outside of its
 * plane, it is left alone, and bad[0] (int64) becomes 1. Reference: MaxAmong, PlaneGather, PlaneScatter
 * of ops/image.
 */
typedef struct {
    const real *x;
    real *y;
    int64_t *places, *bad;
    const int64_t *at, *away;
    long count, size, taps, flag;
} R(windows);

static void R(max_among_range)(void *context, long begin, long end)
{
    const R(windows) *v = context;
    for (long plane = begin; plane < end; plane++) {
        const real *x = v->x + plane * v->size;
        long each = v->away ? 1 : v->taps;
        const int64_t *at = v->at + (v->flag ? 0 : plane * v->count * each);
        for (long i = 0; i < v->count; i++, at += each) {
            int64_t winner = v->away ? at[0] + v->away[0] : at[0];
            real best = x[winner];
            for (long t = 1; t < v->taps; t++) {
                int64_t place = v->away ? at[0] + v->away[t] : at[t];
                real here = x[place];
                int better = (here > best) | (here != here);
                best = better ? here : best;
                winner = better ? place : winner;
            }
            v->y[plane * v->count + i] = best;
            v->places[plane * v->count + i] = winner;
        }
    }
}

KERNEL(max_among)
{
    R(windows) v = {.x = a[0].p, .at = a[1].p, .away = a[2].p, .y = a[3].p, .places = a[4].p,
                    .size = a[6].i, .count = a[7].i, .taps = a[8].i, .flag = a[9].i};
    parallel(a[5].i, max(1, 8192 / max(1, v.count * v.taps)), R(max_among_range), &v);
}

/* Whether a place is not in its plane, which is noted. */
INLINE int R(is_outside)(const R(windows) *v, int64_t at)
{
    if ((uint64_t)at < (uint64_t)v->size)
        return 0;
    __atomic_store_n(v->bad, 1, __ATOMIC_RELAXED);
    return 1;
}

static void R(plane_scatter_range)(void *context, long begin, long end)
{
    const R(windows) *v = context;
    for (long plane = begin; plane < end; plane++) {
        const real *x = v->x + plane * v->count;
        const int64_t *at = v->at + plane * v->count;
        real *y = v->y + plane * v->size;
        memset(y, 0, (size_t)v->size * sizeof(real));
        for (long i = 0; i < v->count; i++) {
            if (R(is_outside)(v, at[i]))
                continue;
            y[at[i]] = v->flag ? x[i] : y[at[i]] + x[i];
        }
    }
}

KERNEL(plane_scatter)
{
    R(windows) v = {.x = a[0].p, .at = a[1].p, .y = a[2].p, .count = a[4].i, .size = a[5].i,
                    .flag = a[6].i, .bad = a[7].p};
    parallel(a[3].i, max(1, 8192 / max(1, v.size + v.count)), R(plane_scatter_range), &v);
}

static void R(plane_gather_range)(void *context, long begin, long end)
{
    const R(windows) *v = context;
    for (long plane = begin; plane < end; plane++) {
        const real *x = v->x + plane * v->size;
        const int64_t *at = v->at + (v->flag ? 0 : plane * v->count);
        real *y = v->y + plane * v->count;
        for (long i = 0; i < v->count; i++)
            y[i] = R(is_outside)(v, at[i]) ? 0 : x[at[i]];
    }
}

KERNEL(plane_gather)
{
    R(windows) v = {.x = a[0].p, .at = a[1].p, .y = a[2].p, .count = a[4].i, .size = a[5].i,
                    .flag = a[6].i, .bad = a[7].p};
    parallel(a[3].i, max(1, 8192 / max(1, v.count)), R(plane_gather_range), &v);
}
