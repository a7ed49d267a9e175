"""Calls to measure an op with, from its record and nothing else."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad
from minigrad.autograd.registry import Call, Domain, Record, T, call

DTYPES = {"float": np.float32, "int": np.int64, "bool": np.bool_}
KINDS = {"real": "float", "integer": "int", "places": "int", "pivots": "int", "boolean": "bool"}
# What to pass where a record has no sample of its own: by the name of the parameter.
USUAL: dict[str, Any] = {
    "input": T(2, 3),
    "other": T(2, 3),
    "size": (2, 3),
    "fill_value": 1.5,
    "data": [1.5] * 6,
}


@dataclass(frozen=True)
class Case:
    """One sample call of one op, with about ``size`` elements if that is given."""

    record: Record
    sample: Call
    size: int | None = None

    @property
    def call(self) -> Call:
        """The call to make."""
        return self.sample if self.size is None else _scaled(self.sample, self.size)

    @property
    def label(self) -> str:
        """The call as one would write it, with shapes for tensors."""
        parts = [_text(a) for a in self.call.args]
        parts += [f"{k}={_text(v)}" for k, v in self.call.kwargs.items()]
        return f"{self.record.name}({', '.join(parts)})"

    def unscaled(self) -> Case:
        """The sample as the record gives it."""
        return Case(self.record, self.sample)


def _text(value: Any) -> str:
    if isinstance(value, T):
        return "x".join(map(str, value.shape)) or "()"
    if isinstance(value, list) and len(value) > 3:
        return f"[{_text(value[0])}, ...]"
    if isinstance(value, (list, tuple)) and any(isinstance(v, T) for v in value):
        return f"[{', '.join(map(_text, value))}]"
    return repr(value)


def families(record: Record, sizes: Sequence[int]) -> Iterator[list[Case]]:
    """The calls to measure: of two of the record's samples, scaled to each size if that can be."""
    samples = _distinct(record.samples_or_default() or tuple(_usual(record)))
    scalable = [sample for sample in samples if _of_one_shape(sample) or _batch(sample) > 1]
    for sample in (scalable or samples)[:2]:
        chosen = sizes if scalable else [None]
        yield [Case(record, sample, size) for size in chosen]


def _distinct(samples: Sequence[Call]) -> list[Call]:
    """One sample of those that differ in their shapes only."""

    def shapeless(value: Any) -> Any:
        return "tensor" if isinstance(value, T) else value

    found: dict[str, Call] = {}
    for sample in samples:
        kwargs = {k: shapeless(v) for k, v in sample.kwargs.items()}
        found.setdefault(repr(([*map(shapeless, sample.args)], kwargs)), sample)
    return list(found.values())


def _usual(record: Record) -> Iterator[Call]:
    """A call for a record without samples, if its signature says what it takes."""
    given: list[Any] = []
    for p in inspect.signature(record.function).parameters.values():
        if p.name in USUAL and p.kind is p.VAR_POSITIONAL:
            given += USUAL[p.name]
        elif p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD:
            if p.name not in USUAL:
                return
            given.append(USUAL[p.name])
    if given:
        yield call(*given)


def _of_one_shape(sample: Call) -> bool:
    """Whether all its tensors have one shape of one or two axes, which can be any other."""
    shapes = {a.shape for a in sample.args if isinstance(a, T)}
    if not shapes:
        return sample.args[:2] == (2, 3) or sample.args[:1] == ((2, 3),)
    nested = any(isinstance(a, (list, tuple)) for a in sample.args)
    return len(shapes) == 1 and len(next(iter(shapes))) in (1, 2) and not nested


def _tensors(sample: Call) -> list[T]:
    """The tensors among the arguments, those in lists too."""
    flat = [v for a in sample.args for v in (a if isinstance(a, (list, tuple)) else [a])]
    return [v for v in (*flat, *sample.kwargs.values()) if isinstance(v, T)]


def _batch(sample: Call) -> int:
    """The first axis of the first tensor: where a batch has its examples; 0 without a tensor."""
    found = _tensors(sample)
    return found[0].shape[0] if found and found[0].shape else 0


def _scaled(sample: Call, size: int) -> Call:
    """The same call with about ``size`` elements.

    Tensors of one shape become square matrices, or vectors; of others the batch is made larger,
    that is the first axis of the first tensor, and every first axis of that length.
    """
    if _of_one_shape(sample):
        return _squared(sample, size)
    batch = _batch(sample)
    larger = max(1, size // max(1, math.prod(_tensors(sample)[0].shape[1:])))

    def scale(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(map(scale, value))
        if isinstance(value, T) and value.shape[:1] == (batch,):
            return T(larger, *value.shape[1:], domain=value.domain)
        return value

    return Call(tuple(map(scale, sample.args)), {k: scale(v) for k, v in sample.kwargs.items()})


def _squared(sample: Call, size: int) -> Call:
    side = math.isqrt(size)

    def scale(value: Any) -> Any:
        if isinstance(value, T):
            shape = (side, side) if len(value.shape) == 2 else (size,)
            return T(*shape, domain=value.domain)
        return (side, side) if value == (2, 3) else value

    if sample.args[:2] == (2, 3):
        return Call((side, side, *sample.args[2:]), sample.kwargs)
    return Call(tuple(map(scale, sample.args)), sample.kwargs)


def draw(case: Case, seed: int = 0) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a case, with an array for each tensor."""
    random = np.random.default_rng(seed)
    record, count = case.record, itertools.count()

    def fill(value: Any) -> Any:
        if isinstance(value, T):
            usual = record.domain[min(next(count), len(record.domain) - 1)]
            return _array(random, value, usual, record.dtypes[0])
        if isinstance(value, (list, tuple)):
            return type(value)(fill(v) for v in value)
        return value

    call = case.call
    return [fill(value) for value in call.args], {k: fill(v) for k, v in call.kwargs.items()}


def _array(random: np.random.Generator, wanted: T, usual: Domain, kind: str) -> Any:
    """Numbers of a domain: of the op's first dtype, unless the domain says that they are others."""
    domain = wanted.domain or usual
    if wanted.domain is not None or domain.kind == "boolean":
        kind = KINDS[domain.kind]
    if domain.kind == "pivots":
        return np.broadcast_to(np.arange(1, wanted.shape[-1] + 1, dtype=np.int32), wanted.shape)
    if domain.kind == "real":
        drawn = random.uniform(domain.low, domain.high, wanted.shape)
        if domain.dominance and drawn.ndim > 1:
            drawn += domain.dominance * wanted.shape[-1] * np.eye(*wanted.shape[-2:])
        if domain.spread and drawn.ndim > 1:
            steps = np.arange(1, wanted.shape[-1] + 1)
            drawn += domain.spread * steps * np.eye(*wanted.shape[-2:])
        if domain.within is not None:
            drawn = domain.within(minigrad.from_numpy(drawn)).numpy()
        return drawn.astype(DTYPES[kind])
    drawn = random.integers(int(domain.low), int(domain.high) + 1, wanted.shape)
    return drawn.astype(DTYPES[kind])
