"""The run on a card, in parts: what it says without one, and its logic on the stand-in."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import minigrad
from benchmarks import gpu, gpu_measure
from benchmarks.__main__ import main
from benchmarks.cases import CASES
from minigrad.cuda import stand_in
from parity_tests.cuda import cards
from parity_tests.cuda.engines import compiler

pytestmark = compiler


@pytest.fixture(scope="module")
def launched() -> Iterator[list[str]]:
    with cards.card() as names:
        yield names


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
    assert "ratio" not in row
    (row,) = gpu_measure.steps(minigrad, minigrad, cases, samples=2)  # itself in torch's place
    assert row["ratio"] == row["torch eager"] / row["captured"]


def test_every_kernel_bound_by_memory_runs(launched: list[str]) -> None:
    rows = gpu_measure.bandwidth(minigrad, n=2048, samples=2)
    names = [name for name, _, _ in gpu_measure.memory_kernels(2048)]
    assert [row["what"] for row in rows] == ["copy", *names]
    assert all(row["bytes/s"] > 0 for row in rows)


def test_products_and_launches(launched: list[str]) -> None:
    rows = gpu_measure.products(minigrad, minigrad, [(4, 5, 6)], samples=2)
    assert [row["what"].split(", ")[1] for row in rows] == ["float32", "float16", "bfloat16"]
    assert all(row["ratio"] > 0 for row in rows)
    rows = gpu_measure.overhead(minigrad, minigrad, calls=2, samples=2)
    assert all(row["times torch's"] > 0 for row in rows)


def test_kernels_on_a_card_are_compared_with_the_cpu(
    launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from minigrad.backend import cuda_source

    some = [path for path in cuda_source.files() if path.name in ("softmax.cu", "index.cu")]
    monkeypatch.setattr(cuda_source, "files", lambda: some)
    rows = gpu_measure.tries(stand_in.cupy)
    assert len(rows) > 10
    assert [row["what"] for row in rows if not row["same"]] == []


def test_what_programs_say_is_read(tmp_path: Path) -> None:
    part = gpu.told([sys.executable, "-c", "print('a'); raise SystemExit(3)"], 30)
    assert (part["ok"], part["text"]) == (False, ["a"])
    part = gpu.told([sys.executable, "-c", "import time; time.sleep(30)"], 0.2)
    assert not part["ok"]
    assert part["text"] == ["ended after 0.2 s"]
    assert not gpu.told(["nonesuch-program"], 1)["ok"]
    test = tmp_path / "test_it.py"
    test.write_text("def test_a(): pass\ndef test_b(): assert 0\n")
    part = gpu.by_pytest([str(test)], 60)
    assert (part["ok"], part["counts"]) == (False, {"failed": 1, "passed": 1})


def test_without_the_sanitizer_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu.shutil, "which", lambda name: None)
    assert gpu.by_sanitizer("memcheck", 1)["text"] == ["compute-sanitizer was not found"]


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
    monkeypatch.setattr(gpu.shutil, "which", lambda name: name)
    found = gpu.everything(say=lambda text: None)
    assert {"steps", "bandwidth", "products", "overhead", "parity", "memcheck"} <= set(found)
    assert sum(spent) < 600
    assert len(spent) == len(gpu.SECONDS) == len(found)
