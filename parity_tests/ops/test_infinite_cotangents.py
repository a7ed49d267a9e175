"""Where a derivative is zero, an infinite cotangent is dropped: no ``0 * inf`` makes it NaN."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import minigrad

PROGRAMS = {
    "abs": lambda t, x: x.sign(),
    "floor": lambda t, x: x.floor(),
    "ceil": lambda t, x: x.ceil(),
    "trunc": lambda t, x: x.trunc(),
    "round": lambda t, x: x.round(),
    "power 0": lambda t, x: x**0,
    "clamp": lambda t, x: x.clamp(-1, 1),
    "clamp to tensors": lambda t, x: x.clamp(t.zeros(3), t.ones(3)),
    "maximum": lambda t, x: t.maximum(x, t.ones(3)),
    "minimum": lambda t, x: t.minimum(t.ones(3), x),
    "where": lambda t, x: t.where(x > 0, x, 1.0),
    "relu": lambda t, x: t.relu(x),
    "masked_fill": lambda t, x: x.masked_fill(x > 0, 1.0),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_has_no_slope_takes_no_infinite_gradient(name):
    found = []
    for module in (minigrad, torch):
        x = module.tensor([-2.0, 0.5, 3.0], requires_grad=True)
        PROGRAMS[name](module, x).backward(module.tensor([float("inf")] * 3))
        found.append(x.grad.numpy())
    np.testing.assert_array_equal(*found)
