"""The limits of element types: ``finfo`` and ``iinfo``.

Source: https://docs.pytorch.org/docs/stable/type_info.html
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from minigrad import dtypes
from minigrad.dtypes import Category, dtype


class finfo:
    """What a floating point type can hold; the default type if none is given.

    Raises: TypeError for a type that is no float.

    >>> import minigrad as torch
    >>> torch.finfo(torch.float32).eps, torch.finfo(torch.float16).max
    (1.1920928955078125e-07, 65504.0)
    """

    __slots__ = ("bits", "dtype", "eps", "max", "min", "resolution", "smallest_normal", "tiny")

    def __init__(self, type: Any = None) -> None:
        kind = dtypes.get_default_dtype() if type is None else type
        if not isinstance(kind, dtype) or kind.category is not Category.FLOAT:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
                "'torch.finfo'"
            )
        found: Any = (ml_dtypes.finfo if kind is dtypes.bfloat16 else np.finfo)(kind.numpy)
        self.dtype = kind.name
        self.bits = 8 * kind.itemsize
        self.eps = float(found.eps)
        self.max, self.min = float(found.max), float(found.min)
        self.tiny = self.smallest_normal = float(found.smallest_normal)
        self.resolution = float(f"1e-{found.precision}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        numbers = ", ".join(f"{name}={getattr(self, name):.6g}" for name in names)
        return f"finfo({numbers}, dtype={self.dtype})"


class iinfo:
    """What an integer type can hold.

    Raises: TypeError for a type that is no integer.

    >>> import minigrad as torch
    >>> torch.iinfo(torch.int8)
    iinfo(min=-128, max=127, dtype=int8)
    """

    __slots__ = ("bits", "dtype", "max", "min")

    def __init__(self, type: Any) -> None:
        if not isinstance(type, dtype) or type.category is Category.FLOAT:
            raise TypeError(
                "torch.iinfo() requires an integer input type. Use torch.finfo to handle "
                "'torch.iinfo'"
            )
        if type.category is Category.BOOL:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        found = np.iinfo(type.numpy)
        self.dtype = type.name
        self.bits = 8 * type.itemsize
        self.max, self.min = int(found.max), int(found.min)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:.6g}, max={self.max:.6g}, dtype={self.dtype})"
