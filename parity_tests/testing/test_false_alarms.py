"""Healthy gradients pass the full check, all its probes included: drawn calls of every op.

``ops/test_gradients.py`` draws more, by projections: half a million under
``HYPOTHESIS_PROFILE=nightly``.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.autograd.registry import REGISTRY
from minigrad.testing import calls, gradcheck

HEALTHY = sorted(
    r.name
    for r in REGISTRY.values()
    if r.samples_or_default() and r.gradcheck and "float" in r.dtypes
)
GROUPS = [HEALTHY[start::8] for start in range(8)]


@pytest.mark.parametrize("group", range(8))
@given(data=st.data())
def test_healthy_ops_raise_no_alarm(group: int, data: Any) -> None:
    case = data.draw(calls(data.draw(st.sampled_from(GROUPS[group]))))
    if not case.inputs:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if all(np.isfinite(t.detach().numpy()).all() for t in case(*case.inputs)):
            gradcheck(case, case.inputs)
