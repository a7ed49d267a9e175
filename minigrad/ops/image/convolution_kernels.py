"""The three sums behind convolution layers by kernels, on one or two spatial axes.

Each function gives None where there is no kernel for its arrays (``kernels/cpu/conv.c`` and
``kernels/cuda/conv.cu`` say for which there is), and where nothing is to be added up.
"""

from __future__ import annotations

from typing import Any

from minigrad.backend import Array
from minigrad.backend.native import kernel
from minigrad.ops.image.geometry import Geometry, remembered


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
    numbers = _numbers(input.shape, weight.shape, out, geometry)
    shape = (input.shape[0], weight.shape[0], *out)
    return _run("conv_forward", xp, (input, weight, bias), shape, numbers)


def backward_input(
    xp: Any, g: Array, weight: Array, bias: Array | None, size: tuple[int, ...],
    geometry: Geometry,
) -> Array | None:  # fmt: skip
    """Its gradient for the input, by itself the transposed convolution."""
    numbers = _numbers(tuple(size), weight.shape, g.shape[2:], geometry)
    return _run("conv_input", xp, (g, weight, bias), size, numbers)


def backward_weight(
    xp: Any, g: Array, input: Array, size: tuple[int, ...], geometry: Geometry
) -> Array | None:
    """Its gradient for the weight."""
    numbers = _numbers(input.shape, tuple(size), g.shape[2:], geometry)
    return _run("conv_weight", xp, (g, input), size, numbers)
