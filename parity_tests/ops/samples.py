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
    "both_gradients",
    "both_values",
    "domains_of",
    "drawn",
    "gradients_of",
    "has_gradients",
    "kinds_of",
    "leaves_of",
    "oracle",
    "ours",
    "outputs",
    "records",
    "result_of",
    "sampled",
    "seeded",
    "tensors_of",
    "theirs",
    "to_numpy",
    "values",
    "weight",
]

KINDS = {"float": ("float32", "float64"), "int": ("int64", "int32", "uint8"), "bool": ("bool",)}
Fill = Callable[[tuple[int, ...], Domain, str], np.ndarray]


def records(*, oracle: bool) -> list[Record]:
    """The records with something to call them with; on demand only those that torch has too."""
    found = [r for r in REGISTRY.values() if r.samples_or_default() and (r.torch or not oracle)]
    return sorted(found, key=lambda r: r.name)


def sampled() -> list[tuple[Record, int]]:
    """Every sample call of every record that torch has too: the record and the call's number."""
    return [(r, k) for r in records(oracle=True) for k in range(len(r.samples_or_default()))]


def kinds_of(record: Record) -> list[str]:
    """The dtypes in which a record is compared."""
    return [kind for group in record.dtypes for kind in KINDS[group]]


def has_gradients(record: Record) -> bool:
    """Whether there are gradients to compare."""
    return record.gradcheck and bool(record.orders) and "float" in record.dtypes


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


def drawn(record: Record, index: int, kind: str, layout: str) -> Call:
    """A sample with the numbers that its parity test and the ledger draw for it."""
    rng = seeded(record.name, index, kind, layout)
    sample = record.samples_or_default()[index]
    return arrays_of(record, sample, kind, lambda s, d, k: values(rng, s, d, k), layout)


def result_of(record: Record, fn: Callable[..., Any], call: Call, domains: list[Domain]) -> Any:
    """What a function of either side makes of a call with tensors, in checks of gradients."""
    torch.default_generator.manual_seed(0)
    return cases.result_of(record, fn, call, domains)


def gradients_of(result: Any, leaves: list[Any], library: Any, orders: int) -> list[Any]:
    """The gradients of weighted results, and for two orders those of their weighted sum."""
    outs = [o for o in outputs(result) if getattr(o, "requires_grad", False)]
    if not outs:
        return [None] * len(leaves)
    weights = [weight(o, library) for o in outs]
    grad = library.autograd.grad
    first = list(grad(outs, leaves, weights, create_graph=orders == 2, allow_unused=True))
    if orders < 2:
        return first
    parts = [(g * weight(g, library)).sum() for g in first if g is not None and g.requires_grad]
    # Where the first gradient is constant, the second is zero; the sides may say so either way.
    second = grad(parts, leaves, allow_unused=True) if parts else [None] * len(leaves)
    pairs = zip(second, leaves, strict=True)
    return [*first, *[library.zeros_like(t) if s is None else s for s, t in pairs]]


def both_values(
    record: Record, index: int, kind: str, layout: str, make: Callable[[np.ndarray], Any]
) -> list[tuple[Any, Any]]:
    """What minigrad and torch make of a sample call; ``make`` brings arrays to minigrad."""
    domains = domains_of(record, record.samples_or_default()[index])
    call = drawn(record, index, kind, layout)
    mine, inputs = tensors_of(call, make)
    before = [to_numpy(t).copy() for t in inputs]
    other, _ = tensors_of(call, theirs)
    got = outputs(result_of(record, record.function, mine, domains))
    want = outputs(result_of(record, oracle(record), other, domains))
    for tensor, old in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(to_numpy(tensor), old, err_msg="an input was changed")
    return list(zip(got, want, strict=True))


def both_gradients(
    record: Record, index: int, layout: str, make: Callable[[np.ndarray], Any]
) -> list[tuple[Any, Any]]:
    """The gradients of all orders that torch has, in float64, where there is one."""
    domains = domains_of(record, record.samples_or_default()[index])
    call = drawn(record, index, "float64", layout)
    results = []
    for function, brought in ((record.function, make), (oracle(record), theirs)):
        made, inputs = tensors_of(call, brought)
        leaves = [t.requires_grad_() for t in leaves_of(inputs, domains)]
        result = result_of(record, function, made, domains)
        library = torch if brought is theirs else minigrad
        results.append(gradients_of(result, leaves, library, record.orders))
    pairs = list(zip(*results, strict=True))
    assert all((one is None) == (other is None) for one, other in pairs), "a gradient is missing"
    return [pair for pair in pairs if pair[0] is not None]


def weight(like: Any, library: Any) -> Any:
    """A cotangent of a tensor's shape and dtype; float32 numbers, so that all dtypes have them."""
    shape = tuple(like.shape)
    numbers = np.random.default_rng(len(shape)).uniform(0.5, 1.5, shape).astype(np.float32)
    return library.from_numpy(np.asarray(numbers)).to(like.dtype).to(like.device)


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
