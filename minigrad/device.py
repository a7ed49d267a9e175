"""Where a tensor's memory lies.

Source: https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.device
"""

from __future__ import annotations

from typing import Any


class device:
    """A place for tensors: the CPU or one of the CUDA cards; naming one needs no such card.

    Raises: RuntimeError for another kind of device, TypeError for something that names none.

    >>> import minigrad as torch
    >>> torch.device("cuda:1"), torch.device("cuda", 1) == torch.device("cuda:1")
    (device(type='cuda', index=1), True)
    >>> str(torch.device("cpu"))
    'cpu'
    """

    __slots__ = ("index", "type")

    type: str
    index: int | None

    def __init__(self, type: Any, index: int | None = None) -> None:
        if isinstance(type, device):
            kind, found = type.type, type.index
        elif isinstance(type, int):
            kind, found = "cuda", type
        elif isinstance(type, str):
            kind, found = _parse(type)
        else:
            raise TypeError(
                f"device: expected a str, int or torch.device, got {type.__class__.__name__}"
            )
        if found is not None and index is not None and found != index:
            raise RuntimeError(f"device: {type!r} already names an index, but index={index}")
        self.type = kind
        self.index = found if found is not None else index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __repr__(self) -> str:
        if self.index is None:
            return f"device(type='{self.type}')"
        return f"device(type='{self.type}', index={self.index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (self.type, self.index)


def _parse(text: str) -> tuple[str, int | None]:
    """Split ``'cuda:1'`` into kind and index."""
    kind, colon, number = text.partition(":")
    if kind not in ("cpu", "cuda"):
        raise RuntimeError(
            f"Expected one of cpu, cuda device type at start of device string: {text}"
        )
    if colon and not number.isdigit():
        raise RuntimeError(f"Invalid device string: '{text}'")
    return kind, int(number) if colon else None


CPU = device("cpu")
