"""Nonlinearities as layers, by family."""

from minigrad.nn.modules.activation.rectifiers import *  # noqa: F403
from minigrad.nn.modules.activation.shrinkage import *  # noqa: F403
from minigrad.nn.modules.activation.smooth import *  # noqa: F403
from minigrad.nn.modules.activation.softmax import *  # noqa: F403
from minigrad.nn.modules.attention import MultiheadAttention as MultiheadAttention
