"""Schedulers on drawn arguments, and their bad calls."""

from __future__ import annotations

from typing import Any

import pytest

from minigrad.optim import lr_scheduler
from parity_tests import torch_schedulers
from parity_tests.sidebyside import both_agree


@pytest.mark.parametrize("name", sorted(torch_schedulers.DRAWS))
def test_scheduler(name: str) -> None:
    tally = torch_schedulers.check(name, drawn=8)
    assert not tally.failures, tally.failures[:3]


@pytest.mark.parametrize("source", torch_schedulers.BAD)
def test_bad_call_of_a_scheduler(source: str) -> None:
    assert not torch_schedulers.bad_call(source)


def test_a_wrong_factor_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted mistake must fail the check."""
    monkeypatch.setattr(lr_scheduler.StepLR, "_factor", lambda self: self.gamma)
    assert torch_schedulers.check("StepLR", drawn=8).failures


@both_agree
def test_a_users_own_scheduler(torch: Any) -> Any:
    class Halving(torch.optim.lr_scheduler.LRScheduler):
        def get_lr(self) -> list[float]:
            return [rate * 0.5**self.last_epoch for rate in self.base_lrs]

    p = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=1.0)
    scheduler = Halving(optimizer)
    rates = []
    for _ in range(3):
        optimizer.step()
        scheduler.step()
        rates.append(scheduler.get_last_lr())
    return [
        rates,
        scheduler.state_dict(),
        isinstance(scheduler, torch.optim.lr_scheduler.LRScheduler),
    ]


@both_agree
def test_a_replaced_step_warns(torch: Any) -> Any:
    optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    optimizer.step = lambda: None
    with pytest.warns(UserWarning) as caught:
        scheduler.step()
    return [str(w.message) for w in caught]
