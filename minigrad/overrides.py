"""``torch.overrides``: for functions that let the classes of their arguments answer for them.

Source: https://docs.pytorch.org/docs/stable/torch.overrides.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from minigrad.autograd import overriding
from minigrad.autograd.tensor_base import TensorBase

__all__ = [
    "handle_torch_function",
    "has_torch_function",
    "has_torch_function_unary",
    "has_torch_function_variadic",
    "is_tensor_like",
    "is_tensor_method_or_property",
    "resolve_name",
    "wrap_torch_function",
]


def is_tensor_like(inp: Any) -> bool:
    """Whether it is a tensor, or of a class that answers for torch's functions.

    >>> import minigrad as torch
    >>> torch.overrides.is_tensor_like(torch.ones(1)), torch.overrides.is_tensor_like([1.0])
    (True, False)
    """
    return isinstance(inp, TensorBase) or hasattr(inp, "__torch_function__")


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether the class of one of them is to be asked.

    >>> import minigrad as torch
    >>> torch.overrides.has_torch_function((torch.ones(1),))
    False
    """
    return not overriding.here.off and bool(overriding.overloaded(relevant_args))


def has_torch_function_unary(arg: Any) -> bool:
    """The same of one argument.

    >>> import minigrad as torch
    >>> torch.overrides.has_torch_function_unary(torch.ones(1))
    False
    """
    return has_torch_function((arg,))


def has_torch_function_variadic(*args: Any) -> bool:
    """The same of arguments that are given one by one.

    >>> import minigrad as torch
    >>> torch.overrides.has_torch_function_variadic(torch.ones(1), 2)
    False
    """
    return has_torch_function(args)


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """What the classes of some arguments say of a call.

    Raises: TypeError if none of them has an answer.

    >>> import minigrad as torch
    >>> class Named(torch.Tensor):
    ...     @classmethod
    ...     def __torch_function__(cls, func, types, args=(), kwargs=None):
    ...         return func.__name__
    >>> x = torch.ones(1).as_subclass(Named)
    >>> torch.overrides.handle_torch_function(torch.exp, (x,), x)
    'exp'
    """
    return overriding.ask(public_api, overriding.overloaded(relevant_args), args, kwargs)


def wrap_torch_function(
    dispatcher: Callable[..., Iterable[Any]],
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator by which a function asks first; ``dispatcher`` picks the arguments to look at.

    >>> import minigrad as torch
    >>> @torch.overrides.wrap_torch_function(lambda x: (x,))
    ... def double(x):
    ...     return 2 * x
    >>> double(torch.ones(1))
    tensor([2.])
    """

    def around(fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        def asking(*args: Any, **kwargs: Any) -> Any:
            relevant = tuple(dispatcher(*args, **kwargs))
            if has_torch_function(relevant):
                return handle_torch_function(asking, relevant, *args, **kwargs)
            return fn(*args, **kwargs)

        return asking

    return around


def is_tensor_method_or_property(func: Callable[..., Any]) -> bool:
    """Whether a function is a method of Tensor, or the getter of an attribute.

    >>> import minigrad as torch
    >>> torch.overrides.is_tensor_method_or_property(torch.Tensor.add_)
    True
    """
    name = getattr(func, "__name__", "")
    return getattr(TensorBase, name, None) is func or name == "__get__"


def resolve_name(f: Callable[..., Any]) -> str | None:
    """A function's name with that of its module, as ``torch`` calls it.

    >>> import minigrad as torch
    >>> torch.overrides.resolve_name(torch.linalg.norm)
    'torch.linalg.norm'
    """
    module = getattr(f, "__module__", None)
    if module is None:
        return None
    return f"{module.replace('minigrad', 'torch', 1)}.{f.__qualname__}"
