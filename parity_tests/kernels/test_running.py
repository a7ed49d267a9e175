"""Running sums, products and extremes by kernels: what torch gives, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
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

pytestmark = compiled

OPS = ("cumsum", "cumprod", "cummax", "cummin")


def run(lib: Any, op: str, x: Any, dim: int) -> list[Any]:
    """The results of an op, as arrays."""
    found = getattr(lib, op)(lib.from_numpy(x), dim)
    return [t.numpy() for t in (found if op in OPS[2:] else [found])]


def compare(op: str, x: Any, dim: int) -> None:
    expected = run(torch, op, x, dim)
    for found in at_each_level(lambda: run(mg, op, x, dim)):
        for mine, its in zip(found, expected, strict=True):
            assert mine.dtype == its.dtype
            np.testing.assert_array_equal(mine, its)
    with np.errstate(all="ignore"):
        reference = on_numpy(lambda: run(mg, op, x, dim))
    close = 4 * len(x.reshape(-1)) * np.finfo(x.dtype).eps
    for mine, its in zip(reference, expected, strict=True):
        np.testing.assert_allclose(mine, its, rtol=close, atol=close)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_any_axis(op: str, dtype: Any, data: Any) -> None:
    shape = data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=4), label="shape")
    dim = data.draw(st.integers(-len(shape), len(shape) - 1), label="dim")
    draw = np.random.default_rng(data.draw(st.integers(0, 99), label="seed"))
    x = draw.normal(size=shape).astype(dtype)
    if data.draw(st.booleans(), label="ties"):
        x = np.round(x)
    if data.draw(st.booleans(), label="special") and x.size > len(SPECIAL):
        x.reshape(-1)[draw.permutation(x.size)[: len(SPECIAL)]] = SPECIAL
    compare(op, shifted(x, data.draw(st.integers(0, 3), label="shift")), dim)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape, dim", [((70_001,), 0), ((301, 307), 1), ((301, 307), 0),
                                        ((3, 211, 130), 1)])  # fmt: skip
def test_many_lines_in_parts(op: str, dtype: Any, shape: tuple[int, ...], dim: int) -> None:
    x = np.random.default_rng(5).uniform(0.9, 1.1, shape).astype(dtype)
    compare(op, x, dim)
