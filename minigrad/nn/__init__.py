"""Layers, losses and initialisation: the building blocks of networks."""

from minigrad.nn import functional as functional
from minigrad.nn import init as init
from minigrad.nn import modules as modules
from minigrad.nn import parameter as parameter
from minigrad.nn.modules import *  # noqa: F403
from minigrad.nn.parameter import Buffer as Buffer
from minigrad.nn.parameter import Parameter as Parameter
