"""Making tensors by counting: ranges, equal steps, the identity."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from minigrad.autograd.registry import call, function
from minigrad.autograd.tensor_base import TensorBase
from minigrad.dtypes import dtype as Dtype
from minigrad.ops.creation.data import TOP, number_of, numpy_type
from minigrad.ops.creation.placing import made_on, place
from minigrad.ops.dims import NOT_GIVEN


def _number(name: str, value: Any, op: str) -> Any:
    """A Python number for an argument that may be a 0-d tensor."""
    if type(value) is int:  # the usual case
        return value
    if isinstance(value, TensorBase):
        if value._array.ndim:
            raise RuntimeError(
                f"{op} only supports 0-dimensional start and end tensors, but got {name} with "
                f"{value._array.ndim} dimension(s)."
            )
        return number_of(value)
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, (int, float)):
        kind = type(value).__name__
        raise TypeError(f"{op}(): argument '{name}' must be Number, not {kind}")
    return value


def _lanes(start: Any, step: Any, count: int, lanes: int) -> Any:
    """``start + i * step`` with the roundings of torch's float32 kernel, by vectors of eight.

    The start of a vector is rounded once from a fused multiply and add, and again to float32.
    """
    i = np.arange(count)
    exact = (np.longdouble(start) + np.longdouble(step) * i).astype(np.float64)
    lane = i % lanes
    values = exact.astype(np.float32)[i - lane].astype(np.float64) + lane * np.float64(step)
    full = count - count % (2 * lanes)  # torch takes two vectors at a time, the rest one by one
    values[full:] = exact[full:]
    return values.astype(np.float32)


def _counting_type(dtype: Any, out: Any, layout: Any, *numbers: Any) -> Any:
    if dtype is None and out is None and all([isinstance(n, int) for n in numbers]):
        return np.dtype(np.int64)
    return numpy_type(dtype, out, layout)


def _check_range(start: Any, end: Any, step: Any) -> None:
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not math.isfinite(start) or not math.isfinite(end):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")


@function(
    samples=(call(5), call(1, 7, 2), call(-1.0, 1.0, 0.25), call(0.5)),
    errors=(call(1, 5, 0), call(1, 5, -1)),
    **TOP,
)
def arange(
    start: Any = None,
    end: Any = NOT_GIVEN,
    step: Any = 1,
    *,
    out: Any = None,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """The numbers from start up to, not including, end, by steps; int64 unless one is a float.

    Formula:   out_i = start + i * step
    Raises: RuntimeError for a step of zero or one that leads away from the end.

    >>> import minigrad as torch
    >>> torch.arange(3), torch.arange(1., 2., 0.5)
    (tensor([0, 1, 2]), tensor([1.0000, 1.5000]))
    """
    if start is None:
        start = 0
        if end is NOT_GIVEN:
            raise TypeError("arange() received an invalid combination of arguments - got ()")
    elif end is NOT_GIVEN:
        start, end = 0, start
    start, end = _number("start", start, "arange"), _number("end", end, "arange")
    step = _number("step", step, "arange")
    kind = _counting_type(dtype, out, layout, start, end, step)
    if kind.kind == "b":
        raise NotImplementedError("\"arange_cpu\" not implemented for 'Bool'")
    whole = kind.kind in "iu"
    first, last, by = map(int, (start, end, step)) if whole else (start, end, step)
    _check_range(start, end, step)
    if kind == np.int64:
        if by == 0:
            raise ValueError("step must be nonzero")
        count = -((first - last) // by)
    else:
        count = math.ceil((float(end) - float(start)) / float(step))
    if count > np.iinfo(np.int64).max // 8:
        raise RuntimeError("invalid size, possible overflow?")
    if kind == np.float32 and not (isinstance(first, int) and isinstance(by, int)):
        values = _lanes(first, by, count, 8)
    else:
        wide = np.int64 if isinstance(first, int) and isinstance(by, int) else np.float64

        def counted(xp: Any) -> Any:
            values = xp.arange(count, dtype=wide)
            if by != 1:
                values *= by
            if first != 0:
                values += first
            return values.astype(kind, copy=False)

        values = made_on(device, counted)
        values = counted(np) if values is None else values
    return place(values, device, requires_grad, out, constant=True)


@function("range", **{**TOP, "torch": None})  # torch warns of its own
def range_(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    out: Any = None,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """The numbers from start to end, the end included, as floats: use :func:`arange`.

    >>> import minigrad as torch
    >>> torch.range(1, 3)
    tensor([1., 2., 3.])
    """
    if end is None:
        start, end = 0, start
    kind = numpy_type(dtype, out, layout)
    _check_range(start, end, step)
    values = start + np.arange(int((end - start) / step) + 1) * np.float64(step)
    return place(values.astype(kind), device, requires_grad, out, constant=True)


def both_ends(start: Any, end: Any, steps: int, kind: Any) -> Any:
    """Numbers at equal distances, from both ends to the middle, so that the last is the end.

    As in torch, product and sum are rounded together in float32 and float64, apart in halves.
    """
    if kind.kind in "biu":
        first, last = int(start), int(end)
        narrow = wide = np.float64
    else:
        first, last = kind.type(start), kind.type(end)
        narrow = kind.type
        wide = {4: np.float64, 8: np.longdouble}.get(kind.itemsize, narrow)
    if steps == 1:
        return np.array([first], dtype=kind)
    step = wide(narrow(last - first) / narrow(max(steps - 1, 1)))
    half, numbers = steps // 2, np.arange(steps)
    from_end = numbers[half:]
    np.subtract(steps - 1, from_end, out=from_end)
    found = numbers.astype(wide)
    found *= step
    up, down = found[:half], found[half:]
    up += wide(first)
    np.subtract(wide(last), down, out=down)
    return found.astype(kind, copy=False)


def _steps(steps: Any, name: str) -> int:
    if isinstance(steps, float):
        raise TypeError(f"{name}(): argument 'steps' must be int, not float")
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    return operator.index(steps)


@function(
    samples=(call(0, 1, 5), call(-3.0, 2.0, steps=7), call(1.0, 1.0, 1), call(0.0, 1.0, 0)),
    errors=(call(0, 1, -1),),
    **{**TOP, "quick": False},
)
def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Any = None,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """So many numbers at equal distances, both ends included.

    Formula:   out_i = start + i * (end - start) / (steps - 1)

    >>> import minigrad as torch
    >>> torch.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    first, last = _number("start", start, "linspace"), _number("end", end, "linspace")
    kind = numpy_type(dtype, out, layout)
    values = both_ends(first, last, _steps(steps, "linspace"), kind)
    return place(values, device, requires_grad, out, constant=True)


@function(
    samples=(call(0, 2, 5), call(-1.0, 1.0, 4, base=2.0)),
    errors=(call(0, 1, -1),),
    **{**TOP, "quick": False},
)
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    out: Any = None,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """The powers of a base whose exponents are at equal distances.

    Formula:   out_i = base ** (start + i * (end - start) / (steps - 1))

    >>> import minigrad as torch
    >>> torch.logspace(0, 3, 4, base=2)
    tensor([1., 2., 4., 8.])
    """
    first, last = _number("start", start, "logspace"), _number("end", end, "logspace")
    kind = numpy_type(dtype, out, layout)
    if kind.kind in "biu":
        first, last = int(first), int(last)
    wide = np.dtype(np.float64) if kind.kind in "biu" or kind.itemsize < 4 else kind
    exponents = both_ends(first, last, _steps(steps, "logspace"), wide)
    with np.errstate(all="ignore"):
        values = np.power(wide.type(base), exponents).astype(kind)
    return place(values, device, requires_grad, out, constant=True)


@function(samples=(call(3), call(2, 4)), errors=(call(-1),), **{**TOP, "quick": False})
def eye(
    n: int,
    m: int | None = None,
    *,
    out: Any = None,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """Ones on the diagonal of a matrix, zeros elsewhere.

    >>> import minigrad as torch
    >>> torch.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    for name, size in (("n", n), ("m", m)):
        if isinstance(size, float):
            raise TypeError(f"eye(): argument '{name}' must be int, not float")
        if size is not None and size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    ones = np.eye(n, m, dtype=numpy_type(dtype, out, layout))
    return place(ones, device, requires_grad, out, constant=True)
