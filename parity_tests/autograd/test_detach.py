"""``detach``, ``data``, ``retain_grad`` and copies: leaving the graph, and looking into it."""

from __future__ import annotations

from typing import Any

import pytest

from parity_tests.both import attempt, both_raise, same_as_torch


def leaf(torch: Any) -> Any:
    return torch.tensor([1.0, -2.0, 0.5], requires_grad=True)


def flags(*tensors: Any) -> list[tuple[bool, bool, bool]]:
    return [(t.is_leaf, t.requires_grad, t.grad_fn is None) for t in tensors]


# -- detach, data, retain_grad ----------------------------------------------------------------


@same_as_torch
def test_detach_shares_memory_and_cuts_the_graph(torch):
    x = leaf(torch)
    y = x * 2
    d = y.detach()
    d[0] = 9.0
    return y, flags(d), d.data_ptr() == y.data_ptr()


@same_as_torch
def test_detach_in_place_makes_a_leaf(torch):
    x = leaf(torch)
    y = x * 2
    same = y.detach_() is y
    y.requires_grad_()
    (y * 3).sum().backward()
    return same, flags(y), y.grad, x.grad


@same_as_torch
def test_a_leaf_can_be_detached_in_place(torch):
    return flags(leaf(torch).detach_())


@pytest.mark.parametrize("source", ["graph", "plain"])
@both_raise
def test_a_view_can_not_be_detached_in_place(torch, source):
    x = leaf(torch) * 2 if source == "graph" else torch.ones(3)
    x[1:].detach_()


@same_as_torch
def test_a_view_outlives_the_detaching_of_its_base(torch):
    x = leaf(torch)
    base = x * 2
    view = base[1:]
    base.detach_()
    (view * 3).sum().backward()
    return flags(base, view), x.grad


@same_as_torch
def test_data_shares_memory_but_no_version(torch):
    x = leaf(torch)
    y = (x * x).sum()
    x.data.mul_(10)
    y.backward()
    return x, x.grad, x._version, x.data.requires_grad


@same_as_torch
def test_data_can_be_replaced_by_another_shape(torch):
    x = leaf(torch)
    x.data = torch.ones(2, 2)
    (x * x).sum().backward()
    return x, x.grad


@both_raise
def test_data_can_not_be_replaced_by_a_number(torch):
    leaf(torch).data = 3.0


@same_as_torch
def test_retain_grad_keeps_the_gradient_of_a_computed_tensor(torch):
    x = leaf(torch)
    y = x * 2
    before = y.retains_grad
    y.retain_grad()
    y.retain_grad()
    (y * y).sum().backward()
    return before, y.retains_grad, y.grad, x.grad, x.retains_grad


@same_as_torch
def test_retained_gradients_accumulate(torch):
    x = leaf(torch)
    y = x * 2
    y.retain_grad()
    y.sum().backward(retain_graph=True)
    (y * 3).sum().backward()
    return y.grad, x.grad


@same_as_torch
def test_a_retained_gradient_is_nobody_elses(torch):
    x = leaf(torch)
    a, b = x * 2, x * 3
    a.retain_grad(), b.retain_grad()
    (a + b).sum().backward()
    a.grad.zero_()
    return b.grad, x.grad


@same_as_torch
def test_retain_grad_on_a_leaf_changes_nothing(torch):
    x = leaf(torch)
    x.retain_grad()
    x.sum().backward()
    return x.grad, x.retains_grad


@both_raise
def test_retain_grad_needs_a_graph(torch):
    torch.ones(2).retain_grad()


@same_as_torch
def test_retain_grad_sees_what_hooks_have_made_of_the_gradient(torch):
    x = leaf(torch)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    return y.grad, x.grad


@same_as_torch
def test_retain_grad_follows_the_tensor_through_a_write(torch):
    x = leaf(torch)
    y = x * 2
    y.retain_grad()
    y.mul_(5)
    (y * y).sum().backward()
    return y.grad, x.grad


@same_as_torch
def test_copies_of_tensors(torch):
    from copy import copy, deepcopy

    x = leaf(torch)
    (x * 2).sum().backward()
    deep = deepcopy(x)
    deep.grad.zero_()
    return flags(copy(x), deep), deep.grad, x.grad, attempt(lambda: deepcopy(x * 2))
