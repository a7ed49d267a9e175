"""A Function's context is its author's: no name of the engine's is in the way."""

from __future__ import annotations

import pytest

from minigrad.autograd.function import FunctionNode
from minigrad.autograd.graph import Node
from parity_tests.both import same_as_torch

OF_TORCH = {"metadata", "name", "next_functions", "register_hook", "register_prehook"}
OURS = sorted(
    name
    for cls in (FunctionNode, Node)
    for name in [*vars(cls), *cls.__annotations__]
    if not name.startswith("__") and name not in OF_TORCH | {"saved_tensors"}
)


def test_there_are_names_to_try() -> None:
    assert {"shape", "params", "saved", "edges", "code", "function"} <= set(OURS)


@pytest.mark.parametrize("name", OURS)
@same_as_torch
def test_a_user_may_write_any_name(torch, name):
    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.save_for_backward(x)
            setattr(ctx, name, [factor, x.shape])
            return x * factor

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            factor, shape = getattr(ctx, name)
            return torch.ones(shape) * g * factor + 0 * x, None

    x = torch.ones(2, 3, requires_grad=True)
    y = Scale.apply(x, 3.0)
    return y, torch.autograd.grad(y.sum(), x)


@same_as_torch
def test_what_was_noted_is_read_off_the_node(torch):
    class Noting(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.note = 7
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2 + len(ctx.name())

    x = torch.ones(2, requires_grad=True)
    y = Noting.apply(x)
    with pytest.raises(AttributeError, match="object has no attribute 'absent'"):
        y.grad_fn.absent  # noqa: B018
    node = y.grad_fn
    return node.note, node.saved_tensors, node.needs_input_grad, torch.autograd.grad(y.sum(), x)
