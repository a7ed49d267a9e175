"""The error of each kernel against float64 is at most twice torch's, in units in the last place.

Convolutions by Winograd's algorithm have a bound of their own.
"""

from __future__ import annotations

import pytest

from benchmarks.libraries import load
from benchmarks.ulps import LEAST, LIBRARIES, ROWS, Row, measure_row
from parity_tests.kernels.everywhere import LEVELS, compiled, using


@compiled
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_errors_are_at_most_twice_those_of_torch(row: Row) -> None:
    libs = {name: load(name) for name in LIBRARIES}
    for level in LEVELS:
        with using(level):
            for what, worst in measure_row(row, libs, draws=1).items():
                limit = max(row.bound * worst["torch"], LEAST)
                assert worst["minigrad"] <= limit, (level, what, worst)
