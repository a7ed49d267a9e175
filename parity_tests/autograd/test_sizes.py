"""What kernels count on: nothing that users exchange in between may be of another size unnoticed.

Each of these programs ends in an error, in torch too. Kernels look at no sizes: one that is not
noticed would read and write where it should not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import minigrad
from parity_tests.both import same_as_torch

OPTIMIZERS = ["SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "Adadelta", "NAdam", "RAdam", "Adamax"]
OPTIMIZERS += ["Rprop", "ASGD"]


def stepped(torch: Any, kind: str, *sizes: int) -> tuple[Any, list[Any]]:
    """An optimizer that has gone a step, and its parameters."""
    params = [torch.nn.Parameter(torch.ones(n)) for n in sizes]
    options = {"momentum": 0.9} if kind == "SGD" else {}
    optimizer = getattr(torch.optim, kind)(params, lr=0.1, **options)
    for p in params:
        p.grad = torch.ones_like(p)
    optimizer.step()
    return optimizer, params


@pytest.mark.parametrize("sizes", [(20000,), (6,), (6, 6)], ids=str)
@pytest.mark.parametrize("kind", OPTIMIZERS)
@same_as_torch
def test_a_gradient_of_another_size(torch: Any, kind: str, sizes: tuple[int, ...]) -> Any:
    optimizer, params = stepped(torch, kind, *sizes)
    for p, more in zip(params, (-3, 3), strict=False):  # together as many as before
        p.grad.data = torch.ones(len(p) + more)
    with pytest.raises(RuntimeError):
        optimizer.step()
    return None


@pytest.mark.parametrize("size", [20000, 6])
@pytest.mark.parametrize("kind", OPTIMIZERS)
@same_as_torch
def test_a_state_of_another_size(torch: Any, kind: str, size: int) -> Any:
    optimizer, _ = stepped(torch, kind, size)
    state = optimizer.state_dict()
    for name, value in state["state"][0].items():
        if value is not None and getattr(value, "shape", ()):
            state["state"][0][name] = torch.ones(3)
    optimizer.load_state_dict(state)
    with pytest.raises(RuntimeError):
        optimizer.step()
    return None


INDICES: dict[str, Callable[[Any, Any], Any]] = {
    "max_pool1d": lambda f, x: f.max_pool1d(x[0], 2, return_indices=True),
    "max_pool2d": lambda f, x: f.max_pool2d(x, 2, return_indices=True),
    "adaptive_max_pool2d": lambda f, x: f.adaptive_max_pool2d(x, 3, return_indices=True),
    "fractional_max_pool2d": lambda f, x: f.fractional_max_pool2d(
        x, 2, output_size=3, return_indices=True
    ),
    "max": lambda f, x: x.max(1),
    "sort": lambda f, x: x.sort(-1),
    "topk": lambda f, x: x.topk(2),
    "median": lambda f, x: x.median(-1),
    "mode": lambda f, x: x.mode(-1),
    "kthvalue": lambda f, x: x.kthvalue(2),
    "cummax": lambda f, x: x.cummax(-1),
}


@pytest.mark.parametrize("value", [1, 10**6])
@pytest.mark.parametrize("name", INDICES)
@same_as_torch
def test_an_index_that_was_written_to(torch: Any, name: str, value: int) -> Any:
    x = torch.arange(128.0).reshape(1, 2, 8, 8).sin().requires_grad_()
    y, index = INDICES[name](torch.nn.functional, x)
    index.fill_(value)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        (y * y).sum().backward()
    return None


def test_places_that_only_memory_tells_of() -> None:
    """Written to past all counters; torch looks at them in backward, too."""
    torch = minigrad
    x = torch.ones(1, 1, 2, 2, requires_grad=True)
    index = torch.arange(4).reshape(1, 1, 2, 2) * 2
    y = torch.nn.functional.max_unpool2d(x, index, 2)
    index.data.fill_(2**40)
    with pytest.raises(IndexError):
        (y * y).sum().backward()


CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "softmax": lambda f, x: x.flatten(1).softmax(1),
    "cross_entropy": lambda f, x: f.cross_entropy(x.flatten(1), x.argmax().clamp(0, 1)[None]),
    "conv2d": lambda f, x: f.conv2d(x, x[:, :, :3, :3]),
    "max_pool2d": lambda f, x: f.max_pool2d(x, 2),
    "group_norm": lambda f, x: f.group_norm(x, 2),
    "index_select": lambda f, x: x.index_select(2, x.flatten()[:3].long()),
}


@pytest.mark.parametrize("change", ["more", "fewer", "double", "two"])
@pytest.mark.parametrize("name", CALLS)
@same_as_torch
def test_a_hook_changes_what_a_node_is_given(torch: Any, name: str, change: str) -> Any:
    def hook(grads: Any) -> Any:
        g = grads[0]
        return {
            "more": (torch.ones(40, *g.shape),),
            "fewer": (torch.ones(1, 1, 1, 1, 1),),
            "double": (g.double(),),
            "two": (g, g),
        }[change]

    x = torch.arange(128.0).reshape(1, 2, 8, 8).sin().requires_grad_()
    y = CALLS[name](torch.nn.functional, x)
    y.grad_fn.register_prehook(hook)
    with pytest.raises(RuntimeError):
        (y * y).sum().backward()
    return None


@pytest.mark.parametrize("other", [(4, 3, 9, 9), (1, 3, 1, 1), (12, 3, 3, 3)], ids=str)
@pytest.mark.parametrize("which", ["input", "weight"])
@same_as_torch
def test_data_of_another_size_before_backward(torch: Any, which: str, other: Any) -> Any:
    x, w = torch.randn(2, 3, 12, 12), torch.randn(4, 3, 3, 3)
    leaves = {"input": x.requires_grad_(), "weight": w.requires_grad_()}
    y = torch.nn.functional.conv2d(x, w)
    leaves[which].data = torch.ones(other)
    with pytest.raises(RuntimeError):
        (y * y).sum().backward()
    return None


@same_as_torch
def test_hooks_stay_with_a_leaf_of_another_size(torch: Any) -> Any:
    x = torch.ones(3, requires_grad=True)
    seen: list[Any] = []
    x.register_hook(lambda g: g * 2)
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.clone()))
    x.data = torch.ones(2, 2)
    (x * x).sum().backward()
    return x.grad, seen


@pytest.mark.parametrize("stride", [2**31, 2**61, 2**63 - 1])
def test_numbers_that_no_size_can_be_multiplied_with(stride: int) -> None:
    f, x = minigrad.nn.functional, minigrad.ones(1, 1, 6, 6)
    calls = [
        lambda: f.conv2d(x, minigrad.ones(1, 1, 2, 2), stride=stride, padding=2),
        lambda: f.conv2d(x, minigrad.ones(1, 1, 2, 2), padding=stride),
        lambda: f.conv_transpose2d(x, minigrad.ones(1, 1, 2, 2), stride=stride),
        lambda: f.unfold(x, 2, stride=stride),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match=r"must be less than 2\*\*31"):
            call()


@same_as_torch
def test_sums_of_nothing(torch: Any) -> Any:
    shapes = [((0, 2000), 1), ((2000, 0), 0), ((3, 2000, 0), 1)]
    return [(torch.ones(shape).sum(dim), torch.ones(shape).mean(dim)) for shape, dim in shapes]
