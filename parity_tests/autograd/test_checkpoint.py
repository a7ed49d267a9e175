"""``utils.checkpoint``: the same gradients from less memory, against torch."""

from __future__ import annotations

import gc
import importlib
import weakref
from contextlib import contextmanager

import numpy as np
import pytest

import minigrad
from parity_tests.both import both_raise, same_as_torch


def tools(torch):
    return importlib.import_module(f"{torch.__name__}.utils.checkpoint")


def leaf(torch, *values):
    return torch.tensor(values or (1.0, 2.0, 3.0), dtype=torch.float64, requires_grad=True)


def body(x, w):
    return ((x * w).sin() * x.exp()).cos() * w


@pytest.mark.parametrize("reentrant", [True, False])
@same_as_torch
def test_gradients(torch, reentrant):
    x, w = leaf(torch), leaf(torch, 0.5, -1.0, 2.0)
    y = tools(torch).checkpoint(body, x * 2, w, use_reentrant=reentrant)
    (y * y).sum().backward()
    return y, x.grad, w.grad


@pytest.mark.parametrize("reentrant", [True, False])
@same_as_torch
def test_calls(torch, reentrant):
    calls = []

    def func(x):
        calls.append(torch.is_grad_enabled())
        return x.sin().exp()

    x = leaf(torch)
    y = tools(torch).checkpoint(func, x, use_reentrant=reentrant)
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    return calls, x.grad


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("preserve", [True, False])
@same_as_torch
def test_random_numbers(torch, reentrant, preserve):
    torch.manual_seed(5)
    x = torch.ones(20, dtype=torch.float64, requires_grad=True)
    y = tools(torch).checkpoint(
        lambda x: torch.rand(20, dtype=torch.float64) * x * x,
        x,
        use_reentrant=reentrant,
        preserve_rng_state=preserve,
    )
    between = torch.rand(1)
    y.sum().backward()
    return y, x.grad, between, torch.rand(1)


@pytest.mark.parametrize("reentrant", [True, False])
@same_as_torch
def test_arguments_that_are_no_tensors_and_several_results(torch, reentrant):
    x, w = leaf(torch), leaf(torch, 0.5, -1.0, 2.0)

    def func(x, power, w, name):
        return x**power, name, x * w, (x * 2).detach().long()

    y, name, z, n = tools(torch).checkpoint(func, x, 3, w, "a", use_reentrant=reentrant)
    (y + z * 2).sum().backward()
    return y, name, z, n, x.grad, w.grad


@same_as_torch
def test_keywords_and_closures(torch):
    x, w = leaf(torch), leaf(torch, 0.5, -1.0, 2.0)
    y = tools(torch).checkpoint(
        lambda x, *, scale: x.exp() * w * scale, x, use_reentrant=False, scale=3
    )
    y.sum().backward()
    return x.grad, w.grad


@same_as_torch
def test_grad_and_second_derivatives(torch):
    x, w = leaf(torch), leaf(torch, 0.5, -1.0, 2.0)
    y = tools(torch).checkpoint(body, x, w, use_reentrant=False)
    first = torch.autograd.grad(y.sum(), [x, w], create_graph=True)
    return first, torch.autograd.grad((first[0] * first[1]).sum(), [x, w])


@pytest.mark.parametrize("reentrant", [(True, True), (False, False), (True, False), (False, True)])
@same_as_torch
def test_nested(torch, reentrant):
    calls = []
    checkpoint = tools(torch).checkpoint

    def inner(x):
        calls.append("inner")
        return x.sin() * x

    def outer(x):
        calls.append("outer")
        y = checkpoint(inner, x.exp(), use_reentrant=reentrant[1])
        return checkpoint(inner, y * 2, use_reentrant=reentrant[1]).cos()

    x = leaf(torch, 0.1, 0.2)
    y = checkpoint(outer, x, use_reentrant=reentrant[0])
    y.sum().backward()
    return y, x.grad, calls


@same_as_torch
def test_nested_three_deep(torch):
    checkpoint = tools(torch).checkpoint

    def deep(x, depth):
        y = x.sin() * x
        return checkpoint(deep, y, depth - 1, use_reentrant=False).exp() if depth else y

    x = leaf(torch, 0.1, 0.2)
    y = checkpoint(deep, x, 3, use_reentrant=False)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return y, first, torch.autograd.grad(first.sum(), x)


@pytest.mark.parametrize("early", [True, False])
@same_as_torch
def test_what_is_not_needed_is_not_run_again(torch, early):
    calls = []

    def func(x):
        y = x.sin()
        calls.append("first")
        y = y + 1
        calls.append("second")
        return y

    x = leaf(torch)
    y = tools(torch).checkpoint(func, x, use_reentrant=False, early_stop=early)
    y.sum().backward()
    with tools(torch).set_checkpoint_early_stop(not early):
        z = tools(torch).checkpoint(func, x, use_reentrant=False, early_stop=early)
    z.sum().backward()
    return calls


@same_as_torch
def test_contexts(torch):
    log = []

    @contextmanager
    def note(name):
        log.append(f"enter {name}")
        yield
        log.append(f"exit {name}")

    x = leaf(torch)
    y = tools(torch).checkpoint(
        lambda x: x.sin() * x,
        x,
        use_reentrant=False,
        context_fn=lambda: (note("first"), note("again")),
    )
    log.append("between")
    y.sum().backward()
    return log, x.grad


@pytest.mark.parametrize("reentrant", [True, False])
@same_as_torch
def test_without_recording(torch, reentrant):
    x = leaf(torch)
    with torch.no_grad():
        y = tools(torch).checkpoint(lambda x: x.exp(), x, use_reentrant=reentrant)
    z = tools(torch).checkpoint(lambda x: x.exp(), x.detach(), use_reentrant=reentrant)
    return y.requires_grad, z.requires_grad


@same_as_torch
def test_parameters_in_the_closure_get_gradients_although_no_argument_wants_one(torch):
    w = leaf(torch)
    ones = torch.ones(3).double()
    y = tools(torch).checkpoint(lambda x: (x * w).exp(), ones, use_reentrant=False)
    y.sum().backward()
    return w.grad


@pytest.mark.parametrize("segments", [1, 2, 3, 4])
@pytest.mark.parametrize("reentrant", [True, False])
@same_as_torch
def test_sequences(torch, segments, reentrant):
    steps = [torch.sin, torch.exp, torch.cos, torch.tanh]
    x = leaf(torch)
    y = tools(torch).checkpoint_sequential(steps, segments, x, use_reentrant=reentrant)
    y.sum().backward()
    return y, x.grad


@same_as_torch
def test_a_sequence_of_modules(torch):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.arange(float(p.numel())).reshape(p.shape) / 5 - 0.3)
    x = torch.ones(4, 2)
    y = tools(torch).checkpoint_sequential(model, 2, x, use_reentrant=False)
    y.sum().backward()
    return y, [p.grad for p in model.parameters()]


@same_as_torch
def test_a_checkpoint_inside_hooks_on_saved_tensors(torch):
    log, x = [], leaf(torch)
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: log.append("pack") or t.detach().clone(), lambda t: log.append("unpack") or t
    ):
        y = tools(torch).checkpoint(lambda x: x.sin().exp(), x, use_reentrant=False)
    y.sum().backward()
    return log, x.grad


def changing(torch, make):
    """A checkpointed function that does something else the second time."""
    state = {"runs": 0}

    def func(x):
        state["runs"] += 1
        return make(torch, x, state["runs"])

    x = leaf(torch)
    y = tools(torch).checkpoint(func, x, use_reentrant=False)
    y.sum().backward()


BAD = {
    "other shape": lambda t: changing(t, lambda t, x, n: (x[:n] if n == 1 else x).sin().sum()),
    "fewer saved": lambda t: changing(t, lambda t, x, n: x.sin().sin() if n == 1 else x.sin()),
    "reentrant and grad": lambda t: t.autograd.grad(
        tools(t).checkpoint(lambda x: x.sin(), x := leaf(t), use_reentrant=True).sum(), x
    ),
    "reentrant and inputs": lambda t: (
        tools(t)
        .checkpoint(lambda x: x.sin(), x := leaf(t), use_reentrant=True)
        .sum()
        .backward(inputs=[x])
    ),
    "reentrant and keywords": lambda t: tools(t).checkpoint(
        lambda x, scale: x * scale, leaf(t), use_reentrant=True, scale=2
    ),
    "reentrant and contexts": lambda t: tools(t).checkpoint(
        lambda x: x, leaf(t), use_reentrant=True, context_fn=lambda: (None, None)
    ),
    "unknown check": lambda t: tools(t).checkpoint(
        lambda x: x.sin(), leaf(t), use_reentrant=False, determinism_check="strict"
    ),
    "sequential keywords": lambda t: tools(t).checkpoint_sequential(
        [t.sin], 1, leaf(t), use_reentrant=False, other=1
    ),
    "argument written": lambda t: written(t),
    "no graph inside, reentrant": lambda t: (
        tools(t).checkpoint(lambda x: x.detach() * 1, leaf(t), use_reentrant=True).sum().backward()
    ),
}


def written(torch):
    x = leaf(torch) * 1
    y = tools(torch).checkpoint(lambda x: x.sin(), x, use_reentrant=False)
    x.add_(1)
    y.sum().backward()


@pytest.mark.parametrize("case", sorted(BAD))
@both_raise
def test_bad_calls(torch, case):
    return BAD[case](torch)


@same_as_torch
def test_the_check_can_be_left_out(torch):
    runs = []

    def func(x):
        runs.append(1)
        return x.sin() if len(runs) == 1 else x.float().sin().double()

    y = tools(torch).checkpoint(func, leaf(torch), use_reentrant=False, determinism_check="none")
    y.sum().backward()
    return y


def test_the_way_must_be_said():
    with pytest.warns(UserWarning, match="use_reentrant"):
        tools(minigrad).checkpoint(lambda x: x.sin(), leaf(minigrad))


# Memory, in minigrad alone.


def saved_bytes(node):
    """The bytes of all arrays that a graph holds."""
    seen, stack, found = set(), [node], {}
    while stack:
        one = stack.pop()
        if one is None or one in seen:
            continue
        seen.add(one)
        for value in one.saved:
            if isinstance(value, np.ndarray):
                found[id(value)] = value.nbytes
        stack.extend(one.edges)
    return sum(found.values())


@pytest.mark.parametrize("reentrant", [True, False])
def test_memory_is_saved(reentrant):
    def chain(x):
        for _ in range(20):
            x = x.sin()
        return x

    x = minigrad.ones(1000, requires_grad=True)
    plain = chain(x)
    kept = tools(minigrad).checkpoint(chain, x, use_reentrant=reentrant)
    assert saved_bytes(plain.grad_fn) >= 20 * 4000
    assert saved_bytes(kept.grad_fn) <= 2 * 4000


def test_arrays_die_after_forward_and_values_during_backward():
    alive_now, highest = set(), [0]

    def watch(x):
        y = x.sin()
        key = len(seen)
        seen.append(weakref.finalize(y._array, alive_now.discard, key))
        alive_now.add(key)
        highest[0] = max(highest[0], len(alive_now))
        return y

    seen: list = []

    def part(x):
        for _ in range(10):
            x = watch(x)
        return x

    gc.disable()
    try:
        x = minigrad.ones(10, requires_grad=True)
        y = x
        for _ in range(10):
            y = tools(minigrad).checkpoint(part, y, use_reentrant=False)
        assert len(alive_now) <= 11  # the arguments of the parts alone
        highest[0] = 0
        y.sum().backward()
        assert highest[0] <= 30  # never all of the hundred
        del y
        assert not alive_now
    finally:
        gc.enable()
