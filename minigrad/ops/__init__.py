"""All operations, by family. Importing this package fills the registry."""

from __future__ import annotations

import minigrad.tensor  # noqa: F401  (first: the results of ops are Tensors)
from minigrad.ops.creation import (
    cast,  # noqa: F401
    counting,  # noqa: F401
    data,  # noqa: F401
    drawing,  # noqa: F401
    filling,  # noqa: F401
    queries,  # noqa: F401
    random,  # noqa: F401
    windows,  # noqa: F401
)
from minigrad.ops.elementwise import (
    arithmetic,  # noqa: F401
    bessel,  # noqa: F401
    blends,  # noqa: F401
    bounds,  # noqa: F401
    compare,  # noqa: F401
    division,  # noqa: F401
    gamma,  # noqa: F401
    hyperbolic,  # noqa: F401
    integers,  # noqa: F401
    logarithms,  # noqa: F401
    pairs,  # noqa: F401
    parts,  # noqa: F401
    pointwise,  # noqa: F401
    polynomials,  # noqa: F401
    power,  # noqa: F401
    rounding,  # noqa: F401
    special,  # noqa: F401
    trigonometry,  # noqa: F401
)
from minigrad.ops.image import (
    axis_maps,  # noqa: F401
    conv,  # noqa: F401
    conv_transpose,  # noqa: F401
    grid_sample,  # noqa: F401
    image_columns,  # noqa: F401
    interpolate,  # noqa: F401
    pad,  # noqa: F401
    planes,  # noqa: F401
    pool,  # noqa: F401
    pool_adaptive,  # noqa: F401
    shuffle,  # noqa: F401
    unpool,  # noqa: F401
)
from minigrad.ops.indexing import (
    fill,  # noqa: F401
    gather,  # noqa: F401
    index,  # noqa: F401
    index_put,  # noqa: F401
    masked,  # noqa: F401
    scatter,  # noqa: F401
    slices,  # noqa: F401
)
from minigrad.ops.matrix import (
    bilinear,  # noqa: F401
    cholesky,  # noqa: F401
    determinant,  # noqa: F401
    einsum,  # noqa: F401
    ldl,  # noqa: F401
    linalg,  # noqa: F401
    linear,  # noqa: F401
    lu,  # noqa: F401
    matrices,  # noqa: F401
    matrix_functions,  # noqa: F401
    norms,  # noqa: F401
    orthogonal,  # noqa: F401
    products_added,  # noqa: F401
    products_more,  # noqa: F401
    pseudo_inverse,  # noqa: F401
    solve,  # noqa: F401
    spectral,  # noqa: F401
    vander,  # noqa: F401
)
from minigrad.ops.network import (
    activation,  # noqa: F401
    activation_elu,  # noqa: F401
    activation_more,  # noqa: F401
    activation_pieces,  # noqa: F401
    attention_heads,  # noqa: F401
    distance,  # noqa: F401
    dropout,  # noqa: F401
    embedding,  # noqa: F401
    embedding_bag,  # noqa: F401
    loss,  # noqa: F401
    loss_binary,  # noqa: F401
    loss_classes,  # noqa: F401
    loss_ctc,  # noqa: F401
    loss_distance,  # noqa: F401
    loss_likelihood,  # noqa: F401
    loss_linear,  # noqa: F401
    loss_margin,  # noqa: F401
    norm,  # noqa: F401
    norm_groups,  # noqa: F401
    softmax,  # noqa: F401
)
from minigrad.ops.reduction import (
    argmax,  # noqa: F401
    bins,  # noqa: F401
    cumulative,  # noqa: F401
    differences,  # noqa: F401
    extrema,  # noqa: F401
    moments,  # noqa: F401
    order,  # noqa: F401
    quantile,  # noqa: F401
    ranks,  # noqa: F401
    reduce,  # noqa: F401
    sets,  # noqa: F401
    truth,  # noqa: F401
    vector_norm,  # noqa: F401
)
from minigrad.ops.shape import (
    diagonals,  # noqa: F401
    expand,  # noqa: F401
    join,  # noqa: F401
    rearrange,  # noqa: F401
    region_scatter,  # noqa: F401
    shape,  # noqa: F401
    split,  # noqa: F401
    storage,  # noqa: F401
    strided,  # noqa: F401
    transpose,  # noqa: F401
    view_forms,  # noqa: F401
)
