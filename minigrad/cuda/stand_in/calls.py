"""Calls of NumPy in the manner of CuPy's: arrays of a card in, new arrays of that card out.

Whatever runs here goes through ``run``: it refuses arrays of the host and of other cards, counts a
launch, keeps the order of streams, and inside of a capture notes the call instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.backend.numpy_backend import quiet, unquiet
from minigrad.cuda.stand_in import streams
from minigrad.cuda.stand_in.arrays import ndarray
from minigrad.cuda.stand_in.cards import Block, counts, get_allocator, here, waits

__all__ = ["host", "known_type", "run", "unwrapped", "wrapped", "write"]


def known_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype, if a card has it.

    Raises: ValueError as CuPy does for text, objects, dates and long doubles.
    """
    if dtype.char in "OUSMmgG" or dtype.names:
        raise ValueError(f"Unsupported dtype {dtype}")
    return dtype


_NUMBERS = (float, int, bool, str, type(None), slice)


def unwrapped(value: Any, found: list[ndarray]) -> Any:
    """What NumPy is handed for an argument; the arrays in it are added to ``found``.

    Raises: TypeError for an array of the host, ValueError for one of another card.
    """
    kind = value.__class__
    if kind is ndarray:
        if value._block.device != here.device:
            raise ValueError(
                f"The device where the array resides ({value._block.device}) is different from "
                f"the current device ({here.device})."
            )
        found.append(value)
        return value._a
    if kind in _NUMBERS:
        return value
    if kind is tuple or kind is list:
        return kind(unwrapped(v, found) for v in value)
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    return value


def run(function: Callable[..., Any], args: Any, kwargs: Any = None, *, order: str = "") -> Any:
    """Call a function of NumPy; ``order="C"`` has its results packed in row-major order.

    Raises: TypeError, ValueError as CuPy does, for arrays that are not of this card.
    """
    found: list[ndarray] = []
    values = [unwrapped(a, found) for a in args]
    given = {k: unwrapped(v, found) for k, v in kwargs.items()} if kwargs else {}
    stream = here.stream or streams.Stream.null

    def call() -> Any:
        token = quiet()  # a card warns of nothing
        try:
            result = function(*values, **given)
        finally:
            unquiet(token)
        return result if not order else _packed(result)

    try:
        result = call()
    except MemoryError as error:  # what is more than the host has is more than a card has
        get_allocator()(getattr(error, "_total_size", 0))
        raise
    if isinstance(result, np.generic):
        result = np.asarray(result)
    made: list[Block] = []
    out = wrapped(result, found, made)
    counts.launches += bool(made)  # a view needs none
    streams.launch(stream, [a._block for a in found], made)
    if stream.capture is not None and made:
        _capture(stream, call, result)
    return out


def write(function: Callable[..., Any], target: ndarray, args: Any, kwargs: Any = None) -> None:
    """Call a function of NumPy that writes to an array, ``target``, and gives nothing new."""
    found: list[ndarray] = []
    values = [unwrapped(a, found) for a in args]
    given = {k: unwrapped(v, found) for k, v in kwargs.items()} if kwargs else {}
    unwrapped(target, [])
    stream = here.stream or streams.Stream.null
    counts.launches += 1
    streams.launch(stream, [a._block for a in found], [target._block])

    def call() -> None:
        token = quiet()
        try:
            function(*values, **given)
        finally:
            unquiet(token)

    if stream.capture is not None:
        stream.capture.append(call)
    else:
        call()


def wrapped(result: Any, found: list[ndarray], made: list[Block]) -> Any:
    """Arrays of the card for NumPy's; their new blocks are added to ``made``."""
    if isinstance(result, np.generic):
        result = np.asarray(result)
    if isinstance(result, np.ndarray):
        root: Any = result
        while getattr(root, "base", None) is not None:
            root = root.base  # as_strided has a holder between, which has a base too
        for array in found:
            if array._block.root is root:
                if not result.flags.writeable:  # CuPy knows no arrays that are for reading only
                    result.flags.writeable = True
                return ndarray._of(
                    result, array._block, array if array.base is None else array.base
                )
        known_type(result.dtype)
        block = Block(root, here.device, result.nbytes)
        made.append(block)
        return ndarray._of(result, block, None)
    if isinstance(result, tuple | list):
        kind = list if type(result) is list else tuple
        return kind(wrapped(r, found, made) for r in result)
    return result


def host(array: ndarray, what: str) -> np.ndarray[Any, Any]:
    """A copy of an array for the host, which waits for it."""
    waits(what)
    stream = here.stream or streams.Stream.null
    streams.launch(stream, [array._block], [])
    stream.awaited()
    return array._a.copy()


def _packed(result: Any) -> Any:
    if isinstance(result, np.ndarray):
        return result if result.flags.c_contiguous else np.ascontiguousarray(result)
    return tuple(_packed(r) for r in result) if isinstance(result, tuple) else result


def _capture(stream: streams.Stream, call: Callable[[], Any], result: Any) -> None:
    """Note a call whose results go to the memory that its first results were given."""
    places = [r for r in (result if isinstance(result, tuple | list) else [result])]

    def again() -> None:
        new = call()
        for place, value in zip(
            places, new if isinstance(new, tuple | list) else [new], strict=True
        ):
            if isinstance(place, np.ndarray):
                place[...] = value

    assert stream.capture is not None
    stream.capture.append(again)
    for place in places:  # a captured launch has not run: who looks now sees nothing
        if isinstance(place, np.ndarray) and place.dtype.kind == "f" and place.flags.writeable:
            place[...] = np.nan
