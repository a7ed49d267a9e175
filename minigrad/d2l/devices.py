"""Choosing among the devices of a machine.

Source: https://d2l.ai/chapter_builders-guide/use-gpu.html
"""

from __future__ import annotations

import minigrad as torch

__all__ = ["cpu", "gpu", "num_gpus", "try_all_gpus", "try_gpu"]


def cpu() -> torch.device:
    """The processor.

    >>> from minigrad import d2l
    >>> d2l.cpu()
    device(type='cpu')
    """
    return torch.device("cpu")


def gpu(i: int = 0) -> torch.device:
    """A card by its number, whether or not there is one.

    >>> from minigrad import d2l
    >>> d2l.gpu(1)
    device(type='cuda', index=1)
    """
    return torch.device(f"cuda:{i}")


def num_gpus() -> int:
    """How many cards can be used.

    >>> from minigrad import d2l
    >>> d2l.num_gpus() >= 0
    True
    """
    return torch.cuda.device_count()


def try_gpu(i: int = 0) -> torch.device:
    """Card ``i`` if there are that many, else the processor.

    >>> from minigrad import d2l
    >>> d2l.try_gpu(1000)
    device(type='cpu')
    """
    return gpu(i) if num_gpus() > i else cpu()


def try_all_gpus() -> list[torch.device]:
    """Every card, or the processor alone if there is none.

    >>> from minigrad import d2l
    >>> len(d2l.try_all_gpus()) >= 1
    True
    """
    return [gpu(i) for i in range(num_gpus())] or [cpu()]
