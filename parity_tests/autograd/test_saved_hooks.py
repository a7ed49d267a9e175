"""Hooks on what is saved for backward, and reading it off a node, against torch."""

from __future__ import annotations

import gc
import weakref

import pytest

import minigrad
from parity_tests.both import both_raise, same_as_torch


def leaf(torch, *values):
    return torch.tensor(values or (1.0, 2.0, 3.0), dtype=torch.float64, requires_grad=True)


def doubling(torch, log=None):
    """Hooks that store as NumPy, and give back twice as much: what they did can be seen."""
    log = [] if log is None else log

    def pack(tensor):
        log.append(("pack", tuple(tensor.shape), str(tensor.dtype).split(".")[1]))
        return tensor.detach().numpy().copy()

    def unpack(array):
        log.append(("unpack", array.shape))
        return torch.tensor(array) * 2

    return torch.autograd.graph.saved_tensors_hooks(pack, unpack)


PROGRAMS = {
    "unary that saves its input": lambda t, x: x.sin(),
    "unary that saves its output": lambda t, x: x.exp(),
    "product": lambda t, x: x * x.flip(0),
    "product with a constant": lambda t, x: x * t.ones(3, dtype=t.float64),
    "product with a number": lambda t, x: x * 3,
    "nothing saved": lambda t, x: x + x,
    "power": lambda t, x: x**3,
    "matmul": lambda t, x: x @ x,
    "softmax": lambda t, x: x.softmax(0)[0],
    "prod": lambda t, x: x.prod(),
    "in place": lambda t, x: (x * 2).mul_(x),
    "chain": lambda t, x: (x.sin() * x).cos(),
    "linear": lambda t, x: t.nn.functional.linear(x, t.ones(2, 3, dtype=t.float64) / 3),
}


@pytest.mark.parametrize("program", sorted(PROGRAMS))
@same_as_torch
def test_what_comes_back_is_what_is_used(torch, program):
    x = leaf(torch)
    with doubling(torch):
        y = PROGRAMS[program](torch, x)
    y.sum().backward()
    return y, x.grad


@pytest.mark.parametrize("program", ["unary that saves its input", "product", "power", "chain"])
@same_as_torch
def test_how_often_and_on_what_the_hooks_are_called(torch, program):
    x, log = leaf(torch), []
    with doubling(torch, log):
        y = PROGRAMS[program](torch, x)
    before = list(log)
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    return before, sorted(map(str, log))


@same_as_torch
def test_only_the_innermost_pair_counts(torch):
    x, log = leaf(torch), []
    hooks = torch.autograd.graph.saved_tensors_hooks
    with hooks(lambda t: log.append("outer") or t, lambda t: t):
        y = x.sin()
        with hooks(lambda t: log.append("inner") or t, lambda t: t):
            y = y.sin()
        y = y.sin()
    y = y.sin()
    y.sum().backward()
    return log, x.grad


@same_as_torch
def test_modes_inside_and_outside(torch):
    x, log = leaf(torch), []

    def pack(tensor):
        log.append(torch.is_grad_enabled())
        return tensor.detach()

    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t)
    with torch.no_grad(), hooks:
        x.sin()
        with torch.enable_grad():
            x.sin()
    with hooks:
        with torch.no_grad():
            x.cos()
        x.sin()
        torch.set_grad_enabled(False)
    after = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    with hooks, torch.enable_grad():
        x.sin()
    x.sin()
    return log, after


@same_as_torch
def test_second_derivatives_through_hooks(torch):
    x = leaf(torch)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach() * 1, lambda t: t):
        y = (x.sin() * x).exp()
        (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return first, torch.autograd.grad(first.sum(), x)


@same_as_torch
def test_a_tensor_saved_by_a_function_goes_through_the_hooks(torch):
    log = []

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x * x
            ctx.save_for_backward(x, y, None)
            return y

        @staticmethod
        def backward(ctx, g):
            x, _, none = ctx.saved_tensors
            assert none is None
            return 2 * x * g

    x = leaf(torch)
    with doubling(torch, log):
        y = Square.apply(x)
    y.sum().backward()
    return x.grad, log


@same_as_torch
def test_a_write_is_not_noticed_on_what_is_packed(torch):
    x = leaf(torch)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = x * 1
        z = (y * y).sum()
    y.add_(5)
    z.backward()
    return x.grad


@same_as_torch
def test_the_tensor_that_is_packed_has_its_place(torch):
    seen = []
    x = leaf(torch)

    def pack(tensor):
        seen.append((tensor.requires_grad, tensor.is_leaf))
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        (x * torch.ones(3, dtype=torch.float64)).sum()
        torch.dot(x, x)
    return seen


BAD = {
    "unpack gives no tensor": (lambda t: t, lambda t: 3.0),
    "unpack gives nothing": (lambda t: t, lambda t: None),
    "unpack raises": (lambda t: t, lambda t: {}["no"]),
    "pack raises": (lambda t: {}["no"], lambda t: t),
    "pack writes": (lambda t: t.mul_(2), lambda t: t),
    "pack takes none": (lambda: 1, lambda t: t),
    "unpack takes two": (lambda t: t, lambda t, u: t),
    "unpack of another shape": (lambda t: t.detach(), lambda t: t[:2]),
}


@pytest.mark.parametrize("case", sorted(BAD))
@both_raise
def test_bad_hooks(torch, case):
    x = leaf(torch)
    with torch.autograd.graph.saved_tensors_hooks(*BAD[case]):
        y = x * 1 * x
    y.sum().backward()


@same_as_torch
def test_modes_are_restored_after_an_error_in_a_hook(torch):
    x = leaf(torch)
    try:
        with torch.autograd.graph.saved_tensors_hooks(lambda t: {}["no"], lambda t: t):
            x.sin()
    except KeyError:
        pass
    y = x.sin()
    y.sum().backward()
    return torch.is_grad_enabled(), x.grad


@both_raise
def test_hooks_can_be_refused(torch):
    with torch.autograd.graph.disable_saved_tensors_hooks("not here"):  # noqa: SIM117
        with torch.autograd.graph.save_on_cpu():
            pass


@same_as_torch
def test_a_refusal_ends(torch):
    log = []
    with torch.autograd.graph.disable_saved_tensors_hooks("outer"):
        try:
            with torch.autograd.graph.disable_saved_tensors_hooks("inner"):
                torch.autograd.graph.save_on_cpu().__enter__()
        except RuntimeError as error:
            log.append(str(error))
        try:
            torch.autograd.graph.save_on_cpu().__enter__()
        except RuntimeError as error:
            log.append(str(error))
    with torch.autograd.graph.save_on_cpu(pin_memory=False):
        y = leaf(torch).exp()
    y.sum().backward()
    return log


@same_as_torch
def test_mutation_of_saved_tensors_can_be_allowed(torch):
    x = leaf(torch)
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        y = x.clone()
        z = (y**2).sum() + y.exp().sum()
        y.sin_()
        z.backward()
    return x.grad, y


# What a node saved, by name.


@same_as_torch
def test_saved_values_by_name(torch):
    x, w = leaf(torch), leaf(torch, 0.5, -1.0, 2.0)
    return (
        (x * w).grad_fn._saved_self,
        (x * w).grad_fn._saved_other,
        x.exp().grad_fn._saved_result,
        x.sin().grad_fn._saved_self,
        (x**3).grad_fn._saved_exponent,
        torch.tanh(x).grad_fn._saved_result,
        (x * w.detach()).grad_fn._saved_self,
    )


@both_raise
def test_no_such_saved_value(torch):
    return leaf(torch).exp().grad_fn._saved_other


@both_raise
def test_saved_values_of_a_freed_graph(torch):
    y = leaf(torch).exp()
    y.sum().backward()
    return y.grad_fn._saved_result


@same_as_torch
def test_hooks_on_one_saved_value(torch):
    x, w = leaf(torch), leaf(torch, 0.5, -1.0, 2.0)
    y = x * w
    y.grad_fn._raw_saved_self.register_hooks(lambda t: t * 2, lambda t: t + 1)
    y.sum().backward()
    return x.grad, w.grad


@both_raise
def test_hooks_on_one_saved_value_are_set_once(torch):
    y = leaf(torch).exp()
    y.grad_fn._raw_saved_result.register_hooks(lambda t: t, lambda t: t)
    y.grad_fn._raw_saved_result.register_hooks(lambda t: t, lambda t: t)


@both_raise
def test_a_hook_is_a_function(torch):
    leaf(torch).exp().grad_fn._raw_saved_result.register_hooks(1, 2)


# Memory, in minigrad alone.


def test_packed_values_are_let_go():
    class Thing:
        pass

    seen = []

    def pack(tensor):
        thing = Thing()
        thing.array = tensor.numpy().copy() if not tensor.requires_grad else tensor.detach().numpy()
        seen.append(weakref.ref(thing))
        return thing

    x = leaf(minigrad)
    gc.disable()
    try:
        with minigrad.autograd.graph.saved_tensors_hooks(pack, lambda t: minigrad.tensor(t.array)):
            y = (x.sin() * x.cos()).exp().sum()
        assert sum(ref() is not None for ref in seen) == len(seen) > 3
        y.backward()
        assert not any(ref() for ref in seen)
    finally:
        gc.enable()


def test_a_graph_with_hooks_that_change_nothing_dies_by_counting():
    x = leaf(minigrad)
    gc.disable()
    try:
        with minigrad.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
            y = (x.sin() * x.exp()).sum()
        node = weakref.ref(y.grad_fn)
        del y
        assert node() is None
    finally:
        gc.enable()
