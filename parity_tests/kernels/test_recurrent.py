"""Steps of recurrent layers, forward and back, by kernels and on arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.backend import native
from minigrad.ops.network import recurrent_gates as gates
from parity_tests.kernels.everywhere import (
    DTYPES,
    LEVELS,
    SPECIAL,
    at_each_level,
    compiled,
    on_numpy,
    shifted,
)

pytestmark = compiled

WORST = 16  # roundings, of numbers of size one

# For each function: how many states wide its arguments are, in their order; then its options.
STEPS: dict[str, tuple[Callable[..., None], tuple[int, ...], tuple[Any, ...]]] = {
    "rnn": (gates.rnn, (1, 1, 1), (False,)),
    "rnn, relu": (gates.rnn, (1, 1, 1), (True,)),
    "rnn back": (gates.rnn_back, (1, 1, 1, 1), (False,)),
    "rnn back, relu": (gates.rnn_back, (1, 1, 1, 1), (True,)),
    "gru": (gates.gru, (3, 3, 1, 1, 1), ()),
    "gru back": (gates.gru_back, (1, 1, 3, 1, 1, 3, 3), ()),
    "lstm": (gates.lstm, (4, 4, 1, 1, 1, 1, 1), ()),
    "lstm back": (gates.lstm_back, (1, 1, 4, 1, 1, 1, 4), ()),
}
LEFT_OUT = {"lstm": 5, **{name: 1 for name in STEPS if "back" in name}}  # what may be None


def drawn(widths: tuple[int, ...], rows: int, size: int, dtype: Any, special: bool) -> list[Any]:
    """Arrays of numbers around zero, some of them infinite or NaN, one element off each other."""
    draw = np.random.default_rng(rows * 1000 + size)
    found = []
    for number, width in enumerate(widths):
        array = draw.normal(size=(rows, width * size)).astype(dtype)
        if special and array.size >= number + len(SPECIAL):
            array.reshape(-1)[number : number + len(SPECIAL)] = SPECIAL
        found.append(shifted(array, number % 3))
    return found


def run(name: str, without: bool, arrays: list[Any]) -> list[Any]:
    """The arrays, all of them, after a step on copies of them."""
    function, _, options = STEPS[name]
    copies: list[Any] = [shifted(a, number % 3) for number, a in enumerate(arrays)]
    if without:
        copies[LEFT_OUT[name]] = None
    with np.errstate(all="ignore"):
        function(*copies, *options)
    return [a for a in copies if a is not None]


def compare(
    name: str, rows: int, size: int, dtype: Any, special: bool = False, without: bool = False
) -> None:
    arrays = drawn(STEPS[name][1], rows, size, dtype, special)
    without = without and name in LEFT_OUT
    expected = on_numpy(lambda: run(name, without, arrays))
    close = WORST * np.finfo(dtype).eps
    for found in at_each_level(lambda: run(name, without, arrays)):
        for mine, right in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine, right, rtol=close, atol=close)


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(STEPS)),
    st.integers(0, 9),
    st.integers(1, 70),
    st.sampled_from(DTYPES),
    st.booleans(),
    st.booleans(),
)
def test_steps(name: str, rows: int, size: int, dtype: Any, special: bool, without: bool) -> None:
    compare(name, rows, size, dtype, special, without)


@pytest.mark.parametrize("name", STEPS)
def test_many_rows_in_parts(name: str) -> None:
    compare(name, 700, 33, np.float32)
    compare(name, 5, 5000, np.float64)


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("level", LEVELS)
def test_a_kernel_does_it(name: str, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that the functions are given lies as kernels want it."""
    asked: list[str] = []

    def listening(kernel: str, *arrays: Any) -> Any:
        found = native.kernel(kernel, *arrays)
        asked.extend([kernel] * (found is not None))
        return found

    monkeypatch.setattr(gates, "kernel", listening)
    native.use(level)
    run(name, False, drawn(STEPS[name][1], 3, 5, np.float32, False))
    kind, _, back = name.split(",")[0].partition(" ")
    assert asked == [f"{kind}_step" + "_backward" * bool(back)]
