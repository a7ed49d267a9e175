"""Optimizers and schedulers on torch's own configurations, bad calls and examples, and drawn ones."""

from __future__ import annotations

import pytest

import minigrad
from parity_tests import torch_docs, torch_optimizers, torch_schedulers

EXAMPLES = [name for name in torch_docs.names() if name.startswith("optim.")]


@pytest.mark.parametrize("name", sorted(set(torch_optimizers.database())))
def test_optimizer(name: str) -> None:
    tally = torch_optimizers.check(name, drawn=5, kinds=("float32", "float64", "mixed"))
    assert not tally.failures, tally.failures[:3]
    assert tally.passed > 10 or name in torch_optimizers.LEFT_OUT


@pytest.mark.parametrize("name", sorted(torch_schedulers.DRAWS))
def test_scheduler(name: str) -> None:
    tally = torch_schedulers.check(name, drawn=8)
    assert not tally.failures, tally.failures[:3]


@pytest.mark.parametrize("source", torch_schedulers.BAD)
def test_bad_call_of_a_scheduler(source: str) -> None:
    assert not torch_schedulers.bad_call(source)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_of_a_docstring(name: str) -> None:
    _, wrong = torch_docs.check(name)
    assert not wrong


def test_a_wrong_rule_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted mistake in a rule, in a state and in a scheduler must fail the checks."""
    from minigrad.optim.lr_scheduler import StepLR

    right = minigrad.optim.Adamax.prepare

    def wrong(self: object, o: object, n: float, counters: object) -> None:
        right(self, o, n + 1e-3, counters)  # type: ignore[arg-type]

    monkeypatch.setattr(minigrad.optim.Adamax, "prepare", wrong)
    monkeypatch.setattr(StepLR, "_factor", lambda self: self.gamma)
    tally = torch_optimizers.check("Adamax", drawn=0, kinds=("float32",))
    assert len(tally.failures) > 5
    assert torch_schedulers.check("StepLR", drawn=8).failures
