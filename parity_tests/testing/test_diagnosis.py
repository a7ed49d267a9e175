"""Faults that the zoo does not hold are named too: the rules know faults, not mutants."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

import minigrad as torch
from minigrad.autograd.diagnosis import Evidence, diagnose
from minigrad.autograd.record import Record
from minigrad.testing import GradcheckError, T, call, calls, gradcheck, reals
from minigrad.testing.mutants.spoiling import entered

F = torch.nn.functional
FIVE, PAIR, POSITIVE = call(T(5)), call(T(4), T(4)), reals(0.5, 3)


def fixed(*arguments: Any, **options: Any) -> Record:
    return entered(*arguments, varied=False, **options)


def gathered(x: Any) -> Any:
    return x.gather(0, torch.tensor([1, 1, 0]))


def enlarged(x: Any) -> Any:
    return F.interpolate(x, scale_factor=2.0)


def two_terms(x: Any, y: Any) -> Any:
    return x * y + y * y


FAULTS: dict[str, tuple[str, Record]] = {
    "half as much again": (
        "constant factor 3/2",
        entered("exp", lambda s: 1.5 * s.pull(s.g)[0], FIVE),
    ),
    "other side": ("wrong factor", entered("softplus", lambda s: s.g * (-s.x).sigmoid(), FIVE)),
    "no square": ("wrong factor", fixed("reciprocal", lambda s: -s.g / s.x, FIVE, domain=POSITIVE)),
    "minus for plus": (
        "wrong factor",
        fixed("atan", lambda s: s.g / (1 - s.x**2), FIVE, domain=reals(-0.8, 0.8)),
    ),
    "no constant": (
        "constant factor 0.886227",
        fixed("erf", lambda s: s.g * (-(s.x**2)).exp(), FIVE),
    ),
    "no division": ("wrong factor", fixed("linalg_vector_norm", lambda s: s.g * s.x, call(T(4)))),
    "other argument": (
        "swapped arguments",
        fixed("maximum", lambda s: s.gradients[::-1], call(T(6), T(6))),
    ),
    "no mask": ("mask forgotten", fixed("tril", lambda s: s.g, call(T(3, 3)))),
    "wrong factor transposed": (
        "transposed Jacobian",
        fixed("matmul", lambda s: [s.g @ s.inputs[1], s.gradients[1]], call(T(3, 3), T(3, 3))),
    ),
    "no two": (
        "constant factor 1/2",
        fixed("mse_loss", lambda s: [g / 2 for g in s.gradients], call(T(2, 3), T(2, 3))),
    ),
    "last one wins": (
        "second use overwritten, not added",
        fixed(
            gathered,
            lambda s: [torch.zeros_like(s.x).scatter(0, torch.tensor([1, 1, 0]), s.g)],
            call(T(3)),
        ),
    ),
    "one of two copies": (
        "second use overwritten, not added",
        fixed(enlarged, lambda s: [s.g[..., ::2]], call(T(1, 1, 3))),
    ),
    "order of a difference": ("sign", fixed("diff", lambda s: -s.gradients[0], call(T(4)))),
    "channels exchanged": (
        "reversed",
        fixed(
            "conv2d",
            lambda s: [s.gradients[0].flip(1), s.gradients[1]],
            call(T(1, 2, 3, 3), T(2, 1, 2, 2), groups=2),
        ),
    ),
    "cotangent forgotten": (
        "cotangent not used",
        fixed(lambda x: x**3, lambda s: [3 * s.x**2], call(T(4))),
    ),
    "one of two terms": (
        "missing term",
        fixed(two_terms, lambda s: [s.gradients[0], s.g * s.x], PAIR),
    ),
    "other axis": (
        "summed over the wrong axis",
        fixed(lambda x: x.expand(3, 3), lambda s: [s.g.sum(1)], call(T(3))),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named(name: str) -> None:
    wanted, record = FAULTS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        case = find(calls(record, strided=False), lambda c: c.inputs[0].numel() > 2)
        with pytest.raises(GradcheckError) as caught:
            gradcheck(case, case.inputs)
    assert caught.value.diagnosis.name == wanted, caught.value


SHAPES = st.sampled_from([(), (1,), (3,), (2, 2), (3, 1), (2, 1, 2), (0,), (2, 0)])


@given(st.integers(0, 1000), SHAPES, SHAPES, st.sampled_from([0.0, 0.3, 1.0]))
def test_any_two_jacobians_are_diagnosed(seed: int, one: Any, other: Any, dense: float) -> None:
    """Of every shape, of nothing too: a diagnosis must never hide what it is made for."""
    rng = np.random.default_rng(seed)

    def drawn() -> Any:
        size = int(np.prod(one)), int(np.prod(other))
        return rng.integers(-2, 3, size) * (rng.random(size) < dense) * 1.0

    points = [
        Evidence([rng.normal(size=one)], rng.normal(size=other), 0, [drawn()], [drawn()])
        for _ in range(2)
    ]
    with np.errstate(all="ignore"):
        assert diagnose(points).name
