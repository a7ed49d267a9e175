"""What arguments a function takes, read from its code: ``inspect`` is too slow for an import."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

empty = inspect.Parameter.empty


class NotGiven:
    """What stands for an argument that is left out, where torch takes no None for it."""

    def __repr__(self) -> str:
        return "..."


NOT_GIVEN: Any = NotGiven()


def names_of(fn: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a plain function's arguments.

    >>> names_of(lambda x, *, y: x)
    ('x', 'y')
    """
    code = fn.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def arguments_of(fn: Callable[..., Any]) -> Iterator[tuple[str, Any, Any]]:
    """Name, annotation and default of each argument of a plain function; ``*args`` too.

    >>> list(arguments_of(lambda x, y=2: x))[1]
    ('y', '', 2)
    """
    code, annotations, keywords = fn.__code__, fn.__annotations__, fn.__kwdefaults__ or {}
    names, count = code.co_varnames, code.co_argcount
    defaults = fn.__defaults__ or ()
    required = count - len(defaults)
    for place, name in enumerate(names[:count]):
        yield (
            name,
            annotations.get(name, ""),
            defaults[place - required] if place >= required else empty,
        )
    if code.co_flags & inspect.CO_VARARGS:
        name = names[count + code.co_kwonlyargcount]
        yield name, annotations.get(name, ""), empty
    for name in names[count : count + code.co_kwonlyargcount]:
        yield name, annotations.get(name, ""), keywords.get(name, empty)


class Shown:
    """A signature that is worked out when somebody looks: the ``__wrapped__`` of a function."""

    __slots__ = ("find",)

    def __init__(self, find: Callable[[], inspect.Signature]) -> None:
        self.find = find

    @property
    def __signature__(self) -> inspect.Signature:
        return self.find()


def show(fn: Any, find: Callable[[], inspect.Signature]) -> None:
    """Give a function the signature that ``find`` returns, for ``inspect`` and ``help``."""
    fn.__wrapped__ = Shown(find)


def without_first(fn: Callable[..., Any]) -> inspect.Signature:
    """A function's signature but for its first argument."""
    whole = inspect.signature(fn)
    return whole.replace(parameters=list(whole.parameters.values())[1:])


def with_option(whole: inspect.Signature) -> inspect.Signature:
    """A signature and ``out=``."""
    option = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)
    parameters = [p for p in whole.parameters.values() if p.kind is not p.VAR_KEYWORD]
    return whole.replace(parameters=[*parameters, option])
