"""Classes that say themselves what torch's functions do with their objects: ``__torch_function__``.

Nothing is asked of ordinary tensors. A subclass of Tensor gets methods that ask it first, and with
the first such class the public functions are exchanged for ones that look for its objects. What is
no tensor at all is found when a function has refused it.

Source: https://docs.pytorch.org/docs/stable/notes/extending.html
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from types import FunctionType
from typing import Any

from minigrad.autograd.tensor_base import TensorBase

Kwargs = Mapping[str, Any]


class _Here(threading.local):
    off = False  # while a function runs as it is, on objects whose class was asked


here = _Here()


def disabled(cls: type, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """The ``__torch_function__`` of classes that leave everything as it is: Parameter, for one."""
    return NotImplemented


@contextlib.contextmanager
def unasked() -> Generator[None, None, None]:
    """Ask no class in a block."""
    before, here.off = here.off, True
    try:
        yield
    finally:
        here.off = before


def as_it_is(func: Callable[..., Any], args: Iterable[Any], kwargs: Kwargs) -> Any:
    """Call a function and ask no class."""
    with unasked():
        return func(*args, **kwargs)


def of_class(cls: type, result: Any) -> Any:
    """A result with its tensors as objects of a class."""
    if isinstance(result, TensorBase):
        plain = cls.__name__ == "Tensor" or isinstance(result, cls)
        return result if plain else result.as_subclass(cls)  # type: ignore[attr-defined]
    if isinstance(result, (tuple, list)):
        inner = [of_class(cls, value) for value in result]
        return type(result)(*inner) if hasattr(result, "_fields") else type(result)(inner)
    return result


def asks(kind: type) -> bool:
    """Whether a class is to be asked."""
    found = getattr(kind, "__torch_function__", None)
    return found is not None and found is not disabled and kind.__name__ != "Tensor"


def overloaded(values: Iterable[Any]) -> list[Any]:
    """The objects to be asked, one of each class: subclasses first, then from left to right."""
    found: list[Any] = []
    for value in _each(values):
        kind = type(value)
        if asks(kind) and all(type(known) is not kind for known in found):
            below = (i for i, known in enumerate(found) if issubclass(kind, type(known)))
            found.insert(next(below, len(found)), value)
    return found


def _each(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (tuple, list)):
            yield from value
        else:
            yield value


def ask(func: Callable[..., Any], relevant: list[Any], args: Any, kwargs: Kwargs) -> Any:
    """What the first class that has an answer says of a call."""
    types = tuple(map(type, relevant))
    for value in relevant:
        answer = value.__torch_function__(func, types, args, kwargs)
        if answer is not NotImplemented:
            return answer
    raise TypeError(
        f"Multiple dispatch failed for '{func.__module__}.{func.__name__}'; all "
        f"__torch_function__ handlers returned NotImplemented: {', '.join(map(repr, types))}"
    )


class Overridable:
    """A public function that asks first; equal to the function itself, which tables may hold."""

    def __init__(self, func: Callable[..., Any]) -> None:
        functools.update_wrapper(self, func)
        self.func = func

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function, or what the class of an argument says of the call."""
        if not here.off:
            relevant = overloaded((*args, *kwargs.values()))
            if relevant:
                return ask(self, relevant, args, kwargs)
        return self.func(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return other is self or other is self.func

    def __hash__(self) -> int:
        return hash(self.func)

    def __repr__(self) -> str:
        return repr(self.func)

    def __reduce__(self) -> str:
        return self.func.__qualname__


class Opened:
    """The public functions that look for such objects, by what they were; None: none does."""

    functions: dict[Any, Overridable] | None = None


def opened(namespace: dict[str, Any]) -> dict[str, Any]:
    """A module's names with the functions that look, if there is a class to look for."""
    made = Opened.functions
    if made is None:
        return namespace
    found = dict(namespace)
    for name, value in namespace.items():
        public = isinstance(value, FunctionType) and not name.startswith("_")
        if public and value.__module__.startswith("minigrad"):
            found[name] = made.setdefault(value, Overridable(value))
    return found


def _open_functions() -> None:
    """Let the public functions look for objects whose classes are to be asked."""
    from minigrad.autograd.registry import NAMESPACES  # which imports this file

    if Opened.functions is None:
        Opened.functions = {}
        for _, namespace in NAMESPACES:
            namespace.update(opened(namespace))


COMPARISONS = {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"}
LEFT = frozenset(dir(object)) - COMPARISONS - {"__repr__"}
OWN = {"__torch_function__", "as_subclass", "__format__", "__deepcopy__", "__reduce_ex__"}
# Operators that torch calls by these names; the others by those of their functions.
NAMED = {f"__{name}__" for name in ("eq", "floordiv", "getitem", "setitem")}
NAMED |= {f"__r{name}__" for name in ("div", "floordiv", "matmul", "mod", "pow", "sub", "truediv")}
PARTS = ("T", "mT", "H", "mH", "real", "data")  # the attributes that are tensors


def open_class(cls: type[TensorBase]) -> None:
    """Give a subclass of Tensor methods that ask it first."""
    _open_functions()
    tensor = next(kind for kind in cls.__mro__ if kind.__name__ == "Tensor")
    between = cls.__mro__[: cls.__mro__.index(tensor)]
    for name in dir(tensor):
        hidden = name.startswith("_") and not name.startswith("__")
        if hidden or name in LEFT or name in OWN or any(name in vars(c) for c in between):
            continue
        value = getattr(tensor, name)
        if isinstance(value, FunctionType):
            shown = {"__rtruediv__": "__rdiv__"}.get(name, name)
            setattr(cls, name, _asking(value, shown if name in NAMED else value.__name__))
        elif name in PARTS and isinstance(value, property) and value.fget is not None:
            setattr(cls, name, property(_asking(value.fget, "__get__"), value.fset))


def _asking(known: Any, name: str) -> Callable[..., Any]:
    """A method that asks, and tells of the function under a name."""
    parts = (known.__code__, known.__globals__, name, known.__defaults__, known.__closure__)
    func = known if known.__name__ == name else FunctionType(*parts)
    func.__kwdefaults__ = known.__kwdefaults__

    @functools.wraps(func)
    def method(*args: Any, **kwargs: Any) -> Any:
        if here.off:
            return func(*args, **kwargs)
        return ask(func, overloaded((*args, *kwargs.values())), args, kwargs)

    return method


def answer(public: Callable[..., Any], values: Kwargs) -> tuple[Any] | None:
    """What an argument that is no tensor says of a call that failed, in a tuple; None: nothing.

    ``values`` are the arguments by name; those that were left out at the end are not handed on.
    """
    relevant = overloaded(values.values())
    if not relevant or here.off:
        return None
    args: list[Any] = []
    given, kwargs = 0, {}
    for parameter in inspect.signature(public).parameters.values():
        value = values.get(parameter.name, parameter.default)
        if parameter.kind is parameter.VAR_POSITIONAL:
            args += value
            given = len(args)
        elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            args.append(value)
            given = given if value is parameter.default else len(args)
        elif parameter.kind is parameter.KEYWORD_ONLY and value is not parameter.default:
            kwargs[parameter.name] = value
    return (ask(public, relevant, tuple(args[:given]), kwargs),)


def close() -> None:
    """Let the public functions be what they were, once no class is to be asked any more."""
    from minigrad.autograd.registry import NAMESPACES

    for _, namespace in NAMESPACES:
        for name, value in list(namespace.items()):
            if isinstance(value, Overridable):
                namespace[name] = value.func
    Opened.functions = None
