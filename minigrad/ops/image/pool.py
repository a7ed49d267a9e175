"""Pooling over windows that slide: the greatest element, the mean, the power mean of each."""

from __future__ import annotations

import math
from typing import Any

from minigrad.autograd.op import tensors
from minigrad.autograd.registry import T, call, function, reals
from minigrad.errors import KindError, ShapeError
from minigrad.ops.image.pool_checks import NOUNS, SHAPES, placed
from minigrad.ops.image.pool_windows import Mean, max_name

_F, _TORCH = ("nn.functional",), ("torch", "nn.functional")
_DOMAIN = (reals(-3, 3),)
ROOM = (2, 3, 7, 5, 6)  # of the samples: batch, channels, and up to three axes


def _max_pool(axes: int) -> Any:
    name = f"max_pool{axes}d"

    def pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        windows = placed(name, axes, input, kernel_size, stride, padding, dilation, ceil_mode)
        if windows.few(input._array, return_indices) and input._array.dtype.kind == "f":
            candidates = tensors.from_array(windows.candidates())
            found = tensors.max_among(input, candidates, windows.sizes, max_name(windows))
            return found if return_indices else found[0]
        values = tensors.max_pool(input, windows)
        if not return_indices:
            return values
        return values, tensors.max_places(input, values, windows)

    pool.__doc__ = f"""The greatest element of each window of {NOUNS[axes]}.

    Formula:   y[n, c, p] = max_t x[n, c, stride p + dilation t - padding]
    Gradient:  g goes to the greatest element, to the first one of equals

    Shape: {SHAPES[axes]} with, for each axis, L' = (L + 2 padding - dilation (k - 1) - 1) //
    stride + 1, rounded up with ``ceil_mode`` where the last window still begins inside. ``stride``
    is ``kernel_size`` if not given. With ``return_indices`` also the places in the flattened
    spatial axes, as int64.
    Raises: RuntimeError for sizes that do not fit.

    >>> import minigrad as torch
    >>> torch.nn.functional.{name}({_example(axes)}, 2)
    {_result(axes, 3.0)}
    """
    return pool


def _with_indices(axes: int) -> Any:
    pool = _max_pool(axes)

    def with_indices(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = True,
    ) -> Any:
        return pool(input, kernel_size, stride, padding, dilation, ceil_mode, True)

    with_indices.__doc__ = f"""As ``max_pool{axes}d`` with ``return_indices=True``.

    >>> import minigrad as torch
    >>> torch.nn.functional.max_pool{axes}d_with_indices({_example(axes)}, 2)[0]
    {_result(axes, 3.0)}
    """
    return with_indices


def _avg_pool(axes: int) -> Any:
    name = f"avg_pool{axes}d"

    def mean(
        input: Any, kernel: Any, stride: Any, padding: Any, ceil: bool, count: bool, divisor: Any
    ) -> Any:
        if divisor == 0:
            raise ShapeError(f"divisor must be not zero ({name})")
        windows = placed(name, axes, input, kernel, stride, padding, 1, ceil)
        if input._array.dtype.kind not in "fV" and input._array.dtype.str[1:] != "i8":
            raise KindError(f"{name}: not implemented for {input.dtype}; use x.float()")
        return tensors.window_mean(input, Mean(windows, bool(count), divisor))

    def pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        return mean(
            input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        )

    def pool_without_divisor(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> Any:
        return mean(input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)

    found = pool if axes > 1 else pool_without_divisor
    found.__doc__ = f"""The mean of each window of {NOUNS[axes]}.

    Formula:   y[n, c, p] = 1/k Σ_t x[n, c, stride p + t - padding]
    Gradient:  g / k to each element of the window

    k counts the window's places, without the margin if not ``count_include_pad``; or it is
    ``divisor_override``.

    Shape: {SHAPES[axes]} as for ``max_pool{axes}d``.
    Raises: RuntimeError for sizes that do not fit.

    >>> import minigrad as torch
    >>> torch.nn.functional.{name}({_example(axes)}, 2)
    {_result(axes, 2.0)}
    """
    return found


def _lp_pool(axes: int) -> Any:
    average, greatest = _avg_pool(axes), _max_pool(axes)

    def pool(
        input: Any,
        norm_type: float,
        kernel_size: Any,
        stride: Any = None,
        ceil_mode: bool = False,
    ) -> Any:
        if norm_type == math.inf:
            return greatest(input.abs(), kernel_size, stride, ceil_mode=ceil_mode)
        if norm_type == -math.inf:
            return -greatest(-input.abs(), kernel_size, stride, ceil_mode=ceil_mode)
        kernel = kernel_size if isinstance(kernel_size, (tuple, list)) else (kernel_size,) * axes
        count = 1
        for n in kernel:
            count *= n
        total = average(input.pow(norm_type), kernel_size, stride, 0, ceil_mode) * count
        return (total.sign() * total.abs().relu()).pow(1.0 / norm_type)

    pool.__doc__ = f"""The power sum of each window of {NOUNS[axes]}.

    Formula:   y[n, c, p] = (Σ_t x[n, c, stride p + t] ** norm_type) ** (1 / norm_type)
    Gradient:  (x / y) ** (norm_type - 1) times g

    Shape: {SHAPES[axes]} as for ``max_pool{axes}d``.

    >>> import minigrad as torch
    >>> torch.nn.functional.lp_pool{axes}d({_example(axes)}, 1, 2)
    {_result(axes, 2.0 * 2**axes)}
    """
    return pool


def _example(axes: int) -> str:
    """Ones and threes, as many of each."""
    inner = "[1., 3.]"
    for _ in range(axes - 1):
        inner = f"[{inner}, {inner}]"
    return f"torch.tensor([{inner}])"


def _result(axes: int, value: float) -> str:
    return f"tensor({'[' * (axes + 1)}{value:.0f}.{']' * (axes + 1)})"


def _shapes(axes: int) -> tuple[T, T, T]:
    """Inputs of the samples: with a batch, without one, and a small one."""
    return T(*ROOM[: axes + 2]), T(*ROOM[1 : axes + 2]), T(1, 1, *(4,) * axes)


def _bad(axes: int) -> tuple[Any, ...]:
    """Calls that all of these layers refuse."""
    batch = _shapes(axes)[0]
    return (
        call(batch, 0),
        call(batch, 2, 0),
        call(batch, 2, padding=2),
        call(batch, 2, padding=-1),
        call(batch, 9),
        call(batch, (2, 2, 2, 2)),
        call(T(2, 0, *(4,) * axes), 2),
    )


def _enter(name: str, axes: int, **facts: Any) -> Any:
    """The decorator that enters one of these layers; ``torch`` has those of one axis too."""
    facts.setdefault("where", _TORCH if axes == 1 else _F)
    return function(name, torch=f"nn.functional.{name}", **{"domain": _DOMAIN, **facts})


def _entered_max(axes: int) -> Any:
    batch, one, small = _shapes(axes)
    uneven = (2, 3, 1)[:axes]
    _enter(
        f"max_pool{axes}d_with_indices", axes,
        samples=(call(batch, 2), call(one, 3, stride=2, padding=1)),
    )(_with_indices(axes))  # fmt: skip
    return _enter(
        f"max_pool{axes}d", axes, where=_TORCH,
        samples=(
            call(batch, 2),
            call(one, 3, stride=2),
            call(batch, uneven, stride=1, padding=tuple(k // 2 for k in uneven)),
            call(batch, 2, dilation=2, padding=1),
            call(small, 3, 2, ceil_mode=True),
            call(T(0, 3, *(4,) * axes), 2),
        ),
        errors=(*_bad(axes), call(T(*(4,) * axes), 2), call(batch, 2, dilation=0)),
    )(_max_pool(axes))  # fmt: skip


def _entered_avg(axes: int) -> Any:
    batch, one, small = _shapes(axes)
    uneven = (2, 3, 1)[:axes]
    return _enter(
        f"avg_pool{axes}d", axes, out=axes > 1,
        samples=(
            call(batch, 2),
            call(one, 3, stride=2),
            call(batch, uneven, stride=1, padding=tuple(k // 2 for k in uneven)),
            call(batch, 3, padding=1, count_include_pad=False),
            call(small, 3, 2, 1, ceil_mode=True, count_include_pad=False),
            *((call(small, 2, divisor_override=3),) if axes > 1 else ()),
        ),
        errors=_bad(axes),
    )(_avg_pool(axes))  # fmt: skip


def _entered_lp(axes: int) -> Any:
    batch, one, small = _shapes(axes)
    return _enter(
        f"lp_pool{axes}d", axes, where=_F, domain=(reals(0.5, 3),),
        samples=(call(batch, 2, 2), call(one, 3.0, 2, stride=1), call(small, 2, 3, 2, True)),
    )(_lp_pool(axes))  # fmt: skip


max_pool1d, max_pool2d, max_pool3d = map(_entered_max, (1, 2, 3))
avg_pool1d, avg_pool2d, avg_pool3d = map(_entered_avg, (1, 2, 3))
lp_pool1d, lp_pool2d, lp_pool3d = map(_entered_lp, (1, 2, 3))
