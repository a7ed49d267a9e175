"""Every op on a card against torch on the CPU: values, types, both orders of gradient.

Each sample call in each type, from one layout of memory to the next. Nothing here names an op.
"""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
from parity_tests.cuda.device import card
from parity_tests.cuda.differing import LOOKS_AT_MEMORY, NOT_ON_A_CARD
from parity_tests.ops.samples import (
    LAYOUTS,
    both_gradients,
    both_values,
    domains_of,
    drawn,
    has_gradients,
    kinds_of,
    ours,
    outputs,
    records,
    result_of,
    sampled,
    tensors_of,
    to_numpy,
)
from parity_tests.tolerances import TOL

__all__ = ["card"]
CARDS = 2  # so that the current card is another one than that of the tensors
pytestmark = [
    pytest.mark.any_device,
    pytest.mark.filterwarnings("ignore::minigrad.backend.scientific.OnHostWarning"),
]


def case(record, index):
    reason = NOT_ON_A_CARD.get(record.name)
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    return pytest.param(record, index, id=f"{record.name}-{index}", marks=marks)


CASES = [case(record, index) for record, index in sampled()]


def turn(record, number):
    """The layouts take turns; where the start of the whole memory counts, a tensor begins there."""
    return LAYOUTS[0 if record.name in LOOKS_AT_MEMORY else number % len(LAYOUTS)]


def on(card, seen=None):
    """Brings arrays to the card, to lie there as they lie here; ``seen`` gets them."""

    def brought(array):
        if seen is not None:
            seen.append(array)
        root = array
        while isinstance(root.base, np.ndarray):
            root = root.base
        if root is array or not root.flags.c_contiguous or not array.size:
            return minigrad.from_numpy(array).to(card)
        begins = [a.__array_interface__["data"][0] for a in (root, array)]
        start = (begins[1] - begins[0]) // array.itemsize
        strides = [step // array.itemsize for step in array.strides]
        whole = minigrad.from_numpy(root.reshape(-1)).to(card)
        return whole.as_strided(array.shape, strides, start)

    return brought


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


@pytest.mark.parametrize(("record", "index"), CASES)
def test_values(record, index, card):
    for number, kind in enumerate(kinds_of(record)):
        layout = turn(record, index + number)
        what = f"{record.name} {record.samples_or_default()[index]} {kind} {layout}"
        seen = []
        for got, want in both_values(record, index, kind, layout, on(card, seen)):
            assert_near(got, want, what)
            if seen and hasattr(got, "device") and record.name != "cpu":
                assert got.device == card, what


@pytest.mark.parametrize(("record", "index"), [c for c in CASES if has_gradients(c.values[0])])
def test_gradients(record, index, card):
    """Every order that torch has of two, through every output, for every float argument."""
    layout = turn(record, index)
    for mine, want in both_gradients(record, index, layout, on(card)):
        assert_near(mine, want, f"{record.name} sample {index} {layout}")
        assert mine.device == card


@pytest.mark.parametrize("record", [r for r in records(oracle=False) if not r.torch], ids=repr)
def test_what_torch_has_no_function_for(record, card):
    """It gives on a card what it gives on the CPU."""
    for index, sample in enumerate(record.samples_or_default()):
        call = drawn(record, index, kinds_of(record)[0], LAYOUTS[0])
        made = [tensors_of(call, make)[0] for make in (on(card), ours)]
        sides = [result_of(record, record.function, m, domains_of(record, sample)) for m in made]
        for one, other in zip(*map(outputs, sides), strict=True):
            assert one.device == card
            np.testing.assert_allclose(to_numpy(one), to_numpy(other), **TOL["float32"])
