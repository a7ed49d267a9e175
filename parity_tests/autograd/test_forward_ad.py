"""``autograd.forward_ad``: dual tensors and their tangents, against torch."""

from __future__ import annotations

import importlib

import pytest

from parity_tests.both import both_raise, same_as_torch


def forward_ad(torch):
    return importlib.import_module(f"{torch.__name__}.autograd.forward_ad")


def vector(torch, *values, grad=False):
    return torch.tensor(values or (1.0, -2.0), dtype=torch.float64, requires_grad=grad)


def parts(dual):
    return dual.primal.detach(), dual.tangent


PROGRAMS = {
    "sin": lambda t, x: x.sin(),
    "product": lambda t, x: x * x.exp(),
    "constant factor": lambda t, x: x * 3 + 1,
    "matmul": lambda t, x: t.ones(3, 2, dtype=t.float64) @ x,
    "softmax": lambda t, x: x.softmax(0),
    "sum": lambda t, x: x.sum(),
    "views": lambda t, x: x[None, :].expand(2, 2).T[0],
    "in place": lambda t, x: x.mul_(2).sin_(),
    "itself": lambda t, x: x,
    "linear": lambda t, x: t.nn.functional.linear(x, t.ones(3, 2, dtype=t.float64)),
    "norm": lambda t, x: x.norm(),
}


@pytest.mark.parametrize("program", sorted(PROGRAMS))
@same_as_torch
def test_tangents(torch, program):
    ad = forward_ad(torch)
    with ad.dual_level():
        x = ad.make_dual(vector(torch), vector(torch, 0.5, 3.0))
        return parts(ad.unpack_dual(PROGRAMS[program](torch, x)))


@same_as_torch
def test_several_duals(torch):
    ad = forward_ad(torch)
    with ad.dual_level():
        x = ad.make_dual(vector(torch), vector(torch, 0.5, 3.0))
        y = ad.make_dual(vector(torch, 2.0, 1.0), vector(torch, 1.0, 0.0))
        both, one, none = x * y, y.exp(), vector(torch) * 2
        return parts(ad.unpack_dual(both)), parts(ad.unpack_dual(one)), ad.unpack_dual(none)


@same_as_torch
def test_outside_of_a_level_there_is_no_tangent(torch):
    ad = forward_ad(torch)
    with ad.dual_level():
        x = ad.make_dual(vector(torch), vector(torch))
        y = x * 2
    return ad.unpack_dual(y).tangent, ad.unpack_dual(vector(torch)).tangent


@same_as_torch
def test_backward_through_tangents(torch):
    ad = forward_ad(torch)
    x, t = vector(torch, grad=True), vector(torch, 0.5, 3.0, grad=True)
    with ad.dual_level():
        out = ad.unpack_dual(ad.make_dual(x, t).exp())
        (out.primal.sum() + (out.tangent**2).sum()).backward()
    return x.grad, t.grad


@same_as_torch
def test_a_level_as_a_decorator_and_by_hand(torch):
    ad = forward_ad(torch)

    @ad.dual_level()
    def push(x):
        return ad.unpack_dual(ad.make_dual(x, x).sin()).tangent

    level = ad.enter_dual_level()
    y = ad.unpack_dual(ad.make_dual(vector(torch), vector(torch), level=level) * 3, level=level)
    ad.exit_dual_level(level=level)
    return push(vector(torch)), level, y.tangent


@same_as_torch
def test_a_module_with_dual_parameters(torch):
    ad = forward_ad(torch)
    model = torch.nn.Linear(2, 1).double()
    with torch.no_grad():
        model.weight.fill_(0.5)
        model.bias.fill_(1.0)
    values = {n: p.detach() for n, p in model.named_parameters()}
    with ad.dual_level():
        duals = {n: ad.make_dual(p, torch.ones_like(p)) for n, p in values.items()}
        out = torch.func.functional_call(model, duals, (vector(torch),))
        return parts(ad.unpack_dual(out))


BAD = {
    "no level": lambda t, ad: ad.make_dual(vector(t), vector(t)),
    "other size": lambda t, ad: ad.dual_level()(ad.make_dual)(vector(t), vector(t)[:1]),
    "integers": lambda t, ad: ad.dual_level()(ad.make_dual)(vector(t).long(), vector(t)),
    "integer tangent": lambda t, ad: ad.dual_level()(ad.make_dual)(vector(t), vector(t).long()),
    "nested": lambda t, ad: ad.dual_level()(ad.enter_dual_level)(),
    "no level to exit": lambda t, ad: ad.exit_dual_level(),
}


@pytest.mark.parametrize("case", sorted(BAD))
@both_raise
def test_bad_calls(torch, case):
    return BAD[case](torch, forward_ad(torch))
