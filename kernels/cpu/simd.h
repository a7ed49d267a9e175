/* Small helpers on vectors, static and inlined. */
static inline vec R(splat)(real x)
{
    return x - (vec){0}; /* plus zero would lose the sign of -0 */
}

/* Elementwise choice: where m is true (all bits set) a, else b. */
static inline vec R(choose)(mask m, vec a, vec b)
{
    return (vec)((m & (mask)a) | (~m & (mask)b));
}

/* The first `count` lanes. */
static inline mask R(lanes_before)(long count)
{
    static const whole numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return *(const mask *)numbers < (whole)max(0, min(count, LANES));
}

/* Fewer elements than a vector holds, read and written without what lies behind them. Where the
 * processor cannot leave lanes out, so many bytes are copied.
 */
#if defined(WITH_AVX512) && SINGLE
#define READ_SOME(x, count, v) (vec)__builtin_ia32_loadups512_mask(x, v, (1u << (count)) - 1)
#define WRITE_SOME(y, count, v) __builtin_ia32_storeups512_mask(y, v, (1u << (count)) - 1)
#elif defined(WITH_AVX512)
#define READ_SOME(x, count, v) (vec)__builtin_ia32_loadupd512_mask(x, v, (1u << (count)) - 1)
#define WRITE_SOME(y, count, v) __builtin_ia32_storeupd512_mask(y, v, (1u << (count)) - 1)
#elif defined(__x86_64__) && VBYTES == 32
typedef real R(plain_vec) __attribute__((vector_size(VBYTES)));
#if SINGLE
typedef int R(plain_mask) __attribute__((vector_size(VBYTES)));
#define MASKED(what) __builtin_ia32_mask##what##ps256
#else
typedef long long R(plain_mask) __attribute__((vector_size(VBYTES)));
#define MASKED(what) __builtin_ia32_mask##what##pd256
#endif
#define LEFT_IN(count) (R(plain_mask))R(lanes_before)(count)
#define READ_SOME(x, count, v)                                                                     \
    R(choose)(R(lanes_before)(count),                                                              \
              (vec)MASKED(load)((const R(plain_vec) *)(x), LEFT_IN(count)), v)
#define WRITE_SOME(y, count, v)                                                                    \
    MASKED(store)((R(plain_vec) *)(y), LEFT_IN(count), (R(plain_vec))(v))
#else
static inline vec R(read_some)(const real *x, long count, vec v)
{
    memcpy(&v, x, (size_t)count * sizeof(real));
    return v;
}
#define READ_SOME(x, count, v) R(read_some)(x, count, v)
#define WRITE_SOME(y, count, v) memcpy(y, &(v), (size_t)(count) * sizeof(real))
#endif

/* `count` elements, at most LANES; the rest of the lanes filled. */
static inline vec R(load_part)(const real *x, long count, real fill)
{
    return count >= LANES ? *(const vec *)x : READ_SOME(x, count, R(splat)(fill));
}

static inline vec R(some_of)(const real *x, long count)
{
    return R(load_part)(x, count, 0);
}

static inline void R(store_part)(real *y, long count, vec v)
{
    if (count >= LANES)
        *(vec *)y = v;
    else
        WRITE_SOME(y, count, v);
}

#undef READ_SOME
#undef WRITE_SOME
#undef LEFT_IN
#undef MASKED

/* Lanes in another order: the even, or the odd, elements of two vectors one after the other; the
 * first, or the last, halves of two vectors with their elements in turn; each lane with the one 1,
 * 2, 4, 8 from it.
 */
#if LANES == 2
#define EVENS 0, 2
#define ODDS 1, 3
#define ZIP_LOW 0, 2
#define ZIP_HIGH 1, 3
#define SWAP_1 1, 0
#elif LANES == 4
#define EVENS 0, 2, 4, 6
#define ODDS 1, 3, 5, 7
#define ZIP_LOW 0, 4, 1, 5
#define ZIP_HIGH 2, 6, 3, 7
#define SWAP_1 1, 0, 3, 2
#define SWAP_2 2, 3, 0, 1
#elif LANES == 8
#define EVENS 0, 2, 4, 6, 8, 10, 12, 14
#define ODDS 1, 3, 5, 7, 9, 11, 13, 15
#define ZIP_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define ZIP_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#define SWAP_1 1, 0, 3, 2, 5, 4, 7, 6
#define SWAP_2 2, 3, 0, 1, 6, 7, 4, 5
#define SWAP_4 4, 5, 6, 7, 0, 1, 2, 3
#else
#define EVENS 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODDS 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define ZIP_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define ZIP_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define SWAP_1 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14
#define SWAP_2 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13
#define SWAP_4 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11
#define SWAP_8 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7
#endif

/* Of two vectors of 32 bytes, each of which is two halves to the processor: the first, or the last,
 * elements of their halves in turn; their first, or last, halves. One instruction each; zips take two.
 */
#if VBYTES == 32 && LANES == 8
#define HALF_ZIP_LOW 0, 8, 1, 9, 4, 12, 5, 13
#define HALF_ZIP_HIGH 2, 10, 3, 11, 6, 14, 7, 15
#define HALVES_LOW 0, 1, 2, 3, 8, 9, 10, 11
#define HALVES_HIGH 4, 5, 6, 7, 12, 13, 14, 15
#elif VBYTES == 32
#define HALF_ZIP_LOW 0, 4, 2, 6
#define HALF_ZIP_HIGH 1, 5, 3, 7
#define HALVES_LOW 0, 1, 4, 5
#define HALVES_HIGH 2, 3, 6, 7
#endif

#if defined(__clang__)
#define PERMUTE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PERMUTE(a, b, ...) __builtin_shuffle(a, b, (mask){__VA_ARGS__})
#endif

static inline vec R(evens)(vec a, vec b)
{
    return PERMUTE(a, b, EVENS);
}

static inline vec R(odds)(vec a, vec b)
{
    return PERMUTE(a, b, ODDS);
}

static inline vec R(zip_low)(vec a, vec b)
{
    return PERMUTE(a, b, ZIP_LOW);
}

static inline vec R(zip_high)(vec a, vec b)
{
    return PERMUTE(a, b, ZIP_HIGH);
}

/* Transpose LANES x LANES elements in registers. Each round of zips turns the bits of an element's place
 * (row, lane) by one; in halves, rounds of pairs of rows 2 and 1 apart exchange the bits of a row with
 * those inside of a half, and a last one its first bit with that of the half.
 */
static inline void R(transpose)(vec *v)
{
#if VBYTES == 32
#pragma GCC unroll 2
    for (int apart = LANES / 4; apart > 0; apart /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < LANES; i++)
            if (!(i & apart)) {
                const vec a = v[i], b = v[i + apart];
                v[i] = PERMUTE(a, b, HALF_ZIP_LOW);
                v[i + apart] = PERMUTE(a, b, HALF_ZIP_HIGH);
            }
#pragma GCC unroll 4
    for (int i = 0; i < LANES / 2; i++) {
        const vec a = v[i], b = v[i + LANES / 2];
        v[i] = PERMUTE(a, b, HALVES_LOW);
        v[i + LANES / 2] = PERMUTE(a, b, HALVES_HIGH);
    }
#else
    vec w[LANES];
#pragma GCC unroll 4
    for (int round = 1; round < LANES; round *= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; i++) {
            w[2 * i] = R(zip_low)(v[i], v[i + LANES / 2]);
            w[2 * i + 1] = R(zip_high)(v[i], v[i + LANES / 2]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            v[i] = w[i];
    }
#endif
}

/* All lanes folded to one in log2(LANES) steps. */
#if LANES >= 16
#define FOLD_8(v, F) v = F(v, PERMUTE(v, v, SWAP_8));
#else
#define FOLD_8(v, F)
#endif
#if LANES >= 8
#define FOLD_4(v, F) v = F(v, PERMUTE(v, v, SWAP_4));
#else
#define FOLD_4(v, F)
#endif
#if LANES >= 4
#define FOLD_2(v, F) v = F(v, PERMUTE(v, v, SWAP_2));
#else
#define FOLD_2(v, F)
#endif
#define FOLD(v, F) FOLD_8(v, F) FOLD_4(v, F) FOLD_2(v, F) v = F(v, PERMUTE(v, v, SWAP_1));

static inline vec R(add)(vec a, vec b)
{
    return a + b;
}

/* The greater of each pair; of numbers, not of NaN. */
static inline vec R(greater)(vec a, vec b)
{
    return R(choose)(a > b, a, b);
}

static inline real R(sum_lanes)(vec v)
{
    FOLD(v, R(add))
    return v[0];
}

static inline real R(max_lanes)(vec v)
{
    FOLD(v, R(greater))
    return v[0];
}

#undef EVENS
#undef ODDS
#undef ZIP_LOW
#undef ZIP_HIGH
#undef HALF_ZIP_LOW
#undef HALF_ZIP_HIGH
#undef HALVES_LOW
#undef HALVES_HIGH
#undef SWAP_1
#undef SWAP_2
#undef SWAP_4
#undef SWAP_8
#undef FOLD
#undef FOLD_2
#undef FOLD_4
#undef FOLD_8
#undef PERMUTE

/* Whole numbers 0..255 of a mask to LANES bytes, and back. */
typedef uint8_t R(bytes) __attribute__((vector_size(LANES), aligned(1), may_alias));

static inline void R(store_bytes)(uint8_t *to, mask numbers)
{
    *(R(bytes) *)to = __builtin_convertvector(numbers, R(bytes));
}

/* In steps that double the size: compilers take a single long one apart. */
typedef uint16_t R(pairs) __attribute__((vector_size(2 * LANES)));
typedef uint32_t R(fours) __attribute__((vector_size(4 * LANES)));

static inline mask R(load_bytes)(const uint8_t *from)
{
    R(pairs) two = __builtin_convertvector(*(const R(bytes) *)from, R(pairs));
    return __builtin_convertvector(__builtin_convertvector(two, R(fours)), mask);
}

/* Numbers added up in doubles, a vector of LANES of them as one or two vectors of doubles. */
typedef double R(doubles) __attribute__((vector_size(VBYTES)));

typedef struct {
    R(doubles) part[sizeof(double) / sizeof(real)];
} R(double_sums);

#if SINGLE
typedef float R(half) __attribute__((vector_size(VBYTES / 2)));

/* Half a vector as doubles, and back. GCC would take it apart, where there is an instruction. */
#if defined(WITH_AVX512)
#define WIDEN(x) __builtin_ia32_cvtps2pd512_mask(x, (R(doubles)){0}, 255, 4)
#define NARROW(x) __builtin_ia32_cvtpd2ps512_mask(x, (R(half)){0}, 255, 4)
#elif defined(__x86_64__) && VBYTES == 32 && !defined(__clang__)
#define WIDEN(x) __builtin_ia32_cvtps2pd256(x)
#define NARROW(x) __builtin_ia32_cvtpd2ps256(x)
#else
#define WIDEN(x) __builtin_convertvector(x, R(doubles))
#define NARROW(x) __builtin_convertvector(x, R(half))
#endif

static inline R(doubles) R(widen)(R(half) x)
{
    return WIDEN(x);
}

static inline R(half) R(narrow)(R(doubles) x)
{
    return NARROW(x);
}
#undef WIDEN
#undef NARROW

static inline void R(add_to)(R(double_sums) *sums, vec v)
{
    R(half) half[2];
    memcpy(half, &v, sizeof half);
    sums->part[0] += R(widen)(half[0]);
    sums->part[1] += R(widen)(half[1]);
}
#else
static inline void R(add_to)(R(double_sums) *sums, vec v)
{
    sums->part[0] += v;
}
#endif

static inline double R(whole_sum)(const R(double_sums) *sums)
{
    const double *each = (const double *)sums->part;
    double two[2] = {0, 0};
    for (int k = 0; k < LANES; k++)
        two[k & 1] += each[k];
    return two[0] + two[1];
}
