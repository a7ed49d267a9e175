"""Resizing of signals, images and volumes: one linear map along each spatial axis."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minigrad.autograd.op import tensors
from minigrad.autograd.registry import T, call, function, reals
from minigrad.autograd.tensor_base import TensorBase
from minigrad.errors import KindError, ShapeError, warn_user
from minigrad.ops.image.axis_maps import AxisMap, Taps, even, kind, picks, uneven

_F = ("nn.functional",)
# The mode's map, torch's name of the node, and for how many spatial axes the mode is.
MODES = {
    "nearest": ("nearest", "UpsampleNearest{}D", (1, 2, 3)),
    "nearest-exact": ("nearest_exact", "UpsampleNearestExact{}D", (1, 2, 3)),
    "linear": ("linear", "UpsampleLinear{}D", (1,)),
    "bilinear": ("linear", "UpsampleBilinear{}D", (2,)),
    "trilinear": ("linear", "UpsampleTrilinear{}D", (3,)),
    "bicubic": ("cubic", "UpsampleBicubic{}D", (2,)),
    "lanczos": ("lanczos", "UpsampleLanczos{}D", (2,)),
    "area": ("mean", "AdaptiveAvgPool{}D", (1, 2, 3)),
}
UNALIGNED = ("nearest", "nearest-exact", "area")


def step(real: Any, size: int, count: int, scale: float | None, align: bool = False) -> Any:
    """How far apart the results lie on the axis, in elements, as torch rounds it."""
    if align:
        return real(size - 1) / real(count - 1) if count > 1 else real(0)
    return real(1 / scale) if scale is not None and scale > 0 else real(size) / real(count)


@kind
def nearest(real: Any, size: int, count: int, scale: float | None) -> Taps:
    """The element that a result begins in."""
    rows = np.arange(count)
    if count == size:
        return picks(rows)
    if count == 2 * size:
        return picks(rows >> 1)
    place = np.floor(rows.astype(np.float32) * step(np.float32, size, count, scale))
    return picks(np.minimum(place.astype(np.int64), size - 1))


@kind
def nearest_exact(real: Any, size: int, count: int, scale: float | None) -> Taps:
    """The element that the middle of a result lies in."""
    distance = np.float64(step(np.float32, size, count, scale))
    place = np.floor(((np.arange(count) + 0.5) * distance).astype(np.float32))
    return picks(np.minimum(place.astype(np.int64), size - 1))


def sources(real: Any, size: int, count: int, scale: float | None, align: bool) -> Any:
    """Where the results lie on the axis: elements stand at 0, 1, 2, ..."""
    rows, distance = np.arange(count).astype(real), step(real, size, count, scale, align)
    return distance * rows if align else distance * (rows + real(0.5)) - real(0.5)


@kind
def linear(real: Any, size: int, count: int, scale: float | None, align: bool) -> Taps:
    """Between two neighbours, each counts as much as it is near."""
    place = np.maximum(sources(real, size, count, scale, align), real(0))
    if count == size:
        place = np.arange(count).astype(real)
    low = np.minimum(place.astype(np.int64), size - 1)
    part = np.clip(place - low.astype(real), real(0), real(1))
    index = np.stack([low, np.minimum(low + 1, size - 1)], axis=1)
    return even(index, np.stack([real(1) - part, part], axis=1))


@kind
def cubic(real: Any, size: int, count: int, scale: float | None, align: bool) -> Taps:
    """Four neighbours, weighted by Keys' cubic with a = -0.75; the edge elements are repeated."""
    place = sources(real, size, count, scale, align)
    low = np.minimum(np.floor(place).astype(np.int64), size - 1)
    part = np.clip(place - low.astype(real), real(0), real(1))
    away = np.stack([part + 1, part, 1 - part, 2 - part], axis=1)
    index = np.clip(low[:, None] + np.arange(-1, 3), 0, size - 1)
    return even(index, keys(away, real(-0.75)))


def keys(x: Any, a: Any) -> Any:
    """Keys' cubic kernel at distances of at most 2."""
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    return np.where(x < 1, near, np.where(x < 2, ((x - 5) * x + 8) * x * a - 4 * a, 0))


def _sinc(x: Any) -> Any:
    return np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0)


# The kernel and how far it reaches, for results that are averages of all that they cover.
KERNELS: dict[str, tuple[Any, float]] = {
    "linear": (lambda x: np.maximum(1 - x, 0), 1.0),
    "cubic": (lambda x: keys(x, -0.5), 2.0),
    "lanczos": (_sinc, 3.0),
}


@kind
def smoothed(
    real: Any, size: int, count: int, scale: float | None, align: bool, kernel: str
) -> Taps:
    """A kernel that is widened to what a result covers, where that is more than one element."""
    weight, reach = KERNELS[kernel]
    distance = step(real, size, count, scale, align)
    wide = max(distance, real(1))
    middle = distance * (np.arange(count).astype(real) + real(0.5))
    starts = np.maximum((middle - reach * wide + real(0.5)).astype(np.int64), 0)
    ends = np.minimum((middle + reach * wide + real(0.5)).astype(np.int64), size)

    def share(row: Any, index: Any) -> Any:
        found = weight(np.abs((index - middle[row] + real(0.5)) / wide))
        return (found / np.bincount(row, found, count)[row]).astype(real)

    return uneven(starts, ends, share)


def _per_axis(name: str, value: Any, spatial: tuple[int, ...]) -> tuple[Any, ...]:
    """One number for each spatial axis."""
    if not isinstance(value, (list, tuple)):
        return (value,) * len(spatial)
    if len(value) != len(spatial):
        letter, of = ("o", "of") if name == "output size" else ("s", "of shape")
        raise ValueError(
            f"Input and {name.removesuffix(' size')} must have the same number of spatial "
            f"dimensions, but got input with spatial dimensions of {list(spatial)} and {name} {of} "
            f"{value}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and {name} in "
            f"({letter}1, {letter}2, ...,{letter}K) format."
        )
    return tuple(value)


def _sizes(
    size: Any, scale_factor: Any, recompute: bool, spatial: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    """The spatial sizes of the result, and the factors where the sizes follow from them."""
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        wanted = _per_axis("output size", size, spatial)
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        if any(not hasattr(n, "__index__") for n in wanted):
            raise TypeError(f"expected size to be one of int or a tuple of ints, but got {size!r}")
        return tuple(n.__index__() for n in wanted), (None,) * len(spatial)
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    factors = tuple(float(f) for f in _per_axis("scale_factor", scale_factor, spatial))
    counts = tuple(math.floor(n * f) for n, f in zip(spatial, factors, strict=True))
    return counts, (None,) * len(spatial) if recompute else factors


@function(
    where=_F,
    torch="nn.functional.interpolate",
    domain=(reals(-3, 3),),
    samples=(
        call(T(2, 3, 5), scale_factor=2),
        call(T(1, 2, 4, 5), size=(3, 7), mode="nearest-exact"),
        call(T(2, 3, 5), 8, mode="linear"),
        call(T(1, 2, 4, 5), scale_factor=(2.5, 0.6), mode="bilinear"),
        call(T(1, 2, 4, 5), size=(6, 3), mode="bilinear", align_corners=True),
        call(T(1, 2, 4, 5), size=(7, 3), mode="bicubic"),
        call(T(1, 2, 6, 7), size=(3, 4), mode="bicubic", antialias=True),
        call(T(1, 1, 3, 4, 2), scale_factor=1.5, mode="trilinear"),
        call(T(1, 2, 5, 6), scale_factor=0.5, mode="area"),
    ),
    errors=(
        call(T(2, 3, 5)),
        call(T(2, 3, 5), 4, 2.0),
        call(T(2, 3, 5), 4, mode="bilinear"),
        call(T(2, 3, 5), (4, 4)),
        call(T(2, 3, 5), 4, align_corners=True),
        call(T(2, 3, 5), 4, mode="cubic"),
        call(T(2, 3, 5), 0),
        call(T(3, 5), 4),
    ),
)
def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    """Signals, images or volumes brought to another size.

    Formula:   y[i] = Σ_j w[i, j] x[j] along each spatial axis; the mode gives w
    Gradient:  gx[j] = Σ_i w[i, j] g[i]

    Shape: (N, C, L), (N, C, H, W) or (N, C, D, H, W) -> the same with the new sizes, which are
    ``size`` or those of the input times ``scale_factor``, rounded down. ``align_corners`` lays the
    middles of the outermost elements upon each other in place of the outer edges; ``antialias``
    widens the kernel where the result is smaller.
    Raises: ValueError or NotImplementedError for arguments that do not go together.

    >>> import minigrad as torch
    >>> torch.nn.functional.interpolate(torch.tensor([[[1., 2.]]]), scale_factor=2, mode="linear")
    tensor([[[1.0000, 1.2500, 1.7500, 2.0000]]])
    """
    if not isinstance(input, TensorBase):
        raise TypeError(f"interpolate(): argument 'input' must be Tensor, not {input!r:.60}")
    spatial = input._array.shape[2:]
    if mode in UNALIGNED and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear "
            "| bicubic | trilinear"
        )
    counts, factors = _sizes(
        size, scale_factor, bool(recompute_scale_factor) or (mode == "area" and size is None),
        spatial,
    )  # fmt: skip
    _check(mode, bool(antialias), bool(align_corners), input._array.ndim)
    return resized(input, mode, counts, factors, bool(align_corners), bool(antialias))


# The number of axes that an input must have for a mode that knows only one.
ONE_KIND = {"linear": 3, "bilinear": 4, "trilinear": 5}


def _check(mode: str, antialias: bool, align: bool, ndim: int) -> None:
    """Raise torch's errors for a mode that the number of axes or an option does not go with."""
    if antialias and (mode not in ("bilinear", "bicubic", "lanczos") or ndim != 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires "
            "a 4-D tensor as input"
        )
    if mode in ONE_KIND and ndim in (3, 4, 5) and ndim != ONE_KIND[mode]:
        raise NotImplementedError(
            f"Got {ndim}D input, but {mode} mode needs {ONE_KIND[mode]}D input"
        )
    if mode not in MODES or ndim - 2 not in MODES[mode][2]:
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {ndim}D) for the modes: "
            "nearest | linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact "
            f"(got {mode})"
        )
    if mode == "lanczos" and (align or not antialias):
        raise ValueError("Lanczos mode requires antialias=True, and no align_corners")


def resized(
    input: Any,
    mode: str,
    counts: tuple[int, ...],
    factors: tuple[Any, ...],
    align: bool,
    antialias: bool,
) -> Any:
    """The maps of a mode, and the result in the type of the input."""
    x, spatial = input._array, input._array.shape[2:]
    if 0 in x.shape[1:] or min(counts) <= 0:
        raise ShapeError(
            f"Input and output sizes should be greater than 0, but got input {tuple(x.shape)} and "
            f"output {counts}"
        )
    if x.dtype.kind not in "fV" and (
        x.dtype != np.uint8 or mode in ("area", "linear", "trilinear")
    ):
        raise KindError(f"interpolate: not implemented for {input.dtype}; use x.float()")
    mapped = tensors.map_axes if mode in ("area", "lanczos") else tensors.upsampled
    return mapped(input, *_maps(mode, spatial, counts, factors, align, antialias))


@functools.lru_cache(maxsize=512)
def _maps(
    mode: str,
    spatial: tuple[int, ...],
    counts: tuple[int, ...],
    factors: tuple[Any, ...],
    align: bool,
    antialias: bool,
) -> tuple[tuple[AxisMap, ...], str]:
    """The map of each axis, and torch's name of the node."""
    name, node, _ = MODES[mode]

    def one(n: int, count: int, factor: Any) -> AxisMap:
        if antialias:
            return AxisMap("smoothed", n, count, (factor, align, name))
        if mode == "area":
            return AxisMap(name, n, count)
        return AxisMap(name, n, count, (factor,) if mode in UNALIGNED else (factor, align))

    maps = tuple(map(one, spatial, counts, factors))
    return maps, node.format(len(spatial)) + ("Aa" if antialias else "")


@function(
    where=_F,
    torch="nn.functional.upsample",
    samples=(call(T(1, 2, 3), 5), call(T(1, 1, 3), scale_factor=2.0, mode="linear")),
)
def upsample(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Any:
    """:func:`interpolate` under its old name.

    >>> import minigrad as torch
    >>> torch.nn.functional.upsample(torch.tensor([[[1., 2.]]]), 4)
    tensor([[[1., 1., 2., 2.]]])
    """
    _retired("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


@function(
    where=_F,
    torch="nn.functional.upsample_nearest",
    samples=(call(T(1, 1, 3, 2), (4, 3)), call(T(2, 1, 3), scale_factor=2)),
)
def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """:func:`interpolate` with ``mode="nearest"``.

    >>> import minigrad as torch
    >>> torch.nn.functional.upsample_nearest(torch.tensor([[[1., 2.]]]), 4)
    tensor([[[1., 1., 2., 2.]]])
    """
    _retired("upsample_nearest")
    return interpolate(input, size, scale_factor)


@function(
    where=_F,
    torch="nn.functional.upsample_bilinear",
    samples=(call(T(1, 1, 3, 2), (4, 3)), call(T(1, 2, 2, 2), scale_factor=2)),
)
def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """:func:`interpolate` with ``mode="bilinear"`` and ``align_corners=True``.

    >>> import minigrad as torch
    >>> torch.nn.functional.upsample_bilinear(torch.tensor([[[[1., 3.]]]]), (1, 3))
    tensor([[[[1., 2., 3.]]]])
    """
    _retired("upsample_bilinear")
    return interpolate(input, size, scale_factor, "bilinear", align_corners=True)


def _retired(name: str) -> None:
    warn_user(f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.")
