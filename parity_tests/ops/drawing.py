"""A call for each sample of a record, and the precision in which its gradients are checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.registry import Record
from minigrad.testing import Case, gradcheck, gradgradcheck
from minigrad.testing.cases import arrays_of, domains_of
from minigrad.testing.drawing import values

# One random projection of each Jacobian; second differences of float64 lose half the digits.
PRECISION: dict[str, Any] = {"eps": 1e-5, "rtol": 1e-5, "atol": 1e-7, "fast_mode": True}


def case_of(record: Record, index: int) -> Case:
    """A sample call of a record with seeded numbers."""
    sample, rng = record.samples_or_default()[index], np.random.default_rng(0)
    arrays = arrays_of(record, sample, lambda s, d, n: values(rng, s, d, "float64", n))
    return Case(record, arrays, domains_of(record, sample))


def check_both_orders(case: Case) -> None:
    """Raise unless both orders of derivative are the slopes."""
    gradcheck(case, case.inputs, **PRECISION)
    gradgradcheck(case, case.inputs, **PRECISION)
