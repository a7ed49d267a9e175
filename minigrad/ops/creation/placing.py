"""Where a tensor that is made comes to lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.autograd.apply import make
from minigrad.backend import backend_for
from minigrad.backend.cupy_backend import card_of
from minigrad.device import CPU, get_default_device
from minigrad.device import device as Device


def made_on(device: Any, make: Callable[[Any], Any]) -> Any:
    """``make(xp)`` on the card that a tensor is to be on; None for the CPU."""
    where = get_default_device() if device is None else Device(device)
    if where is CPU or where.type == "cpu":
        return None
    xp = backend_for(where).xp
    with card_of(xp, where.index):
        return make(xp)


def place(
    array: Any,
    device: Any = None,
    requires_grad: bool = False,
    out: Any = None,
    constant: bool = False,
) -> Any:
    """A Tensor around a host array, on the device and with the flag that were asked for.

    ``constant``: the array follows from the call's numbers, so that a captured step may make it.
    """
    where = get_default_device() if device is None else Device(device)
    if where is not CPU and where.type != "cpu" and type(array) is np.ndarray:
        backend = backend_for(where)
        array = (backend.constant if constant else backend.from_host)(array, where.index)
    result = make(array)
    if out is not None:
        return out.resize_(result.shape).copy_(result)
    if isinstance(requires_grad, (bool, np.bool_)):
        if requires_grad and result._array.dtype.kind not in "fV":
            raise RuntimeError(
                "Only Tensors of floating point and complex dtype can require gradients"
            )
        return result.requires_grad_() if requires_grad else result
    raise TypeError(f"argument 'requires_grad' must be bool, not {type(requires_grad)}")
