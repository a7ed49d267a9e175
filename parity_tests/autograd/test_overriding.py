"""Classes that answer for torch's functions themselves: ``__torch_function__``."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import minigrad
from parity_tests.both import both_raise, same_as_torch


def logging(torch: Any) -> tuple[Any, list[str]]:
    """A class that notes what is asked of it, and does it."""
    told: list[str] = []

    class Logged(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            told.append(func.__name__)
            return super().__torch_function__(func, types, args, kwargs or {})

    return Logged, told


@same_as_torch
def test_a_class_is_told_of_each_call_and_keeps_its_results(torch):
    Logged, told = logging(torch)
    x, plain = torch.tensor([[1.0, 2.0]]).as_subclass(Logged), torch.ones(1, 2)
    found = [
        x + 1,
        1 - x,
        plain * x,
        x @ x.transpose(0, 1),
        x[0],
        torch.stack([plain, x]),
        torch.nn.functional.relu(x),
        torch.max(x, dim=1).values,
        x.unbind()[0],
        torch.add(plain, x, alpha=2),
    ]
    kinds = [type(t).__name__ for t in found]
    return kinds, told, [torch.Tensor(t.tolist()) for t in found]


@same_as_torch
def test_a_subclass_without_words_of_its_own(torch):
    class Plain(torch.Tensor):
        pass

    x = Plain([1.0, 2.0])
    x.requires_grad_()
    y = (x * x).sum()
    y.backward()
    net = torch.nn.Linear(2, 1)
    texts = [repr(x.detach() * 2), repr(y), type(x.T).__name__, type(net(x)).__name__]
    return texts, type(x.grad).__name__, x.grad, isinstance(x, torch.Tensor)


@same_as_torch
def test_what_is_no_tensor_may_answer(torch):
    class Boxed:
        def __init__(self, value):
            self.value = value

        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            if func is torch.mean:
                return "the mean"
            plain = [a.value if isinstance(a, Boxed) else a for a in args]
            return func.__name__, func(*plain, **(kwargs or {}))

    box = Boxed(torch.tensor([1.0, 3.0]))
    f = torch.nn.functional
    return [torch.mean(box), torch.add(box, 1), torch.add(torch.ones(2), box), f.softmax(box, 0)]


@both_raise
def test_a_class_may_refuse(torch):
    class Silent(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return NotImplemented

    return torch.ones(2).as_subclass(Silent) + 1


@same_as_torch
def test_tables_of_functions(torch):
    handled = {torch.mean: "mean", torch.nn.functional.relu: "relu"}

    class Table(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return handled.get(func, "other")

    x = torch.ones(2).as_subclass(Table)
    later = torch.mean in handled and torch.nn.functional.relu in handled
    return torch.mean(x), torch.nn.functional.relu(x), torch.exp(x), later


@same_as_torch
def test_functions_of_a_user_ask_too(torch):
    overrides = torch.overrides
    Logged, told = logging(torch)

    def double(x):
        if overrides.has_torch_function((x,)):
            return overrides.handle_torch_function(double, (x,), x)
        return x + x

    x = torch.ones(2).as_subclass(Logged)
    kinds = [type(double(t)).__name__ for t in (x, torch.ones(2))]
    return kinds, told, overrides.is_tensor_like(x), overrides.is_tensor_like(3)


@same_as_torch
def test_a_subclass_with_a_constructor(torch):
    class Scaled(torch.Tensor):
        @staticmethod
        def __new__(cls, data, scale):
            return torch.Tensor._make_subclass(cls, data)

        def __init__(self, data, scale):
            self.scale = scale

    x = Scaled(torch.ones(2), 3.0)
    return type(x).__name__, x.scale, type(x + 1).__name__, hasattr(x + 1, "scale")


@same_as_torch
def test_parameters_ask_nobody(torch):
    weight = torch.nn.Parameter(torch.ones(2))
    return type(weight * 2).__name__, torch.overrides.has_torch_function((weight,))


def test_public_functions_are_found_again_once_they_are_open() -> None:
    logging(minigrad)
    fn = minigrad.exp
    assert pickle.loads(pickle.dumps(fn)) is fn and copy.copy(fn) == fn
    assert repr(fn).startswith("<function exp") and fn.__doc__
    with pytest.raises(TypeError, match="must be Tensor"):
        fn("text")
