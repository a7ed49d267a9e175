"""Which backend an array or a device belongs to."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from minigrad.backend import capture, card_memory, faults
from minigrad.backend.base import Array, Backend, Xp
from minigrad.backend.cupy_backend import CupyBackend, imported
from minigrad.backend.numpy_backend import NumpyBackend
from minigrad.device import device
from minigrad.errors import DeviceError

NUMPY: Backend = NumpyBackend()
_of_type: dict[type, Backend] = {np.ndarray: NUMPY}
_cuda: list[Backend] = []  # the one in use, once a card was asked for


def cuda_backend() -> Backend:
    """The backend of the cards; DeviceError that says what is missing."""
    if not _cuda:
        use_cuda(imported())
    return _cuda[0]


def use_cuda(cupy: Any) -> None:
    """Let the cards be reached through a module: CuPy, or its stand-in."""
    from minigrad.backend.cuda_kernels import CupyEngine, serve

    serve(cupy.ndarray, CupyEngine(cupy))
    backend = CupyBackend(cupy)
    card_memory.watch(cupy)
    _of_type[cupy.ndarray] = backend
    _cuda[:] = [backend]
    Cards.several = cupy.cuda.runtime.getDeviceCount() > 1


def card_count() -> int:
    """How many cards can be used; 0 without CuPy, driver or card.

    >>> card_count() >= 0
    True
    """
    try:
        return int(cuda_backend().xp.cuda.runtime.getDeviceCount())
    except DeviceError:
        return 0


def in_use() -> list[Backend]:
    """The backend of the cards, if a card was asked for.

    >>> len(in_use()) <= 1
    True
    """
    return list(_cuda)


class Cards:
    """Whether there are several cards, among which the current one has to be changed."""

    several = False


def at(*values: Any) -> AbstractContextManager[Any]:
    """Where the first array of a card among some values lies, made the current card for a block.

    >>> with at(np.ones(2)):
    ...     pass
    """
    for value in values:
        array = getattr(value, "_array", value)
        if hasattr(array, "__cuda_array_interface__"):
            return array.device  # type: ignore[no-any-return]
        if isinstance(array, tuple | list) and array:
            return at(*array)
    return nullcontext()


def follow(*values: Any) -> None:
    """Make the card of the first array of a card among some values the current one."""
    place = at(*values)
    if not isinstance(place, nullcontext):
        place.use()  # type: ignore[attr-defined]


def followed(pairs: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Some pairs, the card of the second of the first of them made the current one.

    >>> followed(zip("a", [1.0]))
    [('a', 1.0)]
    """
    found = list(pairs)
    follow(*[second for _, second in found])
    return found


def elsewhere(*values: Any) -> bool:
    """Whether the first array of a card among some values is not on the current one.

    >>> elsewhere(np.ones(2))
    False
    """
    place: Any = at(*values)
    return not isinstance(place, nullcontext) and place != _cuda[0].xp.cuda.Device()


def there(run: Callable[[], Any], given: Mapping[str, Any]) -> Any:
    """What a function gives on the card of the first tensor among its arguments.

    Ops go there by themselves; a function of several ops looks at values on its way.

    >>> there(lambda: 2, {"x": np.ones(2)})
    2
    """
    with at(*given.values()):
        return run()


def kept(most: int) -> Callable[[Callable[..., Any]], Any]:
    """Keep what a function of an array module and more has given, apart for each card.

    >>> @kept(4)
    ... def zeros(xp, n):
    ...     return xp.zeros(n)
    >>> zeros(np, 3) is zeros(np, 3)
    True
    """

    def around(function: Callable[..., Any]) -> Any:
        @functools.lru_cache(most)
        def on(card: int, *given: Any) -> Any:
            return function(*given)

        @functools.wraps(function)
        def found(xp: Any, *given: Any) -> Any:
            several = Cards.several and xp is not np
            card = xp.cuda.Device().id if several else 0
            if xp is np or not capture.active():
                return on(card, xp, *given)
            with capture.aside(xp):  # eager steps read it too, and may do so before a replay
                made = on(card, xp, *given)
            return capture.keep(made)

        return found

    return around


def exchange_cuda(backends: list[Backend]) -> list[Backend]:
    """Put another backend of the cards in place of the one in use; gives that back.

    >>> before = exchange_cuda([])
    >>> exchange_cuda(before)
    []
    """
    before, _cuda[:] = _cuda[:], backends
    faults.forget()
    Cards.several = bool(backends) and backends[0].xp.cuda.runtime.getDeviceCount() > 1
    return before


def backend_for(where: device) -> Backend:
    """The backend that serves a device; DeviceError if it can't be used here."""
    return NUMPY if where.type == "cpu" else cuda_backend()


def backend_of(array: Array) -> Backend:
    """The backend whose array this is."""
    found = _of_type.get(array.__class__)
    if found is not None:
        return found
    return NUMPY if isinstance(array, np.ndarray | np.generic) else cuda_backend()


def beside(host: Array, like: Array) -> Array:
    """A NumPy array of the program's own numbers, where another array lies; itself on the CPU.

    >>> beside(np.ones(2), np.zeros(3))
    array([1., 1.])
    """
    if like.__class__ is np.ndarray:
        return host
    backend = backend_of(like)
    return backend.constant(host, backend.device_of(like).index)


def xp_of(array: Array) -> Xp:
    """The array module (numpy or cupy) of an array; NumPy for Python numbers."""
    found = _of_type.get(array.__class__)
    if found is not None:
        return found.xp
    return cuda_backend().xp if hasattr(array, "__cuda_array_interface__") else np
