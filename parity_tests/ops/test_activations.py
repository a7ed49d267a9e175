"""Activations beyond the samples of their records: special values, integers, in place, noise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from parity_tests.both import both_raise, same_as_torch

SMOOTH = ["silu", "mish", "softplus", "logsigmoid", "softsign", "tanhshrink", "sigmoid", "tanh"]
CUT = ["relu", "relu6", "leaky_relu", "hardtanh", "hardswish", "hardsigmoid"]
KINKED = [*CUT, "elu", "selu", "celu"]
SHRINKING = ["softshrink", "hardshrink"]
SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e30, -1e30, 100.0, -100.0, 20.0, -20.0]
LARGE = np.random.default_rng(1).standard_normal((100, 100)).astype("float32")


@pytest.mark.parametrize("name", [*SMOOTH, *KINKED, *SHRINKING])
@same_as_torch
def test_special_values_and_their_slopes(torch, name):
    x = torch.tensor(SPECIAL, requires_grad=True)
    y = getattr(torch.nn.functional, name)(x)
    y.sum().backward()
    return y, x.grad


@pytest.mark.parametrize("name", [*SMOOTH, *KINKED, *SHRINKING, "gelu"])
@same_as_torch
def test_a_single_number_has_a_slope(torch, name):
    x = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    getattr(torch.nn.functional, name)(x).backward()
    return x.grad


@pytest.mark.parametrize("slope", [0.0, -1.0, 0.5, 1.0, 2.0])
@same_as_torch
def test_leaky_relu_of_any_slope(torch, slope):
    x = torch.tensor(SPECIAL, requires_grad=True)
    y = torch.nn.functional.leaky_relu(x, slope)
    y.sum().backward()
    return y, x.grad


@pytest.mark.parametrize("name", [*SMOOTH, *KINKED, *SHRINKING, "gelu"])
@same_as_torch
def test_large_and_strided_arrays(torch, name):
    fn = getattr(torch.nn.functional, name)
    x = torch.tensor(LARGE, requires_grad=True)
    y = fn(x)
    (y * y).sum().backward()
    return y, x.grad, fn(x.detach().t()[::2])


@pytest.mark.parametrize("value", [0.0, 3.0])
@same_as_torch
def test_threshold_of_a_large_array(torch, value):
    x = torch.tensor(LARGE, requires_grad=True)
    y = torch.nn.functional.threshold(x, 0.1, value)
    (y * y).sum().backward()
    return y, x.grad


@same_as_torch
def test_softplus_beyond_its_threshold(torch):
    return torch.nn.functional.softplus(torch.tensor(LARGE), 3.0, 0.2)


def test_gelu_of_float32_is_as_exact_as_that_of_float64():
    import minigrad

    x = minigrad.linspace(-12, 12, 20001)
    single = minigrad.nn.functional.gelu(x).double()
    double = minigrad.nn.functional.gelu(x.double())
    assert float((single - double).abs().max()) < 1e-6


@pytest.mark.parametrize("name", [*KINKED, "silu", "mish"])
@same_as_torch
def test_in_place_in_a_graph(torch, name):
    x = torch.tensor(LARGE, requires_grad=True)
    y = x * 2
    z = getattr(torch.nn.functional, name)(y, inplace=True)
    z.sum().backward()
    return y is z, z, x.grad


@pytest.mark.parametrize(
    "name", ["relu_", "leaky_relu_", "elu_", "selu_", "celu_", "hardtanh_", "rrelu_"]
)
@same_as_torch
def test_in_place_functions(torch, name):
    x = torch.tensor(LARGE)
    return getattr(torch.nn.functional, name)(x) is x, x


@pytest.mark.parametrize(
    "name",
    ["relu_", "selu_", "celu_", "rrelu_", "sigmoid_", "tanh_", "threshold_", "alpha_dropout_"],
)
@same_as_torch
def test_in_place_functions_of_the_top_level(torch, name):
    x = torch.tensor(LARGE)
    torch.manual_seed(0)
    extra = {"threshold_": (0.1, 2.0), "alpha_dropout_": (0.5, True)}.get(name, ())
    return getattr(torch, name)(x, *extra) is x, x


@pytest.mark.parametrize("kind", ["float32", "float64"])
@same_as_torch
def test_rrelu_draws_for_what_is_not_positive_only(torch, kind):
    torch.manual_seed(3)
    x = torch.tensor(LARGE).to(getattr(torch, kind)).requires_grad_()
    y = torch.nn.functional.rrelu(x.t(), 0.1, 0.5, training=True)
    y.sum().backward()
    return y.double(), x.grad.double(), torch.rand(2)


@pytest.mark.parametrize(
    "call",
    [
        lambda t, F: F.relu6(t.tensor([-3, 0, 2, 9])),
        lambda t, F: F.relu6(t.tensor([3, 200], dtype=t.uint8)),
        lambda t, F: F.hardtanh(t.tensor([-3, 0, 2, 9]), -1.5, 1.5),
        lambda t, F: F.hardtanh(t.tensor([3, 200], dtype=t.uint8), 0, 5),
        lambda t, F: F.threshold(t.tensor([-3, 0, 2, 9]), 0.5, 7.5),
        lambda t, F: F.prelu(t.tensor(-3.0), t.tensor([0.5])),
        lambda t, F: F.prelu(t.tensor(SPECIAL), t.tensor(0.5)),
    ],
)
@same_as_torch
def test_integers_and_numbers(torch, call):
    return call(torch, torch.nn.functional)


@pytest.mark.parametrize(
    "call",
    [
        lambda t, F: F.hardtanh(t.tensor([1], dtype=t.uint8)),
        lambda t, F: F.hardtanh(t.tensor([True])),
        lambda t, F: F.relu6(t.tensor([True])),
        lambda t, F: F.threshold(t.tensor([True]), 0, 1),
        lambda t, F: F.glu(t.tensor([1, 2])),
        lambda t, F: F.gelu(t.tensor([1, 2])),
        lambda t, F: F.logsigmoid(t.tensor([1, 2])),
        lambda t, F: F.hardshrink(t.tensor([1, 2])),
        lambda t, F: F.rrelu(t.tensor([1, 2])),
        lambda t, F: F.rrelu(t.tensor([1.0]), 0.5, 0.1),
        lambda t, F: F.prelu(t.ones(2).double(), t.ones(1)),
        lambda t, F: F.dropout(t.tensor([1, 2])),
        lambda t, F: F.gumbel_softmax(t.tensor([1, 2])),
        lambda t, F: t.feature_dropout(t.ones(3), 0.5, True),
    ],
)
@both_raise
def test_errors(torch, call):
    return call(torch, torch.nn.functional)
