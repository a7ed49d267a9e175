"""Order, ranks and running totals: ties, NaN, long axes, named results, what is fast and exact."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

import minigrad
from parity_tests.both import both_raise, same_as_torch

RNG = np.random.default_rng(5)
KINDS = ["float32", "float64", "float16", "int64", "int32", "uint8"]


def with_ties(kind: str, *shape: int) -> np.ndarray:
    values = RNG.integers(0, 9, shape).astype(kind)
    if kind.startswith("float"):
        values.flat[:: max(values.size // 5, 1)] = np.nan
        values.flat[1 :: max(values.size // 4, 1)] = -0.0
    return values


def pair(array: np.ndarray) -> tuple:
    return minigrad.tensor(array), torch.tensor(array)


def assert_equal(mine, theirs) -> None:
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [5, 129, 1500])
@pytest.mark.parametrize("descending", [False, True])
def test_stable_sort_of_ties_and_nan_has_torchs_places(kind, length, descending):
    x, tx = pair(with_ties(kind, 3, length))
    options = {"dim": 1, "stable": True, "descending": descending}
    assert_equal(x.sort(**options), tx.sort(**options))
    assert_equal(x.t().sort(**{**options, "dim": 0}), tx.t().sort(**{**options, "dim": 0}))


def test_sort_of_integers_that_need_more_than_32_bits():
    x, tx = pair(RNG.integers(-(2**62), 2**62, 500))
    assert_equal(x.sort(), tx.sort())
    assert_equal((x >> 40).sort(stable=True), (tx >> 40).sort(stable=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [1, 4, 7, 40])
def test_median_has_torchs_places_at_ties(kind, length):
    x, tx = pair(with_ties(kind, 20, length))
    assert_equal(x.median(1), tx.median(1))
    assert_equal([x.median()], [tx.median()])
    if kind.startswith("float"):
        assert_equal(x.nanmedian(1), tx.nanmedian(1))
        assert_equal([x.nanmedian()], [tx.nanmedian()])


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("k", [1, 5, 16, 40])
@pytest.mark.parametrize("kind", ["float32", "float64", "int64"])
def test_topk_of_long_axes(kind, k, largest):
    x, tx = pair(with_ties(kind, 4, 300))
    mine, theirs = x.topk(k, 1, largest), tx.topk(k, 1, largest)
    assert_equal([mine.values], [theirs.values])
    np.testing.assert_array_equal(x.gather(1, mine.indices).numpy(), mine.values.numpy())
    assert all(len(set(row)) == k for row in mine.indices.tolist())


def test_topk_where_fewer_than_k_are_greater_than_minus_infinity():
    values = np.full((2, 100), -np.inf, np.float32)
    values[:, 7] = 1.0
    found = minigrad.tensor(values).topk(3)
    assert found.values.tolist() == [[1.0, -np.inf, -np.inf]] * 2
    assert all(len(set(row)) == 3 for row in found.indices.tolist())


@pytest.mark.parametrize("shape", [(70000,), (200, 300), (3, 40000), (64, 64)])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_large_sums_and_products_are_exact(shape, kind):
    values = RNG.uniform(0.5, 1.5, shape).astype(kind)
    exact, bound = values.astype(np.float64), 1e-5 if kind == "float32" else 1e-13
    x = minigrad.tensor(values)
    for name in ("sum", "mean"):
        for dim in (None, -1, 0):
            want = getattr(exact, name)(axis=dim)
            np.testing.assert_allclose(getattr(x, name)(dim).numpy(), want, rtol=bound)
    np.testing.assert_allclose(x.var().numpy(), exact.var(ddof=1), rtol=bound)
    np.testing.assert_allclose(x.cumsum(-1).numpy(), exact.cumsum(-1), rtol=bound)
    scaled = minigrad.tensor(np.exp((values - values.mean()) / 50).astype(kind))
    want = scaled.double().numpy()
    np.testing.assert_allclose(scaled.prod(-1).numpy(), want.prod(-1), rtol=bound * 10)
    np.testing.assert_allclose(scaled.prod().numpy(), want.prod(), rtol=bound * 10)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_running_sum_does_not_carry_infinities_backwards(special):
    values = RNG.normal(size=(40, 300)).astype(np.float32)
    values[3, 150] = special
    x, tx = pair(values)
    np.testing.assert_allclose(x.cumsum(1).numpy(), tx.cumsum(1).numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(x.cumsum(0).numpy(), tx.cumsum(0).numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["float32", "int64", "uint8", "bool", "float16"])
def test_unique_of_many(kind):
    values = with_ties("int64", 50, 40).astype(kind)
    x, tx = pair(values)
    for options in ({}, {"dim": 0}, {"dim": 1}):
        both = {"return_inverse": True, "return_counts": True, **options}
        assert_equal(x.unique(**both), tx.unique(**both))
        assert_equal([x.unique(**options)], [tx.unique(**options)])
        assert_equal(x.unique_consecutive(**both), tx.unique_consecutive(**both))


def test_unique_of_integers_far_apart():
    values = RNG.choice(np.array([-(2**60), -1, 5, 2**61]), 90)
    x, tx = pair(values)
    assert_equal(x.unique(return_inverse=True), tx.unique(return_inverse=True))


@pytest.mark.parametrize("bins", [1, 7, 100])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_histogram_puts_edges_where_torch_does(kind, bins):
    x, tx = pair(RNG.normal(size=1000).astype(kind))
    for options in ({}, {"range": (-1.0, 2.0)}, {"density": True}):
        mine, theirs = x.histogram(bins, **options), tx.histogram(bins, **options)
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)
    assert_equal([x.histc(bins)], [tx.histc(bins)])
    edges, tedges = pair(np.sort(RNG.choice(x.numpy(), bins + 1, replace=False)))
    assert_equal(x.histogram(edges), tx.histogram(tedges))


def test_named_results_are_tuples_with_names():
    found = minigrad.tensor([1.0, 3.0]).max(0)
    values, indices = found
    assert isinstance(found, minigrad.return_types.max) and isinstance(found, tuple)
    assert (values is found.values is found[0]) and (indices is found.indices is found[1])
    again = pickle.loads(pickle.dumps(found))
    assert type(again) is minigrad.return_types.max and again.values.item() == 3.0


NAMED = ("max(0)", "min(0)", "median(0)", "nanmedian(0)", "mode(0)", "kthvalue(1)", "sort()")
NAMED += ("topk(1)", "cummax(0)", "cummin(0)", "aminmax()", "histogram(2)")


@pytest.mark.parametrize("program", NAMED)
@same_as_torch
def test_named_results_print_as_torchs(torch, program):
    found = eval(f"x.{program}", {"x": torch.tensor([3.0, 1.0, 2.0])})
    return [repr(found), type(found).__name__, len(found), found.n_fields]


@same_as_torch
def test_named_results_go_to_out(torch):
    x = torch.tensor([[3.0, 1.0, 2.0]])
    values, places = torch.empty(0), torch.empty(0, dtype=torch.int64)
    found = torch.sort(x, out=(values, places))
    return [repr(found), found[0] is values, found.indices is places, values, places]


@same_as_torch
def test_gradients_through_named_results(torch):
    x = torch.tensor([[3.0, 1.0, 2.0], [4.0, 6.0, 5.0]], requires_grad=True)
    total = sum(
        (found.values * torch.arange(1.0, 1 + found.values.numel()).view_as(found.values)).sum()
        for found in (x.max(1), x.sort(0, True), x.topk(2), x.cummax(1), x.mode(0), x.kthvalue(2))
    )
    (first,) = torch.autograd.grad((total * total).sum(), x, create_graph=True)
    return [first, *torch.autograd.grad(first.pow(2).sum(), x)]


@pytest.mark.parametrize("name", ["cumsum_", "cumprod_"])
@same_as_torch
def test_running_totals_in_place(torch, name):
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = x * 2
    kept = getattr(y, name)(0)
    kept.sum().backward()
    return [kept is y, y, x.grad]


@pytest.mark.parametrize(
    "program",
    [
        "x.max(keepdim=True)",
        "x.sum(5)",
        "x.sum((0, 0))",
        "torch.sum([1, 2])",
        "torch.sort([1.0])",
        "x.topk(9)",
        "x.topk(2.0)",
        "x.kthvalue(0)",
        "x.long().mean()",
        "x.long().std()",
        "x.bool().argmax()",
        "x.bool().median()",
        "x.long().logcumsumexp(0)",
        "x.long().quantile(0.5)",
        "torch.empty(0).max()",
        "torch.empty(0, 2).max(0)",
        "torch.empty(0).argmin()",
        "x.cumsum()",
        "x.norm('max')",
        "torch.searchsorted(x, x, side='middle')",
        "x.renorm(2, 0, -1.0)",
        "x.sum(dim=0, out=x)",
    ],
)
@both_raise
def test_bad_calls_raise_as_in_torch(torch, program):
    eval(program, {"torch": torch, "x": torch.tensor([[3.0, 1.0, 2.0]])})


@pytest.mark.parametrize("kind", ["int32", "int64"])
@pytest.mark.parametrize("reach", [100, 2**20, 2**31 - 1])
@pytest.mark.parametrize("descending", [False, True])
def test_sort_of_integers_of_any_range(kind, reach, descending):
    values = RNG.integers(-reach, reach, (3, 400)).astype(kind)
    values[:, ::7] = values[:, :1]
    x, tx = pair(values)
    options = {"stable": True, "descending": descending}
    assert_equal(x.sort(1, **options), torch.sort(tx, dim=1, **options))
    assert minigrad.zeros(0, 400, dtype=x.dtype).sort(1).values.shape == (0, 400)
