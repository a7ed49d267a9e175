"""What torch warns of when data become a tensor: read-only memory, and what is a tensor already.

pandas' columns are read-only, and torch has no such tensors: it warns once and writes.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minigrad.errors import warn_user


def writable(array: Any) -> Any:
    """An array of the same memory that may be written to, said with torch's warning.

    >>> import numpy as np, warnings
    >>> column = np.arange(3)
    >>> column.flags.writeable = False
    >>> with warnings.catch_warnings(action="ignore"):
    ...     writable(column)[0] = 7
    >>> column
    array([7, 1, 2])
    """
    _warn()
    return unbanned(array)


def unbanned(array: Any) -> Any:
    """The memory of an array, to be written to.

    >>> column = np.arange(3)
    >>> column.flags.writeable = False
    >>> unbanned(column).flags.writeable
    True
    """
    return np.asarray(_Told(array))


def warn_of_copy() -> None:
    """Say how a tensor is copied: not by ``torch.tensor``."""
    warn_user(
        "To copy construct from a tensor, it is recommended to use "
        "sourceTensor.detach().clone() or sourceTensor.detach().clone().requires_grad_(True), "
        "rather than torch.tensor(sourceTensor)."
    )


class _Told:
    """The memory of an array, as NumPy is told of it, without the ban on writing."""

    def __init__(self, array: Any) -> None:
        told = array.__array_interface__
        self.owner = array
        self.__array_interface__ = told | {"data": (told["data"][0], False)}


@functools.cache
def _warn() -> None:
    """Say, once, that writes to a tensor of a read-only array reach that array."""
    warn_user(
        "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. "
        "This means writing to this tensor will result in undefined behavior. You may want to copy "
        "the array to protect its data or make it writable before converting it to a tensor. This "
        "type of warning will be suppressed for the rest of this program."
    )
