"""Calls to measure an op with, from its record and nothing else."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.autograd.op import Binary, Unary
from minigrad.autograd.registry import Call, Domain, Record, T, call

DTYPES = {"float": np.float32, "int": np.int64, "bool": np.bool_}
KINDS = {"real": "float", "integer": "int", "boolean": "bool"}
# What to pass where a record has no sample of its own: by the name of the parameter.
USUAL = {"input": T(2, 3), "other": T(2, 3), "size": (2, 3), "fill_value": 1.5, "data": [1.5] * 6}


@dataclass(frozen=True)
class Case:
    """One call of one op; ``size`` is how many elements its tensors have if it was scaled."""

    record: Record
    sample: Call
    size: int | None = None

    @property
    def label(self) -> str:
        """The call as one would write it, with shapes for tensors."""
        parts = [_text(a) for a in self.sample.args]
        parts += [f"{k}={_text(v)}" for k, v in self.sample.kwargs.items()]
        return f"{self.record.name}({', '.join(parts)})"


def _text(value: Any) -> str:
    if isinstance(value, T):
        return "x".join(map(str, value.shape)) or "()"
    if isinstance(value, list) and len(value) > 3:
        return f"[{_text(value[0])}, ...]"
    if isinstance(value, (list, tuple)) and any(isinstance(v, T) for v in value):
        return f"[{', '.join(map(_text, value))}]"
    return repr(value)


def cases(record: Record, sizes: tuple[int, ...]) -> Iterator[Case]:
    """The record's samples: scaled to each size those that can be, else the first as it stands."""
    samples = record.samples or tuple(_usual(record))
    scalable = [s for s in samples if _scalable(s)][:2]
    for sample in scalable:
        for size in sizes:
            yield Case(record, _scaled(sample, size), size)
    if not scalable:
        yield from (Case(record, sample) for sample in samples[:2])


def _usual(record: Record) -> Iterator[Call]:
    """A call for a record without samples, if its signature says what it takes."""
    if record.op is not None and issubclass(record.op, (Unary, Binary)):
        yield call(*[T(2, 3)] * len(record.op.inputs))
        return
    given = []
    for p in inspect.signature(record.function).parameters.values():
        if p.default is not p.empty or p.kind in (p.VAR_KEYWORD, p.KEYWORD_ONLY):
            continue
        if p.name not in USUAL:
            return
        given += USUAL[p.name] if p.kind is p.VAR_POSITIONAL else [USUAL[p.name]]
    if given:
        yield call(*given)


def _scalable(sample: Call) -> bool:
    """Whether all its tensors have one shape of one or two axes, which can be any other."""
    shapes = {a.shape for a in sample.args if isinstance(a, T)}
    if not shapes:
        return sample.args[:2] == (2, 3) or sample.args[:1] == ((2, 3),)
    nested = any(isinstance(a, (list, tuple)) for a in sample.args)
    return len(shapes) == 1 and len(next(iter(shapes))) in (1, 2) and not nested


def _scaled(sample: Call, size: int) -> Call:
    """The same call with square matrices, or vectors, of about ``size`` elements."""
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
    record = case.record

    def fill(value: Any, position: int) -> Any:
        if isinstance(value, T):
            usual = record.domain[min(position, len(record.domain) - 1)]
            return _array(random, value, usual, record.dtypes[0])
        if isinstance(value, (list, tuple)):
            return type(value)(fill(v, position) for v in value)
        return value

    args = [fill(value, i) for i, value in enumerate(case.sample.args)]
    return args, {k: fill(v, len(args)) for k, v in case.sample.kwargs.items()}


def _array(random: np.random.Generator, wanted: T, usual: Domain, kind: str) -> Any:
    """Numbers of a domain: of the op's first dtype, unless the domain says that they are others."""
    domain = wanted.domain or usual
    if wanted.domain is not None or domain.kind == "boolean":
        kind = KINDS[domain.kind]
    if domain.kind == "real":
        return random.uniform(domain.low, domain.high, wanted.shape).astype(DTYPES[kind])
    drawn = random.integers(int(domain.low), int(domain.high) + 1, wanted.shape)
    return drawn.astype(DTYPES[kind])
