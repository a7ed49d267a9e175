"""torch's compiler, by name: here everything runs as it is written, and these say so once.

Programs mark functions with ``@torch.jit.script`` to make them faster; they compute the same
without it. So the marks are accepted and the function or module comes back as it is. What only a
compiled program can do, ``jit.save`` for one, is an error.

Source: https://docs.pytorch.org/docs/stable/jit.html
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

__all__ = [
    "compile",
    "export",
    "ignore",
    "is_scripting",
    "is_tracing",
    "load",
    "save",
    "script",
    "script_if_tracing",
    "trace",
    "unused",
]

Fn = TypeVar("Fn")


@functools.cache
def uncompiled(name: str) -> None:
    """Say, once for each name, that nothing is compiled."""
    warnings.warn(f"{name}: minigrad compiles nothing; it runs as it is written", stacklevel=3)


def compile(model: Any = None, **options: Any) -> Any:
    """The function or module itself, also as ``@compile`` and ``@compile(mode=...)``.

    >>> import minigrad as torch, warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     torch.compile(torch.nn.ReLU(), mode="max-autotune")
    ReLU()

    Source: https://docs.pytorch.org/docs/stable/generated/torch.compile.html
    """
    uncompiled("compile")
    return model if model is not None else lambda fn: fn


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
