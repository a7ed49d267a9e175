"""Each distribution gives torch's numbers: same seed, same calls, same bits.

Everything is compared bit for bit, also what passes through logarithms and sines.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from minigrad.random import Generator
from minigrad.random.box_muller import fused_multiply_add
from parity_tests.streams import (
    FLOATS,
    INTEGERS,
    SIZES,
    assert_same,
    assert_same_state,
    avx2,
    empty,
    exponential,
    numpy_dtype,
    pair,
    scalar_bernoulli,
    to_numpy,
)

torch = pytest.importorskip("torch")


# --- uniforms and normals ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", SIZES)
def test_uniforms_have_torchs_bits(size: int, dtype: str) -> None:
    ours, theirs = pair(size)
    kind = numpy_dtype(dtype)
    assert_same(
        ours.uniform((size,), dtype=kind),
        torch.rand(size, generator=theirs, dtype=getattr(torch, dtype)),
    )
    assert_same(ours.uniform((size,), dtype=kind), empty(size, dtype).uniform_(generator=theirs))
    assert_same_state(ours, theirs)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("bounds", [(-1.0, 1.0), (0.1, 0.7), (-0.05, 0.05), (5, 5), (-3e4, 3e4)])
def test_scaled_uniforms_have_torchs_bits(bounds: tuple[float, float], dtype: str) -> None:
    ours, theirs = pair()
    for _ in range(3):
        expected = empty((101, 307), dtype).uniform_(*bounds, generator=theirs)
        assert_same(ours.uniform((101, 307), *bounds, dtype=numpy_dtype(dtype)), expected)


@avx2
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", SIZES)
def test_normals_have_torchs_bits(size: int, dtype: str) -> None:
    ours, theirs = pair(size)
    kind = numpy_dtype(dtype)
    for _ in range(2):
        assert_same(
            ours.normal((size,), dtype=kind),
            torch.randn(size, generator=theirs, dtype=getattr(torch, dtype)),
        )
        assert_same_state(ours, theirs)


@avx2
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("spread", [(0.0, 0.02), (1.5, 0.3), (-7.25, 11.1), (3.0, 0.0), (1e-3, 1)])
def test_scaled_normals_have_torchs_bits(spread: tuple[float, float], dtype: str) -> None:
    ours, theirs = pair()
    for size in (5, (33, 41), 10, 20007, 3):
        shape = size if isinstance(size, tuple) else (size,)
        expected = empty(shape, dtype).normal_(*spread, generator=theirs)
        assert_same(ours.normal(shape, *spread, dtype=numpy_dtype(dtype)), expected)
    assert_same_state(ours, theirs)


@avx2
def test_a_million_normals_have_torchs_bits() -> None:
    ours, theirs = pair(11)
    assert_same(ours.normal((4, 250_000)), torch.randn(4, 250_000, generator=theirs))


def test_fused_multiply_add_rounds_once() -> None:
    rng = np.random.default_rng(0)
    for scale in (1.0, 1e-8, 1e8):
        x = rng.standard_normal(300)
        factor, term = float(rng.standard_normal()), scale * float(rng.standard_normal())
        expected = [float(Fraction(v) * Fraction(factor) + Fraction(term)) for v in x.tolist()]
        assert fused_multiply_add(x, factor, term).tolist() == expected
    assert math.isinf(fused_multiply_add(np.array([1e308]), 10.0, 1.0)[0])


# --- integers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "bounds",
    [(0, 10), (-5, 5), (0, 2**28 - 1), (0, 2**28), (-(2**40), 2**41), (-(2**63), 2**63 - 1)],
)
def test_randint_has_torchs_numbers(bounds: tuple[int, int], size: int) -> None:
    ours, theirs = pair(size)
    assert_same(ours.randint(*bounds, (size,)), torch.randint(*bounds, (size,), generator=theirs))
    assert_same_state(ours, theirs)


@pytest.mark.filterwarnings("ignore:.*is out of bounds:UserWarning")
@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS, "bool"])
@pytest.mark.parametrize(
    "bounds",
    [(), (100,), (1,), (-7, 9), (3, None), (-4, None), (-(2**63), None), (0, 2**20), (1, 2)],
)
def test_random_gives_torchs_numbers_or_raises_with_it(dtype: str, bounds: Any) -> None:
    ours, theirs = pair()
    low, high = (None, bounds[0]) if len(bounds) == 1 else (bounds or (None, None))
    try:
        expected = empty(333, dtype).random_(*bounds, generator=theirs)
    except RuntimeError:  # NotImplementedError is one
        with pytest.raises(RuntimeError):
            ours.random_((333,), numpy_dtype(dtype), low, high)
        return
    assert_same(ours.random_((333,), numpy_dtype(dtype), low, high), expected)
    assert_same_state(ours, theirs)


@pytest.mark.filterwarnings("ignore:.*is out of bounds:UserWarning")
@pytest.mark.parametrize(
    ("dtype", "bounds"),
    [
        ("float32", (2**24 + 1, 2**24 + 2)),
        ("float16", (2049, 2050)),
        ("float16", (-2049, 2049)),
        ("bfloat16", (-257, 259)),
        ("bfloat16", (1000, 1017)),
        ("float32", (-(2**40) - 3, 2**40 + 3)),
        ("float64", (2**53 + 1, 2**53 + 9)),
        ("uint32", (0, 2**32 - 1)),
        ("uint64", (5, 2**62)),
        ("uint16", (0, 2**16)),
    ],
)
def test_bounds_beyond_the_exact_range_are_rounded_as_in_torch(
    dtype: str, bounds: tuple[int, int]
) -> None:
    ours, theirs = pair()
    expected = empty(500, dtype).random_(*bounds, generator=theirs)
    assert_same(ours.random_((500,), numpy_dtype(dtype), *bounds), expected)


@pytest.mark.parametrize("n", SIZES)
def test_permutations_are_torchs(n: int) -> None:
    ours, theirs = pair(n)
    assert_same(ours.randperm(n), torch.randperm(n, generator=theirs))
    assert_same_state(ours, theirs)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", *FLOATS])
def test_permutations_of_every_dtype_are_torchs(dtype: str) -> None:
    ours, theirs = pair()
    limit = {"uint8": 255, "int8": 127, "bfloat16": 257, "float16": 2049}.get(dtype, 3000)
    expected = torch.randperm(limit, generator=theirs, dtype=getattr(torch, dtype))
    assert_same(ours.randperm(limit, numpy_dtype(dtype)), expected)


# --- Bernoulli and the rarer distributions ----------------------------------------------------


@scalar_bernoulli
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
def test_bernoulli_with_a_number_is_torchs(p: float, size: int) -> None:
    ours, theirs = pair(size)
    assert_same(ours.bernoulli(p, (size,)), torch.empty(size).bernoulli_(p, generator=theirs))
    assert_same_state(ours, theirs)


@scalar_bernoulli
@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS, "bool"])
def test_bernoulli_fills_every_dtype_as_torch_does(dtype: str) -> None:
    ours, theirs = pair()
    expected = empty((7, 9), dtype).bernoulli_(0.3, generator=theirs)
    assert_same(ours.bernoulli(0.3, (7, 9), numpy_dtype(dtype)), expected)


@scalar_bernoulli
@pytest.mark.parametrize("size", [1, 17, 5000])
def test_bernoulli_gives_dropout_its_mask(size: int) -> None:
    ours = Generator().manual_seed(5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        dropped = torch.nn.functional.dropout(torch.ones(size), 0.3)
    # torch divides the mask by the probability in float32.
    assert_same(ours.bernoulli(1 - 0.3, (size,)) / np.float32(1 - 0.3), dropped)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_bernoulli_with_an_array_is_torchs(dtype: str, size: int) -> None:
    ours, theirs = pair(size)
    chances = torch.linspace(0, 1, size).to(getattr(torch, dtype))
    assert_same(
        ours.bernoulli(to_numpy(chances), dtype=numpy_dtype(dtype)),
        torch.bernoulli(chances, generator=theirs),
    )
    assert_same_state(ours, theirs)


def test_bernoulli_broadcasts_its_array() -> None:
    ours, theirs = pair()
    chances = torch.tensor([0.1, 0.5, 0.9])
    expected = torch.empty(4, 3, dtype=torch.int32).bernoulli_(chances, generator=theirs)
    assert_same(ours.bernoulli(chances.numpy(), (4, 3), np.int32), expected)


@exponential
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", SIZES)
def test_exponentials_are_torchs(size: int, dtype: str) -> None:
    ours, theirs = pair(size)
    expected = empty(size, dtype).exponential_(1.7, generator=theirs)
    assert_same(ours.exponential((size,), 1.7, numpy_dtype(dtype)), expected)
    assert_same_state(ours, theirs)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [0, 1, 2, 7, 16, 33, 10007])
def test_log_normals_share_the_kept_sample_with_normals(size: int, dtype: str) -> None:
    ours, theirs = pair(size)
    for _ in range(2):
        expected = empty(size, dtype).log_normal_(0.5, 0.7, generator=theirs)
        assert_same(ours.log_normal((size,), 0.5, 0.7, numpy_dtype(dtype)), expected)
        assert_same(ours.normal((3,)), torch.randn(3, generator=theirs))
    assert_same_state(ours, theirs)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [0, 1, 16, 10007])
def test_cauchy_numbers_are_torchs(size: int, dtype: str) -> None:
    ours, theirs = pair(size)
    expected = empty(size, dtype).cauchy_(0.3, 2.0, generator=theirs)
    assert_same(ours.cauchy((size,), 0.3, 2.0, numpy_dtype(dtype)), expected)


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_geometric_numbers_are_torchs(p: float, dtype: str) -> None:
    ours, theirs = pair()
    expected = empty(10007, dtype).geometric_(p, generator=theirs)
    assert_same(ours.geometric((10007,), p, numpy_dtype(dtype)), expected)
    assert_same_state(ours, theirs)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1,), (10,), (500,), (4, 6)])
def test_multinomial_with_replacement_is_torchs(shape: tuple[int, ...], dtype: str) -> None:
    ours, theirs = pair()
    weights = torch.arange(math.prod(shape)).reshape(shape).add(1).to(getattr(torch, dtype))
    for count in (2, 9, 1000):
        expected = torch.multinomial(weights, count, replacement=True, generator=theirs)
        assert_same(ours.multinomial(weights.numpy(), count, replacement=True), expected)
    assert_same_state(ours, theirs)


@exponential
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(9,), (10,), (500,), (4, 16)])
def test_multinomial_without_replacement_is_torchs(shape: tuple[int, ...], dtype: str) -> None:
    ours, theirs = pair()
    weights = torch.arange(math.prod(shape)).reshape(shape).add(1).to(getattr(torch, dtype))
    for count in (1, 5, 9):
        expected = torch.multinomial(weights, count, generator=theirs)
        assert_same(ours.multinomial(weights.numpy(), count), expected)
    expected = torch.multinomial(weights, 1, replacement=True, generator=theirs)
    assert_same(ours.multinomial(weights.numpy(), 1, replacement=True), expected)
    assert_same_state(ours, theirs)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rates", [(0.0, 0.3, 3.0, 9.99), (10.0, 31.5, 400.0), (2.0, 50.0) * 700])
def test_poisson_numbers_are_torchs(rates: tuple[float, ...], dtype: str) -> None:
    ours, theirs = pair()
    means = torch.tensor(rates, dtype=getattr(torch, dtype))
    for _ in range(2):
        assert_same(ours.poisson(to_numpy(means)), torch.poisson(means, generator=theirs))
        assert_same_state(ours, theirs)
