"""The run on a card, in parts: what it says without one, and its logic on the stand-in."""

from __future__ import annotations

import dataclasses
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import minigrad
from benchmarks import gpu, gpu_checks, gpu_counts, gpu_measure
from benchmarks.__main__ import main
from benchmarks.cases import CASES
from minigrad.backend import cuda_source
from minigrad.cuda import stand_in
from minigrad.cuda.on_cpu import tries
from parity_tests.cuda.engines import compiler

pytestmark = compiler


@pytest.mark.skipif(gpu.problem() is None, reason="there is a card")
def test_without_a_card_nothing_is_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: Any) -> None:
        raise AssertionError("it ran")

    monkeypatch.setattr(gpu, "everything", never)
    monkeypatch.setattr(gpu, "write", never)
    assert main(["gpu"]) == 1
    said = capsys.readouterr()
    assert not said.out
    assert said.err.startswith("gpu: nothing was run and nothing written: cuda: ")


def test_the_stand_in_is_no_card(launched: list[str]) -> None:
    assert "is no card" in str(gpu.problem())


def test_steps_are_timed_eager_and_captured(launched: list[str]) -> None:
    cases = {"tiny": (CASES["MLP 2-16-16-2"], 3.0)}
    (row,) = gpu_measure.steps(minigrad, None, cases, samples=2)
    assert row["eager"] > 0 < row["captured"]
    assert "ratio" not in row and "error" not in row
    (row,) = gpu_measure.steps(minigrad, minigrad, cases, samples=2)  # itself in torch's place
    assert row["ratio"] == row["torch eager"] / row["captured"]


def test_a_step_that_fails_is_a_row(launched: list[str]) -> None:
    broken = dataclasses.replace(CASES["MLP 2-16-16-2"], optimizer="nonesuch")
    cases = {"broken": (broken, 3.0), "tiny": (CASES["MLP 2-16-16-2"], 3.0)}
    first, second = gpu_measure.steps(minigrad, None, cases, samples=2)
    assert "KeyError" in first["error"]
    assert "error" not in second


def test_every_kernel_bound_by_memory_runs(launched: list[str]) -> None:
    rows = list(gpu_measure.bandwidth(minigrad, n=2048, samples=2))
    names = [name for name, _, _ in gpu_measure.memory_kernels(2048)]
    assert [row["what"] for row in rows] == ["copy", *names]
    assert all(row["bytes/s"] > 0 for row in rows)


def test_products_and_launches(launched: list[str]) -> None:
    rows = list(gpu_measure.products(minigrad, minigrad, [(4, 5, 6)], samples=2))
    assert [row["what"].split(", ")[1] for row in rows] == ["float32", "float16", "bfloat16"]
    assert all(row["ratio"] > 0 for row in rows)
    rows = list(gpu_measure.overhead(minigrad, minigrad, calls=2, samples=2))
    assert all(row["times torch's"] > 0 for row in rows)


def test_kernels_on_a_card_are_compared_with_the_cpu(
    launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    some = [path for path in cuda_source.files() if path.name in ("softmax.cu", "index.cu")]
    monkeypatch.setattr(cuda_source, "files", lambda: some)
    for check in (gpu_checks.tries, gpu_checks.launches):
        rows = list(check(stand_in.cupy))
        assert len(rows) > 10
        assert [row for row in rows if row.get("right") is not True] == []


def test_what_is_promised_of_a_card_is_checked(launched: list[str]) -> None:
    rows = list(gpu_checks.promises(minigrad))
    assert rows == [{"what": name, "right": True} for name in gpu_checks.PROMISES]


def test_a_promise_that_is_not_kept_is_a_failure(
    launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_checks, "PROMISES", {"a": lambda m: False, "b": lambda m: 1 / 0})
    rows = list(gpu_checks.promises(minigrad))
    assert rows[0]["right"] is False and "ZeroDivisionError" in rows[1]["error"]
    part = gpu._with_rows({"ok": True, "text": [json.dumps(rows[0])]})
    assert (part["ok"], part["rows"]) == (False, rows[:1])


def test_how_far_ops_are_from_the_cpu(launched: list[str]) -> None:
    with warnings.catch_warnings(action="ignore"):
        rows = list(gpu_checks.agreement(minigrad, slice(None, None, 50)))
    assert len(rows) > 8
    assert all(row["ulps"] < 64 for row in rows)


def test_what_programs_say_is_read(tmp_path: Path) -> None:
    part = gpu.told([sys.executable, "-c", "print('a'); raise SystemExit(3)"], 30)
    assert (part["ok"], part["text"]) == (False, ["a"])
    assert not gpu.told(["nonesuch-program"], 1)["ok"]
    test = tmp_path / "test_it.py"
    test.write_text("def test_a(): pass\ndef test_b(): assert 0\n")
    part = gpu.by_pytest([str(test)], 60)
    assert (part["ok"], part["counts"]) == (False, {"failed": 1, "passed": 1})
    assert "test_b" in part["text"][0]


def test_what_was_found_before_the_time_was_over_counts() -> None:
    """And what the program had started ends with it."""
    program = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        'print(\'{"what": "one"}\', flush=True)\n'
        "print('{\"what\": \"tw', end='', flush=True)\n"
        "time.sleep(60)"
    )
    part = gpu._with_rows(gpu.told([sys.executable, "-c", program], 3))
    assert part["rows"] == [{"what": "one"}]
    assert not part["ok"]
    assert part["text"] == ["ended after 3 s"]


def test_without_the_sanitizer_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_sanitizer", lambda: None)
    assert gpu.by_sanitizer("memcheck", 1)["text"] == ["compute-sanitizer was not found"]


def test_the_sanitizer_is_told_what_to_watch(
    monkeypatch: pytest.MonkeyPatch, launched: list[str]
) -> None:
    """Memory faults and not every call that fails; and arrays end where their memory does."""
    commands: list[Any] = []
    row = '{"what": "a", "right": true}'
    monkeypatch.setattr(gpu, "_sanitizer", lambda: "sanitizer")
    monkeypatch.setattr(
        gpu, "told", lambda command, limit: commands.append(command) or {"ok": True, "text": [row]}
    )
    assert gpu.by_sanitizer("memcheck", 5)["ok"]
    assert commands[0][:7] == [
        "sanitizer", "--tool", "memcheck", "--report-api-errors", "no", "--error-exitcode", "9",
    ]  # fmt: skip
    assert commands[0][-2:] == ["--part", "launches"]
    before = stand_in.cupy.cuda.get_allocator()
    watched = gpu_checks.launches(stand_in.cupy)
    assert next(watched)["right"]
    assert stand_in.cupy.cuda.get_allocator() is not before
    watched.close()
    assert stand_in.cupy.cuda.get_allocator() is before


def test_results_are_written_as_json_and_as_a_page(tmp_path: Path) -> None:
    about = {"device": "Some Card 80GB", "driver": "13000"}
    parts = {
        "steps": {"ok": True, "seconds": 3.0, "text": [], "rows": [
            {"what": "MLP", "captured": 1.5e-5}, {"what": "LeNet", "ratio": 3.25}]},
        "parity": {"ok": False, "seconds": 9.0, "text": ["1 failed"], "counts": {"failed": 1}},
    }  # fmt: skip
    found = gpu.write(about, parts, tmp_path / "new")
    assert all(path.name.startswith("gpu-some-card-80gb-20") for path in found)
    assert json.loads(found[0].read_text())["parts"] == parts
    text = found[1].read_text()
    assert "| MLP | 1.5e-05 |  |" in text
    assert "| LeNet |  | 3.25 |" in text
    assert "failed in 9 s: 1 failed" in text


def test_all_parts_fit_into_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits of all parts together, with a card that answers none of them in time."""
    spent: list[float] = []

    def slow(command: Any, limit: float) -> dict[str, Any]:
        spent.append(limit)
        return {"ok": False, "seconds": limit, "text": []}

    monkeypatch.setattr(gpu, "told", slow)
    monkeypatch.setattr(gpu, "_sanitizer", lambda: "compute-sanitizer")
    kept: list[int] = []
    found = gpu.everything(say=lambda text: None, keep=lambda parts: kept.append(len(parts)))
    assert {"steps", "bandwidth", "products", "overhead", "parity", "memcheck"} <= set(found)
    assert kept == list(range(1, len(found) + 1))
    assert sum(spent) < 600
    assert len(spent) == len(gpu.SECONDS) == len(found)


def test_what_a_tool_watches_gets_its_arguments() -> None:
    """Of every kernel's tries, unwritten memory of any type among them."""
    for path in cuda_source.files():
        for tried in tries.tries(path.read_text("utf-8")):
            assert gpu_checks._given(path, tried)


def test_the_page_says_how_many_launches_a_step_takes() -> None:
    page = (Path(__file__).parents[2] / gpu_counts.PAGE).read_text("utf-8").splitlines()
    names = [name for name in gpu_counts.CASES_OF if "MLP" in name]
    minigrad.ones(1, requires_grad=True).register_hook(lambda g: g)  # leaves wait for no other node
    with stand_in.installed():
        for row in gpu_counts.steps(minigrad, names):
            assert gpu_counts.as_line(row) in page
            assert row["to_card"] == row["to_host"] == 0


def test_a_rehearsal_takes_the_same_steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each in a process of its own that stands on the stand-in; the first of them is really run."""
    asked: list[list[str]] = []
    told = gpu.told

    def first(command: list[str], limit: float) -> dict[str, Any]:
        asked.append(list(command))
        return told(command, limit) if "overhead" in command else {
            "ok": False, "seconds": 0.0, "text": []}  # fmt: skip

    monkeypatch.setattr(gpu, "told", first)
    monkeypatch.setenv("MINIGRAD_CUDA", "sim")
    found = gpu.everything(say=lambda text: None, rehearse=True)
    assert set(gpu.SECONDS) - set(gpu.TOOLS) < set(found)
    assert all("--rehearse" in command or "pytest" in command for command in asked)
    assert found["overhead"]["ok"]
    assert all(row["times torch's"] > 0 for row in found["overhead"]["rows"])
