"""The kernel of matrix products gives what float64 gives, at every level and number of threads.

Sizes are drawn around the tiles, in every layout. Errors are in units of the rounding of a sum: a
product of K terms may lose some of the last digits of the sum of their magnitudes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad.backend import native
from parity_tests.kernels.everywhere import DTYPES, LEVELS, at_each_level, compiled, using

pytestmark = compiled
WORST = 4  # roundings of the sum of the magnitudes; sums of thousands of terms stay below

SIZES = st.one_of(
    st.sampled_from((1, 2, 3, 4, 13, 14, 15, 16, 28, 29, 31, 32, 33, 64)), st.integers(1, 150)
)
DEEP = st.one_of(SIZES, st.sampled_from((127, 128, 129, 200, 383, 384, 385, 800)))
LAYOUTS = ("rows", "columns", "reversed", "every other", "repeated", "shifted")


def laid_out(random: Any, shape: tuple[int, int], layout: str, dtype: Any) -> Any:
    """A drawn matrix whose elements lie in memory as the layout says."""
    m, n = shape
    if layout == "columns":
        return random.standard_normal((n, m)).astype(dtype).T
    if layout == "reversed":
        return random.standard_normal((m, n)).astype(dtype)[::-1, ::-1]
    if layout == "every other":
        return random.standard_normal((m, 2 * n)).astype(dtype)[:, ::2]
    if layout == "repeated":
        return np.broadcast_to(random.standard_normal(n).astype(dtype), shape)
    if layout == "shifted":
        return random.standard_normal(m * n + 1).astype(dtype)[1:].reshape(shape)
    return random.standard_normal(shape).astype(dtype)


def run_gemm(a: Any, b: Any, bias: Any = None) -> Any:
    """The kernel itself, whatever it is worth, on matrices or stacks of them."""
    x, y = (v if v.ndim == 3 else v[None] for v in (a, b))
    c = np.full((len(x), x.shape[1], y.shape[2]), np.nan, x.dtype)
    steps = [s // x.itemsize for v in (x, y) for s in v.strides]
    run = native.kernel("gemm", c)
    assert run is not None
    run(a, b, bias, c, *c.shape, x.shape[2], *steps)
    return c if a.ndim == 3 else c[0]


def check(a: Any, b: Any, bias: Any) -> None:
    """Each level against float64, and the same bits with more threads."""
    wide = [v.astype(np.float64) for v in (a, b)]
    added = 0 if bias is None else bias.astype(np.float64)
    exact, magnitude = np.matmul(*wide) + added, np.matmul(*map(np.abs, wide)) + abs(added)
    for (found,) in at_each_level(lambda: [run_gemm(a, b, bias)]):
        loss = np.abs(found - exact) / (magnitude + np.finfo(a.dtype).tiny)
        assert loss.max() <= WORST * np.finfo(a.dtype).eps


@settings(max_examples=60)
@given(
    *(SIZES, SIZES, DEEP),
    *(st.sampled_from(LAYOUTS),) * 2,
    st.booleans(),
    st.sampled_from(DTYPES),
)
def test_products_in_any_layout(
    m: int, n: int, k: int, left: str, right: str, biased: bool, dtype: Any
) -> None:
    random = np.random.default_rng(m * n + k)
    a, b = laid_out(random, (m, k), left, dtype), laid_out(random, (k, n), right, dtype)
    check(a, b, random.standard_normal(n).astype(dtype) if biased else None)


@settings(max_examples=20)
@given(st.integers(1, 9), SIZES, SIZES, SIZES, st.sampled_from(DTYPES), st.booleans())
def test_stacks(count: int, m: int, n: int, k: int, dtype: Any, turned: bool) -> None:
    random = np.random.default_rng(count * m + n)
    a = random.standard_normal((count, m, k)).astype(dtype)
    b = random.standard_normal((count, n, k) if turned else (count, k, n)).astype(dtype)
    check(a, b.swapaxes(1, 2) if turned else b, None)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "m, n, k", [(2050, 40, 30), (20, 2100, 60), (70, 130, 1000), (5, 300, 2100)]
)
def test_sizes_that_take_several_blocks(m: int, n: int, k: int, dtype: Any) -> None:
    random = np.random.default_rng(0)
    for left, right in (("rows", "rows"), ("rows", "columns"), ("columns", "rows")):
        a, b = laid_out(random, (m, k), left, dtype), laid_out(random, (k, n), right, dtype)
        check(a, b, random.standard_normal(n).astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "m, n, k",
    [
        *((1, 4100, 70), (1, 300, 300), (300, 1, 300), (1, 5, 1000), (2, 700, 900)),
        *((16, 1100, 700), (28, 800, 900), (200, 10, 300), (200, 10, 50), (100, 28, 400)),
        *((64, 40, 433), (64, 40, 784), (64, 40, 900)),
    ],
)
def test_vectors_few_rows_and_few_columns(m: int, n: int, k: int, dtype: Any) -> None:
    """They have ways of their own, in each layout; so have columns that no cache holds."""
    random = np.random.default_rng(0)
    for left in ("rows", "columns"):
        for right in ("rows", "columns"):
            a, b = laid_out(random, (m, k), left, dtype), laid_out(random, (k, n), right, dtype)
            check(a, b, None)
            check(a, b, random.standard_normal(n).astype(dtype))


@pytest.mark.parametrize("m, n, k", [(3, 40, 200), (20, 40, 7), (100, 70, 400), (3, 5, 3)])
def test_infinities_and_nans_reach_what_they_reach_in_numpy(m: int, n: int, k: int) -> None:
    random = np.random.default_rng(0)
    for right in ("rows", "columns"):
        a = random.standard_normal((m, k)).astype(np.float32)
        b = laid_out(random, (k, n), right, np.float32)
        a[1, 2], b[1, 3], a[0, k - 1] = np.inf, np.nan, -np.inf
        with np.errstate(invalid="ignore"):
            expected = a @ b
        for (found,) in at_each_level(lambda: [run_gemm(a, b)]):  # noqa: B023 (used at once)
            np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
            np.testing.assert_array_equal(found[np.isinf(expected)], expected[np.isinf(expected)])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("k", [10, 128, 1000, 5000])
def test_errors_are_at_most_twice_torchs(level: str, k: int) -> None:
    """In the quadratic mean over all elements, against float64."""
    random = np.random.default_rng(k)
    for layout in ("rows", "columns"):
        a = random.standard_normal((20, k)).astype(np.float32)
        b = laid_out(random, (k, 50), layout, np.float32)
        exact = a.astype(np.float64) @ b.astype(np.float64)
        with using(level):
            found = run_gemm(a, b)
        theirs = (torch.from_numpy(a) @ torch.from_numpy(b)).numpy()
        error, their_error = (np.sqrt(np.mean((c - exact) ** 2)) for c in (found, theirs))
        assert error <= 2 * their_error


@settings(max_examples=40)
@given(st.data())
def test_matmul_takes_what_it_understands(data: Any) -> None:
    """Through the door that ops use: NumPy's product plus the bias, or None."""
    draw = data.draw
    lead = draw(st.sampled_from(((), (), (3,), (2, 3), (1, 4))))
    m, n, k = (draw(st.integers(0, 40)) for _ in range(3))
    random = np.random.default_rng(m * n + k)
    dtype = draw(st.sampled_from((np.float32, np.float64, np.float16, np.int64)))
    a, b = (random.integers(-4, 5, (*lead, *s)).astype(dtype) for s in ((m, k), (k, n)))
    if len(lead) > 1 and draw(st.booleans()):
        a = a.swapaxes(0, 1).copy().swapaxes(0, 1)
    bias = random.integers(-4, 5, n).astype(dtype) if draw(st.booleans()) else None
    made = native.matmul(a, b, bias)
    if made is None:
        return
    assert dtype in DTYPES and made.dtype == dtype and made.flags.c_contiguous
    np.testing.assert_array_equal(made, a @ b if bias is None else a @ b + bias)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("step", [1, 2, -1])
def test_matmul_of_a_matrix_and_a_vector(dtype: Any, step: int) -> None:
    random = np.random.default_rng(0)
    matrix = random.integers(-4, 5, (130, 200)).astype(dtype)
    left, right = (
        random.integers(-4, 5, 2 * n).astype(dtype)[: step * n : step] for n in (130, 200)
    )
    if step == -1:
        left, right = (random.integers(-4, 5, n).astype(dtype)[::-1] for n in (130, 200))
    for a, b in ((left, matrix), (matrix, right), (right, matrix.T), (matrix.T, left)):
        made = native.matmul(a, b)
        assert made is not None and made.shape == (a @ b).shape
        np.testing.assert_array_equal(made, a @ b)
    assert native.matmul(left, right) is None and native.matmul(left, left) is None


def test_large_products_are_never_numpys() -> None:
    """Its BLAS would wake threads that wait in a loop; and bits would depend on their number."""
    for m, n, k in ((100, 100, 27), (3000, 5, 20), (2, 2, 70000), (1, 100, 100), (97, 1, 97)):
        a, b = np.ones((m, k), np.float32), np.ones((k, n), np.float32)
        for one in (a, a.copy("F")):
            for other in (b, b.copy("F")):
                assert native.matmul(one, other) is not None, (m, n, k)


def test_matmul_leaves_the_rest_to_numpy() -> None:
    one, swapped = np.ones((40, 40), np.float32), np.ones((40, 40), ">f4")
    for a, b, bias in (
        (one, one[:-1], None),
        (one, one.astype(np.float64), None),
        (one, one, np.ones(39, np.float32)),
        (one, one, np.ones(80, np.float32)[::2]),
        (one[None], one, None),
        (swapped, swapped, None),
        (one[0], one, None),
        (one[:0], one, None),
    ):
        assert native.matmul(a, b, bias) is None
    with using("numpy"):
        assert native.matmul(np.ones((300, 300)), np.ones((300, 300))) is None


@pytest.mark.parametrize("shape", [(5, 6), (300, 200), (2, 30, 200), (4, 10, 20, 200)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_and_its_gradients(shape: tuple[int, ...], bias: bool) -> None:
    random = np.random.default_rng(0)
    arrays = [random.standard_normal(s).astype(np.float32) for s in (shape, (40, shape[-1]), (40,))]
    found = []
    for lib in (minigrad, torch):
        x, w, b = (lib.tensor(v, requires_grad=True) for v in arrays)
        y = lib.nn.functional.linear(x, w, b if bias else None)
        (y * y).sum().backward()
        found.append([v.detach().numpy() for v in (y, x.grad, w.grad)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-4 * np.abs(other).max())


@pytest.mark.parametrize("dtype", DTYPES)
def test_multiply_adds_says_how_many(dtype: Any) -> None:
    for level in LEVELS:
        with using(level):
            out = np.full(2, 0.3, dtype)
            run = native.kernel("multiply_adds", out)
            assert run is not None
            run(out, 3)
        assert out[0] % 24 == 0 and np.isfinite(out).all()
