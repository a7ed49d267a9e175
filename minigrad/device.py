"""Where a tensor's memory lies.

Source: https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.device
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any

# The kinds of device that torch knows; here there are the first two.
TORCHS = (
    "cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, vulkan, "
    "mps, meta, hpu, mtia, privateuseone"
)


class device:
    """A place for tensors: the CPU or one of the CUDA cards; naming one needs no such card.

    In a ``with`` block it is where tensors are made that are given no device.

    Raises: RuntimeError for another kind of device, TypeError for something that names none.

    >>> import minigrad as torch
    >>> torch.device("cuda:1"), torch.device("cuda", 1) == torch.device("cuda:1")
    (device(type='cuda', index=1), True)
    >>> str(torch.device("cpu"))
    'cpu'
    """

    __slots__ = ("_tokens", "index", "type")

    type: str
    index: int | None

    def __init__(self, type: Any = None, index: int | None = None, *, device: Any = None) -> None:
        type = device if type is None else type
        if isinstance(type, self.__class__):
            kind, found = type.type, type.index
        elif isinstance(type, int):
            kind, found = "cuda", type
        elif isinstance(type, str):
            kind, found = _parse(type)
        else:
            raise TypeError(
                f"device: expected a str, int or torch.device, got {type.__class__.__name__}"
            )
        if found is not None and index is not None:
            raise RuntimeError(
                "type (string) must not include an index because index was passed explicitly: "
                f"{type}"
            )
        if index is not None and index < 0:
            raise RuntimeError("Device index must not be negative")
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

    def __enter__(self) -> device:
        if not hasattr(self, "_tokens"):
            self._tokens: list[Token[device]] = []
        self._tokens.append(_DEFAULT.set(self))
        return self

    def __exit__(self, *error: object) -> None:
        _DEFAULT.reset(self._tokens.pop())

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (self.type,) if self.index is None else (self.type, self.index)


def _parse(text: str) -> tuple[str, int | None]:
    """Split ``'cuda:1'`` into kind and index."""
    kind, colon, number = text.partition(":")
    if kind not in ("cpu", "cuda"):
        if kind in TORCHS.split(", "):
            raise RuntimeError(
                f"minigrad is not linked with support for {kind} devices: it has cpu and cuda"
            )
        if not kind.isalpha():
            raise RuntimeError(f"Invalid device string: '{text}'")
        raise RuntimeError(
            f"Expected one of {TORCHS} device type at start of device string: {text}"
        )
    if colon and (not number.isdigit() or (number[0] == "0" and number != "0")):
        raise RuntimeError(f"Invalid device string: '{text}'")
    return kind, int(number) if colon else None


CPU = device("cpu")
_DEFAULT: ContextVar[device] = ContextVar("default_device", default=CPU)


def get_default_device() -> device:
    """Where tensors are made that are given no device.

    >>> import minigrad as torch
    >>> torch.get_default_device()
    device(type='cpu')
    """
    return _DEFAULT.get()


def set_default_device(device: Any) -> None:
    """Set where tensors are made that are given no device, for this thread; None for the CPU.

    >>> import minigrad as torch
    >>> torch.set_default_device("cpu")
    """
    _DEFAULT.set(CPU if device is None else CPU.__class__(device))
