"""Hooks that hold for every Module of the program, for tools that watch whole programs.

Source: torch.nn.modules.module, ``register_module_*``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from minigrad.autograd import RemovableHandle

__all__ = [
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

Hook = Callable[..., Any]
HookTable = OrderedDict[int, Any]

forward_hooks: HookTable = OrderedDict()
forward_pre_hooks: HookTable = OrderedDict()
backward_hooks: HookTable = OrderedDict()
backward_pre_hooks: HookTable = OrderedDict()
with_kwargs_ids: dict[int, Any] = {}
always_called_ids: dict[int, Any] = {}
# Every hook above once more: a call of a module asks this one whether there is any.
around_calls: dict[int, Any] = {}

buffer_hooks: HookTable = OrderedDict()
module_hooks: HookTable = OrderedDict()
parameter_hooks: HookTable = OrderedDict()

MIXED = (
    "Cannot use both regular backward hooks and full backward hooks as a global Module hook. "
    "Please use only one of them."
)


class _Kind:
    """Whether the global backward hooks that are there are full ones."""

    full: bool = True


def backward_hooks_are_full() -> bool:
    """Whether the global backward hooks get ``grad_input`` of the module, not of its last op."""
    return _Kind.full


def _only_backward_hooks(full: bool) -> None:
    # Unlike in torch, the last hook that is removed makes way for those of the other kind.
    if backward_hooks and _Kind.full != full:
        raise RuntimeError(MIXED)
    _Kind.full = full


def registered(hooks: HookTable, module: Any, name: str, member: Any) -> Any:
    """The member that is registered in place of ``member`` once the hooks have seen it."""
    for hook in list(hooks.values()):
        replacement = hook(module, name, member)
        if replacement is not None:
            member = replacement
    return member


def _around_call(table: HookTable, hook: Hook) -> RemovableHandle:
    handle = RemovableHandle(table, hook, around_calls, with_kwargs_ids, always_called_ids)
    around_calls[handle.id] = hook
    return handle


def register_module_forward_pre_hook(hook: Callable[..., None]) -> RemovableHandle:
    """Run ``hook(module, args)`` before the forward of every module.

    >>> import minigrad as torch
    >>> from minigrad.nn.modules.module import register_module_forward_pre_hook
    >>> with register_module_forward_pre_hook(lambda module, args: print(module)):
    ...     y = torch.nn.Sequential(torch.nn.ReLU())(torch.ones(1))
    Sequential(
      (0): ReLU()
    )
    ReLU()
    """
    return _around_call(forward_pre_hooks, hook)


def register_module_forward_hook(
    hook: Callable[..., None], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Run ``hook(module, args, output)`` after the forward of every module.

    >>> import minigrad as torch
    >>> from minigrad.nn.modules.module import register_module_forward_hook
    >>> with register_module_forward_hook(lambda module, args, output: print(output)):
    ...     y = torch.nn.ReLU()(torch.ones(1))
    tensor([1.])
    """
    handle = _around_call(forward_hooks, hook)
    if with_kwargs:
        with_kwargs_ids[handle.id] = True
    if always_call:
        always_called_ids[handle.id] = True
    return handle


def register_module_backward_hook(hook: Hook) -> RemovableHandle:
    """The older form of ``register_module_full_backward_hook``; it sees the last op alone.

    Raises: RuntimeError if full hooks were still registered.

    >>> import minigrad as torch
    >>> from minigrad.nn.modules.module import register_module_backward_hook
    >>> register_module_backward_hook(lambda module, grad_input, grad_output: None).remove()
    """
    _only_backward_hooks(full=False)
    return _around_call(backward_hooks, hook)


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Run ``hook(module, grad_output)`` when the gradient reaches a module's output.

    >>> import minigrad as torch
    >>> from minigrad.nn.modules.module import register_module_full_backward_pre_hook
    >>> with register_module_full_backward_pre_hook(lambda module, grads: print(grads)):
    ...     torch.nn.ReLU()(torch.ones(1, requires_grad=True)).backward()
    (tensor([1.]),)
    """
    return _around_call(backward_pre_hooks, hook)


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """Run ``hook(module, grad_input, grad_output)`` in the backward of every module.

    Raises: RuntimeError if hooks of the older form were still registered.

    >>> import minigrad as torch
    >>> from minigrad.nn.modules.module import register_module_full_backward_hook
    >>> with register_module_full_backward_hook(lambda module, gi, go: print(gi, go)):
    ...     torch.nn.ReLU()(torch.zeros(1, requires_grad=True)).backward()
    (tensor([0.]),) (tensor([1.]),)
    """
    _only_backward_hooks(full=True)
    return _around_call(backward_hooks, hook)


def register_module_buffer_registration_hook(hook: Callable[..., None]) -> RemovableHandle:
    """Run ``hook(module, name, buffer)`` for each new buffer; what it returns takes its place.

    >>> import minigrad as torch
    >>> from minigrad.nn.modules.module import register_module_buffer_registration_hook
    >>> with register_module_buffer_registration_hook(lambda m, name, buffer: print(name)):
    ...     layer = torch.nn.BatchNorm1d(2)
    running_mean
    running_var
    num_batches_tracked
    """
    return RemovableHandle(buffer_hooks, hook)


def register_module_module_registration_hook(hook: Callable[..., None]) -> RemovableHandle:
    """Run ``hook(module, name, submodule)`` for each new submodule.

    >>> import minigrad as torch
    >>> from minigrad.nn.modules.module import register_module_module_registration_hook
    >>> with register_module_module_registration_hook(lambda m, name, sub: print(name, sub)):
    ...     net = torch.nn.Sequential(torch.nn.ReLU())
    0 ReLU()
    """
    return RemovableHandle(module_hooks, hook)


def register_module_parameter_registration_hook(hook: Callable[..., None]) -> RemovableHandle:
    """Run ``hook(module, name, parameter)`` for each new parameter.

    >>> import minigrad as torch
    >>> from minigrad.nn.modules.module import register_module_parameter_registration_hook
    >>> with register_module_parameter_registration_hook(lambda m, name, p: print(name)):
    ...     layer = torch.nn.Linear(2, 1)
    weight
    bias
    """
    return RemovableHandle(parameter_hooks, hook)
