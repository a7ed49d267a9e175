"""The error of each kernel against float64 is at most twice torch's, in units in the last place."""

from __future__ import annotations

import pytest

from benchmarks.libraries import load
from benchmarks.ulps import BOUND, LEAST, LIBRARIES, ROWS, Row, measure_row
from parity_tests.kernels.everywhere import LEVELS, compiled, using

# NumPy's functions, at 1.3 to 3 units where torch's are at 0.5 to 0.7; its sums of rows, by BLAS.
NUMPY = {"tanh", "exp", "expm1", "log1p", "sin", "cos", "erf", "sum of rows", "var of rows"}


@compiled
@pytest.mark.parametrize("row", [r for r in ROWS if r.name not in NUMPY], ids=lambda row: row.name)
def test_errors_are_at_most_twice_those_of_torch(row: Row) -> None:
    libs = {name: load(name) for name in LIBRARIES}
    for level in LEVELS:
        with using(level):
            for what, worst in measure_row(row, libs, draws=1).items():
                limit = max(BOUND * worst["torch"], LEAST)
                assert worst["minigrad"] <= limit, (level, what, worst)
