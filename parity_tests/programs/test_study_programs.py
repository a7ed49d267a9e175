"""The 57 systems of the study notes, as programs that run with minigrad and with torch."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import torch as oracle

import minigrad
from parity_tests.programs import course
from parity_tests.programs.comparing import assert_same_text
from parity_tests.programs.running import Program, Run, programs, run
from parity_tests.sidebyside import agree

SYSTEMS = 57
# The rows of each area of the checklist; what the notes only talk about is optional.
AREAS = {
    "A": 11, "B": 32, "C": 29, "D": 25, "E": 16, "F": 8, "G": 10, "H": 7, "I": 13, "J": 31,
    "K": 17, "L": 6, "M": 4, "N": 8, "O": 10, "P": 10, "Q": 7, "R": 11, "S": 8, "T": 7, "U": 3,
    "V": 9, "W": 10, "X": 34, "Y": 14, "Z": 12,
}  # fmt: skip
WITHOUT: dict[str, str] = {}


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
    return folder


THEIRS: dict[str, Run] = {}


def of_torch(program: Program) -> Run:
    """What a program does with torch; run once."""
    if program.name not in THEIRS:
        THEIRS[program.name] = run(program, oracle)
    return THEIRS[program.name]


@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker")
@pytest.mark.parametrize("program", programs().values(), ids=str)
def test_a_program_does_what_it_does_with_torch(program: Program, work: Path) -> None:
    mine = run(program, minigrad)
    theirs = of_torch(program)
    assert mine.text or mine.values, "a program without results shows nothing"
    assert_same_text(mine.text, theirs.text)
    agree(mine.values, theirs.values)
    assert mine.rows == program.rows, "these marked lines were not reached"


def test_every_system_has_a_program() -> None:
    found = {int(name.split("_")[1]) for name in programs()}
    assert found >= set(range(1, SYSTEMS + 1))


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
    assert sorted(rows - examples().keys() - WITHOUT.keys()) == []
    assert sorted(examples().keys() - rows) == []
