"""The layers of ``minigrad.nn``, one file per family; each says in ``__all__`` what it offers."""

from minigrad.nn.modules.activation import *  # noqa: F403
from minigrad.nn.modules.activation_more import *  # noqa: F403
from minigrad.nn.modules.batchnorm import *  # noqa: F403
from minigrad.nn.modules.container import *  # noqa: F403
from minigrad.nn.modules.conv import *  # noqa: F403
from minigrad.nn.modules.dropout import *  # noqa: F403
from minigrad.nn.modules.flatten import *  # noqa: F403
from minigrad.nn.modules.linear import *  # noqa: F403
from minigrad.nn.modules.loss import *  # noqa: F403
from minigrad.nn.modules.module import Module as Module
from minigrad.nn.modules.normalization import *  # noqa: F403
from minigrad.nn.modules.parameter_container import *  # noqa: F403
from minigrad.nn.modules.pooling import *  # noqa: F403
