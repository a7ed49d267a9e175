"""The random streams of cards: each card has a generator of its own.

``torch.manual_seed`` starts all of them too. What a stream is: :mod:`minigrad.random.on_card`.
Source: https://docs.pytorch.org/docs/stable/cuda.html#random-number-generator
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from minigrad.cuda.cards import number
from minigrad.device import device as Device
from minigrad.errors import DeviceError
from minigrad.random import generator_of, seed_cards
from minigrad.random.source import Source

__all__ = [
    "get_rng_state",
    "get_rng_state_all",
    "initial_seed",
    "manual_seed",
    "manual_seed_all",
    "seed",
    "seed_all",
    "set_rng_state",
    "set_rng_state_all",
]


def _of(place: Any) -> Any:
    """The generator of a card."""
    return generator_of(Device("cuda", None if place == "cuda" else number(place)))


def _cards() -> list[Any]:
    from minigrad import cuda

    return [_of(index) for index in range(cuda.device_count())]


def manual_seed(seed: int) -> None:
    """Start the current card's stream anew from a seed; nothing without a card.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     torch.cuda.manual_seed(0)
    ...     x = torch.rand(2, device="cuda")
    ...     torch.cuda.manual_seed(0)
    ...     bool((torch.rand(2, device="cuda") == x).all())
    True
    """
    wanted = Source.checked_seed(seed)
    try:
        _of(None).manual_seed(wanted)
    except DeviceError:
        return


def manual_seed_all(seed: int) -> None:
    """Start the streams of all cards anew from a seed; nothing without a card.

    >>> import minigrad as torch
    >>> torch.cuda.manual_seed_all(0)
    """
    seed_cards(Source.checked_seed(seed))


def seed() -> None:
    """Start the current card's stream from a seed that nobody can guess.

    >>> import minigrad as torch
    >>> torch.cuda.seed()
    """
    manual_seed(int.from_bytes(os.urandom(8), "little"))


def seed_all() -> None:
    """Start the streams of all cards from one seed that nobody can guess.

    >>> import minigrad as torch
    >>> before = torch.initial_seed()
    >>> torch.cuda.seed_all(); torch.cuda.manual_seed_all(before)
    """
    manual_seed_all(int.from_bytes(os.urandom(8), "little"))


def initial_seed() -> int:
    """The seed that the current card's stream was last started from; DeviceError without one.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     _ = torch.manual_seed(3)
    ...     torch.cuda.initial_seed()
    3
    """
    return int(_of(None).initial_seed())


def get_rng_state(device: Any = "cuda") -> Any:
    """The state of a card's stream: its seed and its offset, 16 bytes in a uint8 tensor.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     _ = torch.manual_seed(5)
    ...     x = torch.rand(9, device="cuda")
    ...     torch.cuda.get_rng_state()[[0, 8]]
    tensor([ 5, 12], dtype=torch.uint8)
    """
    return _of(device).get_state()


def get_rng_state_all() -> list[Any]:
    """The states of the streams of all cards.

    >>> import minigrad as torch
    >>> len(torch.cuda.get_rng_state_all()) == torch.cuda.device_count()
    True
    """
    return [generator.get_state() for generator in _cards()]


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Put a card's stream into a state that :func:`get_rng_state` gave.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     state = torch.cuda.get_rng_state()
    ...     x = torch.rand(2, device="cuda")
    ...     torch.cuda.set_rng_state(state)
    ...     bool((torch.rand(2, device="cuda") == x).all())
    True
    """
    _of(device).set_state(new_state)


def set_rng_state_all(new_states: Iterable[Any]) -> None:
    """Put the streams of all cards into states that :func:`get_rng_state_all` gave.

    >>> import minigrad as torch
    >>> torch.cuda.set_rng_state_all(torch.cuda.get_rng_state_all())
    """
    for index, state in enumerate(new_states):
        set_rng_state(state, index)


def default_generators() -> tuple[Any, ...]:
    """The generators behind draws on cards that name no other; empty without a card.

    >>> import minigrad as torch
    >>> len(torch.cuda.default_generators) == torch.cuda.device_count()
    True
    """
    return tuple(_cards())
