"""The strategies draw calls of every op; both orders of gradient are held against slopes.

In float64, by the shipped kit: one random projection of each Jacobian; a failure is explained by
all of it. What torch has too must have torch's values. Nothing here names an op.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad.autograd.explanation import GradientMismatch
from minigrad.autograd.registry import REGISTRY, Call, Record
from minigrad.testing import Case, calls, gradcheck, gradgradcheck
from minigrad.testing.cases import outputs, tensors_of
from minigrad.testing.changes import extremes
from minigrad.testing.strategies import arrays_in
from parity_tests.ops.drawing import PRECISION
from parity_tests.ops.samples import (
    arrays_of,
    domains_of,
    oracle,
    ours,
    records,
    result_of,
    seeded,
    theirs,
    to_numpy,
    values,
)

DIFFERENTIABLE = [r for r in records(oracle=False) if r.gradcheck and "float" in r.dtypes]
# Their gradient is another function's on purpose: test_fake_quantize.py compares it with torch's.
STRAIGHT = {"fake_quantize_per_tensor_affine", "fake_quantize_per_channel_affine"}
CONSTANT = [
    r
    for r in records(oracle=False)
    if not r.gradcheck and "float" in r.dtypes and r.name not in STRAIGHT
]


def torch_takes(record: Record, sample: Call) -> bool:
    """Whether torch takes a call that minigrad takes."""
    if not record.torch:
        return True
    filled = arrays_of(record, sample, "float64", lambda s, d, k: extremes(s, d, 0))
    try:
        result_of(record, oracle(record), tensors_of(filled, theirs)[0], domains_of(record, sample))
    except Exception:
        return False
    return True


@pytest.mark.filterwarnings("ignore")  # torch's, which minigrad gives as well
@pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.name)
@given(data=st.data())
def test_gradients_are_the_slopes(record: Record, data: Any) -> None:
    check_case(data.draw(calls(record, also=torch_takes)))


def check_case(case: Case) -> None:
    """Values as torch's, and both orders of derivative as the slopes."""
    if case.record.torch:
        assert_torchs_values(case)
    if not case.inputs:
        return
    results = case(*case.inputs)
    if not all(np.isfinite(to_numpy(t)).all() for t in results):
        return  # the mean of nothing, for one: there is no slope
    gradcheck(case, case.inputs, **PRECISION)
    if not any(t.requires_grad for t in results) or not any(t.numel() for t in case.inputs):
        return
    try:
        gradgradcheck(case, case.inputs, **PRECISION)
    except GradientMismatch as error:
        # The root of a variance that is 0, for one; torch's samples hold such points against torch.
        if error.diagnosis.name != "not finite":
            raise
    except RuntimeError as error:
        if case.record.orders == 2 or "is not implemented" not in str(error):
            raise


def assert_torchs_values(case: Case) -> None:
    """Equal shapes and values."""
    call, other = tensors_of(case.arrays)[0], tensors_of(case.arrays, theirs)[0]
    with minigrad.no_grad():
        got = outputs(result_of(case.record, case.record.function, call, case.domains))
        try:
            want = outputs(result_of(case.record, oracle(case.record), other, case.domains))
        except RuntimeError as error:  # torch takes the call, but not in this memory layout
            assert "view size is not compatible" in str(error), error
            return
    assert len(got) == len(want)
    nothing = all(a.size == 0 for a in arrays_in(case))  # torch's losses then read foreign memory
    for mine, its in zip(got, want, strict=True):
        if hasattr(mine, "detach"):
            assert tuple(mine.shape) == tuple(its.shape)
        if hasattr(mine, "detach") and not nothing:
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
