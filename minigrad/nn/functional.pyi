"""Generated from the op records by `python -m minigrad.ops.generate`; do not edit."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minigrad.device import device as Device
from minigrad.dtypes import dtype as Dtype
from minigrad.random import Generator
from minigrad.tensor import Tensor


