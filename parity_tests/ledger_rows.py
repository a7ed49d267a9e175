"""What the ledger measures: how far results lie from what more exact arithmetic gives, in ulps.

A row is an op or a layer. Its calls are those of the parity tests, made by both libraries in
float32 and in float64; the judge of float32 is the same call in float64, on the same float32
numbers, and the judge of float64 is the op's own forward on NumPy's longer numbers, where it is a
function of NumPy. An error is counted in units in the last place of the exact value for
elementwise functions, else of the greatest value beside it: where terms cancel, that is what they
are about as large as.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

import minigrad
from minigrad.autograd.op import Binary, Unary
from minigrad.autograd.record import Record
from minigrad.autograd.registry import REGISTRY
from parity_tests import torch_modules
from parity_tests.module_cases import Case, cases, names, spread
from parity_tests.ops.samples import (
    LAYOUTS,
    domains_of,
    drawn,
    gradients_of,
    leaves_of,
    oracle,
    ours,
    outputs,
    records,
    result_of,
    tensors_of,
    theirs,
    to_numpy,
)

Array = np.ndarray[Any, Any]
KINDS = ("float32", "float64")
PARTS = ("forward", "gradient")
LAYER_CASES = 4
# A judge that is farther from both than this judges another result: other random numbers, or
# signs that are free.
OTHER = 2.0**-7
VANISHES = 2.0**-16
Scale = float | None  # what errors are held to; None: each to its own value


@dataclass
class Distances:
    """The greatest distances of one part of a row in one dtype; None: nothing to measure."""

    minigrad: float | None = None
    torch: float | None = None
    apart: float | None = None

    def note(self, mine: Array, its: Array | None, exact: Array | None, scale: Scale) -> None:
        """Count one result, of the sides that have it, and of the judge where there is one."""
        if its is not None:
            self.apart = _worst(self.apart, error(mine, its, scale))
        if exact is None or all(_other(found, exact) for found in (mine, its) if found is not None):
            return
        self.minigrad = _worst(self.minigrad, error(mine, exact, scale))
        if its is not None:
            self.torch = _worst(self.torch, error(its, exact, scale))


@dataclass
class Row:
    """One op or layer, by dtype and part."""

    name: str
    found: dict[tuple[str, str], Distances] = field(default_factory=dict)

    def at(self, kind: str, part: str) -> Distances:
        """The cell of a dtype and a part."""
        return self.found.setdefault((kind, part), Distances())


def error(found: Array, exact: Array, scale: Scale) -> float:
    """The greatest distance, in units in the last place of the type of ``found``.

    >>> error(np.float32([1.0000001]), np.float64([1.0]), None)
    1.0
    """
    if found.shape != exact.shape:
        return float("inf")
    same = (found == exact) | (np.isnan(found) & np.isnan(exact))
    if same.all():
        return 0.0
    wide = np.longdouble if found.dtype == np.float64 else np.float64
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(found.astype(wide) - exact.astype(wide))
        off = off / units(exact, found.dtype, scale).astype(wide)
    worst = np.where(same, 0.0, np.where(np.isfinite(off), off, np.inf)).max()
    return float(worst)


def units(exact: Array, kind: Any, scale: Scale) -> Array:
    """A unit in the last place of each value, or where there is a scale, of that."""
    limits = np.finfo(kind)
    size = np.where(np.isfinite(exact), np.abs(exact), 0)
    size = size if scale is None else np.full_like(size, scale)
    found: Array = np.spacing(size.clip(limits.tiny, limits.max).astype(kind))
    return found


def scale_of(results: Sequence[Any]) -> float:
    """The greatest size of some results; that of the cotangents, 1, where all vanish."""
    found = [float(np.abs(r[np.isfinite(r)]).max(initial=0.0)) for r in results if r is not None]
    return greatest if (greatest := max(found, default=0.0)) > VANISHES else 1.0


def _worst(one: float | None, other: float) -> float:
    return other if one is None or other > one or other != other else one


def _other(found: Array, exact: Array) -> bool:
    """Whether two results are not of one function at all."""
    if found.shape != exact.shape:
        return True
    size = np.abs(exact[np.isfinite(exact)]).max(initial=0.0)
    with np.errstate(invalid="ignore"):
        return bool((np.abs(found.astype(np.float64) - exact) > OTHER * size).any())


def op_names() -> list[str]:
    """The ops with a row: those with samples of floats."""
    return [r.name for r in records(oracle=False) if "float" in r.dtypes]


def layer_names() -> list[str]:
    """The layers with a row."""
    return names()


def op_row(name: str, layouts: Sequence[str] = LAYOUTS) -> Row:
    """Measure an op on the calls of its parity tests."""
    record, row = REGISTRY[name], Row(name)
    elementwise = record.op is not None and issubclass(record.op, (Unary, Binary))
    for index in range(len(record.samples_or_default())):
        for kind in KINDS:
            for layout in layouts:
                _measure_call(row, record, index, kind, layout, elementwise)
    return row


def _measure_call(
    row: Row, record: Record, index: int, kind: str, layout: str, elementwise: bool
) -> None:
    call = drawn(record, index, kind, layout)
    mine = _run(record, index, record.function, call, minigrad)
    its = _run(record, index, oracle(record), call, torch) if record.torch else None
    if kind == "float32":
        wide = _widened(call)
        library = torch if record.torch else minigrad
        function = oracle(record) if record.torch else record.function
        exact = _run(record, index, function, wide, library)
    else:
        exact = {"forward": _longer(record, call), "gradient": []}
    for part in PARTS:
        cell, own = row.at(kind, part), elementwise and part == "forward"
        others = its[part] if its is not None else [None] * len(mine[part])
        judges = exact[part] or [None] * len(mine[part])
        _note(cell, mine[part], others, judges, own, part == "gradient")


def _note(
    cell: Distances,
    mine: Sequence[Any],
    its: Sequence[Any],
    exact: Sequence[Any],
    own: bool,
    together: bool,
) -> None:
    """Count the results of one call; gradients are held to the greatest of them all."""
    whole = scale_of(its if any(t is not None for t in its) else mine)
    for one, other, judge in zip(mine, its, exact, strict=True):
        if one is None or one.dtype.kind != "f":
            continue
        scale = None if own else whole if together else scale_of([one if other is None else other])
        cell.note(one, other, judge, scale)


def _run(
    record: Record, index: int, function: Callable[..., Any], call: Any, library: Any
) -> dict[str, list[Any]]:
    """Values, and gradients of all the orders that torch has."""
    domains = domains_of(record, record.samples_or_default()[index])
    made, inputs = tensors_of(call, ours if library is minigrad else theirs)
    differentiable = record.gradcheck and record.orders
    leaves = [t.requires_grad_() for t in leaves_of(inputs, domains)] if differentiable else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = result_of(record, function, made, domains)
        found = gradients_of(result, leaves, library, record.orders) if leaves else []
    return {"forward": _arrays(outputs(result)), "gradient": _arrays(found)}


def _arrays(found: Sequence[Any]) -> list[Any]:
    return [to_numpy(t) if hasattr(t, "detach") else None for t in found]


def _widened(call: Any) -> Any:
    """The call with its float32 numbers as float64."""
    from minigrad.testing.cases import mapped

    def wide(array: Array) -> Array:
        return array.astype(np.float64, order="K") if array.dtype == np.float32 else array

    return mapped(call, np.ndarray, wide)


def _longer(record: Record, call: Any) -> list[Any]:
    """The op's function of NumPy on longer numbers; nothing where it is none, or has none."""
    op = record.op
    plain = all(isinstance(a, np.ndarray) for a in call.args) and not call.kwargs
    if op is None or not op.ufunc or not plain:
        return []
    longer = [a.astype(np.longdouble) if a.dtype.kind == "f" else a for a in call.args]
    if np.finfo(np.longdouble).nmant <= 52:
        return []
    with np.errstate(all="ignore"):
        return [np.asarray(getattr(np, op.ufunc)(*longer))]


def layer_row(name: str, limit: int = LAYER_CASES) -> Row:
    """Measure a layer on calls of torch's own database."""
    row = Row(name)
    for kind in KINDS:
        for case in spread(list(cases(name, kind)), limit):
            sides = _layer(case)
            for part in PARTS if sides else ():
                found = [side[part] for side in sides]
                if len({len(results) for results in found}) == 1:
                    _note(row.at(kind, part), *found, False, part == "gradient")
    return row


def _layer(case: Case) -> list[dict[str, list[Any]]]:
    """Results and gradients of a layer of both libraries, and of torch's in float64."""
    try:
        its = torch_modules.fitted(torch_modules.make(case, torch), case, torch)
        mine = torch_modules.fitted(torch_modules.make(case, minigrad), case, minigrad)
        wide = copy.deepcopy(its).double()
        sides = [_layer_run(mine, case, minigrad), _layer_run(its, case, torch)]
        if case.kind == "float32":
            return [*sides, _layer_run(wide, _wide_case(case), torch)]
        return [*sides, {part: [None] * len(found) for part, found in sides[1].items()}]
    except Exception:  # a call that is to fail, or of what is left out: compared elsewhere
        return []


def _layer_run(layer: Any, case: Case, library: Any) -> dict[str, list[Any]]:
    ran = torch_modules.run(layer, case, library)
    found = torch_modules.gradients(ran, library)
    return {"forward": _arrays(outputs(ran.result)), "gradient": _arrays(found)}


def _wide_case(case: Case) -> Case:
    """The case with float64 inputs of the same numbers."""

    def wide(value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.dtype == torch.float32:
            return value.detach().double().requires_grad_(value.requires_grad)
        if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
            return type(value)(map(wide, value))
        return {k: wide(v) for k, v in value.items()} if type(value) is dict else value

    return Case(case.name, case.made_of, wide(case.called_with), "float64", case.training)
