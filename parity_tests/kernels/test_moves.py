"""Copies, joins and transposes have NumPy's elements, whatever their type, layout and size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.backend import moves, native
from parity_tests.kernels.everywhere import at_each_level, compiled, on_numpy, shifted

pytestmark = compiled
TYPES = ("float32", "float64", "int32", "int64", "int16", "bool")
few = settings(max_examples=12)


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "LARGE", 256)
    monkeypatch.setattr(moves, "MANY", 16)


def drawn(shape: tuple[int, ...], dtype: str, shift: int = 0) -> Any:
    numbers = np.random.default_rng(sum(shape)).integers(-100, 100, shape)
    return shifted(numbers.astype(dtype), shift)


@few
@given(st.sampled_from(TYPES), st.integers(0, 3), st.integers(1, 70_000))
def test_copies(dtype: str, shift: int, size: int) -> None:
    x = drawn((size,), dtype, shift)

    def run() -> list[Any]:
        out = shifted(np.zeros(size, dtype), shift)
        moves.write(out, x)
        return [out, moves.row_major(x), mg.from_numpy(x).clone().numpy()]

    for found in at_each_level(run):
        for one in found:
            assert one.dtype == x.dtype and np.array_equal(one, x)


@few
@given(st.data())
def test_transposes(data: Any) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 90), min_size=2, max_size=4)))
    axes = data.draw(st.permutations(range(len(shape))))
    x = drawn(shape[:2] + tuple(min(n, 9) for n in shape[2:]), data.draw(st.sampled_from(TYPES)))
    x = shifted(x, data.draw(st.integers(0, 3))).transpose(axes)
    exact = np.array(x, order="C")
    for (found,) in at_each_level(lambda: [mg.from_numpy(x).contiguous().numpy()]):
        assert found.flags.c_contiguous and np.array_equal(found, exact)


@pytest.mark.parametrize("rows", [16, 32, 48, 15, 33])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_planes_at_any_place(rows: int, dtype: type) -> None:
    """Lines of the result that belong to two columns are written whole, and nothing around it."""
    for columns in (1, 2, 16, 17, 40):
        x = drawn((3, rows, columns), np.dtype(dtype).name)
        for shift in range(16):

            def run(columns: int = columns, x: Any = x, shift: int = shift) -> list[Any]:
                room = np.zeros(x.size + 32, dtype)
                y = room[shift : shift + x.size]
                run = native.kernel("turn_planes", x, y)
                assert run is not None
                run(x, y, 3, rows, columns)
                assert not room[:shift].any() and not room[shift + x.size :].any()
                return [y]

            for (found,) in at_each_level(run):
                np.testing.assert_array_equal(found, x.transpose(0, 2, 1).ravel())


@few
@given(st.data())
def test_repeats(data: Any) -> None:
    """Rows as often as they are seen by steps of zero, whatever their length, type and place."""
    copies, rows, many, n = (data.draw(st.integers(1, most)) for most in (3, 40, 300, 70))
    n = data.draw(st.sampled_from([1, n]))
    x = drawn((rows, n), data.draw(st.sampled_from(TYPES)), data.draw(st.integers(0, 3)))
    seen = np.broadcast_to(x.reshape(1, rows, 1, n), (copies, rows, many, n))
    for (found,) in at_each_level(lambda: [moves.row_major(seen)]):
        assert found.flags.c_contiguous and np.array_equal(found, seen)


def test_what_is_repeated_is_told_apart_from_what_is_not() -> None:
    x = np.zeros((4, 20))
    assert moves._repeats(np.broadcast_to(x, (3, 4, 20))) == (1, 1, 3, 80)
    assert moves._repeats(np.broadcast_to(x[:, :1], (4, 20))) is None  # x has gaps
    assert moves._repeats(x) is None and moves._repeats(x.T) is None
    short = np.broadcast_to(np.zeros((9, 1)), (9, moves.RUN - 1))
    assert moves._repeats(short) is None


@few
@given(st.data())
def test_joins(data: Any) -> None:
    shape = data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=3))
    dim = data.draw(st.integers(0, len(shape) - 1))
    dtype, parts = data.draw(st.sampled_from(TYPES)), []
    for _ in range(data.draw(st.integers(1, 4))):
        shape[dim] = data.draw(st.integers(1, 60))
        parts.append(drawn(tuple(shape), dtype, data.draw(st.integers(0, 3))))
    exact = np.concatenate(parts, dim)
    for (found,) in at_each_level(lambda: [mg.cat([mg.from_numpy(p) for p in parts], dim).numpy()]):
        assert found.dtype == exact.dtype and np.array_equal(found, exact)


def test_what_no_kernel_can_do_is_numpys() -> None:
    x = np.arange(4096.0)
    out = np.zeros(2048)
    moves.write(out, x[::2])
    assert np.array_equal(out, x[::2])
    mixed = [np.ones((64, 2), np.float32), np.ones((64, 2))]
    assert moves.joined(mixed, 0).dtype == np.float64
    spread = np.broadcast_to(np.arange(64.0), (64, 64))
    assert np.array_equal(moves.row_major(spread), spread)
    assert moves.row_major(spread).flags.c_contiguous
    assert moves.joined([np.zeros((0, 64)), np.ones((8, 64))], 0).shape == (8, 64)


@few
@given(st.data())
def test_columns_of_images(data: Any) -> None:
    n, c, h, w = (data.draw(st.integers(1, most)) for most in (2, 3, 12, 40))
    kernel = tuple(data.draw(st.integers(1, most)) for most in (3, 4))
    options = {
        "stride": tuple(data.draw(st.integers(1, 3)) for _ in range(2)),
        "padding": tuple(data.draw(st.integers(0, 2)) for _ in range(2)),
        "dilation": tuple(data.draw(st.integers(1, 2)) for _ in range(2)),
    }
    x = shifted(
        np.random.default_rng(h).standard_normal((n, c, h, w)), data.draw(st.integers(0, 3))
    )
    unfold, fold = mg.nn.functional.unfold, mg.nn.functional.fold

    def run(dtype: str = "float32") -> list[Any]:
        columns = unfold(mg.tensor(x.astype(dtype)), kernel, **options)
        return [columns.numpy(), fold(columns, (h, w), kernel, **options).numpy()]

    try:
        wanted = on_numpy(run)
    except RuntimeError:  # the kernel is larger than the image
        return
    for dtype in ("float32", "float64"):
        wanted = on_numpy(lambda dtype=dtype: run(dtype))
        for found in at_each_level(lambda dtype=dtype: run(dtype)):
            for a, b in zip(found, wanted, strict=True):
                np.testing.assert_array_equal(a, b)
