"""Optimizers on torch's configurations, bad calls and examples, and on drawn ones."""

from __future__ import annotations

import pytest

import minigrad
from parity_tests import torch_docs, torch_optimizers

EXAMPLES = [name for name in torch_docs.names() if name.startswith("optim.")]


@pytest.mark.parametrize("name", sorted(set(torch_optimizers.database())))
def test_optimizer(name: str) -> None:
    tally = torch_optimizers.check(name, drawn=3, kinds=("float64", "mixed"))
    assert not tally.failures, tally.failures[:3]
    assert tally.passed > 10 or name in torch_optimizers.LEFT_OUT


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_of_a_docstring(name: str) -> None:
    _, wrong = torch_docs.check(name)
    assert not wrong


def test_a_wrong_rule_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted mistake must fail the check."""
    right = minigrad.optim.Adamax.prepare

    def wrong(self: object, o: object, n: float, counters: object) -> None:
        right(self, o, n + 1e-3, counters)  # type: ignore[arg-type]

    monkeypatch.setattr(minigrad.optim.Adamax, "prepare", wrong)
    tally = torch_optimizers.check("Adamax", drawn=0, kinds=("float32",))
    assert len(tally.failures) > 5
