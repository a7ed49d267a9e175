"""Lists of devices, as ``nn.parallel`` takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from minigrad.device import device as Device


def as_device(place: Any) -> Device:
    """A device by name, by itself or, a CUDA device, by number; -1 is the CPU."""
    if isinstance(place, Device):
        return place
    if isinstance(place, bool) or not isinstance(place, (int, str)):
        raise TypeError(
            f"a device is a number, a name or a torch.device, not {type(place).__name__}"
        )
    if isinstance(place, str):
        return Device(place)
    if place == -1:
        return Device("cpu")
    from minigrad import cuda

    if not cuda.is_available():
        raise RuntimeError(
            f"device {place} means cuda:{place}, and CUDA is not available here; name the devices "
            'that there are, such as ["cpu", "cpu"]'
        )
    return Device("cuda", place)


def as_devices(places: Sequence[Any]) -> list[Device]:
    """Several devices."""
    return [as_device(place) for place in places]


@contextmanager
def current(device: Device) -> Iterator[None]:
    """Let a card be the current one during a block; nothing for the CPU."""
    if device.type != "cuda":
        yield
        return
    from minigrad.cuda.cards import card

    with card(device.index or 0):
        yield
