"""Channels exchanged for pixels, and channels in another order."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from minigrad.autograd.op import Op
from minigrad.autograd.registry import T, call, function, register
from minigrad.backend import Array
from minigrad.errors import ShapeError

_WHERE = ("torch", "nn.functional")
remembered = functools.lru_cache(maxsize=256)  # what only sizes decide


class Order(NamedTuple):
    """Another order of the same elements: axes taken apart, exchanged, and put together."""

    name: str  # torch's, of the node
    apart: tuple[int, ...]
    axes: tuple[int, ...]
    made: tuple[int, ...]

    @remembered
    def back(self, shape: tuple[int, ...]) -> Order:
        """The order that leads back to a shape."""
        places = tuple(map(self.axes.index, range(len(self.axes))))
        return Order(self.name, tuple(self.apart[a] for a in self.axes), places, shape)


@register(internal=True)
class Shuffle(Op):
    """Elements in another order.   The gradient is put back."""

    grad_fn = staticmethod(lambda order: order.name)

    @staticmethod
    def forward(xp: Any, input: Array, order: Order) -> Array:
        """One copy, also where the order stays as it was."""
        mixed = input.reshape(order.apart).transpose(order.axes)
        return mixed.copy().reshape(order.made)

    @staticmethod
    def grad_input(g: Any, shape: Any, order: Order, F: Any) -> Any:
        """The way back."""
        return F.shuffle(g, order.back(tuple(shape)))


@function(
    where=_WHERE,
    torch="nn.functional.pixel_shuffle",
    dtypes=("float", "int"),
    samples=(call(T(1, 8, 2, 3), 2), call(T(9, 2, 2), 3)),
    errors=(call(T(1, 8, 2, 3), 3), call(T(2, 2), 2), call(T(1, 4, 2, 2), 0)),
)
def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """Channels as pixels: each r * r of them become one, r times as high and wide.

    Formula:   y[c, r h + i, r w + j] = x[c r r + r i + j, h, w]
    Gradient:  g put back, as by ``pixel_unshuffle``

    Shape: (..., C r r, H, W) -> (..., C, H r, W r).
    Raises: RuntimeError if the channels cannot be divided so.
    Source: Shi et al., Real-time single image super-resolution, 2016.

    >>> import minigrad as torch
    >>> torch.pixel_shuffle(torch.arange(4.).reshape(4, 1, 1), 2)
    tensor([[[0., 1.],
             [2., 3.]]])
    """
    return Shuffle.short(input, _larger(input._array.shape, upscale_factor))


@remembered
def _larger(shape: tuple[int, ...], r: int) -> Order:
    *lead, c, h, w = _at_least_3d("pixel_shuffle", shape)
    if r <= 0:
        raise ShapeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    if c % (r * r):
        raise ShapeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={c} is not divisible by {r * r}"
        )
    n, made = math.prod(lead), (*lead, c // (r * r), h * r, w * r)
    return Order("PixelShuffleBackward0", (n, c // (r * r), r, r, h, w), (0, 1, 4, 2, 5, 3), made)


@function(
    where=_WHERE,
    torch="nn.functional.pixel_unshuffle",
    dtypes=("float", "int"),
    varied=False,  # torch returns empty input as it is
    samples=(call(T(1, 2, 4, 6), 2), call(T(1, 3, 3), 3)),
    errors=(call(T(1, 2, 4, 6), 4), call(T(2, 2), 2), call(T(1, 4, 2, 2), 0)),
)
def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """Pixels as channels, the inverse of ``pixel_shuffle``.

    Formula:   y[c r r + r i + j, h, w] = x[c, r h + i, r w + j]
    Gradient:  g put back, as by ``pixel_shuffle``

    Shape: (..., C, H r, W r) -> (..., C r r, H, W).
    Raises: RuntimeError if the pixels cannot be divided so.

    >>> import minigrad as torch
    >>> torch.pixel_unshuffle(torch.arange(4.).reshape(1, 2, 2), 2).flatten()
    tensor([0., 1., 2., 3.])
    """
    order = _smaller(input._array.shape, downscale_factor)
    if not input._array.size:
        return input.clone()  # torch leaves the sizes of what is empty alone
    return Shuffle.short(input, order)


@remembered
def _smaller(shape: tuple[int, ...], r: int) -> Order:
    *lead, c, h, w = _at_least_3d("pixel_unshuffle", shape)
    if r <= 0:
        raise ShapeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    for name, place, size in (("height", -2, h), ("width", -1, w)):
        if size % r:
            raise ShapeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                f"input.size({place})={size} is not divisible by {r}"
            )
    apart = (math.prod(lead), c, h // r, r, w // r, r)
    made = (*lead, c * r * r, h // r, w // r)
    return Order("PixelUnshuffleBackward0", apart, (0, 1, 3, 5, 2, 4), made)


def _at_least_3d(op: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) < 3:
        raise ShapeError(
            f"{op} expects input to have at least 3 dimensions, but got input with "
            f"{len(shape)} dimension(s)"
        )
    return shape


@function(
    where=_WHERE,
    torch="nn.functional.channel_shuffle",
    aliases=("native_channel_shuffle",),
    dtypes=("float", "int"),
    samples=(call(T(1, 4, 2, 2), 2), call(T(2, 6, 3), 3)),
    errors=(call(T(1, 4, 2, 2), 3), call(T(2, 2), 2), call(T(1, 4, 2, 2), 0)),
)
def channel_shuffle(input: Any, groups: int) -> Any:
    """Channels in another order: the first of each group, then the second of each, and so on.

    Formula:   y[n, i groups + j] = x[n, j C / groups + i]
    Gradient:  g in the order that was before

    Shape: (N, C, ...), the output has the same.
    Raises: RuntimeError if the groups do not divide the channels.
    Source: Zhang et al., ShuffleNet, 2017.

    >>> import minigrad as torch
    >>> torch.channel_shuffle(torch.arange(4.).reshape(1, 4, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    return Shuffle.short(input, _dealt(input._array.shape, groups))


@remembered
def _dealt(shape: tuple[int, ...], groups: int) -> Order:
    if len(shape) < 3:
        raise ShapeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(shape)}"
        )
    n, c, *rest = shape
    if groups <= 0 or c % groups:
        raise ShapeError(
            "Number of channels must be divisible by groups, which is positive. Got "
            f"{c} channels and {groups} groups."
        )
    apart = (n, groups, c // groups, math.prod(rest))
    return Order("ChannelShuffleBackward0", apart, (0, 2, 1, 3), shape)
