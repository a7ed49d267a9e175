"""CUDA: whether this minigrad can use it, and how exact its products are."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["is_built", "matmul"]


def is_built() -> bool:
    """Whether the package for CUDA, CuPy, is installed; says nothing of a card.

    >>> import minigrad as torch
    >>> isinstance(torch.backends.cuda.is_built(), bool)
    True

    Source: https://docs.pytorch.org/docs/stable/backends.html
    """
    from importlib.util import find_spec

    return find_spec("cupy") is not None


class _Products:
    """What matrix products on a card may do with float32."""

    def __init__(self) -> None:
        self.allow_tf32 = False
        self.allow_fp16_reduced_precision_reduction = True
        self.allow_bf16_reduced_precision_reduction = True


matmul = _Products()
"""``matmul.allow_tf32`` lets products of float32 on a card round their factors to 10 bits."""


_ways = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def _switch(way: str) -> tuple[Callable[[], bool], Callable[[bool], None]]:
    """``flash_sdp_enabled`` and ``enable_flash_sdp``, and their like."""

    def enabled() -> bool:
        return _ways[way]

    def enable(enabled: bool) -> None:
        _ways[way] = bool(enabled)

    enabled.__name__, enable.__name__ = f"{way}_sdp_enabled", f"enable_{way}_sdp"
    enabled.__doc__ = f"""Whether attention may take torch's way called {way}: what was said last.

    >>> import minigrad as torch
    >>> torch.backends.cuda.{way}_sdp_enabled()
    True
    """
    enable.__doc__ = f"""Say whether attention may; minigrad has one way, whose values are the same.

    >>> import minigrad as torch
    >>> torch.backends.cuda.enable_{way}_sdp(True)
    """
    return enabled, enable


for _way in _ways:
    for _function in _switch(_way):
        globals()[_function.__name__] = _function
        __all__.append(_function.__name__)
