"""Windows that fade a signal in and out: ``hann_window`` and its like, ``torch.signal.windows``.

Source: https://docs.pytorch.org/docs/stable/signal.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.registry import call, function
from minigrad.backend import scientific
from minigrad.dtypes import dtype as Dtype
from minigrad.layout import check_layout
from minigrad.ops.creation.data import TOP
from minigrad.ops.creation.placing import place

Values = Callable[..., Any]


def _ready(name: str, length: int, dtype: Any, layout: Any) -> Any:
    """NumPy's type of a window; errors for what no window has."""
    kind = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)
    check_layout(layout)
    if not kind.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {kind!r}")
    if length < 0:
        raise RuntimeError(f"{name} requires non-negative window length, got M={length}")
    return kind.numpy


def cosines(length: int, period: float, weights: Iterable[float]) -> Any:
    """A sum of cosines with alternating signs: ``a0 - a1 cos(x) + a2 cos(2x) - ...``."""
    angle = 2 * np.pi * np.arange(length) / period
    terms = [(-1) ** k * a * np.cos(k * angle) for k, a in enumerate(weights)]
    return np.sum(terms, axis=0)


def triangle(length: int, period: float) -> Any:
    """Straight up and straight down."""
    return 1 - np.abs(2 * np.arange(length) / period - 1)


def kaiser_values(length: int, period: float, beta: float) -> Any:
    """The modified Bessel function of order zero, of an ellipse."""
    bessel = scientific(np, "special").i0
    ellipse = 1 - (2 * np.arange(length) / period - 1) ** 2
    return bessel(beta * np.sqrt(np.maximum(ellipse, 0.0))) / bessel(float(beta))


def _window(name: str, length: int, last: bool, kind: Any, values: Values) -> Any:
    """The numbers of a window; ``last`` says whether it comes back to its start at the end."""
    if length < 2:
        return np.ones(length, kind)
    return values(length, float(length - 1 if last else length)).astype(kind)


def _old(name: str, values: Values, doc: str, *names: str) -> None:
    """One of the windows at the top level, with up to two numbers of its own."""

    def window(
        window_length: int,
        periodic: bool = True,
        *own: float,
        dtype: Dtype | None = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        **named: float,
    ) -> Any:
        if len(own) > len(names) or set(named) - set(names[len(own) :]):
            raise TypeError(f"{name}() takes {', '.join(names) or 'no further numbers'}")
        numbers = {**dict(zip(names, own, strict=False)), **named}
        kind = _ready(name, window_length, dtype, layout)
        array = _window(
            name, window_length, not periodic, kind, lambda n, p: values(n, p, **numbers)
        )
        return place(array, device, requires_grad, constant=True)

    window.__name__ = window.__qualname__ = name
    window.__doc__ = f"""{doc}; by default one period of it, without its last point.

    >>> import minigrad as torch
    >>> torch.{name}(4).shape
    torch.Size([4])
    """
    function(
        name,
        samples=(call(5), call(6, False), call(1), call(0)),
        errors=(call(-1),),
        **{**TOP, "quick": False},
    )(window)


_old("hann_window", lambda n, p: cosines(n, p, (0.5, 0.5)), "The window of von Hann")
_old(
    "hamming_window",
    lambda n, p, alpha=0.54, beta=0.46: cosines(n, p, (alpha, beta)),
    "The window of Hamming",
    "alpha",
    "beta",
)
_old("blackman_window", lambda n, p: cosines(n, p, (0.42, 0.5, 0.08)), "The window of Blackman")
_old("bartlett_window", triangle, "The window of Bartlett, a triangle")
_old(
    "kaiser_window",
    lambda n, p, beta=12.0: kaiser_values(n, p, beta),
    "The window of Kaiser",
    "beta",
)


def signal_window(
    name: str,
    length: int,
    sym: bool,
    values: Values,
    dtype: Any,
    layout: Any,
    device: Any,
    requires_grad: bool,
) -> Any:
    """A window of ``torch.signal.windows``."""
    kind = _signal_type(name, length, dtype, layout)
    array = _window(name, length, sym, kind, values)
    return place(array, device, requires_grad, constant=True)


def _signal_type(name: str, length: int, dtype: Any, layout: Any) -> Any:
    kind = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)
    if length < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={length}")
    if layout is not None and getattr(layout, "name", "") != "strided":
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if kind not in (dtypes.float32, dtypes.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {kind}")
    return kind.numpy
