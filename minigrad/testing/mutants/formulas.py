"""Wrong formulas: factors, signs, terms, and values that were saved in the place of others."""

from __future__ import annotations

from typing import Any

import minigrad as torch
from minigrad.autograd.op import make_pull
from minigrad.autograd.record import T, call, reals
from minigrad.testing.cases import record_of
from minigrad.testing.mutants.spoiling import Mutant, entered

__all__ = ["FOUND"]

_POSITIVE = reals(0.5, 3)
_VECTOR = call(T(5))
_ROWS = call(T(2, 4), (4,))
_PAIR = call(T(4), T(4))


def gated(x: Any) -> Any:
    """x sin(x), with the gate cut off from the graph."""
    return x * x.sin()


def guarded_root(x: Any) -> Any:
    """The root where there is one, else 0."""
    return torch.where(x > 0, x.sqrt(), 0.0)


def halves_gelu(x: Any) -> Any:
    """x Φ(x)"""
    return torch.nn.functional.gelu(x)


def _gelu_by_tanh(s: Any) -> Any:
    with torch.enable_grad():
        x = s.x.detach().requires_grad_()
        out = torch.nn.functional.gelu(x, approximate="tanh")
        return [torch.autograd.grad(out, x, s.g)[0]]


def _detached_exp() -> Any:
    """exp whose saved result is cut off: only the second derivative is wrong."""
    import contextlib

    op = record_of("exp").op

    @contextlib.contextmanager
    def planted() -> Any:
        assert op is not None
        old = op.pulls

        def wrong(g: Any, out: Any) -> Any:
            return g * (out.detach() if hasattr(out, "detach") else out)

        op.pulls = (make_pull(op, wrong, 0),)
        try:
            yield
        finally:
            op.pulls = old

    return planted()


def _no_mean(s: Any) -> Any:
    x, axis = s.x, -1
    scale = (x.var(axis, correction=0, keepdim=True) + 1e-5).rsqrt()
    hat = (x - x.mean(axis, keepdim=True)) * scale
    return [scale * (s.g - hat * (s.g * hat).mean(axis, keepdim=True)), *s.gradients[1:]]


def _no_variance(s: Any) -> Any:
    scale = (s.x.var(-1, correction=0, keepdim=True) + 1e-5).rsqrt()
    return [scale * (s.g - s.g.mean(-1, keepdim=True)), *s.gradients[1:]]


def _other_count(s: Any) -> Any:
    x, n = s.x, s.x.shape[0]
    scale = (x.var(0, correction=0, keepdim=True) + 1e-5).rsqrt()
    hat = (x - x.mean(0)) * scale
    inner = (s.g * hat).sum(0) / (n - 1)
    return [scale * (s.g - s.g.mean(0) - hat * inner), *s.gradients[1:]]


def normed_batch(x: Any) -> Any:
    """Batch norm without weights, in training."""
    return torch.nn.functional.batch_norm(x, None, None, training=True)


FOUND = [
    Mutant(
        "square_forgets_the_two",
        "The power rule without its exponent.",
        ("constant factor 1/2",),
        entered("square", lambda s: s.g * s.x, _VECTOR),
    ),
    Mutant(
        "root_forgets_the_two",
        "1 / sqrt(x), where 1 / (2 sqrt(x)) is meant.",
        ("constant factor 2",),
        entered("sqrt", lambda s: s.g / s.out, _VECTOR, domain=_POSITIVE),
    ),
    Mutant(
        "log2_by_the_natural_rule",
        "Other bases forget their logarithm: 1 / x for log2.",
        ("constant factor log(2)",),
        entered("log2", lambda s: s.g / s.x, _VECTOR, domain=_POSITIVE),
    ),
    Mutant(
        "subtraction_adds",
        "The second argument of a difference, without its minus.",
        ("sign",),
        entered("sub", lambda s: [s.gradients[0], -s.gradients[1]], _PAIR),
    ),
    Mutant(
        "cosine_has_no_minus",
        "cos' = sin, as half of every class writes once.",
        ("sign",),
        entered("cos", lambda s: s.g * s.x.sin(), _VECTOR),
    ),
    Mutant(
        "sigmoid_forgets_a_factor",
        "s where s (1 - s) is meant.",
        ("wrong factor",),
        entered("sigmoid", lambda s: s.g * s.out, _VECTOR),
    ),
    Mutant(
        "tanh_of_the_input",
        "1 - x^2 where x had to be the saved output: the input was saved in its place.",
        ("wrong factor",),
        entered("tanh", lambda s: s.g * (1 - s.x**2), _VECTOR),
    ),
    Mutant(
        "quotient_forgets_the_square",
        "-x / y for the gradient of x / y by y.",
        ("wrong factor",),
        entered(
            "div", lambda s: [s.gradients[0], -s.g * s.x / s.inputs[1]], _PAIR, domain=_POSITIVE
        ),
    ),
    Mutant(
        "quotient_by_the_other",
        "Two gradients returned in the wrong order.",
        ("swapped arguments",),
        entered("div", lambda s: s.gradients[::-1], _PAIR, domain=_POSITIVE),
    ),
    Mutant(
        "power_keeps_its_exponent",
        "n x^n for n x^(n-1): off by one.",
        ("wrong factor",),
        entered("pow", lambda s: [s.gradients[0] * s.x, s.gradients[1]], _PAIR, domain=_POSITIVE),
    ),
    Mutant(
        "exponent_gets_nothing",
        "x^n is differentiated by x, and n is forgotten as if it were a constant.",
        ("no gradient",),
        entered("pow", lambda s: [s.gradients[0], s.gradients[1] * 0], _PAIR, domain=_POSITIVE),
    ),
    Mutant(
        "product_rule_with_one_term",
        "One factor was detached (a target network, a gate, a baseline): its term is missing.",
        ("missing term",),
        entered(gated, lambda s: s.g * s.x.sin(), _VECTOR),
    ),
    Mutant(
        "saved_value_written_over",
        "exp saved its result, and expm1 took 1 off it in place, past the version counter.",
        ("wrong factor",),
        entered("expm1", lambda s: s.g * s.out, _VECTOR),
    ),
    Mutant(
        "softmax_as_if_elementwise",
        "p (1 - p) from the sigmoid: the other classes are left out.",
        ("off-diagonal terms missing",),
        entered("softmax", lambda s: s.g * s.out * (1 - s.out), call(T(2, 3), 1), varied=False),
    ),
    Mutant(
        "layer_norm_without_the_mean",
        "The mean is taken for a constant.",
        ("path through the mean missing",),
        entered("layer_norm", _no_mean, _ROWS, varied=False),
    ),
    Mutant(
        "layer_norm_without_the_variance",
        "The standard deviation is taken for a constant.",
        ("path through the variance missing",),
        entered("layer_norm", _no_variance, _ROWS, varied=False),
    ),
    Mutant(
        "batch_norm_with_the_other_variance",
        "Normalised by the biased variance, differentiated by the unbiased one.",
        ("path through the variance missing",),
        entered(normed_batch, _other_count, call(T(4, 2))),
    ),
    Mutant(
        "gelu_by_its_approximation",
        "Forward with erf, backward with the tanh that approximates it.",
        ("nearly right",),
        entered(halves_gelu, _gelu_by_tanh, _VECTOR),
    ),
    Mutant(
        "backward_in_half_precision",
        "A gradient that went through float16 on its way (a cast under autocast).",
        ("nearly right",),
        entered("sin", lambda s: (s.g * s.x.cos()).half().double(), _VECTOR),
    ),
    Mutant(
        "leaky_slope_on_the_wrong_side",
        "The slope of leaky_relu where the input is positive, and 1 where it is not.",
        ("wrong factor",),
        entered(
            "leaky_relu",
            lambda s: s.g * torch.where(s.x > 0, 0.01, 1.0),
            call(T(5), 0.01),
            domain=reals(-3, 3, avoid=[0]),
        ),
    ),
    Mutant(
        "product_divides_by_its_factors",
        "out / x for the gradient of prod(): 0 / 0 as soon as one factor is 0.",
        ("not finite",),
        entered("prod", lambda s: s.g * s.out / s.x, call(T(4)), varied=False),
        special=(0.0,),
    ),
    Mutant(
        "where_with_a_root_behind_it",
        "where(x > 0, sqrt(x), 0): the branch not taken gives 0 * NaN (the double-where problem).",
        ("not finite",),
        entered(guarded_root, None, _VECTOR, domain=reals(-2, 2, avoid=[0])),
    ),
    Mutant(
        "lerp_weight_the_other_way",
        "start - end for end - start.",
        ("sign",),
        entered("lerp", lambda s: [*s.gradients[:2], -s.gradients[2]], call(T(4), T(4), T(4))),
    ),
    Mutant(
        "exp_detached_in_backward",
        "backward uses .data: the first derivative is right, the second is gone.",
        ("detached in backward",),
        entered("exp", None, _VECTOR),
        _detached_exp,
        second=True,
    ),
]
