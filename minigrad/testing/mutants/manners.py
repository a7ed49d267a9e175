"""Backwards that misbehave: chance, state, writes, memory layouts, cotangents that are not used."""

from __future__ import annotations

from typing import Any

import minigrad as torch
from minigrad.autograd.record import T, call
from minigrad.testing.mutants.spoiling import Mutant, entered

__all__ = ["FOUND"]


def halved(x: Any) -> Any:
    """Dropout at 0.5 whose mask is drawn from the seed."""
    return torch.nn.functional.dropout(x, 0.5)


def halved_alike(x: Any) -> Any:
    """Dropout at 0.5, always with the same mask."""
    torch.manual_seed(0)
    return torch.nn.functional.dropout(x, 0.5)


class _Remembered(torch.autograd.Function):
    """x^2, with x kept on the class."""

    last: Any = None

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        _Remembered.last = x.detach().clone()
        return x * x

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        return 2 * _Remembered.last * cotangents[0]


def remembered(x: Any) -> Any:
    """x^2"""
    return _Remembered.apply(x)


class _Consumed(torch.autograd.Function):
    """x^3, whose backward multiplies what was saved in place."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.square = x.detach() ** 2
        return x**3

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        return ctx.square.mul_(3) * cotangents[0]


def consumed(x: Any) -> Any:
    """x^3"""
    return _Consumed.apply(x)


class _Memory(torch.autograd.Function):
    """2 x, whose backward reads the cotangent's memory from end to end."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        g = cotangents[0].detach().numpy()
        return torch.from_numpy(2 * g.ravel(order="K").reshape(g.shape))


def by_memory(x: Any) -> Any:
    """2 x"""
    return _Memory.apply(x)


def _over_the_cotangent(s: Any) -> Any:
    s.g.data.mul_(s.x.cos())
    return s.g


def _new_mask(s: Any) -> Any:
    return s.g * (torch.rand(s.x.shape) > 0.5) * 2


FOUND = [
    Mutant(
        "dropout_draws_again",
        "The mask is drawn anew in backward, rather than saved (or its seed is not restored).",
        ("backward not repeatable",),
        entered(halved, _new_mask, call(T(6))),
    ),
    Mutant(
        "dropout_forgets_its_scale",
        "1 / (1 - p) in forward only.",
        ("constant factor 1/2",),
        entered(halved_alike, lambda s: s.g * (s.out != 0), call(T(6))),
    ),
    Mutant(
        "saved_on_the_class",
        "self.x = x: the next forward overwrites what this backward needs.",
        ("stale saved value",),
        entered(remembered, None, call(T(3))),
    ),
    Mutant(
        "saved_value_used_up",
        "backward multiplies what it saved in place: the second sweep is wrong.",
        ("backward not repeatable",),
        entered(consumed, None, call(T(3))),
    ),
    Mutant(
        "cotangent_written_over",
        "g *= ... in backward: g is another branch's gradient as well.",
        ("writes its cotangent",),
        entered("sin", _over_the_cotangent, call(T(3))),
    ),
    Mutant(
        "cotangent_forgotten",
        "The local derivative without g: right as long as the op is the last.",
        ("cotangent not used",),
        entered("sin", lambda s: s.x.cos(), call(T(3)), varied=False),
    ),
    Mutant(
        "gradient_clipped_on_the_way",
        "A clip that was meant for the optimiser stands in backward.",
        ("not linear in the cotangent",),
        entered("mul", lambda s: [g.clamp(-4, 4) for g in s.gradients], call(T(4), T(4))),
    ),
    Mutant(
        "strides_not_looked_at",
        "A kernel that reads the cotangent as if it were contiguous; .sum() sends an expanded one.",
        ("depends on memory layout",),
        entered(by_memory, None, call(T(2, 3))),
    ),
]
