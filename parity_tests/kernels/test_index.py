"""The kernels read and add along an axis what the NumPy code reads and adds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad.backend.native import kernel
from minigrad.ops.image.axis_maps import AxisMap, along_axes, table_of
from minigrad.ops.indexing import places
from parity_tests.kernels.everywhere import (
    DTYPES,
    LEVELS,
    SPECIAL,
    at_each_level,
    compiled,
    on_numpy,
    shifted,
    using,
)

pytestmark = compiled

sizes = st.sampled_from((1, 2, 3, 5, 17, 40, 130))


@st.composite
def arrays(draw: Any) -> tuple[Any, Any, Any, int]:
    """An array, an index for whole slices, one for single elements, and the axis."""
    shape = tuple(draw(st.lists(sizes, min_size=1, max_size=3)))
    dim = draw(st.integers(0, len(shape) - 1))
    count = draw(st.sampled_from((0, 1, 3, 50, 200)))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    x = random.standard_normal(shape).astype(draw(st.sampled_from(DTYPES)))
    if x.size > 9:
        x.reshape(-1)[:5] = SPECIAL
    x = shifted(x, draw(st.integers(0, 3)))
    index = random.integers(0, shape[dim], count)
    each = random.integers(0, shape[dim], (*shape[:dim], count, *shape[dim + 1 :]))
    return x, index, each, dim


def slices_and_elements(x: Any, index: Any, each: Any, dim: int) -> list[Any]:
    """Reading at the places, and adding back what was read."""
    places.FEW, few = 0, places.FEW  # kernels for small indices too
    try:
        rows = places.taken_slices(np, x, index, dim)
        values = places.taken(np, x, each, dim)
    finally:
        places.FEW = few
    sums, more = np.zeros_like(x), np.ones_like(x)
    places.add_rows(np, sums, dim, index, rows)
    places.add_along(np, more, dim, each, values)
    return [rows, values, sums, more]


@settings(max_examples=40)
@given(arrays())
def test_along_an_axis(case: Any) -> None:
    x, index, each, dim = case
    with np.errstate(invalid="ignore"):
        expected = on_numpy(lambda: slices_and_elements(x, index, each, dim))
        scale = 1 + len(index)
        for found in at_each_level(lambda: slices_and_elements(x, index, each, dim)):
            for a, b in zip(found[:2], expected[:2], strict=True):
                np.testing.assert_array_equal(a, b)
            for a, b in zip(found[2:], expected[2:], strict=True):
                eps = np.finfo(x.dtype).eps
                np.testing.assert_allclose(a, b, rtol=scale * eps, atol=4 * scale * eps)


@pytest.mark.parametrize("inner", [1, 7])
@pytest.mark.parametrize("wrong", [-1, 5, 2**62])
@pytest.mark.parametrize("name", ["take_rows", "add_rows", "take_along", "add_along"])
def test_a_place_that_does_not_exist_is_an_error(name: str, wrong: int, inner: int) -> None:
    shape = (3, 5, inner)
    x, y = np.zeros(shape), np.zeros(shape)
    index = np.zeros(shape if name.endswith("along") else 5, np.int64)
    index.reshape(-1)[-1] = wrong
    for level in LEVELS:
        with using(level), pytest.raises(IndexError, match=f"index {wrong} is out of range of 5"):
            places.by_kernel(name, x, index, y, shape, 1)


def test_an_embedding_learns_only_from_what_is_no_padding() -> None:
    table = minigrad.ones(5, 3, requires_grad=True)
    index = minigrad.tensor([[1, 2, 2], [4, 1, 2]])
    for level in ("numpy", *LEVELS):
        with using(level):
            out = minigrad.nn.functional.embedding(index, table, padding_idx=2)
            (g,) = minigrad.autograd.grad((out / (index != 2)[..., None]).sum(), [table])
        assert g[:, 0].tolist() == [0.0, 2.0, 0.0, 0.0, 1.0]


MAPS = [
    AxisMap("mean", 13, 5),
    AxisMap("mean", 6, 9),
    AxisMap("replicate", 7, 12, (3,)),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("axis_map", MAPS)
@settings(max_examples=6)
@given(st.integers(0, 9), st.integers(1, 9), st.integers(0, 3))
def test_maps(axis_map: Any, turned: bool, dtype: Any, outer: int, inner: int, shift: int) -> None:
    size = axis_map.rows if turned else axis_map.size
    random = np.random.default_rng(outer)
    for shape in ((outer, inner, size), (outer, size, inner)):
        x = shifted(random.standard_normal(shape).astype(dtype), shift)
        if x.size > 20:
            x.reshape(-1)[::7] = np.inf
        maps = (axis_map,) if shape[-1] == size else (axis_map, None)
        with np.errstate(invalid="ignore"):
            expected = on_numpy(lambda: [along_axes(np, x, maps, turned)])  # noqa: B023
            for found in at_each_level(lambda: [along_axes(np, x, maps, turned)]):  # noqa: B023
                eps = np.finfo(dtype).eps
                np.testing.assert_allclose(found[0], expected[0], rtol=8 * eps, atol=8 * eps)


RESIZES = [
    ("linear", (11,), (23,)),
    ("bilinear", (5, 8), (9, 4)),
    ("bicubic", (6, 6), (15, 2)),
    ("nearest", (4, 5), (9, 3)),
    ("area", (9, 7), (4, 5)),
    ("trilinear", (3, 4, 5), (6, 3, 5)),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("mode", "before", "after"), RESIZES)
def test_interpolation_and_its_gradient(mode: str, before: Any, after: Any, dtype: Any) -> None:
    values = np.random.default_rng(0).standard_normal((2, 3, *before)).astype(dtype)

    def run() -> list[Any]:
        x = minigrad.tensor(values, requires_grad=True)
        y = minigrad.nn.functional.interpolate(x, size=after, mode=mode)
        (g,) = minigrad.autograd.grad((y * y).sum(), [x])
        return [y.detach().numpy(), g.numpy()]

    expected = on_numpy(run)
    eps = np.finfo(dtype).eps
    for found in at_each_level(run):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=16 * eps, atol=32 * eps)


def test_the_table_of_a_map_is_made_once() -> None:
    with using(LEVELS[0]):
        assert kernel("map_axis", np.ones(1)) is not None
    one = table_of(np, AxisMap("mean", 4, 2), np.dtype(np.float32), False)
    assert one is table_of(np, AxisMap("mean", 4, 2), np.dtype(np.float32), False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_])
@settings(max_examples=12)
@given(
    st.lists(sizes, min_size=1, max_size=3),
    st.sets(st.integers(-1, 1), min_size=1),
    st.integers(0, 3),
)
def test_reversed_axes(dtype: Any, shape: list[int], dims: set[int], shift: int) -> None:
    dims = {d for d in dims if -len(shape) <= d < len(shape) and d != len(shape) - 1}
    bits = np.random.default_rng(0).integers(0, 2, (*shape, np.dtype(dtype).itemsize), np.uint8)
    bits *= 1 if dtype is np.bool_ else 255  # floats: NaNs of many kinds, to be moved as they are
    x = shifted(bits.view(dtype)[..., 0], shift)
    turned = minigrad.from_numpy(x).flip
    (expected,) = on_numpy(lambda: [turned(tuple(dims)).numpy()])
    for (found,) in at_each_level(lambda: [turned(tuple(dims)).numpy()]):
        assert found.tobytes() == expected.tobytes()
