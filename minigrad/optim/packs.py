"""Packs: parameters that take the same step together, so that many small ones cost as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import is_
from typing import Any

import numpy as np

from minigrad.autograd.graph import Storage, storage_of
from minigrad.errors import ShapeError
from minigrad.optim.blocks import PIECE, Block, Room
from minigrad.tensor import Tensor

# Copying a parameter into a pack and back costs less than treating it alone up to this size.
SMALL = 8192


class Column:
    """One tensor of each member of a pack (the parameters, or one entry of their state), as one
    flat array.

    Tensors that are ``born`` here get their memory inside that array. Others are copied into it by
    ``gather`` and back by ``scatter``, unless there is only one, and flat as it is. ``turned``
    reads arrays in column-major order.
    """

    def __init__(self, tensors: list[Tensor], born: bool = False, turned: bool = False) -> None:
        self.tensors = tensors
        self.arrays = [tensor._array for tensor in tensors]
        self.sources = [array.T for array in self.arrays] if turned else self.arrays
        self.storage: Storage | None = None
        self.direct = True
        if len(tensors) == 1 and self.sources[0].flags.c_contiguous:
            self.flat = self.sources[0].reshape(-1)
            return
        self.flat = np.concatenate(self.sources, axis=None)
        ends = np.cumsum([array.size for array in self.arrays]).tolist()
        self.pieces = [
            self.flat[a:b].reshape(array.shape)
            for array, a, b in zip(self.sources, [0, *ends], ends, strict=False)
        ]
        self.direct = born and len(tensors) > 1
        if self.direct:
            self.storage = Storage()  # one memory, one count of writes
            self.arrays = self.pieces
            for tensor, piece in zip(tensors, self.pieces, strict=True):
                tensor._array, tensor._storage = piece, self.storage

    def is_current(self, tensors: Sequence[Any]) -> bool:
        """Whether these are still the tensors, and still have the memory, that it knows."""
        return all(map(is_, tensors, self.tensors)) and all(
            map(is_, [tensor._array for tensor in tensors], self.arrays)
        )

    def gather(self) -> Any:
        """The flat array, with the members' values."""
        if not self.direct:
            np.concatenate(self.sources, axis=None, out=self.flat)
        return self.flat

    def scatter(self) -> None:
        """Let the members have the values of the flat array, and note that they were written."""
        if not self.direct:
            for array, piece in zip(self.sources, self.pieces, strict=True):
                array[...] = piece
        if self.storage is not None:
            self.storage.write()
        else:
            for tensor in self.tensors:
                storage_of(tensor).write()


class Pack:
    """Members of one element type and one age."""

    def __init__(
        self, members: list[Tensor], states: list[dict[str, Any]], names: Sequence[str], born: bool
    ) -> None:
        self.members = members
        self.states = states
        self.names = names
        self.fresh = born
        flags = members[0]._array.flags
        self.turned = len(members) == 1 and flags.f_contiguous and not flags.c_contiguous
        self.parameters = Column(members, turned=self.turned)
        self.shapes = [p._array.shape for p in members]
        self.columns = {
            name: Column([state[name] for state in states], born, self.turned) for name in names
        }

    def divided(self) -> Iterator[Pack]:
        """Each member alone."""
        for p, state in zip(self.members, self.states, strict=True):
            yield Pack([p], [state], self.names, False)

    def is_current(self) -> bool:
        """Whether nobody has exchanged a tensor or its memory since the pack was made."""
        return self.parameters.is_current(self.members) and all(
            column.is_current([state.get(name) for state in self.states])
            for name, column in self.columns.items()
        )

    def values(self, names: Iterable[str]) -> dict[str, Any] | None:
        """The counters that all members share; None if they have come to differ."""
        found = {}
        for name in names:
            flat = self.columns[name].gather()
            found[name] = flat[0]
            if flat.size > 1 and not (flat == flat[0]).all():
                return None
        return found

    def count(self, values: dict[str, Any]) -> None:
        """Let all members have these counters."""
        for name, value in values.items():
            self.columns[name].flat[:] = value
            self.columns[name].scatter()

    def gradient(self, spare: Any) -> Any:
        """The gradients as one flat array."""
        grads: list[Any] = [p._grad._array for p in self.members]
        if [grad.shape for grad in grads] != self.shapes:
            pairs = zip(grads, self.shapes, strict=True)
            wrong, shape = next((g.shape, s) for g, s in pairs if g.shape != s)
            raise ShapeError(f"a gradient of shape {wrong} does not fit its parameter, {shape}")
        if len(grads) > 1:
            return np.concatenate(grads, axis=None, out=spare, casting="same_kind")
        return (grads[0].T if self.turned else grads[0]).reshape(-1)

    def take(self, moments: Sequence[str], room: Room) -> tuple[Any, Any, dict[str, Any]]:
        """Parameters, gradient and state, each as one flat array to be worked on."""
        p = self.parameters.gather()
        g = self.gradient(None if len(self.members) == 1 else room.row(1, p.size))
        return p, g, {name: self.columns[name].gather() for name in moments}

    def give_back(self, moments: Sequence[str]) -> None:
        """Let the members have what was computed in the arrays that were taken."""
        self.parameters.scatter()
        for name in moments:
            self.columns[name].scatter()

    def blocks(
        self, p: Any, g: Any, flats: dict[str, Any], room: Room
    ) -> Iterator[tuple[Block, Block, Any]]:
        """The arrays that were taken, piece by piece."""
        kept = 1 if len(self.members) > 1 else 0  # the row where the gradient lies
        for start in range(0, p.size, PIECE):
            part = slice(start, start + PIECE)
            room.taken = kept
            state = {name: Block(flat[part], room) for name, flat in flats.items()}
            yield Block(p[part], room), Block(g[part], room), state


def overlap(arrays: list[Any]) -> bool:
    """Whether two of the arrays share memory."""
    bounds = sorted(np.lib.array_utils.byte_bounds(array) for array in arrays if array.size)
    return any(one[1] > two[0] for one, two in pairwise(bounds))
