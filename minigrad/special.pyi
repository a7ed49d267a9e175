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
    "erf",
    "expit",
    "log_softmax",
    "logsumexp",
    "sigmoid",
    "softmax",
]

def erf(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def expit(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor: ...
def logsumexp(input: Any, dim: int | Sequence[int], keepdim: bool = False) -> Tensor: ...
def sigmoid(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor: ...
