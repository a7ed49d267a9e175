"""Hooks of a Module: functions of the user that run around its forward and its backward."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from minigrad.autograd import Function, RemovableHandle
from minigrad.nn.modules._attributes import ModuleAttributes
from minigrad.tensor import Tensor

Hook = Callable[..., Any]
HookTable = OrderedDict[int, Any]

_TABLES = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


class _Entry:
    """A registered hook with what was asked for it."""

    __slots__ = ("always_call", "hook", "with_kwargs")

    def __init__(self, hook: Hook, with_kwargs: bool = False, always_call: bool = False) -> None:
        self.hook = hook
        self.with_kwargs = with_kwargs
        self.always_call = always_call


def add_hook(table: HookTable, entry: Any, prepend: bool = False) -> RemovableHandle:
    """Put a hook at the end of a table, or at its front, and return the handle."""
    handle = RemovableHandle(table, entry)
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


class ModuleHooks(ModuleAttributes):
    """The hook protocol of ``Module``: registering hooks, and calling ``forward`` between."""

    _forward_hooks: HookTable
    _forward_pre_hooks: HookTable
    _backward_hooks: HookTable
    _backward_pre_hooks: HookTable
    _state_dict_hooks: HookTable
    _state_dict_pre_hooks: HookTable
    _load_state_dict_pre_hooks: HookTable
    _load_state_dict_post_hooks: HookTable
    forward: Callable[..., Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.__dict__.update((table, OrderedDict()) for table in _TABLES)

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
        return add_hook(self._forward_hooks, _Entry(hook, with_kwargs, always_call), prepend)

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
        return add_hook(self._forward_pre_hooks, _Entry(hook, with_kwargs), prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Run ``hook(module, grad_input, grad_output)`` in backward, once ``grad_input`` is known.

        What it returns replaces ``grad_input``.

        >>> import minigrad as torch
        >>> layer = torch.nn.Tanh()
        >>> handle = layer.register_full_backward_hook(lambda m, gi, go: print(gi, go))
        >>> layer(torch.zeros(1, requires_grad=True)).backward()
        (tensor([1.]),) (tensor([1.]),)
        """
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

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if (
            self._forward_hooks
            or self._forward_pre_hooks
            or self._backward_hooks
            or self._backward_pre_hooks
        ):
            return self._call_with_hooks(args, kwargs)
        return self.forward(*args, **kwargs)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        ran: set[int] = set()
        output: Any = None
        try:
            args, kwargs = self._run_pre_hooks(args, kwargs)
            gate = None
            if self._backward_hooks or self._backward_pre_hooks:
                gate = _BackwardGate(self)
                args = gate.watch_inputs(args)
            output = self.forward(*args, **kwargs)
            for key, entry in list(self._forward_hooks.items()):
                ran.add(key)
                output = _run_forward_hook(self, entry, args, kwargs, output)
            return output if gate is None else gate.watch_outputs(output)
        except Exception:
            for key, entry in list(self._forward_hooks.items()):
                if entry.always_call and key not in ran:
                    output = _run_forward_hook(self, entry, args, kwargs, output)
            raise

    def _run_pre_hooks(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        for entry in list(self._forward_pre_hooks.values()):
            if entry.with_kwargs:
                result = entry.hook(self, args, kwargs)
                if result is None:
                    continue
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {result}."
                    )
                args, kwargs = result
            else:
                result = entry.hook(self, args)
                if result is not None:
                    args = result if isinstance(result, tuple) else (result,)
        return args, kwargs


def _run_forward_hook(
    module: Any, entry: _Entry, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
) -> Any:
    if entry.with_kwargs:
        result = entry.hook(module, args, kwargs, output)
    else:
        result = entry.hook(module, args, output)
    return output if result is None else result


class _BackwardGate:
    """Joins the two ends of one call of a module for its backward hooks.

    Inputs and outputs pass through identity nodes. Backward meets the output's node first, which
    stores ``grad_output``, then the input's, where ``grad_input`` is known and the hooks run.
    """

    def __init__(self, module: ModuleHooks) -> None:
        self.module = module
        self.hooks = list(module._backward_hooks.values())
        self.pre_hooks = list(module._backward_pre_hooks.values())
        self.grad_outputs: tuple[Any, ...] | None = None
        self.input_count = 0
        self.input_places: list[int] = []
        self.output_places: list[int] = []
        self.output_count = 0

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.input_count = len(args)
        self.input_places = _tracked_places(args)
        if not self.hooks or not self.input_places:
            return args
        return _pass_through(args, self.input_places, self._at_inputs)

    def watch_outputs(self, output: Any) -> Any:
        outputs = output if isinstance(output, tuple) else (output,)
        self.output_count = len(outputs)
        self.output_places = _tracked_places(outputs)
        if not self.output_places:
            return output
        passed = _pass_through(outputs, self.output_places, self._at_outputs)
        return passed if isinstance(output, tuple) else passed[0]

    def _at_outputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        full = _scatter(grads, self.output_places, self.output_count)
        for hook in self.pre_hooks:
            full = _replaced(full, hook(self.module, full), "Backward pre hook")
        self.grad_outputs = full
        if not self.input_places:
            # No input is differentiated, so this is the last that the module sees of backward.
            if self.hooks:
                warnings.warn(
                    "Full backward hook is firing when gradients are computed with respect to "
                    "module outputs since no inputs require gradients.",
                    stacklevel=2,
                )
            for hook in self.hooks:
                result = hook(self.module, (None,) * self.input_count, full)
                if result is not None and any(grad is not None for grad in result):
                    raise RuntimeError(
                        "backward hook for Modules where no input requires gradient should "
                        "always return None or None for all gradients."
                    )
        return tuple(full[place] for place in self.output_places)

    def _at_inputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.grad_outputs is None:
            raise RuntimeError(
                f"full backward hook of {type(self.module).__name__}: the gradient reached its "
                "input but never its output"
            )
        full = _scatter(grads, self.input_places, self.input_count)
        for hook in self.hooks:
            full = _replaced(full, hook(self.module, full, self.grad_outputs), "Backward hook")
        self.grad_outputs = None
        return tuple(full[place] for place in self.input_places)


class BackwardHookFunction(Function):
    """Identity on its tensors that shows their gradients to ``look`` in backward."""

    @staticmethod
    def forward(ctx: Any, look: Any, *tensors: Tensor) -> Any:
        """Hand the tensors on as new views, so that each gets a node of its own."""
        ctx.look = look
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Hand the gradients on, or what ``look`` makes of them."""
        return (None, *ctx.look(grads))


def _tracked_places(values: tuple[Any, ...]) -> list[int]:
    return [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]


def _pass_through(values: tuple[Any, ...], places: list[int], look: Any) -> tuple[Any, ...]:
    passed = list(values)
    outputs = BackwardHookFunction.apply(look, *(values[place] for place in places))
    for place, output in zip(places, outputs, strict=True):
        passed[place] = output
    return tuple(passed)


def _scatter(grads: tuple[Any, ...], places: list[int], count: int) -> tuple[Any, ...]:
    full: list[Any] = [None] * count
    for place, grad in zip(places, grads, strict=True):
        full[place] = grad
    return tuple(full)


def _replaced(current: tuple[Any, ...], result: Any, what: str) -> tuple[Any, ...]:
    """The gradients that a hook returned, or the current ones when it returned None."""
    if result is None:
        return current
    new = result if isinstance(result, tuple) else (result,)
    if len(new) != len(current):
        kind = "grad_output" if "pre" in what else "grad_input"
        raise RuntimeError(
            f"{what} returned an invalid number of {kind}, got {len(new)}, but expected "
            f"{len(current)}"
        )
    return new
