"""What the arguments of transforms may be."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

__all__ = ["angle_range", "check_sequence", "size_pair"]


def size_pair(
    size: Any, message: str = "Please provide only two dimensions (h, w) for size."
) -> Any:
    """One number twice, or the two numbers as they are given."""
    if isinstance(size, numbers.Number):
        return int(size), int(size)  # type: ignore[call-overload]
    if isinstance(size, Sequence) and len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ValueError(message)
    return size


def check_sequence(x: Any, name: str, lengths: Sequence[int]) -> None:
    """Raise unless it is a sequence of one of these lengths."""
    text = f"{name} should be a sequence of length {' or '.join(map(str, lengths))}."
    if not isinstance(x, Sequence):
        raise TypeError(text)
    if len(x) not in lengths:
        raise ValueError(text)


def angle_range(x: Any, name: str, lengths: Sequence[int] = (2,)) -> list[float]:
    """From minus a number to that number, or the range as it is given."""
    if isinstance(x, numbers.Number):
        if x < 0:  # type: ignore[operator]
            raise ValueError(f"If {name} is a single number, it must be positive.")
        x = [-x, x]  # type: ignore[operator]
    else:
        check_sequence(x, name, lengths)
    return [float(angle) for angle in x]
