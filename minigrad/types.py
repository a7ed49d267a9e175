"""torch's names for kinds of arguments, in annotations.

Source: https://docs.pytorch.org/docs/stable/type_info.html
"""

from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from typing import IO

from minigrad.device import device
from minigrad.size import Size
from minigrad.tensor import Tensor

__all__ = ["Device", "FileLike", "Number"]

Number = int | float | bool
Device = device | str | int | None
FileLike = str | os.PathLike[str] | IO[bytes]
_int, _float, _bool, _size = builtins.int, builtins.float, builtins.bool, Size | Sequence[int]
_TensorOrTensors = Tensor | Sequence[Tensor]
