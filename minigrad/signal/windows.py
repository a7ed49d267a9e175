"""Windows of a given number of points; ``sym=False`` leaves the last point of a period away.

Source: https://docs.pytorch.org/docs/stable/signal.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigrad.ops.creation.windows import cosines, kaiser_values, signal_window, triangle

__all__ = [
    "bartlett",
    "blackman",
    "cosine",
    "exponential",
    "gaussian",
    "general_cosine",
    "general_hamming",
    "hamming",
    "hann",
    "kaiser",
    "nuttall",
]


def _window(
    name: str, doc: str, values: Callable[..., Any], check: Any = None, **own: Any
) -> Callable[..., Any]:
    """A window function, with numbers of its own by keyword."""

    def window(
        M: int,
        *,
        sym: bool = True,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        **given: Any,
    ) -> Any:
        numbers = {**own, **given}
        missing = [n for n, value in numbers.items() if value is ...]
        if set(given) - set(own) or missing:
            wrong = missing or sorted(set(given) - set(own))
            raise TypeError(f"{name}(): wrong keyword arguments: {', '.join(wrong)}")
        if check is not None:
            check(sym=sym, **numbers)

        def drawn(n: int, period: float) -> Any:
            return values(n, period, **numbers)

        return signal_window(name, M, sym, drawn, dtype, layout, device, requires_grad)

    window.__name__ = window.__qualname__ = name
    window.__module__ = __name__
    given = "".join(f", {n}=1.0" for n, value in own.items() if value is ...)
    given = ", a=[0.5, 0.5]" if name == "general_cosine" else given
    window.__doc__ = f"""{doc}.

    >>> import minigrad as torch
    >>> torch.signal.windows.{name}(4{given}).shape
    torch.Size([4])
    """
    return window


def _positive(name: str, text: str) -> Callable[..., None]:
    def check(**numbers: Any) -> None:
        if not numbers[name] > 0:
            raise ValueError(f"{text}, got: {numbers[name]} instead.")

    return check


def _exponential_check(sym: bool, center: Any, tau: float) -> None:
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")


def _kaiser_check(sym: bool, beta: float) -> None:
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")


def _cosine_check(sym: bool, a: Any) -> None:
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    if not list(a):
        raise ValueError("Coefficients cannot be empty")


def _exponential(n: int, period: float, center: float | None, tau: float) -> Any:
    middle = period / 2 if center is None else center
    return np.exp(-np.abs(np.arange(n) - middle) / tau)


def _gaussian(n: int, period: float, std: float) -> Any:
    return np.exp(-(((np.arange(n) - period / 2) / std) ** 2) / 2)


def _cosine(n: int, period: float) -> Any:
    return np.sin((np.arange(n) + 0.5) * np.pi / (period + 1))


_NUTTALL = (0.3635819, 0.4891775, 0.1365995, 0.0106411)

bartlett = _window("bartlett", "The window of Bartlett, a triangle", triangle)
blackman = _window(
    "blackman", "The window of Blackman", lambda n, p: cosines(n, p, (0.42, 0.5, 0.08))
)
cosine = _window("cosine", "Half a period of a sine", _cosine)
exponential = _window(
    "exponential",
    "Falling exponentially to both sides",
    _exponential,
    _exponential_check,
    center=None,
    tau=1.0,
)
gaussian = _window(
    "gaussian",
    "The curve of Gauss",
    _gaussian,
    _positive("std", "Standard deviation must be positive"),
    std=1.0,
)
general_cosine = _window(
    "general_cosine", "A sum of cosines", lambda n, p, a: cosines(n, p, a), _cosine_check, a=...
)
general_hamming = _window(
    "general_hamming",
    "The window of Hamming with a number of one's own",
    lambda n, p, alpha: cosines(n, p, (alpha, 1 - alpha)),
    alpha=0.54,
)
hamming = _window("hamming", "The window of Hamming", lambda n, p: cosines(n, p, (0.54, 0.46)))
hann = _window("hann", "The window of von Hann", lambda n, p: cosines(n, p, (0.5, 0.5)))
kaiser = _window("kaiser", "The window of Kaiser", kaiser_values, _kaiser_check, beta=12.0)
nuttall = _window("nuttall", "The window of Nuttall", lambda n, p: cosines(n, p, _NUTTALL))
