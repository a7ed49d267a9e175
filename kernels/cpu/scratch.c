/* Memory that kernels work in, kept for each thread between calls: given back after each, its places
 * among the arrays would be taken by others, and the peak of a training step was a fifth higher.
 *
 * It comes from the system and not from malloc: between arrays it would stay for ever, and what is
 * free on both sides of it could not be joined (LeNet's inference took 14 MiB and takes 10). The
 * system has it back when the thread ends.
 */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <sys/mman.h>

#include "kernel.h"

/* What the cache holds that cores share, about: a smaller result is there when it is read next. (What
 * sysconf says of caches is not so on a virtual machine.)
 */
long far_bytes = 3L << 23;

enum { SLOTS = 8, PAGE = 4096, APART = 9 * 64 }; /* APART: slots begin on different lines of a cache */

typedef struct {
    char *memory;
    size_t bytes;
} block;

static _Thread_local block *slots; /* SLOTS of them, once the thread has asked for one */
static pthread_key_t ending;
static int has_ending; /* whether threads say that they end */
static pthread_once_t once = PTHREAD_ONCE_INIT;

_Thread_local int out_of_memory; /* read and cleared by the module after each call */

#define CHECKED 0
#ifdef __SANITIZE_ADDRESS__ /* GCC */
#undef CHECKED
#define CHECKED 1
#elif defined(__has_feature) /* Clang */
#if __has_feature(address_sanitizer)
#undef CHECKED
#define CHECKED 1
#endif
#endif

#if CHECKED /* what is beyond the bytes that were asked for is found only where malloc gave them */
static char *take(size_t bytes)
{
    void *found = NULL;
    return posix_memalign(&found, 64, bytes) ? NULL : found;
}

static void give_back(block *b)
{
    free(b->memory);
    *b = (block){NULL, 0};
}
#else
static char *take(size_t bytes)
{
    void *found = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return found == MAP_FAILED ? NULL : found;
}

static void give_back(block *b)
{
    if (b->memory)
        munmap(b->memory, b->bytes);
    *b = (block){NULL, 0};
}
#endif

static void end(void *blocks)
{
    for (int slot = 0; slot < SLOTS; slot++)
        give_back((block *)blocks + slot);
    free(blocks);
}

static void prepare(void)
{
    has_ending = pthread_key_create(&ending, end) == 0;
}

static void *without_memory(void)
{
    fail_for_memory();
    return NULL;
}

void *scratch(int slot, size_t bytes)
{
    if (!slots) {
        pthread_once(&once, prepare);
        slots = calloc(SLOTS, sizeof *slots);
        if (!slots)
            return without_memory();
        if (has_ending)
            pthread_setspecific(ending, slots);
    }
    block *b = &slots[slot];
    const size_t offset = (size_t)slot * APART;
    if (!b->memory || b->bytes - offset < bytes || CHECKED) {
        give_back(b);
        if (bytes > SIZE_MAX / 2)
            return without_memory();
        const size_t rounded = CHECKED ? bytes + offset : (bytes + offset + PAGE) / PAGE * PAGE;
        b->memory = take(rounded);
        if (!b->memory)
            return without_memory();
        b->bytes = rounded;
    }
    return b->memory + offset;
}

void fail_for_memory(void)
{
    out_of_memory = 1;
}
