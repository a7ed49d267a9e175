"""One text in two readings: on arrays where nothing is recorded, on Tensors where it is.

A function that is composed of ops costs a Tensor for each of them. Written with ``F``, as
derivatives are, it runs on bare arrays where nobody wants a gradient, and makes one Tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from minigrad.autograd.apply import edge_of, make
from minigrad.autograd.modes import MODE
from minigrad.autograd.op import arrays, tensors
from minigrad.backend.numpy_backend import IGNORE, reset_errors, set_errors

ndarray = np.ndarray
mode = MODE.get
_aloud = False


def read_aloud(on: bool) -> None:
    """Read everything on Tensors, whose ops can be listened to; off by default.

    >>> read_aloud(False)
    """
    global _aloud
    _aloud = on


def as_read(F: Any, array: Any) -> Any:
    """A constant array, in a reading."""
    return array if F is arrays else make(array)


def composed(
    body: Callable[..., Any], inputs: Sequence[Any], *params: Any, places: Iterable[Any] = ()
) -> Any:
    """``body(F, *inputs, *places, *params)``, in the reading that the inputs ask for.

    The inputs are Tensors of floats (None: left out), the places Tensors that only index. The
    result shares no memory with them. Where dtypes differ, or NumPy refuses, Tensors know better.
    """
    places, values = tuple(places), []
    if _aloud:
        return body(tensors, *inputs, *places, *params)
    recording, dtype = mode() > 0, None
    for number, t in enumerate((*inputs, *places)):
        value = None if t is None else t._array
        if value is not None:
            if type(value) is not ndarray:
                break
            if number < len(inputs):
                if dtype is None:
                    dtype = value.dtype
                if value.dtype is not dtype or (recording and edge_of(t) is not None):
                    break
        values.append(value)
    else:
        if dtype is not None and dtype.char in "fd":
            token = set_errors(IGNORE)
            try:
                return make(body(arrays, *values, *params))
            except (ValueError, TypeError):
                pass
            finally:
                reset_errors(token)
    return body(tensors, *inputs, *places, *params)
