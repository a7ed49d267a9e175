"""The benchmarks run, compare before they time, and have a row for every op (no times asserted)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import minigrad
from benchmarks import ops, overhead, timing
from benchmarks.libraries import difference, load
from benchmarks.memory import flatness
from benchmarks.report import Table
from benchmarks.samples import families
from minigrad.autograd.registry import REGISTRY, Record, T, call
from parity_tests.known import expected

ROOT = Path(__file__).parent.parent


def run(tmp_path: Path, *arguments: str) -> tuple[str, dict[str, Any]]:
    """What ``python -m benchmarks`` printed and wrote."""
    file = tmp_path / "result.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments, "--json", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "default"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(file.read_text())


def test_overhead_suite(tmp_path: Path) -> None:
    text, result = run(tmp_path, "overhead", "--rounds", "2")
    assert {row["row"] for row in result["rows"]} == {row.name for row in overhead.ROWS}
    assert "geometric mean of mul, add, exp, matmul, forward and backward" in text
    assert result["environment"]["torch threads"] == 1
    assert result["environment"]["blas threads"] in (1, None)


def test_every_record_has_a_row_and_none_disagrees_with_torch(tmp_path: Path) -> None:
    text, result = run(tmp_path, "ops", "--rounds", "1", "--sizes", "100")
    assert {row["row"] for row in result["rows"]} == set(REGISTRY)
    assert not [
        row
        for row in result["rows"]
        if " differ: " in row["note"] and expected(row["row"], row["note"]) is None
    ]
    assert "geometric mean" in text


def test_conv_suite(tmp_path: Path) -> None:
    options = ("--rounds", "1", "--threads", "1", "--only", "one image, 3x3, 64")
    text, result = run(tmp_path, "conv", *options)
    assert len(result["rows"]) == 3 and all(row["gflops"] > 0 for row in result["rows"])
    assert "forward, 1 threads: geometric mean" in text


def test_memory_suite(tmp_path: Path) -> None:
    options = ["--rounds", "1", "--only", "LeNet", "--batch", "8", "--steps", "200"]
    text, result = run(tmp_path, "memory", *options)
    assert [row["row"] for row in result["rows"]] == [
        "LeNet, training",
        "LeNet, inference",
        "flatness",
    ]
    assert "bytes per step" in text


def test_train_suite(tmp_path: Path) -> None:
    options = ["--rounds", "1", "--threads", "1", "2", "--only", "MLP 2-16-16-2"]
    text, result = run(tmp_path, "train", *options)
    assert [row["threads"] for row in result["rows"]] == [1, 2]
    assert "geometric mean of torch / minigrad, 2 threads" in text


def test_data_suite(tmp_path: Path) -> None:
    options = ["--rounds", "1", "--samples", "128", "--rows", "half", "dictionaries"]
    text, result = run(tmp_path, "data", *options)
    assert len(result["rows"]) == 3 and all(row["throughput ratio"] > 0 for row in result["rows"])
    assert "dictionaries, 64 at a time, 2 workers" in text


def test_nothing_is_left_to_the_garbage_collector() -> None:
    assert flatness(steps=50)["unreachable objects"] == 0


def test_a_wrong_result_is_not_timed() -> None:
    libs = {name: load(name) for name in ("minigrad", "torch")}
    wrong = Record(
        name="wrong",
        function=lambda input: input + 1,
        method=lambda input: input + 1,
        doc="",
        torch="exp",
        samples=(call(T(2, 3)),),
    )
    (row,) = ops.rows_of(wrong, libs, rounds=1, sizes=(9,))
    assert row.note.startswith("results differ") and not row.found


def test_a_record_without_samples_still_has_a_row() -> None:
    libs = {name: load(name) for name in ("minigrad", "torch")}
    odd = Record(name="odd", function=lambda strange: strange, method=lambda s: s, doc="")
    (row,) = ops.rows_of(odd, libs, rounds=1, sizes=(9,))
    assert "no sample" in row.note


def test_samples_scale_where_their_shapes_are_free() -> None:
    (by_shape, by_number) = families(REGISTRY["add"], sizes=(100, 10_000))
    assert [case.label for case in by_shape] == ["add(10x10, 10x10)", "add(100x100, 100x100)"]
    assert [case.label for case in by_number] == ["add(100, 2)", "add(10000, 2)"]
    (by_batch, *_) = families(REGISTRY["conv2d"], sizes=(1_000,))
    assert [case.label for case in by_batch] == ["conv2d(9x3x6x6, 4x3x3x3)"]


@pytest.mark.parametrize(
    ("mine", "theirs", "told"),
    [
        (minigrad.ones(2), torch.ones(2), ""),
        (minigrad.ones(2), torch.ones(2, dtype=torch.float64), "dtype"),
        (minigrad.ones(2), torch.ones(3), "shape"),
        (minigrad.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0]), "1 of 2 values differ"),
        ((minigrad.ones(2), 1), (torch.ones(2), 2), "1 is not 2"),
        ([minigrad.ones(2)], [torch.ones(2), torch.ones(2)], "2 values"),
        (minigrad.float32, torch.float32, ""),
        (None, None, ""),
    ],
)
def test_difference(mine: Any, theirs: Any, told: str) -> None:
    found = difference(mine, theirs)
    assert told in found and bool(found) == bool(told)


def test_sides_take_turns() -> None:
    order: list[str] = []
    calls = {"minigrad": lambda: order.append("m"), "torch": lambda: order.append("t")}
    found = timing.in_turns(calls, rounds=4, least=0.0)
    assert "".join(order[-8:]) == "mttmmttm"
    assert [len(found.times[side]) for side in calls] == [4, 4]


def test_ratio_is_that_of_the_medians_with_the_spread_of_the_rounds() -> None:
    one = timing.Measurement({"minigrad": (1.0, 2.0, 9.0), "torch": (4.0, 4.0, 4.0)})
    assert one.ratio() == timing.Spread(0.5, 0.375, 1.375)
    assert one.ratio().text() == "0.500 [0.375, 1.38]"
    assert one.data(2)["seconds"]["torch"]["median"] == 2.0


def test_digits() -> None:
    shown = [timing.digits(x) for x in (0.01234, 1.234, 12.34, 1234.5, 0.0, np.inf)]
    assert shown == ["0.0123", "1.23", "12.3", "1234", "0", "inf"]


def test_table_is_aligned_markdown() -> None:
    text = Table("T", ("op", "time"), [("exp", "1"), ("x", "23")]).text()
    assert text.splitlines()[2:] == [
        "| op  | time |",
        "|-----|------|",
        "| exp | 1    |",
        "| x   | 23   |",
    ]
