"""The generator gives torch's numbers: same seed, same calls, same bits.

Everything is compared bit for bit, also what passes through logarithms and sines.
"""

from __future__ import annotations

import copy
import math
import pickle
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.random import Generator, default_generator, manual_seed
from minigrad.random.box_muller import fused_multiply_add
from minigrad.random.mt19937 import MersenneTwister
from parity_tests.streams import exponential, scalar_bernoulli

torch = pytest.importorskip("torch")

SEEDS = [0, 1, 2023, 2**32 - 1, 2**32 + 5, 2**64 - 1, -1, -(2**63)]
SIZES = [0, 1, 2, 7, 8, 15, 16, 17, 23, 24, 31, 32, 33, 100, 623, 624, 625, 1000, 10007, 100003]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]


def numpy_dtype(name: str) -> np.dtype[Any]:
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def to_numpy(tensor: Any) -> np.ndarray[Any, Any]:
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


def pair(seed: int = 2023) -> tuple[Generator, Any]:
    return Generator().manual_seed(seed), torch.Generator().manual_seed(seed)


def empty(size: Any, dtype: str) -> Any:
    return torch.empty(size, dtype=getattr(torch, dtype))


avx2 = pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"),
    reason="torch computes normals with other functions without AVX2",
)


def assert_same(ours: np.ndarray[Any, Any], theirs: Any) -> None:
    """Equal dtype, shape and bits, in a fresh C-ordered array."""
    expected = to_numpy(theirs)
    assert ours.dtype == expected.dtype
    assert ours.shape == expected.shape
    assert ours.flags.c_contiguous and ours.flags.writeable
    assert ours.tobytes() == expected.tobytes()


def assert_same_state(ours: Generator, theirs: Any) -> None:
    np.testing.assert_array_equal(ours.get_state(), theirs.get_state().numpy())


# --- seeds and states -------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_gives_torchs_state_and_words(seed: int) -> None:
    ours, theirs = pair(seed)
    assert ours.initial_seed() == theirs.initial_seed()
    assert_same_state(ours, theirs)
    assert_same(ours.uniform((700,)), torch.rand(700, generator=theirs))
    assert_same_state(ours, theirs)


@pytest.mark.parametrize("drawn", [0, 1, 3, 623, 624, 625, 1248])
def test_states_travel_both_ways(drawn: int) -> None:
    ours, theirs = pair()
    torch.randn(3, generator=theirs)
    torch.rand(drawn, generator=theirs)
    ours.set_state(theirs.get_state().numpy())
    assert_same_state(ours, theirs)
    back = torch.Generator()
    back.set_state(torch.from_numpy(ours.get_state()))
    assert_same(ours.normal((40,)), torch.randn(40, generator=back))
    assert_same(ours.normal((5,)), torch.randn(5, generator=back))
    assert_same_state(ours, back)


def test_the_float_sample_of_a_state_is_kept() -> None:
    state = Generator().get_state()
    state[5048:5052] = np.array([1.5], np.float32).view(np.uint8)
    state[5052] = 1
    oracle = torch.Generator()
    oracle.set_state(torch.from_numpy(state.copy()))
    assert_same_state(Generator().set_state(state), oracle)


def test_a_saved_state_does_not_follow_the_generator() -> None:
    ours, _ = pair()
    saved = ours.get_state()
    first = ours.normal((20,))
    ours.normal((3,))
    assert first.tobytes() == ours.set_state(saved).normal((20,)).tobytes()


@pytest.mark.parametrize("clone", [copy.deepcopy, copy.copy, Generator.clone_state])
def test_copies_continue_independently(clone: Callable[[Generator], Generator]) -> None:
    ours, _ = pair()
    ours.normal((3,))
    other = clone(ours)
    assert other.normal((9,)).tobytes() == ours.normal((9,)).tobytes()
    assert pickle.loads(pickle.dumps(ours)).randperm(9).tolist() == ours.randperm(9).tolist()


@pytest.mark.parametrize("bad", [2**64, -(2**63) - 1])
def test_a_seed_that_does_not_fit_raises_as_in_torch(bad: int) -> None:
    for generator in (Generator(), torch.Generator()):
        with pytest.raises(ValueError):
            generator.manual_seed(bad)


@pytest.mark.parametrize("bad", [1.5, "1", None, True])
def test_a_seed_that_is_no_integer_raises_as_in_torch(bad: Any) -> None:
    for generator in (Generator(), torch.Generator()):
        with pytest.raises(RuntimeError, match="manual_seed"):
            generator.manual_seed(bad)


def test_broken_states_raise_as_in_torch() -> None:
    size = Generator().get_state().size
    cases: list[tuple[Any, type[Exception]]] = [
        (np.zeros(size, np.uint8), RuntimeError),
        (np.zeros(50, np.uint8), RuntimeError),
        (np.zeros(size, np.float32), TypeError),
    ]
    for state, error in cases:
        with pytest.raises(error):
            torch.Generator().set_state(torch.from_numpy(state))
        with pytest.raises(error):
            Generator().set_state(state)
    with pytest.raises(TypeError):
        Generator().set_state([0])  # type: ignore[arg-type]


def test_the_default_generator_is_seeded_as_torch_seeds_it() -> None:
    assert Generator().initial_seed() == torch.Generator().initial_seed() == 67280421310721
    kept = default_generator.get_state()
    try:
        assert manual_seed(7) is default_generator
        assert_same(default_generator.uniform((5,)), torch.rand(5, generator=pair(7)[1]))
        assert manual_seed(3.9).initial_seed() == 3  # type: ignore[arg-type]
    finally:
        default_generator.set_state(kept)


def test_seed_takes_a_new_seed_each_time() -> None:
    ours = Generator()
    assert ours.seed() != ours.seed()
    assert 0 <= ours.initial_seed() < 2**64


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "meta"])
def test_other_devices_raise(device: str) -> None:
    with pytest.raises(RuntimeError, match="Generator: expected device 'cpu'"):
        Generator(device)
    assert str(Generator("cpu").device) == "cpu"


def test_words_are_those_of_the_reference_implementation() -> None:
    words = MersenneTwister(5489).words32(10000)
    assert words[0] == 3499211612
    assert words[-1] == 4123659995  # the value the C++ standard prescribes


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


# --- sequences, threads, bad calls ------------------------------------------------------------

small = st.integers(0, 40)
DRAWS: dict[str, tuple[Callable[[Generator, int], Any], Callable[[Any, int], Any]]] = {
    "rand": (lambda g, n: g.uniform((n,)), lambda g, n: torch.rand(n, generator=g)),
    "rand64": (
        lambda g, n: g.uniform((n,), dtype=np.float64),
        lambda g, n: torch.rand(n, generator=g, dtype=torch.float64),
    ),
    "randn": (lambda g, n: g.normal((n,)), lambda g, n: torch.randn(n, generator=g)),
    "randn64": (
        lambda g, n: g.normal((n,), 2.0, 0.5, np.float64),
        lambda g, n: empty(n, "float64").normal_(2.0, 0.5, generator=g),
    ),
    "randn16": (
        lambda g, n: g.normal((n,), dtype=np.float16),
        lambda g, n: torch.randn(n, generator=g, dtype=torch.float16),
    ),
    "randint": (
        lambda g, n: g.randint(-3, 9, (n,)),
        lambda g, n: torch.randint(-3, 9, (n,), generator=g),
    ),
    "randperm": (lambda g, n: g.randperm(n), lambda g, n: torch.randperm(n, generator=g)),
    "log_normal": (
        lambda g, n: g.log_normal((n,)),
        lambda g, n: torch.empty(n).log_normal_(generator=g),
    ),
    "bernoulli": (
        lambda g, n: g.bernoulli(np.full(n, 0.4, np.float32)),
        lambda g, n: torch.bernoulli(torch.full((n,), 0.4), generator=g),
    ),
}


@avx2
@given(st.integers(0, 2**64 - 1), st.lists(st.tuples(st.sampled_from(sorted(DRAWS)), small)))
@settings(deadline=None)
def test_any_sequence_of_calls_follows_torch(seed: int, calls: list[tuple[str, int]]) -> None:
    ours, theirs = pair(seed)
    for name, size in calls:
        draw, oracle = DRAWS[name]
        assert_same(draw(ours, size), oracle(theirs, size))
    assert_same_state(ours, theirs)


def test_threads_share_one_stream_without_losing_words() -> None:
    ours, theirs = pair()
    drawn: list[np.ndarray[Any, Any]] = []
    threads = [
        threading.Thread(target=lambda: drawn.append(ours.uniform((1000,)))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = torch.rand(8, 1000, generator=theirs).numpy()
    assert sorted(row.tolist() for row in drawn) == sorted(rows.tolist())


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda g: g.normal((3,), std=-1), lambda: torch.empty(3).normal_(std=-1)),
        (lambda g: g.normal((3,), std=math.nan), lambda: torch.empty(3).normal_(std=math.nan)),
        (lambda g: g.normal((3,), dtype=np.int64), lambda: torch.randn(3, dtype=torch.int64)),
        (lambda g: g.uniform((3,), 1, 0), lambda: torch.empty(3).uniform_(1, 0)),
        (lambda g: g.uniform((3,), -3e38, 3e38), lambda: torch.empty(3).uniform_(-3e38, 3e38)),
        (lambda g: g.uniform((3,), 0, 1e39), lambda: torch.empty(3).uniform_(0, 1e39)),
        (lambda g: g.uniform((-3,)), lambda: torch.rand(-3)),
        (lambda g: g.uniform((3,), dtype=np.int64), lambda: torch.rand(3, dtype=torch.int64)),
        (lambda g: g.randint(5, 5, (3,)), lambda: torch.randint(5, 5, (3,))),
        (lambda g: g.randint(0, 2**64, (3,)), lambda: torch.randint(0, 2**64, (3,))),
        (
            lambda g: g.randint(0, 300, (3,), np.uint8),
            lambda: torch.randint(0, 300, (3,), dtype=torch.uint8),
        ),
        (lambda g: g.random_((3,), np.uint16), lambda: empty(3, "uint16").random_()),
        (
            lambda g: g.random_((3,), np.float16, 0, 70000),
            lambda: empty(3, "float16").random_(70000),
        ),
        (lambda g: g.randperm(-1), lambda: torch.randperm(-1)),
        (lambda g: g.randperm(300, np.uint8), lambda: torch.randperm(300, dtype=torch.uint8)),
        (lambda g: g.randperm(2050, np.float16), lambda: torch.randperm(2050, dtype=torch.half)),
        (lambda g: g.randperm(3, np.bool_), lambda: torch.randperm(3, dtype=torch.bool)),
        (lambda g: g.bernoulli(2.0, (3,)), lambda: torch.empty(3).bernoulli_(2.0)),
        (lambda g: g.bernoulli(math.nan, (3,)), lambda: torch.empty(3).bernoulli_(math.nan)),
        (lambda g: g.bernoulli(np.array([2.0])), lambda: torch.bernoulli(torch.tensor([2.0]))),
        (lambda g: g.bernoulli(np.array([1])), lambda: torch.bernoulli(torch.tensor([1]))),
        (lambda g: g.exponential((3,), 0), lambda: torch.empty(3).exponential_(0)),
        (lambda g: g.geometric((3,), 1.0), lambda: torch.empty(3).geometric_(1.0)),
        (lambda g: g.cauchy((3,), 0, 0), lambda: torch.empty(3).cauchy_(0, 0)),
        (lambda g: g.log_normal((3,), 0, 0), lambda: torch.empty(3).log_normal_(0, 0)),
        (lambda g: g.multinomial(np.ones(3), 4), lambda: torch.multinomial(torch.ones(3), 4)),
        (lambda g: g.multinomial(np.ones(3), 0), lambda: torch.multinomial(torch.ones(3), 0)),
        (lambda g: g.multinomial(np.zeros(3), 1), lambda: torch.multinomial(torch.zeros(3), 1)),
        (lambda g: g.multinomial(-np.ones(3), 1), lambda: torch.multinomial(-torch.ones(3), 1)),
        (
            lambda g: g.multinomial(np.ones(3, np.int64), 1),
            lambda: torch.multinomial(torch.ones(3).long(), 1),
        ),
        (
            lambda g: g.multinomial(np.ones((2, 2, 2)), 1),
            lambda: torch.multinomial(torch.ones(2, 2, 2), 1),
        ),
    ],
)
def test_bad_calls_raise_in_both_and_draw_nothing(
    ours: Callable[[Generator], Any], theirs: Callable[[], Any]
) -> None:
    generator, oracle = pair()
    with pytest.raises((RuntimeError, ValueError)):
        theirs()
    with pytest.raises(RuntimeError):
        ours(generator)
    assert_same_state(generator, oracle)
