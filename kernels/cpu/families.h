/* All families, for one LEVEL with vectors of VBYTES bytes, in both types of numbers.
 *
 * Within a family: `real` is the type, `vec` a vector of LANES of them (loads and stores through
 * `vec *` may be unaligned), `mask` the vector of whole numbers that comparing vectors gives, with
 * elements of type `whole`.
 */
#define real float
#define whole int32_t
#define SINGLE 1
#define REAL f32
#define LANES (VBYTES / 4)
#define vec JOIN(vec, f32, LEVEL)
#define mask JOIN(mask, f32, LEVEL)
#include "each.h"
#undef real
#undef whole
#undef REAL
#undef LANES
#undef vec
#undef mask
#undef SINGLE

#define real double
#define whole int64_t
#define SINGLE 0
#define REAL f64
#define LANES (VBYTES / 8)
#define vec JOIN(vec, f64, LEVEL)
#define mask JOIN(mask, f64, LEVEL)
#include "each.h"
