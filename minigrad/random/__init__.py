"""Random numbers: those of torch's CPU generator, for the same seed and the same calls.

Integers, uniforms and Bernoulli masks agree bit for bit. Normals do too where torch runs its AVX2
code, that is on x86-64 processors since 2013; elsewhere the last bit of a float32 may differ. On
Intel processors torch leaves some draws to the MKL library, whose stream is another one:
``bernoulli_`` with a number p, hence dropout masks, and ``exponential_``. minigrad draws these as
torch does on all other processors, so that its numbers depend on the seed alone.

Modules: ``mt19937`` gives words, ``box_muller`` makes normals from uniforms, ``draws`` and
``checks`` hold what distributions share, ``generator`` is what a program meets.

Source: documented behaviour of ``torch.Generator`` and the sampling methods of ``torch.Tensor``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minigrad.random.generator import Generator

__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
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


def manual_seed(seed: int) -> Generator:
    """Start all random streams anew from a seed; returns the generator.

    >>> import minigrad as torch
    >>> torch.manual_seed(1).initial_seed()
    1
    """
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Start all random streams anew from a seed that nobody can guess; returns it.

    >>> import minigrad as torch
    >>> torch.seed() == torch.initial_seed()
    True
    """
    return default_generator.seed()


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
    """A block after which the default generator is where it was before.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0)
    >>> with torch.random.fork_rng():
    ...     a = torch.rand(1)
    >>> bool(torch.rand(1) == a)
    True
    """
    state = default_generator.get_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            default_generator.set_state(state)
