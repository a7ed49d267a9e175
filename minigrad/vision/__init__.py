"""Images: data sets and models, with torchvision's names where it has them."""

from __future__ import annotations

from minigrad.vision import datasets, models

__all__ = ["datasets", "models"]
