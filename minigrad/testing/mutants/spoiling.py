"""How a wrong gradient is made of a right one: a backward is replaced, or a part of the engine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import minigrad as torch
from minigrad.autograd import engine
from minigrad.autograd.record import Call, Domain, Record
from minigrad.testing.cases import mapped, record_of

__all__ = ["Backward", "Mutant", "engine_with", "entered", "spoilt"]


@dataclass(frozen=True)
class Backward:
    """What a spoilt backward can use: the cotangent, the values, and the right gradients."""

    g: Any
    inputs: tuple[Any, ...]
    out: Any
    gradients: tuple[Any, ...]
    forward: Callable[..., Any]

    def pull(self, g: Any) -> tuple[Any, ...]:
        """The right gradients of another cotangent."""
        return _pulled(self.forward, self.inputs, g)[1]

    @property
    def x(self) -> Any:
        """The first input."""
        return self.inputs[0]


Wrong = Callable[[Backward], Any]


@dataclass(frozen=True)
class Mutant:
    """A wrong gradient: its name, what it was in history, and what a diagnosis must say.

    >>> from minigrad.testing.mutants import MUTANTS
    >>> MUTANTS["sigmoid_forgets_a_factor"].truth
    ('wrong factor',)
    """

    name: str
    history: str
    truth: tuple[str, ...]  # names of diagnoses that are right
    record: Record
    engine: Callable[[], AbstractContextManager[None]] = nullcontext
    second: bool = False  # the first order is right
    ties: bool = False
    special: tuple[float, ...] = ()


def spoilt(function: Callable[..., Any], wrong: Wrong) -> Callable[..., Any]:
    """A function with its values, and a backward that returns what ``wrong`` makes."""

    def run(*args: Any, **kwargs: Any) -> Any:
        call, leaves = Call(args, kwargs), []

        def note(tensor: Any) -> Any:
            if tensor.is_floating_point():
                leaves.append(tensor)
            return tensor

        mapped(call, torch.Tensor, note)

        def again(*values: Any) -> Any:
            left = iter(values)
            whole = mapped(call, torch.Tensor, lambda t: next(left) if t.is_floating_point() else t)
            return function(*whole.args, **whole.kwargs)

        return _Spoilt.apply(again, wrong, *leaves)

    run.__name__ = getattr(function, "__name__", "f")
    return run


class _Spoilt(torch.autograd.Function):
    """A function that is told its backward."""

    @staticmethod
    def forward(ctx: Any, forward: Any, wrong: Any, *inputs: Any) -> Any:
        ctx.save_for_backward(*inputs)
        ctx.forward, ctx.wrong = forward, wrong
        return forward(*inputs).clone()

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        (g,) = cotangents
        inputs = ctx.saved_tensors
        out, right = _pulled(ctx.forward, inputs, g)
        found = ctx.wrong(Backward(g, inputs, out, right, ctx.forward))
        several = found if isinstance(found, (list, tuple)) else (found, *right[1:])
        return None, None, *several


def _pulled(forward: Any, inputs: Sequence[Any], g: Any) -> tuple[Any, tuple[Any, ...]]:
    """The output and the right gradients, zeros where nothing arrives."""
    with torch.enable_grad():
        copies = [t.detach().requires_grad_() for t in inputs]
        out = forward(*copies)
        found = torch.autograd.grad(out, copies, g, allow_unused=True)
    zeros = (torch.zeros_like(c) if f is None else f for f, c in zip(found, copies, strict=True))
    return out.detach(), tuple(zeros)


@contextlib.contextmanager
def engine_with(**parts: Any) -> Iterator[None]:
    """The engine with some of its functions replaced."""
    old = {name: getattr(engine, name) for name in parts}
    try:
        for name, part in parts.items():
            setattr(engine, name, part)
        yield
    finally:
        for name, part in old.items():
            setattr(engine, name, part)


def entered(
    op: str | Callable[..., Any],
    wrong: Wrong | None,
    *samples: Call,
    domain: Domain | None = None,
    varied: bool | None = None,
) -> Record:
    """The record of an op (or of a function of its own) with a spoilt backward."""
    if isinstance(op, str):
        record = record_of(op)
    else:
        record = Record(op.__name__, op, op, "", where=(), varied=False)
    facts: dict[str, Any] = {"domain": (domain,)} if domain else {}
    if samples:
        facts["samples"] = samples
    if varied is not None:
        facts["varied"] = varied
    if wrong is not None:
        facts["function"] = spoilt(record.function, wrong)
    return replace(record, **facts)
