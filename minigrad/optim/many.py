"""Parameters on a card: all that are of one type and age take a step in one launch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import is_
from typing import Any

import numpy as np

from minigrad.autograd.graph import storage_of
from minigrad.backend import capture, native, xp_of
from minigrad.backend.cuda_plans import tensor_tables
from minigrad.optim.groups import Group
from minigrad.tensor import Tensor

__all__ = ["Many", "counts_on_card", "divided", "fits", "not_capturable"]


def fits(p: Tensor) -> bool:
    """Whether a kernel can step a parameter: float32 or float64, on a card, without gaps."""
    array = p._array
    return (
        type(array) is not np.ndarray
        and type(array) in native.array_types
        and array.dtype.char in "fd"
        and bool(array.flags.c_contiguous)
    )


def counts_on_card(group: Group) -> bool:
    """Whether steps are counted on the card, as captured steps need it."""
    return bool(group.get("capturable") or group.get("fused"))


def not_capturable(name: str) -> RuntimeError:
    """torch's error for a step that is counted on the host, and would be captured."""
    return RuntimeError(
        f"Attempting CUDA graph capture of step() for an instance of {name} but "
        "param_groups' capturable is False."
    )


class Many:
    """Members of one type, device and age; ``count`` is the number of their steps on the card."""

    def __init__(
        self, members: list[Tensor], states: list[dict[str, Any]], names: tuple[str, ...], new: bool
    ) -> None:
        self.members, self.states, self.names, self.fresh = members, states, names, new
        self.arrays = [p._array for p in members]
        self.moments = [[state[name]._array for state in states] for name in names]
        self.count: Any = None
        self._tables: list[Any] = []
        self._grads: list[Any] = []

    def share_count(self) -> None:
        """Let all members have one count of steps, in one memory of the card."""
        self.count = self.states[0]["step"]._array.reshape(1)
        for state in self.states:
            state["step"]._array = self.count.reshape(())

    def is_current(self, known: dict[Tensor, Any]) -> bool:
        """Whether nobody has exchanged a tensor, its memory or its state since, or its age."""
        if self.states[0]:
            if not all(map(is_, map(known.get, self.members), self.states)):
                return False
            counted = self.count is None and "step" in self.states[0]
            if counted and len({float(state["step"]) for state in self.states}) > 1:
                return False
        return all(map(is_, [p._array for p in self.members], self.arrays)) and all(
            state.get(name) is not None and state[name]._array is array
            for name, arrays in zip(self.names, self.moments, strict=True)
            for state, array in zip(self.states, arrays, strict=True)
        )

    def tables(self) -> list[Any]:
        """What kernels are told of the members; made anew when a gradient has other memory."""
        xp = xp_of(self.arrays[0])
        grads = [xp.ascontiguousarray(p._grad._array) for p in self.members]
        if not (self._tables and all(map(is_, grads, self._grads))):
            lists = [self.arrays, grads, *self.moments]
            self._tables, self._grads = tensor_tables(lists, lambda a: a.data.ptr), grads
        return self._tables

    def check_capture(self, name: str) -> None:
        """Raise while a step is captured that would not be the same each time."""
        if not capture.active():
            return
        if self.count is None and "step" in self.states[0]:
            raise not_capturable(name)
        if self.fresh and self.names:
            capture.refuse(f"the first step of {name}", "take a few steps before, on a side stream")

    def launch(self, run: Callable[..., None], numbers: tuple[Any, ...]) -> None:
        """Step all members."""
        for table in self.tables():
            run(table, *numbers)
        for p, state in zip(self.members, self.states, strict=True):
            storage_of(p).write()
            for name in self.names:
                storage_of(state[name]).write()
        self.fresh = False


def divided(
    members: list[tuple[Tensor, bool]], states: dict[Tensor, Any], group: Group,
    counters: tuple[str, ...], moments: tuple[str, ...],
) -> Iterator[Many]:  # fmt: skip
    """The members by type, card and age."""
    alike: dict[Any, list[Tensor]] = {}
    for p, new in members:
        known = states[p] if counters or moments else {}
        counts = tuple([float(known[name]) for name in counters])
        key = (p._array.dtype, p._array.device.id, new, counts)
        alike.setdefault(key, []).append(p)
    for (_, _, new, _), some in alike.items():
        held = [states[p] if counters or moments else {} for p in some]
        many = Many(some, held, moments, new)
        if counters and counts_on_card(group):
            many.share_count()
        yield many
