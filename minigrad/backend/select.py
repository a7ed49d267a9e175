"""Which backend an array or a device belongs to."""

from __future__ import annotations

import functools

import numpy as np

from minigrad.backend.base import Array, Backend, Xp
from minigrad.backend.cupy_backend import CupyBackend
from minigrad.backend.numpy_backend import NumpyBackend
from minigrad.device import device

NUMPY: Backend = NumpyBackend()


@functools.cache
def _cupy() -> Backend:
    return CupyBackend()


def backend_for(where: device) -> Backend:
    """The backend that serves a device; DeviceError if it can't be used here."""
    return NUMPY if where.type == "cpu" else _cupy()


def backend_of(array: Array) -> Backend:
    """The backend whose array this is."""
    return NUMPY if isinstance(array, np.ndarray) else _cupy()


def xp_of(array: Array) -> Xp:
    """The array module (numpy or cupy) of an array; NumPy for Python numbers."""
    if type(array) is np.ndarray or not hasattr(array, "__cuda_array_interface__"):
        return np
    return _cupy().xp
