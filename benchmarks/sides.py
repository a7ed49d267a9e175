"""Who takes part: minigrad on each of its ways, torch, and other engines that are installed."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Side:
    """A library on a device, in a process of its own with some environment variables."""

    name: str
    library: str
    device: str = "cpu"
    captured: bool = False  # recorded once as a CUDA graph, and replayed
    variables: tuple[tuple[str, str], ...] = ()


SIDES = {
    side.name: side
    for side in (
        Side("minigrad", "minigrad"),
        Side("minigrad (NumPy)", "minigrad", variables=(("MINIGRAD_CPU", "numpy"),)),
        Side("minigrad CUDA", "minigrad", "cuda"),
        Side("minigrad CUDA, captured", "minigrad", "cuda", captured=True),
        Side("torch", "torch"),
        Side("torch CUDA", "torch", "cuda"),
        Side("tinygrad", "tinygrad"),
        Side("MyGrad", "mygrad"),
        Side("autograd", "autograd"),
    )
}
# Whose results the others must agree with: the first of them that is there.
ORACLES = ("torch", "minigrad (NumPy)", "minigrad")


def missing(side: Side) -> str:
    """Why a side cannot take part on this machine; empty if it can."""
    if importlib.util.find_spec(side.library) is None:
        return f"{side.library} is not installed"
    if side.device == "cuda" and not importlib.import_module(side.library).cuda.is_available():
        return f"{side.library} finds no CUDA card"
    if side.variables and len(importlib.import_module("minigrad.backend.native").levels()) == 1:
        return "there are no native kernels: minigrad is on NumPy itself"
    return ""


def present(names: Iterable[str]) -> tuple[list[Side], dict[str, str]]:
    """The sides that can take part, and why the others cannot."""
    absent = {name: missing(SIDES[name]) for name in names}
    there = [SIDES[name] for name, why in absent.items() if not why]
    return there, {name: why for name, why in absent.items() if why}
