"""Hooks of a Module: functions of the user that run around its forward and its backward."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from minigrad.autograd import RemovableHandle
from minigrad.nn.modules import _global_hooks as everywhere
from minigrad.nn.modules._attributes import ModuleAttributes
from minigrad.nn.modules._backward_hooks import BackwardGate, register_on_last_node
from minigrad.nn.modules._global_hooks import Hook, HookTable


def add_hook(
    table: HookTable, entry: Any, prepend: bool = False, marks: tuple[HookTable, ...] = ()
) -> RemovableHandle:
    """Put a hook at the end of a table, or at its front, and return the handle.

    ``marks`` are the tables in which something about the hook may be noted by its number.
    """
    handle = RemovableHandle(table, entry, *marks)
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


class ModuleHooks(ModuleAttributes):
    """The hook protocol of ``Module``: registering hooks, and calling ``forward`` between."""

    _forward_hooks: HookTable
    _forward_hooks_with_kwargs: HookTable
    _forward_hooks_always_called: HookTable
    _forward_pre_hooks: HookTable
    _forward_pre_hooks_with_kwargs: HookTable
    _backward_hooks: HookTable
    _backward_pre_hooks: HookTable
    _is_full_backward_hook: bool | None
    _state_dict_hooks: HookTable
    _state_dict_pre_hooks: HookTable
    _load_state_dict_pre_hooks: HookTable
    _load_state_dict_post_hooks: HookTable
    forward: Callable[..., Any]

    def register_forward_hook(
        self,
        hook: Hook,
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Run ``hook(module, args, output)`` after forward; what it returns replaces the output.

        ``with_kwargs`` adds the keyword arguments before the output; ``always_call`` runs the hook
        even when forward raised.

        >>> import minigrad as torch
        >>> layer = torch.nn.ReLU()
        >>> handle = layer.register_forward_hook(lambda module, args, output: output + 1)
        >>> layer(torch.zeros(2))
        tensor([1., 1.])
        """
        marks = (self._forward_hooks_with_kwargs, self._forward_hooks_always_called)
        handle = add_hook(self._forward_hooks, hook, prepend, marks)
        for table, wanted in zip(marks, (with_kwargs, always_call), strict=True):
            if wanted:
                table[handle.id] = True
        return handle

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Run ``hook(module, args)`` before forward; what it returns replaces the arguments.

        >>> import minigrad as torch
        >>> layer = torch.nn.ReLU()
        >>> handle = layer.register_forward_pre_hook(lambda module, args: args[0] + 1)
        >>> layer(torch.zeros(2))
        tensor([1., 1.])
        """
        marks = self._forward_pre_hooks_with_kwargs
        handle = add_hook(self._forward_pre_hooks, hook, prepend, (marks,))
        if with_kwargs:
            marks[handle.id] = True
        return handle

    def register_backward_hook(self, hook: Hook) -> RemovableHandle:
        """The older form of ``register_full_backward_hook``; it sees the last op alone.

        Raises: RuntimeError if the module has full hooks.

        >>> import minigrad as torch
        >>> handle = torch.nn.Tanh().register_backward_hook(lambda m, gi, go: None)
        """
        self._only_backward_hooks(full=False)
        return add_hook(self._backward_hooks, hook)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Run ``hook(module, grad_input, grad_output)`` in backward, once ``grad_input`` is known.

        What it returns replaces ``grad_input``.

        >>> import minigrad as torch
        >>> layer = torch.nn.Tanh()
        >>> handle = layer.register_full_backward_hook(lambda m, gi, go: print(gi, go))
        >>> layer(torch.zeros(1, requires_grad=True)).backward()
        (tensor([1.]),) (tensor([1.]),)
        """
        self._only_backward_hooks(full=True)
        return add_hook(self._backward_hooks, hook, prepend)

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Run ``hook(module, grad_output)`` when the gradient of the output arrives.

        What it returns replaces ``grad_output``.

        >>> import minigrad as torch
        >>> layer, x = torch.nn.Tanh(), torch.zeros(1, requires_grad=True)
        >>> handle = layer.register_full_backward_pre_hook(lambda m, go: (go[0] * 5,))
        >>> layer(x).backward()
        >>> x.grad
        tensor([5.])
        """
        return add_hook(self._backward_pre_hooks, hook, prepend)

    def _only_backward_hooks(self, full: bool) -> None:
        if self._is_full_backward_hook is not None and self._is_full_backward_hook != full:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single "
                "Module. Please use only one of them."
            )
        self._is_full_backward_hook = full

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Every layer of every step passes here: one look at __dict__, and on to forward.
        tables = self.__dict__
        if (
            tables["_forward_hooks"]
            or tables["_forward_pre_hooks"]
            or tables["_backward_hooks"]
            or tables["_backward_pre_hooks"]
            or everywhere.around_calls
        ):
            return _HookedCall(self, args, kwargs).run()
        return self.forward(*args, **kwargs)

    _call_impl = __call__


class _HookedCall:
    """One call of a module that has hooks: its arguments and output, as hooks change them."""

    def __init__(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.module = module
        self.args = args
        self.kwargs = kwargs
        self.result: Any = None
        self.ran: set[int] = set()  # the hooks that ran and are always called

    def run(self) -> Any:
        """Run the hooks around forward; after an error, those that are always called."""
        try:
            return self.between_hooks()
        except Exception:
            self.after_an_error()
            raise

    def between_hooks(self) -> Any:
        """Pre hooks, forward between the two ends of the backward hooks, forward hooks."""
        module = self.module
        full, older = self.backward_hooks()
        pre = (*everywhere.backward_pre_hooks.values(), *module._backward_pre_hooks.values())
        self.run_pre_hooks()
        gate = BackwardGate(module, full, pre) if full or pre else None
        if gate is not None:
            self.args = gate.watch_inputs(self.args)
        self.result = module.forward(*self.args, **self.kwargs)
        for key, hook in (*everywhere.forward_hooks.items(), *module._forward_hooks.items()):
            if self.always(key):
                self.ran.add(key)
            self.run_forward_hook(key, hook)
        if gate is not None:
            self.result = gate.watch_outputs(self.result)
        if older:
            register_on_last_node(module, older, self.args, self.result)
        return self.result

    def backward_hooks(self) -> tuple[list[Hook], list[Hook]]:
        """The full backward hooks, and those of the older form, the global ones first."""
        kinds: tuple[list[Hook], list[Hook]] = ([], [])
        kinds[not everywhere.backward_hooks_are_full()].extend(everywhere.backward_hooks.values())
        own = self.module._is_full_backward_hook is True
        kinds[not own].extend(self.module._backward_hooks.values())
        return kinds

    def run_pre_hooks(self) -> None:
        """Let each pre hook replace the arguments."""
        module = self.module
        hooks = (*everywhere.forward_pre_hooks.items(), *module._forward_pre_hooks.items())
        for key, hook in hooks:
            if key in module._forward_pre_hooks_with_kwargs:
                result = hook(module, self.args, self.kwargs)
                if result is None:
                    continue
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {result}."
                    )
                self.args, self.kwargs = result
            else:
                result = hook(module, self.args)
                if result is not None:
                    self.args = result if isinstance(result, tuple) else (result,)

    def run_forward_hook(self, key: int, hook: Hook) -> None:
        """Let one forward hook replace the output."""
        known = (self.module._forward_hooks_with_kwargs, everywhere.with_kwargs_ids)
        if any(key in marks for marks in known):
            result = hook(self.module, self.args, self.kwargs, self.result)
        else:
            result = hook(self.module, self.args, self.result)
        if result is not None:
            self.result = result

    def always(self, key: int) -> bool:
        """Whether a hook runs even if forward raises."""
        marks = self.module._forward_hooks_always_called
        return key in marks or key in everywhere.always_called_ids

    def after_an_error(self) -> None:
        """Run what is always called and has not run; another error becomes a warning."""
        tables = (
            ("global module", everywhere.forward_hooks),
            ("module", self.module._forward_hooks),
        )
        for owner, table in tables:
            for key, hook in list(table.items()):
                if not self.always(key) or key in self.ran:
                    continue
                try:
                    self.run_forward_hook(key, hook)
                except Exception as error:
                    warnings.warn(
                        f"{owner} forward hook with ``always_call=True`` raised an exception that "
                        f"was silenced as another error was raised in forward: {error}",
                        stacklevel=4,
                    )
