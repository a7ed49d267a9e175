"""Turning the sample calls of op records into arguments for minigrad and for torch."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import torch

import minigrad
from minigrad.autograd.registry import REGISTRY, Call, Domain, Record
from minigrad.testing import cases
from minigrad.testing.cases import domains_of, leaves_of, outputs, tensors_of
from minigrad.testing.drawing import LAYOUTS, values

__all__ = [
    "LAYOUTS",
    "arrays_of",
    "domains_of",
    "leaves_of",
    "oracle",
    "ours",
    "outputs",
    "records",
    "result_of",
    "seeded",
    "tensors_of",
    "theirs",
    "to_numpy",
    "values",
]

Fill = Callable[[tuple[int, ...], Domain, str], np.ndarray]


def records(*, oracle: bool) -> list[Record]:
    """The records with something to call them with; on demand only those that torch has too."""
    found = [r for r in REGISTRY.values() if r.samples_or_default() and (r.torch or not oracle)]
    return sorted(found, key=lambda r: r.name)


def oracle(record: Record) -> Callable[..., Any]:
    """torch's own function for a record."""
    found: Any = torch
    for part in (record.torch or "").split("."):
        found = getattr(found, part)
    return found


def seeded(*key: Any) -> np.random.Generator:
    """A generator that draws the same for the same test."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def arrays_of(
    record: Record, sample: Call, kind: str, fill: Fill, layout: str = "contiguous"
) -> Call:
    """The sample with a NumPy array for each T, in order of appearance."""
    return cases.arrays_of(record, sample, lambda s, d, number: fill(s, d, kind), layout)


def result_of(record: Record, fn: Callable[..., Any], call: Call, domains: list[Domain]) -> Any:
    """What a function of either side makes of a call with tensors, in checks of gradients."""
    torch.default_generator.manual_seed(0)
    return cases.result_of(record, fn, call, domains)


def ours(array: np.ndarray) -> Any:
    """A minigrad tensor of the array's own memory and strides."""
    return minigrad.from_numpy(array)


def theirs(array: np.ndarray) -> Any:
    """A torch tensor of the same values and strides."""
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.astype(np.float32)).to(torch.bfloat16)
    return torch.from_numpy(array)


def to_numpy(tensor: Any) -> np.ndarray:
    """The values of a tensor of either side, bfloat16 widened."""
    tensor = tensor.detach()
    if "bfloat16" in str(tensor.dtype):
        tensor = tensor.float()
    return np.asarray(tensor.numpy(force=True))
