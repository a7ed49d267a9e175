"""What became of parameters while a recording ran: gradients added, values changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["History", "Updates"]


@dataclass
class History:
    """One parameter: what each backward added, and how far each update moved it."""

    tensor: Any
    norms: list[float] = field(default_factory=list)  # of .grad after each backward
    updates: list[float] = field(default_factory=list)  # |change| / |value| between backwards
    kept: int = 0  # updates with a gradient of which a part had been used for one before
    stale: bool = False  # whether the gradient holds such a part now
    seen: Any = None  # the value at the last backward

    @property
    def size(self) -> float:
        """The norm of the value."""
        return float(np.linalg.norm(self.tensor._array.astype(np.float64).ravel()))

    @property
    def moved(self) -> bool:
        """Whether the value has changed since the last backward."""
        return not np.array_equal(self.seen, self.tensor._array)

    def note(self) -> None:
        """Measure the update since the last time."""
        value = self.tensor._array
        if self.seen is not None and self.seen.shape == value.shape:
            norm = float(np.linalg.norm(self.seen.astype(np.float64).ravel()))
            change = float(np.linalg.norm((value - self.seen).astype(np.float64).ravel()))
            self.updates.append(change / norm if norm else change)
        self.seen = value.copy()


class Updates:
    """Watches tensors by name from ``begin`` to ``end``."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.of = {name: History(tensor) for name, tensor in names.items()}
        self._handles: list[Any] = []

    def begin(self) -> None:
        """Begin to watch, with the values of now."""
        for history in self.of.values():
            history.note()
            if history.tensor.is_leaf and history.tensor.requires_grad:
                hook = history.tensor.register_post_accumulate_grad_hook(_noting(history))
                self._handles.append(hook)

    def backward_begins(self) -> None:
        """Look for gradients of an earlier backward that were used and are still there.

        It does no harm that more is added to them if they are set to zero before the next update:
        the generator's turn leaves such gradients in the critic.
        """
        for history in self.of.values():
            grad = history.tensor._grad
            if not history.norms or grad is None or not grad._array.any():
                history.stale = False
            elif history.moved:
                history.kept += history.stale
                history.stale = True

    def end(self) -> None:
        """Note the last update, and watch no more."""
        for handle in self._handles:
            handle.remove()
        self.backward_begins()  # none does, but there may have been an update
        for history in self.of.values():
            history.note()


def _noting(history: History) -> Any:
    def noted(leaf: Any) -> None:
        history.norms.append(float(np.linalg.norm(leaf._grad._array.astype(np.float64).ravel())))
        history.note()

    return noted
