"""How far a result may lie from torch's: the one table of the test suite, by element type.

``rtol`` is relative to torch's value and ``atol`` absolute, as in ``numpy.testing``. The numbers
are those of ``torch.testing.assert_close``: a few roundings of sums in another order.
"""

from __future__ import annotations

from typing import TypedDict


class Tolerance(TypedDict):
    rtol: float
    atol: float


TOL: dict[str, Tolerance] = {
    "float16": {"rtol": 1e-3, "atol": 1e-5},
    "bfloat16": {"rtol": 1.6e-2, "atol": 1e-5},
    "float32": {"rtol": 1.3e-6, "atol": 1e-5},
    "float64": {"rtol": 1e-7, "atol": 1e-7},
}
