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

static _Thread_local block slots[SLOTS];
static pthread_key_t ending;
static pthread_once_t once = PTHREAD_ONCE_INIT;

_Thread_local int out_of_memory; /* read and cleared by the module after each call */

#if defined(__SANITIZE_ADDRESS__) /* which looks after what malloc gave, up to its last byte */
static void *take(size_t bytes)
{
    return aligned_alloc(64, bytes);
}

static void give_back(block *b)
{
    free(b->memory);
}
#else
static void *take(size_t bytes)
{
    void *found = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return found == MAP_FAILED ? NULL : found;
}

static void give_back(block *b)
{
    if (b->memory)
        munmap(b->memory, b->bytes);
}
#endif

static void end(void *blocks)
{
    for (int slot = 0; slot < SLOTS; slot++) {
        give_back((block *)blocks + slot);
        ((block *)blocks)[slot] = (block){NULL, 0};
    }
}

static void prepare(void)
{
    pthread_key_create(&ending, end);
}

void *scratch(int slot, size_t bytes)
{
    block *b = &slots[slot];
    const size_t offset = (size_t)slot * APART;
    if (b->bytes < bytes + offset || !b->memory) {
        pthread_once(&once, prepare);
        pthread_setspecific(ending, slots);
        give_back(b);
        const size_t rounded = (bytes + offset + PAGE) / PAGE * PAGE;
        b->memory = take(rounded);
        b->bytes = b->memory ? rounded : 0;
        if (!b->memory) {
            fail_for_memory();
            return NULL;
        }
    }
    return b->memory + offset;
}

void fail_for_memory(void)
{
    out_of_memory = 1;
}
