"""Leaves, flags, detaching, and the modes that switch recording on and off."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from parity_tests.both import attempt, both_raise, same_as_torch


def leaf(torch: Any) -> Any:
    return torch.tensor([1.0, -2.0, 0.5], requires_grad=True)


def flags(*tensors: Any) -> list[tuple[bool, bool, bool]]:
    return [(t.is_leaf, t.requires_grad, t.grad_fn is None) for t in tensors]


# -- leaves -----------------------------------------------------------------------------------


@same_as_torch
def test_what_is_a_leaf(torch):
    x, c = leaf(torch), torch.ones(3)
    return flags(x, c, x * 2, c * 2, x.detach(), x.data, x.clone(), x[0], c[0], x.sum(), x > 0)


@same_as_torch
def test_requires_grad_spreads_through_ops(torch):
    x, c = leaf(torch), torch.ones(3)
    return [t.requires_grad for t in (x + c, c + c, torch.cat([x, c]), torch.stack([c, c]))]


@same_as_torch
def test_requires_grad_can_be_set_on_a_leaf(torch):
    c = torch.ones(3)
    same = c.requires_grad_() is c
    c.requires_grad = False
    before = c.requires_grad
    c.requires_grad = True
    (c * 3).sum().backward()
    return same, before, c.grad


@same_as_torch
def test_requires_grad_can_only_be_left_on_for_a_computed_tensor(torch):
    y = leaf(torch) * 2
    y.requires_grad_(True)
    return (
        attempt(lambda: setattr(y, "requires_grad", True)),
        attempt(lambda: y.requires_grad_(False)),
        attempt(lambda: setattr(y, "requires_grad", False)),
        y.requires_grad,
    )


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
@both_raise
def test_only_floats_can_require_gradients(torch, dtype):
    torch.ones(3, dtype=getattr(torch, dtype)).requires_grad_()


@both_raise
def test_a_tensor_of_integers_can_not_be_made_to_require_gradients(torch):
    torch.tensor([1, 2], requires_grad=True)


@pytest.mark.parametrize("dtype", ["int64", "bool"])
@same_as_torch
def test_integers_may_be_told_not_to_require_gradients(torch, dtype):
    return torch.ones(3, dtype=getattr(torch, dtype)).requires_grad_(False)


@same_as_torch
def test_creation_functions_take_requires_grad(torch):
    with torch.no_grad():
        made = torch.zeros(2, requires_grad=True), torch.ones(2, requires_grad=True)
        drawn = torch.rand(2, requires_grad=True), torch.full((2,), 3.0, requires_grad=True)
    return flags(*made, *drawn)


@same_as_torch
def test_a_leaf_that_stops_requiring_gradients_gets_none(torch):
    x, c = leaf(torch), leaf(torch)
    y = (x * c).sum()
    x.requires_grad_(False)
    y.backward()
    return x.grad, c.grad


@same_as_torch
def test_the_gradient_can_be_set_and_deleted(torch):
    x = leaf(torch)
    x.grad = torch.ones(3)
    (x * 2).sum().backward()
    kept = x.grad
    del x.grad
    return kept, x.grad


@pytest.mark.parametrize("wrong", ["number", "shape", "dtype"])
@both_raise
def test_a_gradient_that_does_not_fit_can_not_be_set(torch, wrong):
    values = {"number": 1.0, "shape": torch.ones(2), "dtype": torch.ones(3, dtype=torch.float64)}
    leaf(torch).grad = values[wrong]


# -- modes ------------------------------------------------------------------------------------


@same_as_torch
def test_modes_as_context_managers(torch):
    x, found = leaf(torch), [torch.is_grad_enabled()]
    with torch.no_grad():
        found += [torch.is_grad_enabled(), (x * 2).requires_grad]
        with torch.enable_grad():
            found += [torch.is_grad_enabled(), (x * 2).requires_grad]
            with torch.set_grad_enabled(False):
                found += [torch.is_grad_enabled(), (x * 2).requires_grad]
        found += [torch.is_grad_enabled()]
        with torch.inference_mode():
            found += [torch.is_grad_enabled(), torch.is_inference_mode_enabled()]
        found += [torch.is_inference_mode_enabled()]
    return [*found, torch.is_grad_enabled()]


@same_as_torch
def test_modes_as_decorators_with_and_without_parentheses(torch):
    x = leaf(torch)

    def double(y):
        """Doc."""
        return (y * 2).requires_grad

    wrapped = [
        torch.no_grad()(double),
        torch.no_grad(double),
        torch.enable_grad()(double),
        torch.enable_grad(double),
        torch.inference_mode()(double),
        torch.inference_mode(double),
        torch.inference_mode(False)(double),
        torch.set_grad_enabled(False)(double),
    ]
    names = [(f.__name__, f.__doc__) for f in wrapped]
    outside = [f(x) for f in wrapped]
    with torch.no_grad():
        inside = [f(x) for f in wrapped]
    return names, outside, inside, torch.is_grad_enabled()


@same_as_torch
def test_a_decorated_generator_switches_only_while_it_runs(torch):
    @torch.no_grad()
    def numbers():
        sent = yield torch.is_grad_enabled()
        with torch.enable_grad():
            yield torch.is_grad_enabled(), sent
        try:
            yield torch.is_grad_enabled()
        except KeyError:
            yield torch.is_grad_enabled(), "caught"
        return "end"

    found, gen = [], numbers()
    found += [next(gen), torch.is_grad_enabled()]
    found += [gen.send("hello"), torch.is_grad_enabled()]
    found += [next(gen), torch.is_grad_enabled()]
    found += [gen.throw(KeyError()), torch.is_grad_enabled()]
    try:
        next(gen)
    except StopIteration as stop:
        found.append(stop.value)
    return found


@same_as_torch
def test_a_generator_that_is_closed_early_is_cleaned_up_in_its_mode(torch):
    found = []

    @torch.no_grad()
    def numbers():
        try:
            yield 1
        finally:
            found.append(torch.is_grad_enabled())

    gen = numbers()
    next(gen)
    gen.close()
    return found, torch.is_grad_enabled()


@same_as_torch
def test_an_exception_restores_the_mode(torch):
    found = []
    for switch in (torch.no_grad(), torch.inference_mode(), torch.set_grad_enabled(False)):
        try:
            with switch:
                raise KeyError
        except KeyError:
            found.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled()))
    return found


@same_as_torch
def test_one_switch_can_be_used_again(torch):
    switch, found = torch.no_grad(), []
    for _ in range(2):
        with switch:
            found.append(torch.is_grad_enabled())
        found.append(torch.is_grad_enabled())
    return found


@same_as_torch
def test_set_grad_enabled_shows_what_it_was_told(torch):
    with torch.no_grad():
        return repr(torch.set_grad_enabled(True)), repr(torch.set_grad_enabled(False))


@same_as_torch
def test_set_grad_enabled_acts_at_once_as_a_call(torch):
    torch.set_grad_enabled(False)
    off = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    return off, torch.is_grad_enabled()


@same_as_torch
def test_modes_are_of_one_thread(torch):
    found = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: found.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    return found


@same_as_torch
def test_tensors_made_in_inference_mode_stay_out_of_graphs(torch):
    x = leaf(torch)
    with torch.inference_mode():
        y = x * 2
        made = torch.ones(3)
    return (
        [t.is_inference() for t in (x, y, made, y.clone())],
        [t.requires_grad for t in (y, made, y + 1)],
        attempt(lambda: x * y),
        attempt(lambda: x + y),
        attempt(lambda: y.add_(1)),
        attempt(lambda: y.requires_grad_()),
        attempt(lambda: x * y.clone()),
    )


@same_as_torch
def test_views_made_in_no_grad_mode_require_gradients_as_their_base_does(torch):
    x, c = leaf(torch), torch.ones(3)
    with torch.no_grad():
        return flags(x[1:], x.reshape(3, 1), c[1:], x.clone(), x.detach()[1:])


@same_as_torch
def test_anomaly_mode_can_be_asked_for(torch):
    found = [torch.is_anomaly_enabled()]
    with torch.autograd.detect_anomaly():
        found.append(torch.is_anomaly_enabled())
    with torch.autograd.set_detect_anomaly(True):
        found.append(torch.is_anomaly_enabled())
        with torch.autograd.set_detect_anomaly(False):
            found.append(torch.is_anomaly_enabled())
    return [*found, torch.is_anomaly_enabled()]
