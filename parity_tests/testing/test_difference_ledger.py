"""The difference ledger: what it says holds now, and a drift names its side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minigrad
from parity_tests import ledger
from parity_tests.ledger_rows import error, op_row
from parity_tests.tolerances import TOL, allowed, assert_allowed

GROUPS = 12


@pytest.mark.parametrize("group", range(GROUPS))
def test_nothing_has_drifted(group: int) -> None:
    assert not ledger.check(ledger.names()[group::GROUPS])


def test_file_and_page_are_up_to_date() -> None:
    assert not ledger.stale()
    held = ledger.read()
    assert ledger.FILE.read_text(encoding="utf-8") == ledger.written(held)
    assert {"minigrad", "torch", "numpy", "processor"} <= set(held["made with"])


def off_by(function: Any, ulps: int) -> Any:
    """A function whose float32 results are so many numbers too great."""

    def moved(x: Any) -> Any:
        y = function(x)
        return y + y.abs() * (ulps * 2.0**-23) if "float32" in str(y.dtype) else y

    return moved


def test_a_drift_names_its_side(monkeypatch: pytest.MonkeyPatch) -> None:
    from minigrad.autograd.registry import REGISTRY

    then = ledger.read()["rows"]["exp"]
    assert not list(ledger.drifts("exp", then, ledger.entry(op_row("exp"))))
    with monkeypatch.context() as patch:
        patch.setattr(torch, "exp", off_by(torch.exp, 50))
        (line, *more) = ledger.drifts("exp", then, ledger.entry(op_row("exp")))
    assert line.startswith("exp float32 forward: torch cpu drifted from") and "ulps" in line
    assert not any("minigrad" in text for text in more)
    record = REGISTRY["exp"]
    with monkeypatch.context() as patch:
        patch.setitem(record.__dict__, "function", off_by(minigrad.exp, 50))
        (line, *more) = ledger.drifts("exp", then, ledger.entry(op_row("exp")))
    assert line.startswith("exp float32 forward: minigrad cpu drifted from")
    assert not any("torch cpu" in text for text in more)


def test_errors_are_counted_in_ulps() -> None:
    one = np.float32([1.0, 0.0, np.inf, np.nan])
    assert error(one, one.astype(np.float64), None) == 0
    up = np.nextafter(one, np.float32(2))
    assert error(up[:1], one[:1].astype(np.float64), None) == 1
    assert error(np.float32([1e-3]), np.float64([0.0]), 1.0) == pytest.approx(8388.6, rel=1e-3)
    assert error(np.float32([np.nan]), np.float64([1.0]), None) == np.inf
    assert error(np.float32([1.0]), np.float64([1.0, 2.0]), None) == np.inf


def test_a_measured_tolerance_is_never_wider_than_the_table() -> None:
    want = np.linspace(-3, 3, 7)
    for kind in ("float32", "float64"):
        table = TOL[kind]["atol"] + TOL[kind]["rtol"] * np.abs(want)
        for name in ledger.read()["rows"]:
            for part in ("forward", "gradient"):
                assert (allowed(name, kind, part, want, 3.0) <= table).all()
    assert allowed("exp", "float64", "forward", want, None).max() < 1e-14
    assert allowed("no such op", "float64", "forward", want, None).min() == 1e-7
    with pytest.raises(AssertionError, match="2 of 3 elements are too far"):
        got, may = np.float64([1.0, 2.0, np.nan]), np.full(3, 0.1)
        assert_allowed(got, np.float64([1.0, 2.2, 3.0]), may, "it")
