"""``gradcheck`` and ``gradgradcheck``: what passes and what does not, as in torch."""

from __future__ import annotations

import warnings

import pytest

import minigrad
from minigrad.errors import GradcheckError
from parity_tests.both import both_raise, same_as_torch


def leaf(torch, *values):
    return torch.tensor(values or (0.3, 2.0, -1.0), dtype=torch.float64, requires_grad=True)


def wrong(torch, order):
    """A function whose derivative of an order is wrong by a half."""

    class Second(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.cos()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return -x.sin() * g * 0.5

    class First(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return (x.cos() * 0.5 if order == 1 else Second.apply(x)) * g

    return First.apply


GOOD = {
    "one": lambda t, x: t.sin(x),
    "several": lambda t, x: (x.sin(), x * x, x.sum()),
    "constant among them": lambda t, x: (x.sin(), x * 2, x.detach() * 0),
    "matrix": lambda t, x: x.outer(x).exp(),
    "view": lambda t, x: x[1:] * 2,
    "linear": lambda t, x: x * 3,
}


@pytest.mark.parametrize("name", sorted(GOOD))
@pytest.mark.parametrize("fast_mode", [False, True])
@same_as_torch
def test_right_derivatives_pass(torch, name, fast_mode):
    def func(x):
        return GOOD[name](torch, x)

    return (
        torch.autograd.gradcheck(func, (leaf(torch),), fast_mode=fast_mode),
        torch.autograd.gradcheck(func, leaf(torch), eps=1e-5, atol=1e-4, rtol=1e-2),
        torch.autograd.gradgradcheck(func, (leaf(torch),), fast_mode=fast_mode),
    )


@same_as_torch
def test_several_inputs_and_constants(torch):
    x, y = leaf(torch), leaf(torch, 1.0, -2.0, 0.5)
    constant = torch.ones(3, dtype=torch.float64)

    def func(x, n, y, c):
        return x * y * n + c

    return (
        torch.autograd.gradcheck(func, (x, 3, y, constant)),
        torch.autograd.gradcheck(func, [x, 3, y, constant]),
        torch.autograd.gradgradcheck(func, (x, 3, y, constant)),
        torch.autograd.gradgradcheck(lambda x: x**3, (x,), (leaf(torch, 1.0, 2.0, 3.0),)),
        torch.autograd.gradgradcheck(lambda x: x**3, (x,), gen_non_contig_grad_outputs=True),
        x,
    )


@pytest.mark.parametrize(
    "options",
    [
        {"check_forward_ad": True},
        {"check_forward_ad": True, "check_backward_ad": False},
        {"check_batched_grad": True},
        {"check_undefined_grad": False},
        {"check_grad_dtypes": True},
        {"nondet_tol": 1e-3},
        {"masked": True},
    ],
    ids=str,
)
@same_as_torch
def test_options(torch, options):
    return torch.autograd.gradcheck(lambda x: (x.sin(), x.prod()), (leaf(torch),), **options)


@same_as_torch
def test_options_of_the_second_order(torch):
    return torch.autograd.gradgradcheck(
        lambda x: x.sin(), (leaf(torch),), check_fwd_over_rev=True, nondet_tol=1e-9
    )


@same_as_torch
def test_wrong_derivatives_do_not_pass(torch):
    x, check = leaf(torch), torch.autograd
    return (
        check.gradcheck(wrong(torch, 1), (x,), raise_exception=False),
        check.gradcheck(wrong(torch, 2), (x,), raise_exception=False),
        check.gradgradcheck(wrong(torch, 2), (x,), raise_exception=False),
        check.gradcheck(wrong(torch, 1), (x,), atol=10.0),
        check.gradcheck(wrong(torch, 1), (x,), raise_exception=False, fast_mode=True),
    )


def non_deterministic(torch):
    class Drawn(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2 + torch.rand(3, dtype=torch.float64) * 1e-6 * g

    return Drawn.apply


def not_multiplied(torch):
    class Constant(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return torch.full_like(g, 2.0)

    return lambda x: Constant.apply(x)[0]


BAD = {
    "wrong": lambda t: t.autograd.gradcheck(wrong(t, 1), (leaf(t),)),
    "wrong by forward": lambda t: t.autograd.gradgradcheck(wrong(t, 2), (leaf(t),)),
    "random": lambda t: t.autograd.gradcheck(non_deterministic(t), (leaf(t),)),
    "not multiplied": lambda t: t.autograd.gradcheck(not_multiplied(t), (leaf(t, 1.0),)),
    "constants only": lambda t: t.autograd.gradcheck(t.sin, (leaf(t).detach(),)),
    "expanded": lambda t: t.autograd.gradcheck(t.sin, (leaf(t, 1.0).expand(3),)),
    "result without gradient": lambda t: t.autograd.gradcheck(lambda x: x.detach(), (leaf(t),)),
    "nothing to check": lambda t: t.autograd.gradcheck(t.sin, (leaf(t),), check_backward_ad=False),
    "nothing to check twice": lambda t: t.autograd.gradgradcheck(
        t.sin, (leaf(t),), check_rev_over_rev=False
    ),
    "batched forward": lambda t: t.autograd.gradcheck(
        t.sin, (leaf(t),), check_batched_forward_grad=True
    ),
    "no inputs": lambda t: t.autograd.gradcheck(t.sin, ()),
    "dtype": lambda t: t.autograd.gradcheck(lambda x: x.float().double(), (leaf(t),)),
}


@pytest.mark.parametrize("case", sorted(BAD))
@both_raise
def test_what_is_raised(torch, case):
    return BAD[case](torch)


@same_as_torch
def test_float32_is_warned_of(torch):
    import warnings

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        torch.autograd.gradcheck(
            lambda x: x * 2, (torch.ones(2, requires_grad=True),), eps=1e-2, atol=1e-2
        )
    return [w.category.__name__ for w in seen]


def test_recorded_gradients_are_held_against_slopes_of_those_that_programs_have():
    """The slopes are of gradients that are not recorded: another one, recorded, does not pass."""

    class Parts(minigrad.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * (x.cos() + x if minigrad.is_grad_enabled() else x.cos())

    x = leaf(minigrad)
    assert minigrad.autograd.gradcheck(Parts.apply, (x,))
    for fast in (False, True):
        with pytest.raises(GradcheckError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            minigrad.autograd.gradgradcheck(Parts.apply, (x,), fast_mode=fast)


def test_one_graph_serves_for_each_output_that_is_left_out():
    calls = []

    def parts(x):
        calls.append(x)
        return x.sin(), x.cos(), x.exp()

    counts = []
    for undefined in (False, True):
        calls.clear()
        assert minigrad.autograd.gradcheck(parts, (leaf(minigrad),), check_undefined_grad=undefined)
        counts.append(len(calls))
    assert counts[1] == counts[0] + 1
