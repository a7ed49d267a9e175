"""The idx format of MNIST and its relatives: a header of big-endian integers, then the elements."""

from __future__ import annotations

import math
import os
import struct

import numpy as np

import minigrad as mg
from minigrad import Tensor
from minigrad.utils.download.archives import read_maybe_packed

__all__ = ["read_idx", "read_image_file", "read_label_file"]

# What the third byte of a file says of its elements.
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> Tensor:
    """The tensor in an idx file, which may be packed with gzip as ``path + ".gz"``.

    Format: two zero bytes, a byte for the type, one for the number of axes, the sizes as four bytes
    each, the elements; all big-endian.

    Raises: RuntimeError naming file and way out if it is no whole idx file; FileNotFoundError.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    ...     file.flush()
    ...     read_idx(file.name)
    tensor([7, 8, 9], dtype=torch.uint8)
    """
    content = read_maybe_packed(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise _damaged(path, "it does not begin as an idx file does")
    kind, ndim = np.dtype(_TYPES[content[2]]), content[3]
    start = 4 + 4 * ndim
    if len(content) < start:
        raise _damaged(path, f"its header of {start} bytes is cut short")
    shape = struct.unpack(f">{ndim}I", content[4:start])
    expected = start + math.prod(shape) * kind.itemsize
    if len(content) != expected:
        raise _damaged(path, f"it has {len(content)} bytes and announces {expected}")
    elements = np.frombuffer(content, kind, offset=start).reshape(shape)
    return mg.from_numpy(elements.astype(kind.newbyteorder("="), copy=True))


def _damaged(path: str | os.PathLike[str], why: str) -> RuntimeError:
    return RuntimeError(
        f"{os.fspath(path)} is not a whole idx file: {why}; "
        "delete it and get it again with download=True"
    )


def read_image_file(path: str | os.PathLike[str]) -> Tensor:
    """Images (N, H, W) as uint8.

    Raises: TypeError for other elements, ValueError for another number of axes.
    """
    return _checked(read_idx(path), 3)


def read_label_file(path: str | os.PathLike[str]) -> Tensor:
    """Labels (N,) as int64, from uint8 in the file.

    Raises: TypeError for other elements, ValueError for another number of axes.
    """
    return _checked(read_idx(path), 1).long()


def _checked(x: Tensor, ndim: int) -> Tensor:
    if x.dtype != mg.uint8:
        raise TypeError(f"x should be of dtype torch.uint8 instead of {x.dtype}")
    if x.ndim != ndim:
        raise ValueError(f"x should have {ndim} dimension instead of {x.ndim}")
    return x
