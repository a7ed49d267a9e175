"""Elementwise ops where samples of random numbers do not look: operand forms, dtypes, edges."""

from __future__ import annotations

import numpy as np
import pytest
import torch as oracle

import minigrad
from parity_tests.both import both_raise, same_as_torch

INF, NAN = float("inf"), float("nan")
EDGES = (0.0, -0.0, 0.5, -1.0, 1.0, 2.5, -3.0, INF, -INF, NAN)


@pytest.mark.parametrize(
    "name", ["add", "sub", "mul", "div", "floor_divide", "remainder", "pow", "float_power", "xlogy"]
)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "float32"])
@same_as_torch
def test_a_number_may_come_first(torch, name, dtype):
    x = torch.tensor([1, 2, 3], dtype=getattr(torch, dtype))
    return [getattr(torch, name)(number, x) for number in (2, 2.5)]


@pytest.mark.parametrize("name", ["maximum", "fmin", "atan2", "gcd", "logical_or", "ldexp"])
@both_raise
def test_a_number_where_only_a_tensor_may_stand(torch, name):
    return getattr(torch, name)(torch.tensor([1, 2]), 2)


@pytest.mark.parametrize(
    "program",
    [
        lambda t: 1 - t.tensor([True]),
        lambda t: t.tensor([True]) - t.tensor([1]),
        lambda t: -t.tensor([True]),
        lambda t: +t.tensor([True]),
        lambda t: ~t.tensor([1.0]),
        lambda t: t.tensor([1.0]) & 1,
        lambda t: t.tensor([1.0]) << 1,
        lambda t: t.tensor([True]) // t.tensor([True]),
        lambda t: t.tensor([True]).abs(),
        lambda t: t.tensor([1]).frac(),
        lambda t: t.tensor([1]).hypot(t.tensor([1])),
        lambda t: t.tensor([1]) // t.tensor([0]),
        lambda t: t.tensor([1]) % 0,
        lambda t: t.div(t.tensor([1]), 0, rounding_mode="trunc"),
        lambda t: t.tensor([2]) ** -1,
        lambda t: t.tensor([1, 2]).mul_(1.5),
        lambda t: t.tensor([1, 2]).sqrt_(),
        lambda t: t.add(t.tensor([1]), t.tensor([1]), alpha=0.5),
        lambda t: t.tensor([5], dtype=t.uint8).clamp(-1, 300),
        lambda t: t.tensor([1.0]).clamp(t.tensor([0.0]), 2.0),
        lambda t: t.isclose(t.tensor([1.0]), t.tensor([1.0]).double()),
        lambda t: t.tensor([1.0]) + "text",
        lambda t: [1] / t.tensor([1.0]),
        lambda t: t.where(t.tensor([1, 0]), 1, 2),
    ],
)
def test_what_torch_refuses(program):
    both_raise(lambda torch: program(torch))()


@same_as_torch
def test_integers_wrap_around_and_divide_as_in_torch(torch):
    byte = torch.tensor([1, 200], dtype=torch.uint8)
    whole = torch.tensor([-7, 7, -1])
    return [
        byte + 100,
        byte - 2,
        -byte,
        byte * -1,
        torch.tensor([-128], dtype=torch.int8).abs(),
        whole // 2,
        whole % -4,
        torch.fmod(whole, -4),
        torch.div(whole, 2, rounding_mode="trunc"),
        torch.tensor([1, -1, 2, 0]) ** torch.tensor([-3, -3, -1, -1]),
        torch.tensor([True, False]).square(),
        whole >> 70,
        whole << 70,
        1 << torch.tensor([3]),
    ]


@pytest.mark.parametrize("name", ["eq_", "logical_and_", "bitwise_xor_", "remainder_", "gcd_"])
@same_as_torch
def test_in_place_forms_keep_the_dtype(torch, name):
    x = torch.tensor([6, 3, 2])
    return getattr(x, name)(torch.tensor([4, 3, 5])), x


@pytest.mark.parametrize("name", ["remainder", "fmod", "floor_divide"])
@pytest.mark.parametrize("edges", [False, True])
def test_many_remainders_of_float32_are_exact(name, edges):
    """They go by way of float64 and fall back to the slow loop block by block."""
    import torch

    rng = np.random.default_rng(0)
    x, y = ((rng.normal(size=40_000) * 10.0 ** rng.integers(-6, 6, 40_000)) for _ in range(2))
    x, y = x.astype(np.float32), y.astype(np.float32)
    if edges:
        y[::5000], x[::7000], y[9::9000], x[11::9000] = 0, INF, INF, NAN
    mine = getattr(minigrad, name)(minigrad.tensor(x), minigrad.tensor(y))
    want = getattr(torch, name)(torch.tensor(x), torch.tensor(y))
    np.testing.assert_array_equal(mine.numpy(), want.numpy())


def test_many_error_functions_of_float32():
    """From a number of elements on they are a fitted fraction: exact at the ends, odd, monotone."""
    import torch

    x = np.concatenate([np.linspace(-9, 9, 30_001), np.geomspace(1e-30, 1, 999), EDGES])
    x = x.astype(np.float32)
    y = minigrad.erf(minigrad.tensor(x)).numpy()
    want = torch.erf(torch.tensor(x).double()).numpy()
    np.testing.assert_allclose(y, want, rtol=1e-6)
    assert y[0] == -1 and y[30_000] == 1 and np.nanmax(np.abs(y)) == 1
    np.testing.assert_array_equal(minigrad.erf(minigrad.tensor(-x)).numpy(), -y)


@pytest.mark.parametrize(
    "name",
    ["maximum", "minimum", "fmax", "fmin", "atan2", "copysign", "nextafter", "xlogy"],
)
@same_as_torch
def test_gradients_at_ties_zeros_and_nan(torch, name):
    pairs = [(a, b) for a in EDGES for b in EDGES]
    x, y = (torch.tensor(side, requires_grad=True) for side in zip(*pairs, strict=True))
    getattr(torch, name)(x, y).backward(torch.full((len(pairs),), 1.5))
    return [x.grad, y.grad]


@pytest.mark.parametrize("name", ["sinc", "nan_to_num", "erfinv", "lgamma", "angle", "acos"])
@same_as_torch
def test_values_and_gradients_at_edges(torch, name):
    x = torch.tensor(EDGES, dtype=torch.float64, requires_grad=True)
    y = getattr(torch, name)(x)
    y.backward(torch.full((len(EDGES),), 1.5, dtype=torch.float64))
    return [y.detach(), x.grad]


@both_raise
def test_a_derivative_that_is_not_known_is_an_error(torch):
    x = torch.tensor([1.0], requires_grad=True)
    return torch.igamma(x, torch.tensor([2.0])).sum().backward()


@both_raise
def test_floor_division_has_no_derivative(torch):
    x = torch.tensor([1.0], requires_grad=True)
    return (x // 2).sum().backward()


@same_as_torch
def test_forms_of_a_call(torch):
    x = torch.tensor([2.5, -1.5])
    return [
        torch.heaviside(x, values=torch.tensor([1.0])),
        x.polygamma(1),
        torch.special.multigammaln(x.abs() + 2, 2),
        x.clamp(max=np.float32(1.0)),
        x.pow(exponent=2),
        torch.frexp(x).exponent,
        torch.special.chebyshev_polynomial_t(0.5, torch.tensor([0, 3])),
        torch.lerp(x, end=-x, weight=0.25),
        x.true_divide(2),
        torch.clip(x, 0, 1),
        x.real is x,
        torch.equal(x, x.clone()),
    ]


@same_as_torch
def test_names_of_nodes(torch):
    x = torch.tensor([0.5], requires_grad=True)
    calls = [x.log1p(), x.deg2rad(), torch.special.i0e(x), x**2, x.exp2(), x.round(decimals=1)]
    return [call.grad_fn.name() for call in calls]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "int16"])
@pytest.mark.parametrize("number", [0.1, 1 / 3, -0.7, 1.0001, 3, 5000])
def test_halves_and_a_number_are_rounded_once(dtype: str, number: float) -> None:
    """torch works them out in float32, the number too: the bits, and those of the gradient."""
    bits = []
    for library in (minigrad, oracle):
        library.manual_seed(0)
        x = (library.randn(300) * 20).to(getattr(library, dtype))
        wants = dtype != "int16"
        x = x.requires_grad_() if wants else x
        found = [x * number, number * x, x / number, number / x, x.detach().clone().div(number)]
        if wants:
            found += [library.autograd.grad(y, x, x.detach())[0] for y in (found[0], found[2])]
            found += [x.detach().clone().mul_(number), x.detach().clone().div_(number)]
        bits.append([(str(t.dtype), t.double().tolist()) for t in found])
    for mine, theirs in zip(*bits, strict=True):
        assert mine[0].split(".")[1] == theirs[0].split(".")[1]
        assert np.array_equal(mine[1], theirs[1], equal_nan=True)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("kind", ["float32", "float64", "int64"])
@pytest.mark.parametrize("of_numpy", [True, False])
def test_halves_and_a_tensor_that_is_a_number(dtype: str, kind: str, of_numpy: bool) -> None:
    """Such a tensor, or a number of NumPy's, is not rounded to halves either."""
    bits = []
    for library in (minigrad, oracle):
        library.manual_seed(0)
        x = (library.randn(300) * 20).to(getattr(library, dtype)).requires_grad_()
        number = np.dtype(kind).type(2.7)
        number = number if of_numpy else library.tensor(number)
        found = [x * number, x / number, x.detach().clone().mul_(number)]
        found += [library.autograd.grad(y, x, x.detach())[0] for y in found[:2]]
        bits.append([(str(t.dtype), t.double().tolist()) for t in found])
    for mine, theirs in zip(*bits, strict=True):
        assert mine[0].split(".")[1] == theirs[0].split(".")[1]
        assert np.array_equal(mine[1], theirs[1])
