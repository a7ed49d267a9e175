"""One computation on NumPy, and with the kernels of each level on one thread and on two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from minigrad.backend import native

LEVELS = native.levels()[1:]
compiled = pytest.mark.skipif(not LEVELS, reason="the native kernels are not compiled")

DTYPES = (np.float32, np.float64)
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0)


@contextmanager
def using(level: str, threads: int = 1, far: int | None = None) -> Iterator[None]:
    """A level or none ("numpy"), so many threads; results of ``far`` bytes go past the caches."""
    before = native.level(), native.get_threads()
    usual = native.set_far(0 if far is None else far)
    native.set_far(usual if far is None else far)
    native.use(level)
    native.set_threads(threads)
    try:
        yield
    finally:
        native.use(before[0])
        native.set_threads(before[1])
        native.set_far(usual)


def on_numpy(run: Callable[[], Any]) -> list[Any]:
    """The arrays that a computation gives without kernels."""
    with using("numpy"):
        return [np.array(a) for a in run()]


def _bits(array: Any) -> bytes:
    """An array's bits; all NaN alike: which one it is may depend on where an element stands."""
    array = np.array(array)
    if array.dtype.kind == "f":
        array[np.isnan(array)] = np.nan
    return array.tobytes()


def at_each_level(run: Callable[[], Any]) -> Iterator[list[Any]]:
    """The arrays that it gives at each level; the same bits on one thread and on several.

    And the same where results go past the caches, as those do that are too large for these.
    """
    for level in LEVELS:
        with using(level):
            one = [np.array(a) for a in run()]
        for threads, far in ((2, 0), (3, None)):
            with using(level, threads, far):
                for a, b in zip(one, run(), strict=True):
                    assert a.dtype == b.dtype and _bits(a) == _bits(b), (level, threads, far)
        yield one


def shifted(array: Any, shift: int) -> Any:
    """The same numbers, so many elements away from where the allocator begins."""
    room = np.empty(array.size + shift, array.dtype)
    room[shift:] = array.reshape(-1)
    return room[shift:].reshape(array.shape)
