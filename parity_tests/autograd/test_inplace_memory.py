"""Writing in place: memory that is shared, repeated or of another type and shape."""

from __future__ import annotations

from typing import Any

import pytest

import minigrad
from parity_tests.both import attempt, both_raise, same_as_torch


def leaf(torch: Any, *shape: int) -> Any:
    count = 1
    for n in shape:
        count *= n
    values = torch.arange(count, dtype=torch.float64).reshape(shape) * 0.3 + 0.2
    return values.requires_grad_()


# -- versions ---------------------------------------------------------------------------------


@same_as_torch
def test_versions_belong_to_the_memory(torch):
    x = torch.zeros(2, 2)
    view, detached, data, copy = x[0], x.detach(), x.data, x.clone()
    x.add_(1)
    view.add_(1)
    detached.add_(1)
    data.add_(1)
    x[0, 0] = 5.0
    return [t._version for t in (x, view, detached, copy, x.t(), x.detach())]


@same_as_torch
def test_what_is_a_view_of_what(torch):
    x = torch.zeros(2, 3)
    made = (x[0], x.t(), x.reshape(6), x.view(3, 2), x.expand(2, 2, 3), x[:, None], x.unbind()[0])
    copies = (x.clone(), x[[0, 1]], x + 0, x.t().reshape(6), x.detach(), x.data)
    return [t._is_view() for t in (*made, *copies)], [t._base is x for t in made]


# -- memory that overlaps ---------------------------------------------------------------------


@pytest.mark.parametrize("write", ["add_", "mul_", "copy_", "exp_", "fill_", "set", "set all"])
@same_as_torch
def test_writing_to_an_expanded_tensor(torch, write):
    x = torch.ones(1, 3).expand(2, 3)
    other = torch.full((2, 3), 2.0)
    error = attempt(
        {
            "add_": lambda: x.add_(other),
            "mul_": lambda: x.mul_(2),
            "copy_": lambda: x.copy_(other),
            "exp_": x.exp_,
            "fill_": lambda: x.fill_(7),
            "set": lambda: x.__setitem__(0, 5.0),
            "set all": lambda: x.__setitem__(..., other),
        }[write]
    )
    return error, x


def test_an_expanded_tensor_in_a_graph_can_not_be_written_at_all():
    # torch lets some such writes pass, and then raises in backward.
    x = leaf(minigrad, 1, 3)
    for write in (lambda e: e.fill_(1.0), lambda e: e.__setitem__((0, 0), x.sum())):
        with pytest.raises(RuntimeError, match="single memory location"):
            write((x * 2).expand(2, 3))


@same_as_torch
def test_an_expansion_that_repeats_nothing_can_be_written(torch):
    x = torch.ones(1, 3)
    x.expand(1, 3).add_(1)
    x.expand(4, 1, 3)[0].add_(1)
    return x


@pytest.mark.parametrize("write", ["add_", "copy_", "set", "transposed", "same", "mul_ itself"])
@same_as_torch
def test_writing_a_part_of_a_tensor_to_another_part(torch, write):
    x = torch.arange(9.0).reshape(3, 3)
    error = attempt(
        {
            "add_": lambda: x[1:].add_(x[:-1]),
            "copy_": lambda: x[1:].copy_(x[:-1]),
            "set": lambda: x.__setitem__(slice(1, None), x[:-1]),
            "transposed": lambda: x.add_(x.t()),
            "same": lambda: x.add_(x[:]),
            "mul_ itself": lambda: x.mul_(x),
        }[write]
    )
    return error, x


# -- dtypes and shapes ------------------------------------------------------------------------


@pytest.mark.parametrize("value", [2, 2.5, True])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32", "float64"])
@pytest.mark.parametrize("write", ["add_", "mul_", "div_", "fill_", "copy_", "set", "tensor"])
@same_as_torch
def test_a_write_never_changes_the_dtype(torch, write, dtype, value):
    x = torch.ones(3, dtype=getattr(torch, dtype))
    error = attempt(
        {
            "add_": lambda: x.add_(value),
            "mul_": lambda: x.mul_(value),
            "div_": lambda: x.div_(value),
            "fill_": lambda: x.fill_(value),
            "copy_": lambda: x.copy_(torch.tensor([value] * 3)),
            "set": lambda: x.__setitem__(0, value),
            "tensor": lambda: x.add_(torch.tensor([value] * 3)),
        }[write]
    )
    return error, x


@same_as_torch
def test_a_write_of_a_wider_float_sends_its_gradient_back_in_its_own_dtype(torch):
    x, y = torch.ones(3, requires_grad=True), leaf(torch, 3)
    a = x * 2
    a.mul_(y)
    a[0] = y[1]
    a.sum().backward()
    return a.detach(), x.grad, y.grad


@pytest.mark.parametrize("shape", [(2,), (2, 3), (1, 3), (1, 1, 3), (3, 3), ()])
@pytest.mark.parametrize("write", ["add_", "copy_", "set", "mul_ computed", "set by a list"])
@same_as_torch
def test_what_is_written_is_broadcast_but_what_it_is_written_to_is_not(torch, write, shape):
    x, y = torch.zeros(1, 3), torch.ones(shape)
    computed = torch.ones(1, 3, requires_grad=True) * 2
    error = attempt(
        {
            "add_": lambda: x.add_(y),
            "copy_": lambda: x.copy_(y),
            "set": lambda: x.__setitem__(0, y),
            "mul_ computed": lambda: computed.mul_(y),
            "set by a list": lambda: x.__setitem__([0], y),
        }[write]
    )
    return error, x, computed.detach()


@pytest.mark.parametrize("key", [3, -4, (0, 0, 0), (0, 5), [9], slice(None, None, -1), "a", 1.5])
@both_raise
def test_a_place_that_does_not_exist_can_not_be_written(torch, key):
    torch.zeros(3, 3)[key] = 1.0


@both_raise
def test_two_views_of_one_call_can_not_be_written(torch):
    (leaf(torch, 2, 3) * 1).unbind()[0].add_(1)


@both_raise
def test_a_view_of_such_a_view_can_not_be_written_either(torch):
    (leaf(torch, 2, 3) * 1).unbind()[0][1:].add_(1)


@same_as_torch
def test_several_views_of_a_constant_can_be_written(torch):
    x = torch.zeros(2, 3)
    for i, row in enumerate(x.unbind()):
        row.add_(i + 1)
    for row in x:
        row[0] = 9.0
    return x, x._version


@pytest.mark.parametrize("written", ["view", "base"])
@same_as_torch
def test_views_made_in_no_grad_mode_can_not_be_part_of_a_recorded_write(torch, written):
    x, constant = leaf(torch, 2, 3) * 1, torch.zeros(2, 3, dtype=torch.float64)
    with torch.no_grad():
        view, other = x[0], constant[0]
    if written == "view":
        return attempt(lambda: view.mul_(2)), attempt(lambda: other.add_(leaf(torch, 3)))
    x.mul_(2)
    constant.mul_(leaf(torch, 2, 3))
    return attempt(lambda: view * 2), attempt(lambda: other * 2)


@both_raise
def test_a_view_of_a_view_made_in_no_grad_mode_can_not_be_part_of_a_recorded_write(torch):
    base = torch.zeros(2, 3, dtype=torch.float64)
    with torch.no_grad():
        view = base[0]
    view[1:].add_(leaf(torch, 2))


@same_as_torch
def test_copies_lie_in_memory_as_in_torch(torch):
    x = torch.arange(6.0).reshape(2, 3)
    copies = (
        x.expand(2, 2, 3).clone(),
        x.t().clone(),
        torch.cat([x.t(), x.t()]),
        x[..., [1, 1]],
        x.t() + 1,
        x.expand(2, 2, 3) + 1,
    )
    return [tuple(t.stride()) for t in copies]
