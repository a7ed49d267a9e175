"""Every op against torch: values, dtypes, shapes, gradients, over dtypes and memory layouts.

Nothing here names an op: the samples come from the op records.
"""

from __future__ import annotations

import numpy as np
import pytest

from minigrad.autograd.registry import Record
from parity_tests.ops.samples import (
    LAYOUTS,
    arrays_of,
    domains_of,
    leaves_of,
    oracle,
    ours,
    outputs,
    records,
    result_of,
    seeded,
    tensors_of,
    theirs,
    to_numpy,
    values,
)
from parity_tests.tolerances import TOL

KINDS = {"float": ("float32", "float64"), "int": ("int64", "int32", "uint8"), "bool": ("bool",)}
CASES = [
    pytest.param(record, index, id=f"{record.name}-{index}")
    for record in records(oracle=True)
    for index in range(len(record.samples_or_default()))
]


def kinds(record: Record) -> list[str]:
    return [kind for group in record.dtypes for kind in KINDS[group]]


def assert_same(mine: object, torch_tensor: object, kind: str, what: str) -> None:
    """Equal type, shape and values, NaN equal to NaN."""
    if not hasattr(mine, "dtype"):
        assert mine == torch_tensor, what
        return
    assert str(mine.dtype) == str(torch_tensor.dtype), what
    assert tuple(mine.shape) == tuple(torch_tensor.shape), what
    a, b = to_numpy(mine), to_numpy(torch_tensor)
    if a.dtype.kind == "f":
        name = str(mine.dtype).removeprefix("torch.")
        np.testing.assert_allclose(a, b, **TOL[name], err_msg=what)
    else:
        np.testing.assert_array_equal(a, b, err_msg=what)


@pytest.mark.parametrize(("record", "index"), CASES)
def test_values_match_torch(record: Record, index: int) -> None:
    domains = domains_of(record, record.samples_or_default()[index])
    for kind in kinds(record):
        for layout in LAYOUTS:
            rng = seeded(record.name, index, kind, layout)
            call = arrays_of(
                record,
                record.samples_or_default()[index],
                kind,
                lambda shape, domain, kind: values(rng, shape, domain, kind),  # noqa: B023
                layout,
            )
            mine, inputs = tensors_of(call, ours)
            before = [t.numpy().copy() for t in inputs]
            other, _ = tensors_of(call, theirs)
            got = outputs(result_of(record, record.function, mine, domains))
            want = outputs(result_of(record, oracle(record), other, domains))
            assert len(got) == len(want)
            for g, w in zip(got, want, strict=True):
                assert_same(
                    g,
                    w,
                    kind,
                    f"{record.name} {record.samples_or_default()[index]} {kind} {layout}",
                )
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
    """Every order that torch has of two, through every output, for every float argument."""
    domains = domains_of(record, record.samples_or_default()[index])
    for layout in LAYOUTS:
        rng = seeded("gradient", record.name, index, layout)
        call = arrays_of(
            record,
            record.samples_or_default()[index],
            "float64",
            lambda shape, domain, kind: values(rng, shape, domain, kind),  # noqa: B023
            layout,
        )
        results = []
        for fn, make in ((record.function, ours), (oracle(record), theirs)):
            made, inputs = tensors_of(call, make)
            leaves = [t.requires_grad_() for t in leaves_of(inputs, domains)]
            result = result_of(record, fn, made, domains)
            results.append(_gradients(result, leaves, make, record.orders))
        for mine, want in zip(*results, strict=True):
            assert (mine is None) == (want is None), "a gradient is missing on one side"
            if mine is not None:
                assert_same(mine, want, "float64", f"{record.name} sample {index} {layout}")


def _gradients(result, leaves, make, orders):
    """First gradients, and for two orders the gradients of their weighted sum."""
    import minigrad

    outs = [o for o in outputs(result) if getattr(o, "requires_grad", False)]
    if not outs:
        return [None] * len(leaves)
    grad = minigrad.autograd.grad if make is ours else __import__("torch").autograd.grad
    weights = [make(_weight(o.shape)) for o in outs]
    first = grad(outs, leaves, weights, create_graph=orders == 2, allow_unused=True)
    if orders < 2:
        return first
    scalar = [
        (g * make(_weight(g.shape))).sum() for g in first if g is not None and g.requires_grad
    ]
    # Where the first gradient is constant, the second is zero; the sides may say so either way.
    second = grad(scalar, leaves, allow_unused=True) if scalar else [None] * len(leaves)
    zeros = [make(np.zeros(tuple(t.shape))) for t in leaves]
    return [*first, *[z if s is None else s for s, z in zip(second, zeros, strict=True)]]


def _weight(shape):
    return np.asarray(np.random.default_rng(len(shape)).uniform(0.5, 1.5, tuple(shape)))
