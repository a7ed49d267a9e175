"""The CUDA backend: CuPy, imported when a CUDA device is first asked for.

``MINIGRAD_CUDA=sim`` puts ``minigrad.cuda.stand_in`` in CuPy's place.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import Any

import numpy as np

from minigrad.backend import capture
from minigrad.backend.base import Array
from minigrad.backend.faults import tell
from minigrad.device import device
from minigrad.errors import DeviceError

INSTALL = "python -m pip install 'minigrad[cuda]'"


def imported() -> Any:
    """CuPy's module, or that of its stand-in.

    Raises: DeviceError that says which of the three is missing: CuPy, a GPU with its driver, or
    the CUDA libraries.
    """
    name, _, count = os.environ.get("MINIGRAD_CUDA", "").partition(":")
    if name == "sim":
        # By name: it stands above this room, and is loaded by nobody who does not ask for it.
        importlib.import_module("minigrad.cuda.stand_in").install(int(count or 1))
        return sys.modules["cupy"]
    if importlib.util.find_spec("cupy") is None:
        raise DeviceError(
            "cuda: this needs an NVIDIA card and CuPy, and CuPy is not installed; on a machine "
            f"with a card: {INSTALL}"
        )
    try:
        cupy = importlib.import_module("cupy")
    except Exception as error:
        raise DeviceError(f"cuda: CuPy is installed but cannot be imported ({error})") from error
    _check(cupy)
    return cupy


def _check(cupy: Any) -> None:
    """Raise DeviceError if there is no card, or no library to use it with."""
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:
        raise DeviceError(
            f"cuda: CuPy is installed, but no NVIDIA driver or GPU was found ({error})"
        ) from error
    if count == 0:
        raise DeviceError("cuda: CuPy is installed, but this machine has no NVIDIA GPU")
    try:
        cupy.zeros(1) + 1
    except Exception as error:
        raise DeviceError(
            "cuda: a GPU is there, but the CUDA libraries could not be used; "
            f"python -m pip install 'cupy-cuda13x[ctk]' ({error})"
        ) from error


def pinned(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A copy in memory of the host that a card reads while the program goes on."""
    memory: np.ndarray[Any, Any] = importlib.import_module("cupyx").empty_pinned(
        array.shape, array.dtype
    )
    memory[...] = array
    return memory


def is_pinned(array: Any) -> bool:
    """Whether an array lies in such memory.

    >>> import numpy as np
    >>> is_pinned(np.ones(2))
    False
    """
    while array is not None:
        array = getattr(array, "obj", array)  # of a memoryview
        if type(array).__name__ == "PinnedMemoryPointer":
            return True
        array = getattr(array, "base", None)
    return False


def card_of(cupy: Any, index: int | None) -> Any:
    """CuPy's device of a number, the current one for None.

    Raises: RuntimeError for a number that no card has.
    """
    count = int(cupy.cuda.runtime.getDeviceCount())
    if index is not None and not 0 <= index < count:
        raise RuntimeError(
            f"CUDA error: invalid device ordinal: {index}; there {'is' if count == 1 else 'are'} "
            f"{count} (cuda:0{'' if count == 1 else f' to cuda:{count - 1}'})"
        )
    return cupy.cuda.Device(index)


class CupyBackend:
    """CuPy as a minigrad backend."""

    name = "cupy"

    def __init__(self, cupy: Any) -> None:
        self.xp: Any = cupy
        self.generators: dict[int, Any] = {}  # of random numbers, by card; random/on_card.py

    def device_of(self, array: Array) -> device:
        """The card on which the array lies."""
        return device("cuda", array.device.id)

    def from_host(self, array: Array, index: int | None, wait: bool = True) -> Array:
        """Copy a NumPy array to card ``index`` (the current one for None).

        CuPy reads pinned memory while the program goes on, which may write new data there: so the
        copy is waited for unless the caller says otherwise. What is not pinned CuPy copies first.
        """
        capture.refuse(
            "copying from the host (new data, random numbers of the host, dropout)",
            "make the tensor before, and copy new data into it between replays",
        )
        wait = wait and is_pinned(array)
        if index is None:
            return self.xp.asarray(array, blocking=wait)
        with card_of(self.xp, index):
            return self.xp.asarray(array, blocking=wait)

    def constant(self, array: Array, index: int | None) -> Array:
        """A NumPy array that follows from the program alone, copied to card ``index``.

        A captured step may contain it: what it is now it is in each replay. One number is an
        argument of the kernel that fills; of more, the graph keeps a copy, from which each replay
        begins anew, as the step may write to what it got.
        """
        if not capture.active():
            return self.from_host(array, index)
        with card_of(self.xp, index):
            if not array.ndim:
                return self.xp.asarray(array)
            with capture.aside(self.xp):
                made = self.xp.asarray(array)
            return capture.keep(made).copy()

    def to_host(self, array: Array) -> Array:
        """Copy to a NumPy array; what kernels noted about indices is told (``faults.py``)."""
        capture.refuse("copying to the host", "read results after the replay")
        tell()
        return self.xp.asnumpy(array)
