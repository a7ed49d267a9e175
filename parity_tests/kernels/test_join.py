"""Rows copied into one array are what NumPy stacks, and what does not fit is refused unwritten."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minigrad.backend import native
from parity_tests.kernels.everywhere import LEVELS, compiled, shifted, using

pytestmark = compiled

SHAPES = [(), (1,), (5,), (3, 4), (2, 3, 4), (0,), (3, 0)]


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.uint8, np.bool_])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rows_are_stacked(shape: Any, dtype: Any) -> None:
    numbers = np.random.default_rng(0).integers(0, 2, (6, *shape)).astype(dtype)
    rows = [shifted(row, place % 3) for place, row in enumerate(numbers)]
    out = np.empty((6, *shape), dtype)
    assert native.join_rows(rows, out)
    np.testing.assert_array_equal(out, numbers)


class Own(np.ndarray):
    """An array of somebody's own kind, which may not be what its memory says."""


WRONG = {
    "type": lambda row: row.astype(np.float64),
    "order of bytes": lambda row: row.astype(">f4"),
    "shape": lambda row: row[:3],
    "as many elements in another shape": lambda row: row[:, None],
    "gaps": lambda row: np.repeat(row, 2)[::2],
    "backwards": lambda row: row[::-1],
    "class": lambda row: row.view(Own),
    "list": lambda row: row.tolist(),
    "None": lambda row: None,
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("place", [0, 3])
def test_what_does_not_fit_is_refused(what: str, place: int) -> None:
    rows: list[Any] = [np.ones(4, np.float32) for _ in range(4)]
    rows[place] = WRONG[what](rows[place])
    out = np.full((4, 4), 7, np.float32)
    assert not native.join_rows(rows, out)
    assert (out == 7).all()


@pytest.mark.parametrize(
    "out",
    [
        np.empty((3, 2), np.float32),
        np.empty((2, 4), np.float32)[:, ::2],
        np.empty((), np.float32),
        np.empty((2, 2), object),
        np.broadcast_to(np.float32(0), (2, 2)),
    ],
    ids=["count", "gaps", "no axes", "objects", "read only"],
)
def test_places_that_rows_can_not_be_copied_to(out: Any) -> None:
    assert not native.join_rows([np.zeros(2, out.dtype)] * 2, out)


def test_each_level_has_it_and_numpy_does_without() -> None:
    for level in LEVELS:
        with using(level):
            assert native.join_rows([np.zeros(2)], np.empty((1, 2)))
    with using("numpy"):
        assert not native.join_rows([np.zeros(2)], np.empty((1, 2)))
