"""What is remembered of an array: all of a small one, statistics and a picture of a large one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.backend import xp_of
from minigrad.backend.select import backend_of

__all__ = ["Snapshot", "picture", "snapshot"]

_WHOLE = 4096  # elements up to which all of an array is kept
_SIDE = 40  # of the picture of a larger one


@dataclass(frozen=True)
class Snapshot:
    """The values of an array at one moment."""

    shape: tuple[int, ...]
    dtype: str
    values: Any  # a NumPy array: all values, or those of a thinned-out picture
    whole: bool
    least: float
    greatest: float
    mean: float
    spread: float  # standard deviation
    norm: float
    zeros: int
    nans: int
    infinite: int

    @property
    def size(self) -> int:
        """How many elements the array has."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __str__(self) -> str:
        words = [f"{self.dtype} {_shape(self.shape)}"]
        if self.size == 1 and self.whole:
            words.append(f"{self.values.reshape(())[()]:.6g}")
        elif self.size:
            words.append(f"{self.least:.4g} .. {self.greatest:.4g}, mean {self.mean:.4g}")
        for count, name in ((self.nans, "NaN"), (self.infinite, "infinite")):
            if count:
                words.append(f"{count} {name}")
        return ", ".join(words)


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})" if shape else "scalar"


def snapshot(array: Any) -> Snapshot:
    """Remember an array, which may be written to afterwards.

    >>> import numpy as np
    >>> print(snapshot(np.array([1.0, 2.0, float("nan")])))
    float64 (3), 1 .. 2, mean 1.5, 1 NaN
    """
    on_host = xp_of(array) is np  # NumPy's own scalars too
    array = np.asarray(array) if on_host else backend_of(array).to_host(array)
    flat = array.ravel().astype(np.float64)
    finite = flat[np.isfinite(flat)]
    nans = int(np.isnan(flat).sum())
    least = greatest = mean = spread = norm = float("nan")
    if finite.size:
        least, greatest, mean = float(finite.min()), float(finite.max()), float(finite.mean())
        spread, norm = float(finite.std()), float(np.sqrt((finite**2).sum()))
    whole = array.size <= _WHOLE
    return Snapshot(
        tuple(array.shape),
        array.dtype.name,
        array.copy() if whole else picture(array),
        whole,
        least,
        greatest,
        mean,
        spread,
        norm,
        zeros=int((flat == 0).sum()),
        nans=nans,
        infinite=int(flat.size - finite.size - nans),
    )


def picture(array: Any) -> Any:
    """A matrix of at most 40 x 40 elements: the first planes of an array side by side, thinned out.

    NaN stands between planes.
    """
    planes = array.reshape(-1, *array.shape[-2:]) if array.ndim > 1 else array.reshape(1, 1, -1)
    height, width = (-(-side // -(-side // _SIDE)) for side in planes.shape[1:])
    thinned = planes[:, :: -(-planes.shape[1] // _SIDE), :: -(-planes.shape[2] // _SIDE)]
    down, across = (max(1, (_SIDE + 1) // (side + 1)) for side in (height, width))
    count = min(len(planes), down * across)
    across = min(across, count)
    down = -(-count // across)
    sheet = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan, np.float64)
    for place in range(count):
        top, left = place // across * (height + 1), place % across * (width + 1)
        plane = thinned[place]
        sheet[top : top + plane.shape[0], left : left + plane.shape[1]] = plane
    return sheet
