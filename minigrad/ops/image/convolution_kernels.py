"""The three sums behind convolution layers by kernels, on one to three spatial axes.

Each function gives None where there is no kernel for its arrays (``kernels/cpu/conv.c`` and
``kernels/cuda/conv.cu`` say for which there is), and where nothing is to be added up.

The kernels know planes. A slice of a volume's convolution is one of a plane whose channels are
those of all slices that the filter meets: these are laid side by side, for some slices at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from minigrad.backend import Array
from minigrad.backend.native import kernel
from minigrad.errors import ShapeError
from minigrad.ops.image.geometry import Geometry, remembered

ROOM = 1 << 21  # numbers that are laid side by side at a time
FEW = 1 << 14  # products that one matrix product of all columns does sooner


@remembered
def _numbers(
    size: tuple[int, ...], weight: tuple[int, ...], out: tuple[int, ...], geometry: Geometry
) -> tuple[int, ...] | None:
    """What a kernel is told: all sizes, a missing axis as one of a single element."""
    axes = len(size) - 2
    if axes > 2 or 0 in size or 0 in weight or 0 in out:
        return None
    one = (1,) * (2 - axes)
    n, c, *sizes = size
    if c != weight[1] * geometry.groups or weight[0] % geometry.groups:
        raise ShapeError(f"{c} channels do not fit a weight of shape {weight}")
    pairs = (geometry.stride, (0,) * (2 - axes) + geometry.padding, geometry.dilation)
    filled = [one + pair if len(pair) < 2 else pair for pair in pairs]
    head = (n, c, *one, *sizes, weight[0], *one, *weight[2:])
    return (*head, *(v for pair in filled for v in pair), geometry.groups, *one, *out)


def _run(
    name: str, xp: Any, arrays: tuple[Any, ...], shape: tuple[int, ...],
    numbers: tuple[int, ...] | None,
) -> Array | None:  # fmt: skip
    """The result of a kernel for arrays that are laid out without gaps first; one may be None."""
    if numbers is None:
        return None
    arrays = tuple(a if a is None else xp.ascontiguousarray(a) for a in arrays)
    run = kernel(name, *(a for a in arrays if a is not None))
    if run is None:
        return None
    result = xp.empty(shape, arrays[0].dtype)
    run(*arrays, result, *numbers)
    return result


def forward(
    xp: Any, input: Array, weight: Array, bias: Array | None, geometry: Geometry
) -> Array | None:
    """The convolution."""
    out = geometry.out_sizes(input.shape[2:], weight.shape[2:])
    shape = (input.shape[0], weight.shape[0], *out)
    if input.ndim < 5:
        numbers = _numbers(input.shape, weight.shape, out, geometry)
        return _run("conv_forward", xp, (input, weight, bias), shape, numbers)
    if not _is_worth(input, weight.shape, out, geometry):
        return None
    y, flat = np.empty(shape, input.dtype), _of_planes(geometry)
    for part in _parts(input.shape, weight.shape, out, geometry):
        made = forward(xp, _side_by_side(input, part), _flat(weight), bias, flat)
        if made is None:
            return None
        y[part.samples, :, part.out] = _as_volumes(made, part)
    return y


def backward_input(
    xp: Any, g: Array, weight: Array, bias: Array | None, size: tuple[int, ...],
    geometry: Geometry,
) -> Array | None:  # fmt: skip
    """Its gradient for the input, by itself the transposed convolution."""
    if g.ndim < 5:
        numbers = _numbers(tuple(size), weight.shape, g.shape[2:], geometry)
        return _run("conv_input", xp, (g, weight, bias), size, numbers)
    if not _is_worth(g, weight.shape, g.shape[2:], geometry):
        return None
    gx, flat = np.zeros(size, g.dtype), _of_planes(geometry)
    for part in _parts(tuple(size), weight.shape, g.shape[2:], geometry):
        shape = (part.planes, size[1] * weight.shape[2], *size[3:])
        made = backward_input(xp, _as_planes(g, part), _flat(weight), None, shape, flat)
        if made is None:
            return None
        met = made.reshape(-1, part.slices, size[1], weight.shape[2], *size[3:])
        for tap, (places, slices) in enumerate(part.taps):
            gx[part.samples, :, slices] += met[:, places, :, tap].swapaxes(1, 2)
    if bias is not None:
        gx += bias.reshape(-1, 1, 1, 1)
    return gx


def backward_weight(
    xp: Any, g: Array, input: Array, size: tuple[int, ...], geometry: Geometry
) -> Array | None:
    """Its gradient for the weight."""
    if g.ndim < 5:
        numbers = _numbers(input.shape, tuple(size), g.shape[2:], geometry)
        return _run("conv_weight", xp, (g, input), size, numbers)
    if not _is_worth(g, tuple(size), g.shape[2:], geometry):
        return None
    gw, flat = np.zeros(size, g.dtype), _of_planes(geometry)
    shape = (size[0], size[1] * size[2], *size[3:])
    for part in _parts(input.shape, tuple(size), g.shape[2:], geometry):
        met = _side_by_side(input, part)
        made = backward_weight(xp, _as_planes(g, part), met, shape, flat)
        if made is None:
            return None
        gw += made.reshape(size)
    return gw


def _is_worth(x: Array, weight: tuple[int, ...], out: tuple[int, ...], geometry: Geometry) -> bool:
    """Whether volumes are worth more calls: not where columns of all taps are ``FEW``, or none."""
    columns = len(x) * math.prod(out) * math.prod(weight[1:]) * geometry.groups
    return type(x) is np.ndarray and columns > FEW and kernel("conv_forward", x[:0]) is not None


class Part(NamedTuple):
    """Some slices of some samples of a convolution's result, and what each tap meets there."""

    samples: slice
    out: slice  # the slices
    taps: list[tuple[slice, slice]]  # of the part's slices those that meet some, and which

    @property
    def slices(self) -> int:
        """Of each sample."""
        return int(self.out.stop - self.out.start)

    @property
    def planes(self) -> int:
        """How many there are."""
        return int(self.samples.stop - self.samples.start) * self.slices


def _parts(
    size: tuple[int, ...], weight: tuple[int, ...], out: tuple[int, ...], geometry: Geometry
) -> Iterator[Part]:
    """All slices, so many at a time that what they meet takes ``ROOM``, or one."""
    stride, padding, dilation = (pair[0] for pair in geometry[:3])
    most = max(1, ROOM // (size[1] * weight[2] * size[3] * size[4]))
    slices, samples = min(out[0], most), max(1, most // out[0])
    for n in range(0, size[0], samples):
        for start in range(0, out[0], slices):
            stop, taps = min(start + slices, out[0]), []
            for tap in range(weight[2]):
                shift = tap * dilation - padding  # slice i meets slice stride i + shift
                low = min(max(start, -(shift // stride)), stop)
                high = max(min(stop, (size[2] - 1 - shift) // stride + 1), low)
                met = slice(low * stride + shift, (high - 1) * stride + shift + 1, stride)
                met = met if high > low else slice(0, 0)
                taps.append((slice(low - start, high - start), met))
            yield Part(slice(n, min(n + samples, size[0])), slice(start, stop), taps)


def _side_by_side(x: Array, part: Part) -> Array:
    """Planes whose channels are those of the slices that a filter meets: (slices, C kd, H, W)."""
    n, (c, _, *plane) = part.planes // part.slices, x.shape[1:]
    met = np.zeros((n, part.slices, c, len(part.taps), *plane), x.dtype)
    for tap, (places, slices) in enumerate(part.taps):
        met[:, places, :, tap] = x[part.samples, :, slices].swapaxes(1, 2)
    return met.reshape(part.planes, -1, *plane)


def _flat(weight: Array) -> Array:
    """A filter of volumes as one of such planes."""
    return weight.reshape(len(weight), -1, *weight.shape[3:])


def _of_planes(geometry: Geometry) -> Geometry:
    """Without the first axis."""
    stride, padding, dilation, groups = geometry
    return Geometry(stride[1:], padding[1:], dilation[1:], groups)


def _as_planes(volumes: Array, part: Part) -> Array:
    """The slices of a part, (N, C, D, H, W) to (slices, C, H, W)."""
    some = volumes[part.samples, :, part.out].swapaxes(1, 2)
    return np.ascontiguousarray(some).reshape(part.planes, *some.shape[2:])


def _as_volumes(planes: Array, part: Part) -> Array:
    """The way back."""
    return planes.reshape(-1, part.slices, *planes.shape[1:]).swapaxes(1, 2)
