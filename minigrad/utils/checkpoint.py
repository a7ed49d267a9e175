"""Checkpointing: forget what a part of a model saved for backward, and run it again to get it back.

The way without re-entrance is a pair of hooks on saved tensors. Its pack hook keeps only an empty
place for each tensor; when backward first asks for one, the part runs again with a pack hook that
puts the values beside their places, in the order in which they were first saved.
Source: https://docs.pytorch.org/docs/stable/checkpoint.html
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary, ref

from minigrad.autograd.apply import edge_of, make
from minigrad.autograd.engine import Here, current_sweep
from minigrad.autograd.function import Function
from minigrad.autograd.grad import backward
from minigrad.autograd.graph import storage_of
from minigrad.autograd.modes import HOOKS, enable_grad, is_grad_enabled
from minigrad.autograd.parcels import opened, parcel
from minigrad.autograd.saved import saved_tensors_hooks
from minigrad.autograd.tensor_base import TensorBase
from minigrad.errors import ModifiedInPlaceError
from minigrad.random import set_states, states

Contexts = Callable[[], tuple[AbstractContextManager[Any], AbstractContextManager[Any]]]
EARLY_STOP: ContextVar[bool | None] = ContextVar("checkpoint_early_stop", default=None)


class CheckpointError(RuntimeError):
    """A part of a model saved other tensors when it ran again."""


class _Stop(BaseException):
    """All values are back; what is left of the part need not run."""


class _Place:
    """Stands for a saved tensor that was forgotten; dies with the node that asked for it."""

    __slots__ = ("__weakref__", "index")

    def __init__(self, index: int) -> None:
        self.index = index


def noop_context_fn() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """The contexts of :func:`checkpoint` if none are given: two that do nothing.

    >>> from minigrad.utils.checkpoint import noop_context_fn
    >>> len(noop_context_fn())
    2
    """
    return nullcontext(), nullcontext()


@contextmanager
def set_checkpoint_early_stop(enable: bool) -> Generator[None, None, None]:
    """Say for a block whether recomputation ends as soon as all values are back.

    >>> from minigrad.utils.checkpoint import set_checkpoint_early_stop
    >>> with set_checkpoint_early_stop(False):
    ...     pass
    """
    token = EARLY_STOP.set(enable)
    try:
        yield
    finally:
        EARLY_STOP.reset(token)


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Contexts = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Call ``function(*args, **kwargs)``, keeping only its arguments for backward.

    ``use_reentrant=False`` is recommended. ``preserve_rng_state=False`` leaves the random stream as
    it is when the function runs again. ``debug`` is accepted; errors always name what differs.

    >>> import minigrad as torch
    >>> from minigrad.utils.checkpoint import checkpoint
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> checkpoint(lambda t: (t.exp() * t).sum(), x, use_reentrant=False).backward(); x.grad
    tensor([ 5.4366, 22.1672])
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant is None:
        _warn_of_default("checkpoint")
        use_reentrant = True
    if not use_reentrant:
        stop = EARLY_STOP.get()
        part = _Part(function, args, kwargs, preserve, early_stop if stop is None else stop)
        return part.run(context_fn, determinism_check)
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    if context_fn is not noop_context_fn or debug:
        raise ValueError(
            "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
        )
    return CheckpointFunction.apply(function, preserve, *args)


def _warn_of_default(name: str) -> None:
    warnings.warn(
        f"{name}: the use_reentrant parameter should be passed explicitly. use_reentrant=False is "
        "recommended; without it True is taken.",
        stacklevel=3,
    )


class _Argument:
    """A tensor argument, kept as a saved tensor is: through the hooks that hold around the part."""

    def __init__(self, tensor: Any) -> None:
        self.node, self.storage = edge_of(tensor), storage_of(tensor)
        self.version = self.storage.version
        pairs = HOOKS.get()
        self.packed = bool(pairs)
        self.value = parcel(tensor._array, self.node, *pairs[-1]) if pairs else tensor._array

    def tensor(self) -> Any:
        """The argument again, at its place in the graph."""
        if not self.packed and self.storage.version != self.version:
            raise ModifiedInPlaceError(
                "checkpoint: expected the arguments as they were, got one that was modified by an "
                f"inplace operation: it is at version {self.storage.version}, expected version "
                f"{self.version} instead; clone() it before the write"
            )
        again = make(opened(self.value), self.node)
        again._storage = self.storage if not self.packed else None
        return again


class _Part:
    """One checkpointed call: its arguments, the places it saved to, and how to run it again."""

    def __init__(
        self, function: Any, args: Sequence[Any], kwargs: Any, preserve: bool, early_stop: bool
    ) -> None:
        self.function, self.kwargs, self.early_stop = function, kwargs, early_stop
        self.given: Sequence[Any] = args
        self.rng = states() if preserve else None
        self.places: list[ref[_Place]] = []
        self.kinds: list[Any] = []  # shape and dtype of what was saved
        # By sweep: the values that are back and were not asked for yet.
        self.values: WeakKeyDictionary[Any, WeakKeyDictionary[_Place, Any]] = WeakKeyDictionary()

    def run(self, context_fn: Contexts, determinism_check: str) -> Any:
        """The first run, which saves places only."""
        if determinism_check not in ("default", "none"):
            raise ValueError(
                f"determinism_check should be one of ['default', 'none'], but got "
                f"{determinism_check}"
            )
        first, self.again = context_fn()
        self.checked = determinism_check == "default"
        args = self.given
        if not is_grad_enabled():
            with first:
                return self.function(*args, **self.kwargs)
        self.given = [_Argument(a) if isinstance(a, TensorBase) else a for a in args]
        with saved_tensors_hooks(self.forget, self.value), first:
            return self.function(*args, **self.kwargs)

    def forget(self, tensor: Any) -> _Place:
        """The pack hook: remember nothing but the kind of a saved tensor."""
        place = _Place(len(self.places))
        self.places.append(ref(place))
        self.kinds.append((tuple(tensor.shape), tensor.dtype))
        return place

    def value(self, place: _Place) -> Any:
        """The unpack hook: the value of a place, from a new run in each sweep."""
        sweep = Here.sweep or place  # outside of any, a run for this place alone
        values = self.values.get(sweep)
        if values is None or place not in values:
            values = self.values[sweep] = self.recompute()
        return values.pop(place)

    def recompute(self) -> WeakKeyDictionary[_Place, Any]:
        """Run the part again, and put what it saves beside the places."""
        values: WeakKeyDictionary[_Place, Any] = WeakKeyDictionary()
        count = 0

        def keep(tensor: Any) -> Any:
            nonlocal count
            place = self.places[count]() if count < len(self.places) else None
            count += 1
            if place is not None:
                values[place] = tensor
            if self.early_stop and count == len(self.places):
                raise _Stop
            return tensor

        args = [a.tensor() if isinstance(a, _Argument) else a for a in self.given]
        with suppress(_Stop), ExitStack() as stack:
            if self.rng is not None:
                stack.callback(set_states, states())
                set_states(self.rng)
            stack.enter_context(saved_tensors_hooks(keep, lambda tensor: tensor))
            stack.enter_context(enable_grad())
            stack.enter_context(self.again)
            self.function(*args, **self.kwargs)
        self.check(count, values)
        return values

    def check(self, count: int, values: WeakKeyDictionary[_Place, Any]) -> None:
        """Raise if the second run did not save what the first did."""
        if count != len(self.places):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                f"original forward and recomputation: {len(self.places)}, then {count}."
            )
        for place, tensor in values.items() if self.checked else ():
            kind = (tuple(tensor.shape), tensor.dtype)
            if kind != self.kinds[place.index]:
                raise CheckpointError(
                    "torch.utils.checkpoint: Recomputed values have different metadata than during "
                    f"the forward pass: tensor {place.index} was {self.kinds[place.index]}, now "
                    f"{kind}."
                )


class CheckpointFunction(Function):
    """The re-entrant way: forward unrecorded; backward runs forward again and sweeps in a sweep."""

    @staticmethod
    def forward(ctx: Any, run_function: Any, preserve_rng_state: bool, *args: Any) -> Any:
        """Run the part, and save its arguments alone."""
        if not any(edge_of(a) is not None for a in args if isinstance(a, TensorBase)):
            warnings.warn(
                "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=4
            )
        ctx.run_function = run_function
        ctx.rng = states() if preserve_rng_state else None
        ctx.others = [None if isinstance(a, TensorBase) else a for a in args]
        ctx.tensor_at = [i for i, a in enumerate(args) if isinstance(a, TensorBase)]
        ctx.save_for_backward(*[args[i] for i in ctx.tensor_at])
        return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Run the part again, recorded, and go back through it."""
        if current_sweep().needed is not None:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or "
                "passing an `inputs` parameter to .backward(). To resolve this error, you can "
                "either set use_reentrant=False, or call .backward() without passing the `inputs` "
                "argument."
            )
        args: list[Any] = list(ctx.others)
        for index, tensor in zip(ctx.tensor_at, ctx.saved_tensors, strict=True):
            args[index] = tensor.detach().requires_grad_(tensor.requires_grad)
        with ExitStack() as stack:
            if ctx.rng is not None:
                stack.callback(set_states, states())
                set_states(ctx.rng)
            stack.enter_context(enable_grad())
            outputs = ctx.run_function(*args)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs: list[tuple[Any, Any]] = [
            (out, g)
            for out, g in zip(outputs, grads, strict=True)
            if isinstance(out, TensorBase) and edge_of(out) is not None
        ]
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        backward([out for out, _ in pairs], [g for _, g in pairs])
        return None, None, *[getattr(a, "grad", None) for a in args]


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Run functions (or an ``nn.Sequential``) one after another, checkpointed in segments.

    The last segment is run as it is: its values are needed at once.

    >>> import minigrad as torch
    >>> from minigrad.utils.checkpoint import checkpoint_sequential
    >>> x = torch.tensor([0.5], requires_grad=True)
    >>> y = checkpoint_sequential([torch.exp, torch.sin, torch.cos], 3, x, use_reentrant=False)
    >>> y.backward(); x.grad
    tensor([0.1078])
    """
    if use_reentrant is None:
        _warn_of_default("checkpoint_sequential")
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(steps) // segments

    def chain(some: Sequence[Any]) -> Callable[[Any], Any]:
        def run(value: Any) -> Any:
            for step in some:
                value = step(value)
            return value

        return run

    for start in range(0, size * (segments - 1), size):
        input = checkpoint(
            chain(steps[start : start + size]),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve,
        )
    return chain(steps[size * (segments - 1) :])(input)


__all__ = [
    "CheckpointError",
    "CheckpointFunction",
    "checkpoint",
    "checkpoint_sequential",
    "noop_context_fn",
    "set_checkpoint_early_stop",
]
