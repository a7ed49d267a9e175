"""The convolution kernels give what the NumPy code gives, at every level and number of threads.

Errors are measured against the NumPy code in float64, in units of the rounding of a sum: a product
of K terms may lose some of the last digits of the sum of their magnitudes. By Winograd's algorithm
the results of a tile are differences of the same sums, so there it is the greatest sum of a plane.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad.backend import native
from minigrad.ops.image import convolution_kernels
from minigrad.ops.image.convolution import Convolution, ConvolutionInput, ConvolutionWeight
from minigrad.ops.image.geometry import Geometry

LEVELS = native.levels()[1:]
pytestmark = pytest.mark.skipif(not LEVELS, reason="the native kernels are not compiled")
WORST = 4  # roundings of the sum of the magnitudes; sums of thousands of terms stay below
OF_TILES = 16  # of the greatest sum of a plane (measured: 11 in 1,200 cases)
QUADRATIC = 5  # times torch's error in the quadratic mean (measured: 4.1), by Winograd's algorithm


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    level, threads, winograd = native.level(), native.get_threads(), native._cpu.winograd_allowed()
    yield
    native.use(level)
    native.set_threads(threads)
    native._cpu.allow_winograd(winograd)


class Case(NamedTuple):
    """A convolution."""

    size: tuple[int, ...]
    weight: tuple[int, ...]
    geometry: Geometry

    @property
    def out(self) -> tuple[int, ...]:
        """The shape of its result."""
        places = self.geometry.out_sizes(self.size[2:], self.weight[2:])
        return (self.size[0], self.weight[0], *places)

    @property
    def ways(self) -> tuple[bool, ...]:
        """Whether Winograd's algorithm is allowed: both, if it may be chosen."""
        square = self.weight[2:] in ((3, 3), (5, 5)) and self.geometry.stride == (1, 1)
        return (False, True) if square and self.weight[1] >= 8 else (False,)


@st.composite
def cases(draw: Any, axes: int | None = None) -> Case:
    """Drawn sizes; small ones, and now and then many channels or places."""
    axes = draw(st.integers(1, 2)) if axes is None else axes

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(axes))

    usual = draw(st.booleans())  # 3x3 without strides has ways of its own
    kernel = (3,) * axes if usual else each(1, 5)
    stride, gaps = ((1,) * axes,) * 2 if usual else (each(1, 3), each(1, 3))
    geometry = Geometry(stride, each(0, 3), gaps, draw(st.sampled_from((1, 1, 2, 3))))
    least = [d * (k - 1) + 1 for d, k in zip(gaps, kernel, strict=True)]
    sizes = [
        max(n, s - 2 * p)
        for n, s, p in zip(each(1, 20 if axes < 3 else 7), least, geometry.padding, strict=True)
    ]
    channels = draw(st.sampled_from((1, 2, 3, 8, 17, 33, 40)))
    made = draw(st.sampled_from((1, 2, 5, 14, 15, 31)))
    if draw(st.integers(0, 3)) == 0:  # one filter for each channel
        geometry = geometry._replace(groups=channels)
        return Case((draw(st.integers(1, 3)), channels, *sizes), (channels, 1, *kernel), geometry)
    groups = geometry.groups
    size = (draw(st.integers(1, 5)), channels * groups, *sizes)
    return Case(size, (made * groups, channels, *kernel), geometry)


def drawn(case: Case, dtype: Any, shift: int = 0) -> tuple[Any, ...]:
    """Input, weight, bias and cotangent, `shift` elements away from what the allocator gives."""
    random = np.random.default_rng(sum(case.size) + sum(case.weight))
    arrays = []
    for shape in (case.size, case.weight, case.weight[:1], case.out):
        room = np.empty(int(np.prod(shape)) + shift, dtype)
        room[shift:] = random.standard_normal(room.size - shift)
        arrays.append(room[shift:].reshape(shape))
    return tuple(arrays)


def three(case: Case, x: Any, w: Any, b: Any, g: Any) -> tuple[Any, ...]:
    """The convolution, and its gradients for input (with a bias, as transposed) and weight."""
    geometry = case.geometry
    of_input = b[: case.size[1]] if len(b) >= case.size[1] else None
    return (
        Convolution.forward(np, x, w, b, geometry),
        ConvolutionInput.forward(np, g, w, of_input, case.size, geometry),
        ConvolutionWeight.forward(np, g, x, case.weight, geometry),
    )


def check(case: Case, dtype: Any, shift: int) -> None:
    """Each level against NumPy in float64."""
    arrays = drawn(case, dtype, shift)
    native.use("numpy")
    wide = [a.astype(np.float64) for a in arrays]
    expected, magnitudes = three(case, *wide), three(case, *map(np.abs, wide))
    limits = np.finfo(dtype)
    for level, tiles in [(level, tiles) for level in LEVELS for tiles in case.ways]:
        native.use(level)
        native._cpu.allow_winograd(2 * tiles)  # small ones too
        native.set_threads(1)
        found = three(case, *arrays)
        for one, other, magnitude in zip(found, expected, magnitudes, strict=True):
            assert one.dtype == dtype and one.shape == other.shape
            sums = magnitude.max(axis=(-2, -1), keepdims=True) if tiles else magnitude
            loss = np.abs(one - other) / (sums + limits.tiny)
            assert loss.max() <= (OF_TILES if tiles else WORST) * limits.eps, level
        native.set_threads(2)
        for one, other in zip(three(case, *arrays), found, strict=True):
            np.testing.assert_array_equal(one, other)


def test_winograds_algorithm_can_be_switched_off() -> None:
    """Then results are the direct sums: other bits, and exact where the algorithm's are not."""
    x = np.zeros((2, 40, 16, 16), np.float32)
    x[:, :, ::5, ::3] = 2.0**24  # sums of neighbours round; products with one tap do not
    x += np.arange(16, dtype=np.float32)
    w = np.zeros((40, 40, 3, 3), np.float32)
    w[np.arange(40), np.arange(40), 0, 0] = 1
    geometry = Geometry((1, 1), (1, 1), (1, 1), 1)
    exact = np.zeros_like(x)
    exact[:, :, 1:, 1:] = x[:, :, :-1, :-1]
    for level in LEVELS:
        native.use(level)
        native.allow_winograd(False)
        direct = Convolution.forward(np, x, w, None, geometry)
        np.testing.assert_array_equal(direct, exact)
        native.allow_winograd(True)
        assert not np.array_equal(Convolution.forward(np, x, w, None, geometry), exact), level
        found = ConvolutionWeight.forward(np, exact, x, w.shape, geometry)
        native.allow_winograd(False)
        other = ConvolutionWeight.forward(np, exact, x, w.shape, geometry)
        assert not np.array_equal(found, other), level


def test_small_convolutions_of_whole_numbers_are_exact() -> None:
    x = np.arange(2 * 16 * 12 * 12, dtype=np.float32).reshape(2, 16, 12, 12) % 7
    w = np.arange(16 * 16 * 9, dtype=np.float32).reshape(16, 16, 3, 3) % 5
    geometry = Geometry((1, 1), (1, 1), (1, 1), 1)
    for level in LEVELS:
        native.use(level)
        y = Convolution.forward(np, x, w, None, geometry)
        for found in (y, ConvolutionInput.forward(np, y % 3, w, None, x.shape, geometry)):
            np.testing.assert_array_equal(found, np.rint(found))


# Of many images with few filters those of a vector lie side by side, at every level.
MANY_IMAGES = (
    Case((130, 3, 9, 8), (5, 3, 5, 5), Geometry((1, 1), (2, 0), (1, 1), 1)),
    Case((130, 6, 7, 7), (17, 6, 4, 2), Geometry((1, 1), (3, 1), (1, 1), 1)),
    Case((130, 4, 9, 8), (6, 2, 3, 5), Geometry((1, 1), (2, 4), (2, 2), 2)),
    Case((130, 3, 9, 11), (5, 3, 3, 2), Geometry((2, 3), (2, 0), (1, 2), 1)),
    Case((128, 3, 2, 1), (2, 3, 1, 1), Geometry((1, 1), (2, 1), (1, 1), 1)),  # places without taps
    Case((160, 5, 12), (15, 5, 5), Geometry((1,), (2,), (1,), 1)),
)


@pytest.mark.parametrize("case", MANY_IMAGES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_images(case: Case, dtype: Any) -> None:
    check(case, dtype, 1)


@settings(max_examples=60)
@given(cases(), st.sampled_from((np.float32, np.float64)), st.integers(0, 3))
def test_kernels_give_the_sums_of_the_numpy_code(case: Case, dtype: Any, shift: int) -> None:
    check(case, dtype, shift)


@settings(max_examples=30)
@given(cases(3), st.sampled_from((np.float32, np.float64)), st.sampled_from((1, 3000, 1 << 21)))
def test_volumes_by_the_kernels_for_planes(case: Case, dtype: Any, room: int) -> None:
    """Slice by slice, some slices, and some samples at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution_kernels, "FEW", 0)
        patch.setattr(convolution_kernels, "ROOM", room)
        check(case, dtype, 0)


def square(size: tuple[int, ...], made: int, kernel: int, *numbers: int) -> Case:
    """A case with the same kernel, stride and padding along both axes, and groups."""
    stride, padding, groups = numbers
    geometry = Geometry((stride,) * 2, (padding,) * 2, (1, 1), groups)
    return Case(size, (made, size[1] // groups, kernel, kernel), geometry)


LARGE = {
    "3x3, several blocks of depth": square((2, 64, 14, 14), 64, 3, 1, 1, 1),
    "few places": square((9, 130, 7, 7), 70, 3, 1, 1, 1),
    "1x1": square((2, 300, 9, 9), 40, 1, 1, 0, 1),
    "1x1 with strides": square((2, 64, 15, 15), 33, 1, 2, 0, 1),
    "a large kernel": square((1, 2, 40, 40), 3, 31, 1, 15, 1),
    "a large first layer": square((1, 3, 64, 64), 20, 7, 2, 3, 1),
    "a first layer of many filters": square((2, 3, 41, 41), 400, 3, 2, 1, 1),
    "long lines": Case((1, 3, 3000), (5, 3, 5), Geometry((1,), (2,), (1,), 1)),
    "as large as the image": square((20, 16, 5, 5), 120, 5, 1, 0, 1),
    "one filter each, strides": square((2, 40, 33, 31), 40, 3, 2, 1, 40),
    "one filter each, small planes": square((3, 40, 7, 7), 40, 3, 1, 1, 40),
    "one filter each, small planes, strides": square((2, 33, 14, 15), 33, 3, 2, 1, 33),
    "one filter each, more than nine taps": square((2, 16, 9, 9), 16, 4, 1, 2, 16),
    "one filter each, 5x5 on wide lines": square((2, 6, 38, 85), 6, 5, 1, 2, 6),
    "one filter each, 7x7 on wide lines": square((1, 5, 43, 44), 5, 7, 1, 3, 5),
    "one filter each, 7x7 without margin": square((1, 5, 43, 70), 5, 7, 1, 0, 5),
    "one filter each, 5x5 with strides": square((2, 5, 75, 141), 5, 5, 2, 2, 5),
    "several filters for each channel": square((2, 5, 37, 70), 15, 5, 1, 2, 5),
    "few filters": square((9, 3, 20, 20), 6, 5, 1, 2, 1),
    "1x1 with few filters": square((3, 100, 28, 28), 16, 1, 1, 0, 1),
    "few places, strides": square((4, 130, 14, 14), 140, 3, 2, 1, 1),
    "5x5, several blocks": square((3, 40, 37, 23), 50, 5, 1, 2, 1),
    "3x3, tiles of four that end within": square((2, 40, 30, 41), 40, 3, 1, 1, 1),
    "5x5, few places": square((11, 70, 5, 4), 33, 5, 1, 2, 1),
    "3x3, several blocks of rows, chunks and splits": square((3, 40, 37, 23), 150, 3, 1, 1, 1),
    "3x3, many small images": square((70, 36, 3, 5), 20, 3, 1, 2, 1),
    "3x3, one wide line": square((1, 9, 3, 700), 17, 3, 1, 0, 1),
    "many groups": square((2, 64, 9, 9), 64, 3, 1, 1, 16),
    "several parts of the channels in each group": square((9, 68, 31, 31), 44, 3, 2, 1, 2),
    "several parts, and too much to pack at once": square((8, 130, 64, 64), 70, 1, 1, 0, 1),
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sizes_that_take_several_blocks(name: str, dtype: Any) -> None:
    check(LARGE[name], dtype, 1)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("channels", [16, 64, 256, 512])
@pytest.mark.parametrize(
    "kernel, stride, tiles", [(3, 1, True), (5, 1, True), (3, 1, False), (3, 2, True)]
)
def test_errors_are_at_most_twice_torchs(
    level: str, channels: int, kernel: int, stride: int, tiles: bool
) -> None:
    """In the quadratic mean over all elements, against float64: the result and both gradients.

    By Winograd's algorithm they have a bound of their own.
    """
    case = square((2, channels, 14, 14), 32, kernel, stride, kernel // 2, 1)
    x, w, b, g = drawn(case, np.float32)
    native.use("numpy")
    exact = three(case, *(a.astype(np.float64) for a in (x, w, 0 * b, g)))
    native.use(level)
    native._cpu.allow_winograd(2 * tiles)
    found = three(case, x, w, 0 * b, g)
    tx, tw = (torch.from_numpy(a).requires_grad_() for a in (x, w))
    ty = torch.nn.functional.conv2d(tx, tw, stride=stride, padding=kernel // 2)
    theirs = [ty.detach(), *torch.autograd.grad(ty, [tx, tw], torch.from_numpy(g))]
    for mine, its, true in zip(found, theirs, exact, strict=True):
        error, their_error = (np.sqrt(np.mean((y - true) ** 2)) for y in (mine, its.numpy()))
        assert error <= (QUADRATIC if tiles and stride == 1 else 2) * their_error


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("channels, kernel", [(8, 3), (64, 3), (300, 3), (8, 5), (64, 5)])
def test_winograds_errors_hardly_grow_with_the_channels(
    level: str, channels: int, kernel: int
) -> None:
    """The quadratic mean, in units of the last place of the greatest result (0.9 to 3.3)."""
    case = square((4, channels, 24, 24), 40, kernel, 1, kernel // 2, 1)
    x, w, b, g = drawn(case, np.float32)
    native.use("numpy")
    exact = three(case, *(a.astype(np.float64) for a in (x, w, 0 * b, g)))
    native.use(level)
    native.allow_winograd(True)
    for mine, true in zip(three(case, x, w, 0 * b, g), exact, strict=True):
        unit = np.spacing(np.float32(np.abs(true).max()))
        assert np.sqrt(np.mean((mine - true) ** 2)) <= 4 * unit


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("made, groups", [(5, 1), (20, 1), (20, 20)])
@pytest.mark.parametrize("padding", [0, 1])
def test_infinities_and_nans_reach_what_they_reach_in_numpy(
    level: str, kernel: int, made: int, groups: int, padding: int
) -> None:
    geometry = Geometry((1, 1), (padding,) * 2, (1, 1), groups)
    case = Case((2, 20, 9, 8), (made, 20 // groups, kernel, kernel), geometry)
    x, w, b, g = drawn(case, np.float32)
    x[0, 3, 4, 4], x[1, 2, 0, 7], g[1, 2, 1, 1] = np.nan, np.inf, -np.inf
    native.use("numpy")
    with np.errstate(invalid="ignore"):
        expected = three(case, x, w, b, g)
    native.use(level)
    for one, other in zip(three(case, x, w, b, g), expected, strict=True):
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
        np.testing.assert_array_equal(np.isinf(one), np.isinf(other))


@pytest.mark.parametrize("level", LEVELS)
def test_arrays_with_gaps_are_laid_out_first(level: str) -> None:
    native.use(level)
    x = minigrad.randn(2, 9, 8, 4).permute(0, 3, 1, 2)
    w = minigrad.randn(5, 4, 3, 6)[..., ::2]
    one = minigrad.nn.functional.conv2d(x, w, padding=1)
    other = minigrad.nn.functional.conv2d(x.contiguous(), w.contiguous(), padding=1)
    np.testing.assert_array_equal(one.numpy(), other.numpy())
