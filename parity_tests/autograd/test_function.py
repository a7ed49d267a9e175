"""User-defined functions: what forward may say to ctx, and what backward must return."""

from __future__ import annotations

from typing import Any

import pytest

from parity_tests.both import attempt, both_raise, same_as_torch


def leaf(torch: Any, *values: float) -> Any:
    return torch.tensor(values or (1.0, -2.0, 0.5), dtype=torch.float64, requires_grad=True)


def function(torch: Any, forward: Any, backward: Any, setup: Any = None) -> Any:
    """A Function class made of plain functions."""
    body = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    if setup is not None:
        body["setup_context"] = staticmethod(setup)
    return type("Mine", (torch.autograd.Function,), body)


def cube(torch: Any) -> Any:
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g

    return function(torch, forward, backward)


@same_as_torch
def test_forward_and_backward(torch):
    x = leaf(torch)
    y = cube(torch).apply(x * 2)
    y.sum().backward()
    return y, y.grad_fn.name(), x.grad


@same_as_torch
def test_forward_is_not_recorded(torch):
    seen = []

    def forward(ctx, x):
        y = x * 2
        seen.extend([torch.is_grad_enabled(), y.requires_grad, x.requires_grad])
        return y

    y = function(torch, forward, lambda ctx, g: g * 2).apply(leaf(torch))
    return seen, y.requires_grad, y.is_leaf


@same_as_torch
def test_derivatives_of_every_order(torch):
    x = leaf(torch)
    y, found = cube(torch).apply(x), []
    for _ in range(3):
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        found.append(y)
    return found


@same_as_torch
def test_a_saved_output_is_differentiated_through_the_function_itself(torch):
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y

    x = leaf(torch)
    (first,) = torch.autograd.grad(
        function(torch, forward, backward).apply(x).sum(), x, create_graph=True
    )
    return first, torch.autograd.grad(first.sum(), x)


@same_as_torch
def test_constants_get_no_graph(torch):
    y = cube(torch).apply(torch.ones(3))
    with torch.no_grad():
        z = cube(torch).apply(leaf(torch))
    return y.requires_grad, z.requires_grad


@same_as_torch
def test_arguments_that_are_no_tensors(torch):
    def forward(ctx, x, power, name, flag=None):
        ctx.power = power
        ctx.save_for_backward(x)
        return x**power

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return ctx.power * x ** (ctx.power - 1) * g, None, None, None

    x = leaf(torch)
    function(torch, forward, backward).apply(x, 2, "name", [1, 2]).sum().backward()
    return x.grad


@same_as_torch
def test_needs_input_grad_says_who_wants_a_gradient(torch):
    seen = []

    def forward(ctx, a, b, c, n):
        seen.append(ctx.needs_input_grad)
        return a * b + c

    def backward(ctx, g):
        seen.append(ctx.needs_input_grad)
        return g, None, None, None

    a, b, c = leaf(torch), torch.ones(3).double(), leaf(torch)
    function(torch, forward, backward).apply(a, b, c, 3).sum().backward()
    return seen, a.grad, c.grad


@same_as_torch
def test_several_outputs(torch):
    seen = []

    def forward(ctx, x):
        return x * 2, x * 3

    def backward(ctx, ga, gb):
        seen.append((ga, gb))
        return ga * 2 + gb * 3

    x = leaf(torch)
    a, b = function(torch, forward, backward).apply(x)
    (a * a + b).sum().backward()
    return seen, x.grad, a.output_nr, b.output_nr, a.grad_fn is b.grad_fn


@pytest.mark.parametrize("materialize", [True, False])
@same_as_torch
def test_outputs_that_nobody_used_come_as_zeros_or_none(torch, materialize):
    seen = []

    def forward(ctx, x):
        ctx.set_materialize_grads(materialize)
        return x * 2, x[:1] * 3

    def backward(ctx, ga, gb):
        seen.append((ga, gb))
        return ga * 2

    x = leaf(torch)
    function(torch, forward, backward).apply(x)[0].sum().backward()
    return seen, x.grad


@same_as_torch
def test_marked_outputs_are_not_differentiable(torch):
    def forward(ctx, x):
        order = x.argmax()
        positive = (x > 0).to(torch.float64)
        ctx.mark_non_differentiable(order, positive)
        return x * 2, order, positive

    def backward(ctx, g, *rest):
        return g * 2

    x = leaf(torch)
    y, order, positive = function(torch, forward, backward).apply(x)
    y.sum().backward()
    return [t.requires_grad for t in (y, order, positive)], x.grad


@same_as_torch
def test_integer_outputs_are_not_differentiable(torch):
    def forward(ctx, x):
        return x * 2, x.argmax()

    y, index = function(torch, forward, lambda ctx, g, _: g * 2).apply(leaf(torch))
    return y.requires_grad, index.requires_grad


@pytest.mark.parametrize("target", ["computed", "constant", "leaf"])
@same_as_torch
def test_mark_dirty_tells_of_a_write(torch, target):
    def forward(ctx, x, y):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    x, y = leaf(torch), leaf(torch)
    a = {"computed": lambda: x * 1, "constant": x.detach().clone, "leaf": lambda: x}[target]()
    mine = function(torch, forward, lambda ctx, g: (g * 2, g))
    error = attempt(lambda: mine.apply(a, y))
    if error != "no error":
        return error
    a = {"computed": lambda: x * 1, "constant": x.detach().clone, "leaf": lambda: x}[target]()
    out = mine.apply(a, y)
    (out * out).sum().backward()
    return out is a, a._version, a.is_leaf, a.detach(), x.grad, y.grad


@same_as_torch
def test_an_input_returned_as_it_is_keeps_its_own_history(torch):
    x = leaf(torch)
    a = x * 2
    y = function(torch, lambda ctx, x: x, lambda ctx, g: g * 10).apply(a)
    y.sum().backward()
    return y is a, x.grad


@same_as_torch
def test_a_leaf_returned_as_it_is_stays_a_leaf(torch):
    x = leaf(torch)
    y = function(torch, lambda ctx, x: x, lambda ctx, g: g * 10).apply(x)
    y.sum().backward()
    return x.is_leaf, y.is_leaf, x.grad


@pytest.mark.parametrize("returned", ["too few", "too many", "trailing none", "nothing", "number"])
@same_as_torch
def test_backward_must_return_one_gradient_per_argument(torch, returned):
    def backward(ctx, g):
        return {
            "too few": g,
            "too many": (g, g, g),
            "trailing none": (g, g, None, None),
            "nothing": None,
            "number": (1.0, g),
        }[returned]

    a, b = leaf(torch), leaf(torch)
    mine = function(torch, lambda ctx, a, b: a * b, backward)
    return attempt(mine.apply(a, b).sum().backward)


@same_as_torch
def test_none_for_an_argument_that_wants_a_gradient_is_no_gradient(torch):
    a, b = leaf(torch), leaf(torch)
    function(torch, lambda ctx, a, b: a * b, lambda ctx, g: (None, g)).apply(a, b).sum().backward()
    return a.grad, b.grad


@pytest.mark.parametrize("shape", [(2,), (1,), (2, 3), (1, 3), (3, 1), ()])
@same_as_torch
def test_a_gradient_of_another_shape_is_summed_if_it_is_a_broadcast_one(torch, shape):
    def backward(ctx, g):
        return torch.ones(shape, dtype=torch.float64)

    x = leaf(torch)
    error = attempt(function(torch, lambda ctx, x: x * 2, backward).apply(x).sum().backward)
    return error, x.grad


@same_as_torch
def test_a_gradient_of_another_float_type_is_converted(torch):
    def backward(ctx, g):
        return g.to(torch.float32)

    x, seen = leaf(torch), []
    y = x * 2
    y.register_hook(lambda g: seen.append(str(g.dtype)[6:]))
    function(torch, lambda ctx, x: x * 2, backward).apply(y).sum().backward()
    return x.grad, [s.rpartition(".")[2] for s in seen]


@same_as_torch
def test_setup_context_apart_from_forward(torch):
    def setup(ctx, inputs, output):
        x, power = inputs
        ctx.power = power
        ctx.save_for_backward(x, output)

    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * ctx.power * y / x, None

    x = leaf(torch)
    y = function(torch, lambda x, power: x**power, backward, setup).apply(x, 3)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return first, torch.autograd.grad(first.sum(), x)


@same_as_torch
def test_saved_values_are_freed_and_watched(torch):
    x = leaf(torch)
    y = cube(torch).apply(x)
    y.sum().backward()
    again = attempt(y.sum().backward)
    a = x * 1
    z = cube(torch).apply(a)
    a.mul_(2)
    return again, attempt(z.sum().backward)


@same_as_torch
def test_a_function_that_saved_nothing_can_be_run_again(torch):
    x = leaf(torch)
    y = function(torch, lambda ctx, x: x * 2, lambda ctx, g: g * 2).apply(x)
    y.sum().backward()
    y.sum().backward()
    return x.grad


@same_as_torch
def test_none_can_be_saved(torch):
    seen = []

    def forward(ctx, x):
        ctx.save_for_backward(x, None)
        return x * 2

    def backward(ctx, g):
        seen.append(ctx.saved_tensors[1])
        return g

    function(torch, forward, backward).apply(leaf(torch)).sum().backward()
    return seen


@same_as_torch
def test_backward_runs_recorded_only_with_create_graph(torch):
    seen = []

    def backward(ctx, g):
        seen.append((torch.is_grad_enabled(), g.requires_grad))
        return g * 2

    x = leaf(torch)
    y = function(torch, lambda ctx, x: x * 2, backward).apply(x).sin().sum()
    torch.autograd.grad(y, x, create_graph=True)
    y.backward()
    return seen


@same_as_torch
def test_once_differentiable_forbids_a_second_derivative(torch):
    from importlib import import_module

    once = import_module(f"{torch.__name__}.autograd.function").once_differentiable

    def backward(ctx, g):
        return g * 2 * torch.is_grad_enabled() + g

    x = leaf(torch)
    y = function(torch, lambda ctx, x: x * 2, once(backward)).apply(x).sin().sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    return g.detach(), g.requires_grad, attempt(g.sum().backward)


@both_raise
def test_forward_must_be_written(torch):
    type("Empty", (torch.autograd.Function,), {}).apply(leaf(torch))


@both_raise
def test_backward_must_be_written(torch):
    body = {"forward": staticmethod(lambda ctx, x: x * 2)}
    type("Empty", (torch.autograd.Function,), body).apply(leaf(torch)).sum().backward()


@same_as_torch
def test_outputs_that_are_no_tensors_are_passed_on(torch):
    def run(output):
        return function(torch, lambda ctx, x: output(x), lambda ctx, *g: g[0]).apply(leaf(torch))

    return run(lambda x: "text"), run(lambda x: None), run(lambda x: (x * 2, "a", 3))


@same_as_torch
def test_mark_dirty_on_a_view_changes_its_base(torch):
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    x = leaf(torch)
    base = x * 1
    out = function(torch, forward, lambda ctx, g: g * 2).apply(base[1:])
    (base * base).sum().backward()
    return base.detach(), out.detach(), x.grad


@both_raise
def test_an_error_in_backward_comes_through(torch):
    y = function(torch, lambda ctx, x: x * 2, lambda ctx, g: {}["key"]).apply(leaf(torch))
    y.sum().backward()
