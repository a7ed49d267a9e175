"""Reading pickles of arrays and plain data without running what they say.

A pickle is a program: it may name any function and call it. Here the few names by which NumPy
writes its arrays stand for small recorders of our own, and every other name is refused.
"""

from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np

__all__ = ["load_plain"]


class _Kind:
    """What a pickle says of a dtype."""

    def __init__(self, name: Any, *copy: Any) -> None:
        self.dtype = np.dtype(name) if isinstance(name, str) else np.dtype("O")
        if self.dtype.kind not in "biuf":
            raise pickle.UnpicklingError(f"elements of type {name!r} are not plain numbers")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(state[1] if state[1] in ("<", ">") else "=")


class _Content:
    """What a pickle says of an array."""

    array: np.ndarray

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, raw = state
        self.array = _array(raw, kind, shape, "F" if by_columns else "C").array


class _ArrayType:
    """Stands for numpy.ndarray where a pickle names it."""


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Content:
    return _Content()


def _array(raw: Any, kind: _Kind, shape: Any, order: str = "C") -> _Content:
    content = _Content()
    data = raw.encode("latin1") if isinstance(raw, str) else bytes(raw)  # str: from Python 2
    content.array = np.frombuffer(data, kind.dtype).reshape(shape, order=order)  # type: ignore[call-overload]
    return content


def _scalar(kind: _Kind, raw: Any) -> Any:
    return _array(raw, kind, ()).array.item()


def _encode(text: str, encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")


_NAMES: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _ArrayType,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _encode,
    **{
        (f"numpy.{core}.{module}", name): ours
        for core in ("core", "_core")
        for module, name, ours in (
            ("multiarray", "_reconstruct", _reconstruct),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _array),
        )
    },
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def load_plain(path: str | os.PathLike[str]) -> Any:
    """Numbers, strings, lists, dicts and arrays of numbers in a pickle, that of Python 2 too.

    Raises: RuntimeError naming the file for anything else in it, and for a damaged one.

    >>> import pickle, tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     pickle.dump({"labels": [1, 2]}, file)
    ...     file.flush()
    ...     load_plain(file.name)
    {'labels': [1, 2]}
    """
    with open(path, "rb") as file:
        try:
            return _finished(_Reader(file, encoding="latin1").load())
        except Exception as error:  # a damaged pickle can raise nearly anything
            raise RuntimeError(
                f"{os.fspath(path)} cannot be read: it is damaged, or holds more than plain data "
                f"({error}); delete it and get it again with download=True"
            ) from error


def _finished(value: Any) -> Any:
    """The arrays in the place of what was noted of them."""
    if isinstance(value, _Content):
        return value.array
    if isinstance(value, dict):
        return {key: _finished(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_finished, value))
    return value
