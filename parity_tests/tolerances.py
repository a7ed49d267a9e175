"""How far a result may lie from torch's: measured where the ledger has it, else by element type.

``rtol`` is relative to torch's value and ``atol`` absolute, as in ``numpy.testing``. The numbers
are those of ``torch.testing.assert_close``: a few roundings of sums in another order. They are
the most that is ever forgiven; :func:`allowed` gives what the ledger says of one op, which is
mostly a hundredth of it in float32, and a millionth in float64.
"""

from __future__ import annotations

import functools
from typing import Any, TypedDict

import numpy as np

from parity_tests import ledger


class Tolerance(TypedDict):
    rtol: float
    atol: float


TOL: dict[str, Tolerance] = {
    "float16": {"rtol": 1e-3, "atol": 1e-5},
    "bfloat16": {"rtol": 1.6e-2, "atol": 1e-5},
    "float32": {"rtol": 1.3e-6, "atol": 1e-5},
    "float64": {"rtol": 1e-7, "atol": 1e-7},
}
# What another processor, with another BLAS, may add to a measured distance.
TIMES, LEAST = 3.0, 4.0

Array = np.ndarray[Any, Any]


def allowed(name: str, kind: str, part: str, want: Array, scale: float | None) -> Array:
    """How far each element of a result may be off: what the ledger says, at most the table.

    ``part`` is "forward" or "gradient", ``scale`` what errors are held to (``ledger_rows.units``).
    """
    finite = np.where(np.isfinite(want), np.abs(want), 0).astype(np.float64)
    table = TOL[kind]["atol"] + TOL[kind]["rtol"] * finite
    apart = _cells().get(name, {}).get(kind, {}).get(part)
    if apart is None or apart[-1] is None:
        return np.asarray(table)
    from parity_tests.ledger_rows import units

    measured = max(LEAST, TIMES * float(apart[-1])) * units(want, np.dtype(kind), scale)
    return np.asarray(np.minimum(table, measured))


@functools.cache
def _cells() -> ledger.Rows:
    rows: ledger.Rows = ledger.read()["rows"]
    return rows


def assert_allowed(got: Array, want: Array, may: Array, what: str) -> None:
    """Raise unless each element is as near as it must be; NaN is equal to NaN."""
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    with np.errstate(invalid="ignore"):
        off = np.where(same, 0.0, np.abs(got.astype(np.float64) - want))
    wrong = ~(off <= may)
    if wrong.any():
        place = np.unravel_index(int(np.where(wrong, np.nan_to_num(off, nan=np.inf), -1).argmax()),
                                 off.shape)  # fmt: skip
        raise AssertionError(
            f"{what}: {int(wrong.sum())} of {off.size} elements are too far; at {place} "
            f"{got[place]!r} is not {want[place]!r}, {may[place]:.3g} are allowed"
        )
