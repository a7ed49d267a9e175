"""torch's compiler, by name: here everything runs as it is written, and these say so once.

Programs mark functions with ``@torch.jit.script`` to make them faster; they compute the same
without it. So the marks are accepted and the function or module comes back as it is. What only a
compiled program can do, ``jit.save`` for one, is an error.

Source: https://docs.pytorch.org/docs/stable/jit.html
"""

from __future__ import annotations

import builtins
import functools
import types
import warnings
from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn, TypeVar, Union, get_args, get_origin

from minigrad.nn import Module

__all__ = [
    "Attribute",
    "Final",
    "ScriptModule",
    "TracerWarning",
    "annotate",
    "compile",
    "export",
    "fork",
    "freeze",
    "ignore",
    "is_scripting",
    "is_tracing",
    "isinstance",
    "load",
    "optimize_for_inference",
    "save",
    "script",
    "script_if_tracing",
    "script_method",
    "trace",
    "unused",
    "wait",
]

Fn = TypeVar("Fn")


@functools.cache
def uncompiled(name: str) -> None:
    """Say, once for each name, that nothing is compiled."""
    warnings.warn(f"{name}: minigrad compiles nothing; it runs as it is written", stacklevel=3)


class OptimizedModule(Module):
    """What ``compile`` makes of a module: the same module, one name further down, as in torch.

    Its parameters are ``_orig_mod.weight`` and so on; every other attribute is the module's own.
    """

    _orig_mod: Module

    def __init__(self, mod: Module) -> None:
        super().__init__()
        self._modules["_orig_mod"] = mod
        self.training = mod.training

    def __getattr__(self, name: str) -> Any:
        if name == "_orig_mod":
            return self._modules[name]
        return getattr(self._orig_mod, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("training", "_orig_mod") or not self.__dict__.get("_modules"):
            super().__setattr__(name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._orig_mod, name)

    def __dir__(self) -> list[str]:
        return dir(self._orig_mod)

    def __len__(self) -> int:
        return len(self._orig_mod)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The module's own."""
        return self._orig_mod(*args, **kwargs)


def compile(model: Any = None, **options: Any) -> Any:
    """The function as it is, and a module as ``OptimizedModule``; also as ``@compile(mode=...)``.

    >>> import minigrad as torch, warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     torch.compile(torch.nn.ReLU(), mode="max-autotune")
    OptimizedModule(
      (_orig_mod): ReLU()
    )

    Source: https://docs.pytorch.org/docs/stable/generated/torch.compile.html
    """
    uncompiled("compile")
    if model is None:
        return lambda fn: compile(fn, **options)
    if not builtins.isinstance(model, Module) or builtins.isinstance(model, OptimizedModule):
        return model
    return OptimizedModule(model)


def script(obj: Fn, *args: Any, **kwargs: Any) -> Fn:
    """The function or module itself.

    >>> import minigrad as torch, warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     double = torch.jit.script(lambda x: 2 * x)
    >>> double(torch.ones(1))
    tensor([2.])

    Source: https://docs.pytorch.org/docs/stable/generated/torch.jit.script.html
    """
    uncompiled("jit.script")
    return obj


def trace(func: Fn, example_inputs: Any = None, *args: Any, **kwargs: Any) -> Fn:
    """The function or module itself; the example is not looked at.

    >>> import minigrad as torch, warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     torch.jit.trace(torch.nn.ReLU(), torch.ones(1))
    ReLU()

    Source: https://docs.pytorch.org/docs/stable/generated/torch.jit.trace.html
    """
    uncompiled("jit.trace")
    return func


def script_if_tracing(fn: Fn) -> Fn:
    """The function itself.

    >>> from minigrad import jit
    >>> jit.script_if_tracing(abs)(-1)
    1
    """
    return fn


def export(fn: Fn) -> Fn:
    """The method itself.

    >>> from minigrad import jit
    >>> jit.export(abs)(-1)
    1
    """
    return fn


def unused(fn: Fn) -> Fn:
    """The method itself.

    >>> from minigrad import jit
    >>> jit.unused(abs)(-1)
    1
    """
    return fn


def ignore(drop: Any = False, **kwargs: Any) -> Callable[..., Any]:
    """The function itself, also as ``@ignore(...)``.

    >>> from minigrad import jit
    >>> jit.ignore(abs)(-1), jit.ignore(drop=True)(abs)(-1)
    (1, 1)
    """
    if callable(drop):
        marked: Callable[..., Any] = drop
        return marked
    return lambda fn: fn


def is_scripting() -> bool:
    """False: nothing is compiled.

    >>> from minigrad import jit
    >>> jit.is_scripting()
    False
    """
    return False


def is_tracing() -> bool:
    """False: nothing is traced.

    >>> from minigrad import jit
    >>> jit.is_tracing()
    False
    """
    return False


class ScriptModule(Module):
    """A module that torch compiles, here one as any other; no other is one, as nothing compiles.

    >>> import minigrad as torch
    >>> isinstance(torch.nn.ReLU(), torch.jit.ScriptModule)
    False
    """


class TracerWarning(Warning):
    """What torch warns of while it traces; programs silence it by name.

    >>> import minigrad as torch, warnings
    >>> warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
    """


class Attribute(NamedTuple):
    """A value with the type that it has in a compiled program.

    >>> from minigrad import jit
    >>> jit.Attribute(0.5, float).value
    0.5
    """

    value: Any
    type: Any


def script_method(fn: Fn) -> Fn:
    """The method itself.

    >>> from minigrad import jit
    >>> jit.script_method(abs)(-1)
    1
    """
    return fn


def annotate(the_type: Any, the_value: Fn) -> Fn:
    """The value itself.

    >>> from minigrad import jit
    >>> jit.annotate(list[int], [])
    []
    """
    return the_value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Whether an object is of a type, which may have arguments: the elements are looked at too.

    >>> from minigrad import jit
    >>> jit.isinstance([1, 2], list[int]), jit.isinstance([1, "a"], list[int])
    (True, False)
    """
    if builtins.isinstance(target_type, tuple):
        return any(isinstance(obj, kind) for kind in target_type)
    origin, inner = get_origin(target_type), get_args(target_type)
    if origin in (Union, types.UnionType):
        return any(isinstance(obj, kind) for kind in inner)
    if origin is None or not builtins.isinstance(obj, origin):
        return builtins.isinstance(obj, target_type if origin is None else origin)
    if origin is dict:
        return all(isinstance(k, inner[0]) and isinstance(v, inner[1]) for k, v in obj.items())
    if origin is tuple and Ellipsis not in inner:
        return len(obj) == len(inner) and all(map(isinstance, obj, inner))
    return all(isinstance(value, inner[0]) for value in obj)


def freeze(mod: Fn, *args: Any, **kwargs: Any) -> Fn:
    """The module itself.

    >>> import minigrad as torch
    >>> torch.jit.freeze(torch.nn.ReLU().eval())
    ReLU()
    """
    return mod


optimize_for_inference = freeze


def fork(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result of the function, which runs at once; :func:`wait` hands it on.

    >>> from minigrad import jit
    >>> jit.wait(jit.fork(abs, -1))
    1
    """
    return func(*args, **kwargs)


def wait(future: Any) -> Any:
    """What :func:`fork` gave.

    >>> from minigrad import jit
    >>> jit.wait(jit.fork(max, 1, 2))
    2
    """
    return future


def _assert(condition: Any, message: str) -> None:
    """Python's ``assert``, as a function that torch's compiler sees.

    >>> import minigrad as torch
    >>> torch._assert(torch.tensor(True), "is true")
    """
    assert condition, message


def save(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises NotImplementedError: a compiled program is what could be saved.

    >>> from minigrad import jit
    >>> jit.save(None, "net.pt")
    Traceback (most recent call last):
    NotImplementedError: jit.save: minigrad compiles nothing; save(model.state_dict(), path)...
    """
    raise NotImplementedError(
        "jit.save: minigrad compiles nothing; save(model.state_dict(), path) keeps the weights"
    )


def load(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises NotImplementedError: a compiled program needs torch's compiler.

    >>> from minigrad import jit
    >>> jit.load("net.pt")
    Traceback (most recent call last):
    NotImplementedError: jit.load: a TorchScript file holds a compiled program, which only torch...
    """
    raise NotImplementedError(
        "jit.load: a TorchScript file holds a compiled program, which only torch itself runs"
    )
