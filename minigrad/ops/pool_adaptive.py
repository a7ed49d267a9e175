"""Adaptive pooling: windows that divide each axis into a given number of parts.

Part i of n along an axis of L places begins at ``floor(i L / n)`` and ends before
``ceil((i + 1) L / n)``; where n does not divide L, neighbours overlap.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.errors import ShapeError

_F, _TORCH = ("nn.functional",), ("torch", "nn.functional")
_DOMAIN = (reals(-3, 3),)


def parts(places: int, count: int) -> list[tuple[int, int]]:
    """The beginnings and ends of the parts.

    >>> parts(5, 2)
    [(0, 3), (2, 5)]
    """
    return [(i * places // count, -(-(i + 1) * places // count)) for i in range(count)]


def _avg_name(sizes: Any, out: Any, back: Any) -> str:
    return f"AdaptiveAvgPool{max(len(out), 2)}DBackward0"


@register("adaptive_mean", internal=True)
class AdaptiveMean(Op):
    """The mean of each part: along every axis a product with a matrix of equal shares.

    Formula: y = A x along each axis, A[i, j] = 1 / length of part i for j in it.
    Gradient: gx = Aᵀ g, which is this op with ``back`` turned round.
    """

    grad_fn = _avg_name

    @staticmethod
    def forward(
        xp: Any, input: Array, sizes: tuple[int, ...], counts: tuple[int, ...], back: bool
    ) -> Array:
        """One product per axis."""
        dtype = input.dtype
        for axis, (places, count) in enumerate(zip(sizes, counts, strict=True), -len(counts)):
            shares = xp.zeros((count, places), dtype=input.dtype)
            for row, (start, end) in enumerate(parts(places, count)):
                shares[row, start:end] = 1 / (end - start)
            input = xp.matmul(input.swapaxes(axis, -1), shares if back else shares.T)
            input = input.swapaxes(axis, -1)
        return xp.ascontiguousarray(input, dtype=dtype)

    @staticmethod
    def grad_input(
        g: Any, sizes: tuple[int, ...], counts: tuple[int, ...], back: bool, F: Any
    ) -> Any:
        """The same with the matrices transposed."""
        return F.adaptive_mean(g, sizes, counts, not back)


@register("adaptive_max", internal=True)
class AdaptiveMax(Op):
    """The greatest element of each part, and its place in the flattened spatial axes."""

    outputs = 2
    keeps = ("places",)

    @staticmethod
    def forward(
        xp: Any, input: Array, sizes: tuple[int, ...], counts: tuple[int, ...]
    ) -> tuple[Array, Array, Array]:
        """One argmax per part."""
        lead = input.shape[: input.ndim - len(counts)]
        numbers = xp.arange(_product(sizes)).reshape(sizes)
        places = xp.zeros((*lead, *counts), dtype=xp.int64)
        for cell, region in _cells(sizes, counts):
            block = input[(..., *region)].reshape(*lead, -1)
            places[(..., *cell)] = numbers[region].reshape(-1)[block.argmax(-1)]
        values = plane_gather(xp, input, places, len(counts))
        return values, places, places

    @staticmethod
    def grad_input(g: Any, places: Any, sizes: tuple[int, ...], F: Any) -> Any:
        """The cotangent, at the winner's place."""
        return F.plane_scatter(g[0], places, sizes)


def _cells(sizes: tuple[int, ...], out: tuple[int, ...]) -> Iterator[tuple[Any, Any]]:
    """Each output place, and the part of the input that it looks at."""
    along = [list(enumerate(parts(n, m))) for n, m in zip(sizes, out, strict=True)]
    for choice in itertools.product(*along):
        yield tuple(i for i, _ in choice), tuple(slice(*span) for _, span in choice)


def _product(sizes: Sequence[int]) -> int:
    count = 1
    for n in sizes:
        count *= n
    return count


def plane_gather(xp: Any, x: Array, places: Array, axes: int) -> Array:
    """The elements at the given places of the flattened last axes."""
    planes = x.reshape(*x.shape[: x.ndim - axes], -1)
    flat = places.reshape(*places.shape[: places.ndim - axes], -1)
    return xp.take_along_axis(planes, flat, -1).reshape(places.shape)


@register(internal=True)
class PlaneGather(Op):
    """The elements at given places of the spatial axes.   Transpose: ``plane_scatter``."""

    @staticmethod
    def forward(xp: Any, input: Array, places: Array, sizes: tuple[int, ...]) -> Array:
        """One look-up."""
        return plane_gather(xp, input, places, len(sizes))

    @staticmethod
    def grad_input(g: Any, places: Any, sizes: tuple[int, ...], F: Any) -> Any:
        """Added back to where it came from."""
        return F.plane_scatter(g, places, sizes)


@register(internal=True)
class PlaneScatter(Op):
    """Elements added to given places of the spatial axes.   Transpose: ``plane_gather``."""

    @staticmethod
    def forward(xp: Any, input: Array, places: Array, sizes: tuple[int, ...]) -> Array:
        """One unbuffered addition."""
        lead = input.shape[: input.ndim - len(sizes)]
        size, count = _product(sizes), _product(lead)
        out = xp.zeros(count * size, dtype=input.dtype)
        offsets = xp.arange(count).reshape(-1, 1) * size
        where = (places.reshape(count, input.size // max(count, 1)) + offsets).reshape(-1)
        xp.add.at(out, where, input.reshape(-1))
        return out.reshape(*lead, *sizes)

    @staticmethod
    def grad_input(g: Any, places: Any, sizes: tuple[int, ...], F: Any) -> Any:
        """Looked up again."""
        return F.plane_gather(g, places, sizes)


@function(
    where=_F,
    torch="nn.functional.adaptive_avg_pool2d",
    domain=_DOMAIN,
    samples=(
        call(T(2, 3, 6, 6), 3),
        call(T(2, 3, 7, 5), (3, 2)),
        call(T(1, 2, 4, 5), (1, 1)),
        call(T(3, 4, 5), (None, 2)),
        call(T(1, 1, 2, 3), (4, 5)),
    ),
    errors=(call(T(8, 8), (3, 2)), call(T(2, 3, 8, 8), (3, -2)), call(T(2, 3, 8, 8), (3, 2, 1))),
)
def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """The mean of each part of an image that is divided into ``output_size`` parts.

    Formula: y[n, c, i, j] = mean of x[n, c] over rows floor(i H / H') to ceil((i + 1) H / H') and
    columns likewise. Gradient: g divided by the number of places, to each of them.

    Shape: (N, C, H, W) or (C, H, W) -> (N, C, H', W'); None in ``output_size`` keeps a size.
    Raises: RuntimeError or ValueError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool2d.html

    >>> import minigrad as torch
    >>> torch.nn.functional.adaptive_avg_pool2d(torch.arange(4.).reshape(1, 1, 2, 2), (1, 2))
    tensor([[[[1., 2.]]]])
    """
    sizes, out = _sizes("adaptive_avg_pool2d", 2, input, output_size)
    if out == (1, 1):
        return input.mean((-1, -2), True)
    return tensors.adaptive_mean(input, sizes, out, False)


@function(
    where=_TORCH,
    torch="nn.functional.adaptive_avg_pool1d",
    domain=_DOMAIN,
    samples=(call(T(2, 3, 6), 3), call(T(3, 7), 4), call(T(1, 2, 5), 1)),
    errors=(call(T(8), 3), call(T(2, 3, 8), (3, 2))),
)
def adaptive_avg_pool1d(input: Any, output_size: Any) -> Any:
    """The mean of each part of a sequence; see :func:`adaptive_avg_pool2d`.

    Shape: (N, C, L) or (C, L) -> (N, C, L').
    Raises: RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool1d.html

    >>> import minigrad as torch
    >>> torch.nn.functional.adaptive_avg_pool1d(torch.tensor([[1., 3., 2., 0.]]), 2)
    tensor([[2., 1.]])
    """
    sizes, out = _sizes("adaptive_avg_pool1d", 1, input, output_size)
    return tensors.adaptive_mean(input, sizes, out, False)


@function(
    where=_F,
    torch="nn.functional.adaptive_max_pool2d",
    domain=_DOMAIN,
    samples=(call(T(2, 3, 6, 6), 3), call(T(2, 3, 7, 5), (3, 2)), call(T(3, 4, 5), (None, 2))),
    errors=(call(T(8, 8), (3, 2)), call(T(2, 3, 8, 8), (3, 2, 1))),
)
def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The greatest element of each part of an image; see :func:`adaptive_avg_pool2d` for the parts.

    Formula: y[n, c, i, j] = max over part (i, j). Gradient: g to the greatest element.

    Shape: (N, C, H, W) or (C, H, W) -> (N, C, H', W').
    Raises: RuntimeError or ValueError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool2d.html

    >>> import minigrad as torch
    >>> torch.nn.functional.adaptive_max_pool2d(torch.arange(4.).reshape(1, 1, 2, 2), (1, 2))
    tensor([[[[2., 3.]]]])
    """
    sizes, out = _sizes("adaptive_max_pool2d", 2, input, output_size)
    values, places = tensors.adaptive_max(input, sizes, out)
    return (values, places) if return_indices else values


def _sizes(op: str, axes: int, input: Any, output_size: Any) -> tuple[Any, tuple[int, ...]]:
    """The spatial sizes before and after, checked."""
    if not isinstance(input, TensorBase):
        raise TypeError(f"{op}(): argument 'input' must be Tensor, not {type(input).__name__}")
    size = input._array.shape
    wanted = tuple(output_size) if isinstance(output_size, Sequence) else (output_size,) * axes
    if len(wanted) != axes:
        raise ShapeError(f"{op}: output_size must be {axes}")
    if len(size) <= axes and axes > 1:
        raise ValueError(f"Input dimension should be at least {axes + 1} ({op})")
    if len(size) not in (axes + 1, axes + 2):
        raise ShapeError(f"{op}: Expected {axes + 1}D or {axes + 2}D tensor, but got {list(size)}")
    sizes = size[-axes:]
    out = tuple(n if w is None else int(w) for n, w in zip(sizes, wanted, strict=True))
    if min(out) < 0:
        raise ShapeError(
            f"{op}: elements of output_size must be greater than or equal to 0 but received "
            f"{{{', '.join(map(str, out))}}}"
        )
    return sizes, out
