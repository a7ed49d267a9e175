"""Whose arguments were wrong: what Python's errors call a class's ``__init__``."""

from __future__ import annotations

import functools
from types import FunctionType
from typing import Any

__all__ = ["init_per_class"]


def init_per_class(base: Any) -> Any:
    """Give each subclass that shares ``base.__init__`` one of its own name.

    Several layers share one ``__init__``, written in a class without a public name. An error says
    ``Conv2d.__init__() missing 1 required positional argument`` only if the function is called so.

    >>> @init_per_class
    ... class _Base:
    ...     def __init__(self, size): ...
    >>> class Layer(_Base): ...
    >>> Layer()
    Traceback (most recent call last):
    TypeError: Layer.__init__() missing 1 required positional argument: 'size'
    """
    shared = base.__init__

    def init_subclass(cls: Any, **options: Any) -> None:
        super(base, cls).__init_subclass__(**options)
        if cls.__init__ is shared:
            cls.__init__ = _named(shared, f"{cls.__qualname__}.__init__")

    base.__init_subclass__ = classmethod(init_subclass)  # type: ignore[arg-type]
    return base


def _named(function: Any, name: str) -> Any:
    """The same function under another name."""
    copy = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    functools.update_wrapper(copy, function)
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__qualname__ = name
    del copy.__wrapped__  # type: ignore[attr-defined]
    return copy
