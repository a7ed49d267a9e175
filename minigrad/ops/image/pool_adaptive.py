"""Pooling into a given number of parts, and over windows that are drawn at random."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, beside
from minigrad.errors import KindError, ShapeError
from minigrad.ops.creation.random import rand
from minigrad.ops.folds import MANY
from minigrad.ops.image import pool_kernels
from minigrad.ops.image.axis_maps import AxisMap, parts
from minigrad.ops.image.planes import flat_places
from minigrad.ops.image.pool import ROOM
from minigrad.ops.image.pool_checks import NOUNS, SHAPES, per_axis, whole

_F, _TORCH = ("nn.functional",), ("torch", "nn.functional")
_DOMAIN = (reals(-3, 3),)
_UNIT = reals(0, 0.99, moved=False)


def _max_name(axes: int) -> str:
    return "SqueezeBackward1" if axes == 1 else f"AdaptiveMaxPool{axes}DBackward0"


@register(internal=True)
class MaxAmong(Op):
    """The greatest element among candidates, and its place in the flattened spatial axes.

    ``candidates`` (..., *out, taps) holds places; its first axes are those of the input, or none.
    With ``taps`` it is (..., *out): each stands for those that are so far from it.
    """

    outputs = 2
    keeps = ("places",)
    kinds = "fV"
    grad_fn: ClassVar[Any] = staticmethod(lambda sizes, name, taps=None: name)

    @staticmethod
    def forward(
        xp: Any,
        input: Array,
        candidates: Array,
        sizes: tuple[int, ...],
        name: str,
        taps: tuple[int, ...] | None = None,
    ) -> tuple[Array, Array, Array]:
        """The first of the greatest; a NaN wins over all, the last one if there are several."""
        axes = len(sizes)
        lead = input.shape[: input.ndim - axes]
        native: Any = pool_kernels.among(input, candidates, sizes, taps)
        if native is not None:
            return native  # type: ignore[no-any-return]
        if taps is not None:
            candidates = candidates[..., None] + xp.asarray(taps)
        if candidates.ndim == axes + 1:
            planes = input.reshape(*lead, math.prod(sizes))
            found = planes.take(candidates, axis=-1)
        else:
            flat = flat_places(xp, candidates, lead, sizes)
            found = input.reshape(-1).take(flat)
        number = found.argmax(-1)
        values = found.reshape(-1).take(_rows(xp, found.shape) + number)
        flat = values.reshape(-1)
        # A NaN is there, as no other square makes one; or may be, on a card that nobody waits for.
        if xp is not np or flat.dot(flat) != flat.dot(flat):
            empty = found != found
            last = found.shape[-1] - 1 - empty[..., ::-1].argmax(-1)
            number = xp.where(empty.any(-1), last, number)
        places = candidates.reshape(-1).take(_rows(xp, candidates.shape) + number)
        return values, places, places

    @staticmethod
    def grad_input(g: Any, places: Any, sizes: tuple[int, ...], F: Any) -> Any:
        """The cotangent, at the winner's place."""
        return F.plane_scatter(g[0], places, sizes)


@functools.lru_cache(maxsize=64)
def _few_rows(shape: tuple[int, ...]) -> Any:
    return np.arange(0, math.prod(shape), shape[-1]).reshape(shape[:-1])


def _rows(xp: Any, shape: tuple[int, ...]) -> Any:
    """Where each row of an array begins in the flattened one."""
    if xp is np and math.prod(shape) <= MANY:
        return _few_rows(shape)
    return xp.arange(0, math.prod(shape), shape[-1]).reshape(shape[:-1])


@functools.lru_cache(maxsize=64)
def _candidates(sizes: tuple[int, ...], counts: tuple[int, ...]) -> Any:
    """The places of each part, row by row; shorter parts repeat their last place."""
    axes = len(sizes)
    places: Any = np.zeros((1,) * 2 * axes, np.int64)
    for axis, (size, count) in enumerate(zip(sizes, counts, strict=True)):
        starts, ends = parts(size, count)
        taps = np.arange(int((ends - starts).max(initial=1)))
        along = np.minimum(starts[:, None] + taps, ends[:, None] - 1)
        shape = [1] * 2 * axes
        shape[axis], shape[axes + axis] = along.shape
        places = places * size + along.reshape(shape)
    return places.reshape(*counts, -1) if min(counts) else places.reshape(*counts, places.shape[-1])


def _sizes(op: str, axes: int, input: Any, output_size: Any) -> tuple[Any, tuple[int, ...]]:
    """The spatial sizes before and after, checked."""
    if not isinstance(input, TensorBase):
        raise TypeError(f"{op}(): argument 'input' must be Tensor, not {type(input).__name__}")
    several = type(output_size) is not int and isinstance(output_size, Sequence)
    several = several and not isinstance(output_size, str)
    given = tuple(output_size) if several else output_size
    return _checked_sizes(op, axes, input._array.shape, given)


@functools.lru_cache(maxsize=256, typed=True)
def _checked_sizes(
    op: str, axes: int, size: tuple[int, ...], output_size: Any
) -> tuple[Any, tuple[int, ...]]:
    several = type(output_size) is tuple
    if not several:
        whole(op, "output_size", output_size)
    wanted = output_size if several else (output_size,) * axes
    if axes > 1 and several and len(size) <= len(wanted):
        raise ValueError(f"Input dimension should be at least {len(wanted) + 1}")
    if len(wanted) != axes:
        raise ShapeError(f"{op}: output_size must be {axes}")
    if len(size) not in (axes + 1, axes + 2):
        raise ShapeError(f"{op}: Expected {axes + 1}D or {axes + 2}D tensor, but got {list(size)}")
    plane = axes < 3 and "avg" in op  # torch lets these two have no channels
    if 0 in (size[-axes - (len(size) == axes + 1) :] if plane else size[1:]):
        raise ShapeError(
            f"{op}: Expected input to have non-zero size for non-batch dimensions, but input has "
            f"sizes {list(size)}"
        )
    sizes = size[-axes:]
    out = tuple(
        n if w is None else whole(op, "output_size", w) for n, w in zip(sizes, wanted, strict=True)
    )
    if min(out) < 0:
        raise ShapeError(
            f"{op}: elements of output_size must be greater than or equal to 0 but received "
            f"{{{', '.join(map(str, out))}}}"
        )
    return sizes, out


def _adaptive_avg(axes: int) -> Any:
    name = f"adaptive_avg_pool{axes}d"
    node = f"AdaptiveAvgPool{max(axes, 2)}D"

    def pool(input: Any, output_size: Any) -> Any:
        sizes, out = _sizes(name, axes, input, output_size)
        if input._array.dtype.kind not in "fV" and any(n != 1 for n in out):
            raise KindError(f"{name}: not implemented for {input.dtype}; use x.float()")
        if all(n == 1 for n in out):
            return input.mean(tuple(range(-axes, 0)), True)
        maps = tuple(AxisMap("mean", *pair) for pair in zip(sizes, out, strict=True))
        return tensors.map_axes(input, maps, node)

    pool.__doc__ = f"""The mean of each of ``output_size`` parts of {NOUNS[axes]}.

    Formula:   part i of L' is the mean of x from floor(i L / L') to ceil((i + 1) L / L')
    Gradient:  g divided by the number of places, to each of them

    Shape: {SHAPES[axes]}; None in ``output_size`` keeps a size.
    Raises: RuntimeError or ValueError for sizes that do not fit.

    >>> import minigrad as torch
    >>> torch.nn.functional.{name}(torch.ones({", ".join(["1"] + ["5"] * axes)}), 2).shape
    torch.Size([{", ".join(["1"] + ["2"] * axes)}])
    """
    return pool


def _adaptive_max(axes: int, always: bool) -> Any:
    name = f"adaptive_max_pool{axes}d"

    def both(input: Any, output_size: Any) -> Any:
        sizes, out = _sizes(name, axes, input, output_size)
        candidates = tensors.from_array(beside(_candidates(tuple(sizes), out), input._array))
        return tensors.max_among(input, candidates, tuple(sizes), _max_name(axes))

    def pool(input: Any, output_size: Any, return_indices: bool = False) -> Any:
        found = both(input, output_size)
        return found if return_indices else found[0]

    def with_indices(input: Any, output_size: Any, return_indices: bool = True) -> Any:
        return both(input, output_size)

    found = with_indices if always else pool
    tail = "_with_indices" if always else ""
    first = "[0]" if always else ""
    found.__doc__ = f"""The greatest element of each of ``output_size`` parts of {NOUNS[axes]}.

    Formula:   the maximum over the parts of ``adaptive_avg_pool{axes}d``
    Gradient:  g to the greatest element, to the first one of equals

    Shape: {SHAPES[axes]}; None in ``output_size`` keeps a size. The indices are places in the
    flattened spatial axes, as int64.
    Raises: RuntimeError or ValueError for sizes that do not fit.

    >>> import minigrad as torch
    >>> x = torch.ones({", ".join(["1"] + ["5"] * axes)})
    >>> torch.nn.functional.{name}{tail}(x, 2){first}.shape
    torch.Size([{", ".join(["1"] + ["2"] * axes)}])
    """
    return found


def _fractional(axes: int, always: bool) -> Any:
    name = f"fractional_max_pool{axes}d"

    def both(
        input: Any, kernel_size: Any, output_size: Any, output_ratio: Any, samples: Any
    ) -> Any:
        sizes, kernel, out = _fractional_sizes(
            name, axes, input, kernel_size, output_size, output_ratio
        )
        batched = input if input._array.ndim == axes + 2 else input.unsqueeze(0)
        n, channels = batched._array.shape[:2]
        if samples is None:
            samples = rand(n, channels, axes, dtype=input.dtype, device=input.device)
        given = samples._array.shape
        fits = len(given) == 3 and given[1:] == (channels, axes)
        # More rows than there are samples do no harm.
        if samples.dtype is not input.dtype or not fits or given[0] < n:
            raise ShapeError(
                f"{name}: expected _random_samples of shape {(n, channels, axes)} and type "
                f"{input.dtype}, got {tuple(samples.shape)} and {samples.dtype}"
            )
        begins, taps = _drawn(samples._array[:n], sizes, kernel, out)
        places = tensors.from_array(begins)
        values, places = tensors.max_among(batched, places, sizes, _max_name(axes), taps)
        if batched is not input:
            return values.squeeze(0), places.squeeze(0)
        return values, places

    def pool(
        input: Any,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> Any:
        found = both(input, kernel_size, output_size, output_ratio, _random_samples)
        return found if return_indices else found[0]

    def with_indices(
        input: Any,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = True,
        _random_samples: Any = None,
    ) -> Any:
        return both(input, kernel_size, output_size, output_ratio, _random_samples)

    found = with_indices if always else pool
    tail = "_with_indices" if always else ""
    first = "[0]" if always else ""
    found.__doc__ = f"""The greatest elements of windows of {NOUNS[axes]} that are drawn at random.

    Formula:   along each axis the windows begin at int((i + u) a) - int(u a), where u is drawn for
               each channel and a = (L - k) / (L' - 1); the last one stands at the end
    Gradient:  g to the greatest element, to the first one of equals

    Shape: {SHAPES[axes]}; L' is ``output_size``, or L times ``output_ratio``.
    Raises: RuntimeError or ValueError for sizes that do not fit.
    Source: Graham, Fractional max-pooling, 2014.

    >>> import minigrad as torch
    >>> x = torch.ones({", ".join(["1"] + ["5"] * axes)})
    >>> torch.nn.functional.{name}{tail}(x, 2, 3){first}.shape
    torch.Size([{", ".join(["1"] + ["3"] * axes)}])
    """
    return found


def _fractional_sizes(
    op: str, axes: int, input: Any, kernel_size: Any, output_size: Any, output_ratio: Any
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """The spatial sizes, the window, and the sizes of the output."""
    if output_size is None and output_ratio is None:
        raise ValueError(f"{op} requires specifying either an output_size or an output_ratio")
    size = input._array.shape
    if len(size) not in (axes + 1, axes + 2) or 0 in size[-axes - 1 :]:
        raise ShapeError(
            f"{op}: Expected {axes + 1}D or {axes + 2}D tensor whose axes have elements, but for "
            f"the batch, got {list(size)}"
        )
    sizes, kernel = size[-axes:], per_axis(op, "kernel_size", kernel_size, axes)
    if output_size is None:
        ratios = output_ratio
        if not isinstance(ratios, (tuple, list)):
            ratios = (ratios,) * axes
        if any(not 0 < r < 1 for r in ratios):
            raise ValueError(f"{op} requires output_ratio between 0 and 1, got {output_ratio}")
        out = tuple(int(n * r) for n, r in zip(sizes, ratios, strict=True))
    else:
        out = per_axis(op, "output_size", output_size, axes)
    if min(*kernel, *out) < 1:
        raise ShapeError(f"{op}: kernel_size and output_size must be greater than zero")
    if any(o + k - 1 > n for n, k, o in zip(sizes, kernel, out, strict=True)):
        raise ShapeError(f"{op}: pool size {kernel} too large relative to input size {sizes}")
    return sizes, kernel, out


def _drawn(
    samples: Array, sizes: tuple[int, ...], kernel: tuple[int, ...], out: tuple[int, ...]
) -> Any:
    """Where windows (N, C, *out) begin as the samples say, and how far its taps are from there."""
    axes, steps, taps = len(sizes), *_steps(sizes, kernel, out, samples.dtype)
    places: Any = 0
    for axis, (i, step, last) in enumerate(steps):
        # torch draws for the last axis of images first, for volumes in the order of the axes
        u = samples[..., axes - 1 - axis if axes == 2 else axis, None]
        starts = ((beside(i, samples) + u) * step).astype(np.int64)
        starts -= (u * step).astype(np.int64)
        starts[..., -1] = last
        if axis:
            places = places[..., None] * sizes[axis]
            starts = starts[(slice(None), slice(None), *(None,) * axis)]
        places = places + starts
    return places, taps


@functools.lru_cache(maxsize=64)
def _steps(
    sizes: tuple[int, ...], kernel: tuple[int, ...], out: tuple[int, ...], dtype: Any
) -> tuple[list[Any], tuple[int, ...]]:
    """Per axis the numbers of the windows, the step between them and the last one's begin; and how
    far each tap is from where its window begins."""
    steps, taps = [], np.zeros(1, int)
    for size, k, count in zip(sizes, kernel, out, strict=True):
        step = dtype.type((size - k) / max(count - 1, 1))
        steps.append((np.arange(count).astype(dtype), step, size - k))
        taps = (taps[:, None] * size + np.arange(k)).reshape(-1)
    return steps, tuple(taps.tolist())


for _axes in (1, 2, 3):
    _batch, _one = T(*ROOM[: _axes + 2]), T(*ROOM[1 : _axes + 2])
    _mixed = (3, 2, 4)[:_axes]
    _samples = (
        call(_batch, 3),
        call(_one, _mixed),
        call(_batch, 1),
        call(T(1, 1, *(2, 3, 2)[:_axes]), (4, 5, 3)[:_axes]),
        *((call(_one, (None, 2, 3)[:_axes]),) if _axes > 1 else ()),
    )
    _facts: Any = {
        "domain": _DOMAIN,
        "errors": (
            call(T(*(4,) * _axes), _mixed),
            call(_batch, (3, 2, 1, 1)),
            call(_batch, (-2,) * _axes),
        ),
    }
    _name = f"adaptive_avg_pool{_axes}d"
    function(
        _name, where=_TORCH if _axes == 1 else _F, torch=f"nn.functional.{_name}",
        samples=_samples, **_facts,
    )(_adaptive_avg(_axes))  # fmt: skip
    _name = f"adaptive_max_pool{_axes}d"
    function(
        f"functional_{_name}" if _axes == 1 else _name,
        where=_F, torch=f"nn.functional.{_name}", samples=_samples, **_facts,
    )(_adaptive_max(_axes, False))  # fmt: skip
    function(
        f"{_name}_with_indices", where=_F, torch=f"nn.functional.{_name}_with_indices",
        samples=_samples[:2], **_facts,
    )(_adaptive_max(_axes, True))  # fmt: skip
    if _axes == 1:  # torch.adaptive_max_pool1d is the form that always has indices
        function(_name, where=("torch",), samples=_samples[:2], **_facts)(_adaptive_max(1, True))
        continue
    _name = f"fractional_max_pool{_axes}d"
    for _always in (False, True):
        _full = f"{_name}_with_indices" if _always else _name
        function(
            _full, where=_F, torch=f"nn.functional.{_full}", domain=_DOMAIN,
            samples=(
                call(_batch, 2, 3, _random_samples=T(2, 3, _axes, domain=_UNIT)),
                call(_one, 2, None, (0.5,) * _axes, _random_samples=T(1, 3, _axes, domain=_UNIT)),
            ),
            errors=(call(_batch, 2), call(_batch, 2, 9)),
        )(_fractional(_axes, _always))  # fmt: skip
