"""Sides in processes of their own: compared, then timed by turns; scaling, limits and reports."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import minigrad
from benchmarks import peers, performance, plots, programs, reasons, tables
from benchmarks.contest import Contest, disagreement
from benchmarks.html_page import page
from benchmarks.libraries import load
from benchmarks.roofline import Limits, crossing, crossings
from benchmarks.scaling import FAMILIES, exponent
from benchmarks.sides import SIDES, missing, present
from benchmarks.worker import sampled

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Loading torch for a benchmark puts it on one thread."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def run(tmp_path: Path, *arguments: str, program: str = "benchmarks") -> tuple[str, Any]:
    """What a suite printed and wrote."""
    file = tmp_path / "result.json"
    words = ["bench"] if program == "minigrad" else []
    done = subprocess.run(
        [sys.executable, "-m", program, *words, *arguments, "--json", str(file)],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(file.read_text())


def test_infer_suite_with_all_sides_that_are_here(tmp_path: Path) -> None:
    options = ["--rounds", "1", "--only", "MLP 2-16-16-2", "--batches", "2"]
    text, result = run(tmp_path, "infer", *options)
    (row,) = result["rows"]
    there, _ = present(["minigrad", "minigrad (NumPy)", "torch"])
    assert {side.name for side in there} <= set(row["runs"][0])
    assert all(side in text for side in row["runs"][0])
    for name in SIDES:  # each is measured, or it is said why not
        assert name in row["runs"][0] or name in row["absent"] or f"{name}: " in text


def test_scaling_suite_by_the_command_in_two_runs(tmp_path: Path) -> None:
    options = ["--rounds", "1", "--only", "exp", "--points", "2", "--runs", "2"]
    options += ["--sides", "minigrad", "minigrad (NumPy)", "minigrad CUDA"]
    text, result = run(tmp_path, "scaling", *options, program="minigrad")
    assert [row["size"] for row in result["rows"]] == [100, 1000]
    assert all(len(row["runs"]) == 2 and row["share"]["minigrad"] > 0 for row in result["rows"])
    assert result["schema"] == 2 and set(result["noise"]) >= {"load", "spin", "taken away"}
    assert missing(SIDES["minigrad CUDA"]) in text
    report = tmp_path / "report.html"
    command = [sys.executable, "-m", "benchmarks", "report", str(tmp_path / "result.json")]
    subprocess.run([*command, "--html", str(report)], cwd=ROOT, check=True, capture_output=True)
    assert "<svg" in report.read_text(encoding="utf-8")


def test_a_wrong_result_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = {"results": [sampled(np.arange(3.0))]}
    wrong = {"results": [sampled(np.arange(3.0) + 0.1)]}
    answers = {"torch": right, "minigrad": wrong, "minigrad (NumPy)": right}
    orders: list[tuple[str, str]] = []

    class Fake:
        def __init__(self, side: Any, *_: Any) -> None:
            self.name = side.name

        def answer(self) -> Any:
            return {}

        def order(self, **order: Any) -> Any:
            orders.append((self.name, next(iter(order))))
            return answers[self.name] if "prepare" in order else {"seconds": 1.0, "seen": 1.0}

        def close(self) -> None:
            pass

    monkeypatch.setattr("benchmarks.contest.Player", Fake)
    with Contest([SIDES[name] for name in answers]) as contest:
        found = contest.run("exp", {}, rounds=3)
    assert set(found.measured.times) == {"torch", "minigrad (NumPy)"}
    assert "differ from torch's: 3 of 3" in found.absent["minigrad"]
    assert ("minigrad", "calls") not in orders
    turns = [name for name, what in orders if what == "calls"][2:]
    assert turns == ["torch", "minigrad (NumPy)", "minigrad (NumPy)", "torch", *turns[:2]]


def test_a_wrong_value_that_is_not_looked_at_is_seen_in_the_sum() -> None:
    right = np.ones(100_000)
    wrong = right.copy()
    wrong[[i for i in range(100_000) if i % 50]] = 0.9  # every value but those looked at
    assert not disagreement([sampled(right)], [sampled(right)])
    assert "sum" in disagreement([sampled(wrong)], [sampled(right)])
    assert "shape" in disagreement([sampled(right[:5])], [sampled(right)])
    assert "1 results, not 2" in disagreement([sampled(right)], [sampled(right)] * 2)
    odd = np.array([1.0, np.nan])
    assert "1 of 2" in disagreement([sampled(odd)], [sampled(np.ones(2))])
    assert not disagreement([sampled(odd)], [sampled(odd)])


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_programs_agree_between_the_libraries_and_their_counts_are_right(family: Any) -> None:
    given = {family.size: family.sizes[1], **family.fixed}
    made = [
        [sampled(np.asarray(v.detach().numpy())) for v in programs.PROGRAMS[family.program](
            load(name), "cpu", **given)()]
        for name in ("minigrad", "torch")
    ]  # fmt: skip
    assert not disagreement(*made)
    if family.flops and family.program in ("mlp", "matmul", "conv"):
        counter: Any = pytest.importorskip("torch.utils.flop_counter").FlopCounterMode(
            display=False
        )
        prepared = programs.PROGRAMS[family.program](load("torch"), "cpu", **given)
        with counter:
            prepared()
        assert family.flops(family.sizes[1]) == counter.get_total_flops()


@pytest.mark.parametrize("library", ["mygrad", "autograd", "tinygrad"])
@pytest.mark.parametrize("name", ["chain", "mlp"])
def test_peers_agree_where_they_are_installed(library: str, name: str) -> None:
    pytest.importorskip(library)
    sizes = {"n": 5} if name == "chain" else {"batch": 3, "depth": 2, "width": 4}
    try:
        mine = [sampled(np.asarray(v)) for v in peers.program(library, name)(**sizes)()]
    except (LookupError, RuntimeError) as error:
        pytest.skip(str(error))
    theirs = programs.PROGRAMS[name](load("torch"), "cpu", **sizes)()
    assert not disagreement(mine, [sampled(v.detach().numpy()) for v in theirs])


def test_exponents_are_those_of_powers() -> None:
    sizes = (10, 100, 1000, 10_000)
    overhead = [[1 + 1e-3 * n**2] * 3 for n in sizes]  # a fixed cost, and then a square
    assert exponent(sizes, overhead).median == pytest.approx(2.0, abs=0.01)
    assert exponent(sizes, [[5.0]] * 4).median == pytest.approx(0.0, abs=1e-9)


def test_crossings_are_computed_from_the_rows() -> None:
    sizes = (100, 1000, 10_000)
    cpu, card = (1e-6, 1e-5, 1e-4), (2e-5, 2e-5, 2e-5)
    assert crossing(sizes, cpu, card) == pytest.approx(2000)
    assert crossing(sizes, cpu, (1.0,) * 3) is None
    assert crossing(sizes, cpu, (1e-9,) * 3) == 100
    # a lead that is lost again is none
    assert crossing(sizes, (3.0, 1.0, 3.0), (2.0, 2.0, 2.0)) == pytest.approx(
        1000 * 10 ** (np.log(2) / np.log(3)), rel=1e-6
    )
    rows = [
        {"row": "exp", "size": n, "runs": [{"torch": [a], "torch CUDA": [b]}]}
        for n, a, b in zip(sizes, cpu, card, strict=True)
    ]
    assert crossings(rows).rows == [["exp", "torch CUDA", "2,000"]]
    for row in rows:
        row["runs"] = [{"torch": [1.0]}]
    assert crossings(rows).rows == [["no CUDA card took part", "-", "-"]]


def test_the_limit_is_arithmetic_or_memory_whichever_is_longer() -> None:
    limits = Limits(flops=1e9, bytes=1e8)
    assert limits.seconds(1e9, 1e6) == 1.0 and limits.seconds(1e6, 1e8) == 1.0
    assert limits.seconds(0, 0) == 0.0
    assert 0 < Limits(1e9).copying(1 << 20) < 1


class Strict(HTMLParser):
    """Fails where a tag is closed that is not open; collects what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.tags: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href") and value and not value.startswith("#"):
                self.fetched.append(value)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def result(suite: str, rows: list[dict[str, Any]]) -> Any:
    return {"schema": 2, "suite": suite, "environment": {"cpu": "<fast & good>"}, "rows": rows,
            "noise": {}, "summary": {"mean": 1.5}, "notes": ["A NOISY MACHINE"]}  # fmt: skip


def test_the_report_is_one_well_formed_page_without_network() -> None:
    both = {"minigrad": [1e-3, 2e-3, 1e-3], "torch": [2e-3, 2e-3, 2e-3]}
    train = [{"row": f"net {i}", "threads": 1, "batch": 2, "runs": [both]} for i in range(3)]
    sizes = [{"row": "exp", "size": 10**i, "share": {"minigrad": 0.5}, "runs": [both]}
             for i in range(3)]  # fmt: skip
    many = [{"row": "exp", "call": f"exp({i})", "size": i, "pass": "forward", "runs": [both]}
            for i in range(100)]  # fmt: skip
    made = page([result("train", train), result("scaling", sizes), result("ops", many)])
    parser = Strict()
    parser.feed(made)
    assert not parser.open and not parser.fetched and parser.tags["svg"] == 3
    assert "script" not in parser.tags and "&lt;fast &amp; good&gt;" in made
    assert "net 2" in made and "2.00 [1.50, 2.00]" in made


def test_pictures_are_png_files(tmp_path: Path) -> None:
    rows = [{"row": "a", "runs": [{"minigrad": [1.0], "torch": [2.0]}]}]
    (figure,) = plots.pictures(result("train", rows)).values()
    plots.png(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert not plots.pictures(result("ulps", [{"row": "a"}]))


def test_the_page_of_performance_is_that_of_the_kept_results() -> None:
    assert performance.write_page(RESULTS, ROOT / "docs", check=True) == 0


def test_causes_are_given_for_ops_that_are_slow_in_the_kept_result_and_for_no_others() -> None:
    _, long = reasons.slow(tables.ratios(performance.kept(RESULTS)["ops"]))
    assert set(reasons.CAUSES) == long


def test_another_checkout_is_measured_if_asked_to(tmp_path: Path) -> None:
    package = tmp_path / "minigrad"
    package.mkdir()
    (package / "__init__.py").write_text("here = 'the other'\n")
    code = "import benchmarks, minigrad; print(minigrad.here)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "MINIGRAD_TREE": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout == "the other\n" and not hasattr(minigrad, "here")


@pytest.mark.parametrize("name", ["compare", "reasons", "roofline", "scaling", "tables", "ulps"])
def test_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted and not found.failed
