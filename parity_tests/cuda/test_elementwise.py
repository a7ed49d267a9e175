"""Kernels that go element by element, against torch on the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.cuda.engines import MODES, close, compiler, empty, kernels, of

pytestmark = compiler
F = torch.nn.functional

# name: torch's function, p and q, and whether backward is told the output
ACTIVATIONS: dict[str, tuple[Any, float, float, bool]] = {
    "relu": (F.relu, 0, 0, True),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.1), 0.1, 0, False),
    "hardtanh": (lambda x: F.hardtanh(x, -0.5, 0.75), -0.5, 0.75, False),
    "sigmoid": (torch.sigmoid, 0, 0, True),
    "tanh": (torch.tanh, 0, 0, True),
    "silu": (F.silu, 0, 0, False),
    "gelu": (F.gelu, 0, 0, False),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), 0, 0, False),
    "elu": (lambda x: F.elu(x, 0.7), 0.7, 1, False),
    "softplus": (lambda x: F.softplus(x, 2.0, 5.0), 2.0, 5.0, False),
}
DTYPES = ("float32", "float64", "float16", "bfloat16")
SPECIAL = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 30.0, -30.0])


def numbers(n: int, seed: int) -> Any:
    values = np.random.default_rng(seed).standard_normal(n) * 3
    values[: len(SPECIAL)] = SPECIAL[:n]
    return values


def exact(array: Any) -> Any:
    return torch.from_numpy(np.asarray(array, np.float64))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str, dtype: str) -> None:
    function, p, q, by_output = ACTIVATIONS[name]
    run = kernels(dtype)
    for n, seed in ((1, 0), (37, 1), (4096, 2)):
        x = of(numbers(n, seed), dtype)
        y = empty(n, dtype)
        run[name](x, y, n, p, q)
        leaf = exact(x).requires_grad_()
        wanted = function(leaf)
        close(y, wanted.detach(), dtype)
        finite = np.isfinite(np.asarray(x, np.float64))
        g = of(np.random.default_rng(seed).standard_normal(n), dtype)
        wanted.backward(exact(g))
        told = of(wanted.detach().numpy(), dtype) if by_output else x
        gx = empty(n, dtype)
        run[name + "_backward"](g, told, gx, n, p, q)
        close(np.asarray(gx, np.float64)[finite], leaf.grad.numpy()[finite], dtype, 2)


@settings(max_examples=15, deadline=None)
@given(
    outer=st.integers(1, 4), channels=st.integers(1, 9), length=st.sampled_from([1, 3, 4, 8, 17]),
    name=st.sampled_from(["identity", "relu", "gelu", "gelu_tanh", "silu", "sigmoid", "tanh"]),
    mode=st.sampled_from(MODES),
)  # fmt: skip
def test_bias_and_activation(outer: int, channels: int, length: int, name: str, mode: Any) -> None:
    run = kernels("float32", *mode[1:])
    rng = np.random.default_rng(outer * 100 + channels)
    x = of(rng.standard_normal((outer, channels, length)), "float32")
    b = of(rng.standard_normal(channels), "float32")
    y = empty(x.shape, "float32")
    run["bias_" + name](x, b, y, x.size, channels, length)
    leaf = exact(x).requires_grad_()
    shifted = leaf + exact(b)[:, None]
    wanted = shifted if name == "identity" else ACTIVATIONS[name][0](shifted)
    close(y, wanted.detach(), "float32")
    if name != "identity":
        g = of(rng.standard_normal(x.shape), "float32")
        wanted.backward(exact(g))
        gx = empty(x.shape, "float32")
        run[f"bias_{name}_backward"](g, x, b, gx, x.size, channels, length)
        close(gx, leaf.grad, "float32")


@settings(max_examples=15, deadline=None)
@given(n=st.integers(0, 3000), shift=st.integers(0, 3), mode=st.sampled_from(MODES))
def test_arithmetic_at_any_alignment(n: int, shift: int, mode: Any) -> None:
    run = kernels("float32", *mode[1:])
    rng = np.random.default_rng(n)
    x, y, z = (of(rng.standard_normal(n + shift), "float32")[shift:] for _ in range(3))
    out = empty(n, "float32")
    run["axpby"](x, y, out, n, 2, -0.5)
    close(out, 2 * x - 0.5 * y, "float32")
    run["scale_add"](x, out, n, 3, 1)
    close(out, 3 * x + 1, "float32")
    run["interpolate"](x, y, out, n, 0.25)
    close(out, x + 0.25 * (y - x), "float32")
    wanted = z + 2 * x * y
    run["multiply_add"](x, y, z, n, 2)
    close(z, wanted, "float32")
    run["fill"](out, n, 7)
    assert (out == 7).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions(dtype: str) -> None:
    run, x = kernels(dtype), of(np.linspace(0.1, 4, 101), dtype)
    exactly = np.asarray(x, np.float64)
    for name, function in (
        ("exponential", np.exp), ("logarithm", np.log), ("root", np.sqrt),
        ("reciprocal", np.reciprocal),
    ):  # fmt: skip
        y = empty(x.shape, dtype)
        run[name](x, y, x.size)
        close(y, function(exactly), dtype)
    y = empty(x.shape, dtype)
    run["power"](x, y, x.size, 1.5)
    close(y, exactly**1.5, dtype)


@pytest.mark.parametrize("length", [1, 5, 8])
@pytest.mark.parametrize("present", [(True, True), (False, True), (True, False)])
def test_channel_affine(length: int, present: tuple[bool, bool]) -> None:
    rng = np.random.default_rng(0)
    x = of(rng.standard_normal((3, 8, length)), "float32")
    w, b = (of(rng.standard_normal(8), "float32") if there else None for there in present)
    y = empty(x.shape, "float32")
    kernels(checked=True)["channel_affine"](x, w, b, y, x.size, 8, length)
    wanted = x * (1 if w is None else w[:, None]) + (0 if b is None else b[:, None])
    close(y, wanted, "float32")


@pytest.mark.parametrize("dtype", DTYPES)
def test_conversions_round_as_numpy_does(dtype: str) -> None:
    """Bit for bit, subnormal and huge numbers and the halfway cases included."""
    rng = np.random.default_rng(0)
    values = np.concatenate([
        numbers(2000, 0), rng.standard_normal(2000) * 1e5, rng.standard_normal(2000) * 1e-7,
        np.arange(4096) * 2.0**-25, 1 + np.arange(64) * 2.0**-12, [65504, 65519, 65520, 7e4, 1e30],
    ])  # fmt: skip
    x = of(values, dtype)
    with np.errstate(all="ignore"):
        for name in DTYPES:
            middle = x.astype(np.float32) if dtype != "float64" or name != "float64" else x
            y, wanted = empty(x.size, name), of(middle, name)
            kernels(dtype)["to_" + name](x, y, x.size)
            np.testing.assert_array_equal(np.isnan(y), np.isnan(wanted))
            there = ~np.isnan(wanted)
            np.testing.assert_array_equal(y[there], wanted[there])


@pytest.mark.parametrize("bad", [None, np.inf, np.nan])
def test_unscale_says_what_is_not_finite(bad: float | None) -> None:
    g = of(np.arange(100), "float32")
    if bad is not None:
        g[57] = bad
    flag = np.zeros(1, np.float32)
    kernels(checked=True)["unscale"](g, g.size, 0.5, flag)
    assert flag[0] == (bad is not None)
    assert g[10] == 5
