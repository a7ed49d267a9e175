"""The kernels of distances, and of their gradients, against the NumPy code and against torch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.autograd.op import arrays
from minigrad.ops.network.distance_rows import Distances, PairDistances
from parity_tests.kernels.everywhere import (
    DTYPES,
    SPECIAL,
    at_each_level,
    compiled,
    on_numpy,
    shifted,
)

pytestmark = compiled

POWERS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 7.0, math.inf)


def of_rows(x: Any, y: Any, p: float) -> list[Any]:
    """Distances and both gradients."""
    with np.errstate(all="ignore"):
        out = Distances.forward(np, x, y, p, False)
        g = np.cos(np.arange(out.size)).astype(x.dtype).reshape(out.shape)
        return [out, *Distances.vjp(g, x, y, out, p, False, (True, True), arrays)]


def of_pairs(x: Any, p: float) -> list[Any]:
    """Distances of pairs and their gradient."""
    with np.errstate(all="ignore"):
        out = PairDistances.forward(np, x, p)
        g = np.cos(np.arange(out.size)).astype(x.dtype)
        return [out, PairDistances.grad_input(g, x, out, p, x.shape, arrays)]


def compare(run: Any, dtype: Any, terms: int) -> None:
    eps = np.finfo(dtype).eps
    expected = on_numpy(run)
    for found in at_each_level(run):
        for mine, its in zip(found, expected, strict=True):
            assert mine.shape == its.shape and mine.dtype == its.dtype
            finite = np.abs(its[np.isfinite(its)])
            worst = (16 + terms) * eps * max(1.0, float(finite.max(initial=0)))
            np.testing.assert_allclose(mine, its, rtol=64 * eps, atol=worst)


def drawn(seed: int, shape: Any, dtype: Any, special: bool) -> Any:
    """Small numbers, of which some are equal: so some distances and differences are zero."""
    draw = np.random.default_rng(seed)
    x = np.round(draw.normal(size=shape) * 4).astype(dtype) / dtype(4)
    if special and x.size > len(SPECIAL):
        x.reshape(-1)[draw.permutation(x.size)[: len(SPECIAL)]] = SPECIAL
    return shifted(x, seed % 3)


SIZES = st.tuples(st.integers(0, 40), st.integers(0, 70), st.sampled_from((0, 1, 2, 3, 7, 16, 70)))


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=8)
@given(st.lists(st.integers(0, 3), max_size=2), SIZES, st.booleans(), st.integers(0, 9))
def test_rows(p: float, dtype: Any, lead: Any, sizes: Any, special: bool, seed: int) -> None:
    rows, columns, width = sizes
    special = special and p != 2  # of which NumPy takes the gradient from a product
    x = drawn(seed, (*lead, rows, width), dtype, special)
    y = drawn(seed + 1, (*lead, columns, width), dtype, False)
    compare(lambda: of_rows(x, y, p), dtype, rows + columns + width)


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=8)
@given(SIZES, st.booleans(), st.integers(0, 9))
def test_pairs(p: float, dtype: Any, sizes: Any, special: bool, seed: int) -> None:
    _, rows, width = sizes
    x = drawn(seed, (rows, width), dtype, special)
    compare(lambda: of_pairs(x, p), dtype, rows + width)


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("shape", [(300, 5), (33, 300), (70, 130)])
def test_many_tiles(p: float, shape: Any) -> None:
    x, y = drawn(1, shape, np.float32, False), drawn(2, (270, shape[1]), np.float32, False)
    compare(lambda: of_rows(x, y, p), np.float32, sum(shape))
    compare(lambda: of_pairs(x, p), np.float32, sum(shape))


def found_by(lib: Any, xs: list[Any], p: float, pairs: bool) -> list[Any]:
    leaves = [lib.tensor(x, requires_grad=True) for x in xs]
    mode = "donot_use_mm_for_euclid_dist"
    out = lib.pdist(*leaves, p) if pairs else lib.cdist(*leaves, p, compute_mode=mode)
    shares = np.cos(np.arange(out.numel())).astype(xs[0].dtype).reshape(tuple(out.shape))
    out.backward(lib.tensor(shares))
    return [t.detach().numpy().astype(np.float64) for t in (out, *[x.grad for x in leaves])]


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("width", [2, 16, 1000])
def test_errors_are_no_greater_than_twice_those_of_torch(p: float, pairs: bool, width: int) -> None:
    draw = np.random.default_rng(3)
    xs = [draw.normal(size=(n, width)).astype(np.float32) for n in ((50,) if pairs else (40, 60))]
    truth = found_by(torch, [x.astype(np.float64) for x in xs], p, pairs)
    its = found_by(torch, xs, p, pairs)
    for mine in at_each_level(lambda: found_by(mg, xs, p, pairs)):
        for a, b, exact in zip(mine, its, truth, strict=True):
            unit = np.finfo(np.float32).eps * np.abs(exact).max()
            assert np.abs(a - exact).max() <= max(2 * np.abs(b - exact).max(), unit)


@pytest.mark.parametrize("p", [1.5, 2.0, 3.0])
def test_gradients_of_gradients(p: float) -> None:
    draw = np.random.default_rng(0)
    x, y = (mg.tensor(draw.normal(size=(n, 3)), requires_grad=True) for n in (6, 4))
    assert mg.autograd.gradgradcheck(lambda a, b: mg.cdist(a, b, p), (x, y))
    assert mg.autograd.gradgradcheck(lambda a: mg.pdist(a, p), (x,))
