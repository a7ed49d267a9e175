"""The generic tests catch the classic wrong gradients: each is planted here, and must be found."""

from __future__ import annotations

import pytest

from minigrad.autograd import engine
from minigrad.autograd.op import make_pull
from minigrad.autograd.registry import REGISTRY
from parity_tests.ops.drawing import case_of, check_both_orders
from parity_tests.ops.test_parity import test_gradients_match_torch as check_against_torch

pytestmark = pytest.mark.filterwarnings("ignore:fast_mode")
FOUND = (AssertionError, RuntimeError, ValueError)


def check_drawn(record, index):
    """The hypothesis test's check, on one draw."""
    check_both_orders(case_of(record, index))


CHECKS = [check_against_torch, check_drawn]


def assert_found(check, name, index):
    with pytest.raises(FOUND):
        check(REGISTRY[name], index)


@pytest.mark.parametrize("check", CHECKS)
def test_healthy_ops_pass(check):
    for name, index in (("mul", 1), ("div", 0), ("sum", 1), ("maximum", 0)):
        check(REGISTRY[name], index)


@pytest.mark.parametrize("check", CHECKS)
def test_dropped_unbroadcast_is_found(check, monkeypatch):
    monkeypatch.setattr(engine, "fit", lambda g, shape, node, F: g)
    assert_found(check, "mul", 1)


@pytest.mark.parametrize("check", CHECKS)
def test_unbroadcast_that_forgets_axes_of_size_one_is_found(check, monkeypatch):
    def leading_only(g, shape, node, F):
        for _ in range(len(g.shape) - len(shape)):
            g = F.sum(g, (0,), False)
        return g if tuple(g.shape) == tuple(shape) else F.reshape(g, g.shape)

    monkeypatch.setattr(engine, "fit", leading_only)
    assert_found(check, "mul", 2)


@pytest.mark.parametrize("check", CHECKS)
def test_overwritten_instead_of_added_gradient_is_found(check, monkeypatch):
    """Found by any op that uses a value twice: the standard deviation does."""
    monkeypatch.setattr(engine, "add", lambda so_far, g: g)
    assert_found(check, "std", 1)


def plant(monkeypatch, name, **wrong):
    """Replace derivatives of an op."""
    op = REGISTRY[name].op
    pulls = list(op.pulls)
    for argument, fn in wrong.items():
        index = op.inputs.index(argument)
        pulls[index] = make_pull(op, fn, index)
    monkeypatch.setattr(op, "pulls", tuple(pulls))


@pytest.mark.parametrize("check", CHECKS)
def test_swapped_arguments_are_found(check, monkeypatch):
    op = REGISTRY["div"].op
    plant(monkeypatch, "div", input=op.grad_other, other=lambda g, other: g / other)
    assert_found(check, "div", 0)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("factor", [2.0, -1.0, 1.001])
def test_wrong_factor_is_found(check, monkeypatch, factor):
    plant(monkeypatch, "exp", input=lambda g, out: g * out * factor)
    assert_found(check, "exp", 0)


@pytest.mark.parametrize("check", CHECKS)
def test_gradient_of_a_missing_argument_is_found(check, monkeypatch):
    op = REGISTRY["mul"].op
    monkeypatch.setattr(op, "pulls", (op.pulls[0], lambda g, saved, node, F: None))
    assert_found(check, "mul", 0)


@pytest.mark.parametrize("check", CHECKS)
def test_transposed_gradient_is_found(check, monkeypatch):
    plant(monkeypatch, "transpose", input=lambda g, shape, F: F.reshape(g, shape))
    assert_found(check, "transpose", 0)


@pytest.mark.parametrize("check", CHECKS)
def test_second_order_only_bug_is_found(check, monkeypatch):
    """The first gradient is right; the saved value is cut out of the graph."""

    def detached(g, out):
        return g * (out.detach() if hasattr(out, "detach") else out)

    plant(monkeypatch, "exp", input=detached)
    assert_found(check, "exp", 0)
