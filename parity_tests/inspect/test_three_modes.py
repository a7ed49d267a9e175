"""Three ways to one derivative; dual numbers against torch's way of forward mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import inspect, nn
from minigrad.nn import functional as F

FUNCTIONS: list[Callable[[Any], Any]] = [
    lambda x: (x * x.sin()).sum(),
    lambda x: x.exp().log_softmax(0)[1],
    lambda x: (x[:2].prod() - x.var()) ** 2,
    lambda x: (x.reshape(-1, 1) * x).square().mean(),
    lambda x: mg.where(x > 1, x**3, x.cos()).sum(),
    lambda x: (mg.cat([x, x * 2]).cumsum(0) * mg.arange(8.0)).sum(),
    lambda x: F.layer_norm(x.reshape(2, 2), (2,)).exp().sum(),
    lambda x: x.new_ones(1).sum(),
]


@pytest.mark.parametrize("f", FUNCTIONS)
def test_the_three_agree(f: Callable[[Any], Any]) -> None:
    x = mg.tensor([0.5, 1.2, 2.0, -0.7], dtype=mg.float64)
    found = inspect.compare_modes(f, x)
    assert found.value == pytest.approx(float(f(x)))
    reverse, forward, differences = found.ways
    np.testing.assert_allclose(forward.gradient, reverse.gradient, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(differences.gradient, reverse.gradient, rtol=1e-5, atol=1e-7)
    leaf = x.clone().requires_grad_()
    y = f(leaf)
    want = mg.autograd.grad(y, leaf)[0].tolist() if y.requires_grad else [0.0] * 4
    assert reverse.gradient.tolist() == want


def test_float32_and_a_network() -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
    found = inspect.compare_modes(lambda x: net(x).sum(), mg.tensor([0.5, 1.2, 2.0, -0.7]))
    assert found.ways[1].error < 1e-5 and found.ways[2].error < 1e-2
    text = str(found)
    assert text.splitlines()[0].split()[:2] == ["mode", "gradient"]
    assert "one sweep" in text and "4 passes" in text


def test_more_elements_need_more_passes_of_all_but_reverse_mode() -> None:
    calls = [
        [way.calls for way in inspect.compare_modes(lambda x: (x * x).sum(), mg.ones(n)).ways]
        for n in (2, 8)
    ]
    assert calls[0][0] == calls[1][0]
    assert calls[1][1] > 3 * calls[0][1] and calls[1][2] == 4 * calls[0][2]


def test_refusals() -> None:
    with pytest.raises(TypeError, match="tensor of floats"):
        inspect.compare_modes(lambda x: x.sum(), mg.arange(3))
    with pytest.raises(ValueError, match="3 numbers"):
        inspect.compare_modes(lambda x: x * 2, mg.ones(3))
