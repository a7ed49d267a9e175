"""The CPU backend: NumPy."""

from __future__ import annotations

import contextvars
from typing import Any

import numpy as np

from minigrad.backend import memory
from minigrad.backend.base import Array
from minigrad.device import CPU, device

memory.keep()


class NumpyBackend:
    """NumPy as a minigrad backend."""

    name = "numpy"
    xp: Any = np

    def device_of(self, array: Array) -> device:
        """Always the CPU."""
        return CPU

    def from_host(self, array: Array, index: int | None, wait: bool = True) -> Array:
        """The array itself."""
        return array

    def constant(self, array: Array, index: int | None) -> Array:
        """The array itself."""
        return array

    def to_host(self, array: Array) -> Array:
        """The array itself."""
        return array


def _find_error_state() -> tuple[contextvars.ContextVar[Any], Any]:
    """The context variable in which NumPy keeps its error state, and its value for 'ignore all'."""
    before = {var: value for var, value in contextvars.copy_context().items()}
    with np.errstate(all="ignore"):
        for var, value in contextvars.copy_context().items():
            if var not in before or before[var] is not value:
                return var, value
    raise ImportError("minigrad needs NumPy 2: its error state is not kept in a context variable")


# torch computes inf and nan without a word; NumPy warns. `np.errstate` around each op would cost
# more than a small op itself (0.7 us), setting the variable that it sets costs a tenth of that.
_ERROR_STATE, IGNORE = _find_error_state()
set_errors = _ERROR_STATE.set
reset_errors = _ERROR_STATE.reset


def quiet() -> contextvars.Token[Any]:
    """Silence floating point warnings until ``unquiet(token)``, in this context only."""
    return set_errors(IGNORE)


unquiet = reset_errors
