"""What cannot be a parameter or a value is refused in torch's words; checks can be left off."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import minigrad
from parity_tests.distributions.facets import assert_alike, outcome
from parity_tests.distributions.families import FAMILIES, LIBRARIES, Family, default_type, make

each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.id)
libraries = pytest.mark.parametrize("library", LIBRARIES, ids=lambda module: module.__name__)

# Errors of an operation that gets shapes which do not fit: its own words, not a distribution's.
OF_OPERATIONS = ("RuntimeError", "IndexError", "TypeError", "LinAlgError")


def same_refusal(got: Any, want: Any, what: str) -> None:
    """The same words where a distribution refuses, the same type where an operation does."""
    if isinstance(want, str) and want.startswith(OF_OPERATIONS):
        want, got = want.split(":")[0], str(got).split(":")[0]
    assert_alike(got, want, what)


def good(family: Family, shape: tuple[int, ...] = ()) -> dict[str, Any]:
    """Parameters that nobody refuses."""
    rng = np.random.default_rng(1)
    sizes = {name: () if name == "temperature" else shape for name in family.parameters}
    made = {name: draw(rng, sizes[name]) for name, draw in family.parameters.items()}
    return {**family.fixed, **{k: np.asarray(v, np.float64) for k, v in made.items()}}


# LAPACKs differ in what they make of infinite matrices.
INFINITE = {"covariance_matrix": np.inf, "precision_matrix": np.inf, "cov_factor": np.inf}
INFINITE |= {"cov_diag": 0.0}


def spoiled(name: str, array: np.ndarray) -> Iterator[Any]:
    """Arrays with something wrong in one place or everywhere."""
    for number in {np.nan, -1.0, 0.0, 1.5, np.inf} - {INFINITE.get(name)}:
        one = array.copy()
        one.flat[-1] = number
        yield one
        yield np.full_like(array, number)
    yield np.zeros((7, 1, 5))
    yield np.ones(())
    yield np.ones((3,))
    yield "text"


@each_family
def test_a_bad_parameter(family: Family) -> None:
    start = good(family, (2,))
    for name in family.parameters:
        for value in spoiled(name, np.asarray(start[name])):
            given = {**start, name: value}
            got, want = (
                outcome(lambda lib=lib, given=given: make(lib, family.name, given)[0])
                for lib in LIBRARIES
            )
            same_refusal(got, want, f"{name} = {value}")


@each_family
def test_a_bad_value(family: Family) -> None:
    start = good(family, (2,))
    with default_type(family.name, start):
        mine, theirs = (make(lib, family.name, start)[0] for lib in LIBRARIES)
        event = tuple(theirs.event_shape)
        numbers = (np.nan, -1.0, 0.5, 2.0, 1e9, *([] if len(event) == 2 else [np.inf]))
        values = [np.full((2, *event), x) for x in numbers]
        values += [np.zeros((5, *event)), np.zeros((2, 9)), np.zeros(())]
        for method in ("log_prob", "cdf"):
            for value in values:
                got, want = (
                    outcome(lambda d=d, m=method, x=x: getattr(d, m)(x))
                    for d, x in (
                        (mine, minigrad.from_numpy(value)),
                        (theirs, torch.from_numpy(value)),
                    )
                )
                same_refusal(got, want, f"{method}({value})")


@each_family
def test_a_value_that_is_no_tensor(family: Family) -> None:
    mine, theirs = (make(lib, family.name, good(family, (2,)))[0] for lib in LIBRARIES)
    for value in (0.5, "text"):
        got, want = (outcome(lambda d=d, x=value: d.log_prob(x)) for d in (mine, theirs))
        same_refusal(got, want, f"log_prob({value!r})")


@each_family
def test_unchecked(family: Family) -> None:
    start = {**good(family), "validate_args": False}
    with default_type(family.name, start):
        for value in (-1.0, 2.5):
            found = []
            for library in LIBRARIES:
                d, _ = make(library, family.name, start)
                x = library.full(tuple(d.event_shape), value, dtype=library.float64)
                found.append(outcome(lambda d=d, x=x: d.log_prob(x)))
            same_refusal(*found, f"log_prob({value})")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("Bernoulli", {}),
        ("Bernoulli", {"probs": 0.5, "logits": 0.5}),
        ("Categorical", {"probs": np.array(0.5)}),
        ("Categorical", {"logits": np.array(0.5)}),
        ("Geometric", {"probs": 0.0}),
        ("Geometric", {"probs": np.array([0.0, 0.5])}),
        ("ContinuousBernoulli", {"probs": 2.0, "validate_args": True}),
        ("Multinomial", {"total_count": np.array([1.0, 2.0]), "probs": np.ones(2)}),
        ("Dirichlet", {"concentration": np.array(1.0)}),
        ("MultivariateNormal", {"loc": np.zeros(2)}),
        ("MultivariateNormal", {"loc": np.array(0.0), "scale_tril": np.eye(2)}),
        ("MultivariateNormal", {"loc": np.zeros(2), "scale_tril": np.ones(2)}),
        ("MultivariateNormal", {"loc": np.zeros(2), "precision_matrix": np.ones(2)}),
        ("MultivariateNormal", {"loc": np.zeros(2), "covariance_matrix": np.ones(2)}),
        ("MultivariateNormal", {"loc": np.zeros(2), "covariance_matrix": -np.eye(2)}),
        ("MultivariateNormal", {"loc": np.zeros(2), "covariance_matrix": np.ones((2, 3))}),
        ("Wishart", {"df": 3.0}),
        ("Wishart", {"df": 1.0, "scale_tril": np.eye(2)}),
        ("Wishart", {"df": 3.0, "scale_tril": np.ones(2)}),
        ("LKJCholesky", {"dim": 1}),
        ("Uniform", {"low": 1.0, "high": 0.0}),
        ("Normal", {"loc": 0.0}),
        ("Normal", {"loc": [0.0], "scale": 1.0}),
    ],
    ids=lambda x: x if isinstance(x, str) else ",".join(x),
)
def test_what_only_one_family_refuses(name: str, given: dict[str, Any]) -> None:
    got, want = (outcome(lambda lib=lib: make(lib, name, given)[0]) for lib in LIBRARIES)
    assert isinstance(want, str) and "Error" in want
    if "missing" in want:  # Python's words
        want, got = want.split(":")[0], got.split(":")[0]
    same_refusal(got, want, name)


def of_others(library: Any) -> dict[str, Any]:
    """Calls that are refused by distributions made of others."""
    d, ones = library.distributions, library.ones
    normal = d.Normal(ones(3), ones(3))
    pick = d.Categorical(ones(3))
    return {
        "Independent": lambda: d.Independent(normal, 2),
        "enumerate": lambda: d.Independent(d.Bernoulli(0.5 * ones(2)), 1).enumerate_support(),
        "no transform": lambda: d.TransformedDistribution(normal, [3]),
        "no list": lambda: d.TransformedDistribution(normal, 3),
        "few dimensions": lambda: d.TransformedDistribution(
            d.Normal(0.0, 1.0), d.StickBreakingTransform()
        ),
        "no categorical": lambda: d.MixtureSameFamily(normal, normal),
        "no component": lambda: d.MixtureSameFamily(pick, 3),
        "other batch": lambda: d.MixtureSameFamily(
            d.Categorical(ones(2, 3)), normal.expand((4, 3))
        ),
        "other count": lambda: d.MixtureSameFamily(d.Categorical(ones(2)), normal),
        "inhomogeneous": lambda: d.Binomial(library.tensor([1.0, 2.0]), 0.5 * ones(2)).entropy(),
        "inhomogeneous values": lambda: d.Binomial(
            library.tensor([1.0, 2.0]), 0.5 * ones(2)
        ).enumerate_support(),
        "low rank loc": lambda: d.LowRankMultivariateNormal(ones(()), ones(2, 1), ones(2)),
        "low rank factor": lambda: d.LowRankMultivariateNormal(ones(2), ones(2), ones(2)),
        "low rank factor size": lambda: d.LowRankMultivariateNormal(ones(2), ones(3, 1), ones(2)),
        "low rank diagonal": lambda: d.LowRankMultivariateNormal(ones(2), ones(2, 1), ones(3)),
        "low rank batch": lambda: d.LowRankMultivariateNormal(ones(3, 2), ones(4, 2, 1), ones(2)),
        "half": lambda: d.Gamma(ones(2).half(), ones(2).half()).sample(),
        "default": lambda: d.Distribution.set_default_validate_args(3),
    }


def test_what_distributions_of_others_refuse() -> None:
    mine, theirs = of_others(minigrad), of_others(torch)
    for what, call in theirs.items():
        same_refusal(outcome(mine[what]), outcome(call), what)


@libraries
def test_a_users_distribution(library: Any) -> None:
    d = library.distributions

    class Bare(d.Distribution):
        def log_prob(self, value: Any) -> Any:
            self._validate_sample(value)
            return value

    with pytest.warns(UserWarning, match="does not define `arg_constraints`"):
        bare = Bare()
    assert (bare.batch_shape, bare.event_shape) == (library.Size([]), library.Size([]))
    with pytest.warns(UserWarning, match="does not define `support`"):
        bare.log_prob(library.ones(()))
    for name in ("mean", "variance", "support", "arg_constraints"):
        with pytest.raises(NotImplementedError):
            getattr(bare, name)
    for method in ("entropy", "enumerate_support", "rsample", "sample"):
        with pytest.raises(NotImplementedError):
            getattr(bare, method)()
    for method in ("cdf", "icdf"):
        with pytest.raises(NotImplementedError):
            getattr(bare, method)(library.ones(()))
    with pytest.raises(NotImplementedError, match="does not implement mode"):
        _ = bare.mode


@libraries
def test_a_users_subclass_is_expanded(library: Any) -> None:
    d = library.distributions

    class Standard(d.Normal):
        def __init__(self) -> None:
            super().__init__(0.0, 1.0)

    class Marked(d.Normal):
        def __init__(self, mark: str) -> None:
            super().__init__(0.0, 1.0)
            self.mark = mark

        def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
            new = self._get_checked_instance(Marked, _instance)
            new.mark = self.mark + "!"
            return super().expand(batch_shape, _instance=new)

    class Plain(d.Gumbel):
        pass

    with pytest.raises(NotImplementedError, match=r"must also define a custom \.expand"):
        Standard().expand((2,))
    wide = Marked("mark").expand((2,))
    assert (type(wide), wide.mark, wide.batch_shape) == (Marked, "mark!", library.Size([2]))
    assert type(Plain(0.0, 1.0).expand((2,))) is Plain


@libraries
def test_sample_n_warns(library: Any) -> None:
    with pytest.warns(FutureWarning, match="will be deprecated"):
        assert library.distributions.Normal(0.0, 1.0).sample_n(3).shape == (3,)


@libraries
def test_checks_can_be_switched_off_for_all(library: Any) -> None:
    d = library.distributions
    try:
        d.Distribution.set_default_validate_args(False)
        d.Normal(0.0, -1.0)
        with pytest.raises(ValueError, match="to satisfy the constraint"):
            d.Normal(0.0, -1.0, validate_args=True)
    finally:
        d.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="to satisfy the constraint"):
        d.Normal(0.0, -1.0)


@libraries
def test_few_degrees_of_freedom_warn(library: Any) -> None:
    eye = library.eye(2)
    with pytest.warns(UserWarning, match="Low df values detected"):
        library.distributions.Wishart(library.tensor(1.5), eye)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        library.distributions.Wishart(library.tensor(2.0), eye)
