"""Chance, drawn from the default generator, so that ``manual_seed`` fixes what a transform does."""

from __future__ import annotations

import minigrad as mg

__all__ = ["chance", "log_uniform", "uniform", "whole"]


def chance(p: float) -> bool:
    """True with this probability."""
    return bool(mg.rand(1).item() < p)


def uniform(low: float, high: float) -> float:
    """A number between the two."""
    return float(mg.empty(1).uniform_(float(low), float(high)).item())


def log_uniform(low: float, high: float) -> float:
    """A number between the two, as likely below as above their geometric mean."""
    ends = mg.log(mg.tensor([low, high], dtype=mg.float32))
    return float(mg.exp(mg.empty(1).uniform_(ends[0].item(), ends[1].item())).item())


def whole(low: int, high: int) -> int:
    """A whole number from ``low`` to below ``high``."""
    return int(mg.randint(low, high, size=(1,)).item())
