"""Functions of arrays along rows and columns of another, or beside numbers, are NumPy's to the bit.

The callables of ufuncs.c take them to a kernel at once; what they can't do they leave to a ufunc.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.backend import native
from parity_tests.kernels.everywhere import LEVELS, at_each_level, compiled, shifted, using

pytestmark = compiled
ARITHMETIC = {name: getattr(np, name) for name in native.ARITHMETIC}
few = settings(max_examples=40)
# Sizes around what decides: vectors, copied pieces, runs of one number, rows that are repeated.
sizes = st.sampled_from([1, 2, 3, 7, 10, 16, 33, 64, 255, 256, 300, 515])


def drawn(shape: tuple[int, ...], dtype: str, shift: int = 0) -> Any:
    numbers = np.random.default_rng(len(shape)).standard_normal(shape).astype(dtype)
    return shifted(numbers, shift)


@few
@example((256, 10), (1, 0), 0, False)
@example((2, 300), (0, 1), 1, True)
@example((3, 3000), (0, 1), 0, False)
@given(
    st.lists(sizes, min_size=1, max_size=3).map(tuple),
    st.lists(st.booleans(), min_size=0, max_size=3).map(tuple),
    st.integers(0, 3),
    st.booleans(),
)
def test_arithmetic(
    shape: tuple[int, ...], kept: tuple[int, ...], shift: int, swapped: bool
) -> None:
    shape = tuple(min(n, 40) for n in shape[:-2]) + shape[-2:]
    other = tuple(n if keep else 1 for n, keep in zip(shape[-len(kept) :], kept, strict=False))
    for dtype in ("float32", "float64"):
        x, y = drawn(shape, dtype, shift), drawn(other, dtype, shift // 2)
        pair = (y, x) if swapped else (x, y)
        wanted = [ufunc(*pair) for ufunc in ARITHMETIC.values()]
        for found in at_each_level(
            lambda pair=pair: [native.ufunc(np, name)(*pair) for name in ARITHMETIC]
        ):
            for got, want in zip(found, wanted, strict=True):
                assert got.dtype == want.dtype and got.shape == want.shape
                np.testing.assert_array_equal(got, want)


@few
@given(st.lists(sizes, min_size=1, max_size=3), st.data())
def test_two_that_are_both_broadcast(shape: list[int], data: Any) -> None:
    """As the outer product of two vectors is; and sizes that do not go together."""
    shape[:-2] = [min(n, 40) for n in shape[:-2]]
    left, right = (
        tuple(n if data.draw(st.booleans()) else 1 for n in shape[data.draw(cut) :])
        for cut in (st.just(0), st.integers(0, len(shape) - 1))
    )
    for dtype in ("float16", "float32", "float64"):
        x, y = drawn(left, dtype), drawn(right, dtype, 1)
        wanted = [ufunc(x, y) for ufunc in ARITHMETIC.values()]
        for found in at_each_level(
            lambda x=x, y=y: [native.ufunc(np, name)(x, y) for name in ARITHMETIC]
        ):
            for got, want in zip(found, wanted, strict=True):
                assert got.dtype == want.dtype and got.shape == want.shape
                np.testing.assert_array_equal(got, want)
        wrong = (*left[:-1], left[-1] + 1 + shape[-1])
        for level in LEVELS:
            with using(level), pytest.raises(ValueError, match="could not be broadcast"):
                native.ufunc(np, "add")(drawn(wrong, dtype), drawn((shape[-1] + 1,), dtype))


def test_rows_columns_and_numbers_of_functions_of_several() -> None:
    x, row, column = (
        drawn((70, 300), "float32"),
        drawn((300,), "float32"),
        drawn((70, 1), "float32"),
    )
    want = x + row * column * np.float32(0.5)
    for (found,) in at_each_level(lambda: [native.pointwise("addcmul", x, row, column, 0.5)]):
        np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-6)


def test_what_the_kernels_cannot_do_is_numpys() -> None:
    x = drawn((4, 6), "float32")
    for level in ("numpy", *LEVELS):
        with using(level):
            for a, b in (
                (x, x.T[:4, :4][:, :1]), (x[:, ::2], x[:, 1::2]), (x, x.astype("float64")),
                (x, 3), (x.astype("int64"), x), (x[:1], x[:, :1]), (x[0, 0], x), (x[:0], x[:1]),
                (np.float32(2), np.float32(3)), (x > 0, x), (x.astype(">f4"), x), (x, True),
            ):  # fmt: skip
                for name, ufunc in ARITHMETIC.items():
                    with np.errstate(all="ignore"):
                        got, want = native.ufunc(np, name)(a, b), ufunc(a, b)
                    assert type(got) is type(want) and got.dtype == want.dtype
                    np.testing.assert_array_equal(got, want)
            add = native.ufunc(np, "add")
            room = np.empty_like(x)
            assert add(x, x, out=room) is room and np.array_equal(room, x + x)
            with pytest.raises(ValueError, match="could not be broadcast"):
                add(x, x[:3])
            with pytest.raises(TypeError):
                add(x)
            with pytest.raises(TypeError):
                add(x, "text")


def test_a_large_result_may_be_written_over_an_argument() -> None:
    """Stores past the caches are for results of their own."""
    for level in LEVELS:
        with using(level, far=0):
            for run in (operator.iadd, operator.imul, operator.isub):
                x = mg.arange(5000.0)
                row = mg.ones(5000)
                run(x, row)
                want = np.arange(5000, dtype=np.float32)
                np.testing.assert_array_equal(x.numpy(), run(want, np.float32(1)))
            x = drawn((3000,), "float32")
            want = np.hypot(x, x)
            native._ufuncs["hypot"](x, x, out=x)
            np.testing.assert_allclose(x, want, rtol=1e-6)
