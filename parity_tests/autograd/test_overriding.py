"""Classes that answer for torch's functions themselves: ``__torch_function__``."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import minigrad
from minigrad.autograd.overriding import show_all
from minigrad.nn.functional import gelu
from minigrad.testing import assert_parity, recorded, replay
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
    n = torch.tensor([1, 2]).as_subclass(Logged)
    found += [~n, n & 1, 1 | n, n ^ 1, n << 1, 1 >> n, n.__iand__(1), n.__ilshift__(1)]
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
def test_a_subclass_may_be_called_tensor_too(torch):
    class Tensor(torch.Tensor):
        pass

    class Below(Tensor):
        pass

    x, y = torch.ones(2).as_subclass(Tensor), torch.ones(2).as_subclass(Below)
    found = [x + 1, x + y, torch.exp(x), torch.stack([x, y]), y.T, torch.ones(2) * x]
    return [type(t).__name__ for t in found], type(found[2]) is Tensor, repr(x), repr(y)


@same_as_torch
def test_some_functions_ask_nobody(torch):
    Logged, told = logging(torch)
    x = torch.ones(2).as_subclass(Logged)
    number = x.sum()
    told.clear()
    found = [torch.as_tensor(x), torch.asarray(x), torch.full((2,), number), torch.arange(number)]
    return [type(t).__name__ for t in found], torch.is_tensor(x), torch.is_storage(x), told


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


@pytest.mark.parametrize("kind", [torch.Tensor, torch.nn.Parameter])
def test_tensors_of_torch_itself_are_not_asked(kind: type) -> None:
    theirs, mine = kind(torch.ones(2)), minigrad.ones(2)
    relu = minigrad.nn.functional.relu
    for call in (minigrad.exp, relu, lambda t: minigrad.add(mine, t)):
        with pytest.raises(TypeError, match="must be Tensor"):
            call(theirs)
    logging(minigrad)  # now functions look
    with pytest.raises(TypeError, match="must be Tensor"):
        minigrad.exp(theirs)
    assert minigrad.from_dlpack(theirs.detach()).tolist() == [1, 1]


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
    asked = overrides.has_torch_function_unary(x), overrides.has_torch_function_variadic(1, x)
    return kinds, told, overrides.is_tensor_like(x), overrides.is_tensor_like(3), asked


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


FIRST_CLASS = """
import pickle, sys
import {module} as torch

F = torch.nn.functional
before = [torch.cat, torch.exp, F.gelu, torch.linalg.norm, torch.manual_seed]
told = []

class Logged(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        told.append(before.index(func) if func in before else func.__name__)
        return super().__torch_function__(func, types, args, kwargs or {{}})

x = torch.ones(2).as_subclass(Logged)
cat, exp, gelu, norm, _ = before
found = [cat([x, x]), exp(input=x), gelu(x), norm(x, ord=2), exp(torch.ones(1)), exp(x).detach()]
same = before == [torch.cat, torch.exp, F.gelu, torch.linalg.norm, torch.manual_seed]
print(told, same, *(type(value).__name__ for value in found))
try:
    exp("text")
except TypeError as error:
    print(error)
"""


def test_functions_that_a_program_holds_ask_the_first_class_that_comes_later() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", FIRST_CLASS.format(module=module)],
            capture_output=True, text=True, check=True,
        ).stdout
        for module in ("torch", "minigrad")
    ]  # fmt: skip
    assert said[0] == said[1] and "[0, 1, 2, 3" in said[0]


FACTS = """
import inspect, pickle
import minigrad as torch

def facts():
    return [
        (str(inspect.signature(fn)), fn.__doc__, fn.__name__, pickle.loads(pickle.dumps(fn)) is fn)
        for module in (torch, torch.linalg, torch.special, torch.nn.functional)
        for name, fn in vars(module).items()
        if inspect.isfunction(fn) and not name.startswith("_")
    ]

before = facts()
torch.exp(torch.ones(1))  # its code was written out before, that of the others is afterwards

class Named(torch.Tensor):
    pass

assert type(torch.exp(torch.ones(1).as_subclass(Named))) is Named
assert facts() == before
assert torch.full_like(torch.ones(1), 2, dtype=torch.int64).dtype is torch.int64
print(len(before), sum(not same for *_, same in before))
"""


def test_signatures_names_and_pickles_are_as_before() -> None:
    told = subprocess.run(
        [sys.executable, "-c", FACTS], capture_output=True, text=True, check=True
    ).stdout.split()
    assert int(told[0]) > 700 and told[1] == "0"


def test_a_first_class_may_come_while_other_threads_call() -> None:
    script = """
import sys, threading
import minigrad as torch

sys.setswitchinterval(1e-6)

names = [name for name in torch.functions.__all__ if name in {names}]
start, wrong = threading.Barrier(5), []

def call():
    start.wait()
    for name in names:
        try:
            getattr(torch, name)(torch.ones(2, 2))
        except Exception as error:
            wrong.append((name, error))

def make():
    start.wait()
    made.append(type("Named", (torch.Tensor,), {{}}))

made = []
threads = [threading.Thread(target=fn) for fn in (call, call, call, make, make)]
[t.start() for t in threads]
[t.join() for t in threads]
x = torch.ones(2, 2).as_subclass(made[0])
print(wrong, [n for n in names if type(getattr(torch, n)(x)) is not made[0]])
"""
    names = "exp log sum mean relu sin cos tanh sigmoid square sqrt abs neg argmax flatten std prod"
    code = script.format(names=set(names.split()))
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[] []\n"


def test_public_functions_that_look_for_classes_are_functions_as_before(tmp_path: Path) -> None:
    logging(minigrad)
    fn = minigrad.exp
    assert pickle.loads(pickle.dumps(fn)) is fn and copy.copy(fn) is fn
    assert repr(fn).startswith("<function exp") and fn.__doc__
    assert list(inspect.signature(fn).parameters) == ["input", "out"]
    assert list(inspect.signature(minigrad.manual_seed).parameters) == ["seed"]
    with pytest.raises(TypeError, match="must be Tensor"):
        fn("text")
    x = minigrad.tensor([-1.0, 2.0])
    assert_parity(lambda x: minigrad.exp(gelu(x)) * minigrad.sin(x), x)
    recorded(tmp_path / "log.capsule", minigrad.log, x)
    assert replay(tmp_path / "log.capsule").now == "the result is not finite"


def test_a_function_registered_later_looks_too() -> None:
    Logged, told = logging(minigrad)
    namespace: dict[str, Any] = {}

    def thrice(x: Any) -> Any:
        return x * 3

    thrice.__module__ = "minigrad"
    show_all(namespace, {"thrice": thrice})
    assert type(namespace["thrice"](minigrad.ones(2).as_subclass(Logged))) is Logged
    assert told[0] == "thrice"
