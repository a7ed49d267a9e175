"""Every op on a card against torch on the CPU: values, types, both orders of gradient.

Without ``--device`` each op's first sample is tried on the stand-in; with ``--device cuda-sim`` or
``cuda`` all samples, types and memory layouts are. Nothing here names an op.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import minigrad
from parity_tests.cuda.device import card, whole
from parity_tests.cuda.differing import LOOKS_AT_MEMORY, NOT_ON_A_CARD
from parity_tests.ops.samples import (
    LAYOUTS,
    domains_of,
    drawn,
    gradients_of,
    leaves_of,
    oracle,
    outputs,
    records,
    result_of,
    tensors_of,
    theirs,
    to_numpy,
)
from parity_tests.tolerances import TOL

__all__ = ["card"]
pytestmark = [
    pytest.mark.any_device,
    pytest.mark.filterwarnings("ignore::minigrad.backend.scientific.OnHostWarning"),
]
KINDS = {"float": ("float32", "float64"), "int": ("int64", "int32", "uint8"), "bool": ("bool",)}
FIRST = {"float": ("float32",), "int": ("int64",), "bool": ("bool",)}


def pytest_generate_tests(metafunc):
    every = whole(metafunc.config)
    cases = []
    for record in records(oracle=True):
        samples = range(len(record.samples_or_default()))
        for index in samples if every else samples[:1]:
            reason = NOT_ON_A_CARD.get(record.name)
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            cases.append(pytest.param(record, index, id=f"{record.name}-{index}", marks=marks))
    if metafunc.definition.name.startswith("test_gradients"):
        cases = [
            c
            for c in cases
            if c.values[0].gradcheck and c.values[0].orders and "float" in c.values[0].dtypes
        ]
    metafunc.parametrize(("record", "index"), cases)


def layouts(record, every):
    """As memory may lie; ``to(card)`` packs it, which only looking at the memory itself can see."""
    return LAYOUTS if every and record.name not in LOOKS_AT_MEMORY else LAYOUTS[:1]


def on(card):
    return lambda array: minigrad.from_numpy(array).to(card)


def assert_near(mine, want, what):
    if not hasattr(mine, "dtype"):
        assert mine == want, what
        return
    assert str(mine.dtype).replace("minigrad", "torch") == str(want.dtype), what
    assert tuple(mine.shape) == tuple(want.shape), what
    a, b = to_numpy(mine), to_numpy(want)
    if a.dtype.kind == "f":
        tolerance = TOL[str(want.dtype).removeprefix("torch.")]
        np.testing.assert_allclose(a, b, **tolerance, err_msg=what)
    else:
        np.testing.assert_array_equal(a, b, err_msg=what)


def test_values(record, index, card, request):
    every = whole(request.config)
    domains = domains_of(record, record.samples_or_default()[index])
    kinds = [k for group in record.dtypes for k in (KINDS if every else FIRST)[group]]
    for kind in kinds:
        for layout in layouts(record, every):
            call = drawn(record, index, kind, layout)
            mine, inputs = tensors_of(call, on(card))
            before = [to_numpy(t).copy() for t in inputs]
            other, _ = tensors_of(call, theirs)
            got = outputs(result_of(record, record.function, mine, domains))
            want = outputs(result_of(record, oracle(record), other, domains))
            assert len(got) == len(want)
            what = f"{record.name} {record.samples_or_default()[index]} {kind} {layout}"
            for g, w in zip(got, want, strict=True):
                assert_near(g, w, what)
                if inputs and hasattr(g, "device") and record.name != "cpu":
                    assert g.device == card, what
            for tensor, old in zip(inputs, before, strict=True):
                np.testing.assert_array_equal(to_numpy(tensor), old, err_msg="an input was changed")


def test_gradients(record, index, card, request):
    """Every order that torch has of two, through every output, for every float argument."""
    domains = domains_of(record, record.samples_or_default()[index])
    for layout in layouts(record, whole(request.config)):
        call = drawn(record, index, "float64", layout)
        results = []
        for function, make in ((record.function, on(card)), (oracle(record), theirs)):
            made, inputs = tensors_of(call, make)
            leaves = [t.requires_grad_() for t in leaves_of(inputs, domains)]
            result = result_of(record, function, made, domains)
            library = torch if make is theirs else minigrad
            results.append(gradients_of(result, leaves, library, record.orders))
        for mine, want in zip(*results, strict=True):
            assert (mine is None) == (want is None), "a gradient is missing on one side"
            if mine is not None:
                assert_near(mine, want, f"{record.name} sample {index} {layout}")
                assert mine.device == card
