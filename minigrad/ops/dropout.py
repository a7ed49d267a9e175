"""Dropout: random zeros in training, drawn in torch's order from torch's stream."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from minigrad.autograd.apply import make
from minigrad.autograd.registry import T, call, function, reals
from minigrad.backend import backend_of
from minigrad.random import default_generator

_F = ("nn.functional",)
_FACTS: dict[str, Any] = {
    "domain": (reals(-3, 3),),
    "gradcheck": False,
    "errors": (call(T(2, 3), 1.5), call(T(2, 3), -0.1)),
}


def _check(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def drawn_mask(input: Any, shape: tuple[int, ...], keep: float) -> Any:
    """Ones with probability ``keep``, zeros else, beside the input."""
    array = input._array
    kind = array.dtype if array.dtype.kind in "fV" else np.dtype(np.float32)
    mask = default_generator.bernoulli(keep, shape, kind)
    backend = backend_of(array)
    return backend.from_host(mask, backend.device_of(array).index)


def _multiplied(input: Any, mask: Any, inplace: bool) -> Any:
    return input.mul_(make(mask)) if inplace else input * make(mask)


def _dropped(input: Any, shape: tuple[int, ...], p: float, inplace: bool) -> Any:
    """The input times a mask of that shape, which holds 0 and 1 / (1 - p)."""
    if p == 1.0:
        mask = drawn_mask(input, (), 0.5)  # torch draws nothing here: see below
    keep = 1.0 - p
    mask = drawn_mask(input, shape, keep)
    mask /= keep
    return _multiplied(input, mask, inplace)
