"""Turning the sample calls of op records into arguments for minigrad and for torch."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import torch

import minigrad
from minigrad.autograd.registry import REGISTRY, Call, Domain, Record, T

Fill = Callable[[tuple[int, ...], Domain, str], np.ndarray]

# How the elements of an argument lie in memory; values and gradients must not depend on it.
LAYOUTS = ("contiguous", "transposed", "stepped", "offset")


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


def values(
    rng: np.random.Generator, shape: tuple[int, ...], domain: Domain, kind: str
) -> np.ndarray:
    """Numbers of a domain, in a dtype kind ("float32", "int64", "bool", ...)."""
    if domain.kind == "boolean":
        return rng.integers(0, 2, shape).astype(bool)
    if domain.kind == "places":
        return _places(rng, shape, int(domain.low), int(domain.high))
    if domain.kind == "pivots":
        last = np.arange(1, shape[-1] + 1)
        return rng.integers(last, shape[-1] + 1, shape).astype(np.int32)
    if domain.kind == "integer" or not kind.startswith(("float", "bfloat")):
        low, high = int(np.ceil(domain.low)), int(np.floor(domain.high))
        whole = rng.integers(low, max(high, low) + 1, shape)
        return whole.astype(np.int64 if domain.kind == "integer" and kind.startswith("f") else kind)
    # Each in a part of the range of its own: no two are so near that differences would swap them.
    size = int(np.prod(shape))
    part = rng.permutation(size).reshape(shape) + rng.uniform(0.05, 0.95, shape)
    drawn = np.asarray(domain.low + (domain.high - domain.low) * part / max(size, 1))
    for point in domain.avoid:  # step away from a kink, further than finite differences reach
        near = np.abs(drawn - point) < 0.05
        drawn = np.where(near, point + np.where(drawn >= point, 0.1, -0.1), drawn)
    if domain.dominance and len(shape) > 1:
        drawn += domain.dominance * shape[-1] * np.eye(*shape[-2:])
    if domain.spread and len(shape) > 1:
        drawn += domain.spread * np.eye(*shape[-2:]) * np.arange(1, shape[-1] + 1)
    if domain.within is not None:
        drawn = domain.within(minigrad.from_numpy(drawn)).numpy()
    return drawn.astype(ml_dtypes.bfloat16 if kind == "bfloat16" else kind)


def _places(rng: np.random.Generator, shape: tuple[int, ...], low: int, high: int) -> np.ndarray:
    """Numbers from low to high, none twice along an axis that they suffice for, or at all."""
    count = high + 1
    order = rng.permutation(count)
    if (size := int(np.prod(shape))) <= count:
        found = order[:size].reshape(shape)
    elif len(shape) > 1:
        found = order[sum(np.indices(shape)) % count]
    else:
        raise ValueError("more places than there are")
    return found - count * rng.integers(0, 2, shape) if low < 0 else found


def laid_out(array: np.ndarray, layout: str) -> np.ndarray:
    """The same values in another order of memory."""
    if layout == "transposed" and array.ndim >= 2:
        return np.ascontiguousarray(array.swapaxes(-1, -2)).swapaxes(-1, -2)
    if layout == "stepped" and array.ndim:
        wide = np.zeros((*array.shape[:-1], array.shape[-1] * 2), dtype=array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    if layout == "offset" and array.ndim:
        longer = np.concatenate([array[:1], array]) if len(array) else array
        return longer[1:] if len(array) else array
    return array


def arrays_of(
    record: Record, sample: Call, kind: str, fill: Fill, layout: str = "contiguous"
) -> Call:
    """The sample with a NumPy array for each T, in order of appearance."""
    count = 0

    def filled(value: Any) -> Any:
        nonlocal count
        if isinstance(value, T):
            domain = value.domain or record.domain[min(count, len(record.domain) - 1)]
            count += 1
            return laid_out(fill(value.shape, domain, kind), layout)
        if isinstance(value, (list, tuple)) and any(isinstance(v, T) for v in value):
            return type(value)(filled(v) for v in value)
        return value

    return Call(
        tuple(filled(a) for a in sample.args), {k: filled(v) for k, v in sample.kwargs.items()}
    )


def tensors_of(call: Call, make: Callable[[np.ndarray], Any]) -> tuple[Call, list[Any]]:
    """The call with tensors for arrays, and those tensors."""
    made: list[Any] = []

    def tensor(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            made.append(make(value))
            return made[-1]
        if isinstance(value, (list, tuple)) and any(isinstance(v, np.ndarray) for v in value):
            return type(value)(tensor(v) for v in value)
        return value

    args = tuple(tensor(a) for a in call.args)
    return Call(args, {k: tensor(v) for k, v in call.kwargs.items()}), made


def domains_of(record: Record, sample: Call) -> list[Domain]:
    """The domain of each T, in order of appearance."""
    found: list[Domain] = []

    def note(shape: tuple[int, ...], domain: Domain, kind: str) -> np.ndarray:
        found.append(domain)
        return np.zeros(0)

    arrays_of(record, sample, "float64", note)
    return found


def leaves_of(inputs: list[Any], domains: list[Domain]) -> list[Any]:
    """The tensors of a call by which there is a derivative."""
    both = zip(inputs, domains, strict=True)
    return [tensor for tensor, d in both if tensor.is_floating_point() and d.moved]


def result_of(record: Record, fn: Callable[..., Any], call: Call, domains: list[Domain]) -> Any:
    """What a function makes of a call with tensors, as the tests of gradients see it.

    The arguments are led through what keeps them in their domains, the random numbers are always
    the same, an in-place function is given a copy, and the record may say what is shown.
    """
    left = iter(domains)

    def kept(value: Any) -> Any:
        if isinstance(value, (minigrad.Tensor, torch.Tensor)):
            within = next(left).within
            return value if within is None else within(value)
        if isinstance(value, (list, tuple)):
            return type(value)(map(kept, value))
        return value

    args = [kept(a) for a in call.args]
    kwargs = {k: kept(v) for k, v in call.kwargs.items()}
    if record.name.endswith("_"):
        args[0] = args[0].clone()
    minigrad.manual_seed(0)
    torch.default_generator.manual_seed(0)
    result = fn(*args, **kwargs)
    return result if record.shown is None else record.shown(result)


def ours(array: np.ndarray) -> Any:
    """A minigrad tensor of the array's own memory and strides."""
    return minigrad.from_numpy(array)


def theirs(array: np.ndarray) -> Any:
    """A torch tensor of the same values and strides."""
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.astype(np.float32)).to(torch.bfloat16)
    return torch.from_numpy(array)


def outputs(result: Any) -> list[Any]:
    """The tensors of a result, whatever it comes wrapped in."""
    if isinstance(result, (tuple, list)):
        return [t for part in result for t in outputs(part)]
    return [result]


def to_numpy(tensor: Any) -> np.ndarray:
    """The values of a tensor of either side, bfloat16 widened."""
    tensor = tensor.detach()
    if "bfloat16" in str(tensor.dtype):
        tensor = tensor.float()
    return np.asarray(tensor.numpy(force=True))
