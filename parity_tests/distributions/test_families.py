"""Every family with drawn parameters: what it says, gives and draws is what torch's does."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from parity_tests.distributions.facets import assert_alike, assert_same_facets, outcome
from parity_tests.distributions.families import FAMILIES, LIBRARIES, Family, arguments, make

each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.id)


def drawn(library: Any, d: Any, method: str, *shape: Any) -> Any:
    """Numbers drawn from seed 0."""
    library.manual_seed(0)
    return outcome(lambda: getattr(d, method)(*shape))


def both(name: str, given: dict[str, Any], requires_grad: bool = False) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # StudentT(1.).sample() and such are not at stake
        return [make(library, name, given, requires_grad) for library in LIBRARIES]


@each_family
@given(data=st.data())
def test_it_says_what_torchs_says(family: Family, data: Any) -> None:
    (mine, _), (theirs, _) = both(family.name, data.draw(arguments(family)))
    values = {"drawn": drawn(torch, theirs, "sample", (4,))}
    values["another"] = np.array(0.5, values["drawn"].dtype)
    assert_same_facets(mine, theirs, values)


@each_family
@given(data=st.data())
def test_it_draws_what_torchs_draws(family: Family, data: Any) -> None:
    (mine, _), (theirs, _) = both(family.name, data.draw(arguments(family)))
    for method in ("sample", "rsample"):
        for shape in ((), ((5,),), ((2, 3),)):
            want = drawn(torch, theirs, method, *shape)
            assert_alike(drawn(minigrad, mine, method, *shape), want, f"{method}{shape}")
            assert minigrad.rand(1).item() == torch.rand(1).item(), "the streams are at two places"


@each_family
@given(data=st.data())
def test_expanded(family: Family, data: Any) -> None:
    (mine, _), (theirs, _) = both(family.name, data.draw(arguments(family)))
    wide = (2, *theirs.batch_shape)
    outcome(lambda: (mine.logits, mine.variance)), outcome(lambda: (theirs.logits, theirs.variance))
    mine, theirs = mine.expand(wide), theirs.expand(wide)
    assert type(mine).__name__ == type(theirs).__name__
    want = drawn(torch, theirs, "sample", (3,))
    assert_alike(drawn(minigrad, mine, "sample", (3,)), want, "sample")
    assert_same_facets(mine, theirs, {"drawn": want})


def gradients(library: Any, d: Any, leaves: Any, of: str, value: Any) -> Any:
    """The gradients of something by the parameters, or the error."""
    library.manual_seed(0)

    def call() -> Any:
        if of == "rsample":
            result = d.rsample((4,))
        elif of in ("mean", "variance"):
            result = getattr(d, of)
        elif of == "entropy":
            result = d.entropy()
        else:
            result = getattr(d, of)(library.from_numpy(value.copy()))
        weights = library.arange(result.numel()).to(result.dtype).cos().reshape(result.shape)
        found = library.autograd.grad((result * weights).sum(), leaves, allow_unused=True)
        flat = [
            (library.zeros(1).to(leaf) if g is None else g).reshape(-1)
            for g, leaf in zip(found, leaves, strict=True)
        ]
        return library.cat(flat)

    return outcome(call)


@each_family
@pytest.mark.parametrize("of", ["log_prob", "rsample", "cdf", "entropy", "mean", "variance"])
@given(data=st.data())
def test_gradients(family: Family, of: str, data: Any) -> None:
    chosen = {
        k: v.astype(np.float64) if isinstance(v, np.ndarray) else v
        for k, v in data.draw(arguments(family)).items()
    }
    (mine, my_leaves), (theirs, their_leaves) = both(family.name, chosen, requires_grad=True)
    if not their_leaves:
        return
    value = drawn(torch, theirs, "sample", (4,))
    want = gradients(torch, theirs, their_leaves, of, value)
    found = gradients(minigrad, mine, my_leaves, of, value)
    if isinstance(want, str):
        assert isinstance(found, str), f"only torch raises: {want}"
        return
    assert_alike(found, want, of)
