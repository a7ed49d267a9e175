"""Every op against torch: values, dtypes, shapes, gradients, over dtypes and memory layouts.

Nothing here names an op: the samples come from the op records, how near they must be from the
ledger.
"""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
from minigrad.autograd.op import Binary, Unary
from minigrad.autograd.registry import Record
from parity_tests.ledger_rows import scale_of
from parity_tests.ops.samples import (
    LAYOUTS,
    domains_of,
    drawn,
    gradients_of,
    leaves_of,
    oracle,
    ours,
    outputs,
    records,
    result_of,
    tensors_of,
    theirs,
    to_numpy,
)
from parity_tests.tolerances import TOL, allowed, assert_allowed

KINDS = {"float": ("float32", "float64"), "int": ("int64", "int32", "uint8"), "bool": ("bool",)}
CASES = [
    pytest.param(record, index, id=f"{record.name}-{index}")
    for record in records(oracle=True)
    for index in range(len(record.samples_or_default()))
]


def kinds(record: Record) -> list[str]:
    return [kind for group in record.dtypes for kind in KINDS[group]]


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
    domains = domains_of(record, record.samples_or_default()[index])
    elementwise = record.op is not None and issubclass(record.op, (Unary, Binary))
    for kind in kinds(record):
        for layout in LAYOUTS:
            call = drawn(record, index, kind, layout)
            mine, inputs = tensors_of(call, ours)
            before = [t.numpy().copy() for t in inputs]
            other, _ = tensors_of(call, theirs)
            got = outputs(result_of(record, record.function, mine, domains))
            want = outputs(result_of(record, oracle(record), other, domains))
            assert len(got) == len(want)
            what = f"{record.name} {record.samples_or_default()[index]} {kind} {layout}"
            for g, w in zip(got, want, strict=True):
                scale = None if elementwise else _scale([w])
                assert_same(g, w, record.name, "forward", scale, what)
            for tensor, old in zip(inputs, before, strict=True):
                np.testing.assert_array_equal(tensor.numpy(), old, err_msg="an input was changed")


@pytest.mark.parametrize(
    ("record", "index"),
    [
        c
        for c in CASES
        if c.values[0].gradcheck and c.values[0].orders and "float" in c.values[0].dtypes
    ],
)
def test_gradients_match_torch(record: Record, index: int) -> None:
    """Every order that torch has of two, through every output, for every float argument.

    In float64; in float32 the check of the ledger looks at them.
    """
    import torch

    domains = domains_of(record, record.samples_or_default()[index])
    for layout in LAYOUTS:
        call = drawn(record, index, "float64", layout)
        results = []
        for fn, make in ((record.function, ours), (oracle(record), theirs)):
            made, inputs = tensors_of(call, make)
            leaves = [t.requires_grad_() for t in leaves_of(inputs, domains)]
            result = result_of(record, fn, made, domains)
            library = minigrad if make is ours else torch
            results.append(gradients_of(result, leaves, library, record.orders))
        scale = _scale(results[1])
        for mine, want in zip(*results, strict=True):
            assert (mine is None) == (want is None), "a gradient is missing on one side"
            if mine is not None:
                what = f"{record.name} sample {index} {layout}"
                assert_same(mine, want, record.name, "gradient", scale, what)


def _scale(tensors):
    """The greatest size of torch's results."""
    return scale_of([to_numpy(t) for t in tensors if hasattr(t, "detach")])
