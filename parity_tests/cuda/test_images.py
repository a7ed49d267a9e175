"""Pooling, columns and convolutions, against torch on the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from parity_tests.cuda.engines import MODES, close, compiler, empty, kernels, of

pytestmark = compiler
F = torch.nn.functional
drawn = settings(max_examples=12, deadline=None)
modes = st.sampled_from(MODES)
TF32 = 60.0  # times the rounding of float32: ten bits of fraction in each factor


def random(shape: Any, dtype: str, seed: int = 0) -> Any:
    return of(np.random.default_rng(seed).standard_normal(shape), dtype)


def exact(array: Any) -> Any:
    return torch.from_numpy(np.asarray(array, np.float64))


@st.composite
def windows(draw: Any) -> tuple[int, ...]:
    """h, w, oh, ow, kh, kw, sh, sw, ph, pw"""
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    size = [draw(st.integers(k, k + 8)) for k in kernel]
    stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = [draw(st.integers(0, k // 2)) for k in kernel]
    out = [
        (n + 2 * p - k) // s + 1 for n, p, k, s in zip(size, padding, kernel, stride, strict=True)
    ]
    return (*size, *out, *kernel, *stride, *padding)


@drawn
@given(shape=windows(), planes=st.integers(1, 5), ties=st.booleans(), nan=st.booleans(), mode=modes,
       dtype=st.sampled_from(["float32", "float64", "bfloat16"]))  # fmt: skip
def test_max_pool(shape: Any, planes: int, ties: bool, nan: bool, mode: Any, dtype: str) -> None:
    run, (h, w, oh, ow) = kernels(dtype, *mode[1:]), shape[:4]
    x = random((planes, h, w), dtype)
    x = of(np.round(np.asarray(x, "f8")), dtype) if ties else x
    if nan:
        x[0, h // 2, w // 2] = np.nan
    y, taps, places = empty((planes, oh, ow), dtype), np.zeros((planes, oh, ow), np.uint8), None
    places = np.full((planes, oh, ow), -1)
    run["max_pool"](x, y, taps, planes, *shape)
    run["max_pool_places"](taps, places, planes, *shape)
    leaf = exact(x)[None].requires_grad_()
    wanted, where = F.max_pool2d(leaf, shape[4:6], shape[6:8], shape[8:10], return_indices=True)
    close(y, wanted[0].detach(), dtype)
    np.testing.assert_array_equal(places, where[0])
    g, gx = random(y.shape, dtype, 1), empty(x.shape, dtype)
    run["max_pool_backward"](g, taps, gx, planes, *shape)
    wanted.backward(exact(g)[None])
    close(gx, leaf.grad[0], dtype)


@drawn
@given(shape=windows(), planes=st.integers(1, 5), include=st.booleans(),
       divisor=st.sampled_from([0, 0, 5]), mode=modes)  # fmt: skip
def test_avg_pool(shape: Any, planes: int, include: bool, divisor: int, mode: Any) -> None:
    run, (h, w, oh, ow) = kernels("float32", *mode[1:]), shape[:4]
    x, y = random((planes, h, w), "float32"), empty((planes, oh, ow), "float32")
    run["avg_pool"](x, y, planes, *shape, include, divisor)
    leaf = exact(x)[None].requires_grad_()
    wanted = F.avg_pool2d(
        leaf, shape[4:6], shape[6:8], shape[8:10], False, include, divisor or None
    )
    close(y, wanted[0].detach(), "float32")
    g, gx = random(y.shape, "float32", 1), empty(x.shape, "float32")
    run["avg_pool_backward"](g, gx, planes, *shape, include, divisor)
    wanted.backward(exact(g)[None])
    close(gx, leaf.grad[0], "float32")


@st.composite
def convolutions(draw: Any, most: int = 10) -> tuple[int, ...]:
    """N, C, H, W, O, kh, kw, sh, sw, ph, pw, dh, dw, groups, oh, ow"""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    channels, filters = (groups * draw(st.integers(1, most)) for _ in range(2))
    taps = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride, dilation = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in range(2))
    padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    size = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    out = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(size, padding, dilation, taps, stride, strict=True)
    ]
    assume(min(out) > 0)
    return (
        draw(st.integers(1, 3)), channels, *size, filters, *taps, *stride, *padding, *dilation,
        groups, *out,
    )  # fmt: skip


def arrays_of(sizes: Any, dtype: str) -> tuple[Any, ...]:
    N, C, H, W, filters, kh, kw = sizes[:7]
    groups, oh, ow = sizes[13:]
    return (
        random((N, C, H, W), dtype), random((filters, C // groups, kh, kw), dtype, 1),
        random(filters, dtype, 2), random((N, filters, oh, ow), dtype, 3),
    )  # fmt: skip


def convolved(x: Any, w: Any, b: Any, sizes: Any) -> tuple[Any, Any, Any]:
    leaves = [exact(a).requires_grad_() for a in (x, w, b)]
    y = F.conv2d(*leaves, sizes[7:9], sizes[9:11], sizes[11:13], sizes[13])
    return y, leaves[0], leaves[1]


FORMS = ["", "_plain", "_plain_narrow", "_tensor", "_tensor_narrow", "_direct"]


@settings(max_examples=25, deadline=None)
@given(sizes=convolutions(), form=st.sampled_from(FORMS), biased=st.booleans(), mode=modes,
       dtype=st.sampled_from(["float32", "float32", "float64", "bfloat16", "float16"]))  # fmt: skip
def test_convolution(sizes: Any, form: str, biased: bool, mode: Any, dtype: str) -> None:
    """Every form does every shape, whichever the plan would choose."""
    run, factor = kernels(dtype, *mode[1:]), TF32 if "tensor" in form else 3.0
    factor = 3.0 if dtype != "float32" else factor
    x, w, b, g = arrays_of(sizes, dtype)
    b = b if biased else of(np.zeros(len(b)), dtype)
    wanted, leaf, filters = convolved(x, w, b, sizes)
    y, gx, gw = empty(g.shape, dtype), empty(x.shape, dtype), empty(w.shape, dtype)
    run["conv_forward" + form](x, w, b if biased else None, y, *sizes)
    close(y, wanted.detach(), dtype, factor)
    wanted.backward(exact(g))
    run["conv_input" + form](g, w, None, gx, *sizes)
    close(gx, leaf.grad, dtype, factor)
    parts = () if form in ("", "_direct") else (None, 1)
    run["conv_weight" + form](g, x, gw, *parts, *sizes)
    close(gw, filters.grad, dtype, factor)


@pytest.mark.parametrize(("dtype", "form"), [("float32", "_plain"), ("float32", "_tensor"),
                          ("bfloat16", "_tensor"), ("float64", "_plain")])  # fmt: skip
def test_convolution_over_several_tiles(dtype: str, form: str) -> None:
    """More rows, places and channels than fit into one tile, and the weight's sum in parts."""
    sizes = (3, 20, 9, 10, 140, 3, 3, 1, 1, 1, 1, 1, 1, 1, 9, 10)
    run, factor = kernels(dtype), TF32 if dtype == "float32" else 3.0
    x, w, b, g = arrays_of(sizes, dtype)
    wanted, leaf, filters = convolved(x, w, b, sizes)
    y, gx, gw = empty(g.shape, dtype), empty(x.shape, dtype), empty(w.shape, dtype)
    run["conv_forward" + form](x, w, b, y, *sizes)
    close(y, wanted.detach(), dtype, factor)
    wanted.backward(exact(g))
    run["conv_input" + form](g, w, None, gx, *sizes)
    close(gx, leaf.grad, dtype, factor)
    sums = empty((3, *w.shape), "float64" if dtype == "float64" else "float32")
    run["conv_weight" + form](g, x, gw, sums, 3, *sizes)
    run["conv_weight_finish"](sums, gw, gw.size, 3)
    close(gw, filters.grad, dtype, factor)


def test_tf32_keeps_ten_bits() -> None:
    """A factor that needs eleven is rounded, one that needs ten is not."""
    sizes = (1, 1, 1, 1, 8, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1)
    x, w = of([[[[1.0]]]], "float32"), of(np.ones((8, 1, 1, 1)), "float32")
    w[0], w[1], w[2] = 1 + 2.0**-10, 1 + 2.0**-11, 1 + 2.0**-12
    y = empty((1, 8, 1, 1), "float32")
    kernels()["conv_forward_tensor"](x, w, None, y, *sizes)
    assert y.reshape(-1)[:3].tolist() == [1 + 2.0**-10, 1 + 2.0**-10, 1.0]
    kernels()["conv_forward_plain"](x, w, None, y, *sizes)
    assert y.reshape(-1)[:3].tolist() == w.reshape(-1)[:3].tolist()


@drawn
@given(sizes=convolutions(4), mode=modes)
def test_columns(sizes: Any, mode: Any) -> None:
    run, (N, C, H, W) = kernels("float32", *mode[1:]), sizes[:4]
    geometry = (*sizes[5:13], *sizes[14:])
    taps, places = sizes[5] * sizes[6], sizes[14] * sizes[15]
    x, columns = random((N, C, H, W), "float32"), empty((N, C * taps, places), "float32")
    run["im2col"](x, columns, N, C, H, W, *geometry)
    how = (sizes[5:7], sizes[11:13], sizes[9:11], sizes[7:9])
    np.testing.assert_array_equal(columns, F.unfold(torch.from_numpy(x), *how))
    given_, back = random(columns.shape, "float32", 1), empty(x.shape, "float32")
    run["col2im"](given_, back, N, C, H, W, *geometry)
    close(back, F.fold(exact(given_), (H, W), *how), "float32")
