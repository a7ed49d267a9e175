"""Losses as layers, by family."""

from minigrad.nn.modules.loss.base import _Loss as _Loss
from minigrad.nn.modules.loss.base import _WeightedLoss as _WeightedLoss
from minigrad.nn.modules.loss.classes import *  # noqa: F403
from minigrad.nn.modules.loss.likelihood import *  # noqa: F403
from minigrad.nn.modules.loss.margin import *  # noqa: F403
from minigrad.nn.modules.loss.regression import *  # noqa: F403
from minigrad.nn.modules.loss.sequence import *  # noqa: F403
