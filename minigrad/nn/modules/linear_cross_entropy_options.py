"""How ``linear_cross_entropy`` is to be worked out in pieces."""

from __future__ import annotations

from typing import Any

from minigrad.dtypes import bfloat16, float16, float32, float64

__all__ = ["LinearCrossEntropyOptions"]

_POLICIES = ("auto", "accurate", "balanced", "compact")
_TYPES = (None, float16, bfloat16, float32, float64)


class LinearCrossEntropyOptions:
    """torch's options of ``LinearCrossEntropyLoss``: pieces, and how exact their sums are.

    minigrad works everything out at once and in the dtype that torch's most exact policy has, so
    they are checked and kept, and change nothing.

    Raises: ValueError for an unknown policy, method or dtype, or a size that is not positive.

    >>> import minigrad as torch
    >>> torch.nn.LinearCrossEntropyOptions(batch_chunk_size=64).batch_chunk_size
    64
    """

    __slots__ = (
        "acc_dtype",
        "acc_policy",
        "allow_retain_graph",
        "batch_chunk_size",
        "chunking_method",
    )
    # In the order of the constructor.
    _fields = (
        "allow_retain_graph",
        "batch_chunk_size",
        "chunking_method",
        "acc_policy",
        "acc_dtype",
    )

    def __init__(
        self,
        allow_retain_graph: bool = False,
        batch_chunk_size: int | None = None,
        chunking_method: str | None = "auto",
        acc_policy: str = "auto",
        acc_dtype: Any = None,
    ) -> None:
        if acc_policy not in _POLICIES:
            raise ValueError(f"invalid acc_policy: {acc_policy!r}")
        if chunking_method not in (None, "auto") and not _is_ratio(chunking_method):
            raise ValueError(f"invalid chunking_method: {chunking_method!r}")
        whole = isinstance(batch_chunk_size, int) and batch_chunk_size > 0
        if batch_chunk_size is not None and not whole:
            raise ValueError(
                f"batch_chunk_size must be positive int or None, got {batch_chunk_size!r}"
            )
        if acc_dtype not in _TYPES:
            raise ValueError(
                "acc_dtype must be one of {None, torch.float16, torch.bfloat16, torch.float32, "
                f"torch.float64}}, got {acc_dtype!r}. Pass acc_dtype=None to let the op pick "
                "automatically."
            )
        values = (allow_retain_graph, batch_chunk_size, chunking_method, acc_policy, acc_dtype)
        for name, value in zip(self._fields, values, strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"cannot assign to field {name!r}")

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self._fields)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LinearCrossEntropyOptions):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._values()

    def __repr__(self) -> str:
        parts = zip(self._fields, self._values(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in parts)})"


def _is_ratio(method: Any) -> bool:
    """Whether it is "aspect_ratio", or that with a positive factor behind a colon."""
    name, colon, factor = str(method).partition(":")
    return name == "aspect_ratio" and (not colon or (factor.isdigit() and int(factor) > 0))
