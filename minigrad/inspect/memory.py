"""Where the memory of this process is: tensors by what they are for, and what malloc keeps."""

from __future__ import annotations

import gc
from typing import Any, NamedTuple

import numpy as np

from minigrad.autograd.graph import Node
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import memory
from minigrad.inspect.drawn import size_text
from minigrad.inspect.graph_model import owner, saved_arrays

__all__ = ["memory_allocated", "memory_summary", "reset_peak_memory_stats"]


class Use(NamedTuple):
    """What some memory is for: bytes, in how many blocks."""

    name: str
    bytes: int
    blocks: int


def uses() -> list[Use]:
    """The memory of all tensors that live, and of what waits for backward; each block once.

    What is for several purposes counts for the first.
    """
    things = [x for x in gc.get_objects() if issubclass(type(x), (TensorBase, Node))]
    tensors: list[Any] = [x for x in things if isinstance(x, TensorBase)]
    groups = {
        "parameters and other leaves": (t._array for t in tensors if t.requires_grad and t.is_leaf),
        "gradients": (t._grad._array for t in tensors if t._grad is not None),
        "kept for backward": (a for x in things if isinstance(x, Node) for a in saved_arrays(x)),
        "other tensors": (t._array for t in tensors),
    }
    seen: set[int] = set()
    found = []
    for name, arrays in groups.items():
        total = blocks = 0
        for array in arrays:
            block = owner(array)
            if isinstance(block, np.ndarray) and id(block) not in seen:
                seen.add(id(block))
                total += block.nbytes
                blocks += 1
        found.append(Use(name, total, blocks))
    return found


def memory_allocated() -> int:
    """Bytes in the memory of all tensors that live, and of what is kept for backward.

    >>> import minigrad as torch
    >>> before = memory_allocated()
    >>> x = torch.zeros(250)
    >>> memory_allocated() - before
    1000
    """
    return sum(use.bytes for use in uses())


def reset_peak_memory_stats() -> None:
    """Let the peak that :func:`memory_summary` tells begin anew at what is in memory now.

    Raises: RuntimeError where the system does not do that: elsewhere than on Linux.

    >>> reset_peak_memory_stats()
    """
    if not memory.forget_peak():
        raise RuntimeError("reset_peak_memory_stats: only Linux can begin the peak anew")


def _text(count: int | None) -> str:
    return "unknown" if count is None else size_text(count)


def memory_summary() -> str:
    """Where the memory of this process is, as a table.

    First the memory of tensors, by what it is for; each block of it counts once. Then what C's
    ``malloc`` has handed out (to arrays and to everything else), what it keeps for blocks to come
    (``torch.backends.cpu.empty_cache`` gives that back), and what is in memory of the process, now
    and at its peak.

    >>> print(memory_summary().splitlines()[0])
    memory of tensors                          bytes   blocks
    """
    rows = uses()
    lines = [f"{'memory of tensors':<34} {'bytes':>13} {'blocks':>8}"]
    lines += [f"  {use.name:<32} {_text(use.bytes):>13} {use.blocks:>8}" for use in rows]
    total = Use("all of them", sum(r.bytes for r in rows), sum(r.blocks for r in rows))
    lines.append(f"  {total.name:<32} {_text(total.bytes):>13} {total.blocks:>8}")
    held = memory.held()
    lines.append("memory of the process")
    for name, count in {
        "handed out by malloc": held and held.used,
        "kept by malloc for what comes": held and held.free,
        "resident now": memory.resident(),
        "resident at the peak": memory.resident_peak(),
    }.items():
        lines.append(f"  {name:<32} {_text(count):>13}")
    return "\n".join(lines)
