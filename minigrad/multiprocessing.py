"""Python's ``multiprocessing``, under torch's name; tensors travel between processes as copies.

Source: https://docs.pytorch.org/docs/stable/multiprocessing.html
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing import *  # noqa: F403
from typing import Any

__all__ = [
    *multiprocessing.__all__,
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "set_sharing_strategy",
    "spawn",
]


def spawn(
    fn: Callable[..., Any],
    args: Sequence[Any] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> Any:
    """Run ``fn(number, *args)`` in ``nprocs`` processes; the first error ends them all.

    Returns None once all are done, or the processes if they are not to be joined.

    Raises: RuntimeError if a process fails.

    >>> import minigrad.multiprocessing as mp
    >>> mp.spawn(print, nprocs=0)

    Source: https://docs.pytorch.org/docs/stable/multiprocessing.html#spawning-subprocesses
    """
    context: Any = multiprocessing.get_context(start_method)
    processes = [
        context.Process(target=fn, args=(number, *args), daemon=daemon) for number in range(nprocs)
    ]
    for process in processes:
        process.start()
    if not join:
        return processes
    for number, process in enumerate(processes):
        process.join()
        if process.exitcode:
            for other in processes:
                other.terminate()
            raise RuntimeError(f"spawn: process {number} ended with exit code {process.exitcode}")
    return None


def get_all_sharing_strategies() -> set[str]:
    """The ways in which tensors travel: one, by value.

    >>> import minigrad.multiprocessing as mp
    >>> mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
    True
    """
    return {"file_descriptor", "file_system"}


def get_sharing_strategy() -> str:
    """The name that torch's programs expect.

    >>> import minigrad.multiprocessing as mp
    >>> mp.get_sharing_strategy()
    'file_descriptor'
    """
    return "file_descriptor"


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepted: nothing is shared, so there is nothing to choose.

    Raises: AssertionError for a name that torch does not know.

    >>> import minigrad.multiprocessing as mp
    >>> mp.set_sharing_strategy("file_system")
    """
    assert new_strategy in get_all_sharing_strategies()
