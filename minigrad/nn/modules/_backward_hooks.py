"""Backward hooks of a Module: what runs when gradients arrive at its output and its input."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from minigrad.autograd import Function
from minigrad.autograd.modes import is_grad_enabled
from minigrad.tensor import Tensor

Hook = Callable[..., Any]


class BackwardGate:
    """Joins the two ends of one call of a module for its backward hooks.

    Inputs and outputs pass through identity nodes. Backward meets the output's node first, which
    stores ``grad_output``, then the input's, where ``grad_input`` is known and the hooks run.
    """

    def __init__(self, module: Any, hooks: Iterable[Hook], pre_hooks: Iterable[Hook]) -> None:
        self.module = module
        self.hooks = tuple(hooks)
        self.pre_hooks = tuple(pre_hooks)
        self.grad_outputs: tuple[Any, ...] | None = None
        self.input_count = 0
        self.input_places: list[int] = []
        self.output_places: list[int] = []
        self.output_count = 0

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, passed through a node that sees their gradients."""
        self.input_count = len(args)
        self.input_places = _tracked_places(args)
        if not self.input_places:
            return args
        return _pass_through(args, self.input_places, self._at_inputs)

    def watch_outputs(self, output: Any) -> Any:
        """The output, passed through a node that sees its gradients."""
        if not isinstance(output, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of "
                f"Tensors but received {type(output)}",
                stacklevel=5,
            )
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
            full = _replaced(full, hook(self.module, full), "Backward pre hook", "grad_output")
        self.grad_outputs = full
        if not self.input_places:
            # No input is differentiated, so this is the last that the module sees of backward.
            self._run_without_inputs(full)
        return tuple(full[place] for place in self.output_places)

    def _run_without_inputs(self, grad_outputs: tuple[Any, ...]) -> None:
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to "
            "module outputs since no inputs require gradients. See "
            "https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
            "#torch.nn.Module.register_full_backward_hook for more details.",
            stacklevel=5,
        )
        for hook in self.hooks:
            result = hook(self.module, (None,) * self.input_count, grad_outputs)
            if result is not None and not (
                isinstance(result, tuple) and all(grad is None for grad in result)
            ):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )
        self.grad_outputs = None

    def _at_inputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.grad_outputs is None:  # the gradient came by a way around the output
            return grads
        full = _scatter(grads, self.input_places, self.input_count)
        for hook in self.hooks:
            result = hook(self.module, full, self.grad_outputs)
            full = _replaced(full, result, "Backward hook", "grad_input")
        self.grad_outputs = None
        return tuple(full[place] for place in self.input_places)


class BackwardHookFunction(Function):
    """Identity on its tensors that shows their gradients to ``look`` in backward."""

    @staticmethod
    def forward(ctx: Any, look: Any, *tensors: Tensor) -> Any:
        """Hand the tensors on as new views, so that each gets a node of its own."""
        ctx.set_materialize_grads(False)
        ctx.look = look
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Hand the gradients on, or what ``look`` makes of them."""
        return (None, *ctx.look(grads))


def _tracked_places(values: tuple[Any, ...]) -> list[int]:
    if not is_grad_enabled():
        return []
    return [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]


def _pass_through(values: tuple[Any, ...], places: list[int], look: Any) -> tuple[Any, ...]:
    passed = list(values)
    outputs = BackwardHookFunction.apply(look, *(values[place] for place in places))
    for place, output in zip(places, outputs, strict=True):
        passed[place] = output
    # A named tuple is rebuilt from its fields, as in torch.
    return tuple(passed) if type(values) is tuple else type(values)(*passed)


def _scatter(grads: tuple[Any, ...], places: list[int], count: int) -> tuple[Any, ...]:
    full: list[Any] = [None] * count
    for place, grad in zip(places, grads, strict=True):
        full[place] = grad
    return tuple(full)


def _replaced(current: tuple[Any, ...], result: Any, what: str, kind: str) -> tuple[Any, ...]:
    """The gradients that a hook returned, or the current ones when it returned None."""
    if result is None:
        return current
    new = (result,) if isinstance(result, Tensor) else tuple(result)
    if len(new) != len(current):
        raise RuntimeError(
            f"{what} returned an invalid number of {kind}, got {len(new)}, but expected "
            f"{len(current)}"
        )
    return new


def register_on_last_node(module: Any, hooks: Iterable[Hook], args: Any, result: Any) -> None:
    """Hooks of the older form: they hang on the node of the (first) output alone."""
    first = result
    while not isinstance(first, Tensor):
        if isinstance(first, dict):
            first = next(value for value in first.values() if isinstance(value, Tensor))
        else:
            first = first[0]
    node = first.grad_fn
    if node is None:
        return
    for hook in hooks:
        node.register_hook(partial(hook, module))
    missed = _what_is_missed(args, result, node)
    if missed:
        warnings.warn(missed, FutureWarning, stacklevel=5)


_DEPRECATED = "is deprecated and will be removed in future versions. This hook will be missing"
_BETTER = "Please use register_full_backward_hook to get the documented behavior."


def _what_is_missed(args: Any, result: Any, node: Any) -> str:
    """torch's warning for a module of more than one op; empty if the hook sees everything."""
    for values, verb, grad in ((result, "return", "output"), (args, "take as input", "input")):
        listed = values if isinstance(values, tuple) else (values,)
        if not all(isinstance(value, Tensor) for value in listed):
            return (
                f"Using non-full backward hooks on a Module that does not {verb} a single Tensor "
                f"or a tuple of Tensors {_DEPRECATED} some of the grad_{grad}. {_BETTER}"
            )
    outputs = {r.grad_fn for r in (result if isinstance(result, tuple) else (result,))} - {None}
    if len(outputs) > 1:
        return (
            "Using a non-full backward hook when outputs are generated by different autograd "
            f"Nodes {_DEPRECATED} some grad_output. {_BETTER}"
        )
    if node not in outputs:
        return (
            "Using a non-full backward hook when outputs are nested in python data structure "
            f"{_DEPRECATED} some grad_output."
        )
    inputs = {arg.grad_fn for arg in args} - {None}
    if inputs != {edge for edge, _ in node.next_functions}:
        return (
            "Using a non-full backward hook when the forward contains multiple autograd Nodes "
            f"{_DEPRECATED} some grad_input. {_BETTER}"
        )
    return ""
