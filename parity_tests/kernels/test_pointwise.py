"""The elementwise kernels give what the NumPy code of the same op gives.

Values and gradients at every level of this processor, of both types, for shapes, strides and places
in memory that are drawn, with NaN, infinities and zeros; and with two threads, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.backend import native
from minigrad.backend.native import pointwise
from minigrad.ops.elementwise.precision import rounded, single
from parity_tests.kernels.everywhere import (
    LEVELS,
    SPECIAL,
    at_each_level,
    compiled,
    on_numpy,
    shifted,
    using,
)

F, S = mg.nn.functional, mg.special
pytestmark = compiled
few = settings(max_examples=5, deadline=None)
# Of steps in another order, to the size of the terms: functions of the C library, or short sums.
ERROR = {"float32": 4e-6, "float64": 1e-13}

FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "addcmul": (3, lambda x, a, b: mg.addcmul(x, a, b, value=0.3)),
    "addcdiv": (3, lambda x, a, b: mg.addcdiv(x, a, b, value=-2)),
    "lerp": (3, mg.lerp),
    "lerp by a number": (2, lambda x, y: mg.lerp(x, y, 0.7)),
    "div": (2, mg.div),
    "fmod": (2, mg.fmod),
    "fmod of a number": (1, lambda x: mg.fmod(x, 0.75)),
    "remainder": (2, mg.remainder),
    "floor": (2, lambda x, y: mg.div(x, y, rounding_mode="floor")),
    "trunc": (2, lambda x, y: mg.div(x, y, rounding_mode="trunc")),
    "hypot": (2, mg.hypot),
    "copysign": (2, mg.copysign),
    "nextafter": (2, mg.nextafter),
    "logaddexp": (2, mg.logaddexp),
    "round": (1, mg.round),
    "frac": (1, mg.frac),
    "rmod": (1, lambda x: 0.75 % x),
    "rsqrt": (1, mg.rsqrt),
    "sign": (1, mg.sign),
    "angle": (1, mg.angle),
    "nan_to_num": (1, lambda x: mg.nan_to_num(x, 0.5, 3.0)),
    "clamp": (1, lambda x: mg.clamp(x, -0.5, 1.0)),
    "clamp to tensors": (3, mg.clamp),
    "clamp_max": (2, lambda x, y: mg.clamp(x, max=y)),
    "mse": (2, lambda x, t: F.mse_loss(*mg.broadcast_tensors(x, t), reduction="none")),
    "l1": (2, lambda x, t: F.l1_loss(*mg.broadcast_tensors(x, t), reduction="none")),
    "huber": (
        2,
        lambda x, t: F.huber_loss(*mg.broadcast_tensors(x, t), reduction="none", delta=0.7),
    ),
    "smooth l1": (
        2,
        lambda x, t: F.smooth_l1_loss(*mg.broadcast_tensors(x, t), reduction="none", beta=0.7),
    ),
    "bce with logits": (
        2,
        lambda x, t: F.binary_cross_entropy_with_logits(
            *mg.broadcast_tensors(x, t), reduction="none"
        ),
    ),
    "threshold": (1, lambda x: F.threshold(x, 0.1, 20.0)),
    "hardshrink": (1, lambda x: F.hardshrink(x, 0.4)),
    "softshrink": (1, lambda x: F.softshrink(x, 0.4)),
    "hardsigmoid": (1, lambda x: F.hardsigmoid(x * 3)),
    "hardswish": (1, lambda x: F.hardswish(x * 3)),
    "logit": (1, lambda x: mg.logit(x * 0.2 + 0.5)),
    "logit between bounds": (1, lambda x: mg.logit(x, 0.1)),
    "prelu": (1, lambda x: F.prelu(x, mg.full((1,), 0.2, dtype=x.dtype))),
    "glu": (1, lambda x: F.glu(mg.stack([x, x * 2], 0), 0)),
    "log sigmoid": (1, lambda x: F.logsigmoid(x * 9)),
    "mish": (1, lambda x: F.mish(x * 9)),
    "atan2": (2, mg.atan2),
    "erfinv": (1, lambda x: mg.erfinv(x * 0.2)),
    "erf": (1, mg.erf),
    "erfc": (1, mg.erfc),
    "lgamma": (1, mg.lgamma),
    "i0": (1, mg.i0),
    "i0e": (1, lambda x: S.i0e(x * 9)),
    "i1": (1, S.i1),
    "i1e": (1, lambda x: S.i1e(x * 9)),
}
BETWEEN_STEPS = {"fmod", "fmod of a number", "remainder", "floor", "trunc", "round", "frac"}
KINDS = ("chebyshev_polynomial_", "shifted_chebyshev_polynomial_")
POLYNOMIALS = [
    *(kind + letter for kind in KINDS for letter in "tuvw"),
    *("hermite_polynomial_h", "hermite_polynomial_he"),
    *("laguerre_polynomial_l", "legendre_polynomial_p"),
]
shapes = st.sampled_from([(), (1,), (7,), (3, 5), (130,), (2, 3, 17), (0, 3), (40, 33)])


def _numbers(seed: int, shape: tuple[int, ...], dtype: str, layout: str) -> Any:
    """Numbers of one digit, so that there are ties, in some layout, with special ones in front."""
    x: Any = np.asarray(np.random.default_rng(seed).normal(size=shape)) * 2
    x = np.asarray(np.round(x, 1), dtype)
    if x.size > 30:
        x.reshape(-1)[:25] = np.tile(SPECIAL, 5) if seed % 2 else np.repeat(SPECIAL, 5)
    if layout == "shifted":
        return shifted(x, 1)
    if layout == "turned":
        return np.ascontiguousarray(x.T).T
    if layout == "with gaps":
        room = np.zeros((*shape, 2), dtype)
        room[..., 0] = x
        return room[..., 0]
    return x


layouts = st.sampled_from(["plain", "shifted", "turned", "with gaps"])


def _close(got: Any, want: Any, bound: float, exact: bool) -> None:
    assert got.dtype == want.dtype and got.shape == want.shape
    if exact:
        np.testing.assert_array_equal(got, want)
    else:
        np.testing.assert_allclose(got, want, rtol=4 * bound, atol=bound)


@pytest.mark.parametrize("name", FUNCTIONS)
@few
@given(st.data(), shapes, st.integers(0, 99))
def test_values_and_gradients(name: str, data: Any, shape: tuple[int, ...], seed: int) -> None:
    count, call = FUNCTIONS[name]
    kinds = [data.draw(layouts) for _ in range(count)]
    last = data.draw(st.booleans()) and count > 1  # the last argument is broadcast
    for dtype, bound in ERROR.items():
        arrays = [_numbers(seed + i, shape, dtype, kind) for i, kind in enumerate(kinds)]
        if last and shape:
            arrays[-1] = arrays[-1][..., :1]

        def run(arrays: list[Any] = arrays, dtype: str = dtype) -> list[Any]:
            tensors = [mg.from_numpy(a).requires_grad_() for a in arrays]
            out = call(*tensors)
            g = mg.from_numpy(_numbers(seed + 9, tuple(out.shape), dtype, "plain"))
            g = mg.nan_to_num(g, 1.0, 1.0, 1.0)
            return [t.numpy() for t in (out.detach(), *mg.autograd.grad(out, tensors, g))]

        wanted = on_numpy(run)
        for found in at_each_level(run):
            for got, want in zip(found, wanted, strict=True):
                _close(got, want, bound * 4 ** (last and bool(shape)), False)


@pytest.mark.parametrize("name", POLYNOMIALS)
@few
@given(shapes, st.integers(0, 99), layouts, st.booleans())
def test_polynomials(name: str, shape: tuple[int, ...], seed: int, layout: str, one: bool) -> None:
    for dtype, bound in ERROR.items():
        x: Any = np.asarray(np.clip(_numbers(seed, shape, dtype, layout), -2, 2))
        n: Any = np.asarray(np.clip(_numbers(seed + 1, shape, dtype, "plain") * 2, -3, 7))
        n = 5.0 if one else mg.from_numpy(n)

        def run(x: Any = x, n: Any = n) -> list[Any]:
            return [getattr(S, name)(mg.from_numpy(x), n).numpy()]

        (want,) = on_numpy(run)
        for (got,) in at_each_level(run):
            size = np.abs(want[np.isfinite(want)]).max(initial=1.0)
            np.testing.assert_allclose(got, want, rtol=bound * 8, atol=bound * size)


def test_all_of_them_are_here() -> None:
    """Every kernel of the list is asked for by some op above."""
    asked: set[str] = set()
    plain = native.pointwise
    names = set(native._ufuncs)
    asked.update(POLYNOMIALS)
    modules = {
        module
        for name, module in __import__("sys").modules.items()
        if name.startswith("minigrad.ops") and getattr(module, "pointwise", None) is plain
    }

    def noted(name: str, x: Any, *others: Any) -> Any:
        asked.add(name)
        return plain(name, x, *others)

    try:
        for module in modules:
            module.pointwise = noted
        for count, call in FUNCTIONS.values():
            arrays = [_numbers(i, (40,), "float32", "plain") for i in range(count)]
            tensors = [mg.from_numpy(a).requires_grad_() for a in arrays]
            call(*tensors).sum().backward()
    finally:
        for module in modules:
            module.pointwise = plain
    elsewhere = {"centred_product", *native.ARITHMETIC}  # test_reduce.py, test_broadcast.py
    assert names - elsewhere <= asked, names - asked


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision_from_all_bits(half: str) -> None:
    """All numbers of half precision, and the numbers between them, convert as torch's do."""
    torch = pytest.importorskip("torch")
    kind = getattr(mg, half).numpy
    short = np.arange(1 << 16, dtype=np.uint16).view(kind)
    edges = np.arange(0, 1 << 32, 4099, dtype=np.uint32)
    full = np.concatenate([edges, edges | 0xFFF, edges & 0xFFFFF000 | 0x1000])
    full = full.view(np.float32)
    wide = torch.from_numpy(short.view(np.int16)).view(getattr(torch, half)).float().numpy()
    narrow = torch.from_numpy(full).to(getattr(torch, half)).view(torch.int16).numpy()
    number = full == full
    for level in LEVELS:
        with using(level):
            np.testing.assert_array_equal(single(np, short), wide)
            bits = rounded(np, full, np.dtype(kind)).view(np.int16)
            np.testing.assert_array_equal(bits[number], narrow[number])
            nothing = rounded(np, full, np.dtype(kind))[~number].astype(np.float32)
            assert np.isnan(nothing).all()


def test_no_kernel_for_other_types() -> None:
    assert pointwise("hypot", np.ones(3, np.int64), 1) is None
    assert pointwise("hypot", np.ones(3, np.float16), 1.0) is None
    with using("numpy"):
        assert pointwise("hypot", np.ones(3), 1.0) is None
