"""Generated from the op records by `python -m minigrad.ops.generate`; do not edit."""

import builtins
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minigrad.backend import Array
from minigrad.device import device as Device
from minigrad.dtypes import dtype as Dtype
from minigrad.random import Generator
from minigrad.tensor import Tensor

__all__ = [
]


