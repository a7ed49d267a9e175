"""The layers of ``minigrad.nn``, one file per family; each says in ``__all__`` what it offers."""

from typing import TYPE_CHECKING

from minigrad.nn.modules.activation import *  # noqa: F403
from minigrad.nn.modules.adaptive import *  # noqa: F403
from minigrad.nn.modules.attention import *  # noqa: F403
from minigrad.nn.modules.batchnorm import *  # noqa: F403
from minigrad.nn.modules.channelshuffle import *  # noqa: F403
from minigrad.nn.modules.container import *  # noqa: F403
from minigrad.nn.modules.conv import *  # noqa: F403
from minigrad.nn.modules.distance import *  # noqa: F403
from minigrad.nn.modules.dropout import *  # noqa: F403
from minigrad.nn.modules.flatten import *  # noqa: F403
from minigrad.nn.modules.fold import *  # noqa: F403
from minigrad.nn.modules.instancenorm import *  # noqa: F403
from minigrad.nn.modules.lazy_layers import *  # noqa: F403
from minigrad.nn.modules.linear import *  # noqa: F403
from minigrad.nn.modules.linear_cross_entropy_options import *  # noqa: F403
from minigrad.nn.modules.loss import *  # noqa: F403
from minigrad.nn.modules.module import Module as Module
from minigrad.nn.modules.normalization import *  # noqa: F403
from minigrad.nn.modules.padding import *  # noqa: F403
from minigrad.nn.modules.parameter_container import *  # noqa: F403
from minigrad.nn.modules.pixelshuffle import *  # noqa: F403
from minigrad.nn.modules.pooling import *  # noqa: F403
from minigrad.nn.modules.rnn import *  # noqa: F403
from minigrad.nn.modules.sparse import *  # noqa: F403
from minigrad.nn.modules.transformer import *  # noqa: F403
from minigrad.nn.modules.transformer_layers import *  # noqa: F403
from minigrad.nn.modules.upsampling import *  # noqa: F403

if not TYPE_CHECKING:  # type checkers cannot read a computed list, and do not need it
    # The layers and not the files, one of which is called like a room of nn.
    __all__ = [name for name, value in list(globals().items()) if isinstance(value, type)]
