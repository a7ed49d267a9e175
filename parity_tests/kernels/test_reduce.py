"""The kernels that add up rows give the sums and variances of extended precision, rounded once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from parity_tests.kernels.everywhere import DTYPES, at_each_level, compiled, shifted, using

pytestmark = compiled


def drawn(shape: tuple[int, ...], dtype: Any, mean: float = 0.0) -> Any:
    found: Any = np.random.default_rng(sum(shape)).standard_normal(shape) + mean
    return found.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_rows_and_everything(dtype: Any, data: Any) -> None:
    rows = data.draw(st.integers(1, 60))
    x = drawn((rows, data.draw(st.integers(4096 // rows + 1, 6000))), dtype)
    x = shifted(x, data.draw(st.integers(0, 3)))
    exact = x.astype(np.longdouble)
    size = np.spacing(np.abs(exact).sum(1).max().astype(dtype))  # of the terms
    for one, all_of_it, mean in at_each_level(
        lambda: [
            t.numpy() for t in (mg.tensor(x).sum(1), mg.tensor(x).sum(), mg.tensor(x).mean(1, True))
        ]
    ):
        assert np.abs(one - exact.sum(1)).max() <= size
        assert abs(all_of_it - exact.sum()) <= size * rows
        assert mean.shape == (rows, 1)
        np.testing.assert_allclose(mean[:, 0], one / x.shape[1], rtol=1e-6)


def test_long_rows_of_doubles() -> None:
    """What each addition rounds off does not add up."""
    x = np.full((2, 1_000_000), 0.1)
    for (found,) in at_each_level(lambda: [mg.tensor(x).sum(1).numpy()]):
        np.testing.assert_allclose(found, x[0, 0].astype(np.longdouble) * 1e6, rtol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 70_001), (5, 1000), (300, 17), (1000, 5), (4, 8, 700)])
def test_variances(dtype: Any, shape: tuple[int, ...]) -> None:
    x = drawn(shape, dtype, mean=3.0)
    axes = tuple(range(1, len(shape)))
    exact = x.astype(np.longdouble).var(axes, ddof=1)
    for var, root, mean in at_each_level(
        lambda: [
            mg.var(mg.tensor(x), axes).numpy(),
            *(t.numpy() for t in mg.std_mean(mg.tensor(x), axes)),
        ]
    ):
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(var, exact, rtol=4 * eps)
        np.testing.assert_allclose(root, np.sqrt(exact), rtol=4 * eps)
        np.testing.assert_allclose(mean, x.astype(np.longdouble).mean(axes), rtol=4 * eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(70_001, 1), (1000, 5), (17, 300), (1700, 1000), (8, 700, 4)])
def test_variances_of_columns(dtype: Any, shape: tuple[int, ...]) -> None:
    x = drawn(shape, dtype, mean=3.0)
    axes = tuple(range(len(shape) - 1))
    exact = x.astype(np.longdouble)
    for var, mean, kept in at_each_level(
        lambda: [
            *(t.numpy() for t in mg.var_mean(mg.tensor(x), axes)),
            mg.std(mg.tensor(x), axes, keepdim=True).numpy(),
        ]
    ):
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(var, exact.var(axes, ddof=1), rtol=4 * eps)
        np.testing.assert_allclose(mean, exact.mean(axes), rtol=4 * eps)
        np.testing.assert_allclose(kept, exact.std(axes, ddof=1, keepdims=True), rtol=4 * eps)


def test_a_mean_that_is_rounded_does_not_spoil_a_variance() -> None:
    x = (drawn((1, 8192), np.float32) * 1e-3 + 1000).astype(np.float32)
    exact = x.astype(np.longdouble).var(1, ddof=1)
    for row, column in at_each_level(
        lambda: [mg.var(mg.tensor(x), 1).numpy(), mg.var(mg.tensor(x.reshape(-1, 1)), 0).numpy()]
    ):
        np.testing.assert_allclose(row, exact, rtol=1e-5)
        np.testing.assert_allclose(column, exact, rtol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_in_its_row(value: float) -> None:
    x = drawn((4, 3000), np.float32)
    x[1, 17] = value
    x[2, 18], x[2, 19] = np.inf, -np.inf
    with using("numpy"), np.errstate(all="ignore"):
        sums, variances = mg.tensor(x).sum(1).numpy(), mg.tensor(x).var(1).numpy()
    for a, b in at_each_level(lambda: [mg.tensor(x).sum(1).numpy(), mg.tensor(x).var(1).numpy()]):
        np.testing.assert_allclose(a, sums, rtol=1e-3)
        np.testing.assert_allclose(b, variances, rtol=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_sums_of_columns(dtype: Any, data: Any) -> None:
    outer, inner = data.draw(st.sampled_from([(1, 3), (1, 50), (1, 1100), (3, 17), (5, 300)]))
    n = data.draw(st.integers(8192 // (outer * inner) + 1, 20_000 // (outer * inner) + 70))
    x = shifted(drawn((outer, n, inner), dtype), data.draw(st.integers(0, 3)))
    exact, terms = x.astype(np.longdouble).sum(1), np.abs(x).sum(1)
    for columns, ends in at_each_level(
        lambda: [mg.tensor(x).sum(1).numpy(), mg.tensor(x).sum((0, 2), True).numpy()]
    ):
        eps = np.finfo(dtype).eps
        assert np.abs((columns - exact) / terms).max() <= 3 * eps
        assert ends.shape == (1, n, 1)
        np.testing.assert_allclose(
            ends[0, :, 0], x.astype(np.longdouble).sum((0, 2)), atol=99 * eps
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["argmax", "argmin"])
@given(data=st.data())
def test_places_of_extremes_in_columns(dtype: Any, name: str, data: Any) -> None:
    shape = data.draw(st.sampled_from([(9, 600), (70, 1030), (3, 40, 50), (4096, 3), (5, 4097)]))
    x = np.round(drawn(shape, dtype), 1)  # ties
    for place in data.draw(st.lists(st.integers(0, x.size - 1), max_size=4)):
        x.reshape(-1)[place] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf, -0.0]))
    dim, keepdim = data.draw(st.integers(0, len(shape) - 2)), data.draw(st.booleans())
    exact = getattr(np, name)(x, dim, keepdims=keepdim)
    for (found,) in at_each_level(lambda: [getattr(mg.tensor(x), name)(dim, keepdim).numpy()]):
        assert found.dtype == np.int64 and np.array_equal(found, exact)


@pytest.mark.parametrize("dims", [None, (0,), (1,), (0, 2)])
def test_gradients_of_variances(dims: Any) -> None:
    x = drawn((7, 30, 40), np.float64, mean=2.0)
    with using("numpy"):
        t = mg.tensor(x, requires_grad=True)
        (exact,) = mg.autograd.grad(mg.var(t, dims).pow(2).sum(), t)
    for (found,) in at_each_level(
        lambda: [mg.autograd.grad(mg.var(t, dims).pow(2).sum(), t)[0].numpy()]
    ):
        np.testing.assert_allclose(found, exact.numpy(), rtol=1e-12, atol=1e-14)
