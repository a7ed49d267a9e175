"""Views, joins and index ops in the ways that programs use them; both libraries run each body."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minigrad
from parity_tests.both import assert_same, both_raise, outcome, same_as_torch

KEYS = [
    "0",
    "-1",
    "...",
    "None",
    "True",
    "1:",
    "::2",
    "None, 0",
    "0, ...",
    "[0, 1]",
    "[True, False, True]",
    "[0, 1], :, [0, 1]",
    ":, [0, 1], [0, 1]",
    "[0, 1], 0, [0, 1]",
    "0, :, [0, 1]",
    "[[0], [1]], [0, 1]",
    "[(0, 1), (0, 1)]",
    "[0, slice(None)]",
    "1:1, [0]",
    "x > 0",
    "x[0] > 0",
    "0, x[0] > 0",
    "..., x[0, 0] > 0",
    "[0, 1, 2], None, [2, 0, 0]",
    "np.array([[0, 1], [1, 0]])",
    "torch.tensor(1), torch.tensor([0, 0])",
    "torch.tensor([0, 1], dtype=torch.int32)",
    "range(2), 0",
    "True, ..., [0, 1]",
]
BAD_KEYS = [
    "3",
    "0, 0, 0, 0",
    "::-1",
    "1.5",
    "'a'",
    "0:1.5",
    "[3]",
    "[True, False]",
    "[0, 1], [0, 1, 2]",
    "torch.tensor([0.])",
    "torch.tensor([0], dtype=torch.int16)",
    "np.bool_(True)",
]


def _item(torch, x, key):
    class Index:
        def __getitem__(self, found):
            return found

    return eval(f"Index()[{key}]", {"Index": Index, "x": x, "torch": torch, "np": np})


def _cube(torch):
    numbers = torch.arange(27, dtype=torch.float64).reshape(3, 3, 3) * 7 % 11 - 5
    return numbers.requires_grad_()


@pytest.mark.parametrize("key", KEYS)
def test_reading_an_index(key):
    @same_as_torch
    def body(torch):
        leaf = _cube(torch)
        picked = (leaf * 1)[_item(torch, leaf, key)]
        (picked * torch.arange(picked.numel()).reshape(picked.shape)).sum().backward()
        return picked, leaf.grad

    body()


@pytest.mark.parametrize("key", KEYS)
def test_writing_at_an_index(key):
    @same_as_torch
    def body(torch):
        leaf = _cube(torch)
        x = leaf * 1
        found = _item(torch, leaf, key)
        value = (leaf.detach()[found] * 2 + 1).requires_grad_()
        x[found] = value
        (x * torch.arange(27).reshape(3, 3, 3)).sum().backward()
        return x, leaf.grad, value.grad

    body()


@pytest.mark.parametrize("key", BAD_KEYS)
def test_what_is_no_index(key):
    @both_raise
    def body(torch):
        x = _cube(torch)
        return x[_item(torch, x, key)]

    body()


@pytest.mark.parametrize("value", ["[1., 2., 3.]", "np.ones(3)", "'a'", "None", "np.float32(1)"])
def test_values_that_are_not_assigned(value):
    @both_raise
    def body(torch):
        torch.zeros(3)[:] = eval(value)

    body()


REPEATED = {
    "gather": "x.gather(0, i[:, None].expand(4, 3))",
    "index_select": "x.index_select(0, i)",
    "take": "x.take(i * 2)",
    "take_along_dim": "x.take_along_dim(i[:, None], 0)",
    "scatter_add": "x.scatter_add(0, i[:, None].expand(4, 3), x.repeat(2, 1))",
    "index_add": "x.index_add(0, i, x.repeat(2, 1), alpha=3)",
    "index_put": "x.index_put((i, i), x.flatten()[:4], accumulate=True)",
    "repeat_interleave": "x.repeat_interleave(torch.tensor([2, 3]), 0)",
    "unfold": "x.unfold(1, 2, 1)",
    "as_strided": "x.as_strided((2, 2), (1, 1))",
    "expand": "x[:1].expand(4, 3)",
    "tile": "x.tile(2, 3)",
    "prod": "x.scatter_reduce(0, i[:, None].expand(4, 3), x.repeat(2, 1), 'prod')",
}


@pytest.mark.parametrize("name", REPEATED)
def test_gradients_where_a_place_comes_twice(name):
    @same_as_torch
    def body(torch):
        x = torch.tensor([[1.0, -2.0, 3.0], [0.5, 0.0, -1.0]], requires_grad=True)
        i = torch.tensor([0, 1, 1, 0])
        out = eval(REPEATED[name], {"x": x, "i": i, "torch": torch})
        (out * torch.arange(1.0, out.numel() + 1).reshape(out.shape)).sum().backward()
        return out, x.grad

    body()


@pytest.mark.parametrize("rows", [7, 5000])
@same_as_torch
def test_many_rows_are_added_as_few_are(torch, rows):
    i = torch.arange(rows) * 7 % 11
    source = (torch.arange(rows * 6.0).reshape(rows, 3, 2) % 5).requires_grad_()
    base = torch.ones(11, 3, 2).transpose(0, 1).requires_grad_()
    out = base.index_add(1, i, source.transpose(0, 1))
    out.square().sum().backward()
    return out, source.grad, base.grad


@same_as_torch
def test_in_place_forms_write_through_views(torch):
    leaf = torch.arange(12.0).reshape(3, 4).requires_grad_()
    x = leaf * 1
    row, column = x[1], x[:, 2]
    row.index_fill_(0, torch.tensor([0]), 5.0)
    column.scatter_add_(0, torch.tensor([2, 2]), leaf[0, :2])
    x.diagonal().mul_(3)
    x.unfold(1, 2, 2)[0].zero_()
    x.t().masked_fill_(x.t() > 20, -1.0)
    (x * x).sum().backward()
    return x, row, column, leaf.grad


@same_as_torch
def test_shapes_in_place(torch):
    leaf = torch.arange(6.0).reshape(1, 2, 3).requires_grad_()
    x = leaf * 2
    x.squeeze_().t_().unsqueeze_(0).transpose_(0, 2)
    version = x._version
    (x * torch.arange(6.0).reshape(2, 3, 1)).sum().backward()
    return x, version, leaf.grad


@both_raise
def test_a_leaf_is_not_turned_in_place(torch):
    torch.zeros(2, 3, requires_grad=True).t_()


@same_as_torch
def test_views_share_memory(torch):
    x = torch.zeros(4, 4)
    x.diagonal(1).fill_(1)
    x.as_strided((2,), (8,), 3).add_(2)
    x.movedim(0, 1)[3].sub_(1)
    x.split([1, 3])[1].chunk(3)[0].view(2, 2).T.mul_(5)
    torch.broadcast_tensors(x[0], torch.zeros(1))[0].add_(1)
    x.view(torch.int32)[3, 3] = 1065353216
    return x


@pytest.mark.parametrize(
    "call",
    [
        "x.reshape(shape=(3, 2))",
        "x.permute(dims=(1, 0))",
        "x.expand(size=(2, 2, 3))",
        "x.flip(dims=[0])",
        "x.tile(dims=(2,))",
        "x.repeat(repeats=(2, 1))",
        "x.view(size=(-1,))",
        "x.view(dtype=torch.int32)",
        "torch.split(x, split_size_or_sections=1)",
        "torch.tensor_split(x, sections=2, dim=1)",
        "torch.tensor_split(x, indices=(1, 5), dim=1)",
        "torch.hsplit(x, [1])",
        "torch.meshgrid(x[0], x[1], indexing='xy')",
        "torch.cat([x, x.long()], axis=1)",
        "torch.block_diag(x, x[0], x[0, 0])",
        "torch.atleast_3d(x, x[0])",
        "x.scatter(1, torch.tensor([[0], [1]]), value=3)",
        "x.scatter(1, torch.tensor([[0], [1]]), 2.5, reduce='add')",
        "x.long().scatter(1, torch.tensor([[0], [1]]), 2.7)",
        "torch.repeat_interleave(torch.tensor([0, 2, 1]))",
        "torch.tensor(3.).gather(0, torch.tensor([0, 0]))",
        "x.unflatten(dim=1, sizes=(3, 1))",
        "x.narrow(1, torch.tensor(1), 2)",
        "x.T, x.mT, x.H, x.mH, x.adjoint()",
        "torch.zeros(7, 2).fill_diagonal_(1, wrap=True)",
        "torch.zeros(1, 4).t().fill_diagonal_(1, wrap=True)",
        "x.swapaxes(axis0=0, axis1=1)",
        "x[0, 0].movedim(0, -1)",
        "x[0, 0].flatten(0, -1)",
        "x[:, ::2].ravel(), x[:, ::2].reshape(-1)",
        "x[0, ::2].ravel().is_contiguous()",
        "x[:, ::2].expand(2, 2, 2).storage_offset()",
        "x[:, 1::2].unfold(0, 2, 1).storage_offset()",
        "x[:, ::2].expand(2, 2, 2).untyped_storage().nbytes()",
    ],
)
def test_forms_of_calls(call):
    @same_as_torch
    def body(torch):
        return eval(call, {"x": torch.arange(6.0).reshape(2, 3), "torch": torch})

    body()


@pytest.mark.parametrize(
    "call",
    [
        "x.reshape(3.0, 2)",
        "x.reshape()",
        "x.reshape(4)",
        "x.reshape(-1, -1)",
        "x.t().view(6)",
        "x.transpose(0.0, 1)",
        "x.permute(0, 0)",
        "x.movedim((0, 0), (1, 0))",
        "x.squeeze((0, 0))",
        "x.flip(0, 0)",
        "x.split(0)",
        "x.split([1, -1, 2], 1)",
        "torch.tensor(1.).chunk(1)",
        "x.rot90(1, (0, 0))",
        "x.index_add(0, torch.tensor([0, 1]), x[:, :2])",
        "x.index_copy(0, torch.tensor([0, 1]), x.double())",
        "x.scatter(1, torch.tensor([[3]]), 1.0)",
        "x.gather(1, torch.tensor([[0.0]]))",
        "x.take(torch.tensor([6]))",
        "x.masked_scatter(x > 1, x[0])",
        "x.masked_fill(x, 1.0)",
        "x.masked_fill(x > 1, None)",
        "x.long().masked_fill(x > 1, float('-inf'))",
        "x[0, 0].flatten(1)",
        "x[0, 0].movedim(0, 1)",
        "torch.zeros(3).masked_fill_(x > 1, 1.0)",
        "torch.cat(x)",
        "torch.cat([x, x[0]])",
        "torch.zeros(2, 2, 2).H",
        "torch.zeros(2).mT",
        "torch.zeros(1).expand(3).fill_diagonal_(1)",
        "x.as_strided((7,), (1,))",
    ],
)
def test_bad_calls(call):
    @both_raise
    def body(torch):
        return eval(call, {"x": torch.arange(6.0).reshape(2, 3), "torch": torch})

    body()


def test_an_index_that_is_read_twice_is_the_same_in_every_layout():
    x = np.arange(24.0).reshape(4, 6)
    i = np.array([3, 0, 3])
    for array in (x, np.asfortranarray(x), np.repeat(x, 2, 1)[:, ::2]):
        tensor = minigrad.from_numpy(array)
        np.testing.assert_array_equal(tensor[minigrad.from_numpy(i)].numpy(), x[i])
        np.testing.assert_array_equal(
            tensor.index_add(0, minigrad.from_numpy(i), minigrad.ones(3, 6).double()).numpy(),
            x + np.bincount(i, minlength=4)[:, None],
        )


@same_as_torch
def test_a_raveled_copy_shares_no_memory(torch):
    x = torch.zeros(4)
    x[::2].ravel().fill_(1.0)
    x.ravel()[0] = 2.0
    return x


@same_as_torch
def test_leading_axes_of_one_in_a_written_value(torch):
    x, y = torch.zeros(2, 3, 1), torch.ones(1, 2, 1, 1, requires_grad=True)
    x[...] = y
    x[torch.tensor([1])] = y[0, :1] * 2
    x.square().sum().backward()
    return x, y.grad


@same_as_torch
def test_the_gradient_past_an_overwritten_diagonal(torch):
    leaf = torch.ones(3, 3, requires_grad=True)
    x = leaf * 2
    x.fill_diagonal_(5.0)
    x.view(-1).square().sum().backward()
    return x, leaf.grad


@same_as_torch
def test_the_gradient_of_an_index_with_nothing_in_it(torch):
    leaf = torch.ones(2, 0, 3, requires_grad=True)
    picked = [
        leaf[torch.tensor([0, 0])],
        leaf.index_select(2, torch.tensor([1])),
        leaf.repeat_interleave(torch.tensor([2, 1, 0]), -1),
    ]
    sum(part.sum() for part in picked).backward()
    return leaf.grad


@pytest.mark.parametrize("change", ["t_()", "transpose_(0, 1)", "unsqueeze_(0)", "squeeze_()"])
@same_as_torch
def test_views_taken_before_a_shape_changes_in_place(torch, change):
    leaf = torch.arange(1.0, 7.0).reshape(2, 3).requires_grad_()
    x = (leaf * 1)[:1] + 0 if change == "squeeze_()" else leaf * 1
    row = x[0]
    tail = row[1:]
    eval(f"x.{change}", {"x": x})
    ((row * torch.tensor([1.0, 2.0, 3.0])).sum() + tail.prod()).backward(retain_graph=True)
    first, leaf.grad = leaf.grad, None
    tail.mul_(row.sum())
    x.square_()
    (x.sum() + row[0]).backward()
    return first, leaf.grad, x, row, tail


@same_as_torch
def test_a_view_of_what_changed_its_shape_before_it_was_recorded(torch):
    weight = torch.arange(6.0).reshape(3, 2).requires_grad_()
    x = torch.ones(2, 3)
    row = x[0]
    x.t_()
    x.mul_(weight)
    row.sum().backward()
    return row, weight.grad


WRITTEN = """
x.__setitem__(0, value)
x.__setitem__(mask, value)
x.__setitem__(torch.tensor([1]), value)
x.masked_fill_(mask, value)
x.index_fill_(0, torch.tensor([0]), value)
x.scatter_(0, torch.tensor([0]), value)
x.fill_(value)
x.copy_(torch.where(mask, x, value))
x.copy_(torch.diag(x).fill_diagonal_(value)[0])
x.copy_(torch.full_like(x, value))
x.clamp_(min=value)
""".strip().splitlines()


@pytest.mark.parametrize("write", WRITTEN)
@pytest.mark.parametrize("value", [-1, -200, 300, -300, 1.7, float("inf")])
def test_numbers_written_to_integers(write, value):
    """Cut off, and wrapped around where they are negative; refused where they are too great."""

    def program(package: Any) -> Any:
        x = package.tensor([3, 5], dtype=package.uint8)
        mask = package.tensor([True, False])
        eval(write, {"torch": package, "x": x, "mask": mask, "value": value})
        return x

    assert_same(outcome(program, minigrad), outcome(program, torch))
