"""The helpers that programs of 'Dive into Deep Learning' call as ``d2l``, with the book's names.

    from minigrad import d2l

or, in a program that stays as it is, ``from d2l import torch as d2l`` under ``minigrad run``.

Pictures appear in a notebook. Elsewhere they are written to files, ``figures/1.png`` and so on, and
where they went is said once; :func:`figure_folder` chooses another folder.

Source: A. Zhang, Z. Lipton, M. Li, A. Smola, "Dive into Deep Learning", https://d2l.ai
"""

from __future__ import annotations

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

import numpy as np

import minigrad as torch
from minigrad import nn
from minigrad.d2l.attention import *  # noqa: F403
from minigrad.d2l.boxes import *  # noqa: F403
from minigrad.d2l.classification import *  # noqa: F403
from minigrad.d2l.contests import *  # noqa: F403
from minigrad.d2l.data import *  # noqa: F403
from minigrad.d2l.devices import *  # noqa: F403
from minigrad.d2l.drawing import *  # noqa: F403
from minigrad.d2l.layers import *  # noqa: F403
from minigrad.d2l.measuring import *  # noqa: F403
from minigrad.d2l.modules import *  # noqa: F403
from minigrad.d2l.names import *  # noqa: F403
from minigrad.d2l.objects import *  # noqa: F403
from minigrad.d2l.optimising import *  # noqa: F403
from minigrad.d2l.pictures import *  # noqa: F403
from minigrad.d2l.recurrent import *  # noqa: F403
from minigrad.d2l.regression import *  # noqa: F403
from minigrad.d2l.text import *  # noqa: F403
from minigrad.d2l.training import *  # noqa: F403
from minigrad.d2l.training_devices import *  # noqa: F403
from minigrad.d2l.transformer import *  # noqa: F403
from minigrad.d2l.translation import *  # noqa: F403
from minigrad.nn import functional as F

if _TYPE_CHECKING:
    from matplotlib import pyplot as plt
    from PIL import Image

__all__ = ["F", "Image", "nn", "np", "plt", "torch"]


def __getattr__(name: str) -> _Any:
    """``d2l.plt`` and ``d2l.Image``, imported when a program draws or opens a picture."""
    if name == "plt":
        return pyplot()  # noqa: F405
    if name == "Image":
        from minigrad.vision.pillow import pillow

        return pillow()
    raise AttributeError(f"module 'minigrad.d2l' has no attribute {name!r}")
