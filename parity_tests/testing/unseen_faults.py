"""Wrong gradients that no rule of the diagnosis was written for, with what a reader would say.

The truths were written down before the first run.
"""

from __future__ import annotations

from typing import Any

import minigrad as torch
from minigrad.autograd.record import Record, T, call, reals
from minigrad.testing.mutants.spoiling import Mutant, entered

F = torch.nn.functional
FIVE, PAIR, POSITIVE = call(T(5)), call(T(4), T(4)), reals(0.5, 3)


def fixed(*arguments: Any, **options: Any) -> Record:
    return entered(*arguments, varied=False, **options)


def gram(x: Any) -> Any:
    return x @ x.T


def shared_weight(x: Any, w: Any) -> Any:
    return x @ w


def passed_on(x: Any) -> Any:
    """Dropout when it is off."""
    return x.clone()


def reflected(x: Any) -> Any:
    return F.pad(x, (2, 1), mode="reflect")


def enlarged(x: Any) -> Any:
    return F.interpolate(x, scale_factor=2)


def attention(q: Any, k: Any, v: Any) -> Any:
    return (q @ k.T / q.shape[-1] ** 0.5).softmax(-1) @ v


def _attention_without_scale(s: Any) -> Any:
    return [g * s.x.shape[-1] ** 0.5 for g in s.gradients[:2]] + [s.gradients[2]]


def _one_group(s: Any) -> Any:
    kept = torch.zeros_like(s.x)
    kept[:, :1] = 1
    return [s.gradients[0] * kept, s.gradients[1]]


def _without_reflections(s: Any) -> Any:
    return [s.g[..., 2:-1]]


def _at_the_least(s: Any) -> Any:
    return [torch.zeros_like(s.x).scatter(-1, s.x.argmin(-1, keepdim=True), s.g.unsqueeze(-1))]


def _lower_for_upper(s: Any) -> Any:
    return s.g.triu(1)


def _without_itself(s: Any) -> Any:
    return s.g.flip(0).cumsum(0).flip(0) - s.g


def _a_little_more(s: Any) -> Any:
    return s.gradients[0] * 1.004


def _not_put_back(s: Any) -> Any:
    return [s.g]


def sorted_values(x: Any) -> Any:
    return x.sort().values


# Name, what a reader would call it, the record.
UNSEEN: tuple[tuple[str, tuple[str, ...], Record], ...] = (
    (
        "asin without its root",
        ("wrong factor",),
        fixed("asin", lambda s: s.g / (1 - s.x**2), FIVE, domain=reals(-0.8, 0.8)),
    ),
    (
        "log1p as log",
        ("wrong factor",),
        fixed("log1p", lambda s: s.g / s.x, FIVE, domain=POSITIVE),
    ),
    (
        "logsumexp that does not divide",
        ("wrong factor",),
        fixed("logsumexp", lambda s: s.g * s.x.exp(), call(T(5), 0)),
    ),
    (
        "std that forgets the half",
        ("constant factor 2",),
        fixed("std", lambda s: 2 * s.gradients[0], call(T(5))),
    ),
    (
        "a pool that divides by the side, not the area",
        ("constant factor 2",),
        fixed("avg_pool2d", lambda s: 2 * s.gradients[0], call(T(1, 1, 4, 4), 2)),
    ),
    (
        "a group of a convolution left out",
        ("lost elements",),
        fixed("conv2d", _one_group, call(T(1, 2, 3, 3), T(2, 1, 2, 2), groups=2)),
    ),
    (
        "a shared weight's gradient averaged over the batch",
        ("constant factor 1/3",),
        fixed(
            shared_weight, lambda s: [s.gradients[0], s.gradients[1] / 3], call(T(3, 2, 2), T(2, 2))
        ),
    ),
    (
        "dropout scales when it is off",
        ("constant factor 2",),
        fixed(passed_on, lambda s: 2 * s.g, call(T(5))),
    ),
    (
        "max that goes to the least",
        ("wrong elements",),
        fixed("amax", _at_the_least, call(T(3, 4), -1)),
    ),
    (
        "nearest neighbours averaged",
        ("constant factor 1/4",),
        fixed(enlarged, lambda s: s.gradients[0] / 4, call(T(1, 1, 2, 3))),
    ),
    (
        "reflections forgotten",
        ("second use overwritten, not added", "lost elements"),
        fixed(reflected, _without_reflections, call(T(1, 1, 5))),
    ),
    (
        "sort that does not put back",
        ("wrong elements", "transposed Jacobian"),
        fixed(sorted_values, _not_put_back, call(T(6))),
    ),
    (
        "relu6 without its upper bound",
        ("mask forgotten",),
        fixed("relu6", lambda s: s.g * (s.x > 0), call(T(8)), domain=reals(-3, 9, avoid=[0, 6])),
    ),
    (
        "hypot that takes the other",
        ("swapped arguments",),
        fixed("hypot", lambda s: s.gradients[::-1], PAIR, domain=POSITIVE),
    ),
    (
        "atan2 with one sign wrong",
        ("sign",),
        fixed("atan2", lambda s: [s.gradients[0], -s.gradients[1]], PAIR, domain=POSITIVE),
    ),
    (
        "the other triangle",
        ("mask inverted",),
        fixed("tril", _lower_for_upper, call(T(3, 3))),
    ),
    (
        "a running sum without itself",
        ("lost elements",),
        fixed("cumsum", _without_itself, call(T(4), 0)),
    ),
    (
        "a little too large",
        ("nearly right", "constant factor 1.004"),
        fixed("exp", _a_little_more, FIVE),
    ),
    (
        "x used on both sides, one forgotten",
        ("missing term", "second use overwritten, not added", "lost elements"),
        fixed(gram, lambda s: [s.g @ s.x], call(T(3, 2))),
    ),
    (
        "attention without its scale",
        ("constant factor 1.41421", "constant factor sqrt(2)"),
        fixed(attention, _attention_without_scale, call(T(2, 2), T(3, 2), T(3, 2))),
    ),
    (
        "a product rule with a wrong sign",
        ("wrong factor", "missing term"),
        fixed(lambda x: x * x.sin(), lambda s: s.g * (s.x.sin() - s.x * s.x.cos()), FIVE),
    ),
    (
        "mean divided by the other axis",
        ("constant factor 2/3",),
        fixed("mean", lambda s: s.gradients[0] * 2 / 3, call(T(2, 3), 0)),
    ),
    (
        "half of a mask",
        ("mask forgotten",),
        fixed(
            "hardtanh", lambda s: s.g * (s.x < 1), call(T(8)), domain=reals(-3, 3, avoid=[-1, 1])
        ),
    ),
)


def mutants() -> list[Mutant]:
    """As the zoo's, so that the same check runs over them."""
    return [Mutant(name, name, truth, record) for name, truth, record in UNSEEN]
