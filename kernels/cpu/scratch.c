/* Memory that kernels work in, kept for each thread between calls: given back after each, its places
 * among the arrays would be taken by others, and the peak of a training step was a fifth higher.
 */
#include "kernel.h"

/* What the cache holds that cores share, about: a smaller result is there when it is read next. (What
 * sysconf says of caches is not so on a virtual machine.)
 */
long far_bytes = 3L << 23;

enum { SLOTS = 8 };

static _Thread_local struct {
    void *memory;
    size_t bytes;
} slots[SLOTS];

_Thread_local int out_of_memory; /* read and cleared by the module after each call */

void *scratch(int slot, size_t bytes)
{
    if (slots[slot].bytes < bytes) {
        free(slots[slot].memory);
        size_t rounded = (bytes + 4095) / 4096 * 4096;
        slots[slot].memory = aligned_alloc(64, rounded);
        slots[slot].bytes = slots[slot].memory ? rounded : 0;
        if (!slots[slot].memory)
            fail_for_memory();
    }
    return slots[slot].memory;
}

void fail_for_memory(void)
{
    out_of_memory = 1;
}
