"""Samplers and splits: torch's numbers for any arguments."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import minigrad
from parity_tests.sidebyside import agree, raised

SEEDS = st.one_of(st.integers(0, 2**63 - 1), st.integers(0, 9))
SIZES = st.integers(0, 70)
OWN = st.booleans()


def compared(seed: int, own: bool, make: Any) -> None:
    """``make(utils.data, generator)`` gives things to go through twice, on either side."""
    import torch

    found = []
    for lib in (minigrad, torch):
        lib.manual_seed(seed)
        generator = lib.Generator().manual_seed(seed // 2) if own else None

        def orders(lib: Any = lib, generator: Any = generator) -> Any:
            made = make(lib.utils.data, generator)
            return [len(made), list(made), list(made)]

        error = raised(orders)
        after = [lib.rand(1), None if generator is None else lib.rand(1, generator=generator)]
        found.append([error, after, orders() if error == "no error" else None])
    agree(*found)


@given(SEEDS, OWN, SIZES, st.booleans(), st.one_of(st.none(), st.integers(-1, 150)))
def test_random(seed: int, own: bool, size: int, again: bool, count: int | None) -> None:
    if again and size == 0:
        return  # torch's message for an empty range is another generator's
    compared(seed, own, lambda D, g: D.RandomSampler(range(size), again, count, g))


@given(SEEDS, OWN, st.lists(st.integers(), max_size=40))
def test_subset(seed: int, own: bool, indices: list[int]) -> None:
    compared(seed, own, lambda D, g: D.SubsetRandomSampler(indices, g))


@given(
    SEEDS,
    OWN,
    st.lists(st.floats(0.125, 10), min_size=1, max_size=20),
    st.integers(0, 30),
    st.booleans(),
)
def test_weighted(seed: int, own: bool, weights: list[float], count: int, again: bool) -> None:
    if not again and count > len(weights):
        return  # an error of multinomial's, which has tests of its own
    compared(seed, own, lambda D, g: D.WeightedRandomSampler(weights, count, again, g))


@given(SEEDS, SIZES, st.integers(-1, 9), st.booleans())
def test_batches(seed: int, size: int, batch: int, drop: bool) -> None:
    compared(
        seed,
        True,
        lambda D, g: D.BatchSampler(D.RandomSampler(range(size), False, 9, g), batch, drop),
    )


@given(st.data(), SEEDS, SIZES, st.integers(1, 9), st.booleans(), st.booleans())
def test_shares(
    data: st.DataObject, seed: int, size: int, shares: int, shuffle: bool, drop: bool
) -> None:
    rank, epoch = data.draw(st.integers(-1, shares)), data.draw(st.integers(0, 3))

    def make(D: Any, _: Any) -> Any:
        sampler = D.DistributedSampler(range(size), shares, rank, shuffle, seed // 4, drop)
        sampler.set_epoch(epoch)
        return sampler

    if size:
        compared(seed, False, make)


@given(
    SEEDS,
    OWN,
    SIZES,
    st.one_of(
        st.lists(st.integers(0, 30), max_size=4),
        st.lists(st.floats(0, 1), max_size=4),
        st.lists(st.integers(1, 9), min_size=1, max_size=5).map(
            lambda parts: [part / sum(parts) for part in parts]
        ),
    ),
)
def test_splits(seed: int, own: bool, size: int, lengths: list[Any]) -> None:
    import warnings

    def make(D: Any, generator: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            given = {} if generator is None else {"generator": generator}
            return [list(part.indices) for part in D.random_split(range(size), lengths, **given)]

    compared(seed, own, make)


@given(SEEDS, st.integers(1, 40), st.integers(1, 9), st.booleans(), st.booleans())
def test_loaders(seed: int, size: int, batch: int, shuffle: bool, drop: bool) -> None:
    compared(
        seed,
        True,
        lambda D, g: D.DataLoader(range(size), batch, shuffle, drop_last=drop, generator=g),
    )
