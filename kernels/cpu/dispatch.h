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
/* Whether convolutions may be done by Winograd's algorithm: 0 none, 1 large ones, 2 all. */
void allow_winograd(int allowed);
int winograd_allowed(void);
extern const int kernel_count;
extern const level *level_in_use;

#endif
