"""All operations, by family. Importing this package fills the registry."""

from __future__ import annotations

import minigrad.tensor  # noqa: F401  (first: the results of ops are Tensors)
from minigrad.ops import (
    activation,  # noqa: F401
    activation_more,  # noqa: F401
    activation_pieces,  # noqa: F401
    arithmetic,  # noqa: F401
    bounds,  # noqa: F401
    cast,  # noqa: F401
    compare,  # noqa: F401
    conv,  # noqa: F401
    creation,  # noqa: F401
    dropout,  # noqa: F401
    expand,  # noqa: F401
    extrema,  # noqa: F401
    fill,  # noqa: F401
    filling,  # noqa: F401
    gather,  # noqa: F401
    index,  # noqa: F401
    join,  # noqa: F401
    linalg,  # noqa: F401
    linear,  # noqa: F401
    loss,  # noqa: F401
    loss_binary,  # noqa: F401
    loss_classes,  # noqa: F401
    moments,  # noqa: F401
    norm,  # noqa: F401
    norm_groups,  # noqa: F401
    pointwise,  # noqa: F401
    pool,  # noqa: F401
    pool_adaptive,  # noqa: F401
    power,  # noqa: F401
    random,  # noqa: F401
    reduce,  # noqa: F401
    rounding,  # noqa: F401
    shape,  # noqa: F401
    softmax,  # noqa: F401
    special,  # noqa: F401
    transpose,  # noqa: F401
    trigonometry,  # noqa: F401
    vector_norm,  # noqa: F401
)
