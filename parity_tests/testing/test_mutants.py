"""The zoo of wrong gradients: all are killed, nearly all by name, and their healthy forms live."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given, settings

from minigrad.cli import main
from minigrad.testing import calls, gradcheck, gradgradcheck
from minigrad.testing.cases import record_of
from minigrad.testing.mutants import MUTANTS, run, survivors


def test_there_are_at_least_forty() -> None:
    assert len(MUTANTS) >= 40
    assert all(len(m.history) > 20 and m.truth for m in MUTANTS.values())


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_killed_and_its_fault_named(name: str) -> None:
    (outcome,) = run([name])
    assert outcome.killed, MUTANTS[name].history
    assert outcome.named, f"{outcome.diagnosis} is not {MUTANTS[name].truth}"


def test_a_check_that_asserts_nothing_kills_nothing() -> None:
    assert survivors(lambda case: None, examples=1) == list(MUTANTS)


TIED = ("amax", "amin", "max", "min", "sort", "cumsum", "prod", "mul", "maximum", "topk", "cummax")


@pytest.mark.parametrize("name", TIED)
def test_healthy_ops_live_at_ties(name: str) -> None:
    @settings(max_examples=10, deadline=None, derandomize=True, database=None)
    @given(calls(name, ties=True))
    def check(case) -> None:
        if case.inputs:
            gradcheck(case, case.inputs)

    check()


HEALTHY = sorted({m.record.name for m in MUTANTS.values() if m.record.where})


@pytest.mark.parametrize("name", HEALTHY)
def test_what_mutants_are_made_of_is_healthy(name: str) -> None:
    @settings(max_examples=5, deadline=None, derandomize=True, database=None)
    @given(calls(record_of(name)))
    def check(case) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gradcheck(case, case.inputs)
            gradgradcheck(case, case.inputs, fast_mode=True)

    check()


def test_command_names_survivors(tmp_path, capsys) -> None:
    check = tmp_path / "check.py"
    check.write_text(
        "def values_only(case):\n    case(*case.inputs)\n\n"
        "def kit(case):\n    from minigrad.testing import gradcheck\n"
        "    gradcheck(case, case.inputs)\n"
    )
    only = ["--only", "cosine_has_no_minus", "--only", "flip_not_flipped_back"]
    assert main(["mutants", f"{check}:values_only", *only, "--examples", "2"]) == 1
    assert "SURVIVES  cosine_has_no_minus" in capsys.readouterr().out
    assert main(["mutants", f"{check}:kit", *only]) == 0
    assert "2 of 2 killed, 2 by their true names" in capsys.readouterr().out
    assert main(["mutants", "--only", "nothing_like_it"]) == 2
    assert main(["mutants", f"{check}:missing"]) == 2
