"""Pools that look their elements up, LU decompositions and products: the kernels beside NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from parity_tests.kernels.everywhere import (
    DTYPES,
    SPECIAL,
    at_each_level,
    compiled,
    on_numpy,
    shifted,
)

F = mg.nn.functional
pytestmark = compiled
few = settings(max_examples=20, deadline=None)
sizes, seeds, shifts = st.integers(3, 9), st.integers(0, 999), st.integers(0, 3)


def _drawn(seed: int, shape: tuple[int, ...], dtype: Any, shift: int) -> Any:
    """Numbers of one digit, so that there are ties, some of them special."""
    x: Any = np.asarray(np.random.default_rng(seed).normal(size=shape)).round(1).astype(dtype)
    if seed % 3 == 0 and x.size > 20:
        x.reshape(-1)[5:15] = SPECIAL * 2
    return shifted(x, shift)


def _units(t: Any, seed: int) -> Any:
    """Where windows begin along each axis of each channel, from 0 to 1."""
    drawn = np.random.default_rng(seed).uniform(0, 1, (*t.shape[:2], t.ndim - 2))
    return mg.tensor(drawn, dtype=t.dtype)


def _pooled(call: Any, x: Any, seed: int) -> list[Any]:
    """Values, places and the gradient."""
    tensor = mg.from_numpy(x).requires_grad_()
    values, places = call(tensor)
    g = np.random.default_rng(seed).normal(size=tuple(values.shape)).astype(x.dtype)
    (gx,) = mg.autograd.grad(values, [tensor], mg.from_numpy(g))
    assert places.dtype is mg.int64
    return [values.detach().numpy(), places.numpy(), gx.numpy()]


@few
@given(
    st.integers(1, 4), sizes, sizes, sizes, st.integers(1, 3), st.integers(1, 3),
    st.integers(0, 1), st.sampled_from(DTYPES), seeds, shifts,
)  # fmt: skip
def test_max_pools(
    n: int, d: int, h: int, w: int, k: int, s: int, pad: int, dtype: Any, seed: int, shift: int
) -> None:
    pad = min(pad, k // 2)
    volume = _drawn(seed, (n, 2, d, h, w), dtype, shift)
    image = _drawn(seed + 1, (n, 3, h, w), dtype, shift)
    for x, call in (
        (volume, lambda t: F.max_pool3d(t, k, s, pad, return_indices=True)),
        (image, lambda t: F.max_pool2d(t, k, s, pad, return_indices=True)),
        (volume, lambda t: F.adaptive_max_pool3d(t, (2, 3, 2), return_indices=True)),
        (image, lambda t: F.adaptive_max_pool2d(t, (k, 4), return_indices=True)),
        (
            image,
            lambda t: F.fractional_max_pool2d_with_indices(t, 2, 2, None, True, _units(t, seed)),
        ),
        (
            volume,
            lambda t: F.fractional_max_pool3d_with_indices(t, 2, 2, None, True, _units(t, seed)),
        ),
    ):
        wanted = on_numpy(lambda x=x, call=call: _pooled(call, x, seed))  # type: ignore[misc]
        for found in at_each_level(lambda x=x, call=call: _pooled(call, x, seed)):  # type: ignore[misc]
            for got, want in zip(found, wanted, strict=True):
                np.testing.assert_allclose(got, want, rtol=4e-6, atol=4e-6)
                assert got.dtype == want.dtype


@few
@given(
    st.integers(1, 4), sizes, sizes, sizes, st.integers(1, 3), st.integers(1, 3),
    st.booleans(), st.sampled_from(DTYPES), seeds,
)  # fmt: skip
def test_mean_of_volumes(
    n: int, d: int, h: int, w: int, k: int, s: int, inside: bool, dtype: Any, seed: int
) -> None:
    x = np.random.default_rng(seed).normal(size=(n, 2, d, h, w)).astype(dtype)

    def run() -> list[Any]:
        tensor = mg.from_numpy(x).requires_grad_()
        y = F.avg_pool3d(tensor, k, s, k // 2, count_include_pad=not inside)
        g = np.random.default_rng(seed).normal(size=tuple(y.shape)).astype(dtype)
        return [y.detach().numpy(), mg.autograd.grad(y, [tensor], mg.from_numpy(g))[0].numpy()]

    wanted = on_numpy(run)
    for found in at_each_level(run):
        for got, want in zip(found, wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=4e-6)


@few
@given(st.lists(st.integers(0, 3), max_size=2), sizes, sizes, st.sampled_from(DTYPES), seeds)
def test_lu(lead: list[int], m: int, n: int, dtype: Any, seed: int) -> None:
    """L U has the rows of A that the places say, and pivots are LAPACK's."""
    A = np.random.default_rng(seed).normal(size=(*lead, m, n)).astype(dtype)
    A[..., 0, 0] = 0

    def run() -> list[Any]:
        P, L, U = mg.linalg.lu(mg.from_numpy(A))
        LU, pivots, info = mg.linalg.lu_factor_ex(mg.from_numpy(A))
        return [x.numpy() for x in (P, L, U, LU, pivots, info)]

    bound = 1e-4 if dtype is np.float32 else 1e-12
    wanted = on_numpy(run)
    for found in at_each_level(run):
        P, L, U = found[:3]
        np.testing.assert_allclose(P @ L @ U, A, atol=bound)
        assert np.abs(L).max(initial=0) <= 1
        np.testing.assert_array_equal(found[4], wanted[4])
        np.testing.assert_array_equal(found[5], wanted[5])


def test_lu_of_a_singular_matrix() -> None:
    A = np.array([[[1.0, 2], [2, 4]], [[0, 0], [0, 0]], [[1, 0], [0, 1]]], np.float32)

    def run() -> list[Any]:
        return [mg.linalg.lu_factor_ex(mg.from_numpy(A)).info.numpy()]

    for (info,) in at_each_level(run):
        np.testing.assert_array_equal(info, [2, 1, 0])


SHAPES = [(), (0,), (1,), (40_000,), (3, 0), (3, 700), (700, 3), (5, 9, 40)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_products(shape: tuple[int, ...], dtype: Any) -> None:
    random = np.random.default_rng(len(shape))
    x: Any = np.asarray(np.exp(random.normal(size=shape) * 0.01), dtype)

    def run() -> list[Any]:
        tensor = mg.from_numpy(x)
        along = [tensor.prod(dim, keepdim=dim == 0) for dim in range(x.ndim)]
        return [p.numpy() for p in (tensor.prod(), *along)]

    wanted = on_numpy(run)
    for found in at_each_level(run):
        for got, want in zip(found, wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-3 if dtype is np.float32 else 1e-11)
            assert got.dtype == want.dtype and got.shape == want.shape
