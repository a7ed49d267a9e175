"""``unfold`` and ``fold``: the blocks of images as columns, and columns added up to images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, native
from minigrad.errors import ShapeError
from minigrad.ops.image.geometry import Geometry, geometry_of
from minigrad.ops.image.pool_checks import per_axis

_F = ("nn.functional",)


def _natively(
    name: str, x: Any, y: tuple[int, ...], sizes: Any, out: Any, kernel: Any, geometry: Geometry
) -> Array | None:
    """An array of shape ``y`` by a kernel of kernels/cpu/columns.c; None where there is none."""
    if type(x) is not np.ndarray or len(kernel) != 2:
        return None
    x = np.ascontiguousarray(x)
    run = native.kernel(name, x)
    if run is None or not x.size:
        return None
    made = np.empty(y, x.dtype)
    g = geometry
    run(x, made, y[0] * y[1], *sizes, *out, *kernel, *g.stride, *g.padding, *g.dilation)
    return made


@register(internal=True)
class ImageColumns(Op):
    """Each block under a window as a column: (N, C, H, W) -> (N, C kh kw, places).

    Transpose: ``column_image``.
    """

    grad_fn = "Im2ColBackward0"
    kinds = "fVb"

    @staticmethod
    def forward(xp: Any, input: Array, kernel: tuple[int, ...], geometry: Geometry) -> Array:
        """One slice copy per tap of the window."""
        n, c, *sizes = input.shape
        out = geometry.out_sizes(tuple(sizes), kernel)
        shape = (n, c, *kernel, *out)
        found = _natively("unfold_planes", input, shape, sizes, out, kernel, geometry)
        if found is not None:
            return found.reshape(n, c * math.prod(kernel), math.prod(out))
        columns = xp.empty(shape, dtype=input.dtype)
        padded = geometry.framed(xp, input)
        for tap, places in geometry.taps(kernel, out):
            columns[(slice(None), slice(None), *tap)] = padded[(..., *places)]
        return columns.reshape(n, c * math.prod(kernel), math.prod(out))

    @staticmethod
    def grad_input(g: Any, shape: Any, kernel: Any, geometry: Geometry, F: Any) -> Any:
        """Every element gets what its copies got."""
        return F.column_image(g, kernel, geometry, tuple(shape[2:]))


@register(internal=True)
class ColumnImage(Op):
    """Columns added up where their blocks lie in the image.   Transpose: ``image_columns``."""

    grad_fn = "Col2ImBackward0"
    kinds = "fVb"

    @staticmethod
    def forward(
        xp: Any,
        input: Array,
        kernel: tuple[int, ...],
        geometry: Geometry,
        sizes: tuple[int, ...],
    ) -> Array:
        """One slice addition per tap of the window."""
        out = geometry.out_sizes(sizes, kernel)
        n, c = input.shape[0], input.shape[1] // math.prod(kernel)
        found = _natively("fold_planes", input, (n, c, *sizes), sizes, out, kernel, geometry)
        if found is not None:
            return found
        blocks = input.reshape(n, c, *kernel, *out)
        padded = xp.zeros((n, c, *geometry.padded(sizes)), dtype=input.dtype)
        for tap, places in geometry.taps(kernel, out):
            padded[(..., *places)] += blocks[(slice(None), slice(None), *tap)]
        return xp.ascontiguousarray(padded[(..., *geometry.inner(sizes))])

    @staticmethod
    def grad_input(g: Any, kernel: Any, geometry: Geometry, F: Any) -> Any:
        """Every copy gets what its element got."""
        return F.image_columns(g, kernel, geometry)


def _pair(op: str, name: str, value: Any, least: int) -> tuple[int, ...]:
    pair = per_axis(op, name, value, 2)
    if min(pair) < least:
        raise ShapeError(f"{op}: expected {name} of at least {least}, got {value}")
    return pair


def _geometry(
    op: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> tuple[tuple[int, ...], Geometry]:
    kernel = _pair(op, "kernel_size", kernel_size, 1)
    steps, gaps = _pair(op, "stride", stride, 1), _pair(op, "dilation", dilation, 1)
    return kernel, geometry_of(steps, _pair(op, "padding", padding, 0), gaps, 1)


def _places(op: str, size: Any, kernel: tuple[int, ...], geometry: Geometry) -> tuple[int, ...]:
    out = geometry.out_sizes(tuple(size), kernel)
    if min(out) < 1:
        raise ShapeError(
            f"Given input with spatial size {tuple(size)}, kernel_size={kernel}, "
            f"dilation={geometry.dilation}, padding={geometry.padding}, calculated shape of the "
            f"array of sliding blocks as {tuple(out)}, but its components must be at least one. "
            f"({op})"
        )
    return out


@function(
    "functional_unfold",
    where=_F,
    torch="nn.functional.unfold",
    samples=(
        call(T(2, 3, 4, 5), (2, 3)),
        call(T(1, 2, 5, 5), 2, dilation=2, padding=1, stride=2),
        call(T(2, 4, 5), 3),
    ),
    errors=(call(T(1, 2, 3, 3), 4), call(T(1, 2, 3, 3), 0)),
)
def unfold(
    input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """The blocks under a window that slides over images, each as a column.

    Formula:   y[n, (c, t), p] = x[n, c, stride p + dilation t - padding]
    Gradient:  :func:`fold` of g

    Shape: (N, C, H, W) or (C, H, W) -> (N, C kh kw, places) or (C kh kw, places).
    Raises: RuntimeError for sizes that do not fit.

    >>> import minigrad as torch
    >>> torch.nn.functional.unfold(torch.arange(6.).reshape(1, 1, 2, 3), (2, 2))
    tensor([[[0., 1.],
             [1., 2.],
             [3., 4.],
             [4., 5.]]])
    """
    kernel, geometry = _geometry("unfold", kernel_size, dilation, padding, stride)
    size = _size("unfold", input, (3, 4))
    if 0 in size[-3:]:
        raise ShapeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(size)}"
        )
    _places("unfold", size[-2:], kernel, geometry)
    if len(size) == 3:
        return tensors.image_columns(input.unsqueeze(0), kernel, geometry).squeeze(0)
    return tensors.image_columns(input, kernel, geometry)


def _size(op: str, input: Any, ndims: tuple[int, int]) -> Any:
    if not isinstance(input, TensorBase):
        raise TypeError(f"{op}(): argument 'input' must be Tensor, not {type(input).__name__}")
    size = input._array.shape
    if len(size) not in ndims:
        raise ShapeError(
            f"Expected {ndims[0]}D or {ndims[1]}D (batch mode) tensor for {op}, got {list(size)}"
        )
    return size


@function(
    where=_F,
    torch="nn.functional.fold",
    samples=(
        call(T(2, 12, 6), (3, 4), 2),
        call(T(1, 8, 9), 5, 2, dilation=2, padding=1, stride=2),
        call(T(12, 6), (3, 4), 2),
    ),
    errors=(call(T(1, 7, 6), (3, 4), 2), call(T(1, 8, 5), (3, 4), 2), call(T(6), (3, 4), 2)),
)
def fold(
    input: Any,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Any:
    """Columns added up where their blocks lie in images, as :func:`unfold` has cut them.

    Formula:   y[n, c, i] = Σ x[n, (c, t), p] over stride p + dilation t - padding = i
    Gradient:  :func:`unfold` of g

    Shape: (N, C kh kw, places) or (C kh kw, places) -> (N, C, *output_size) or (C, *output_size).
    Raises: RuntimeError for sizes that do not fit.

    >>> import minigrad as torch
    >>> torch.nn.functional.fold(torch.ones(1, 4, 2), (2, 3), (2, 2))
    tensor([[[[1., 2., 1.],
              [1., 2., 1.]]]])
    """
    kernel, geometry = _geometry("fold", kernel_size, dilation, padding, stride)
    sizes = _pair("fold", "output_size", output_size, 1)
    size = _size("fold", input, (2, 3))
    if 0 in size[-2:] or size[-2] % math.prod(kernel):
        raise ShapeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={size[-2]} and kernel_size={kernel}."
        )
    places = _places("fold", sizes, kernel, geometry)
    if size[-1] != math.prod(places):
        raise ShapeError(
            f"Given output_size={sizes}, kernel_size={kernel}, {geometry}, expected size of "
            f"input's dimension 2 to match the calculated number of sliding blocks {places[0]} * "
            f"{places[1]} = {math.prod(places)}, but got input.size(2)={size[-1]}."
        )
    if len(size) == 2:
        return tensors.column_image(input.unsqueeze(0), kernel, geometry, sizes).squeeze(0)
    return tensors.column_image(input, kernel, geometry, sizes)
