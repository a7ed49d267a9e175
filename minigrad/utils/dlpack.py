"""DLPack by its old names: arrays handed from library to library without a copy."""

from __future__ import annotations

from typing import Any

from minigrad.functions import from_dlpack as _from

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor: Any) -> Any:
    """The capsule of a tensor's memory.

    >>> import minigrad as torch
    >>> torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(torch.ones(2)))
    tensor([1., 1.])
    """
    return tensor.__dlpack__()


class _Holder:
    """A capsule as what has ``__dlpack__``, as NumPy asks for."""

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __dlpack__(self, **options: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # the CPU: a bare capsule does not say


def from_dlpack(ext_tensor: Any) -> Any:
    """A tensor of the memory that a capsule, or what speaks DLPack, hands out.

    >>> import minigrad as torch, numpy as np
    >>> torch.utils.dlpack.from_dlpack(np.zeros(1))
    tensor([0.], dtype=torch.float64)
    """
    speaks = hasattr(ext_tensor, "__dlpack__")
    return _from(ext_tensor if speaks else _Holder(ext_tensor))
