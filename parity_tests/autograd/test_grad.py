"""``autograd.grad``: its arguments and errors; derivatives of higher order."""

from __future__ import annotations

from typing import Any

import pytest

import minigrad
from parity_tests.both import attempt, both_raise, same_as_torch


def leaf(torch: Any, *values: float) -> Any:
    return torch.tensor(values or (1.0, -2.0, 0.5), dtype=torch.float64, requires_grad=True)


# -- grad -------------------------------------------------------------------------------------


@same_as_torch
def test_grad_leaves_grad_alone(torch):
    x = leaf(torch)
    return torch.autograd.grad((x * x).sum(), x), x.grad


@same_as_torch
def test_grad_of_several_outputs_by_several_inputs(torch):
    a, b = leaf(torch), leaf(torch)
    return torch.autograd.grad([(a * b).sum(), a.sum()], [a, b])


@same_as_torch
def test_grad_with_weights(torch):
    a = leaf(torch)
    return torch.autograd.grad([a * a, a], a, [torch.ones(3), torch.full((3,), 5.0)])


@same_as_torch
def test_grad_by_an_intermediate_tensor_and_by_its_source(torch):
    x = leaf(torch)
    y = x * x
    return torch.autograd.grad(y.exp().sum(), [y, x])


@same_as_torch
def test_grad_by_the_same_input_twice(torch):
    x = leaf(torch)
    return torch.autograd.grad((x * x).sum(), [x, x])


@same_as_torch
def test_grad_of_a_tensor_by_itself(torch):
    x = leaf(torch, 2.0)
    y = x * x
    return torch.autograd.grad(y, [y, x])


@same_as_torch
def test_unused_inputs(torch):
    x, unused = leaf(torch), leaf(torch)

    def ask(**kwargs: Any) -> Any:
        return torch.autograd.grad(x.sum(), [x, unused], **kwargs)

    return (
        attempt(ask),
        ask(allow_unused=True),
        ask(materialize_grads=True),
        ask(allow_unused=True, materialize_grads=True),
        attempt(lambda: ask(allow_unused=False, materialize_grads=True)),
    )


@pytest.mark.parametrize("allow_unused", [None, False, True])
@both_raise
def test_an_input_that_requires_no_gradient_is_refused(torch, allow_unused):
    x = leaf(torch)
    torch.autograd.grad(x.sum(), [x, torch.ones(3)], allow_unused=allow_unused)


@same_as_torch
def test_what_nobody_asked_for_is_not_worked_out(torch):
    base, exponent = leaf(torch, -2.0, 3.0), leaf(torch, 2.0, 2.0)
    with torch.autograd.detect_anomaly(check_nan=True):  # the logarithm of -2 would be found
        y = (base**exponent).sum()
        asked = torch.autograd.grad(y, base, retain_graph=True)
        y.backward(inputs=[base])
    return asked, base.grad, exponent.grad


@pytest.mark.parametrize("recorded", [False, True])
def test_derivatives_of_other_arguments_do_not_run(monkeypatch, recorded):
    x = minigrad.randn(2, 3, 4, 4, requires_grad=True)
    w = minigrad.randn(3, 3, 3, 3, requires_grad=True)
    y, ran = minigrad.nn.functional.conv2d(x, w), []

    def noted(index, pull):
        return lambda *args: (ran.append(index), pull(*args))[1]

    op = y._node.op
    monkeypatch.setattr(op, "pulls", tuple(noted(*pair) for pair in enumerate(op.pulls)))
    minigrad.autograd.grad(y.sum(), w, create_graph=recorded)
    assert ran == [op.inputs.index("weight")]


@pytest.mark.parametrize("recorded", [False, True])
def test_a_derivative_of_several_arguments_knows_which_are_asked_for(monkeypatch, recorded):
    x, w = (minigrad.randn(5, 3, requires_grad=True), minigrad.randn(3, requires_grad=True))
    y, asked = minigrad.nn.functional.batch_norm(x, None, None, w, training=True), []
    op = y._node.op
    joint = op.joint

    def noted(g, saved, node, F):
        asked.extend(name for name, e in zip(op.inputs, node.edges, strict=False) if e)
        return joint(g, saved, node, F)

    monkeypatch.setattr(op, "joint", noted)
    minigrad.autograd.grad(y.sum(), x, create_graph=recorded)
    assert asked == ["input"]


@same_as_torch
def test_a_flat_path_gives_zeros_not_none(torch):
    x = leaf(torch)
    return torch.autograd.grad((x * 0).sum(), x)


@same_as_torch
def test_integers_get_no_gradient(torch):
    x, index = leaf(torch), torch.tensor([0, 2])
    x[index].sum().backward()
    return x.grad, index.grad, index.requires_grad


@same_as_torch
def test_a_comparison_cuts_the_graph(torch):
    x = leaf(torch)
    return (x > 0).requires_grad, (x.detach() > 0).requires_grad


# -- higher orders ----------------------------------------------------------------------------


@same_as_torch
def test_four_derivatives_of_a_product_of_functions(torch):
    x = leaf(torch, 0.7)
    y, found = (x.sin() * x.exp() * x**3).sum(), []
    for _ in range(4):
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        found.append(y)
    return found


@same_as_torch
def test_second_derivative_through_views_reductions_and_indices(torch):
    x = leaf(torch, 1.0, 2.0, 3.0, 4.0)
    y = (x.reshape(2, 2).t()[0] ** 3).sum() * x[[0, 0, 3]].mean()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    return torch.autograd.grad((g * g).sum(), x)


@same_as_torch
def test_backward_of_a_gradient_penalty(torch):
    x, w = leaf(torch), leaf(torch, 0.1, 0.2, 0.3)
    (g,) = torch.autograd.grad((w * x).sin().sum(), x, create_graph=True)
    ((g * g).sum() - 1).abs().backward()
    return w.grad, x.grad


@same_as_torch
def test_a_linear_function_has_no_second_derivative(torch):
    x = leaf(torch)
    (g,) = torch.autograd.grad((x * 2).sum(), x, create_graph=True)
    return g, g.requires_grad, attempt(lambda: torch.autograd.grad(g.sum(), x))


@same_as_torch
def test_backward_with_create_graph_gives_a_gradient_that_can_be_differentiated(torch):
    x = leaf(torch, 2.0)
    (x**3).sum().backward(create_graph=True)
    (second,) = torch.autograd.grad(x.grad.sum(), x)
    return x.grad.detach(), x.grad.requires_grad, second


@same_as_torch
def test_a_write_after_the_first_derivative_spoils_the_second(torch):
    x = leaf(torch)
    y = x * 1
    (g,) = torch.autograd.grad(y.sin().sum(), y, create_graph=True)
    y.mul_(2)
    return attempt((g * g).sum().backward)


# Formulas that bring a gradient in another order of memory than the leaf's.
TURNED = {
    "a layer by hand": lambda torch, w: torch.ones(5, 3) @ w.t(),
    "a join": lambda torch, w: torch.cat([w, w], 1).T * torch.arange(24.0).reshape(6, 4),
    "a stack": lambda torch, w: torch.stack([w, w]).permute(2, 1, 0) * torch.ones(3, 4, 2),
    "a determinant": lambda torch, w: torch.linalg.det(w[:3] + torch.eye(3)),
}


@pytest.mark.parametrize("name", TURNED)
@same_as_torch
def test_gradients_of_leaves_can_be_flattened(torch, name):
    w = torch.linspace(0, 1, 12).sin().reshape(4, 3).requires_grad_()
    TURNED[name](torch, w).sum().backward()
    return w.grad.is_contiguous(), w.grad.view(-1)


@pytest.mark.parametrize("create_graph", [False, True])
@same_as_torch
def test_what_grad_gives_can_be_flattened(torch, create_graph):
    w, v = (torch.linspace(0, 1, 12).sin().reshape(4, 3).requires_grad_() for _ in "ab")
    y = (torch.tanh(torch.ones(5, 3) @ w.t()) @ v).pow(2).sum()
    with torch.no_grad():
        found = torch.autograd.grad(y, [w, v], create_graph=create_graph)
    flat = torch.cat([g.view(-1) for g in found])
    return flat, torch.autograd.grad(flat.sum(), w) if create_graph else None
