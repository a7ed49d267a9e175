"""NumPy's functions with kernels for float32: half a unit in the last place; else they are NumPy's.

At every level of this processor, against the same function in extended precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.backend import native
from parity_tests.kernels.everywhere import LEVELS, SPECIAL, at_each_level, compiled, using

pytestmark = compiled
# Within which the numbers are drawn; each is also shrunk towards zero.
DOMAINS = {
    "exp": (-103.0, 88.7),
    "exp2": (-148.0, 127.9),
    "expm1": (-40.0, 88.7),
    "log": (1e-44, 3e38),
    "log2": (1e-44, 3e38),
    "log10": (1e-44, 3e38),
    "log1p": (-1.0, 50.0),
    "sin": (-1e4, 1e4),
    "cos": (-1e7, 1e7),
    "tan": (-1e4, 1e4),
    "arcsin": (-1.0, 1.0),
    "arccos": (-1.0, 1.0),
    "arctan": (-1e3, 1e3),
    "sinh": (-89.0, 89.0),
    "cosh": (-89.0, 89.0),
    "tanh": (-10.0, 10.0),
    "arctanh": (-1.0, 1.0),
}
UNITS = 0.57  # sin and cos beyond 1e6 are the C library's
EXP_UNITS = 1.1  # they are worked out in float32
NUMBERS = (*SPECIAL, 0.5, -0.5, 1.0, -1.0, 1.5, -1.5, 2.0, 1e-45, -1e-45, 3e38, -3e38)


def numbers(name: str, count: int = 20_000) -> Any:
    low, high = DOMAINS[name]
    drawn = np.random.default_rng(len(name)).uniform(low, high, count)
    scales = np.array([1.0, 1e-3, 1e-6, 1e-20])
    return np.concatenate([drawn * s for s in scales]).clip(low, high).astype(np.float32)


def units(found: Any, exact: Any) -> float:
    """The greatest distance in units in the last place."""
    apart = np.abs(found.astype(np.longdouble) - exact)
    return float((apart / np.spacing(np.abs(exact).astype(np.float32))).max())


def test_all_are_tried() -> None:
    assert set(native._stand_ins) == {*DOMAINS, *native.ARITHMETIC}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", DOMAINS)
def test_values_are_rounded_once(name: str, level: str) -> None:
    x = numbers(name)
    with np.errstate(all="ignore"):  # a logarithm of 0, and what is less than every number
        exact = getattr(np, name)(x.astype(np.longdouble))
        with using(level):
            found = native.ufunc(np, name)(x)
    usual = np.isfinite(exact)
    assert units(found[usual], exact[usual]) <= (EXP_UNITS if name in ("exp", "exp2") else UNITS)
    assert np.array_equal(found[~usual], exact[~usual].astype(np.float32))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", DOMAINS)
def test_special_values_are_those_of_c(name: str, level: str) -> None:
    x = np.array(NUMBERS, np.float32)
    with np.errstate(all="ignore"), using(level):
        found = native.ufunc(np, name)(x)
        exact = getattr(np, name)(x.astype(np.float64)).astype(np.float32)
    assert np.array_equal(np.isnan(found), np.isnan(exact))
    assert np.array_equal(np.signbit(found)[exact == 0], np.signbit(exact)[exact == 0])
    ends, usual = np.isinf(exact), np.isfinite(exact)
    assert np.array_equal(found[ends], exact[ends])
    np.testing.assert_array_almost_equal_nulp(found[usual], exact[usual], 1)


@given(st.data())
@pytest.mark.parametrize("name", DOMAINS)
def test_an_element_does_not_depend_on_its_place(name: str, data: Any) -> None:
    count, begin, step = (data.draw(st.integers(*ends)) for ends in ((1, 70), (0, 9), (1, 3)))
    x = np.resize(np.concatenate([numbers(name, 50), np.float32(NUMBERS)]), 700)
    with np.errstate(all="ignore"):
        for level in LEVELS:
            with using(level):
                run = native.ufunc(np, name)
                whole = run(x)
                part = slice(begin, begin + count * step, step)
                assert run(x[part]).tobytes() == whole[part].tobytes()
                again = x[part].copy()
                run(again, out=again)
                assert again.tobytes() == whole[part].tobytes()


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_large_numbers_in_place(name: str) -> None:
    x = np.linspace(-3, 3, 700, dtype=np.float32)
    x[[3, 300, -1]] = 3e38, 1e18, -1e30
    for level in LEVELS:
        with using(level), np.errstate(all="ignore"):
            run = native.ufunc(np, name)
            whole, again = run(x), x.copy()
            run(again, out=again)
            assert again.tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", DOMAINS)
def test_other_types_and_the_level_without_kernels_are_numpys(name: str) -> None:
    x = np.linspace(0.1, 0.9, 50)
    ours, numpys = native.ufunc(np, name), getattr(np, name)
    for dtype in (np.float64, np.float16, np.longdouble, np.complex64):
        if dtype is not np.complex64 or "F->F" in numpys.types:
            one, other = ours(x.astype(dtype)), numpys(x.astype(dtype))
            assert one.dtype == other.dtype and np.array_equal(one, other)
    with np.errstate(all="ignore"):  # a logarithm of 0
        assert ours(np.zeros(1, np.int64)).dtype == np.float64
    with using("numpy"):
        single = x.astype(np.float32)
        assert np.array_equal(ours(single), numpys(single))


@pytest.mark.parametrize("name", ["erf", *DOMAINS])
def test_threads_change_nothing(name: str) -> None:
    x = mg.tensor(np.resize(numbers("tanh"), 100_001))
    with np.errstate(all="ignore"):
        torchs = name.replace("arc", "a")
        for (found,) in at_each_level(lambda: [getattr(mg, torchs)(x).numpy()]):
            assert found.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_erf_is_exact_and_odd(dtype: Any) -> None:
    import scipy.special

    x = np.concatenate([np.linspace(-7, 7, 4001) * s for s in (1, 0.1, 1e-9)]).astype(dtype)
    exact = scipy.special.erf(x.astype(np.float64))  # itself within two units of float64
    for found, other in at_each_level(
        lambda: [mg.erf(mg.tensor(x)).numpy(), mg.erf(mg.tensor(-x)).numpy()]
    ):
        most = 0.6 * np.spacing(np.abs(exact).astype(dtype)) if dtype is np.float32 else 0
        apart = np.abs(found.astype(np.float64) - exact)
        assert (apart <= np.maximum(most, 4 * np.spacing(np.abs(exact)))).all()
        assert np.array_equal(found, -other)
    zeros = mg.erf(mg.tensor(np.array([0.0, -0.0], dtype))).numpy()
    assert np.signbit(zeros).tolist() == [False, True]


EVERY_HALF = np.arange(1 << 16, dtype=np.uint16).view(np.float16)


def same_halves(found: Any, wanted: Any) -> None:
    assert found.dtype == wanted.dtype == np.float16
    nan = np.isnan(wanted)
    np.testing.assert_array_equal(np.isnan(found), nan)
    np.testing.assert_array_equal(found[~nan].view(np.uint16), wanted[~nan].view(np.uint16))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", native.ARITHMETIC)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_arithmetic_of_halves_is_numpys(name: str, level: str) -> None:
    """Every float16, as one array, in pieces of other sizes, turned, and beside a number."""
    x, y = EVERY_HALF, np.random.default_rng(0).permutation(EVERY_HALF)
    pairs = [(x, y), (x[:1], y[:1]), (x[:1025], y[:1025]), (x[::-3], y[::-3]), (x, y[:1])]
    pairs += [(x.reshape(256, 256), y.reshape(256, 256)), (x.reshape(256, 256), y[:256])]
    with using(level):
        for a, b in pairs:
            same_halves(native.ufunc(np, name)(a, b), getattr(np, name)(a, b))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", DOMAINS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_functions_of_halves_round_once(name: str, level: str) -> None:
    exact = getattr(np, name)(EVERY_HALF.astype(np.float64)).astype(np.float16)
    with using(level):
        found = native.ufunc(np, name)(EVERY_HALF)
        apart = native.ufunc(np, name)(EVERY_HALF[::2])
    same_halves(apart[::5], native.ufunc(np, name)(EVERY_HALF[::10]))
    finite = np.isfinite(exact) & np.isfinite(found)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
    off = np.abs(found[finite].astype(np.float64) - exact[finite].astype(np.float64))
    assert (off <= np.spacing(np.abs(exact[finite])).astype(np.float64)).all()
    assert (off > 0).mean() < 1e-3  # rounded from float32, and not from the exact value
