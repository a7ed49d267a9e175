"""Healthy gradients pass the full check, all its probes included: drawn calls of every op.

Under ``HYPOTHESIS_PROFILE=nightly`` there are more than 100,000 of them; ``ops/test_gradients.py``
then draws half a million, by projections.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.autograd.registry import REGISTRY
from minigrad.testing import calls, gradcheck

HEALTHY = sorted(
    r.name
    for r in REGISTRY.values()
    if r.samples_or_default() and r.gradcheck and "float" in r.dtypes
)
GROUPS = [HEALTHY[start::8] for start in range(8)]
USUAL = settings().max_examples
EXAMPLES = 13_000 if USUAL >= 1000 else USUAL  # of each group; some calls have no slope to check


@pytest.mark.parametrize("group", range(8))
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_healthy_ops_raise_no_alarm(group: int, data: Any) -> None:
    case = data.draw(calls(data.draw(st.sampled_from(GROUPS[group]))))
    if not case.inputs:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if all(np.isfinite(t.detach().numpy()).all() for t in case(*case.inputs)):
            gradcheck(case, case.inputs)
