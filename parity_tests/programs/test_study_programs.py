"""The 57 systems of the study notes, as programs that run with minigrad and with torch."""

from __future__ import annotations

import functools
import math
import re
from pathlib import Path

import pytest
import torch as oracle

import minigrad
from parity_tests.compat.test_run import run as run_script
from parity_tests.programs import course
from parity_tests.programs.comparing import assert_same_text, last_place, plain
from parity_tests.programs.running import Program, Run, programs, run
from parity_tests.programs.tables import (
    ALONE,
    AREAS,
    ELSEWHERE,
    KNOWN_NUMBERS,
    LITERAL,
    SCRIPTS,
    SYSTEMS,
)
from parity_tests.sidebyside import agree

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every data set that the programs read."""
    folder = tmp_path_factory.mktemp("course")
    course.write(folder)
    return folder


@pytest.fixture
def work(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to run in; the data are in ``../data``."""
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "data").symlink_to(site / "data")
    monkeypatch.chdir(folder)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return folder


THEIRS: dict[str, Run] = {}


def of_torch(program: Program) -> Run:
    """What a program does with torch; run once."""
    if program.name not in THEIRS:
        THEIRS[program.name] = run(program, oracle)
    return THEIRS[program.name]


@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker")
@pytest.mark.parametrize(
    "program", [p for p in programs().values() if p.name not in ALONE], ids=str
)
def test_a_program_does_what_it_does_with_torch(program: Program, work: Path) -> None:
    mine = run(program, minigrad)
    theirs = of_torch(program)
    assert mine.text or mine.values, "a program without results shows nothing"
    assert_same_text(mine.text, theirs.text)
    if program.name in LITERAL:
        assert plain(mine.text) == plain(theirs.text)
    agree(mine.values, theirs.values)
    assert mine.rows == program.rows, "these marked lines were not reached"
    of_the_notes(program.name, mine.text)


@pytest.mark.parametrize("name", ALONE)
def test_a_program_that_torch_refuses_prints_what_is_known(name: str, work: Path) -> None:
    mine = run(programs()[name], minigrad)
    assert mine.text.splitlines() == ALONE[name].strip().splitlines()
    assert mine.rows == programs()[name].rows


def of_the_notes(name: str, text: str) -> None:
    """Assert that the numbers which the notes report stand in the text, in their order."""
    printed = iter(re.findall(r"-?\d+\.?\d*(?:e[-+]\d+)?", text))
    for number in KNOWN_NUMBERS.get(name, "").split():
        limits = {"rel_tol": 1e-6, "abs_tol": 1.5 * last_place(number) if "." in number else 0.0}
        found = (math.isclose(float(one), float(number), **limits) for one in printed)
        assert any(found), f"{number} does not follow in what {name} prints"


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("tensor([1.])", "tensor([1.0])"),
        ("tensor([1.])", "tensor([1.], requires_grad=True)"),
        ("tensor([1., 2.])", "tensor([1.,  2.])"),
        ("loss 0.1230", "loss 0.1233"),
        ("tensor([1.0000e-03])", "tensor([1.1000e-03])"),
        ("tensor([1])", "tensor([2])"),
        ("one", "one\ntwo"),
        ("nan", "1.0"),
    ],
)
def test_other_text_is_told_apart(mine: str, theirs: str) -> None:
    with pytest.raises(AssertionError):
        assert_same_text(mine, theirs)


def test_rounding_names_addresses_and_times_are_passed_over() -> None:
    mine = "<minigrad.nn.X at 0x12> 0.1234 1.0 sec 5.5 examples/sec"
    assert_same_text(mine, "<torch.nn.X at 0xab> 0.1235 2.0 sec 7.5 examples/sec")


CALL = """
if __name__ == "__main__":
    torch.manual_seed(0)
    for _ in {name}() or ():
        pass
"""


@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker")
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_prints_what_torch_prints(name: str, work: Path) -> None:
    program = programs()[name]
    theirs = of_torch(program)
    done = run_script(work, program.path.read_text() + CALL.format(name=name))
    assert done.returncode == 0, done.stderr
    said = re.compile(r"^d2l: no notebook to draw in.*\n", re.MULTILINE)
    assert_same_text(said.sub("", done.stdout), theirs.text)


def test_every_system_has_a_program() -> None:
    found = {int(name.split("_")[1]) for name in programs()}
    assert found >= set(range(1, SYSTEMS + 1))
    assert {*ALONE, *KNOWN_NUMBERS, *LITERAL, *SCRIPTS} <= programs().keys()


@functools.cache
def examples() -> dict[str, list[str]]:
    """The programs with a line for a row, by row."""
    found: dict[str, list[str]] = {}
    for program in programs().values():
        for row in program.rows:
            found.setdefault(row, []).append(program.name)
    return found


def test_every_row_of_the_checklist_has_a_line_in_a_program() -> None:
    rows = {f"{area}{n:02}" for area, count in AREAS.items() for n in range(1, count + 1)}
    assert len(rows) == 352
    assert sorted(rows - examples().keys() - ELSEWHERE.keys()) == []
    assert sorted(examples().keys() - rows) == []


@pytest.mark.parametrize("row", ELSEWHERE)
def test_rows_that_need_a_card_have_their_tests(row: str) -> None:
    path, _, test = ELSEWHERE[row].partition("::")
    assert f"def {test}(" in (ROOT / path).read_text()


def test_each_mark_stands_inside_of_a_program() -> None:
    for path in {program.path for program in programs().values()}:
        marks = re.findall(r"# (?:[A-Z]\d\d ?)+$", path.read_text(), re.MULTILINE)
        inside = {row for p in programs().values() if p.path == path for row in p.rows}
        assert {row for mark in marks for row in mark[2:].split()} == inside, path.name
