"""Images and volumes looked at through a grid of places."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from minigrad.autograd.op import Op, arrays, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, xp_of
from minigrad.backend.native import kernel
from minigrad.errors import DtypeError, ShapeError, warn_user
from minigrad.ops.creation.counting import both_ends
from minigrad.ops.elementwise.precision import is_half
from minigrad.ops.image.grid_places import How, constant, coordinate, moved, raw

_F = ("nn.functional",)
EDGES = ("zeros", "border", "reflection")  # by the kernels' numbers
ALIGN = (
    "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. "
    "Please specify align_corners=True if the old behavior is desired. See the documentation of "
    "grid_sample for details."
)


class Tap(NamedTuple):
    """One element along an axis for each place of the grid: which, what it counts, its slope."""

    place: Array
    weight: Any
    slope: Any


def _taps(F: Any, c: Any, size: int, how: How) -> list[Tap]:
    """The elements around each place along one axis."""
    xp = xp_of(raw(c))
    if how.mode == "nearest":
        return [Tap(xp.rint(raw(c)), None, None)]
    low = xp.floor(raw(c))
    t = c - constant(F, low)
    if how.mode == "bilinear":
        return [Tap(low, 1 - t, -1), Tap(low + 1, t, 1)]
    a, u = -0.75, 1 - t
    found = [  # Keys' cubic: elements between 1 and 2 away, and up to 1 away
        (_outer(t + 1, a), a * ((3 * t - 4) * t + 1)),
        (_inner(t, a), ((3 * a + 6) * t - (2 * a + 6)) * t),
        (_inner(u, a), -((3 * a + 6) * u - (2 * a + 6)) * u),
        (_outer(u + 1, a), -a * ((3 * u - 4) * u + 1)),
    ]
    return [
        Tap(moved(arrays, low + step, 1, size, how)[0], weight, slope)
        for step, (weight, slope) in enumerate(found, -1)
    ]


def _outer(x: Any, a: float) -> Any:
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a


def _inner(x: Any, a: float) -> Any:
    return ((a + 2) * x - (a + 3)) * x * x + 1


def _read(F: Any, grid: Any, how: How) -> tuple[list[list[Tap]], list[Any]]:
    """The taps and the paces along each axis; the grid names the last axis first."""
    taps, paces = [], []
    for axis, size in enumerate(how.sizes):
        # one axis more, so that the places serve all channels
        c, pace = coordinate(F, grid[..., len(how.sizes) - 1 - axis][:, None], size, how)
        taps.append(_taps(F, c, size, how))
        paces.append(pace)
    return taps, paces


def _where(choice: tuple[Tap, ...], sizes: tuple[int, ...]) -> tuple[Array, Array | None]:
    """The flat places of a choice of taps, and which of them are elements if not all are."""
    xp = xp_of(choice[0].place)
    inside: Any = True
    places: Any = 0
    for tap, size in zip(choice, sizes, strict=True):
        inside = inside & (tap.place >= 0) & (tap.place <= size - 1)
        index = xp.clip(xp.nan_to_num(tap.place), 0, size - 1).astype(xp.int64)
        places = places * size + index
    return places, None if inside.all() else inside


def _product(factors: list[Any]) -> Any:
    """The product of what is not None."""
    found = None
    for factor in factors:
        if factor is not None:
            found = factor if found is None else found * factor
    return found


def _times(x: Any, weight: Any) -> Any:
    return x if weight is None else x * weight


def _name(how: How) -> str:
    return f"GridSampler{len(how.sizes)}DBackward0"


def _kernel(name: str, how: How, x: Array, grid: Array, moving: bool = False) -> Any:
    """A kernel for images, with the coordinates down and to the right as it takes them, and how
    fast these move, if that is asked for; None where there is none.
    """
    run = kernel(name, x) if len(how.sizes) == 2 and how.mode != "bicubic" else None
    exact = 1 << (24 if x.dtype.itemsize < 8 else 31)  # places that its numbers can tell apart
    if run is None or math.prod(how.sizes) >= 1 << 31 or max(how.sizes) > exact:
        return None
    xp = xp_of(x)
    find = kernel("grid_places", x) if xp is np and grid.dtype == x.dtype else None
    if find is not None:
        grid = xp.ascontiguousarray(grid)
        places = [xp.empty(grid.shape[:-1], x.dtype) for _ in how.sizes]
        paces = [xp.empty_like(place) for place in places] if moving else [None, None]
        count, edges = math.prod(grid.shape[:-1]), EDGES.index(how.edges)
        find(grid, *places, *paces, count, *how.sizes, how.align, edges)
        return run, places, paces
    found = [coordinate(arrays, grid[..., 1 - axis], how.sizes[axis], how) for axis in (0, 1)]
    places = [xp.ascontiguousarray(c, x.dtype) for c, _ in found]
    return run, places, [pace for _, pace in found]


def _sampled(input: Array, grid: Array, how: How) -> Array | None:
    """``GridValues`` by a kernel, if there is one for it."""
    xp = xp_of(input)
    input = xp.ascontiguousarray(input)
    found = _kernel("sample_planes", how, input, grid)
    if found is None:
        return None
    run, places, _ = found
    out = xp.empty((*input.shape[:2], *grid.shape[1:3]), input.dtype)
    run(input, *places, out, *input.shape, math.prod(grid.shape[1:3]), how.mode == "nearest")
    return out


def _sampled_back(
    g: Array, input: Array, grid: Array, how: How, needs: Any
) -> tuple[Array | None, Array | None] | None:
    """The gradients of ``GridValues`` by kernels, if there are such."""
    xp = xp_of(g)
    g, input = xp.ascontiguousarray(g), xp.ascontiguousarray(input)
    found = None
    if g.dtype == input.dtype:
        moving = needs[1] and how.mode != "nearest"
        found = _kernel("sample_planes_input", how, g, grid, moving)
    if found is None:
        return None
    run, places, paces = found
    counts = (*input.shape, math.prod(grid.shape[1:3]))
    to_input = xp.zeros_like(input) if needs[0] else None
    if needs[0]:
        run(g, *places, to_input, *counts, how.mode == "nearest")
    if not needs[1]:
        return to_input, None
    if how.mode == "nearest":
        return to_input, xp.zeros_like(grid)
    slopes = [xp.empty_like(place) for place in places]
    slope_of = kernel("sample_planes_places", g, input)
    assert slope_of is not None  # there is one wherever there is the other
    slope_of(g, input, *places, *slopes, *counts)
    shifts = [slope * pace for slope, pace in zip(slopes, paces, strict=True)]
    return to_input, xp.stack(shifts[::-1], axis=-1)


@register(internal=True)
class GridValues(Op):
    """Weighted sums of the elements around each place of a grid."""

    grad_fn = _name

    @staticmethod
    def forward(xp: Any, input: Array, grid: Array, how: How) -> Array:
        """One look-up for each combination of the axes' taps."""
        total = _sampled(input, grid, how)
        if total is not None:
            return total
        for choice in itertools.product(*_read(arrays, grid, how)[0]):
            places, inside = _where(choice, how.sizes)
            value = _inside(arrays, arrays.plane_gather(input, places, how.sizes), inside)
            value = _times(value, _product([tap.weight for tap in choice]))
            total = value if total is None else total + value
        return total

    @staticmethod
    def vjp(g: Any, input: Any, grid: Any, how: How, needs: Any, F: Any) -> Any:
        """Shares of the cotangent to the elements, and the slope of the weights to the grid."""
        found = _sampled_back(g, input, grid, how, needs) if F is arrays else None
        if found is not None:
            return found
        taps, paces = _read(F, grid, how)
        axes, to_input = len(how.sizes), None
        slopes: list[Any] = [None] * axes
        for choice in itertools.product(*taps):
            places, inside = _where(choice, how.sizes)
            weights = [tap.weight for tap in choice]
            held = constant(F, places)
            if needs[0]:
                share = _inside(F, _times(g, _product(weights)), inside)
                part = F.plane_scatter(share, held, how.sizes)
                to_input = part if to_input is None else to_input + part
            if needs[1] and how.mode != "nearest":
                value = _inside(F, F.plane_gather(input, held, how.sizes), inside)
                along = F.sum(g * value, (1,), True)
                for axis in range(axes):
                    factors = [along, *weights[:axis], choice[axis].slope, *weights[axis + 1 :]]
                    part = _product(factors)
                    slopes[axis] = part if slopes[axis] is None else slopes[axis] + part
        if not needs[1]:
            return to_input, None
        if how.mode == "nearest":
            return to_input, constant(F, xp_of(raw(grid)).zeros_like(raw(grid)))
        columns = []
        for slope, pace in zip(slopes, paces, strict=True):
            shift = slope * (constant(F, pace) if hasattr(pace, "dtype") else pace)
            columns.append(shift[:, 0][..., None])
        return to_input, F.cat(*reversed(columns), dim=axes + 1)


def _inside(F: Any, value: Any, inside: Array | None) -> Any:
    """A value where there is an element, and zero elsewhere."""
    if inside is None:
        return value
    zero = xp_of(inside).zeros((), raw(value).dtype)
    return F.where(constant(F, inside), value, constant(F, zero))


@function(
    where=_F,
    torch="nn.functional.grid_sample",
    domain=(reals(-3, 3), reals(-1.4, 1.4, avoid=(-1, 0, 1))),
    samples=(
        call(T(1, 2, 4, 5), T(1, 3, 2, 2), align_corners=False),
        call(T(2, 1, 4, 5), T(2, 3, 2, 2), padding_mode="border", align_corners=True),
        call(T(1, 2, 4, 5), T(1, 3, 2, 2), mode="bicubic", align_corners=False),
        call(T(1, 1, 3, 4, 3), T(1, 2, 2, 1, 3), padding_mode="reflection", align_corners=False),
        call(T(1, 1, 3, 4), T(1, 2, 2, 2), mode="nearest", align_corners=True),
    ),
    errors=(
        call(T(1, 2, 4, 5), T(2, 3, 2, 2), align_corners=False),
        call(T(1, 2, 4, 5), T(1, 3, 2, 3), align_corners=False),
        call(T(2, 4, 5), T(2, 3, 2), align_corners=False),
        call(T(1, 2, 4, 5), T(1, 3, 2, 2), mode="linear", align_corners=False),
        call(T(1, 2, 4, 5), T(1, 3, 2, 2), padding_mode="zero", align_corners=False),
    ),
    orders=1,
)
def grid_sample(
    input: Any,
    grid: Any,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Any:
    """The values of an image or a volume at the places of a grid, between its elements too.

    Formula:   y[n, c, p] = Σ_t w_t x[n, c, t] over the elements t around ``grid[n, p]``
    Gradient:  gx[t] = Σ_p w_t g[p]; for the grid, the slope of the weights

    Shape: (N, C, H, W) and (N, H', W', 2), or (N, C, D, H, W) and (N, D', H', W', 3)
    -> (N, C, H', W') or (N, C, D', H', W'). A place is (x, y) or (x, y, z), from -1 to 1: the
    middles of the outermost elements with ``align_corners``, else their outer edges. Beyond are
    ``zeros``, the ``border`` elements again, or the ``reflection``.
    Raises: ValueError for an unknown mode; RuntimeError for sizes that do not fit.

    >>> import minigrad as torch
    >>> image = torch.tensor([[[[0., 1.], [2., 3.]]]])
    >>> torch.nn.functional.grid_sample(image, torch.zeros(1, 1, 1, 2), align_corners=False)
    tensor([[[[1.5000]]]])
    """
    _check(input, grid, mode, padding_mode)
    if align_corners is None:
        warn_user(ALIGN)
    how = How(mode, padding_mode, bool(align_corners), input._array.shape[2:])
    if is_half(input._array.dtype):
        return tensors.grid_values(input.float(), grid.float(), how).to(input.dtype)
    return tensors.grid_values(input, grid, how)


def _check(input: Any, grid: Any, mode: str, padding_mode: str) -> None:
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    for name, value in (("input", input), ("grid", grid)):
        if not isinstance(value, TensorBase):
            raise TypeError(f"grid_sample(): argument '{name}' must be Tensor, not {value!r:.60}")
    x, at = input._array, grid._array
    if x.dtype != at.dtype or x.dtype.kind not in "fV":
        raise DtypeError(
            f"grid_sample(): expected input and grid to have the same floating dtype, got "
            f"{input.dtype} and {grid.dtype}"
        )
    if (
        x.ndim not in (4, 5)
        or x.ndim != at.ndim
        or x.shape[0] != at.shape[0]
        or at.shape[-1] != x.ndim - 2
        or 0 in x.shape[2:]
        or (mode == "bicubic" and x.ndim == 5)
    ):
        raise ShapeError(
            "grid_sample(): expected 4D or 5D input and a grid with the same number of dimensions, "
            "the same batch size and a last axis of 2 or 3 (and 4D for bicubic), and an input with "
            f"non-empty spatial dimensions, got sizes {list(x.shape)} and {list(at.shape)}"
        )


@function(
    where=_F,
    torch="nn.functional.affine_grid",
    samples=(
        call(T(2, 2, 3), (2, 1, 3, 4), align_corners=False),
        call(T(1, 3, 4), (1, 2, 2, 3, 2), align_corners=True),
    ),
    errors=(
        call(T(2, 3), (2, 1, 3, 4), align_corners=False),
        call(T(2, 2, 3), (2, 3, 4), align_corners=False),
        call(T(2, 2, 3), (2, 1, 0, 4), align_corners=False),
    ),
)
def affine_grid(theta: Any, size: Any, align_corners: bool | None = None) -> Any:
    """The grid for :func:`grid_sample` that an affine map of the output's places gives.

    Formula:   grid[n, p] = theta[n] (x_p, y_p, 1)
    Gradient:  gtheta[n] = Σ_p g[n, p] (x_p, y_p, 1)

    Shape: (N, 2, 3) and a size (N, C, H, W) -> (N, H, W, 2); (N, 3, 4) and (N, C, D, H, W)
    -> (N, D, H, W, 3).
    Raises: ValueError or NotImplementedError for what is not of these shapes.

    >>> import minigrad as torch
    >>> theta = torch.tensor([[[1., 0., 0.], [0., 1., 0.]]])
    >>> torch.nn.functional.affine_grid(theta, (1, 1, 1, 2), align_corners=False)
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])
    """
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    sizes = tuple(int(n) for n in size)
    axes = len(sizes) - 2
    if axes not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {list(sizes)}"
        )
    if tuple(theta.shape[-2:]) != (axes, axes + 1) or theta.ndim != 3:
        raise ValueError(
            f"Expected a batch of {axes}D affine matrices of shape Nx{axes}x{axes + 1} for size "
            f"{sizes}. Got {theta.shape}."
        )
    if align_corners is None:
        warn_user(ALIGN)
    if min(sizes) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {list(sizes)}")
    if theta.shape[0] != sizes[0]:
        raise ShapeError(
            f"affine_grid: expected {sizes[0]} matrices for size {list(sizes)}, got "
            f"{theta.shape[0]}"
        )
    spatial, dtype, xp = sizes[2:], theta._array.dtype, xp_of(theta._array)
    base = xp.ones((*spatial, axes + 1), dtype)
    for axis, n in enumerate(spatial):
        line = xp.asarray(both_ends(-1, 1, n, dtype)) if n > 1 else xp.zeros(1, dtype)
        line = line if align_corners else line * dtype.type(n - 1) / dtype.type(n)
        base[..., axes - 1 - axis] = line.reshape((-1,) + (1,) * (axes - axis - 1))
    places = tensors.from_array(base.reshape(-1, axes + 1))
    return (places @ theta.transpose(1, 2)).reshape(sizes[0], *spatial, axes)
