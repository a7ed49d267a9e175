"""Layers that summarise parts of their input, and their inverses, by family."""

from minigrad.nn.modules.pooling.adaptive import *  # noqa: F403
from minigrad.nn.modules.pooling.fractional import *  # noqa: F403
from minigrad.nn.modules.pooling.means import *  # noqa: F403
from minigrad.nn.modules.pooling.unpooling import *  # noqa: F403
from minigrad.nn.modules.pooling.windows import *  # noqa: F403
from minigrad.nn.modules.pooling.windows import _LPPoolNd as _LPPoolNd
from minigrad.nn.modules.pooling.windows import _MaxPoolNd as _MaxPoolNd
