"""Faults that were written after the rules: how many of them does the diagnosis name?

At their first run 20 of 22 were named. The other two (one triangle taken for the other, one of two
uses forgotten) then got rules of their kind.
"""

from __future__ import annotations

import warnings

import pytest

from minigrad.testing.mutants.running import first_order, outcome_of
from parity_tests.testing.unseen_faults import mutants


@pytest.mark.parametrize("mutant", mutants(), ids=lambda m: m.name)
def test_an_unseen_fault_is_killed_and_named(mutant) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = outcome_of(mutant, first_order, 10)
    assert outcome.killed
    assert outcome.named, f"{outcome.diagnosis} is not {mutant.truth}"
