"""Softmax, cross-entropy, norms and reductions, against torch on the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.cuda.engines import MODES, close, compiler, empty, kernels, of

pytestmark = compiler
F = torch.nn.functional
DTYPES = ("float32", "float64", "float16", "bfloat16")
drawn = settings(max_examples=12, deadline=None)
lengths = st.sampled_from([1, 2, 5, 31, 64, 200, 1025, 1500])


def random(shape: Any, dtype: str, seed: int = 0) -> Any:
    return of(np.random.default_rng(seed).standard_normal(shape), dtype)


def computed_in(dtype: str) -> str:
    """What kernels hold a row's or a channel's own numbers in."""
    return "float64" if dtype == "float64" else "float32"


def exact(array: Any) -> Any:
    return torch.from_numpy(np.asarray(array, np.float64))


@drawn
@given(
    outer=st.integers(1, 11), n=lengths, inner=st.sampled_from([1, 1, 3, 40]), log=st.booleans(),
    dtype=st.sampled_from(DTYPES), mode=st.sampled_from(MODES),
)  # fmt: skip
def test_softmax(outer: int, n: int, inner: int, log: bool, dtype: str, mode: Any) -> None:
    run, x = kernels(dtype, *mode[1:]), random((outer, n, inner), dtype)
    y, gx, g = empty(x.shape, dtype), empty(x.shape, dtype), random(x.shape, dtype, 1)
    run["softmax"](x, y, outer, n, inner, log)
    leaf = exact(x).requires_grad_()
    wanted = F.log_softmax(leaf, 1) if log else F.softmax(leaf, 1)
    close(y, wanted.detach(), dtype)
    told = of(wanted.detach().numpy(), dtype)
    run["softmax_backward"](g, told, gx, outer, n, inner, log)
    wanted.backward(exact(g))
    close(gx, leaf.grad, dtype, 4)


@pytest.mark.parametrize("inner", [1, 3])
@pytest.mark.parametrize("n", [6, 1100])
@pytest.mark.parametrize("log", [False, True])
def test_softmax_of_rows_with_special_numbers(n: int, inner: int, log: bool) -> None:
    x = random((5, n, inner), "float32")
    x[0, 2], x[1, 3], x[2, 1], x[3, :] = np.nan, np.inf, -np.inf, -np.inf
    y = empty(x.shape, "float32")
    kernels()["softmax"](x, y, 5, n, inner, log)
    wanted = torch.from_numpy(x).double()
    close(y, F.log_softmax(wanted, 1) if log else F.softmax(wanted, 1), "float32")


@drawn
@given(rows=st.integers(1, 20), classes=lengths, dtype=st.sampled_from(DTYPES),
       mode=st.sampled_from(MODES))  # fmt: skip
def test_cross_entropy(rows: int, classes: int, dtype: str, mode: Any) -> None:
    run, x = kernels(dtype, *mode[1:]), random((rows, classes), dtype)
    target = np.random.default_rng(1).integers(0, classes, rows)
    wide = computed_in(dtype)
    y, gx, g = empty(rows, wide), empty(x.shape, dtype), random(rows, wide, 2)
    stats = empty((rows, 2), wide)
    run["cross_entropy"](x, target, y, stats, rows, classes)
    leaf = exact(x).requires_grad_()
    wanted = -F.cross_entropy(leaf, torch.from_numpy(target), reduction="none")
    close(y, wanted.detach(), dtype)
    run["cross_entropy_backward"](g, x, target, stats, gx, rows, classes)
    wanted.backward(exact(g))
    close(gx, leaf.grad, dtype)


@drawn
@given(
    n=st.integers(2, 40), channels=st.sampled_from([1, 3, 8, 35]),
    length=st.sampled_from([1, 1, 4, 49, 700]), affine=st.booleans(), given_=st.booleans(),
    dtype=st.sampled_from(DTYPES), mode=st.sampled_from(MODES),
)  # fmt: skip
def test_batch_norm(
    n: int, channels: int, length: int, affine: bool, given_: bool, dtype: str, mode: Any
) -> None:
    run, eps = kernels(dtype, *mode[1:]), 1e-5
    x = random((n, channels, length), dtype) + of([3], dtype)
    g = random(x.shape, dtype, 1)
    wide = computed_in(dtype)
    w, b = (random(channels, wide, 2 + i) if affine else None for i in range(2))
    y, gx = empty(x.shape, dtype), empty(x.shape, dtype)
    mean, var, invstd, gw, gb = (empty(channels, wide) for _ in range(5))
    if given_:
        mean[:], var[:] = random(channels, wide, 4), np.abs(random(channels, wide, 5)) + 0.5
    sizes = (n, channels, length)
    run["batch_norm"](x, w, b, y, mean, invstd, var, *sizes, eps, given_)
    leaves = [None if a is None else exact(a).requires_grad_() for a in (x, w, b)]
    running = [exact(a).clone() for a in (mean, var)] if given_ else [None, None]
    wanted = F.batch_norm(leaves[0], *running, *leaves[1:], training=not given_, eps=eps)
    close(y, wanted.detach(), dtype, 20)
    if not given_:
        close(mean, x.astype("f8").mean((0, 2)), wide)
        close(var, x.astype("f8").var((0, 2)), wide)
    run["batch_norm_backward"](g, x, w, mean, invstd, gx, gw, gb, *sizes, given_)
    wanted.backward(exact(g))
    close(gx, leaves[0].grad, dtype, 20)
    if affine:
        close(gw, leaves[1].grad, wide, 20)
        close(gb, leaves[2].grad, wide, 20)


@drawn
@given(
    n=st.integers(1, 20), groups=st.integers(1, 3), weights=st.sampled_from([1, 2, 7, 40, 1100]),
    places=st.sampled_from([1, 1, 5, 60]), affine=st.booleans(),
    dtype=st.sampled_from(DTYPES), mode=st.sampled_from(MODES),
)  # fmt: skip
def test_row_norm(
    n: int, groups: int, weights: int, places: int, affine: bool, dtype: str, mode: Any
) -> None:
    run, eps = kernels(dtype, *mode[1:]), 1e-3
    sizes = (n, groups, weights, places)
    x, g = random(sizes, dtype), random(sizes, dtype, 1)
    wide = computed_in(dtype)
    w, b = (random((groups, weights), wide, 2 + i) if affine else None for i in range(2))
    y, gx = empty(sizes, dtype), empty(sizes, dtype)
    mean, invstd, var = (empty((n, groups), wide) for _ in range(3))
    run["row_norm"](x, w, b, y, mean, invstd, var, *sizes, eps)
    leaves = [None if a is None else exact(a).requires_grad_() for a in (x, w, b)]
    across = leaves[0].reshape(n, groups, -1)
    middle, spread = across.mean(-1), across.var(-1, unbiased=False)
    wanted = ((across - middle[..., None]) / (spread[..., None] + eps).sqrt()).reshape(sizes)
    if affine:
        wanted = wanted * leaves[1][..., None] + leaves[2][..., None]
    close(y, wanted.detach(), dtype, 20)
    close(mean, middle.detach(), wide)
    close(var, spread.detach(), wide)
    gw, gb = ((empty((groups, weights), wide) if affine else None) for _ in range(2))
    run["row_norm_backward"](g, x, w, mean, invstd, gx, gw, gb, *sizes)
    wanted.backward(exact(g))
    close(gx, leaves[0].grad, dtype, 50)
    if affine:
        close(gw, leaves[1].grad, wide, 50)
        close(gb, leaves[2].grad, wide, 50)


REDUCTIONS = (
    np.sum, lambda x, axis: np.sum(x * x, axis), lambda x, axis: np.sum(np.abs(x), axis), np.prod,
    np.max, np.min,
)  # fmt: skip


@drawn
@given(
    outer=st.integers(1, 6), n=st.sampled_from([1, 3, 70, 1030, 9000]),
    inner=st.sampled_from([1, 1, 5, 40]), op=st.integers(0, 5), dtype=st.sampled_from(DTYPES),
    mode=st.sampled_from(MODES),
)  # fmt: skip
def test_reductions(outer: int, n: int, inner: int, op: int, dtype: str, mode: Any) -> None:
    x = random((outer, n, inner), dtype)
    x = of(1 + np.asarray(x, "f8") / n, dtype) if op == 3 else x
    y = empty((outer, inner), dtype)
    kernels(dtype, *mode[1:])["reduce"](x, y, outer, n, inner, op, 0.5)
    close(y, 0.5 * REDUCTIONS[op](x.astype("f8"), 1), dtype, 4)


@pytest.mark.parametrize("n", [40, 1500])
@pytest.mark.parametrize("inner", [1, 3])
def test_extremes_keep_a_nan(n: int, inner: int) -> None:
    x = random((2, n, inner), "float32")
    x[1, n // 2] = np.nan
    for op in (4, 5):
        y = empty((2, inner), "float32")
        kernels()["reduce"](x, y, 2, n, inner, op, 1)
        assert np.isnan(y[1]).all()
        assert not np.isnan(y[0]).any()


@drawn
@given(outer=st.integers(1, 9), n=st.sampled_from([1, 2, 33, 100]), inner=st.integers(1, 4),
       least=st.booleans(), ties=st.booleans(), nans=st.booleans(),
       mode=st.sampled_from(MODES))  # fmt: skip
def test_places_of_extremes(
    outer: int, n: int, inner: int, least: bool, ties: bool, nans: bool, mode: Any
) -> None:
    x = random((outer, n, inner), "float32")
    x = np.round(x) if ties else x
    if nans:
        x[0, n // 3 :: 5] = np.nan
    places = np.full((outer, inner), -1)
    kernels("float32", *mode[1:])["reduce_places"](x, places, outer, n, inner, least)
    np.testing.assert_array_equal(places, np.argmin(x, 1) if least else np.argmax(x, 1))


def test_results_do_not_depend_on_the_order_of_threads() -> None:
    """Bit for bit: sums are joined in a fixed order, whoever comes first."""
    x = random((3, 9000, 1), "float32")
    found = []
    for order in ("forward", "reversed", "shuffled"):
        y = empty((3, 1), "float32")
        kernels(order=order)["reduce"](x, y, 3, 9000, 1, 0, 1)
        found.append(y)
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()
