"""Every family with drawn parameters: what it says, gives and draws is what torch's does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from parity_tests.distributions.facets import assert_alike, assert_same_facets, outcome
from parity_tests.distributions.families import (
    FAMILIES,
    FEW,
    LIBRARIES,
    Family,
    arguments,
    default_type,
    make,
)

each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.id)


def doubles(given: dict[str, Any]) -> dict[str, Any]:
    """The same parameters in float64."""
    return {k: v.astype(np.float64) if isinstance(v, np.ndarray) else v for k, v in given.items()}


def drawn(library: Any, d: Any, method: str, *shape: Any) -> Any:
    """Numbers drawn from seed 0."""
    library.manual_seed(0)
    return outcome(lambda: getattr(d, method)(*shape))


@contextlib.contextmanager
def both(name: str, given: dict[str, Any], requires_grad: bool = False) -> Iterator[Any]:
    """minigrad's distribution and torch's, each with its parameters."""
    with default_type(name, given):
        yield [make(library, name, given, requires_grad) for library in LIBRARIES]


@each_family
@FEW
@given(data=st.data())
def test_it_says_what_torchs_says(family: Family, data: Any) -> None:
    with both(family.name, data.draw(arguments(family))) as ((mine, _), (theirs, _)):
        values = {"drawn": drawn(torch, theirs, "sample", (4,))}
        values["another"] = np.array(0.5, values["drawn"].dtype)
        assert_same_facets(mine, theirs, values)


@each_family
@FEW
@given(data=st.data())
def test_it_draws_what_torchs_draws(family: Family, data: Any) -> None:
    given = data.draw(arguments(family))
    if family.name == "LKJCholesky":  # roots of small differences: no digits are left in float32
        given = doubles(given)
    with both(family.name, given) as ((mine, _), (theirs, _)):
        for method in ("sample", "rsample"):
            for shape in ((), ((5,),), ((2, 3),)):
                want = drawn(torch, theirs, method, *shape)
                assert_alike(drawn(minigrad, mine, method, *shape), want, f"{method}{shape}")
                assert minigrad.rand(1).item() == torch.rand(1).item(), "two places in the stream"


@each_family
@FEW
@given(data=st.data())
def test_expanded(family: Family, data: Any) -> None:
    with both(family.name, data.draw(arguments(family))) as ((mine, _), (theirs, _)):
        wide = (2, *theirs.batch_shape)
        for d in (mine, theirs):
            outcome(lambda d=d: (d.logits, d.variance))  # what is lazy is there before
        mine, theirs = mine.expand(wide), theirs.expand(wide)
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
        total = (result * weights).sum()
        found = library.autograd.grad(total, leaves, allow_unused=True, retain_graph=True)
        pairs = zip(found, leaves, strict=True)
        return library.cat(
            [(library.zeros_like(leaf) if g is None else g).reshape(-1) for g, leaf in pairs]
        )

    return outcome(call)


@each_family
@FEW
@given(data=st.data())
def test_gradients(family: Family, data: Any) -> None:
    chosen = doubles(data.draw(arguments(family)))
    with both(family.name, chosen, requires_grad=True) as ((mine, leaves), (theirs, others)):
        if not others:
            return
        value = drawn(torch, theirs, "sample", (4,))
        for of in ("log_prob", "rsample", "cdf", "entropy", "mean", "variance"):
            want = gradients(torch, theirs, others, of, value)
            found = gradients(minigrad, mine, leaves, of, value)
            if isinstance(want, str):
                assert isinstance(found, str), f"{of}: only torch raises: {want}"
            else:
                assert_alike(found, want, of)
