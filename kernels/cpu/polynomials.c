/* The classical orthogonal polynomials of degree n at x, by their recurrence
 *
 *     p[0] = 1, p[1] = FIRST, p[k + 1] = RISE p[k] - FALL p[k - 1]
 *
 * where z is x, or 2 x - 1 for a shifted family. The degree is cut to a whole number; below zero,
 * infinite or NaN, the value is 0. Reference: ops/elementwise/polynomials.py.
 */
#define FAMILY(NAME, Z, FIRST, RISE, FALL)                                                         \
    POINTWISE2(NAME, x, n)                                                                         \
    {                                                                                              \
        vec degree = R(vtrunc)(n), none = R(splat)(-1), one = R(splat)(1);                         \
        degree = R(choose)(n - n == 0, degree, none);                                              \
        vec z = Z, before = one, now = FIRST;                                                      \
        vec out = R(choose)(degree == 0, one, R(choose)(degree == 1, now, (vec){0}));              \
        real last = R(max_lanes)(degree);                                                          \
        for (real k = 1; k < last; k++) {                                                          \
            vec next = (RISE) * now - (FALL) * before;                                             \
            before = now;                                                                          \
            now = next;                                                                            \
            out = R(choose)(degree == k + 1, now, out);                                            \
        }                                                                                          \
        return out;                                                                                \
    }

FAMILY(chebyshev_polynomial_t, x, z, z + z, 1)
FAMILY(chebyshev_polynomial_u, x, z + z, z + z, 1)
FAMILY(chebyshev_polynomial_v, x, z + z - 1, z + z, 1)
FAMILY(chebyshev_polynomial_w, x, z + z + 1, z + z, 1)
FAMILY(shifted_chebyshev_polynomial_t, x + x - 1, z, z + z, 1)
FAMILY(shifted_chebyshev_polynomial_u, x + x - 1, z + z, z + z, 1)
FAMILY(shifted_chebyshev_polynomial_v, x + x - 1, z + z - 1, z + z, 1)
FAMILY(shifted_chebyshev_polynomial_w, x + x - 1, z + z + 1, z + z, 1)
FAMILY(hermite_polynomial_h, x, z + z, z + z, 2 * k)
FAMILY(hermite_polynomial_he, x, z, z, k)
FAMILY(laguerre_polynomial_l, x, 1 - z, (1 - z + 2 * k) / (k + 1), k / (k + 1))
FAMILY(legendre_polynomial_p, x, z, z * ((2 * k + 1) / (k + 1)), k / (k + 1))
#undef FAMILY
