"""The CUDA backend: CuPy, imported when a CUDA device is first asked for."""

from __future__ import annotations

import importlib
from typing import Any

from minigrad.backend.base import Array
from minigrad.device import device
from minigrad.errors import DeviceError


class CupyBackend:
    """CuPy as a minigrad backend.

    Raises: DeviceError that says which of the three is missing: CuPy, a GPU with its driver, or
    the CUDA libraries.
    """

    name = "cupy"

    def __init__(self) -> None:
        try:
            self.xp: Any = importlib.import_module("cupy")
        except ImportError as error:
            raise DeviceError(
                "cuda: this needs an NVIDIA card and CuPy, and CuPy is not installed; on a machine "
                "with a card: python -m pip install 'minigrad[cuda]'"
            ) from error
        try:
            count = self.xp.cuda.runtime.getDeviceCount()
        except Exception as error:
            raise DeviceError(
                f"cuda: CuPy is installed, but no NVIDIA driver or GPU was found ({error})"
            ) from error
        if count == 0:
            raise DeviceError("cuda: CuPy is installed, but this machine has no NVIDIA GPU")
        try:
            self.xp.zeros(1) + 1
        except Exception as error:
            raise DeviceError(
                "cuda: a GPU is there, but the CUDA libraries could not be used; "
                f"python -m pip install 'cupy-cuda13x[ctk]' ({error})"
            ) from error

    def device_of(self, array: Array) -> device:
        """The card on which the array lies."""
        return device("cuda", array.device.id)

    def from_host(self, array: Array, index: int | None) -> Array:
        """Copy a NumPy array to card ``index`` (the current one for None)."""
        if index is None:
            return self.xp.asarray(array)
        with self.xp.cuda.Device(index):
            return self.xp.asarray(array)

    def to_host(self, array: Array) -> Array:
        """Copy to a NumPy array."""
        return self.xp.asnumpy(array)
