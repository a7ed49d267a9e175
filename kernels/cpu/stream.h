/* Results that no cache will hold are written past the caches.
 *
 * An ordinary store first reads the line that it is going to overwrite: a third of what copying
 * moves. So results of `far_bytes` or more (kernel.h) are worked out in blocks that stay in the first
 * cache, and `put` hands these to memory with stores that read nothing. Their values are the same.
 */
enum {
    R(BLOCK) = 1024 / sizeof(real), /* elements worked out at a time; with more, reading waits */
    R(FAR_RUN) = 512, /* elements of a row from which on rows go past the caches one by one */
};

#if defined(__clang__)
#define PUT_VECTOR(to, v) __builtin_nontemporal_store(v, (R(whole_vec) *)(to))
#elif defined(WITH_AVX512)
#define PUT_VECTOR(to, v) __builtin_ia32_movntps512((float *)(to), (R(singles))(v))
#elif defined(__x86_64__) && VBYTES == 32
#define PUT_VECTOR(to, v) __builtin_ia32_movntps256((float *)(to), (R(singles))(v))
#elif defined(__x86_64__) && VBYTES == 16
#define PUT_VECTOR(to, v) __builtin_ia32_movntps((float *)(to), (R(singles))(v))
#else
#define PUT_VECTOR(to, v) *(vec *)(to) = (v)
#endif
#if defined(__x86_64__)
#define PUT_END() __builtin_ia32_sfence() /* before another thread is told that it is there */
#else
#define PUT_END() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

typedef float R(singles) __attribute__((vector_size(VBYTES)));
typedef real R(whole_vec) __attribute__((vector_size(VBYTES))); /* where its size divides the place */

/* Whether results of so many bytes go past the caches. */
static inline int R(is_far)(long bytes)
{
    return bytes >= far_bytes;
}

/* Bytes from a block to memory, whole lines of 64 of them past the caches. */
static void R(put)(void *target, const void *block, long bytes)
{
    char *to = target;
    const char *from = block;
    long first = (long)(-(uintptr_t)to & 63);
    first = min(first, bytes);
    memcpy(to, from, (size_t)first);
    long i = first;
    for (; i + 64 <= bytes; i += 64)
        for (long k = 0; k < 64; k += VBYTES)
            PUT_VECTOR(to + i + k, *(const vec *)(from + i + k));
    memcpy(to + i, from + i, (size_t)(bytes - i));
}

/* Ask the nearest cache for what is read next: before the stores of this block, which hold up what comes
 * later.
 */
INLINE void R(ask_near)(const void *from, long count)
{
    for (long byte = 0; byte < count * (long)sizeof(real); byte += 64)
        __builtin_prefetch((const char *)from + byte);
}

/* Ask the second cache for the next of many rows, some elements of it at a time while this row is read
 * again from the first one: the processor itself reads ahead only to the end of a page.
 */
INLINE void R(ask_ahead)(const real *from, long count)
{
    for (long i = 0; i < count; i += 64 / (long)sizeof(real))
        __builtin_prefetch(from + i, 0, 2);
}

/* Elements of the first block of n: to where a line of the cache begins, or none. */
static inline long R(to_line)(const real *out, long n)
{
    long first = (long)(-(uintptr_t)out & 63) / (long)sizeof(real);
    return min(first ? first : (long)R(BLOCK), n);
}

/* Writes elements begin..end of a result to `out`. */
typedef void R(some)(const void *context, real *out, long begin, long end);

/* The same to their places in the whole result, past the caches if it is `far`; then a vector beyond
 * `end` may be written as well. PUT_END is left to the caller, who may have more to deliver.
 */
INLINE void R(deliver_some)(R(some) *body, const void *context, real *out, int far, long begin,
                            long end)
{
    if (!far) {
        const long lead = (long)(-(uintptr_t)(out + begin) & 63) / (long)sizeof(real);
        const long rest = end - begin >= 4 * R(BLOCK) ? begin + lead : begin;
        if (rest > begin)
            body(context, out + begin, begin, rest);
        body(context, out + rest, rest, end); /* no store belongs to two lines */
        return;
    }
    _Alignas(64) real block[R(BLOCK) + LANES];
    long i = begin, many = R(to_line)(out + begin, end - begin);
    for (; i < end; i += many, many = min(end - i, (long)R(BLOCK))) {
        body(context, block, i, i + many);
        R(put)(out + i, block, many * (long)sizeof(real));
    }
}

static void R(deliver)(R(some) *body, const void *context, real *out, int far, long begin, long end)
{
    R(deliver_some)(body, context, out, far, begin, end);
    PUT_END();
}
