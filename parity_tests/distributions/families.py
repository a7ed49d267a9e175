"""Drawn parameters for every family, and distributions made of them with both libraries."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st

import minigrad

LIBRARIES = (minigrad, torch)
SHAPES = ((), (1,), (3,), (2, 1), (2, 3))


def real(rng: Any, shape: Any) -> Any:
    return rng.normal(0, 2, shape)


def positive(rng: Any, shape: Any) -> Any:
    return np.exp(rng.normal(0.3, 0.8, shape))


def unit(rng: Any, shape: Any) -> Any:
    return rng.uniform(0.02, 0.98, shape)


def count(rng: Any, shape: Any) -> Any:
    return np.floor(rng.uniform(1, 9, shape))


def vector(rng: Any, shape: Any) -> Any:
    return rng.normal(0, 2, (*shape, 3))


def positive_vector(rng: Any, shape: Any) -> Any:
    return positive(rng, (*shape, 3))


def factor(rng: Any, shape: Any) -> Any:
    return rng.normal(0, 1, (*shape, 3, 2))


def covariance(rng: Any, shape: Any) -> Any:
    matrix = rng.normal(0, 1, (*shape, 3, 3))
    return matrix @ matrix.swapaxes(-1, -2) + 2 * np.eye(3)


def tril(rng: Any, shape: Any) -> Any:
    return np.linalg.cholesky(covariance(rng, shape))


def freedom(rng: Any, shape: Any) -> Any:
    return 4 + positive(rng, shape)


@dataclass(frozen=True)
class Family:
    """A class and its parameters; those in ``fixed`` are given as they are."""

    name: str
    parameters: dict[str, Any]
    fixed: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.name}({', '.join([*self.parameters, *self.fixed])})"


def family(name: str, fixed: dict[str, Any] | None = None, **parameters: Any) -> Family:
    return Family(name, parameters, fixed or {})


LOCATED = {"loc": real, "scale": positive}
GAMMA = {"concentration": positive, "rate": positive}
PAIR = {"concentration1": positive, "concentration0": positive}
FAMILIES = [
    family("Bernoulli", probs=unit),
    family("Bernoulli", logits=real),
    family("Beta", **PAIR),
    family("Binomial", {"total_count": 5}, probs=unit),
    family("Binomial", total_count=count, logits=real),
    family("Categorical", probs=positive_vector),
    family("Categorical", logits=vector),
    family("Cauchy", **LOCATED),
    family("Chi2", df=positive),
    family("ContinuousBernoulli", probs=unit),
    family("ContinuousBernoulli", logits=real),
    family("Dirichlet", concentration=positive_vector),
    family("Exponential", rate=positive),
    family("FisherSnedecor", df1=positive, df2=positive),
    family("Gamma", **GAMMA),
    family("GeneralizedPareto", **LOCATED, concentration=real),
    family("Geometric", probs=unit),
    family("Geometric", logits=real),
    family("Gumbel", **LOCATED),
    family("HalfCauchy", scale=positive),
    family("HalfNormal", scale=positive),
    family("InverseGamma", **GAMMA),
    family("Kumaraswamy", **PAIR),
    family("LKJCholesky", {"dim": 3}, concentration=positive),
    family("Laplace", **LOCATED),
    family("LogNormal", **LOCATED),
    family("LogisticNormal", **LOCATED),
    family("LowRankMultivariateNormal", loc=vector, cov_factor=factor, cov_diag=positive_vector),
    family("Multinomial", {"total_count": 4}, probs=positive_vector),
    family("Multinomial", {"total_count": 1}, logits=vector),
    family("MultivariateNormal", loc=vector, covariance_matrix=covariance),
    family("MultivariateNormal", loc=vector, precision_matrix=covariance),
    family("MultivariateNormal", loc=vector, scale_tril=tril),
    family("NegativeBinomial", total_count=count, probs=unit),
    family("NegativeBinomial", {"total_count": 3}, logits=real),
    family("Normal", **LOCATED),
    family("OneHotCategorical", probs=positive_vector),
    family("OneHotCategorical", logits=vector),
    family("OneHotCategoricalStraightThrough", probs=positive_vector),
    family("Pareto", scale=positive, alpha=positive),
    family("Poisson", rate=positive),
    family("RelaxedBernoulli", temperature=positive, probs=unit),
    family("RelaxedBernoulli", temperature=positive, logits=real),
    family("RelaxedOneHotCategorical", temperature=positive, probs=positive_vector),
    family("RelaxedOneHotCategorical", temperature=positive, logits=vector),
    family("StudentT", df=positive, **LOCATED),
    family("Uniform", low=lambda rng, shape: -positive(rng, shape), high=positive),
    family("VonMises", loc=real, concentration=positive),
    family("Weibull", scale=positive, concentration=positive),
    family("Wishart", df=freedom, covariance_matrix=covariance),
    family("Wishart", df=freedom, scale_tril=tril),
]


FEW = settings(max_examples=max(settings().max_examples // 4, 2))
"""There are many families, and each example asks much of its own."""


@contextlib.contextmanager
def default_type(name: str, given: dict[str, Any]) -> Iterator[None]:
    """float64 as the default type where torch's GeneralizedPareto needs it: it compares its
    concentration with a zero of the default type, and refuses two types."""
    wide = name == "GeneralizedPareto" and any(
        getattr(v, "dtype", None) == np.float64 for v in given.values()
    )
    for library in LIBRARIES:
        library.set_default_dtype(library.float64 if wide else library.float32)
    try:
        yield
    finally:
        for library in LIBRARIES:
            library.set_default_dtype(library.float32)


@st.composite
def arguments(draw: Any, of: Family) -> dict[str, Any]:
    """Arrays, numbers and fixed values for a family's parameters, whose shapes broadcast."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    shape = draw(st.sampled_from(SHAPES))
    found: dict[str, Any] = {}
    for name, make in of.parameters.items():
        part = shape if name != "temperature" else ()
        if part and not name.endswith(("_matrix", "_tril")):
            part = draw(st.sampled_from([part, part[-1:], (1,) * len(part), ()]))
        array = np.asarray(make(rng, part)).astype(dtype)
        plain = array.ndim == 0 and name not in ("temperature", "df")
        found[name] = float(array) if plain and draw(st.booleans()) else array
    if of.name in ("Bernoulli", "Geometric") or any(np.ndim(v) for v in found.values()):
        return {**of.fixed, **found}
    return {**of.fixed, **{k: np.asarray(v, dtype) for k, v in found.items()}}


def tensor(library: Any, value: Any, requires_grad: bool = False) -> Any:
    """An array as a library's tensor; anything else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    made = library.from_numpy(value.copy())
    return made.requires_grad_() if requires_grad else made


def make(library: Any, name: str, given: dict[str, Any], requires_grad: bool = False) -> Any:
    """A library's distribution of these parameters, and the tensors among them."""
    inputs = {k: tensor(library, v, requires_grad) for k, v in given.items()}
    leaves = [v for v in inputs.values() if isinstance(v, library.Tensor)]
    return getattr(library.distributions, name)(**inputs), leaves
