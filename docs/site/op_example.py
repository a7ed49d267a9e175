"""A worked example of an op, computed when the site is built: 2x2 wherever the op takes that."""

from __future__ import annotations

import inspect as signatures
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad
from docs.site.session import Session
from minigrad import inspect
from minigrad.autograd.record import Call, Domain, Record, T, call, integers
from minigrad.autograd.registry import names_in
from minigrad.testing.cases import arrays_of, domains_of, mapped
from minigrad.testing.drawing import values

LONGEST = 30  # lines of an example; beyond it another sample is looked for
SMALL = 64  # elements of an argument
# Where the samples of the tests are larger, or less telling, than a reader wants.
CHOSEN = {
    "avg_pool2d": call(T(1, 1, 2, 4), 2),
    "conv1d": call(T(1, 1, 4), T(1, 1, 2)),
    "conv2d": call(T(1, 1, 3, 3), T(1, 1, 2, 2)),
    "conv3d": call(T(1, 1, 2, 2, 2), T(1, 1, 1, 2, 2)),
    "conv_transpose2d": call(T(1, 1, 2, 2), T(1, 1, 2, 2)),
    "cross_entropy": call(T(2, 3), T(2, domain=integers(0, 2))),
    "dropout": call(T(2, 2), 0.5),
    "max_pool2d": call(T(1, 1, 2, 4), 2),
}


@dataclass
class Example:
    """What was typed and shown, and the graph that it left."""

    text: str
    graph: inspect.Graph | None


def places_of(record: Record) -> list[str]:
    """Where users find an op: the dotted names, the first of which the example calls."""
    found = []
    for where in ("torch", "nn.functional", "linalg", "special", "Tensor"):
        root = "torch" if where == "torch" else f"torch.{where}"
        found += [f"{root}.{name}" for name in names_in(where, record)]
    return found


def example(record: Record) -> Example | None:
    """The first sample call that runs and is short; with gradients if there are any."""
    for graded in (True, False) if record.gradcheck else (False,):
        for sample in candidates(record):
            try:
                found = worked(record, sample, graded)
            except Exception:  # this sample does not show it: say, no gradient by a leaf in place
                continue
            if found.text.count("\n") < LONGEST:
                return found
    return None


def candidates(record: Record) -> Iterator[Call]:
    """The record's samples cut down to 2x2, then as they are, the smallest first."""
    if record.name in CHOSEN:
        yield CHOSEN[record.name]
    samples = [s for s in record.samples_or_default() if sizes(s)[0] > 0 and max(sizes(s)) <= SMALL]
    for sample in samples:
        cut = mapped(sample, T, lambda t: T(*[2] * len(t.shape), domain=t.domain))
        if cut != sample and any(len(t.shape) == 2 for t in tensors(sample)):
            yield cut
    yield from sorted(samples, key=lambda s: abs(sum(sizes(s)) - 6))


def tensors(sample: Call) -> list[T]:
    """The tensor arguments of a sample."""
    found: list[T] = []
    mapped(sample, T, lambda t: found.append(t) or t)
    return found


def sizes(sample: Call) -> list[int]:
    """Their numbers of elements."""
    return [math.prod(t.shape) for t in tensors(sample)] or [1]


def worked(record: Record, sample: Call, graded: bool) -> Example:
    """Run one sample call line by line, draw its graph, and run backward."""
    rng = np.random.default_rng(7)
    arrays = arrays_of(record, sample, lambda s, d, n: short(values(rng, s, d, "float32", n), d))
    session = Session()
    session.run("import minigrad as torch")
    names = Names(record, [graded and domain.moved for domain in domains_of(record, sample)])
    expression = names.call(arrays)
    if "andom" in record.doc:
        session.run("_ = torch.manual_seed(0)")
    for line in [*names.lines, f"out = {expression}", "out"]:
        session.run(line)
    graph = backward(session, names) if graded else None
    return Example(session.text, graph)


def short(array: Any, domain: Domain) -> Any:
    """The numbers with one decimal, where they stay in the domain and away from its kinks."""
    if array.dtype.kind != "f":
        return array
    rounded = array.round(1) + np.float32(0)  # no -0
    inside = (rounded > domain.low).all() and (rounded < domain.high).all()
    apart = all((abs(rounded - point) > 0.05).all() for point in domain.avoid)
    alike = np.unique(rounded).size < array.size or domain.spread or domain.within
    return array.round(3) if alike or not (inside and apart) else rounded


def backward(session: Session, names: Names) -> inspect.Graph:
    """Draw what was recorded, then run backward from it."""
    out, shown = session.names["out"], "out"
    if not isinstance(out, minigrad.Tensor):
        place = next(i for i, part in enumerate(out) if part.requires_grad)
        out, shown = out[place], f"out[{place}]"
    leaves = {name: session.names[name] for name in names.leaves}
    graph = inspect.graph(out, leaves)
    weight = ""
    if out.dim():
        counted = np.arange(1.0, out.numel() + 1).reshape(out.shape)
        weight = literal(counted.astype(np.float32))
    session.run(f"{shown}.backward({weight})")
    for name in names.leaves:
        session.run(f"{name}.grad")
    return graph


class Names:
    """A call as it is written: tensors get the names of the parameters that they are given to."""

    def __init__(self, record: Record, graded: list[bool]) -> None:
        self.record = record
        self.graded = iter(graded)  # for each tensor, whether it wants a gradient
        self.lines: list[str] = []
        self.leaves: list[str] = []

    def call(self, call: Call) -> str:
        """The call's text; the lines that make its tensors are kept."""
        parameters = list(signatures.signature(self.record.function).parameters.values())
        place = places_of(self.record)[0]
        written = []
        for i, value in enumerate(call.args):
            parameter = parameters[min(i, len(parameters) - 1)]
            if parameters[0].kind is parameter.VAR_POSITIONAL:
                parameter = parameters[0]
                written.append(self.value(singular(parameter.name), value))
            else:
                written.append(self.value(parameter.name, value))
        if self.record.name.endswith("_") and self.leaves:  # a leaf is not written to
            written[0] += ".clone()"
        method = place.startswith("torch.Tensor.")
        named = [f"{name}={self.value(name, value)}" for name, value in call.kwargs.items()]
        if method:
            return f"{written[0]}.{place.rpartition('.')[2]}({', '.join(written[1:] + named)})"
        return f"{place}({', '.join(written + named)})"

    def value(self, name: str, value: Any) -> str:
        """An argument's text."""
        if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
            parts = [self.value(singular(name), part) for part in value]
            comma = "," if len(parts) == 1 else ""
            return (
                f"[{', '.join(parts)}]" if type(value) is list else f"({', '.join(parts)}{comma})"
            )
        if isinstance(value, float) and not math.isfinite(value):
            return f'float("{value}")'
        if not isinstance(value, np.ndarray):
            return repr(value)
        taken = {line.partition(" ")[0] for line in self.lines}
        number = 0
        while (own := f"{name}{number or ''}") in taken or own in ("torch", "out"):
            number += 1
        leaf = next(self.graded) and value.dtype.kind == "f"
        self.lines.append(f"{own} = {literal(value, leaf)}")
        if leaf:
            self.leaves.append(own)
        return own


def singular(name: str) -> str:
    """What one of several is called."""
    return {"matrices": "matrix", "indices": "index"}.get(name) or name.removesuffix("s")


def literal(array: Any, leaf: bool = False) -> str:
    """A tensor as it is typed."""
    usual = array.dtype.name in ("float32", "int64", "bool")
    kept = "" if usual else f", dtype=torch.{array.dtype}"
    wanted = ", requires_grad=True" if leaf else ""
    return f"torch.tensor({shortened(array.tolist())}{kept}{wanted})"


def shortened(numbers: Any) -> str:
    """Nested lists of numbers, each with no more digits than it has."""
    if isinstance(numbers, list):
        return f"[{', '.join(map(shortened, numbers))}]"
    if not isinstance(numbers, float):
        return repr(numbers)
    text = f"{numbers:.4g}"
    return f"{text}." if text.lstrip("-").isdigit() else text
