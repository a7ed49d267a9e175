"""The kernels look at images through grids as the NumPy code does."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.autograd.op import arrays
from minigrad.ops.image.grid_places import How
from minigrad.ops.image.grid_sample import GridValues
from parity_tests.kernels.everywhere import (
    DTYPES,
    SPECIAL,
    at_each_level,
    compiled,
    on_numpy,
    shifted,
)

pytestmark = compiled

HOWS = list(itertools.product(("bilinear", "nearest"), ("zeros", "border", "reflection"), (0, 1)))


def three(x: Any, grid: Any, g: Any, how: How) -> list[Any]:
    """The values, and their gradients for the image and the grid."""
    with np.errstate(all="ignore"):
        value = GridValues.forward(np, x, grid, how)
        to_input, to_grid = GridValues.vjp(g, x, grid, how, (True, True), arrays)
    return [value, to_input, to_grid]


def compare(x: Any, grid: Any, how: How) -> None:
    shape = (*x.shape[:2], *grid.shape[1:3])
    g = np.random.default_rng(1).standard_normal(shape).astype(x.dtype)
    expected = on_numpy(lambda: three(x, grid, g, how))
    eps = np.finfo(x.dtype).eps
    for found in at_each_level(lambda: three(x, grid, g, how)):
        for a, b in zip(found, expected, strict=True):
            assert a.shape == b.shape and a.dtype == b.dtype
            finite = b[np.isfinite(b)]
            scale = float(np.abs(finite).max()) if finite.size else 1.0
            worst = (8 + x.shape[1]) * eps * max(1.0, scale)
            np.testing.assert_allclose(a, b, rtol=16 * eps, atol=worst)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("mode", "edges", "align"), HOWS)
@settings(max_examples=5)
@given(
    st.integers(0, 3),
    st.sampled_from((0, 1, 3, 9)),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(0, 20), st.integers(0, 20)),
    st.booleans(),
)
def test_images(mode: str, edges: str, align: int, dtype: Any, n: int, c: int, sizes: Any,
                places: Any, special: bool) -> None:  # fmt: skip
    random = np.random.default_rng(n + c)
    x = shifted(random.standard_normal((n, c, *sizes)).astype(dtype), n)
    grid = random.uniform(-1.6, 1.6, (n, *places, 2)).astype(dtype)
    if special and grid.size > 10:
        grid.reshape(-1)[:5] = SPECIAL
        grid.reshape(-1)[5] = 1e30
    compare(x, grid, How(mode, edges, bool(align), sizes))


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_many_places_in_parts(mode: str) -> None:
    random = np.random.default_rng(3)
    x = random.standard_normal((2, 19, 30, 17)).astype(np.float32)
    grid = random.uniform(-1.1, 1.1, (2, 45, 33, 2)).astype(np.float32)
    compare(x, grid, How(mode, "zeros", False, (30, 17)))


def test_infinite_elements_do_not_reach_places_that_they_are_no_part_of() -> None:
    x = np.zeros((1, 1, 4, 4), np.float32)
    x[0, 0, 0, 0] = np.inf
    grid = np.array([[[[2.0, 2.0], [0.9, 0.9]]]], np.float32)
    compare(x, grid, How("bilinear", "zeros", False, (4, 4)))


@pytest.mark.parametrize(("mode", "edges", "align"), HOWS)
def test_images_and_grids_in_any_order_in_memory(mode: str, edges: str, align: int) -> None:
    random = np.random.default_rng(5)
    x = random.standard_normal((2, 7, 9, 3)).astype(np.float32).transpose(0, 3, 1, 2)
    grid = random.uniform(-2.5, 2.5, (2, 2, 5, 6)).astype(np.float32).transpose(0, 2, 3, 1)
    compare(x, grid, How(mode, edges, bool(align), (7, 9)))
