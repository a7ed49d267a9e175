"""A fault of training is named by its cause and its line; what is healthy has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import minigrad as mg
from minigrad import inspect, nn
from parity_tests.inspect import more_training_faults, training_faults
from parity_tests.inspect.healthy_programs import HEALTHY, classifier
from parity_tests.inspect.training_faults import ZOO

FILES = [module.__file__ for module in (training_faults, more_training_faults)]


@pytest.mark.parametrize("name", ZOO)
def test_a_fault_is_named_with_its_line(name: str) -> None:
    mg.manual_seed(0)
    make, cause, line = ZOO[name]
    found = make()
    one, *_ = found
    assert one.cause == cause, str(found)
    if line:
        assert one.line is not None and line in one.line.text, str(found)
        assert one.line.file in FILES


def test_the_zoo_is_large_enough() -> None:
    assert len(ZOO) >= 60


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("make", HEALTHY)
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_no_fault_is_found_in_what_is_healthy(make: Any, optimizer: str, seed: int) -> None:
    mg.manual_seed(seed)
    net, loss_of = make()
    parameters = [p for p in net.parameters() if p.requires_grad]
    steps = getattr(mg.optim, optimizer)(parameters, lr=0.05 if optimizer == "SGD" else 0.003)
    with inspect.record(net) as recording:
        for _ in range(4):
            steps.zero_grad()
            loss_of().backward()
            steps.step()
    assert str(inspect.explain(net, recording)) == "no fault found"


def test_gradients_that_are_gathered_over_several_batches_are_no_fault() -> None:
    net, loss_of = classifier()
    optimizer = mg.optim.SGD(net.parameters(), lr=0.05)
    with inspect.record(net) as recording:
        for _ in range(3):
            optimizer.zero_grad()
            for _ in range(2):
                (loss_of() / 2).backward()
            optimizer.step()
    assert not inspect.explain(net, recording)


# --- one tensor -----------------------------------------------------------------------------------


def about(x: Any, f: Callable[[], Any]) -> str:
    with inspect.record() as recording:
        y = f()
        if y.requires_grad:
            y.backward()
    return str(inspect.explain(x, recording))


def test_one_tensor() -> None:
    w = mg.tensor([1.0, -2.0], requires_grad=True)
    other = mg.ones(2, requires_grad=True)
    assert "cut by detach()" in about(w, lambda: ((w * 2).detach() * other).sum())
    assert "not called" in about(w, lambda: (w.detach() * 3).sum())
    assert "int64 has no gradient" in about(mg.arange(3), lambda: w.sum())
    assert "requires_grad=False" in about(mg.ones(3), lambda: w.sum())
    assert "not used" in about(mg.ones(1, requires_grad=True), lambda: w.sum())
    zero = mg.tensor([-1.0, -2.0], requires_grad=True)
    assert "relu is flat there" in about(zero, lambda: zero.relu().sum())
    made = w * 2
    assert "retain_grad" in about(made, lambda: (made * 2).sum())


def test_a_healthy_tensor_has_no_fault() -> None:
    w = mg.tensor([1.0, -2.0], requires_grad=True)
    assert about(w, lambda: (w * w).sum()) == "no fault found"


def test_a_huge_gradient_is_traced() -> None:
    w = mg.tensor([1.0, -2.0], requires_grad=True)
    text = about(w, lambda: (w * 3 * 1e6).sum())
    assert "it grew most, 1e+06 times" in text and "w * 3 * 1e6" in text


def test_refusals() -> None:
    with inspect.record() as recording:
        pass
    with pytest.raises(TypeError, match="a tensor or a module"):
        inspect.explain(3, recording)
    with pytest.raises(ValueError, match="not of this model"):
        inspect.explain(nn.Linear(1, 1), recording)
