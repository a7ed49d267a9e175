/* The tables of kernels, one for each level that this binary holds. */
#ifndef MINIGRAD_DISPATCH_H
#define MINIGRAD_DISPATCH_H

#include "kernel.h"

typedef struct {
    const char *name; /* NAME_f32 or NAME_f64 */
    int arguments;
    kernel *run;
} entry;

typedef struct {
    const char *name;
    int supported; /* by this processor */
    const entry *entries;
} level;

/* All levels of this binary, the widest last; `count` is set to how many there are. */
const level *all_levels(int *count);
void allow_winograd(int allowed);
extern const int kernel_count;
extern const level *level_in_use;

#endif
