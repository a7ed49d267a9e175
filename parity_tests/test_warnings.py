"""Warnings name the user's line, at the first call of an op as at later ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import minigrad as torch

F = torch.nn.functional
CALLS: dict[str, Callable[[], Any]] = {
    "mse_loss": lambda: F.mse_loss(torch.ones(2), torch.ones(2, 2)),
    "smooth_l1_loss": lambda: F.smooth_l1_loss(torch.ones(2), torch.ones(2, 2)),
    "softmax": lambda: F.softmax(torch.ones(2, 2)),
    "log_softmax": lambda: F.log_softmax(torch.ones(2, 2)),
    "std": lambda: torch.ones(1).std(),
    "var": lambda: torch.var(torch.ones(1)),
    "kl_div": lambda: F.kl_div(torch.zeros(2), torch.ones(2)),
    "dropout2d": lambda: F.dropout2d(torch.ones(2, 3)),
    "upsample": lambda: F.upsample(torch.ones(1, 1, 2, 2), scale_factor=2),
    "tensor": lambda: torch.tensor(torch.ones(2)),
    "out": lambda: torch.add(torch.ones(3), 1, out=torch.ones(2)),
    "size_average": lambda: F.mse_loss(torch.ones(2), torch.ones(2), size_average=False),
    "module": lambda: torch.nn.Softmax()(torch.ones(2, 2)),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_warning_names_the_line_that_called(name: str) -> None:
    for _ in range(2):
        with warnings.catch_warnings(record=True, action="always") as told:
            CALLS[name]()
        assert [w.filename for w in told] == [__file__]
        line = CALLS[name].__code__.co_firstlineno
        assert told[0].lineno == line
