"""All operations, by family. Importing this package fills the registry."""

from __future__ import annotations

import minigrad.tensor  # noqa: F401  (first: the results of ops are Tensors)
from minigrad.ops import arithmetic  # noqa: F401
from minigrad.ops import cast  # noqa: F401
from minigrad.ops import compare  # noqa: F401
from minigrad.ops import creation  # noqa: F401
from minigrad.ops import extrema  # noqa: F401
from minigrad.ops import fill  # noqa: F401
from minigrad.ops import index  # noqa: F401
from minigrad.ops import join  # noqa: F401
from minigrad.ops import pointwise  # noqa: F401
from minigrad.ops import random  # noqa: F401
from minigrad.ops import reduce  # noqa: F401
from minigrad.ops import rounding  # noqa: F401
from minigrad.ops import shape  # noqa: F401
from minigrad.ops import linalg  # noqa: F401
from minigrad.ops import conv  # noqa: F401
from minigrad.ops import pool  # noqa: F401
from minigrad.ops import softmax  # noqa: F401
from minigrad.ops import loss  # noqa: F401
from minigrad.ops import norm  # noqa: F401
from minigrad.ops import activation  # noqa: F401
from minigrad.ops import activation_more  # noqa: F401
from minigrad.ops import special  # noqa: F401
from minigrad.ops import pool_adaptive  # noqa: F401
from minigrad.ops import loss_binary  # noqa: F401
from minigrad.ops import loss_classes  # noqa: F401
from minigrad.ops import dropout  # noqa: F401
from minigrad.ops import linear  # noqa: F401
from minigrad.ops import activation_pieces  # noqa: F401
from minigrad.ops import norm_groups  # noqa: F401
