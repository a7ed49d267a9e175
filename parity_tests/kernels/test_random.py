"""The kernels draw the numbers of the NumPy code, bit for bit, and as many words of the stream."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.random import Generator
from minigrad.random.mt19937 import MersenneTwister
from parity_tests.kernels.everywhere import LEVELS, at_each_level, compiled, on_numpy, using

pytestmark = compiled

DRAWS = {
    "uniform": lambda g, n, t: g.uniform((n,), dtype=t),
    "uniform between": lambda g, n, t: g.uniform((n,), -3, 0.7, dtype=t),
    "normal": lambda g, n, t: g.normal((n,), dtype=t),
    "normal around": lambda g, n, t: g.normal((n,), 0.3, 2.5, dtype=t),
    "bernoulli": lambda g, n, t: g.bernoulli(0.3, (n,), dtype=t),
    "exponential": lambda g, n, t: g.exponential((n,), dtype=t),
    "random_": lambda g, n, t: g.random_((n,), t),
    "randperm": lambda g, n, t: g.randperm(n, t),
}


def drawn(name: str, seed: int, sizes: list[int], dtype: Any) -> list[Any]:
    """Some draws, one after the other, and the state at the end."""
    g = Generator().manual_seed(seed)
    found = [DRAWS[name](g, n, dtype) for n in sizes]
    return [*found, np.asarray(g.get_state())]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("name", DRAWS)
@settings(max_examples=6)
@given(st.integers(0, 2**63), st.lists(st.integers(0, 2000), max_size=4))
def test_the_same_bits(name: str, dtype: Any, seed: int, sizes: list[int]) -> None:
    def run() -> list[Any]:
        return drawn(name, seed, sizes, dtype)

    expected = on_numpy(run)
    for found in at_each_level(run):
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == b.dtype and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_normals_have_the_same_bits(dtype: Any) -> None:
    count = 3_000_001 if dtype == np.float32 else 100_001
    expected = on_numpy(lambda: drawn("normal around", 5, [count], dtype))
    with using(LEVELS[-1], 2):
        found = drawn("normal around", 5, [count], dtype)
    assert found[0].tobytes() == expected[0].tobytes()
    assert found[1].tobytes() == expected[1].tobytes()


def test_words_of_known_sequence() -> None:
    """The tenth thousandth word of the standard's generator, whoever drew those before."""
    for level in LEVELS:
        stream = MersenneTwister(5489)
        with using(level):
            stream.words32(5000)
        with using("numpy"):
            stream.words32(100)
        with using(level):
            assert int(stream.words32(4900)[-1]) == 4123659995


def test_a_state_that_was_set_is_what_the_kernels_go_on_from() -> None:
    g = Generator().manual_seed(3)
    saved = g.get_state()
    first = g.uniform((700,))
    assert g.set_state(saved).uniform((700,)).tobytes() == first.tobytes()
    assert g.manual_seed(3).uniform((700,)).tobytes() == first.tobytes()


@settings(max_examples=20)
@given(st.integers(0, 2**63), st.lists(st.integers(1, 700), max_size=4), st.floats(0, 1))
def test_bits_are_the_numbers_of_bernoulli(seed: int, sizes: list[int], p: float) -> None:
    def run() -> list[Any]:
        g = Generator().manual_seed(seed)
        return [*(g.bernoulli_bits(p, n) for n in sizes), np.asarray(g.get_state())]

    g = Generator().manual_seed(seed)
    exact = [np.packbits(g.bernoulli(p, (n,), bool), bitorder="little") for n in sizes]
    for found in (on_numpy(run), *at_each_level(run)):
        assert found[-1].tobytes() == np.asarray(g.get_state()).tobytes()
        for one, other in zip(found[:-1], exact, strict=True):
            assert one[:-1].tolist() == other.tolist() and one[-1] == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 15, 130, 70_001])
def test_dropout_keeps_the_same_elements(dtype: Any, size: int) -> None:
    x = np.random.default_rng(size).standard_normal(size).astype(dtype)
    x[0], x[-1] = -np.inf, np.nan

    def run() -> list[Any]:
        mg.manual_seed(size)
        t = mg.tensor(x, requires_grad=True)
        y = mg.nn.functional.dropout(t, 0.3)
        return [y.detach().numpy(), mg.autograd.grad(y, t, mg.tensor(x))[0].numpy()]

    wanted = on_numpy(run)
    assert np.count_nonzero(wanted[0] == 0) > 0 or size < 130
    for found in at_each_level(run):
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(a, b)
