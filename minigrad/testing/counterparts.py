"""A function that was written for minigrad, as it is under another library with torch's names.

What it uses of minigrad, by a name of its module or of a function around it, is the other
library's; so are the functions and classes of the same program that it calls.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from copy import copy
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import minigrad

__all__ = ["Counterparts"]

PACKAGE = os.path.dirname(os.path.abspath(minigrad.__file__ or "")) + os.sep

ROOMS = ("", "nn.functional", "nn", "linalg", "special", "autograd", "autograd.functional", "func",
         "optim", "nn.utils", "nn.init", "utils.data", "random")  # fmt: skip


class Counterparts:
    """What stands for what under a library.

    >>> import numpy, minigrad as torch
    >>> from minigrad.testing.counterparts import Counterparts
    >>> def helper(x):
    ...     return torch.sin(x)
    >>> Counterparts(numpy).of(lambda x: helper(x) * 2)(numpy.float64(0))
    np.float64(0.0)
    """

    def __init__(self, library: Any) -> None:
        self.library = library
        self.known: dict[int, tuple[Any, Any]] = {}  # by id: a value, and what stands for it

    def of(self, value: Any) -> Any:
        """The counterpart of a value: itself, if minigrad has no part in it."""
        if self.library is minigrad:
            return value
        if id(value) not in self.known:
            self.known[id(value)] = value, value
            self.known[id(value)] = value, self._made(value)
        return self.known[id(value)][1]

    def _made(self, value: Any) -> Any:
        if isinstance(value, ModuleType):
            return self._room(value) if _ours(value.__name__) else value
        if isinstance(value, minigrad.dtype):
            return getattr(self.library, str(value).rpartition(".")[2])
        if isinstance(value, minigrad.nn.Module):
            raise TypeError(
                f"assert_parity: {type(value).__name__} was made by minigrad, and holds its "
                "tensors; make it inside of the function, from one seed under both"
            )
        if isinstance(value, MethodType):
            return getattr(self.of(value.__self__), value.__name__)
        if _inside(value):
            return self._public(value)
        if isinstance(value, partial):
            named = {k: self.of(v) for k, v in value.keywords.items()}
            return partial(self.of(value.func), *map(self.of, value.args), **named)
        if isinstance(value, FunctionType) and _touches(value, set()):
            return self._function(value)
        if isinstance(value, type):
            return self._class(value) if _touches(value, set()) else value
        if type(value).__module__ != "builtins" and self.of(type(value)) is not type(value):
            return self._instance(value)
        return value

    def _room(self, own: ModuleType) -> Any:
        """The library's module for one of minigrad's; that itself if the library has none."""
        found = self.library
        for part in own.__name__.split(".")[1:]:
            found = getattr(found, part, None)
        return own if found is None else found

    def _public(self, value: Any) -> Any:
        """What the library has under the public name of a function or class."""
        name = value.__name__
        for room in ROOMS:
            here, there = minigrad, self.library
            for part in room.split(".") if room else ():
                here, there = getattr(here, part), getattr(there, part, None)
            if getattr(here, name, None) is value and hasattr(there, name):
                return getattr(there, name)
        return value

    def _function(self, function: Any) -> Any:
        cells = tuple(CellType() for _ in function.__closure__ or ())
        known = dict(function.__globals__)
        made = FunctionType(function.__code__, known, function.__name__, None, cells or None)
        self.known[id(function)] = function, made  # it may call itself
        known |= {name: self.of(value) for name, value in _used(function)}
        made.__defaults__ = tuple(map(self.of, function.__defaults__ or ())) or None
        made.__kwdefaults__ = {k: self.of(v) for k, v in (function.__kwdefaults__ or {}).items()}
        for cell, old in zip(cells, function.__closure__ or (), strict=True):
            if (held := _held(old)) is not _EMPTY:
                cell.cell_contents = self.of(held)
        return made

    def _instance(self, own: Any) -> Any:
        """An object of the program, with the counterparts of what it holds."""
        made = copy(own)
        made.__class__ = self.of(type(own))
        for name, value in vars(own).items():
            setattr(made, name, self.of(value))
        return made

    def _class(self, own: Any) -> Any:
        """A class of the program over the library's bases; ``super()`` finds it by its cell."""
        made = type(self.of(type(own)))(own.__name__, tuple(map(self.of, own.__bases__)), {})
        self.known[id(own)] = own, made
        for name, member in vars(own).items():
            if name in ("__dict__", "__weakref__"):
                continue
            kind = type(member)
            if kind in (staticmethod, classmethod):
                member = kind(self.of(member.__func__))
            elif kind is property:
                member = property(*(self.of(f) for f in (member.fget, member.fset, member.fdel)))
            else:
                member = self.of(member)
            setattr(made, name, member)
        return made


_EMPTY = object()


def _ours(module: str) -> bool:
    """Whether a module's name is one of minigrad's."""
    return module.partition(".")[0] == "minigrad"


def _inside(value: Any) -> bool:
    """Whether a function or class is minigrad's own; an example in its docstrings is a program."""
    if isinstance(value, FunctionType):
        return value.__code__.co_filename.startswith((PACKAGE, "<written by minigrad"))
    module = sys.modules.get(str(getattr(value, "__module__", None)))
    name = getattr(value, "__name__", "")
    return module is not None and _ours(module.__name__) and getattr(module, name, None) is value


def _held(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return _EMPTY


def _used(function: Any) -> Iterator[tuple[str, Any]]:
    """The globals that a function names, functions inside of it too, with their values."""
    codes: list[CodeType] = [function.__code__]
    while codes:
        code = codes.pop()
        codes += [c for c in code.co_consts if isinstance(c, CodeType)]
        for name in code.co_names:
            if name in function.__globals__:
                yield name, function.__globals__[name]


def _touches(value: Any, seen: set[int]) -> bool:
    """Whether minigrad has a part in what a function of the program, or a class of it, does."""
    if id(value) in seen:
        return False
    seen.add(id(value))
    if isinstance(value, ModuleType):
        return _ours(value.__name__)
    if _inside(value) or _inside(type(value)):
        return True
    parts: list[Any] = []
    if isinstance(value, type):
        parts = [*value.__bases__, *vars(value).values()]
    elif isinstance(value, (staticmethod, classmethod)):
        parts = [value.__func__]
    elif isinstance(value, FunctionType):
        parts = [v for _, v in _used(value)]
        parts += [held for c in value.__closure__ or () if (held := _held(c)) is not _EMPTY]
        parts += value.__defaults__ or ()
    return any(_touches(part, seen) for part in parts)
