"""Every op of the registry beside torch, at 100, 10,000 and 1,000,000 elements where it can be.

Which calls are made follows from the op's record alone, so a new op has its rows at once.
"""

from __future__ import annotations

import argparse
import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.libraries import difference, is_tensor, load
from benchmarks.reasons import by_reason
from benchmarks.report import Result, Table, progress
from benchmarks.samples import Case, draw, families
from benchmarks.timing import Measurement, digits, geometric_mean, in_turns
from minigrad.autograd.registry import REGISTRY, Record

ROUNDS = 25
PATIENCE = 1.0  # seconds for all rounds of one case; slow calls get fewer rounds, but three
# From here on a larger size is not tried: seconds per call, elements of the result per element.
SLOW, LARGE = 0.003, 30
SIZES = (100, 10_000, 1_000_000)
PASSES = ("forward", "forward and backward")
NUMPY = "minigrad (NumPy)"  # the same ops without the native kernels
ARBITRARY = ("empty", "empty_like", "new_empty")  # whatever memory held: nothing to compare


@dataclass
class Row:
    """What was found for one call: a measurement for each pass, or why there is none."""

    name: str
    label: str
    size: int | None = None
    found: dict[str, Measurement] = field(default_factory=dict)
    note: str = ""
    growth: float = 0.0  # elements of the result per element asked for

    def seconds(self) -> float:
        """The longest time that one call of either library took."""
        return max((m.of(s).median for m in self.found.values() for s in m.times), default=0.0)


def function_of(record: Record, lib: Any) -> Callable[..., Any] | None:
    """A library's function or method for a record; None if it has none."""
    if lib.__name__ == "minigrad":
        return record.method if record.where == ("Tensor",) else record.function
    path = record.torch or record.name
    place: Any = lib.Tensor if record.where == ("Tensor",) else lib
    for part in path.removeprefix("Tensor.").split("."):
        place = getattr(place, part, None)
    return place  # type: ignore[no-any-return]


class Prepared:
    """One case made ready to run with one library."""

    def __init__(self, case: Case, lib: Any, fn: Callable[..., Any]) -> None:
        args, kwargs = draw(case)
        self.lib, self.fn = lib, fn
        self.leaves: list[Any] = []
        self.args = [self._tensors(a) for a in args]
        self.kwargs = {k: self._tensors(v) for k, v in kwargs.items()}
        self.seeds: list[Any] = []

    def _tensors(self, value: Any) -> Any:
        """Tensors for arrays, those of floats as leaves that want gradients."""
        if isinstance(value, (list, tuple)):
            return type(value)(self._tensors(v) for v in value)
        if not isinstance(value, np.ndarray):
            return value
        tensor = self.lib.tensor(value)
        if value.dtype.kind == "f":
            self.leaves.append(tensor)
        return tensor

    def forward(self) -> Any:
        """The call; it is not recorded as long as no argument wants a gradient.

        (Entering ``no_grad`` for each call would cost torch more than a small op does.)
        """
        return self.fn(*self.args, **self.kwargs)

    def seeded(self, run: Callable[[], Any]) -> Any:
        """One run with the random numbers that the other libraries draw too."""
        self.lib.manual_seed(0)
        return run()

    def recorded(self) -> list[Any]:
        """The outputs of a recorded call that have a gradient."""
        for leaf in self.leaves:
            leaf.requires_grad_()
        outputs = self.fn(*self.args, **self.kwargs)
        outputs = outputs if isinstance(outputs, (tuple, list)) else [outputs]
        return [o for o in outputs if is_tensor(o) and o.requires_grad]

    def both(self) -> list[Any]:
        """The call, recorded, and the gradients of its arguments."""
        outputs = self.recorded()
        self.seeds = self.seeds or [self.lib.tensor(_cotangent(o)) for o in outputs]
        self.lib.autograd.backward(outputs, self.seeds)
        gradients = [leaf.grad for leaf in self.leaves]
        for leaf in self.leaves:
            leaf.grad = None
        return gradients


def _cotangent(output: Any) -> Any:
    """What is handed to backward: not ones, for which the gradient of a normalisation is noise."""
    shape = tuple(output.shape)
    drawn = np.random.default_rng(1).uniform(0.5, 1.5, shape)
    return drawn.astype(str(output.dtype).removeprefix("torch."))


def measure_case(case: Case, libs: dict[str, Any], rounds: int) -> Row:
    """Compare a case between the libraries, then time it."""
    row = Row(case.record.name, case.label, case.size)
    functions = {name: function_of(case.record, lib) for name, lib in libs.items()}
    if functions["torch"] is None:
        functions.pop("torch")
        row.note = "torch has no such function"
    sides = {n: Prepared(case, libs[n], f) for n, f in functions.items() if f is not None}
    if len(native().levels()) > 1:
        sides[NUMPY] = Prepared(case, libs["minigrad"], sides["minigrad"].fn)
    try:
        _compare_and_time(row, sides, rounds)
    except Exception as error:
        row.note = f"{type(error).__name__}: {str(error).splitlines()[0]:.60}"
    finally:
        choose("minigrad")
    return row


def native() -> Any:
    """The module that finds kernels."""
    return importlib.import_module("minigrad.backend.native")


def choose(side: str) -> None:
    """Use the kernels of the best level for minigrad, and none for its reference on NumPy."""
    level = "numpy" if side == NUMPY else native().levels()[-1]
    if native().level() != level:
        native().use(level)


def _results(row: Row, sides: dict[str, Prepared], name: str) -> tuple[dict[str, Any], str]:
    """What a pass computes on each side; and in what two of them differ."""
    found = {}
    for side, prepared in sides.items():
        choose(side)
        found[side] = prepared.seeded(getattr(prepared, name))
    oracle = found.get("torch", found["minigrad"])
    for side, mine in found.items():
        wrong = difference(mine, oracle, row.name in ARBITRARY)
        if wrong:
            return found, wrong if side == "minigrad" else f"{side}: {wrong}"
    return found, ""


def _compare_and_time(row: Row, sides: dict[str, Prepared], rounds: int) -> None:
    """Fill a row, pass by pass, as far as the results agree."""
    results, wrong = _results(row, sides, "forward")
    if wrong:
        row.note = f"results differ: {wrong}"
        return
    own = results["minigrad"]
    made = [t.numel() for t in (own if isinstance(own, (tuple, list)) else [own]) if is_tensor(t)]
    row.growth = sum(made) / (row.size or sum(made) or 1)
    row.found[PASSES[0]] = _timed({n: s.forward for n, s in sides.items()}, rounds)
    del results, own
    wants = {name: bool(side.leaves and side.recorded()) for name, side in sides.items()}
    if len(set(wants.values())) == 2:
        row.note = f"only {next(n for n, w in wants.items() if w)} has a gradient"
    if not all(wants.values()):
        return
    _, wrong = _results(row, sides, "both")
    if wrong:
        row.note = f"gradients differ: {wrong}"
        return
    row.found[PASSES[1]] = _timed({n: s.both for n, s in sides.items()}, rounds)


def _timed(calls: dict[str, Callable[[], Any]], rounds: int) -> Measurement:
    return in_turns(calls, rounds, patience=PATIENCE, before=choose)


def rows_of(record: Record, libs: dict[str, Any], rounds: int, sizes: Sequence[int]) -> list[Row]:
    """All rows of a record: at least one, if only to say why nothing was measured."""
    rows = []
    # A small size tells whether larger ones can be tried at all, so there always is one.
    tried = sizes if min(sizes) <= SIZES[0] else (SIZES[0], *sizes)
    for family in families(record, tried):
        found = []
        for case in family:
            found.append(measure_case(case, libs, rounds))
            if found[-1].seconds() > SLOW or found[-1].growth > LARGE:
                break
        if not any(row.found for row in found):  # the sample does not scale, or fails as it is
            found = [measure_case(family[0].unscaled(), libs, rounds)]
        rows += [row for row in found if row.size is None or row.size in sizes]
    return rows or [Row(record.name, record.name, note="its record has no sample call")]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    parser.add_argument("--only", nargs="+", metavar="OP", choices=sorted(REGISTRY))
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, metavar="N")


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    libs = {name: load(name) for name in ("minigrad", "torch")}
    records = [r for name, r in REGISTRY.items() if not options.only or name in options.only]
    rows: list[Row] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's notes on its own future
        for number, record in enumerate(records):
            progress(f"ops {number + 1}/{len(records)}: {record.name}")
            rows += rows_of(record, libs, options.rounds, options.sizes)
    progress("")
    result = Result("ops")
    result.tables = [_table(rows), _means(rows, options.sizes), _slowest(rows), _above(rows)]
    for row in rows:
        facts = {"row": row.name, "call": row.label, "size": row.size, "note": row.note}
        result.rows += [{**facts, "pass": p, **m.data()} for p, m in row.found.items()] or [facts]
    ratios = [m.ratio().median for _, _, m in _compared(rows)]
    if ratios:
        result.summary["geometric mean of minigrad / torch over all rows"] = geometric_mean(ratios)
    result.notes = [
        f"medians [quartiles] of {options.rounds} interleaved rounds; a row with a remark in place "
        "of numbers was not timed",
    ]
    return result


def _compared(rows: Sequence[Row]) -> list[tuple[Row, str, Measurement]]:
    """The measurements that have both sides."""
    return [(r, p, m) for r in rows for p, m in r.found.items() if "torch" in m.times]


def _table(rows: Sequence[Row]) -> Table:
    """Every row of every op."""
    header = ["µs per call"]
    for name in PASSES:
        header += [name, "torch", "ratio"]
    lines = []
    for row in rows:
        line = [f"`{row.label}`"]
        for name in PASSES:
            one = row.found.get(name)
            line += ["", "", ""] if one is None else _cells(one)
        lines.append([*line, row.note])
    return Table("Ops", [*header, "remark"], lines)


def _cells(one: Measurement) -> list[str]:
    """minigrad's time, torch's time, and the ratio with its quartiles."""
    mine = digits(one.of("minigrad").median * 1e6)
    if "torch" not in one.times:
        return [mine, "-", "-"]
    return [mine, digits(one.of("torch").median * 1e6), one.ratio().text()]


def _means(rows: Sequence[Row], sizes: Sequence[int]) -> Table:
    """Geometric means by number of elements."""
    lines = []
    for size in (*sizes, None):
        line = ["samples as in the record" if size is None else f"{size:,} elements"]
        for name in PASSES:
            found = [m.ratio().median for r, p, m in _compared(rows) if (r.size, p) == (size, name)]
            line.append(f"{digits(geometric_mean(found))} ({len(found)} rows)" if found else "-")
        lines.append(line)
    return Table("Ops: geometric means of minigrad / torch", ["", *PASSES], lines)


def _above(rows: Sequence[Row]) -> Table:
    """The ops that have a row above 2.0, by what makes them slow."""
    found = ((r.name, m.ratio().median, m.of("minigrad").median) for r, _, m in _compared(rows))
    lines = [list(pair) for pair in by_reason(found)]
    return Table("Ops above 2.0, and why", ["cause", "op, and its largest ratio"], lines)


def _slowest(rows: Sequence[Row], count: int = 15) -> Table:
    """Where minigrad loses most."""
    found = sorted(_compared(rows), key=lambda entry: -entry[2].ratio().median)[:count]
    lines = [[f"`{row.label}`", name, one.ratio().text()] for row, name, one in found]
    return Table("Ops: the largest ratios", ["call", "pass", "minigrad / torch"], lines)
