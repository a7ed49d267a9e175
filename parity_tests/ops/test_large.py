"""Arrays so large that another way is taken: in pieces, by columns, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
from parity_tests.both import same_as_torch

SHAPES = [(5000, 3), (3000, 2), (1, 9000, 4), (700, 5, 3), (4100, 16), (300, 17)]
ODD = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-30, 1e30, np.inf, -np.inf]


def numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Normal numbers, the same for both libraries."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def with_odd(order: int) -> np.ndarray:
    """Many numbers, the first of them infinite, NaN, zero, tiny or huge."""
    x = numbers((6000,), order + 1)
    x[:9] = ODD[::order]
    return x


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin", "prod", "logsumexp"])
@same_as_torch
def test_reductions_of_short_axes(torch, name, shape, keepdim):
    x = torch.tensor(numbers(shape)).requires_grad_()
    found = [getattr(torch, name)(x, dim, keepdim=keepdim) for dim in range(len(shape))]
    sum((y * y.detach().cos()).sum() for y in found[-1:]).backward()
    return [y.detach() for y in found], x.grad


@pytest.mark.parametrize("values", ["floats", "ties", "nans", "integers"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
@same_as_torch
def test_places_in_short_axes(torch, name, shape, values):
    x = numbers(shape)
    if values in ("ties", "integers"):
        x = np.round(2 * x)
    if values == "nans":
        x.flat[::7] = np.nan
    x = torch.tensor(x.astype(np.int64) if values == "integers" else x)
    return [tuple(getattr(torch, name)(x, d)) if name in ("max", "min") else
            getattr(torch, name)(x, d, keepdim=True) for d in range(len(shape))]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@same_as_torch
def test_softmax_of_short_rows(torch, name, shape):
    x = torch.tensor(numbers(shape)).requires_grad_()
    y = getattr(torch, name)(x, -1)
    (y * torch.tensor(numbers(shape, 1))).sum().backward()
    return y.detach(), x.grad


PAIRS = ["hypot", "copysign", "logaddexp", "logaddexp2", "logical_and", "logical_or", "logical_xor"]


@pytest.mark.parametrize("name", PAIRS)
@same_as_torch
def test_pairs_with_infinities_and_nans(torch, name):
    return getattr(torch, name)(torch.tensor(with_odd(1)), torch.tensor(with_odd(-1)))


@pytest.mark.parametrize("name", ["erf", "erfinv", "angle", "nan_to_num", "frac", "logical_not"])
@same_as_torch
def test_functions_of_infinities_and_nans(torch, name):
    return getattr(torch, name)(torch.tensor(with_odd(1)))


@pytest.mark.parametrize("name", ["erf", "erfinv"])
@same_as_torch
def test_error_functions_over_their_range(torch, name):
    reach = 1 if name == "erfinv" else 5
    return getattr(torch, name)(torch.tensor(np.linspace(-reach, reach, 40001, dtype=np.float32)))


@same_as_torch
def test_gelu_over_its_range(torch):
    x = torch.tensor(np.linspace(-30, 30, 40001, dtype=np.float32)).requires_grad_()
    y = torch.nn.functional.gelu(x)
    y.sum().backward()
    return y.detach(), x.grad


def test_every_float16_is_converted_exactly():
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    mine, right = minigrad.tensor(every).float().numpy(), every.astype(np.float32)
    np.testing.assert_array_equal(mine, right)
    np.testing.assert_array_equal(np.signbit(mine[right == 0]), np.signbit(right[right == 0]))


@pytest.mark.parametrize("place", [0, 50_000, 99_999, None])
@same_as_torch
def test_equal_finds_one_difference(torch, place):
    x = numbers((100_000,))
    y = x.copy()
    if place is not None:
        y[place] += 1
    return torch.equal(torch.tensor(x), torch.tensor(y))
