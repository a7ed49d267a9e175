/* The kernels for any processor that the compiler's own settings allow: SSE2 on x86-64, NEON on
 * aarch64.
 */
#include "kernel.h"
#define LEVEL base
#define VBYTES 16
#include "families.h"
