"""Models for images: ``LeNet`` and ``MLP``."""

from __future__ import annotations

from minigrad.vision.models.lenet import LeNet
from minigrad.vision.models.mlp import MLP

__all__ = ["MLP", "LeNet"]
