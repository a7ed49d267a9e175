"""Data sets of images: ``Digits`` ships with the package."""

from __future__ import annotations

from minigrad.vision.datasets.digits import Digits

__all__ = ["Digits"]
