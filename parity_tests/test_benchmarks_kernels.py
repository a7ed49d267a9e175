"""The suite ``kernels`` says what bounds a row, and counts only those rows that memory bounds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks import kernel_bounds, kernels, tables
from benchmarks.kernel_bounds import bound, in_cache, small_shapes
from benchmarks.kernel_rows import ROWS, Row
from benchmarks.libraries import load
from benchmarks.results import measured
from benchmarks.timing import Measurement


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_small_shapes_fit_the_cache_and_are_twice_each_other(row: Row) -> None:
    moved = max(row.moved(name) or 0 for name in kernels.PASSES)
    small, large = small_shapes(row.small or row.shapes[-1], moved)
    assert math.prod(large) == 2 * math.prod(small) > 0
    assert 4 * moved * math.prod(large) <= kernel_bounds.IN_CACHE
    libs = {name: load(name) for name in kernels.LIBRARIES}
    if row.name.startswith(("SGD", "Adam")):  # of any shape; importing torch's takes seconds
        return
    for shape in (small, large):
        assert kernels.calls_of(row, shape, libs)["forward"].keys() == libs.keys()


def waiting(seconds: float) -> Callable[[], Any]:
    """A call that keeps the processor for so long."""

    def call() -> None:
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    return call


def test_time_in_the_cache_is_without_what_a_call_costs() -> None:
    fixed, each = 2e-4, 1e-6
    calls = [{"minigrad": waiting(fixed + n * each)} for n in (100, 200)]
    assert in_cache(*calls, numbers=100)["minigrad"] == pytest.approx(each, rel=0.3)


def test_a_row_is_bound_by_what_takes_longer() -> None:
    million = 1_000_000
    inside = {"minigrad": 3e-10, "torch": 1e-9}  # 0.3 ms of the row's own work
    memory = bound(inside, seconds=1e-3, of_copy=0.6, numbers=million)
    assert (memory.by, memory.reached, memory.inside) == ("memory", 0.6, inside)
    own = bound(inside, seconds=1e-3, of_copy=0.2, numbers=million)
    assert (own.by, own.reached) == ("arithmetic", pytest.approx(0.3))
    assert bound(inside, seconds=1e-3, of_copy=50.0, numbers=million).by == "nothing"


def row(name: str, of_copy: float, by: str | None, reached: float = 0.0) -> dict[str, Any]:
    times = Measurement({side: (1e-3, 1e-3) for side in ("minigrad", "torch", "copy")})
    bounds = None if by is None else kernel_bounds.Bound(by, reached, {"minigrad": 1, "torch": 2})
    facts = kernels.facts_of(name, "forward", times, bounds)
    return {**facts, "copy": {"median": of_copy, "low": of_copy, "high": of_copy}}


def test_the_summary_counts_rows_that_memory_bounds() -> None:
    rows = [
        row("small", 0.1, None),
        row("fast", 0.9, "memory", 0.9),
        row("slow", 0.5, "memory", 0.5),
        row("exp", 0.3, "arithmetic", 0.9),
        row("view", 99.0, "nothing", 1.0),
    ]
    found = kernels.summary_of(rows)
    assert found["rows beyond all caches that memory bounds"] == 2
    assert found["of these at 85% of that limit or more (memory)"] == 1
    assert found["rows beyond all caches that arithmetic bounds"] == 1
    lines = [kernels.line_of(one) for one in rows]
    assert [line[6] for line in lines] == ["", "memory", "memory", "arithmetic", "nothing"]
    assert all(len(line) == len(kernels.HEADER) for line in lines)
    page = tables.kernels({"suite": "kernels", "rows": rows, "summary": {"x": 0.5}})
    assert "| fast |" in page and "- x: 0.5" in page and measured(rows[0])


def test_rows_beyond_the_caches_are_told_by_what_they_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "beyond_caches", lambda: 4 * 9 * 2)
    monkeypatch.setattr(kernel_bounds, "ROUNDS", 3)
    libs = {name: load(name) for name in kernels.LIBRARIES}
    relu = next(row for row in ROWS if row.name == "relu")
    for shape, beyond in (((2, 4), {"backward"}), ((3, 3), {"forward", "backward"})):
        found = kernels.measure_row(relu, shape, libs, 1)
        assert set(kernels.bounds_of(relu, shape, libs, found)) == beyond
    assert np.isfinite(kernel_bounds.beyond_caches()) and kernel_bounds.beyond_caches() >= 1 << 20
