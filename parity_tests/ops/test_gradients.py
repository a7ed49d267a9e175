"""Hypothesis draws values, shapes, axes, broadcasts and layouts; gradients are held against slopes.

First order in float64 by central differences; second order by the same, on the first-order
gradient, which is itself recorded. What torch has too must have torch's values. Nothing here
names an op.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad.autograd.registry import REGISTRY, Call, Record
from parity_tests.ops.differences import check_gradients
from parity_tests.ops.drawn import sample_calls
from parity_tests.ops.samples import (
    LAYOUTS,
    arrays_of,
    domains_of,
    leaves_of,
    oracle,
    ours,
    outputs,
    records,
    result_of,
    seeded,
    tensors_of,
    theirs,
    to_numpy,
    values,
)

DIFFERENTIABLE = [r for r in records(oracle=False) if r.gradcheck and "float" in r.dtypes]
CONSTANT = [r for r in records(oracle=False) if not r.gradcheck and "float" in r.dtypes]


@pytest.mark.filterwarnings("ignore")  # torch's, which minigrad gives as well
@pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.name)
@given(data=st.data())
def test_gradients_are_the_slopes(record: Record, data: Any) -> None:
    sample = data.draw(sample_calls(record))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    layout = data.draw(st.sampled_from(LAYOUTS))
    drawn = arrays_of(record, sample, "float64", lambda s, d, k: values(rng, s, d, k), layout)
    domains = domains_of(record, sample)
    made, inputs = tensors_of(drawn, ours)
    leaves = leaves_of(inputs, domains)
    if record.torch:
        assert_torchs_values(record, made, tensors_of(drawn, theirs)[0], domains)
    if leaves:
        check_gradients(
            lambda: result_of(record, record.function, made, domains), leaves, record.orders
        )


def assert_torchs_values(record: Record, call: Call, other: Call, domains: list[Any]) -> None:
    """Equal shapes and values."""
    with minigrad.no_grad():
        got = outputs(result_of(record, record.function, call, domains))
        try:
            want = outputs(result_of(record, oracle(record), other, domains))
        except RuntimeError as error:  # torch takes the call, but not in this memory layout
            assert "view size is not compatible" in str(error), error
            return
    assert len(got) == len(want)
    for mine, its in zip(got, want, strict=True):
        if hasattr(mine, "detach"):
            np.testing.assert_allclose(to_numpy(mine), to_numpy(its), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("record", CONSTANT, ids=lambda r: r.name)
def test_what_is_not_checked_has_no_derivative(record: Record) -> None:
    """`gradcheck=False` is for results without a gradient, with none but zeros, or an error."""
    for index, sample in enumerate(record.samples_or_default()):
        rng = seeded("constant", record.name, index)
        drawn = arrays_of(record, sample, "float64", lambda s, d, k: values(rng, s, d, k))  # noqa: B023
        made, inputs = tensors_of(drawn, ours)
        leaves = [t.requires_grad_() for t in inputs if t.is_floating_point()]
        results = outputs(result_of(record, record.function, made, domains_of(record, sample)))
        for out in results:
            if getattr(out, "requires_grad", False):
                try:
                    found = minigrad.autograd.grad(
                        out.sum(), leaves, allow_unused=True, retain_graph=True
                    )
                except RuntimeError as error:  # NotImplementedError is one
                    assert re.search("not implemented|not differentiable", str(error))
                    continue
                assert all(g is None or not g.numpy().any() for g in found)


def test_what_has_no_samples_has_no_derivative() -> None:
    """An op without sample calls is tested by nothing here: it must not claim a gradient."""
    assert [r.name for r in REGISTRY.values() if r.gradcheck and not r.samples_or_default()] == []
