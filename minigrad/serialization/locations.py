"""Where storages go that come from a file: ``map_location``.

Source: https://docs.pytorch.org/docs/stable/generated/torch.load.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from minigrad.backend import backend_for, backend_of
from minigrad.device import device
from minigrad.ops.shape.storage import UntypedStorage

__all__ = ["MapLocation", "Restore", "restorer", "single_device"]

MapLocation: TypeAlias = (
    str | device | Mapping[str, str] | Callable[[UntypedStorage, str], Any] | None
)
Restore: TypeAlias = Callable[[UntypedStorage, str], UntypedStorage]


def restorer(map_location: MapLocation) -> Restore:
    """What takes a storage on the CPU and the place that the file names to where it shall be."""
    if map_location is None:
        return _restored
    if isinstance(map_location, Mapping):
        names = map_location
        return lambda storage, where: _restored(storage, str(names.get(where, where)))
    if isinstance(map_location, (str, device)):
        place = str(map_location)
        return lambda storage, where: _restored(storage, place)
    if isinstance(map_location, bytes):
        return restorer(map_location.decode("ascii"))
    if not callable(map_location):
        raise TypeError(
            "load: expected map_location to be a str, a torch.device, a dict or a function, got "
            f"{type(map_location).__name__}"
        )
    function: Callable[[UntypedStorage, str], Any] = map_location

    def by_function(storage: UntypedStorage, where: str) -> UntypedStorage:
        found = function(storage, where)
        if found is None:
            return _restored(storage, where)
        if not isinstance(found, UntypedStorage):
            raise TypeError(
                f"load: map_location gave a {type(found).__name__}; expected a storage or None"
            )
        return found

    return by_function


def _restored(storage: UntypedStorage, where: str) -> UntypedStorage:
    """The storage at the place of that name.

    Raises: RuntimeError for a CUDA device that is not there, or a place of another kind.
    """
    if where == "cpu":
        return storage
    if where != "cuda" and not where.startswith("cuda:"):
        raise RuntimeError(
            "don't know how to restore data location of torch.storage.UntypedStorage (tagged with "
            f"{where}); minigrad has cpu and cuda: load with map_location='cpu'"
        )
    target = device(where)
    _check_cuda(target.index or 0)
    found = backend_for(target).from_host(storage._memory, target.index)
    return UntypedStorage(found)


def _check_cuda(index: int) -> None:
    from minigrad import cuda

    count = cuda.device_count()
    if not count:
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is "
            "False. If you are running on a CPU-only machine, please use torch.load with "
            "map_location=torch.device('cpu') to map your storages to the CPU."
        )
    if index >= count:
        raise RuntimeError(
            f"Attempting to deserialize object on CUDA device {index} but "
            f"torch.cuda.device_count() is {count}. Please use torch.load with map_location to "
            "map your storages to an existing device."
        )


def single_device(map_location: MapLocation, kind: str) -> device:
    """The one device that a file without places goes to; RuntimeError for a dict or function."""
    if map_location is None:
        return device("cpu")
    if not isinstance(map_location, (str, device)):
        raise RuntimeError(
            f"Loading {kind} file with dict or callable map_location is not supported. Use a "
            "device string or torch.device instead."
        )
    place = device(map_location)
    if place.type == "cuda":
        _check_cuda(place.index or 0)
    return place


def on_host(storage: UntypedStorage) -> bool:
    """Whether a storage lies in the CPU's memory."""
    return backend_of(storage._memory).device_of(storage._memory).type == "cpu"
