"""Where Pillow comes in: only when an image file or a PIL image is dealt with."""

from __future__ import annotations

import importlib
import sys
from typing import Any

__all__ = ["is_pil", "pillow"]


def pillow(part: str = "Image") -> Any:
    """A module of Pillow, or one sentence that says how to get it.

    >>> from minigrad.vision.pillow import pillow
    >>> pillow().new("L", (3, 2)).size
    (3, 2)
    """
    try:
        return importlib.import_module(f"PIL.{part}")
    except ImportError as error:
        raise ModuleNotFoundError(
            "images are read, written and made by Pillow, which is not installed: "
            "`pip install Pillow` (`pip install 'minigrad[cli]'` brings it too)",
            name="PIL",
        ) from error


def is_pil(value: object) -> bool:
    """Whether it is a PIL image; without importing Pillow, as none can be before that.

    >>> from minigrad.vision.pillow import is_pil, pillow
    >>> is_pil(pillow().new("L", (3, 2))), is_pil("image.png")
    (True, False)
    """
    image = sys.modules.get("PIL.Image")
    return image is not None and isinstance(value, image.Image)
