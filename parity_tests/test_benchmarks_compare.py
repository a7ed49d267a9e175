"""Comparing two results: noise is not named, a slowdown is, and broken files are refused."""

from __future__ import annotations

import argparse
import copy
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import compare, results
from benchmarks.actions import ACTIONS
from benchmarks.compare import WHOLE, changes, judged, prior
from benchmarks.report import SCHEMA, write

# Medians of log(minigrad / torch) of fresh processes on a shared machine, less each row's mean:
# how much runs of the same code differ, by row.
NOISE = {
    name: np.array(runs)
    for name, runs in json.loads(
        (Path(__file__).parent / "benchmark_noise.json").read_text(encoding="utf-8")
    )["rows"].items()
}
RUNS = 6
Series = dict[tuple[str, str], tuple[Any, Any]]


def drawn(seed: int, slower: dict[str, float] | None = None, quieter: float = 1.0) -> Series:
    """Two results of the same code: the recorded runs, each whole, dealt to both at random."""
    dealt = np.random.default_rng(seed).permutation(len(next(iter(NOISE.values()))))
    before, after = dealt[:RUNS], dealt[RUNS : 2 * RUNS]
    return {
        (name, "minigrad"): (
            noise[before] / quieter,
            noise[after] / quieter + math.log((slower or {}).get(name, 1.0)),
        )
        for name, noise in NOISE.items()
    }


def named(series: Series) -> list[str]:
    return [change.name for change in judged(series) if change.verdict == "regression"]


def test_the_same_code_twice_is_hardly_ever_called_slower() -> None:
    alarms = sum(bool(named(drawn(seed))) for seed in range(300))
    assert alarms <= 9  # 1 % is meant; more than 9 of 300 come by chance in 1 of 1000 tries


def test_everything_20_percent_slower_is_named() -> None:
    for seed in range(50):
        assert WHOLE in named(drawn(seed, dict.fromkeys(NOISE, 1.2)))


def test_one_row_20_percent_slower_is_named_where_runs_differ_by_3_percent() -> None:
    """The noise was recorded at a load of 10, where they differ by 14: a fifth of it is usual."""
    row = min(NOISE, key=lambda name: NOISE[name].std())
    found = [named(drawn(seed, {row: 1.2}, quieter=5)) for seed in range(50)]
    assert sum(row in names for names in found) >= 45
    assert all(set(names) <= {row} for names in found)


def test_what_is_said_to_be_seen_is_seen() -> None:
    """9 of 10 times, in rows that differ in their noise; and hardly ever what is half of it."""
    random, names = np.random.default_rng(0), [f"row {i}" for i in range(30)]

    def both(shift: float) -> list[compare.Change]:
        sides = (random.normal(0, 0.05, (30, 6)), random.normal(0, 0.05, (30, 6)))
        sides[1][0] += shift
        return judged({(n, "minigrad"): (sides[0][i], sides[1][i]) for i, n in enumerate(names)})

    seen = float(np.median([change.seen for change in both(0)[1:]]))
    for shift, least, most in ((math.log(seen), 0.8, 0.98), (math.log(seen) / 2, 0.0, 0.3)):
        count = sum(both(shift)[1].verdict == "regression" for _ in range(200))
        assert least <= count / 200 <= most
    text = compare.power(both(0))
    assert f"{seen - 1:.0%} slower" in text and "--runs" not in text
    runs = int(compare.power(judged(drawn(0))).partition("--runs ")[2].partition(",")[0])
    assert 20 < runs < 60  # (the noise of a busy machine)


def test_a_shift_of_two_percent_is_no_regression_however_sure() -> None:
    exact = np.linspace(-1e-4, 1e-4, 6)
    series: Series = {(f"row {i}", "minigrad"): (exact, exact + 0.02) for i in range(5)}
    assert not named(series)


def test_an_improvement_is_not_a_regression() -> None:
    found = judged(drawn(0, dict.fromkeys(NOISE, 1 / 1.5)))
    assert found[0].verdict == "improvement" and found[0].factor == pytest.approx(1 / 1.5, rel=0.1)


def test_the_variance_that_rows_have_in_common_is_found() -> None:
    random = np.random.default_rng(0)
    of_each = 0.04 * 6 / random.chisquare(6, 4000)  # each row has its own, around 0.04
    variances = of_each * random.chisquare(10, 4000) / 10
    common, weight = prior(variances, [10] * 4000)
    assert common == pytest.approx(0.04, rel=0.1) and weight == pytest.approx(6, rel=0.2)
    same = 0.04 * random.chisquare(10, 4000) / 10
    assert prior(same, [10] * 4000)[1] > 100


def content(slower: float = 1.0, runs: int = RUNS, torch: bool = True, seed: int = 0) -> Any:
    """A result of two rows, as a suite writes it."""
    random = np.random.default_rng(seed)

    def times(scale: float) -> list[float]:
        return (scale * random.normal(1, 0.01, 9)).tolist()

    rows = []
    for row in ("one", "two"):
        made = [
            {"minigrad": times(2e-3 * slower), **({"torch": times(1e-3)} if torch else {})}
            for _ in range(runs)
        ]
        rows.append({"row": row, "threads": 1, "runs": made})
    return {"schema": SCHEMA, "suite": "train", "environment": {"commit": "a", "cores": 2},
            "noise": {"load": 1.0}, "summary": {}, "notes": ["n"], "rows": rows}  # fmt: skip


@pytest.mark.parametrize("torch", [True, False])
def test_rows_of_files_are_compared(torch: bool) -> None:
    found = changes(content(torch=torch), content(1.2, torch=torch, seed=1))
    assert [c.name for c in found] == [WHOLE, "one, threads 1", "two, threads 1"]
    assert all(c.verdict == "regression" and abs(c.factor - 1.2) < 0.03 for c in found)
    assert all(c.low < c.factor < c.high for c in found)


def test_torch_takes_out_what_slows_both_down() -> None:
    slow = content(seed=1)
    for row in slow["rows"]:
        row["runs"] = [{s: [2 * t for t in v] for s, v in run.items()} for run in row["runs"]]
    assert not any(change.verdict for change in changes(content(), slow))


def test_single_runs_and_nothing_in_common_are_refused() -> None:
    with pytest.raises(ValueError, match="--runs 5"):
        changes(content(runs=1), content(runs=1))
    other = content()
    for row in other["rows"]:
        row["row"] += "!"
    with pytest.raises(ValueError, match="no timed row in common"):
        changes(content(), other)


def compared(before: Path, after: Path) -> int:
    """The exit code of ``python -m benchmarks compare``."""
    return ACTIONS["compare"](argparse.Namespace(before=before, after=after))


def test_the_command_names_a_regression_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / name for name in ("before.json", "same.json", "slower.json")]
    for file, made in zip(files, (content(), content(seed=2), content(1.2, seed=1)), strict=True):
        write(made, file)
    before, same, slower = files
    assert compared(before, same) == 0
    assert "0 regressions" in capsys.readouterr().out
    assert compared(before, slower) == 1
    assert "regression | the suite as a whole" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "told"),
    [("{", "Expecting"), ("[]", "no results"), ('{"schema": 1}', "schema 1"),
     (f'{{"schema": {SCHEMA}, "suite": "ops"}}', "without environment")],
)  # fmt: skip
def test_a_broken_file_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    file = tmp_path / "broken.json"
    file.write_text(text)
    assert compared(file, file) == 2
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1


def test_runs_are_joined_and_what_follows_from_them_is_left_out_when_kept() -> None:
    one, other = content(runs=1), content(runs=1, seed=3)
    both = results.joined([one, other])
    assert [len(row["runs"]) for row in both["rows"]] == [2, 2]
    assert both["rows"][0]["rounds"] == 18 and "2 runs" in both["notes"][-1]
    small = results.slim(both)
    assert "seconds" not in small["rows"][0]
    measured = results.measured(small["rows"][0]).of("minigrad")
    assert measured.median == pytest.approx(both["rows"][0]["seconds"]["minigrad"]["median"], 1e-3)


def test_a_file_reads_as_it_was_written(tmp_path: Path) -> None:
    file, made = tmp_path / "result.json", content()
    write(copy.deepcopy(made), file)
    assert results.load(file) == made


def test_chances_are_those_of_students_t() -> None:
    """Two rows are too few to hold variances together: each is an ordinary t-test."""
    scipy_stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(0)
    series: Series = {
        (str(i), "minigrad"): (random.normal(0, 0.1, 5), random.normal(0.1, 0.1, 6))
        for i in range(2)
    }
    found = compare._tested(series, alone=False)
    for (a, b), test in zip(series.values(), found, strict=True):
        expected = scipy_stats.ttest_ind(b, a)
        assert test.chance == pytest.approx(expected.pvalue)
        assert test.shift == pytest.approx(b.mean() - a.mean())
