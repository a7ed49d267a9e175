"""Being told where a program waits for the card: each ``.item()`` or ``if loss > 1`` empties the
queue of work, and the card stands still until the program has filled it again.

Source: https://docs.pytorch.org/docs/stable/generated/torch.cuda.set_sync_debug_mode.html
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from minigrad.cuda.cards import cupy

__all__ = ["forbid_sync", "get_sync_debug_mode", "set_sync_debug_mode"]

MODES = ("default", "warn", "error")
# What brings an array's values to the host, by itself or hidden in a question about them.
METHODS = ("get", "item", "tolist", "nonzero", "__bool__", "__int__", "__float__")
FUNCTIONS = (
    "nonzero", "flatnonzero", "argwhere", "unique", "bincount", "histogram", "digitize",
    "quantile", "percentile",
)  # fmt: skip


class _Settings:
    """What is set."""

    mode = 0
    undo: Callable[[], None] | None = None


def set_sync_debug_mode(debug_mode: int | str) -> None:
    """What to do where the program waits for a card: default (nothing), warn, or error.

    What minigrad and CuPy's arrays do is seen, and not what another library does. An explicit
    ``synchronize`` is no hidden wait. The mode is set for the whole process.

    Raises: RuntimeError for another mode, DeviceError without a card (except for the default).

    >>> import minigrad as torch
    >>> torch.cuda.set_sync_debug_mode("default"); torch.cuda.get_sync_debug_mode()
    0
    """
    known: Any = MODES if isinstance(debug_mode, str) else range(len(MODES))
    if debug_mode not in known:
        raise RuntimeError(
            "invalid value of debug_mode, expected one of `default`, `warn`, `error`"
        )
    mode = MODES.index(debug_mode) if isinstance(debug_mode, str) else int(debug_mode)
    if _Settings.undo is not None:
        _Settings.undo()
        _Settings.undo = None
    if mode:
        _Settings.undo = _watch(cupy())
    _Settings.mode = mode


def get_sync_debug_mode() -> int:
    """0, 1 or 2: nothing, warnings, errors.

    >>> import minigrad as torch
    >>> torch.cuda.get_sync_debug_mode()
    0
    """
    return _Settings.mode


@contextlib.contextmanager
def forbid_sync() -> Iterator[None]:
    """Inside of the block, waiting for a card is an error that names what waits.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     x = torch.ones(3, device="cuda")
    ...     with torch.cuda.forbid_sync():
    ...         try:
    ...             (2 * x).sum().item()
    ...         except RuntimeError as error:
    ...             print(error)
    called a synchronizing CUDA operation: ...
    """
    before = _Settings.mode
    set_sync_debug_mode("error")
    try:
        yield
    finally:
        set_sync_debug_mode(before)


def _tell(what: str) -> None:
    text = f"called a synchronizing CUDA operation: {what}"
    if _Settings.mode == 2:
        raise RuntimeError(text)
    warnings.warn(text, stacklevel=4)


def _watch(module: Any) -> Callable[[], None]:
    """Put a watch before everything that waits; the function that takes them away again."""
    array, undone = module.ndarray, []
    for place, names in ((array, METHODS), (module, FUNCTIONS)):
        for name in names:
            if hasattr(place, name):
                undone.append((place, name, place.__dict__.get(name)))
                setattr(place, name, _watched(name.strip("_"), getattr(place, name)))
    undone.append((array, "__getitem__", array.__dict__.get("__getitem__")))
    array.__getitem__ = _indexed(module, array.__getitem__)

    def undo() -> None:
        for place, name, own in undone:
            if own is None:  # it was inherited
                delattr(place, name)
            else:
                setattr(place, name, own)

    return undo


def _watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        _tell(name)
        return function(*args, **kwargs)

    return call


def _indexed(module: Any, get: Callable[..., Any]) -> Callable[..., Any]:
    """Reading by a mask waits: only its elements know how many there are."""

    def call(array: Any, key: Any) -> Any:
        for part in key if isinstance(key, tuple) else (key,):
            if isinstance(part, module.ndarray) and part.dtype.kind == "b":
                _tell("indexing by a mask")
        return get(array, key)

    return call
