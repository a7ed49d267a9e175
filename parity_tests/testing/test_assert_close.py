"""``testing.assert_close`` says what torch's says, word for word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch as oracle
from hypothesis import given
from hypothesis import strategies as st

import minigrad


def said(library: Any, actual: Any, expected: Any, **options: Any) -> str:
    """What assert_close says, with its type; 'close' if nothing."""
    make = {"t": library.tensor, "d": lambda x: library.tensor(x, dtype=library.float64)}

    def convert(value: Any) -> Any:
        if isinstance(value, tuple) and len(value) == 2 and value[0] in make:
            return make[value[0]](value[1])
        if isinstance(value, list):
            return [convert(item) for item in value]
        if isinstance(value, dict):
            return {key: convert(item) for key, item in value.items()}
        return value

    try:
        library.testing.assert_close(convert(actual), convert(expected), **options)
    except (AssertionError, ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}".replace("minigrad.Tensor", "torch.Tensor")
    return "close"


def same(actual: Any, expected: Any, **options: Any) -> str:
    ours, theirs = (said(library, actual, expected, **options) for library in (minigrad, oracle))
    assert ours == theirs
    return ours


NAN = float("nan")


@pytest.mark.parametrize(
    ("actual", "expected", "options"),
    [
        (("t", [1.0, 2.0, 3.0]), ("t", [1.0, 2.5, 3.0]), {}),
        (("t", [[1.0, 2.0], [3.0, 4.0]]), ("t", [[1.0, 2.0], [3.0, 4.1]]), {}),
        (("t", [1.0]), ("t", [1.0, 1.0]), {}),
        (("t", [1.0]), ("d", [1.0]), {}),
        (("t", [1.0]), ("d", [1.0]), {"check_dtype": False}),
        (("t", [1, 2]), ("t", [1, 3]), {}),
        (("t", [True]), ("t", [False]), {}),
        (("t", 1.0), ("t", 2.0), {}),
        (("t", NAN), ("t", NAN), {}),
        (("t", NAN), ("t", NAN), {"equal_nan": True}),
        (("t", [NAN, 1.0]), ("t", [NAN, 1.0]), {}),
        (("t", [1.0, 1.0]), ("t", [0.0, 0.0]), {"rtol": 0.1, "atol": 2.0}),
        (("t", [1.0]), ("t", [0.0]), {"rtol": 0.1}),
        (("t", [1.0]), ("t", [0.0]), {"msg": "mine"}),
        (("t", [1.0]), ("t", [0.0]), {"msg": lambda text: f"mine: {text}"}),
        ([1, ("t", [1.0])], [1, ("t", [0.0])], {}),
        ([1], [1, 2], {}),
        ({"a": [("t", 1.0)]}, {"a": [("t", 2.0)]}, {}),
        ({"a": 1}, {"b": 1}, {}),
        (1, 2, {}),
        (1.0, 1.1, {}),
        (1.0, 1.0 + 1e-9, {}),
        (True, False, {}),
        (None, None, {}),
        ("a", "b", {}),
        (1, ("t", 1), {}),
        (np.ones(2), np.zeros(2), {}),
    ],
)
def test_it_says_what_torch_says(actual: Any, expected: Any, options: Any) -> None:
    same(actual, expected, **options)


FLOATS = st.floats(-4, 4, width=32) | st.sampled_from([NAN, float("inf"), -float("inf"), 0.0])


@given(
    st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=5),
    st.lists(st.booleans(), min_size=5, max_size=5),
    st.sampled_from([{}, {"rtol": 0.5, "atol": 0.1}, {"rtol": 0.0, "atol": 0.0}]),
)
def test_drawn_numbers(pairs: Any, equal: list[bool], options: dict[str, float]) -> None:
    actual = [a for a, _ in pairs]
    expected = [a if same else e for (a, e), same in zip(pairs, equal, strict=False)]
    same(("t", actual), ("t", expected), **options)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "bfloat16", "float64"])
def test_made_tensors_keep_their_promises(dtype: str) -> None:
    for library in (minigrad, oracle):
        kind = getattr(library, dtype)
        x = library.testing.make_tensor(
            (4, 50), dtype=kind, device="cpu", noncontiguous=True, exclude_zero=True
        )
        assert x.dtype is kind and x.shape == (4, 50) and not x.is_contiguous()
        assert not bool((x == 0).any())
        bounds = {"bool": (0, 1), "uint8": (0, 9)}.get(dtype, (-9, 9))
        assert bounds[0] <= float(x.min()) and float(x.max()) <= bounds[1]
        with pytest.raises(ValueError, match="low"):
            library.testing.make_tensor(2, dtype=kind, device="cpu", low=3, high=2)
