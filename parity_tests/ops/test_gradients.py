"""Hypothesis draws values, shapes and layouts; gradients are held against finite differences.

First order in float64 by central differences; second order by the same, on the first-order
gradient, which is itself recorded. Nothing here names an op.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad
from minigrad.autograd.op import Binary, Unary
from minigrad.autograd.registry import Record, T, call
from parity_tests.ops.differences import check_gradients
from parity_tests.ops.samples import LAYOUTS, arrays_of, ours, records, tensors_of, values

DIFFERENTIABLE = [r for r in records(oracle=False) if r.gradcheck and "float" in r.dtypes]


@st.composite
def calls(draw, record: Record):
    """A sample call, or for an elementwise op any shapes that broadcast, with drawn values."""
    samples = record.samples_or_default()
    if record.op is not None and not record.samples and issubclass(record.op, (Unary, Binary)):
        count = len(record.op.inputs)
        shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, max_side=3))
        sample = call(*[T(*shape) for shape in shapes.input_shapes])
    else:
        sample = draw(st.sampled_from(samples))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layout = draw(st.sampled_from(LAYOUTS))
    return arrays_of(record, sample, "float64", lambda s, d, k: values(rng, s, d, k), layout)


@pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.name)
@given(data=st.data())
def test_gradients_are_the_slopes(record: Record, data) -> None:
    drawn = data.draw(calls(record))
    made, inputs = tensors_of(drawn, ours)
    leaves = [t for t in inputs if t.is_floating_point()]
    if not leaves:
        return
    minigrad.manual_seed(0)
    check_gradients(lambda: record.function(*made.args, **made.kwargs), leaves)
