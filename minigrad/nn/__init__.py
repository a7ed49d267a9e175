"""Layers, losses and initialisation: the building blocks of networks."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from minigrad.nn.modules import *  # noqa: F403

# The rooms after the layers: one of them has a name that a file of the layers has as well.
# isort: split
from minigrad.nn import attention as attention
from minigrad.nn import common_types as common_types
from minigrad.nn import functional as functional
from minigrad.nn import grad as grad
from minigrad.nn import init as init
from minigrad.nn import modules as modules
from minigrad.nn import parallel as parallel
from minigrad.nn import parameter as parameter
from minigrad.nn import utils as utils
from minigrad.nn.parallel import DataParallel as DataParallel
from minigrad.nn.parameter import Buffer as Buffer
from minigrad.nn.parameter import Parameter as Parameter
from minigrad.nn.parameter import UninitializedBuffer as UninitializedBuffer
from minigrad.nn.parameter import UninitializedParameter as UninitializedParameter

if not _TYPE_CHECKING:  # type checkers cannot read a computed list, and do not need it
    __all__ = [name for name in globals() if not name.startswith("_")]
