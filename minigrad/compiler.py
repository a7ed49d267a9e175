"""``torch.compiler``: what programs say to torch's compiler, of which there is none here.

Marks give back the function as it is; questions are answered as where nothing is compiled.

Source: https://docs.pytorch.org/docs/stable/torch.compiler_api.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from minigrad.jit import compile

__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "list_backends",
    "reset",
    "set_stance",
]


def disable(fn: Any = None, recursive: bool = True, **options: Any) -> Any:
    """The function itself, also as ``@disable()``.

    >>> import minigrad as torch
    >>> torch.compiler.disable(abs)(-1)
    1
    """
    return fn if fn is not None else lambda found: found


def allow_in_graph(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself.

    >>> import minigrad as torch
    >>> torch.compiler.allow_in_graph(abs)(-1)
    1
    """
    return fn


def assume_constant_result(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself.

    >>> import minigrad as torch
    >>> torch.compiler.assume_constant_result(abs)(-1)
    1
    """
    return fn


def is_compiling() -> bool:
    """False.

    >>> import minigrad as torch
    >>> torch.compiler.is_compiling()
    False
    """
    return False


is_dynamo_compiling = is_exporting = is_compiling


def list_backends(exclude_tags: Any = ("debug", "experimental")) -> list[str]:
    """No names: nothing compiles.

    >>> import minigrad as torch
    >>> torch.compiler.list_backends()
    []
    """
    return []


def reset() -> None:
    """Nothing is forgotten, as nothing was compiled.

    >>> import minigrad as torch
    >>> torch.compiler.reset()
    """


def cudagraph_mark_step_begin() -> None:
    """Nothing begins: no compiled program holds memory from step to step.

    >>> import minigrad as torch
    >>> torch.compiler.cudagraph_mark_step_begin()
    """


class set_stance(contextlib.ContextDecorator):
    """A context, or a decorator, in which everything runs as outside of it.

    >>> import minigrad as torch
    >>> with torch.compiler.set_stance("force_eager"):
    ...     torch.compiler.is_compiling()
    False
    """

    def __init__(self, stance: str = "default", **options: Any) -> None:
        self.stance = stance

    def __enter__(self) -> None:
        """Nothing changes."""

    def __exit__(self, *error: object) -> None:
        """Nothing has changed."""
