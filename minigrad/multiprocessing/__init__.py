"""Python's ``multiprocessing``, under torch's name; tensors that are sent are shared.

What goes through its queues and pipes, and what a new process is given, takes the memory of its
tensors along: they are moved to shared memory if they are not there yet, and then both sides read
and write the same numbers. Gradients are not sent, and tensors of a card go as copies. As in
torch, the sender has to live until its tensors have arrived. Once this module is imported, that
also holds for plain ``import multiprocessing``.

Source: https://docs.pytorch.org/docs/stable/multiprocessing.html
"""

from __future__ import annotations

import multiprocessing
from multiprocessing import *  # noqa: F403

from minigrad import sharing
from minigrad.multiprocessing import spawn as _spawn
from minigrad.multiprocessing.spawn import *  # noqa: F403

__all__ = [
    *multiprocessing.__all__,
    *_spawn.__all__,
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "set_sharing_strategy",
]

sharing.register()

_strategy = ["file_descriptor"]


def get_all_sharing_strategies() -> set[str]:
    """torch's names for ways of sharing.

    >>> import minigrad.multiprocessing as mp
    >>> mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
    True
    """
    return {"file_descriptor", "file_system"}


def get_sharing_strategy() -> str:
    """The name that was chosen.

    >>> import minigrad.multiprocessing as mp
    >>> mp.get_sharing_strategy()
    'file_descriptor'
    """
    return _strategy[0]


def set_sharing_strategy(new_strategy: str) -> None:
    """Choose a name: memory is shared under either, by descriptor, and never has a file's name.

    Raises: AssertionError for a name that torch does not know.

    >>> import minigrad.multiprocessing as mp
    >>> mp.set_sharing_strategy("file_descriptor")
    """
    known = get_all_sharing_strategies()
    if new_strategy not in known:
        raise AssertionError(
            f"invalid sharing strategy {new_strategy!r}, expected one of {known!r}"
        )
    _strategy[0] = new_strategy
