"""CUDA: whether this minigrad can use it, and how exact its products are."""

from __future__ import annotations

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
