"""Classes that say themselves what torch's functions do with their objects: ``__torch_function__``.

Nothing is asked of ordinary tensors. A subclass of Tensor gets methods that ask it first, and with
the first such class the public functions get code that looks for its objects; they stay the objects
that they are, which programs and tables hold. What is no tensor at all is found when a function has
refused it.

Source: https://docs.pytorch.org/docs/stable/notes/extending.html
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

from minigrad.autograd.apply import tensor_class
from minigrad.autograd.graph import OUR_FILES
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
        plain = cls is tensor_class() or isinstance(result, cls)
        return result if plain else result.as_subclass(cls)  # type: ignore[attr-defined]
    if isinstance(result, (tuple, list)):
        inner = [of_class(cls, value) for value in result]
        return type(result)(*inner) if hasattr(result, "_fields") else type(result)(inner)
    return result


def asks(kind: type) -> bool:
    """Whether a class is to be asked: not torch's own, which would call the function again."""
    found = getattr(kind, "__torch_function__", None)
    if found is None or found is disabled or kind is tensor_class():
        return False
    return not str(getattr(found, "__module__", "")).startswith("torch.")


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


# The file that tracebacks name for that code, and that no search for a line of the user ends at.
WRITTEN = "<written by minigrad.autograd.overriding>"
OUR_FILES.add(WRITTEN)

# Functions of which torch asks nobody: they make tensors of values, or say what something is.
UNASKED = {"arange", "as_tensor", "asarray", "from_numpy", "full", "is_storage", "is_tensor"}
UNASKED |= {"scalar_tensor", "tensor", "typename"}

_public: set[FunctionType] = set()  # the functions that modules show
_own: dict[FunctionType, FunctionType] = {}  # what they did before they looked
changing = threading.RLock()  # held while functions are given other code


def own_form(public: Any) -> Any:
    """What runs where a public function is called and no class is asked."""
    return _own.get(public, public)


def show_all(namespace: dict[str, Any], functions: Mapping[str, Any]) -> None:
    """Put functions into a module; they look for objects to be asked if there are such."""
    namespace.update(functions)
    _public.update(fn for fn in functions.values() if type(fn) is FunctionType)
    if _own:
        _let_all_look()


def _let_all_look() -> None:
    with changing:
        for public in _public.difference(_own):
            _let_look(public)


def _let_look(public: FunctionType) -> None:
    """Give a function code that looks for objects to be asked, and otherwise does what it did."""
    own = _own[public] = _copy(public, public.__name__)
    asks_nobody = public.__qualname__ in UNASKED

    def looking(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        relevant = [] if here.off else overloaded((*args, *kwargs.values()))
        if not relevant:
            return own(*args, **kwargs)
        return as_it_is(own, args, kwargs) if asks_nobody else ask(public, relevant, args, kwargs)

    if not hasattr(public, "__wrapped__"):
        public.__wrapped__ = own  # type: ignore[attr-defined]
    # In this order, and with its own defaults: another thread may call it now, as it was.
    public.__kwdefaults__ = {**(public.__kwdefaults__ or {}), "_looking": looking}
    public.__code__ = _code_that_looks(public.__code__.co_freevars)


@functools.cache
def _code_that_looks(held: tuple[str, ...]) -> CodeType:
    """Code for a function whose closure holds variables of these names, which it must name too."""
    source = f"""
def outer({", ".join(held)}):
    def looks(*_args, _looking, **_kwargs):
        return _looking(_args, _kwargs)
        ({"".join(f"{name}, " for name in held)})
    return looks
"""
    made: dict[str, Any] = {}
    exec(compile(source, WRITTEN, "exec"), made)
    return made["outer"](*held).__code__  # type: ignore[no-any-return]


def _copy(function: FunctionType, name: str) -> FunctionType:
    """A function of the same code and closure under a name."""
    parts = (function.__globals__, name, function.__defaults__, function.__closure__)
    copy = FunctionType(function.__code__, *parts)
    for what in ("__kwdefaults__", "__annotations__", "__doc__", "__module__"):
        setattr(copy, what, getattr(function, what))
    copy.__dict__.update(function.__dict__)
    return copy


COMPARISONS = {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"}
LEFT = frozenset(dir(object)) - COMPARISONS - {"__repr__"}
OWN = {"__torch_function__", "as_subclass", "__format__", "__deepcopy__", "__reduce_ex__"}
# Operators that torch calls by these names; the others by those of their functions.
BITS = ("and", "or", "xor", "lshift", "rshift")
NAMED = {f"__{name}__" for name in ("eq", "floordiv", "getitem", "setitem", "invert", *BITS)}
NAMED |= {f"__r{name}__" for name in ("div", "floordiv", "matmul", "mod", "pow", "sub", "truediv")}
NAMED |= {f"__i{name}__" for name in BITS} | {"__rlshift__", "__rrshift__"}
PARTS = ("T", "mT", "H", "mH", "real", "data")  # the attributes that are tensors


def open_class(cls: type[TensorBase]) -> None:
    """Give a subclass of Tensor methods that ask it first."""
    _let_all_look()
    tensor = tensor_class()
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
    func = known if known.__name__ == name else _copy(known, name)

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
