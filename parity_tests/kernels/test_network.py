"""The native kernels around convolutions: pooling, normalisation, softmax, activations.

Each is held against the NumPy code of the same op: values and gradients, at every level of this
processor, of both types, for shapes and places in memory that are drawn, with special values; and
against itself with two threads, bit for bit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.ops.elementwise.one_pass import one_pass
from parity_tests.kernels.everywhere import (
    LEVELS,
    at_each_level,
    compiled,
    on_numpy,
    shifted,
    using,
)

F = mg.nn.functional
pytestmark = compiled
SLOPES = 8.0  # of normalisations: cotangent times weight, over a deviation of at least 0.3
ERROR = {"float32": 4e-6, "float64": 1e-14}  # of sums in another order, to the greatest value


def _drawn(seed: int, shape: tuple[int, ...], dtype: str, shift: int) -> Any:
    """Numbers of a few digits, so that there are ties."""
    numbers = np.round(np.random.default_rng(seed).normal(size=shape) * 2, 1)
    return shifted(numbers.astype(dtype), shift)


def _check(
    call: Callable[..., Any], shapes: list[tuple[int, ...]], seed: int, shift: int = 0,
    exact: bool = False, spoil: Callable[[Any], None] | None = None, size: float = 1.0,
) -> None:  # fmt: skip
    """The value and the gradients of all arguments, on NumPy and at each level.

    ``size`` is about how large the terms are whose sums may come to nearly nothing.
    """
    for dtype, bound in ERROR.items():
        arrays = [_drawn(seed + i, shape, dtype, shift) for i, shape in enumerate(shapes)]
        if spoil is not None:
            spoil(arrays[0])

        def run(arrays: list[Any] = arrays, dtype: str = dtype) -> list[Any]:
            tensors = [mg.from_numpy(a).requires_grad_() for a in arrays]
            out = call(*tensors)
            g = mg.from_numpy(_drawn(seed + 9, tuple(out.shape), dtype, shift))
            return [t.numpy() for t in (out.detach(), *mg.autograd.grad(out, tensors, g))]

        wanted = on_numpy(run)
        for found in at_each_level(run):
            for got, want in zip(found, wanted, strict=True):
                assert got.dtype == want.dtype and got.shape == want.shape
                if exact:
                    np.testing.assert_array_equal(got, want)
                else:
                    finite = np.abs(want[np.isfinite(want)])
                    limit = bound * max(size, finite.max(initial=0.0))
                    np.testing.assert_allclose(got, want, rtol=bound, atol=limit)


sizes, seeds, shifts = st.integers(1, 40), st.integers(0, 2**31), st.integers(0, 3)
few = settings(max_examples=25, deadline=None)


@few
@given(
    st.data(), st.integers(1, 4), sizes, sizes, st.integers(1, 3), st.integers(1, 3),
    st.integers(1, 3), st.booleans(), seeds, shifts,
)  # fmt: skip
def test_pooling(
    data: Any, planes: int, h: int, w: int, kh: int, kw: int, stride: int, ceil: bool, seed: int,
    shift: int,
) -> None:  # fmt: skip
    h, w = max(h, kh), max(w, kw)
    padding = data.draw(st.integers(0, min(kh, kw) // 2))
    shape = [(2, planes, h, w)]
    _check(lambda x: F.max_pool2d(x, (kh, kw), stride, padding, 1, ceil), shape, seed, shift)
    x = mg.from_numpy(_drawn(seed, shape[0], "float32", shift))

    def both() -> list[Any]:
        found = F.max_pool2d(x, (kh, kw), stride, padding, 1, ceil, return_indices=True)
        return [t.numpy() for t in found]

    wanted = on_numpy(both)
    for found in at_each_level(both):
        for got, want in zip(found, wanted, strict=True):
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)
    for count in (True, False):
        _check(
            lambda x, count=count: F.avg_pool2d(x, (kh, kw), stride, padding, ceil, count), shape,
            seed, shift,
        )  # fmt: skip


@pytest.mark.parametrize("stride", [1, 2])
def test_pooling_of_lines_that_end_within_a_vector(stride: int) -> None:
    """The last plane is the end of the memory; nothing is read beyond it."""
    for width in range(1, 37):
        _check(lambda x: F.max_pool2d(x, 1, stride), [(1, 1, 1, width)], width, exact=True)
        _check(lambda x: F.avg_pool2d(x, (1, 1), stride), [(1, 1, 1, width)], width, exact=True)


def _odd(x: Any) -> None:
    flat = x.reshape(-1)
    flat[::7], flat[1::11], flat[2::13] = np.nan, np.inf, -np.inf


def test_pooling_of_special_values_and_one_axis() -> None:
    for kernel, stride, padding in ((2, 2, 0), (3, 2, 1), (3, 1, 1)):
        for shape in ((2, 3, 36, 35), (1, 1, 6, 40), (3, 7, 6, 5)):
            _check(
                lambda x, k=kernel, s=stride, p=padding: F.max_pool2d(x, k, s, p), [shape], 1,
                spoil=_odd,
            )  # fmt: skip
    low = np.full((1, 2, 5, 70), -np.inf, np.float32)

    def places() -> list[Any]:
        pool = functools.partial(F.max_pool2d, kernel_size=3, padding=1, return_indices=True)
        wide, short = mg.from_numpy(low), mg.from_numpy(low[..., :6])
        return [pool(x, stride=s)[1].numpy() for x in (wide, short) for s in (1, 2)]

    wanted = on_numpy(places)
    for found in at_each_level(places):
        for got, want in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(got, want)
    _check(lambda x: F.max_pool1d(x, 2), [(3, 4, 71)], 2, exact=True)
    _check(lambda x: F.avg_pool1d(x, 3, 2, 1), [(3, 4, 71)], 2)
    _check(lambda x: F.avg_pool2d(x, 2, divisor_override=3), [(2, 3, 8, 70)], 3)
    _check(lambda x: F.avg_pool3d(x, (2, 20, 17), 1, (1, 3, 3)), [(1, 2, 4, 24, 22)], 4)
    _check(lambda x: F.avg_pool2d(x, 5, 3, 2), [(2, 3, 24, 37)], 5)


@few
@given(
    st.lists(st.integers(2, 40), min_size=2, max_size=4), st.booleans(), st.booleans(), seeds,
    shifts,
)  # fmt: skip
def test_batch_normalisation(
    size: list[int], training: bool, affine: bool, seed: int, shift: int
) -> None:
    shape = tuple(size)
    c = shape[1]

    def statistics(dtype: Any) -> tuple[Any, Any]:
        return mg.linspace(-1, 1, c, dtype=dtype), mg.linspace(0.5, 2, c, dtype=dtype)

    def call(x: Any, *wb: Any) -> Any:
        return F.batch_norm(x, *statistics(x.dtype), *(wb or (None, None)), training, 0.3, 0.1)

    _check(call, [shape, (c,), (c,)] if affine else [shape], seed, shift, size=SLOPES)

    def moved() -> list[Any]:
        running = statistics(mg.float64)
        x = mg.from_numpy(_drawn(seed, shape, "float64", shift))
        F.batch_norm(x, *running, None, None, training, 0.3)
        return [t.numpy() for t in running]

    wanted = on_numpy(moved)
    for found in at_each_level(moved):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)  # of a mean that is 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_batch_normalisation_of_special_values_by_planes(value: float) -> None:
    def spoil(x: Any) -> None:
        x[2, 1, 3, 3] = value

    for shape in ((4, 3, 10, 10), (3, 70, 9, 9)):
        _check(
            lambda x: F.batch_norm(x, None, None, None, None, True), [shape], 1, spoil=spoil,
            size=SLOPES,
        )  # fmt: skip


def test_statistics_far_from_zero_are_exact() -> None:
    x = np.random.default_rng(0).normal(1e4, 1.0, (64, 3, 30, 30)).astype(np.float32)
    want = x.astype(np.float64).var((0, 2, 3), ddof=1)

    def variance() -> list[Any]:
        var = mg.zeros(3)
        F.batch_norm(mg.from_numpy(x), mg.zeros(3), var, None, None, True, 1.0)
        return [var.numpy()]

    for found in at_each_level(variance):
        np.testing.assert_allclose(found[0], want, rtol=1e-6)


@few
@given(st.integers(1, 40), st.integers(2, 70), st.booleans(), seeds, shifts)
def test_layer_normalisation(rows: int, size: int, affine: bool, seed: int, shift: int) -> None:
    shapes = [(rows, size), (size,), (size,)] if affine else [(rows, size)]
    _check(lambda x, *wb: F.layer_norm(x, (size,), *wb, eps=0.1), shapes, seed, shift, size=SLOPES)


@few
@given(
    st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.integers(2, 40), st.booleans(),
    seeds, shifts,
)  # fmt: skip
def test_group_and_instance_normalisation(
    n: int, groups: int, within: int, places: int, affine: bool, seed: int, shift: int
) -> None:
    c = groups * within
    shapes = [(n, c, places), (c,), (c,)] if affine else [(n, c, places)]
    _check(lambda x, *wb: F.group_norm(x, groups, *wb, eps=0.1), shapes, seed, shift, size=SLOPES)
    _check(
        lambda x, *wb: F.instance_norm(x, None, None, *(wb or (None, None)), eps=0.1), shapes,
        seed, shift, size=SLOPES,
    )  # fmt: skip


@few
@given(st.integers(1, 5), st.integers(1, 70), st.integers(1, 40), seeds, shifts)
def test_softmax(outer: int, n: int, inner: int, seed: int, shift: int) -> None:
    for function in (F.softmax, F.log_softmax, mg.logsumexp):
        _check(lambda x, f=function: f(x * 3, 1), [(outer, n, inner)], seed, shift)
        _check(lambda x, f=function: f(x * 3, 1), [(outer, n)], seed, shift)


def test_softmax_of_special_values() -> None:
    rows = np.zeros((6, 37), np.float32)
    rows[0, 3], rows[1, 36], rows[2], rows[3, 2] = np.nan, np.inf, -np.inf, -np.inf
    rows[4], rows[5, 7] = 1e4, 200.0
    for function in (F.softmax, F.log_softmax, mg.logsumexp):
        for array, dim in ((rows, 1), (np.ascontiguousarray(rows.T), 0)):

            def run(f: Any = function, a: Any = array, dim: int = dim) -> list[Any]:
                return [f(mg.from_numpy(a), dim).numpy()]

            wanted = on_numpy(run)
            for found in at_each_level(run):
                np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("n", [512, 523, 1200])
@pytest.mark.parametrize("shift", [0, 3])
def test_rows_that_go_past_the_caches(n: int, shift: int) -> None:
    """Rows that are not short are written by blocks, of which the first ends where a line does."""
    target = mg.tensor([0, n - 1, n // 2, 255])
    for function in (F.softmax, F.log_softmax):
        _check(lambda x, f=function: f(x * 3, 1), [(4, n)], n, shift)
    for reduction in ("mean", "none"):
        _check(
            lambda x, how=reduction: F.cross_entropy(x * 2, target, reduction=how), [(4, n)], n,
            shift,
        )  # fmt: skip
    _check(
        lambda x, *wb: F.layer_norm(x, (n,), *wb, eps=0.1), [(4, n), (n,), (n,)], n, shift,
        size=SLOPES,
    )  # fmt: skip


@pytest.mark.parametrize("size", [(40, 56), (33, 70)])
@pytest.mark.parametrize("shift", [0, 1])
def test_gradients_of_pools_that_go_past_the_caches(size: tuple[int, int], shift: int) -> None:
    """Planes that are large enough are worked out one by one; 40 x 56 by whole windows."""
    shape = [(2, 3, *size)]
    for kernel, stride, padding in ((2, 2, 0), (3, 2, 1), (3, 1, 1), (8, 8, 0)):
        how = (kernel, stride, padding)
        _check(lambda x, how=how: F.max_pool2d(x, *how), shape, kernel, shift)
        _check(lambda x, how=how: F.avg_pool2d(x, *how), shape, kernel, shift)


@few
@given(st.integers(1, 40), st.integers(2, 70), st.booleans(), st.integers(0, 2), seeds, shifts)
def test_cross_entropy(
    rows: int, count: int, weighted: bool, which: int, seed: int, shift: int
) -> None:
    rng = np.random.default_rng(seed)
    target = mg.from_numpy(rng.integers(0, count, rows))
    target[0] = 1
    weight = np.abs(rng.normal(size=count)) + 0.1 if weighted else None

    def call(x: Any) -> Any:
        given = None if weight is None else mg.tensor(weight, dtype=x.dtype)
        reduction = ("mean", "sum", "none")[which]
        return F.cross_entropy(x * 2, target, given, ignore_index=0, reduction=reduction)

    _check(call, [(rows, count)], seed, shift)


def test_cross_entropy_differentiates_twice() -> None:
    x = mg.randn(5, 7, dtype=mg.float64, requires_grad=True)
    target = mg.tensor([0, 6, 3, 3, 1])
    for level in ("numpy", *LEVELS):
        with using(level):
            assert mg.autograd.gradgradcheck(lambda x: F.cross_entropy(x, target), x)
    with pytest.raises(IndexError, match="out of bounds"):
        F.cross_entropy(x, mg.tensor([0, 6, 7, 3, 1]))


ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "relu": F.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.3),
    "relu6": F.relu6,
    "hardtanh": lambda x: F.hardtanh(x, -0.5, 2.0),
    "sigmoid": mg.sigmoid,
    "tanh": mg.tanh,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "elu": lambda x: F.elu(x, 0.7),
    "selu": F.selu,
    "softplus": lambda x: F.softplus(x, 2.0, 5.0),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@few
@given(n=st.integers(0, 100), seed=seeds, shift=shifts)
def test_activations(name: str, n: int, seed: int, shift: int) -> None:
    _check(ACTIVATIONS[name], [(n,)], seed, shift)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_many_and_special_values(name: str) -> None:
    _check(ACTIVATIONS[name], [(70001,)], 5)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 88.0, -88.0, 120.0, -120.0]
    for dtype in ERROR:
        x = np.array(special, dtype)

        def run(x: Any = x) -> list[Any]:
            tensor = mg.from_numpy(x).requires_grad_()
            out = ACTIVATIONS[name](tensor)
            out.backward(mg.ones_like(out))
            return [out.detach().numpy(), tensor.grad.numpy()]

        wanted = on_numpy(run)
        for found in at_each_level(run):
            for got, want in zip(found, wanted, strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-37)


EXACT: dict[str, tuple[tuple[float, ...], Callable[[Any], Any], float]] = {
    "sigmoid": ((), lambda x: 1 / (1 + np.exp(-x)), 2.5),
    "tanh": ((), np.tanh, 3.0),
    "silu": ((), lambda x: x / (1 + np.exp(-x)), 2.5),
    "elu": ((1.0, 1.0), lambda x: np.where(x <= 0, np.expm1(np.minimum(x, 0)), x), 1.5),
    "softplus": ((1.0, 99.0), lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), 2.0),
}


@pytest.mark.parametrize("name", EXACT)
def test_functions_are_exact_to_units_in_the_last_place(name: str) -> None:
    parameters, reference, bound = EXACT[name]
    rng = np.random.default_rng(3)
    numbers = np.concatenate([rng.uniform(-12, 12, 5000), rng.uniform(-80, 80, 5000)])
    numbers = np.concatenate([numbers, rng.normal(size=2000) * 1e-3])
    for dtype, wide in (("float32", np.float64), ("float64", np.longdouble)):
        if np.finfo(wide).eps >= np.finfo(dtype).eps:
            continue  # a long double that is a double has nothing to say about one
        x = numbers.astype(dtype)
        want = reference(x.astype(wide))
        for level in LEVELS:
            with using(level):
                found = one_pass(name, x, *parameters)
            assert found is not None
            units = np.abs(found - want) / np.spacing(np.abs(want).astype(dtype))
            assert units.max() < bound, (level, dtype, x[units.argmax()])
