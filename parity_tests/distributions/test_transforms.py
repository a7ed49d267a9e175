"""Transforms: values, inverses, Jacobians, shapes, texts, equality, caches."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from parity_tests.distributions.facets import assert_alike, outcome
from parity_tests.distributions.families import FEW, LIBRARIES, SHAPES


def t(library: Any, *values: float) -> Any:
    return library.tensor(values, dtype=library.float64)


def chain(d: Any, *parts: Any) -> Any:
    return d.ComposeTransform(list(parts))


# How to make each transform from a library, and the shape of its events.
TRANSFORMS: dict[str, tuple[Callable[[Any, Any], Any], tuple[int, ...]]] = {
    "Exp": (lambda d, lib: d.ExpTransform(), ()),
    "Power": (lambda d, lib: d.PowerTransform(2.5), ()),
    "Power of tensors": (
        lambda d, lib: d.PowerTransform(t(lib, -1.0, 2.0, 0.5)),
        (3,),
    ),
    "Sigmoid": (lambda d, lib: d.SigmoidTransform(), ()),
    "Softplus": (lambda d, lib: d.SoftplusTransform(), ()),
    "Tanh": (lambda d, lib: d.TanhTransform(), ()),
    "Abs": (lambda d, lib: d.AbsTransform(), ()),
    "Affine": (lambda d, lib: d.AffineTransform(1.0, -2.0), ()),
    "Affine of no scale": (lambda d, lib: d.AffineTransform(1, 0), ()),
    "Affine of tensors": (
        lambda d, lib: d.AffineTransform(t(lib, 1.0, 2.0, 3.0), t(lib, -2.0, 1.0, 4.0), 1),
        (3,),
    ),
    "Normal's cdf": (
        lambda d, lib: d.CumulativeDistributionTransform(d.Normal(0.0, 1.0)),
        (),
    ),
    "Softmax": (lambda d, lib: d.SoftmaxTransform(), (3,)),
    "StickBreaking": (lambda d, lib: d.StickBreakingTransform(), (3,)),
    "CorrCholesky": (lambda d, lib: d.CorrCholeskyTransform(), (6,)),
    "CorrCholesky of a wrong size": (lambda d, lib: d.CorrCholeskyTransform(), (5,)),
    "LowerCholesky": (lambda d, lib: d.LowerCholeskyTransform(), (3, 3)),
    "PositiveDefinite": (lambda d, lib: d.PositiveDefiniteTransform(), (3, 3)),
    "Reshape": (lambda d, lib: d.ReshapeTransform((6,), (2, 3)), (6,)),
    "Reshape of a wrong shape": (
        lambda d, lib: d.ReshapeTransform((4,), (2, 2)),
        (3,),
    ),
    "Independent": (
        lambda d, lib: d.IndependentTransform(d.TanhTransform(), 1),
        (3,),
    ),
    "Compose": (
        lambda d, lib: chain(
            d,
            d.AffineTransform(0.5, 2.0),
            d.TanhTransform(),
            d.AffineTransform(0.0, 3.0),
        ),
        (),
    ),
    "Compose across dimensions": (
        lambda d, lib: chain(
            d,
            d.AffineTransform(0.5, 2.0),
            d.StickBreakingTransform(),
            d.AffineTransform(0.0, 2.0),
        ),
        (3,),
    ),
    "identity": (lambda d, lib: d.identity_transform, ()),
    "Cat": (
        lambda d, lib: d.CatTransform([d.ExpTransform(), d.identity_transform], -1, [1, 2]),
        (3,),
    ),
    "Cat of vectors": (
        lambda d, lib: d.CatTransform(
            [
                d.IndependentTransform(d.ExpTransform(), 1),
                d.IndependentTransform(d.TanhTransform(), 1),
            ],
            -1,
            [1, 2],
        ),
        (3,),
    ),
    "Cat of a wrong length": (
        lambda d, lib: d.CatTransform([d.ExpTransform()], -1, [2]),
        (3,),
    ),
    "Stack": (
        lambda d, lib: d.StackTransform([d.ExpTransform(), d.TanhTransform()], dim=-1),
        (2,),
    ),
    "Stack of too many": (
        lambda d, lib: d.StackTransform([d.ExpTransform()], dim=0),
        (3,),
    ),
    "biject_to a simplex": (
        lambda d, lib: d.biject_to(d.constraints.simplex),
        (3,),
    ),
}
each_transform = pytest.mark.parametrize("name", TRANSFORMS)


def asked(library: Any, transform: Any, x: np.ndarray) -> dict[str, Any]:
    """What a transform says of itself and of a value, with gradients."""
    inputs = library.from_numpy(x.copy()).requires_grad_()
    calls: dict[str, Callable[[], Any]] = {
        "repr": lambda: transform,
        "inverse's repr": lambda: transform.inv,
        "domain": lambda: transform.domain,
        "codomain": lambda: transform.codomain,
        "event_dim": lambda: transform.event_dim,
        "bijective": lambda: transform.bijective,
        "sign": lambda: transform.sign,
        "forward_shape": lambda: tuple(transform.forward_shape(inputs.shape)),
        "inverse_shape": lambda: tuple(transform.inverse_shape(inputs.shape)),
        "dimensions": lambda: (transform.domain.event_dim, transform.codomain.event_dim),
        "inside": lambda: transform.domain.check(inputs),
        "y": lambda: transform(inputs),
        "x": lambda: transform.inv(transform(inputs).detach()),
        "x in the cache": lambda: transform.inv(transform(inputs)) is inputs,
        "y inside": lambda: transform.codomain.check(transform(inputs)),
        "log_abs_det_jacobian": lambda: transform.log_abs_det_jacobian(inputs, transform(inputs)),
        "backwards": lambda: transform.inv.log_abs_det_jacobian(transform(inputs), inputs),
        "gradient": lambda: library.autograd.grad(
            transform.log_abs_det_jacobian(inputs, transform(inputs)).sum(), inputs
        )[0],
    }
    return {what: outcome(call) for what, call in calls.items()}


@each_transform
@pytest.mark.parametrize("cache_size", [0, 1])
@FEW
@given(data=st.data())
def test_a_transform(name: str, cache_size: int, data: Any) -> None:
    make, event = TRANSFORMS[name]
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x = rng.normal(0, 1.5, (*data.draw(st.sampled_from(SHAPES)), *event))
    if name.startswith("Power"):
        x = np.asarray(np.exp(x))
    mine, theirs = (
        asked(library, make(library.distributions, library).with_cache(cache_size), x)
        for library in LIBRARIES
    )
    for what, want in theirs.items():
        if isinstance(want, str) and isinstance(mine[what], str) and "Error" in want:
            kind = want.split(":")[0]
            wording = kind in ("ValueError", "AssertionError", "NotImplementedError")
            assert mine[what] == want if wording else mine[what].startswith(kind), what
        else:
            assert_alike(mine[what], want, what)


@each_transform
def test_equality_is_torchs(name: str) -> None:
    results = []
    for library in LIBRARIES:
        made = {
            other: make(library.distributions, library) for other, (make, _) in TRANSFORMS.items()
        }
        again = TRANSFORMS[name][0](library.distributions, library)
        found = [outcome(lambda o=other, a=again: bool(a == o)) for other in made.values()]
        found += [again.inv == again.inv, again == again, again.inv.inv is again, again != again]
        results.append([f if f in ("True", "False", True, False) else "error" for f in found])
    assert results[0] == results[1]


def test_bad_arguments() -> None:
    d = minigrad.distributions
    with pytest.raises(ValueError, match="cache_size must be 0 or 1"):
        d.ExpTransform(cache_size=2)
    with pytest.raises(ValueError, match="different numbers of elements"):
        d.ReshapeTransform((2,), (3,))
    with pytest.raises(AssertionError, match=r"lengths \(1\) must match transforms \(2\)"):
        d.CatTransform([d.ExpTransform(), d.ExpTransform()], lengths=[1])
    with pytest.raises(AssertionError, match="must be Transform instances"):
        d.StackTransform([1])


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda module: module.__name__)
def test_a_users_transform(library: Any) -> None:
    d = library.distributions

    class Doubled(d.Transform):
        domain = codomain = d.constraints.real
        bijective = True
        sign = +1

        def _call(self, x: Any) -> Any:
            return 2 * x

        def _inverse(self, y: Any) -> Any:
            return y / 2

        def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
            return library.full_like(x, np.log(2.0))

    class WithArgument(Doubled):
        def __init__(self, number: float) -> None:
            super().__init__()

    made = d.TransformedDistribution(d.Normal(0.0, 1.0), [Doubled(cache_size=1)])
    x = library.tensor([0.5, 1.0])
    expected = d.Normal(0.0, 2.0)
    assert library.allclose(made.log_prob(x), expected.log_prob(x))
    assert library.allclose(made.cdf(x), expected.cdf(x))
    assert Doubled() != Doubled()
    with pytest.raises(NotImplementedError, match="with_cache is not implemented"):
        WithArgument(1.0).with_cache()


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda module: module.__name__)
def test_a_transform_is_pickled_without_its_inverse(library: Any) -> None:
    transform = library.distributions.AffineTransform(1.0, 2.0)
    assert transform.inv.inv is transform
    again = pickle.loads(pickle.dumps(transform))
    assert again == transform and again._inv is None
