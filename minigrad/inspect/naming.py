"""Names for the leaves of a graph, taken from the variables of the program that made it."""

from __future__ import annotations

from collections.abc import Mapping
from types import FrameType
from typing import Any

from minigrad.autograd.tensor_base import TensorBase

__all__ = ["names_of", "variables"]


def names_of(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors among variables by name, and the parameters of the modules among them.

    >>> import minigrad as torch
    >>> sorted(names_of({"w": torch.ones(1), "net": torch.nn.Linear(1, 1), "n": 3}))
    ['net.bias', 'net.weight', 'w']
    """
    found: dict[str, Any] = {}
    for name, value in namespace.items():
        if isinstance(value, TensorBase):
            found[name] = value
        elif not isinstance(value, type) and hasattr(value, "named_parameters"):
            found.update({f"{name}.{inner}": p for inner, p in value.named_parameters()})
        elif isinstance(value, (list, tuple)):
            for place, inner in enumerate(value):
                if isinstance(inner, TensorBase):
                    found[f"{name}[{place}]"] = inner
    return found


def variables(frame: FrameType | None) -> dict[str, Any]:
    """The variables that a frame and those that called it can see; the nearest win."""
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    found: dict[str, Any] = {}
    for outer in reversed(frames):
        found.update(outer.f_globals if outer.f_globals.get("__name__") == "__main__" else {})
        found.update({n: v for n, v in outer.f_locals.items() if not n.startswith("_")})
    return found
