"""Channels exchanged for pixels, and channels in another order."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.registry import T, call, function
from minigrad.errors import ShapeError

_WHERE = ("torch", "nn.functional")


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
    *lead, c, h, w = _at_least_3d("pixel_shuffle", input)
    r = upscale_factor
    if r <= 0 or c % (r * r):
        raise ShapeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, which is positive, but got {c} channels and {r}"
        )
    axes = range(len(lead))
    n = len(lead)
    apart = input.reshape(*lead, c // (r * r), r, r, h, w)
    mixed = apart.permute(*axes, n, n + 3, n + 1, n + 4, n + 2)
    return mixed.reshape(*lead, c // (r * r), h * r, w * r)


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
    *lead, c, h, w = _at_least_3d("pixel_unshuffle", input)
    r = downscale_factor
    if r <= 0 or h % r or w % r:
        raise ShapeError(
            "pixel_unshuffle expects height and width to be divisible by downscale_factor, which "
            f"is positive, but got ({h}, {w}) and {r}"
        )
    if not input._array.size:
        return input.clone()  # torch leaves the sizes of what is empty alone
    n = len(lead)
    apart = input.reshape(*lead, c, h // r, r, w // r, r)
    mixed = apart.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return mixed.reshape(*lead, c * r * r, h // r, w // r)


def _at_least_3d(op: str, input: Any) -> tuple[int, ...]:
    if input._array.ndim < 3:
        raise ShapeError(
            f"{op} expects input to have at least 3 dimensions, but got input with "
            f"{input._array.ndim} dimension(s)"
        )
    return input._array.shape  # type: ignore[no-any-return]


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
    if input._array.ndim < 3:
        raise ShapeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(input._array.shape)}"
        )
    n, c, *rest = input._array.shape
    if groups <= 0 or c % groups:
        raise ShapeError(
            "Number of channels must be divisible by groups, which is positive. Got "
            f"{c} channels and {groups} groups."
        )
    apart = input.reshape(n, groups, c // groups, *rest)
    return apart.transpose(1, 2).reshape(n, c, *rest)
