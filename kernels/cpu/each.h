/* One type of numbers at one level: the vectors, then every family. */
typedef real vec __attribute__((vector_size(VBYTES), aligned(sizeof(real)), may_alias));
typedef whole mask __attribute__((vector_size(VBYTES), aligned(sizeof(whole)), may_alias));

#include "simd.h"
#include "stream.h"
#include "vmath.h"
#include "activation.c"
#include "pointwise.h"
#include "pointwise.c"
#if SINGLE
#include "wide.c"
#endif
#include "special.c"
#include "polynomials.c"
#include "convert.c"
#include "window.c"
#include "lu.c"
#include "reduce.c"
#include "reduce_columns.c"
#include "optim.c"
#include "random.c"
#include "dropout.c"
#include "pool.c"
#include "norm.c"
#include "norm_columns.c"
#include "norm_batch.c"
#include "norm_rows.c"
#include "columns.c"
#include "gemm.h"
#include "move.c"
#include "limits.c"
#include "dots.h"
#include "gemm_blocks.h"
#include "gemm.c"
#include "conv_columns.h"
#include "winograd.h"
#include "conv_winograd_filters.h"
#include "conv_winograd.h"
#include "conv_images.h"
#include "depthwise.h"
#include "depth_lanes.h"
#include "conv.c"
#include "conv_dots.h"
#include "conv_units.h"
#include "conv_weight_winograd.h"
#include "conv_weight.c"
#include "index.c"
#include "sample.c"
#include "softmax.c"
#undef PUT_END
#undef WALK
#undef LAST_OF
#undef POINTWISE1
#undef POINTWISE2
#undef POINTWISE3
#undef POINTWISE4
