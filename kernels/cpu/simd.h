/* Small helpers on vectors, static and inlined. */
static inline vec R(splat)(real x)
{
    return (vec){0} + x;
}

/* Elementwise choice: where m is true (all bits set) a, else b. */
static inline vec R(choose)(mask m, vec a, vec b)
{
    return (vec)((m & (mask)a) | (~m & (mask)b));
}

static inline real R(sum_lanes)(vec v)
{
    real total = 0;
    for (int i = 0; i < LANES; i++)
        total += v[i];
    return total;
}

static inline real R(max_lanes)(vec v)
{
    real most = v[0];
    for (int i = 1; i < LANES; i++)
        most = v[i] > most ? v[i] : most;
    return most;
}

/* Lanes in another order: the even elements of two vectors one after the other; and the first, or
 * the last, halves of two vectors with their elements in turn.
 */
#if LANES == 2
#define EVENS 0, 2
#define ZIP_LOW 0, 2
#define ZIP_HIGH 1, 3
#elif LANES == 4
#define EVENS 0, 2, 4, 6
#define ZIP_LOW 0, 4, 1, 5
#define ZIP_HIGH 2, 6, 3, 7
#elif LANES == 8
#define EVENS 0, 2, 4, 6, 8, 10, 12, 14
#define ZIP_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define ZIP_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define EVENS 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ZIP_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define ZIP_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
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

static inline vec R(zip_low)(vec a, vec b)
{
    return PERMUTE(a, b, ZIP_LOW);
}

static inline vec R(zip_high)(vec a, vec b)
{
    return PERMUTE(a, b, ZIP_HIGH);
}

#undef EVENS
#undef ZIP_LOW
#undef ZIP_HIGH
#undef PERMUTE

/* Whole numbers 0..255 of a mask to LANES bytes, and back. */
typedef uint8_t R(bytes) __attribute__((vector_size(LANES), aligned(1), may_alias));

static inline void R(store_bytes)(uint8_t *to, mask numbers)
{
    *(R(bytes) *)to = __builtin_convertvector(numbers, R(bytes));
}

static inline mask R(load_bytes)(const uint8_t *from)
{
    return __builtin_convertvector(*(const R(bytes) *)from, mask);
}
