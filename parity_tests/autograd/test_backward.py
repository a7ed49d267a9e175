"""``backward``: its arguments, its errors, and what it leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
import torch as oracle

import minigrad
from parity_tests.both import attempt, both_raise, same_as_torch


def leaf(torch: Any, *values: float) -> Any:
    return torch.tensor(values or (1.0, -2.0, 0.5), dtype=torch.float64, requires_grad=True)


# -- the cotangent that comes in --------------------------------------------------------------


@same_as_torch
def test_a_scalar_needs_no_gradient(torch):
    x = leaf(torch)
    (x * x).sum().backward()
    return x.grad


@same_as_torch
def test_a_tensor_of_one_element_needs_no_gradient_whatever_its_axes(torch):
    x = leaf(torch, 3.0)
    (x * x).reshape(1, 1).backward()
    return x.grad


@both_raise
def test_several_elements_need_a_gradient(torch):
    (leaf(torch) * 2).backward()


@same_as_torch
def test_the_gradient_weighs_the_outputs(torch):
    x = leaf(torch)
    (x * x).backward(torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64))
    return x.grad


@pytest.mark.parametrize("shape", [(2,), (1, 3), (3, 1), ()])
@both_raise
def test_a_gradient_of_another_shape_is_refused(torch, shape):
    (leaf(torch) * 2).backward(torch.ones(shape, dtype=torch.float64))


@pytest.mark.parametrize("wrong", [1.0, [1.0, 1.0, 1.0], "ones"])
@both_raise
def test_a_gradient_that_is_no_tensor_is_refused(torch, wrong):
    (leaf(torch) * 2).backward(wrong)


@same_as_torch
def test_a_gradient_of_another_float_type_is_converted(torch):
    x = leaf(torch)
    (x * x).backward(torch.ones(3, dtype=torch.float32))
    return x.grad


@same_as_torch
def test_the_gradient_given_is_not_the_gradient_kept(torch):
    x, g = leaf(torch), torch.ones(3, dtype=torch.float64)
    x.backward(g)
    x.backward(g)
    return x.grad, g, x.grad is g


@same_as_torch
def test_the_gradient_given_is_not_kept_with_create_graph_either(torch):
    x, g = leaf(torch), torch.ones(3, dtype=torch.float64)
    x.backward(g, create_graph=True)
    x.grad.zero_()
    return g


@both_raise
def test_a_tensor_without_a_graph_has_no_backward(torch):
    torch.ones(()).backward()


@both_raise
def test_an_output_made_in_no_grad_mode_has_no_backward(torch):
    x = leaf(torch)
    with torch.no_grad():
        y = x.sum()
    y.backward()


@same_as_torch
def test_backward_on_a_leaf_gives_one(torch):
    x = torch.tensor(3.0, requires_grad=True)
    x.backward()
    return x.grad


@same_as_torch
def test_backward_runs_inside_no_grad(torch):
    x = leaf(torch)
    y = (x * x).sum()
    with torch.no_grad():
        y.backward()
    return x.grad


# -- several outputs --------------------------------------------------------------------------


@same_as_torch
def test_several_outputs_are_added(torch):
    x = leaf(torch)
    torch.autograd.backward([(x * x).sum(), x.sum()])
    return x.grad


@same_as_torch
def test_several_outputs_with_some_gradients(torch):
    x = leaf(torch)
    torch.autograd.backward([(x * x).sum(), x * 3], [None, torch.ones(3, dtype=torch.float64)])
    return x.grad


@same_as_torch
def test_the_same_output_twice_counts_twice(torch):
    x = leaf(torch)
    y = (x * x).sum()
    torch.autograd.backward([y, y])
    return x.grad


@both_raise
def test_fewer_gradients_than_outputs_are_refused(torch):
    x = leaf(torch)
    torch.autograd.backward([x.sum(), x.sum()], [None])


@both_raise
def test_one_output_without_a_graph_spoils_all(torch):
    torch.autograd.backward([leaf(torch).sum(), torch.ones(())])


# -- accumulation and shared parts ------------------------------------------------------------


@same_as_torch
def test_gradients_accumulate_in_place(torch):
    x = leaf(torch)
    (x * x).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    return x.grad, x.grad is first


@same_as_torch
def test_a_gradient_set_to_none_starts_anew(torch):
    x = leaf(torch)
    (x * x).sum().backward()
    x.grad = None
    (x * 3).sum().backward()
    return x.grad


@same_as_torch
def test_two_leaves_do_not_share_the_memory_of_one_gradient(torch):
    a, b = leaf(torch), leaf(torch)
    (a + b).sum().backward()
    a.grad.mul_(5)
    return a.grad, b.grad


@same_as_torch
def test_two_leaves_do_not_share_the_gradient_with_create_graph(torch):
    a, b = leaf(torch), leaf(torch)
    (a + b).backward(torch.ones(3, dtype=torch.float64), create_graph=True)
    return a.grad is b.grad


@same_as_torch
def test_a_later_backward_does_not_change_an_earlier_gradient_of_another_leaf(torch):
    a, b = leaf(torch), leaf(torch)
    (a + b).backward(torch.ones(3, dtype=torch.float64))
    a.sum().backward()
    return a.grad, b.grad


@same_as_torch
def test_a_tensor_used_twice_by_one_op(torch):
    x = leaf(torch)
    (x * x + x / x + (x - x)).sum().backward()
    return x.grad


@same_as_torch
def test_a_shared_subgraph_is_run_once_with_the_sum_of_its_cotangents(torch):
    x, seen = leaf(torch), []
    shared = x * x
    shared.register_hook(seen.append)
    (shared.sin() + shared.exp() * 2).sum().backward()
    return x.grad, seen


@same_as_torch
def test_sixty_doublings_take_sixty_steps(torch):
    x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    b = x
    for _ in range(60):
        b = b + b
    b.backward()
    return x.grad


@same_as_torch
def test_paths_of_different_length_meet(torch):
    x = leaf(torch)
    y = x
    for _ in range(5):
        y = y * x + y
    (y + x).sum().backward()
    return x.grad


# -- retain_graph -----------------------------------------------------------------------------


@both_raise
def test_a_second_backward_needs_retain_graph(torch):
    y = (leaf(torch) ** 2).sum()
    y.backward()
    y.backward()


@same_as_torch
def test_retain_graph_allows_a_second_backward(torch):
    x = leaf(torch)
    y = (x**2).sum()
    y.backward(retain_graph=True)
    y.backward()
    return x.grad, attempt(y.backward)


@same_as_torch
def test_a_graph_that_saved_nothing_can_be_run_again(torch):
    x = leaf(torch)
    y = (x + x).reshape(3, 1).sum()
    y.backward()
    y.backward()
    return x.grad


@pytest.mark.parametrize("name", ["cat", "to", "stack", "expand", "getitem", "neg", "mean"])
@same_as_torch
def test_an_op_that_saves_no_values_can_be_run_again(torch, name):
    x = leaf(torch)
    y = {
        "cat": lambda: torch.cat([x, x]),
        "stack": lambda: torch.stack([x, x]),
        "to": lambda: x.to(torch.float32),
        "expand": lambda: x.expand(2, 3),
        "getitem": lambda: x[1:],
        "neg": lambda: -x,
        "mean": lambda: x.mean(),
    }[name]()
    y.sum().backward()
    y.sum().backward()
    return x.grad


@same_as_torch
def test_freeing_one_output_frees_the_part_that_is_shared(torch):
    x = leaf(torch)
    shared = x.exp()
    (shared * 2).sum().backward()
    return attempt((shared * 3).sum().backward)


@same_as_torch
def test_create_graph_retains_the_graph_unless_told_otherwise(torch):
    x = leaf(torch)
    y = (x**3).sum()
    torch.autograd.grad(y, x, create_graph=True)
    torch.autograd.grad(y, x, create_graph=True, retain_graph=False)
    return attempt(lambda: torch.autograd.grad(y, x))


# -- inputs= ----------------------------------------------------------------------------------


@same_as_torch
def test_inputs_limits_what_is_written(torch):
    a, b = leaf(torch), leaf(torch)
    (a * b).sum().backward(inputs=[a])
    return a.grad, b.grad


@same_as_torch
def test_inputs_may_be_one_tensor(torch):
    a, b = leaf(torch), leaf(torch)
    (a * b).sum().backward(inputs=b)
    return a.grad, b.grad


@same_as_torch
def test_inputs_may_be_a_computed_tensor_which_keeps_its_gradient_from_then_on(torch):
    a = leaf(torch)
    y = a * 2
    (y * y).sum().backward(inputs=[y], retain_graph=True)
    first = y.grad.clone()
    (y * 3).sum().backward()
    return first, y.grad, y.retains_grad, a.grad


@pytest.mark.parametrize("wrong", ["none", "unrelated", "constant"])
@same_as_torch
def test_inputs_that_get_nothing(torch, wrong):
    a = leaf(torch)
    inputs = {"none": [], "unrelated": [leaf(torch)], "constant": [torch.ones(3)]}[wrong]
    return attempt(lambda: a.sum().backward(inputs=inputs)), a.grad


@same_as_torch
def test_what_is_asked_for_is_not_run_itself(torch):
    x = leaf(torch)
    y = x.exp()
    z = (y * y).sum()
    (gy,) = torch.autograd.grad(z, y)
    (gx,) = torch.autograd.grad(y.sum(), x)  # y's own saved values were not freed
    return gy, gx


AGAIN = """x.sum(); x.mean(); (x + w).sum(); x[0] * 1; x[0] + 1; x[i].sum(); x[x > 1].sum()
    x.view(2, 1).sum(); x.abs().sum(); x.repeat(2).sum()
    (x * 2).sum(); (x / 2).sum(); (2 - x).sum(); (-x).sum(); (x * 2.5 + 1).mean(); (x - 1).sum()
    x.mul(True).sum(); (x * w).sum(); x.exp().sum(); x.cumsum(0).sum(); x.clone().sum(); x.max()
    torch.cat([x, w]).sum(); torch.stack([x, w]).sum(); x.flip(0).sum(); x.double().sum()
    x.expand(3, 2).sum(); x.floor().sum(); x.unbind()[0].sum(); x.index_select(0, i).sum()
    x.fmod(2).sum(); x.remainder(2).sum(); torch.where(x > 1, x, w).sum(); x.clamp(min=0).sum()"""


@pytest.mark.parametrize("program", [line.strip() for line in AGAIN.replace("\n", ";").split(";")])
def test_a_second_sweep_is_refused_where_torch_has_freed_something(program: str) -> None:
    def twice(torch: Any) -> None:
        x, w = (torch.tensor([1.0, 2.0], requires_grad=True) for _ in "xw")
        y = eval(program, {"torch": torch, "x": x, "w": w, "i": torch.tensor([0, 1])})
        y.backward()
        y.backward()

    assert attempt(lambda: twice(minigrad)) == attempt(lambda: twice(oracle))
