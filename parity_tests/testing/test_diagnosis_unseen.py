"""Faults that were written after the rules: how many of them does the diagnosis name?

Of the first 22 it named 20 at their first run, of the next 33 it named 23, of 19 more it named 15.
All of them were killed. What it did not name then got rules of its kind, not of its op.
"""

from __future__ import annotations

import warnings

import pytest

from minigrad.testing.mutants.running import first_order, outcome_of
from parity_tests.testing import later_faults, unseen_faults

MUTANTS = [*unseen_faults.mutants(), *later_faults.mutants()]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_an_unseen_fault_is_killed_and_named(mutant) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = outcome_of(mutant, first_order, 5)
    assert outcome.killed
    assert outcome.named, f"{outcome.diagnosis} is not {mutant.truth}"
