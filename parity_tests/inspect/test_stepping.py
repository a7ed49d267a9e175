"""Backward in slow motion gives what backward gives, and shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import inspect, nn
from minigrad.nn import functional as F


def expression(x: Any) -> Any:
    y = x * x
    return (y + y.relu()).sum()


def several_outputs(x: Any) -> Any:
    a, b = (x * 2).split(2)
    values, _ = x.reshape(2, 2).max(1)
    return (a * b).sum() + values.prod() + x.unbind()[3]


def broadcast(x: Any) -> Any:
    return (x.reshape(4, 1) * x + mg.arange(3.0).reshape(3, 1, 1)).square().mean()


def in_place(x: Any) -> Any:
    y = x.clone()
    y[1:3] = x[:2] * 3
    y.mul_(2)
    return y.exp().sum()


class Cube(mg.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 3 * x * x * g


def user_function(x: Any) -> Any:
    return Cube.apply(x).sum() + x[0]


def hooked(x: Any) -> Any:
    y = x * 3
    y.register_hook(lambda g: g * 10)
    return y.sum()


@pytest.mark.parametrize(
    "f", [expression, several_outputs, broadcast, in_place, user_function, hooked]
)
def test_the_gradients_are_those_of_backward(f: Callable[[Any], Any]) -> None:
    one, other = (mg.tensor([0.5, -1.0, 2.0, 3.0], requires_grad=True) for _ in range(2))
    f(one).backward()
    steps = list(inspect.steps(f(other)))
    np.testing.assert_array_equal(one.grad.numpy(), other.grad.numpy())
    assert [s.number for s in steps] == list(range(len(steps)))
    assert steps[-1].node.kind == "leaf" and steps[-1].incoming.tolist() == other.grad.tolist()
    assert steps[-1].waiting == 0


def test_a_network_step_by_step() -> None:
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2),
                        nn.Flatten(), nn.Linear(12, 4))  # fmt: skip
    x, y = mg.randn(6, 1, 6, 6), mg.arange(6) % 4
    F.cross_entropy(net(x), y).backward()
    want = {name: p.grad.numpy().copy() for name, p in net.named_parameters()}
    net.zero_grad()
    with inspect.record(net) as recording:
        loss = F.cross_entropy(net(x), y)
    steps = list(inspect.steps(loss, recording=recording))
    for name, p in net.named_parameters():
        np.testing.assert_allclose(p.grad.numpy(), want[name], rtol=1e-5, atol=1e-6)
    assert set(steps[-1].sums) == set(want)
    assert steps[0].bytes > steps[-1].bytes == 0
    modules = [s.node.module for s in steps if s.node.kind == "op"]
    assert modules == ["", "5", "4", "3", "2", "1", "0"]
    for step in steps:  # what goes out of one node comes in at others
        for passed in step.outgoing:
            assert tuple(passed.gradient.shape) == passed.to.shape


def test_what_goes_out_comes_in() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    steps = list(inspect.steps((y * 3 + y).sum()))
    sent: dict[int, Any] = {}
    for step in steps:
        if step.node.number in sent:
            np.testing.assert_allclose(step.incoming.numpy(), sent[step.node.number])
        for passed in step.outgoing:
            number = passed.to.number
            sent[number] = sent.get(number, 0) + passed.gradient.numpy()


def test_formulas_are_those_of_the_source() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    steps = list(inspect.steps((x * x).sum()))
    assert [p.formula for p in steps[1].outgoing] == ["g * other", "g * input"]


def test_a_gradient_and_retaining() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    list(inspect.steps(y, mg.tensor([1.0, 10.0]), retain_graph=True))
    assert x.grad.tolist() == [2.0, 40.0]
    list(inspect.steps(y, mg.tensor([1.0, 10.0])))
    assert x.grad.tolist() == [4.0, 80.0]
    with pytest.raises(RuntimeError, match="second time"):
        list(inspect.steps(y, mg.tensor([1.0, 10.0])))


def test_one_may_stop_on_the_way() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    walk = inspect.steps((x * x).sum())
    next(walk)
    assert mg.is_grad_enabled() and x.grad is None
    walk.close()
    y = x * 2
    assert y.requires_grad


def test_the_text_of_a_step() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    text = str(list(inspect.steps((x * x).sum(), recording={"x": x}))[1])
    for words in ("step 1: mul (2)", "x * x", "comes in  [1. 1.]", "= g * other", "to x (node 0)"):
        assert words in text


def test_errors_are_those_of_backward() -> None:
    x = mg.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        next(inspect.steps(x * 2))
    with pytest.raises(ValueError, match="without grad_fn"):
        next(inspect.steps(mg.ones(1)))
