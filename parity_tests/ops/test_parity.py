"""Every op against torch: values, dtypes, shapes, gradients, over dtypes and memory layouts.

Nothing here names an op: the samples come from the op records, how near they must be from the
ledger.
"""

from __future__ import annotations

import numpy as np
import pytest

from minigrad.autograd.op import Binary, Unary
from minigrad.autograd.registry import Record
from parity_tests.ledger_rows import scale_of
from parity_tests.ops.samples import (
    LAYOUTS,
    both_gradients,
    both_values,
    has_gradients,
    kinds_of,
    ours,
    sampled,
    to_numpy,
)
from parity_tests.tolerances import TOL, allowed, assert_allowed

CASES = [pytest.param(record, index, id=f"{record.name}-{index}") for record, index in sampled()]


def assert_same(
    mine: object, torch_tensor: object, name: str, part: str, scale: float | None, what: str
) -> None:
    """Equal type, shape and values, NaN equal to NaN."""
    if not hasattr(mine, "dtype"):
        assert mine == torch_tensor, what
        return
    assert str(mine.dtype).replace("minigrad", "torch") == str(torch_tensor.dtype), what
    assert tuple(mine.shape) == tuple(torch_tensor.shape), what
    a, b = to_numpy(mine), to_numpy(torch_tensor)
    kind = str(mine.dtype).rpartition(".")[2]
    if kind in ("float32", "float64"):
        assert_allowed(a, b, allowed(name, kind, part, b, scale), what)
    elif a.dtype.kind == "f":
        np.testing.assert_allclose(a, b, **TOL[kind], err_msg=what)
    else:
        np.testing.assert_array_equal(a, b, err_msg=what)


@pytest.mark.parametrize(("record", "index"), CASES)
def test_values_match_torch(record: Record, index: int) -> None:
    elementwise = record.op is not None and issubclass(record.op, (Unary, Binary))
    for kind in kinds_of(record):
        for layout in LAYOUTS:
            what = f"{record.name} {record.samples_or_default()[index]} {kind} {layout}"
            for g, w in both_values(record, index, kind, layout, ours):
                scale = None if elementwise else _scale([w])
                assert_same(g, w, record.name, "forward", scale, what)


@pytest.mark.parametrize(("record", "index"), [c for c in CASES if has_gradients(c.values[0])])
def test_gradients_match_torch(record: Record, index: int) -> None:
    """Every order that torch has of two, through every output, for every float argument.

    In float64; in float32 the check of the ledger looks at them.
    """
    for layout in LAYOUTS:
        pairs = both_gradients(record, index, layout, ours)
        scale = _scale([want for _, want in pairs])
        for mine, want in pairs:
            what = f"{record.name} sample {index} {layout}"
            assert_same(mine, want, record.name, "gradient", scale, what)


def _scale(tensors):
    """The greatest size of torch's results."""
    return scale_of([to_numpy(t) for t in tensors if hasattr(t, "detach")])
