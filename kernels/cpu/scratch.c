/* Memory that kernels work in: small blocks are kept for each thread between calls, large ones are
 * given back after each, so that arrays use the same memory as the scratch of the last kernel did.
 */
#include "kernel.h"
#include "threads.h"

enum { SLOTS = 8, KEPT = 1 << 16 /* bytes: below, malloc takes longer than the memory is worth */ };

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

void end_scratch(void)
{
    for (int slot = 0; slot < SLOTS; slot++)
        if (slots[slot].bytes > KEPT) {
            free(slots[slot].memory);
            slots[slot].memory = NULL;
            slots[slot].bytes = 0;
        }
}

void fail_for_memory(void)
{
    out_of_memory = 1;
}
