"""Arguments and errors of ``grad`` and ``backward``, and of the switches, against torch."""

from __future__ import annotations

import importlib
import warnings
from collections import OrderedDict

import pytest

from parity_tests.both import both_raise, same_as_torch


def leaf(torch, *values):
    return torch.tensor(values or (1.0, 2.0, 3.0), dtype=torch.float64, requires_grad=True)


def warned(call):
    """The kinds of warning that a call gives."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call()
    return sorted({w.category.__name__ for w in seen})


@same_as_torch
def test_dictionaries_of_inputs(torch):
    x, w = leaf(torch), leaf(torch, 3.0, 4.0, 5.0)
    y = (x * w).sum()
    found = torch.autograd.grad(y, {"x": x, "w": w}, retain_graph=True)
    y.backward(inputs={"w": w})
    return found, x.grad, w.grad


@same_as_torch
def test_batches_of_weights(torch):
    x = leaf(torch)
    y, z = x**2, x.sum()
    rows = torch.eye(3, dtype=torch.float64)
    unused = leaf(torch)
    return (
        torch.autograd.grad(y, x, rows, is_grads_batched=True, retain_graph=True),
        torch.autograd.grad([y, z], [x], [rows, rows[0]], is_grads_batched=True, retain_graph=True),
        torch.autograd.grad(
            y, [x, unused], rows, is_grads_batched=True, allow_unused=True, create_graph=True
        ),
    )


@same_as_torch
def test_zeros_for_unused_inputs(torch):
    x, unused = leaf(torch), leaf(torch)
    y = (x * 2).sum()
    return (
        torch.autograd.grad(y, [x, unused], materialize_grads=True, retain_graph=True),
        torch.autograd.grad(y, [x, unused], materialize_grads=True, create_graph=True),
    )


@same_as_torch
def test_weights_in_every_form(torch):
    x = leaf(torch)
    y, z = x * 2, (x * 3).sum()
    w = torch.ones(3, dtype=torch.float64)
    return (
        torch.autograd.grad([y, z], x, [w, None], retain_graph=True),
        torch.autograd.grad((y, z), (x,), (w, None), retain_graph=True),
        torch.autograd.grad(y, x, w, retain_graph=True),
        torch.autograd.grad(z, x, None, retain_graph=True),
        torch.autograd.grad(z, x, [None], retain_graph=True),
        torch.autograd.grad([y], x, w, retain_graph=True),
        torch.autograd.grad(outputs=y, inputs=x, grad_outputs=w),
    )


@same_as_torch
def test_backward_to_some_inputs_only(torch):
    x, w = leaf(torch), leaf(torch)
    y = x * w
    z = y.sum()
    z.backward(inputs=[x], retain_graph=True)
    first = x.grad.clone(), w.grad
    z.backward(inputs=w, retain_graph=True)
    z.backward(inputs=[y, w])
    return first, x.grad, w.grad, y.grad


@same_as_torch
def test_old_names_of_arguments(torch):
    x = leaf(torch)
    torch.autograd.backward([x * 2], None, None, False, [torch.ones(3, dtype=torch.float64)])
    kinds = warned(lambda: torch.autograd.backward(x.sum(), grad_variables=None))
    kinds += warned(
        lambda: torch.autograd.backward(x.sum(), grad_variables=torch.tensor(1.0).double())
    )
    kinds += warned(lambda: torch.autograd.grad(x.sum(), x, only_inputs=False))
    return kinds, x.grad


@same_as_torch
def test_a_graph_in_the_gradient_is_warned_of(torch):
    x = leaf(torch)
    return (
        warned(lambda: torch.autograd.grad((x**2).sum(), x, create_graph=True)),
        warned(lambda: (x**2).sum().backward()),
    )


BAD = {
    "no inputs to grad": lambda t, x: t.autograd.grad(x.sum(), []),
    "no inputs to backward": lambda t, x: x.sum().backward(inputs=[]),
    "empty dictionary": lambda t, x: t.autograd.grad(x.sum(), {}),
    "other mapping": lambda t, x: t.autograd.grad(x.sum(), OrderedDict(x=x)),
    "other mapping to backward": lambda t, x: x.sum().backward(inputs=OrderedDict(x=x)),
    "no tensors": lambda t, x: t.autograd.grad(3.0, x),
    "no input tensor": lambda t, x: t.autograd.grad(x.sum(), 3.0),
    "list of numbers": lambda t, x: t.autograd.grad([x.sum()], [3.0]),
    "both names": lambda t, x: t.autograd.backward(
        x.sum(), t.tensor(1.0).double(), grad_variables=t.tensor(1.0).double()
    ),
    "a number as weight": lambda t, x: x.sum().backward(1.0),
    "a list of numbers as weight": lambda t, x: t.autograd.backward([x.sum()], [1.0]),
    "too few weights": lambda t, x: t.autograd.grad([x.sum(), x.sum()], [x], [None]),
    "weight of another shape": lambda t, x: x.backward(t.ones(2).double()),
    "zeros and not allowed": lambda t, x: t.autograd.grad(
        x.sum(), x, allow_unused=False, materialize_grads=True
    ),
    "batch of another shape": lambda t, x: t.autograd.grad(
        x * 2, x, t.ones(4, 2).double(), is_grads_batched=True
    ),
    "constant output": lambda t, x: t.autograd.grad(x.detach().sum(), x),
    "constant input": lambda t, x: t.autograd.grad(x.sum(), t.ones(1)),
    "backward to a constant": lambda t, x: x.sum().backward(inputs=[t.ones(1)]),
    "backward of a constant": lambda t, x: t.ones(1).backward(),
    "backward of a vector": lambda t, x: (x * 2).backward(),
    "unused": lambda t, x: t.autograd.grad(x.sum(), leaf(t)),
    "grad of another shape": lambda t, x: setattr(x, "grad", t.ones(2).double()),
    "grad of another dtype": lambda t, x: setattr(x, "grad", t.ones(3)),
    "grad that is a number": lambda t, x: setattr(x, "grad", 1.0),
    "grad that is the tensor": lambda t, x: setattr(x, "grad", x),
    "requires_grad of a computed one": lambda t, x: (x * 2).requires_grad_(False),
    "requires_grad set on a computed one": lambda t, x: setattr(x * 2, "requires_grad", False),
    "requires_grad of integers": lambda t, x: t.ones(1).long().requires_grad_(),
    "requires_grad set on integers": lambda t, x: setattr(t.ones(1).long(), "requires_grad", True),
    "grad_fn set": lambda t, x: setattr(x, "grad_fn", None),
    "is_leaf set": lambda t, x: setattr(x, "is_leaf", True),
    "detach_ of a view": lambda t, x: (x * 2)[:2].detach_(),
    "data from a list": lambda t, x: setattr(x, "data", [1.0]),
    "data deleted": lambda t, x: delattr(x, "data"),
    "data of another kind": lambda t, x: setattr(x, "data", t.ones(3).long()),
    "numpy of a leaf": lambda t, x: x.numpy(),
    "set_grad_enabled without a mode": lambda t, x: t.set_grad_enabled(),
    "set_grad_enabled of a text": lambda t, x: t.set_grad_enabled("yes"),
    "a write to a leaf": lambda t, x: x.add_(1),
    "a write to a view of a leaf": lambda t, x: x[:1].add_(1),
}


@pytest.mark.parametrize("case", sorted(BAD))
@both_raise
def test_bad_calls(torch, case):
    return BAD[case](torch, leaf(torch))


# Switches.


@same_as_torch
def test_names_and_places(torch):
    a = torch.autograd
    grad_mode = importlib.import_module(f"{torch.__name__}.autograd.grad_mode")
    anomaly = importlib.import_module(f"{torch.__name__}.autograd.anomaly_mode")
    variable = importlib.import_module(f"{torch.__name__}.autograd.variable")
    function = importlib.import_module(f"{torch.__name__}.autograd.function")
    gradcheck = importlib.import_module(f"{torch.__name__}.autograd.gradcheck")
    return (
        torch.no_grad is a.no_grad is grad_mode.no_grad,
        torch.enable_grad is a.enable_grad is grad_mode.enable_grad,
        torch.set_grad_enabled is a.set_grad_enabled is grad_mode.set_grad_enabled,
        torch.inference_mode is a.inference_mode is grad_mode.inference_mode,
        a.detect_anomaly is anomaly.detect_anomaly,
        a.Variable is variable.Variable,
        a.Function is function.Function,
        callable(gradcheck.gradcheck),
        issubclass(gradcheck.GradcheckError, RuntimeError),
        callable(function.once_differentiable),
        [hasattr(function, n) for n in ("FunctionCtx", "InplaceFunction", "once_differentiable")],
    )


@same_as_torch
def test_variables_are_tensors(torch):
    x = torch.ones(2)
    y = torch.autograd.Variable(x, requires_grad=True)
    (y * 2).sum().backward()
    y.data[0] = 5
    z = torch.autograd.Variable(y)
    return y, y.grad, x, isinstance(x, torch.autograd.Variable), z, isinstance(3, type(z))


@same_as_torch
def test_inference_mode_in_all_forms(torch):
    seen = []

    def note():
        seen.append((torch.is_inference_mode_enabled(), torch.is_grad_enabled()))

    @torch.inference_mode()
    def one():
        note()

    @torch.inference_mode
    def two():
        note()

    @torch.inference_mode(False)
    def three():
        note()

    one(), two(), three()
    with torch.inference_mode():
        note()
        with torch.inference_mode(False):
            note()
        with torch.inference_mode(mode=False), torch.no_grad():
            note()
        with torch.enable_grad():
            seen.append((torch.is_inference_mode_enabled(), (torch.ones(1) * 2).is_inference()))
        with torch.no_grad():
            seen.append((torch.is_inference_mode_enabled(), (torch.ones(1) * 2).is_inference()))
        three()
    with torch.no_grad(), torch.inference_mode(False):
        note()
    note()
    return seen


@same_as_torch
def test_inference_tensors_outside(torch):
    x = leaf(torch)
    with torch.inference_mode():
        y = x * 2
        z = y.view(3)
        y.add_(1)
    found = []
    for act in (
        lambda: (y * x).sum().backward(),
        lambda: y.requires_grad_(),
        lambda: y.clone().requires_grad_(),
        lambda: (y.clone() * x).sum().backward(),
        lambda: y + 1,
        lambda: (y + x).sum().backward(),
        lambda: y._version,
        lambda: x.copy_(y),
        lambda: torch.ones(3, dtype=torch.float64).copy_(y),
    ):
        try:
            result = act()
            found.append(result if hasattr(result, "detach") else "fine")
        except RuntimeError:
            found.append("RuntimeError")
    return found, y.is_inference(), z.is_inference(), (y + 1).is_inference(), x.grad


@same_as_torch
def test_switches_as_decorators_of_methods_and_classes(torch):
    class Thing:
        @torch.no_grad()
        def off(self):
            return torch.is_grad_enabled()

        @staticmethod
        @torch.no_grad
        def bare():
            return torch.is_grad_enabled()

        @torch.set_grad_enabled(False)
        def set_off(self):
            return torch.is_grad_enabled()

        @torch.enable_grad()
        def on(self):
            """Its text."""
            return torch.is_grad_enabled()

    thing = Thing()
    with torch.no_grad():
        on = thing.on()
    return thing.off(), thing.bare(), thing.set_off(), on, Thing.on.__name__, Thing.on.__doc__


@same_as_torch
def test_switches_of_generators(torch):
    @torch.no_grad()
    def numbers():
        got = yield torch.is_grad_enabled()
        try:
            yield got, torch.is_grad_enabled()
        except ValueError:
            yield "caught", torch.is_grad_enabled()
        return "end"

    run, seen = numbers(), []
    seen.append((next(run), torch.is_grad_enabled()))
    seen.append((run.send("sent"), torch.is_grad_enabled()))
    seen.append((run.throw(ValueError()), torch.is_grad_enabled()))
    try:
        next(run)
    except StopIteration as stop:
        seen.append(stop.value)
    return seen


@same_as_torch
def test_set_grad_enabled_in_all_forms(torch):
    seen = []
    switch = torch.set_grad_enabled(False)
    seen.append(torch.is_grad_enabled())
    with switch:
        seen.append(torch.is_grad_enabled())
    seen.append(torch.is_grad_enabled())
    torch.set_grad_enabled(mode=True)
    with torch.set_grad_enabled(False):
        seen.append(torch.is_grad_enabled())
        torch.set_grad_enabled(True)
        seen.append(torch.is_grad_enabled())
    seen.append(torch.is_grad_enabled())
    return seen


@same_as_torch
def test_anomaly_switches(torch):
    seen = []
    with torch.autograd.detect_anomaly():
        seen.append(torch.is_anomaly_enabled())
        with torch.autograd.set_detect_anomaly(False):
            seen.append(torch.is_anomaly_enabled())
    torch.autograd.set_detect_anomaly(True, check_nan=False)
    seen.append(torch.is_anomaly_enabled())
    torch.autograd.set_detect_anomaly(False)
    return seen, torch.is_anomaly_enabled()


@same_as_torch
def test_the_gradient_is_kept_as_it_is_given(torch):
    x, g = leaf(torch), torch.ones(3, dtype=torch.float64)
    x.grad = g
    (x * 2).sum().backward()
    same = x.grad is g
    x.grad.zero_()
    x.grad = None
    del x.grad
    return g, same, x.grad


@same_as_torch
def test_data_is_outside_of_everything(torch):
    x = leaf(torch)
    y = x * 2
    z = y * y
    y.data.mul_(10)
    z.sum().backward()
    before = x._version
    x.data = torch.zeros(3, dtype=torch.float64)
    return x.grad, x, y._version, before, x.data.requires_grad, x.data is x.data


@same_as_torch
def test_leaves_and_flags(torch):
    x = leaf(torch)
    y = x * 2
    z = y.detach().requires_grad_()
    w = torch.ones(2)
    v = w[:1]
    found = [(t.is_leaf, t.requires_grad, t.grad_fn is None) for t in (x, y, z, w, v)]
    y.detach_()
    w.requires_grad_()
    found += [(t.is_leaf, t.requires_grad, t.grad_fn is None) for t in (y, w)]
    x.requires_grad = False
    found.append((x.is_leaf, x.requires_grad))
    return found, y.requires_grad_() is y
