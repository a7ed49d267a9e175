"""The generator as torch's: seeds, states, copies, sequences of calls, threads, bad calls."""

from __future__ import annotations

import copy
import math
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.random import Generator, default_generator, manual_seed
from minigrad.random.mt19937 import MersenneTwister
from parity_tests.streams import (
    assert_same,
    assert_same_state,
    avx2,
    empty,
    pair,
    state_of,
)

torch = pytest.importorskip("torch")

SEEDS = [0, 1, 2023, 2**32 - 1, 2**32 + 5, 2**64 - 1, -1, -(2**63)]


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
    back.set_state(torch.from_numpy(state_of(ours)))
    assert_same(ours.normal((40,)), torch.randn(40, generator=back))
    assert_same(ours.normal((5,)), torch.randn(5, generator=back))
    assert_same_state(ours, back)


def test_the_float_sample_of_a_state_is_kept() -> None:
    state = state_of(Generator())
    state[5048:5052] = np.array([1.5], np.float32).view(np.uint8)
    state[5052] = 1
    oracle = torch.Generator()
    oracle.set_state(torch.from_numpy(state.copy()))
    assert_same_state(Generator().set_state(state), oracle)


def test_a_saved_state_does_not_follow_the_generator() -> None:
    ours, _ = pair()
    saved = state_of(ours)
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
    size = state_of(Generator()).size
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
    kept = state_of(default_generator)
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


@pytest.mark.parametrize("device", ["meta", "xpu"])
def test_other_devices_raise(device: str) -> None:
    with pytest.raises(RuntimeError, match="Generator: expected device 'cpu' or 'cuda'"):
        Generator(device)
    assert str(Generator("cpu").device) == "cpu"


def test_words_are_those_of_the_reference_implementation() -> None:
    words = MersenneTwister(5489).words32(10000)
    assert words[0] == 3499211612
    assert words[-1] == 4123659995  # the value the C++ standard prescribes


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
