/* Winograd's transforms: filters of R x R taps over tiles of N x N elements give M x M results, where
 * N = M + R - 1, by N x N products for each channel instead of M x M x R x R.
 *
 * Y = A' [(G g G') . (B' d B)] A for a filter g and a tile d. A filter and a tile are polynomials,
 * whose product is known from its values at N points, the last of them infinity:
 *
 *     4 points: 0, 1, -1               3 taps, 2 results      16 products for     36
 *     6 points: 0, a, -a, b, -b        3 taps, 4 results      36                 144
 *                                      5 taps, 2 results      36                 100
 *
 * Row i of A' holds the powers i of the points; of G', the powers of the points, divided by the product of a
 * point's distances to the others; a row of B' the coefficients of the product of (x - point) over
 * the others. With a = 3/4 and b = 3/2 the numbers of A and B are exact in binary, and the error of
 * the 6 points is little more than that of the direct sum; with the usual 1 and 2 it is twice as
 * large (measured; 128 channels: 1.8 and 3.7 units in the last place in the quadratic mean, 1.3 of
 * a direct sum).
 *
 * The gradient of the filters is the transpose: G' [sum over tiles of (A y A') . (B' d B)] G.
 *
 * Source: Lavin and Gray, Fast algorithms for convolutional neural networks, 2016; Barabasz and
 * others, Error analysis and improving the accuracy of Winograd convolution, 2020.
 */
#define WINO_POINTS 6
#define WINO_TAPS 5

/* Points, results and taps of each way; WINO_AS does something with those of `way` as constants. */
static const int R(wino_ways)[3][3] = {{4, 2, 3}, {6, 4, 3}, {6, 2, 5}};

#define WINO_AS(way, ...)                                                                          \
    if ((way)->points == 4) {                                                                      \
        enum { points = 4, results = 2, taps = 3 };                                                \
        __VA_ARGS__;                                                                               \
    } else if ((way)->taps == 3) {                                                                 \
        enum { points = 6, results = 4, taps = 3 };                                                \
        __VA_ARGS__;                                                                               \
    } else {                                                                                       \
        enum { points = 6, results = 2, taps = 5 };                                                \
        __VA_ARGS__;                                                                               \
    }

#define A1 (real)0.75
#define A2 (real)0.5625
#define A3 (real)0.421875
#define B1 (real)1.5
#define B2 (real)2.25
#define B3 (real)3.375

/* B' d of one line. */
INLINE void R(wino_before)(const int points, const vec *d, vec *e)
{
    if (points == 4) {
        e[0] = d[0] - d[2];
        e[1] = d[1] + d[2];
        e[2] = d[2] - d[1];
        e[3] = d[1] - d[3];
        return;
    }
    const vec even_a = d[4] - B2 * d[2], odd_a = d[3] - B2 * d[1];
    const vec even_b = d[4] - A2 * d[2], odd_b = d[3] - A2 * d[1];
    e[0] = d[4] - (A2 + B2) * d[2] + A2 * B2 * d[0];
    e[1] = even_a + A1 * odd_a;
    e[2] = even_a - A1 * odd_a;
    e[3] = even_b + B1 * odd_b;
    e[4] = even_b - B1 * odd_b;
    e[5] = d[5] - (A2 + B2) * d[3] + A2 * B2 * d[1];
}

/* G g of one line. */
INLINE void R(wino_filter_line)(const int points, const int taps, const vec *g, vec *u)
{
    if (points == 4) {
        const vec ends = (g[0] + g[2]) * (real)0.5, mid = g[1] * (real)0.5;
        u[0] = g[0];
        u[1] = ends + mid;
        u[2] = ends - mid;
        u[3] = g[2];
        return;
    }
    vec even_a = g[0] + A2 * g[2], odd_a = A1 * g[1], even_b = g[0] + B2 * g[2], odd_b = B1 * g[1];
    if (taps == 5) {
        even_a += A2 * A2 * g[4];
        even_b += B2 * B2 * g[4];
        odd_a += A3 * g[3];
        odd_b += B3 * g[3];
    }
    const real at_a = 1 / (2 * A2 * (A2 - B2)), at_b = 1 / (2 * B2 * (B2 - A2));
    u[0] = g[0] * (1 / (A2 * B2));
    u[1] = (even_a + odd_a) * at_a;
    u[2] = (even_a - odd_a) * at_a;
    u[3] = (even_b + odd_b) * at_b;
    u[4] = (even_b - odd_b) * at_b;
    u[5] = g[taps - 1];
}

/* A' m of one line. */
INLINE void R(wino_after)(const int points, const int results, const vec *m, vec *y)
{
    if (points == 4) {
        y[0] = m[0] + m[1] + m[2];
        y[1] = m[1] - m[2] - m[3];
        return;
    }
    const vec even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    y[0] = m[0] + even_a + even_b;
    y[1] = A1 * odd_a + B1 * odd_b;
    if (results == 4) {
        y[2] = A2 * even_a + B2 * even_b;
        y[3] = A3 * odd_a + B3 * odd_b + m[5];
    } else
        y[1] += m[5];
}

/* A y of one line: values at the points of what has `results` numbers. With 4 points the last one
 * has its sign turned, here and below.
 */
INLINE void R(wino_spread)(const int points, const int results, const vec *y, vec *e)
{
    e[0] = y[0];
    e[points - 1] = y[results - 1];
    if (points == 4) {
        e[1] = y[0] + y[1];
        e[2] = y[0] - y[1];
        return;
    }
    vec even_a = y[0], odd_a = A1 * y[1], even_b = y[0], odd_b = B1 * y[1];
    if (results == 4) {
        even_a += A2 * y[2];
        even_b += B2 * y[2];
        odd_a += A3 * y[3];
        odd_b += B3 * y[3];
    }
    e[1] = even_a + odd_a;
    e[2] = even_a - odd_a;
    e[3] = even_b + odd_b;
    e[4] = even_b - odd_b;
}

/* G' m of one line: a filter's taps. */
INLINE void R(wino_gather)(const int points, const int taps, const vec *m, vec *g)
{
    if (points == 4) {
        const vec half = (m[1] + m[2]) * (real)0.5;
        g[0] = m[0] + half;
        g[1] = (m[1] - m[2]) * (real)0.5;
        g[2] = half - m[3];
        return;
    }
    const real at_a = 1 / (2 * A2 * (A2 - B2)), at_b = 1 / (2 * B2 * (B2 - A2));
    const vec even_a = (m[1] + m[2]) * at_a, odd_a = (m[1] - m[2]) * at_a;
    const vec even_b = (m[3] + m[4]) * at_b, odd_b = (m[3] - m[4]) * at_b;
    g[0] = m[0] * (1 / (A2 * B2)) + even_a + even_b;
    g[1] = A1 * odd_a + B1 * odd_b;
    g[2] = A2 * even_a + B2 * even_b;
    if (taps == 5) {
        g[3] = A3 * odd_a + B3 * odd_b;
        g[4] = A2 * A2 * even_a + B2 * B2 * even_b;
    }
    g[taps - 1] += m[5];
}

/* G g G' for a vector of filters. */
INLINE void R(wino_filter)(const int points, const int taps, const vec *g, vec *u)
{
    vec h[WINO_TAPS][WINO_POINTS], line[WINO_TAPS];
#pragma GCC unroll 5
    for (int t = 0; t < taps; t++) {
#pragma GCC unroll 5
        for (int s = 0; s < taps; s++)
            line[s] = g[s * taps + t];
        R(wino_filter_line)(points, taps, line, h[t]);
    }
#pragma GCC unroll 6
    for (int i = 0; i < points; i++) {
#pragma GCC unroll 5
        for (int t = 0; t < taps; t++)
            line[t] = h[t][i];
        R(wino_filter_line)(points, taps, line, u + i * points);
    }
}

/* B' d B for a vector of tiles, whose columns and lines are so far apart; results `step` apart. */
INLINE void R(wino_tile)(const int points, const real *d, long column, long line, real *to,
                         long step)
{
    vec e[WINO_POINTS][WINO_POINTS], in[WINO_POINTS], out[WINO_POINTS];
#pragma GCC unroll 6
    for (int j = 0; j < points; j++) {
#pragma GCC unroll 6
        for (int i = 0; i < points; i++)
            in[i] = *(const vec *)(d + i * line + j * column);
        R(wino_before)(points, in, e[j]);
    }
#pragma GCC unroll 6
    for (int i = 0; i < points; i++) {
#pragma GCC unroll 6
        for (int j = 0; j < points; j++)
            in[j] = e[j][i];
        R(wino_before)(points, in, out);
#pragma GCC unroll 6
        for (int j = 0; j < points; j++)
            *(vec *)(to + (points * i + j) * step) = out[j];
    }
}

/* A' m A + first for a vector of tiles, products `step` apart: lines of results, where those of a
 * tile lie side by side, `line` apart. Nonzero if one is not finite.
 */
INLINE vec R(wino_back)(const int points, const int results, const real *m, long step, real first,
                        real *to, long line)
{
    vec s[WINO_POINTS][4], in[WINO_POINTS], y[4], odd = {0};
#pragma GCC unroll 6
    for (int j = 0; j < points; j++) {
#pragma GCC unroll 6
        for (int i = 0; i < points; i++)
            in[i] = *(const vec *)(m + (points * i + j) * step);
        R(wino_after)(points, results, in, s[j]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < results; i++, to += line) {
#pragma GCC unroll 6
        for (int j = 0; j < points; j++)
            in[j] = s[j][i];
        R(wino_after)(points, results, in, y);
#pragma GCC unroll 4
        for (int j = 0; j < results; j++) {
            y[j] += first;
            odd += y[j] - y[j];
        }
        if (results == 2) {
            *(vec *)to = R(zip_low)(y[0], y[1]);
            *(vec *)(to + LANES) = R(zip_high)(y[0], y[1]);
        } else {
            const vec even[2] = {R(zip_low)(y[0], y[2]), R(zip_high)(y[0], y[2])};
            const vec next[2] = {R(zip_low)(y[1], y[3]), R(zip_high)(y[1], y[3])};
#pragma GCC unroll 2
            for (int k = 0; k < 2; k++) {
                *(vec *)(to + 2 * k * LANES) = R(zip_low)(even[k], next[k]);
                *(vec *)(to + (2 * k + 1) * LANES) = R(zip_high)(even[k], next[k]);
            }
        }
    }
    return odd;
}
#undef A1
#undef A2
#undef A3
#undef B1
#undef B2
#undef B3
