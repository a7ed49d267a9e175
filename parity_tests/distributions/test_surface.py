"""The names, paths and signatures are torch's; distributions made of others; copies."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import pkgutil
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from parity_tests.distributions.facets import assert_alike, assert_same_facets, outcome
from parity_tests.distributions.families import FAMILIES, FEW, LIBRARIES, SHAPES, make

MODULES = [module.name for module in pkgutil.iter_modules(torch.distributions.__path__)]
CLASSES = [
    name
    for name in torch.distributions.__all__
    if inspect.isclass(getattr(torch.distributions, name))
]


def test_the_public_names_are_torchs() -> None:
    mine, theirs = (library.distributions for library in LIBRARIES)
    assert set(mine.__all__) == set(theirs.__all__)
    for room in ("constraints", "transforms"):
        assert set(getattr(mine, room).__all__) == set(getattr(theirs, room).__all__)


@pytest.mark.parametrize("name", MODULES)
def test_the_paths_of_modules_are_torchs(name: str) -> None:
    theirs = importlib.import_module(f"torch.distributions.{name}")
    mine = importlib.import_module(f"minigrad.distributions.{name}")
    assert [n for n in theirs.__all__ if not hasattr(mine, n)] == []


def arguments_of(thing: Any) -> list[tuple[str, Any]]:
    """The arguments of a call, with their defaults."""
    parameters = inspect.signature(thing).parameters.values()
    return [(p.name, p.default if p.default is not p.empty else None) for p in parameters]


@pytest.mark.parametrize("name", CLASSES)
def test_signatures_are_torchs(name: str) -> None:
    mine, theirs = (getattr(library.distributions, name) for library in LIBRARIES)
    assert arguments_of(mine) == arguments_of(theirs)
    missing, different = [], []
    for method in dir(theirs):
        if method.startswith("_") or method in ("arg_constraints",):
            continue
        if not hasattr(mine, method):
            missing.append(method)
        elif inspect.isfunction(getattr(theirs, method)):
            pair = [[n for n, _ in arguments_of(getattr(c, method))] for c in (mine, theirs)]
            if pair[0] != pair[1]:
                different.append((method, *pair))
    assert missing == []
    assert different == []


# -- distributions made of others -------------------------------------------------------------


def composed(library: Any, kind: str, x: np.ndarray) -> Any:
    """A distribution made of others, from numbers of a batch shape and three more."""
    d = library.distributions
    v = library.from_numpy(x.copy())
    pick = d.Categorical(logits=v)
    normal = d.Normal(v, v.exp())
    if kind == "Independent":
        return d.Independent(normal, 1)
    if kind == "Independent of none":
        return d.Independent(d.Bernoulli(logits=v), 0)
    if kind == "Independent of vectors":
        return d.Independent(d.Dirichlet(v.exp().unsqueeze(-1).expand((*v.shape, 2))), 1)
    if kind == "mixture":
        return d.MixtureSameFamily(pick, normal)
    if kind == "mixture with one choice":
        return d.MixtureSameFamily(d.Categorical(library.ones(3, dtype=v.dtype)), normal)
    if kind == "mixture of vectors":
        pairs = d.Normal(library.stack([v, -v], -1), 1.0)
        return d.MixtureSameFamily(pick, d.Independent(pairs, 1))
    if kind == "mixture of counts":
        return d.MixtureSameFamily(pick, d.Poisson(v.exp()))
    if kind == "transformed":
        return d.TransformedDistribution(normal, [d.ExpTransform(), d.AffineTransform(1.0, -2.0)])
    if kind == "transformed by none":
        return d.TransformedDistribution(normal, [])
    if kind == "transformed vectors":
        return d.TransformedDistribution(normal, d.StickBreakingTransform())
    if kind == "transformed and reshaped":
        return d.TransformedDistribution(normal, d.ReshapeTransform((3,), (3, 1)))
    if kind == "expanded by a transform":
        return d.TransformedDistribution(d.Normal(0.0 * v[..., :1], 1.0), d.AffineTransform(v, 2.0))
    assert kind == "logistic"
    base = d.Uniform(library.zeros_like(v), library.ones_like(v))
    return d.TransformedDistribution(base, [d.SigmoidTransform().inv, d.AffineTransform(v, 2.0)])


KINDS = ["Independent", "Independent of none", "Independent of vectors", "mixture"]
KINDS += ["mixture with one choice", "mixture of vectors", "mixture of counts", "transformed"]
KINDS += ["transformed by none", "transformed vectors", "transformed and reshaped"]
KINDS += ["expanded by a transform", "logistic"]


@pytest.mark.parametrize("kind", KINDS)
@FEW
@given(data=st.data())
def test_distributions_made_of_others(kind: str, data: Any) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x = rng.normal(0, 0.7, (*data.draw(st.sampled_from(SHAPES)), 3))
    mine, theirs = (composed(library, kind, x) for library in LIBRARIES)
    wide = (2, *theirs.batch_shape)
    for a, b in ((mine, theirs), (mine.expand(wide), theirs.expand(wide))):
        for method in ("sample", "rsample"):
            found = []
            for library, d in ((minigrad, a), (torch, b)):
                library.manual_seed(1)
                found.append(outcome(lambda d=d, m=method: getattr(d, m)((4,))))
            assert_alike(*found, method)
            if method == "sample":
                values = {} if isinstance(found[1], str) else {"drawn": found[1]}
        assert_same_facets(a, b, values)


# -- copies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.id)
@pytest.mark.filterwarnings("ignore:Singular sample detected")  # a Wishart's, torch's too
def test_copies_are_the_same(family: Any) -> None:
    rng = np.random.default_rng(0)
    arrays = {name: np.asarray(draw(rng, ())) for name, draw in family.parameters.items()}
    d, _ = make(minigrad, family.name, {**arrays, **family.fixed})
    minigrad.manual_seed(0)
    value = d.sample()
    d.log_prob(value)  # what is lazy comes now
    for again in (copy.deepcopy(d), pickle.loads(pickle.dumps(d))):
        assert repr(again) == repr(d)
        assert (again.log_prob(value) == d.log_prob(value)).all()
