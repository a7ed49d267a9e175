"""Graphs die by reference counting alone, and take no more time or stack than their length asks."""

from __future__ import annotations

import gc
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import minigrad as torch
from minigrad.autograd import engine

pytestmark = pytest.mark.filterwarnings("ignore:Using backward.. with create_graph")


@pytest.fixture(autouse=True)
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def leaf(*shape: int) -> Any:
    return torch.ones(*(shape or (3,)), requires_grad=True)


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x * x
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, g):
        x, _ = ctx.saved_tensors
        return 2 * x * g


class DoubleInPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, g):
        return g * 2


def chain(x: Any) -> Any:
    return ((x * 2).exp() + x).sum()


def in_place(x: Any) -> Any:
    y = x * 2
    y.sin_()
    y += x
    y.mul_(3)
    return y


def written_views(x: Any) -> Any:
    y = x * 2
    view = y[1:]
    view.mul_(x[:-1])
    y[0] = x[2]
    view += 1
    return view


def elements(x: Any) -> Any:
    y = torch.zeros(3)
    for i in range(3):
        y[i] = x[i] * 2
        y[i] += x[0]
    return y


def several_outputs(x: Any) -> Any:
    a, b, _ = x.unbind()
    return torch.stack([a * b, x.max(0).values, *torch.split(x, 1)[0].unbind()])


def with_hooks(x: Any) -> Any:
    y = x * 2
    y.register_hook(lambda g: g * 2)
    y.grad_fn.register_hook(lambda gx, g: None)
    y.grad_fn.register_prehook(lambda g: None)
    y.retain_grad()
    return y * 3


def user_function(x: Any) -> Any:
    return Square.apply(DoubleInPlace.apply(x * 1))


def detached(x: Any) -> Any:
    y = (x * 2).detach().requires_grad_()
    return (y * 2).sum() + (x * 3).data.sum() + x.sum()


def second_order(x: Any) -> Any:
    (g,) = torch.autograd.grad(Square.apply(x).exp().sum(), x, create_graph=True)
    return (g * g).sum()


def recorded_backward(x: Any) -> Any:
    y = (x**3).sum()
    y.backward(create_graph=True)
    return (x.grad * x.grad).sum()


def neural(x: Any) -> Any:
    h = torch.nn.functional.relu(torch.nn.Linear(3, 4)(x))
    return torch.nn.functional.cross_entropy(h[None], torch.tensor([1]))


BUILDERS = [
    chain, in_place, written_views, elements, several_outputs, with_hooks, user_function, detached,
    second_order, recorded_backward, neural,
]  # fmt: skip


@pytest.mark.parametrize("swept", [False, True], ids=["dropped", "after backward"])
@pytest.mark.parametrize("build", BUILDERS, ids=lambda b: b.__name__)
def test_a_graph_dies_with_its_last_tensor(build: Callable[[Any], Any], swept: bool):
    x = leaf()
    out = build(x)
    if swept:
        out.sum().backward()
    nodes, stack = [], [out.grad_fn]
    while stack:
        node = stack.pop()
        if node is not None and type(node).__name__ != "AccumulateGrad":
            nodes.append(weakref.ref(node))
            stack.extend(node.edges)
    tensor = weakref.ref(out)
    assert nodes
    del out, node, stack
    x.grad = None
    assert tensor() is None
    assert [ref() for ref in nodes if ref() is not None] == []


def test_a_leaf_dies_though_its_gradient_has_a_graph():
    x = leaf()
    (x**3).sum().backward(create_graph=True)
    seen = weakref.ref(x)
    del x
    assert seen() is None


def test_a_leaf_dies_with_its_hooks():
    x = leaf()
    x.register_hook(lambda g: g * 2)
    x.register_post_accumulate_grad_hook(lambda p: None)
    x.sum().backward()
    seen = weakref.ref(x)
    del x
    assert seen() is None


def test_saved_values_are_let_go_by_backward_while_the_output_lives():
    x = leaf()
    middle = x * 2
    memory = weakref.ref(middle._array)
    y = middle.sin().sum()
    del middle
    assert memory() is not None
    y.backward()
    assert memory() is None


def test_an_error_in_backward_leaves_nothing_behind():
    x = leaf()
    y = x.exp()
    y.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        y.sum().backward()
    seen = weakref.ref(y)
    del y
    assert seen() is None


def step(x: Any, build: Callable[[Any], Any]) -> None:
    build(x).sum().backward()
    with torch.no_grad():
        x -= 0.0 * x.grad
    x.grad = None


@pytest.mark.parametrize("build", BUILDERS, ids=lambda b: b.__name__)
def test_a_thousand_steps_leave_no_objects_behind(build: Callable[[Any], Any]):
    x = leaf()
    for _ in range(2500):  # until the interpreter's own pools are full: 2,000 tuples of a length
        step(x, build)
    before, blocks = len(gc.get_objects()), sys.getallocatedblocks()
    for _ in range(1000):
        step(x, build)
    # One object or one block in each step would make a thousand.
    assert len(gc.get_objects()) - before < 100
    assert sys.getallocatedblocks() - blocks < 900


def seconds_of_backward(length: int) -> float:
    x = torch.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(length):
        y = y * 1.0
    start = time.perf_counter()
    y.backward()
    elapsed = time.perf_counter() - start
    assert x.grad.item() == 1.0
    return elapsed


def test_backward_is_linear_in_the_length_of_a_chain():
    seconds_of_backward(10_000)  # warm up
    short = min(seconds_of_backward(100_000) for _ in range(2))
    long = min(seconds_of_backward(200_000) for _ in range(2))
    assert long < 4 * short


def test_a_million_chained_ops_run_backward_without_recursion():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        seconds_of_backward(1_000_000)
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("shape", ["chain", "written in place", "ladder"])
def test_a_graph_of_a_million_ops_is_dropped_without_recursion(shape: str):
    x = torch.ones((), requires_grad=True)
    y, base = x, x * 1
    for _ in range(1_000_000 if shape == "chain" else 300_000):
        if shape == "chain":
            y = y * 2.0
        elif shape == "written in place":
            base.mul_(1.0)
        else:
            y = y + y
    seen = weakref.ref(y.grad_fn or base.grad_fn)
    del y, base
    assert seen() is None


def test_grad_by_an_early_tensor_of_a_long_chain():
    x = torch.tensor(1.0, requires_grad=True)
    early = x * 2
    y = early
    for _ in range(100_000):
        y = y + 0.0
    (g,) = torch.autograd.grad(y, early)
    assert g.item() == 1.0


def test_a_gradient_seen_in_another_shape_becomes_the_leafs_without_a_copy(monkeypatch: Any):
    copied: list[Any] = []
    monkeypatch.setattr(engine.moves, "row_major", lambda g: copied.append(g) or g.copy())
    x, w = torch.ones(4, 6, requires_grad=True), torch.arange(24.0)
    (x.reshape(24) * w).sum().backward()
    assert not copied and x.grad.tolist() == w.reshape(4, 6).tolist()
    x.grad = None
    x[:, :3].backward(torch.ones(4, 3))  # the gradient is an array of its own, of the whole size
    assert not copied and x.grad.sum() == 12


def test_what_others_see_in_another_shape_is_never_a_leafs_gradient():
    """Two leaves with one cotangent, the caller's own, and one that a tensor retains."""
    a, b = torch.zeros(2, 3, requires_grad=True), torch.zeros(6, requires_grad=True)
    (3.0 * (a.reshape(6) + b)).sum().backward()
    a.grad += 1
    assert b.grad.tolist() == [3.0] * 6
    mine, c = torch.ones(6), torch.zeros(2, 3, requires_grad=True)
    c.reshape(6).backward(mine)
    c.grad += 1
    assert mine.tolist() == [1.0] * 6
    d = torch.zeros(2, 3, requires_grad=True)
    flat = d.reshape(6)
    flat.retain_grad()
    (flat * 2.0).sum().backward()
    d.grad += 1
    assert flat.grad.tolist() == [2.0] * 6
