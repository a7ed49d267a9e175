"""Random numbers: those of torch's CPU generator, for the same seed and the same calls.

Integers, uniforms and Bernoulli masks agree bit for bit. Normals do too where torch runs its AVX2
code, that is on x86-64 processors since 2013; elsewhere the last bit of a float32 may differ. On
Intel processors torch leaves some draws to the MKL library, whose stream is another one:
``bernoulli_`` with a number p, hence dropout masks, and ``exponential_``. minigrad draws these as
torch does on all other processors, so that its numbers depend on the seed alone.

A card has numbers of its own, by Philox (``on_card``); ``manual_seed`` starts those too.

Modules: ``mt19937`` gives words, ``box_muller`` makes normals from uniforms, ``draws`` and
``checks`` hold what distributions share, ``generator`` is what a program meets.

Source: documented behaviour of ``torch.Generator`` and the sampling methods of ``torch.Tensor``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minigrad.backend import select
from minigrad.random.generator import Generator
from minigrad.random.source import Seeds

__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "generator_of",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "seed_cards",
    "set_rng_state",
    "set_states",
    "states",
]

default_generator = Generator()
"""The generator behind every draw that names no other."""

if hasattr(os, "register_at_fork"):
    # A process forked while another thread draws would find the lock taken, by nobody, for ever.
    os.register_at_fork(
        before=default_generator._lock.acquire,
        after_in_parent=default_generator._lock.release,
        after_in_child=default_generator._lock.release,
    )


def generator_of(place: Any) -> Generator:
    """The generator behind every draw on a device that names no other.

    >>> from minigrad.device import device
    >>> generator_of(device("cpu")) is default_generator
    True
    """
    if place.type == "cpu":
        return default_generator
    from minigrad.random import on_card

    return on_card.default_of(place.index)


def states() -> list[tuple[Generator, Any]]:
    """The default generators, those of cards that have drawn too, each with its state.

    >>> set_states(states())
    """
    return [(g, g.get_state()) for g in (default_generator, *_of_cards())]


def set_states(found: list[tuple[Generator, Any]]) -> None:
    """Put generators into states that :func:`states` gave.

    >>> set_states([])
    """
    for generator, state in found:
        generator.set_state(state)


def _of_cards() -> list[Any]:
    if not select.in_use():
        return []
    from minigrad.random import on_card

    return on_card.defaults()


def manual_seed(seed: int) -> Generator:
    """Start all random streams anew from a seed, those of cards too; returns the CPU's generator.

    >>> import minigrad as torch
    >>> torch.manual_seed(1).initial_seed()
    1
    """
    generator = default_generator.manual_seed(int(seed))
    seed_cards(generator.initial_seed())
    return generator


def seed_cards(seed: int) -> None:
    """Start the default generators of all cards from a seed.

    >>> seed_cards(Seeds.of_cards)
    """
    Seeds.of_cards = seed
    for generator in _of_cards():
        generator.manual_seed(seed)


def seed() -> int:
    """Start all random streams anew from a seed that nobody can guess; returns it.

    >>> import minigrad as torch
    >>> torch.seed() == torch.initial_seed()
    True
    """
    found = default_generator.seed()
    seed_cards(found)
    return found


def initial_seed() -> int:
    """The seed that the random streams were last started from.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(3); torch.initial_seed()
    3
    """
    return default_generator.initial_seed()


def get_rng_state() -> Any:
    """The state of the default generator, in torch's own layout, as a uint8 tensor.

    >>> import minigrad as torch
    >>> state = torch.get_rng_state(); a = torch.rand(3)
    >>> torch.set_rng_state(state); bool((torch.rand(3) == a).all())
    True
    """
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Put the default generator into a state that :func:`get_rng_state` gave.

    >>> import minigrad as torch
    >>> torch.set_rng_state(torch.get_rng_state())
    """
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(
    devices: Any = None, enabled: bool = True, device_type: str = "cuda", **names: Any
) -> Iterator[None]:
    """A block after which the default generators, of cards too, are where they were before.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0)
    >>> with torch.random.fork_rng():
    ...     a = torch.rand(1)
    >>> bool(torch.rand(1) == a)
    True
    """
    before = states() if enabled else []
    try:
        yield
    finally:
        set_states(before)
