"""Hooks on tensors, on nodes and on leaves: when they run, what they see, what they may change."""

from __future__ import annotations

from typing import Any

import pytest

from parity_tests.both import attempt, both_raise, same_as_torch


def leaf(torch: Any) -> Any:
    return torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)


# -- on tensors -------------------------------------------------------------------------------


@same_as_torch
def test_a_hook_sees_the_gradient_once_and_whole(torch):
    x, seen = leaf(torch), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.clone()))
    (y * y + y).sum().backward()
    return seen, x.grad


@same_as_torch
def test_what_a_hook_returns_replaces_the_gradient(torch):
    x = leaf(torch)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    y.sum().backward()
    return x.grad


@same_as_torch
def test_hooks_run_in_the_order_of_registration(torch):
    x = leaf(torch)
    x.register_hook(lambda g: g + 1)
    x.register_hook(lambda g: g * 2)
    x.sum().backward()
    return x.grad


@same_as_torch
def test_a_hook_can_be_removed(torch):
    x = leaf(torch)
    first = x.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    first.remove()
    first.remove()
    x.sum().backward()
    return x.grad


@same_as_torch
def test_a_handle_is_a_context_manager(torch):
    x = leaf(torch)
    with x.register_hook(lambda g: g * 10):
        x.sum().backward()
    x.sum().backward()
    return x.grad


@same_as_torch
def test_a_hook_may_remove_itself_while_it_runs(torch):
    x, seen = leaf(torch), []

    def once(g):
        seen.append(g)
        handle.remove()

    handle = x.register_hook(once)
    x.sum().backward()
    x.sum().backward()
    return len(seen)


@pytest.mark.parametrize("returned", ["shape", "number", "text"])
@both_raise
def test_a_hook_must_return_a_gradient_that_fits(torch, returned):
    x = leaf(torch)
    value = {"shape": torch.ones(2, dtype=torch.float64), "number": 3.0, "text": "g"}[returned]
    x.register_hook(lambda g: value)
    x.sum().backward()


@both_raise
def test_a_tensor_outside_of_any_graph_takes_no_hook(torch):
    torch.ones(2).register_hook(print)


@both_raise
def test_an_error_in_a_hook_comes_through(torch):
    def fail(g):
        raise KeyError("mine")

    x = leaf(torch)
    x.register_hook(fail)
    x.sum().backward()


@same_as_torch
def test_after_an_error_in_a_hook_the_engine_still_works(torch):
    x = leaf(torch)
    handle = x.register_hook(lambda g: 1 / 0)
    error = attempt((x * 2).sum().backward)
    handle.remove()
    (x * 2).sum().backward()
    return error, x.grad, torch.is_grad_enabled()


@same_as_torch
def test_hooks_of_a_tensor_stay_with_the_value_that_they_saw(torch):
    x, seen = leaf(torch), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.clone()))
    y.mul_(3)
    y.sum().backward()
    return seen, x.grad


@same_as_torch
def test_hooks_run_for_grad_too(torch):
    x = leaf(torch)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    by_y = torch.autograd.grad((y * 1).sum(), y)
    return by_y, torch.autograd.grad((y * 1).sum(), x)


@same_as_torch
def test_hooks_do_not_run_off_the_path_to_the_inputs(torch):
    x, other, seen = leaf(torch), leaf(torch), []
    other.register_hook(lambda g: seen.append("other"))
    side = other * 2
    side.register_hook(lambda g: seen.append("side"))
    torch.autograd.grad((x * side).sum(), x)
    return seen


@same_as_torch
def test_a_hook_on_one_of_several_outputs(torch):
    x, seen = leaf(torch), []
    parts = x.unbind()
    parts[1].register_hook(lambda g: seen.append(g.clone()))
    parts[1].register_hook(lambda g: g * 10)
    (parts[0] * 2 + parts[1] * 3).backward()
    return seen, x.grad


@same_as_torch
def test_a_hook_with_create_graph_can_be_differentiated(torch):
    x = leaf(torch)
    y = x * x
    y.register_hook(lambda g: g * y)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return g, torch.autograd.grad(g.sum(), x)


@same_as_torch
def test_a_hook_may_look_at_modes_and_run_backward_itself(torch):
    x, other, seen = leaf(torch), leaf(torch), []

    def inner(g):
        seen.append(torch.is_grad_enabled())
        with torch.enable_grad():
            (other * other).sum().backward()

    x.register_hook(inner)
    (x * 2).sum().backward()
    return seen, other.grad, x.grad


@same_as_torch
def test_what_a_hook_writes_to_the_gradient_it_got(torch):
    x = leaf(torch)
    y = x * 2
    y.register_hook(lambda g: g.clone().mul_(3))
    y.sum().backward()
    return x.grad


# -- on nodes ---------------------------------------------------------------------------------


@same_as_torch
def test_a_node_hook_sees_what_goes_in_and_out(torch):
    x, seen = leaf(torch), []
    y = x * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    y.grad_fn.register_hook(lambda gx, g: seen.append((gx, g)))
    (y * 2).sum().backward()
    return seen, x.grad


@same_as_torch
def test_a_node_hook_may_replace_what_goes_out(torch):
    x, w = leaf(torch), leaf(torch)
    y = x * w
    y.grad_fn.register_hook(lambda gx, g: (gx[0] * 10, gx[1]))
    y.sum().backward()
    return x.grad, w.grad


@same_as_torch
def test_a_node_prehook_may_replace_what_comes_in(torch):
    x, seen = leaf(torch), []
    y = x * x

    def before(g):
        seen.append(g)
        return (g[0] * 10,)

    y.grad_fn.register_prehook(before)
    y.sum().backward()
    return seen, x.grad


@same_as_torch
def test_node_hooks_can_be_removed(torch):
    x = leaf(torch)
    y = x * x
    y.grad_fn.register_hook(lambda gx, g: (gx[0] * 10, gx[1])).remove()
    y.grad_fn.register_prehook(lambda g: (g[0] * 10,)).remove()
    y.sum().backward()
    return x.grad


@same_as_torch
def test_hooks_of_all_kinds_have_one_order(torch):
    x, order = leaf(torch), []

    def note(name):
        return lambda *args: order.append(name)

    y = x * x
    y.grad_fn.register_hook(note("node"))
    y.grad_fn.register_prehook(note("before node"))
    y.register_hook(note("tensor"))
    x.register_post_accumulate_grad_hook(note("accumulated"))
    x.register_hook(note("leaf"))
    y.sum().backward()
    return order


@same_as_torch
def test_asking_for_the_gradient_of_a_tensor_runs_its_hooks_but_not_its_node(torch):
    x, order = leaf(torch), []
    y = x * x
    y.register_hook(lambda g: order.append("tensor"))
    y.grad_fn.register_prehook(lambda g: order.append("before node"))
    y.grad_fn.register_hook(lambda gx, g: order.append("node"))
    torch.autograd.grad((y * 2).sum(), y)
    return order


@same_as_torch
def test_the_graph_can_be_walked(torch):
    x = leaf(torch)
    y = (x.exp() * 2).sum()
    names, node = [], y.grad_fn
    while node is not None:
        names.append(node.name().rpartition(":")[2])  # torch: a C++ name at the end
        node = node.next_functions[0][0] if node.next_functions else None
    return names


@same_as_torch
def test_the_end_of_the_graph_knows_its_leaf(torch):
    x = leaf(torch)
    return (x * 2).grad_fn.next_functions[0][0].variable is x


# -- after accumulation -----------------------------------------------------------------------


@same_as_torch
def test_a_post_accumulate_hook_sees_the_leaf_with_its_gradient(torch):
    x, seen = leaf(torch), []
    x.register_post_accumulate_grad_hook(lambda p: seen.append((p is x, p.grad.clone())))
    (x * 2).sum().backward()
    (x * 3).sum().backward()
    return seen


@same_as_torch
def test_a_post_accumulate_hook_may_step_and_drop_the_gradient(torch):
    x = leaf(torch)

    def step(p):
        with torch.no_grad():
            p.sub_(0.1 * p.grad)
        p.grad = None

    handle = x.register_post_accumulate_grad_hook(step)
    (x * x).sum().backward()
    handle.remove()
    after = x.detach().clone()
    x.sum().backward()
    return after, x.grad


@both_raise
def test_a_computed_tensor_takes_no_post_accumulate_hook(torch):
    (leaf(torch) * 2).register_post_accumulate_grad_hook(print)


@both_raise
def test_a_constant_takes_no_post_accumulate_hook(torch):
    torch.ones(2).register_post_accumulate_grad_hook(print)


@same_as_torch
def test_grad_does_not_run_post_accumulate_hooks(torch):
    x, seen = leaf(torch), []
    x.register_post_accumulate_grad_hook(lambda p: seen.append(1))
    torch.autograd.grad((x * 2).sum(), x)
    return seen
