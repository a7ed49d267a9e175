"""Any tensor prints as torch's: shapes, types, sizes of numbers and options drawn at random."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad

torch = pytest.importorskip("torch")

KINDS = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool"]
SPECIAL = [0.0, -0.0, math.nan, math.inf, -math.inf, 1.0, -1.0, 0.1, 1e-5, 123456.789, 2.0**24]
OPTIONS: dict[str, Any] = {
    "precision": st.integers(0, 8),
    "threshold": st.sampled_from([0, 5, 20, 1000, math.inf]),
    "edgeitems": st.integers(1, 4),
    "linewidth": st.sampled_from([20, 40, 80, 120]),
    "sci_mode": st.sampled_from([None, True, False]),
}


@st.composite
def arrays(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], str]:
    shape = draw(st.lists(st.sampled_from([0, 1, 1, 2, 3, 5, 8, 30]), max_size=4).map(tuple))
    kind = draw(st.sampled_from(KINDS))
    count = math.prod(shape)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.standard_normal(count)
    if draw(st.booleans()):
        values = values * 10.0 ** rng.integers(-12, 12, count)
    scale = draw(st.sampled_from([1.0, 1.0, 10.0, 1e4, 1e-4, 1e9, 1e-9, 1e30]))
    values = values * scale
    if draw(st.booleans()):
        values = np.round(values)
    if count and draw(st.booleans()):
        values[rng.integers(0, count, 3)] = rng.choice(SPECIAL, 3)
    if kind[0] in "iub":
        limit = {"int64": 2**62, "int32": 2**31 - 1, "int8": 127}.get(kind, 255)
        low = 0 if kind in ("uint8", "bool") else -limit
        values = np.clip(np.nan_to_num(values), low, limit).astype(np.int64)
    return values.reshape(shape), kind


def same_text(values: np.ndarray[Any, Any], kind: str) -> None:
    mine = minigrad.from_numpy(values).to(getattr(minigrad, kind))
    theirs = torch.from_numpy(values).to(getattr(torch, kind))
    assert repr(mine) == repr(theirs)
    assert str(mine) == str(theirs) and f"{mine}" == f"{theirs}"
    assert repr(mine.T if mine.ndim == 2 else mine) == repr(theirs.T if mine.ndim == 2 else theirs)
    if kind.startswith(("float", "bfloat")):
        for m, t in ((mine.requires_grad_(), theirs.requires_grad_()), (mine * 1, theirs * 1)):
            assert repr(m) == repr(t)
        assert repr(minigrad.nn.Parameter(mine)) == repr(torch.nn.Parameter(theirs))


@given(arrays())
@settings(deadline=None, max_examples=150)
def test_any_tensor_prints_as_torchs(drawn: tuple[np.ndarray[Any, Any], str]) -> None:
    same_text(*drawn)


@given(arrays(), st.fixed_dictionaries({}, optional=OPTIONS))
@settings(deadline=None, max_examples=150)
def test_any_options_print_as_torchs(
    drawn: tuple[np.ndarray[Any, Any], str], options: dict[str, Any]
) -> None:
    try:
        for library in (minigrad, torch):
            library.set_printoptions(profile="default")
            library.set_printoptions(**options)
        same_text(*drawn)
    finally:
        for library in (minigrad, torch):
            library.set_printoptions(profile="default")


@pytest.mark.parametrize("profile", ["default", "short", "full"])
def test_profiles_print_as_torchs(profile: str) -> None:
    try:
        for library in (minigrad, torch):
            library.set_printoptions(profile=profile)
        same_text(np.arange(2400.0).reshape(40, 60) / 7, "float32")
    finally:
        for library in (minigrad, torch):
            library.set_printoptions(profile="default")


@pytest.mark.parametrize("default", ["float64", "float16"])
def test_the_default_dtype_is_not_printed(default: str) -> None:
    try:
        for library in (minigrad, torch):
            library.set_default_dtype(getattr(library, default))
        for kind in ("float32", "float64", "float16"):
            same_text(np.array([1.5, 2.0]), kind)
    finally:
        for library in (minigrad, torch):
            library.set_default_dtype(library.float32)
