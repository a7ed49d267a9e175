"""Splitting a batch over devices, and putting the results together again."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from minigrad import functions
from minigrad.device import device as Device
from minigrad.nn.parallel._devices import as_device, as_devices
from minigrad.tensor import Tensor

__all__ = ["gather", "scatter", "scatter_kwargs"]


def _is_namedtuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_asdict") and hasattr(value, "_fields")


def scatter(inputs: Any, target_gpus: Sequence[Any], dim: int = 0) -> Any:
    """Split tensors along ``dim``, one piece for each device, and move the pieces there.

    The tensors inside of tuples, lists and dictionaries are split; everything else is handed to
    each device as it is. The pieces keep their place in the graph. Devices are names
    (``"cpu"``), ``torch.device`` or, for CUDA, numbers.

    Raises: RuntimeError for a number where there is no CUDA.

    >>> import minigrad as torch
    >>> torch.nn.parallel.scatter(torch.arange(4), ["cpu", "cpu"])
    (tensor([0, 1]), tensor([2, 3]))
    """
    return _scattered(inputs, as_devices(target_gpus), dim)


def _scattered(value: Any, devices: Sequence[Device], dim: int) -> Any:
    if isinstance(value, Tensor):
        pieces = functions.chunk(value, len(devices), dim)
        return tuple(p.to(device) for p, device in zip(pieces, devices, strict=False))
    if isinstance(value, (tuple, list, dict)) and (len(value) > 0 or _is_namedtuple(value)):
        members = value.items() if isinstance(value, dict) else value
        rows = zip(*(_scattered(member, devices, dim) for member in members), strict=False)
        if _is_namedtuple(value):
            return [type(value)(*row) for row in rows]
        if isinstance(value, tuple):
            return list(rows)
        return [type(value)(row) if isinstance(value, dict) else list(row) for row in rows]
    return [value for _ in devices]


def scatter_kwargs(
    inputs: tuple[Any, ...], kwargs: dict[str, Any] | None, target_gpus: Sequence[Any], dim: int = 0
) -> tuple[tuple[Any, ...], tuple[dict[str, Any], ...]]:
    """Scatter positional and keyword arguments; the shorter is filled up with empty ones.

    >>> import minigrad as torch
    >>> from minigrad.nn.parallel.scatter_gather import scatter_kwargs
    >>> scatter_kwargs((torch.arange(2),), {"scale": 3}, ["cpu", "cpu"])
    (((tensor([0]),), (tensor([1]),)), ({'scale': 3}, {'scale': 3}))
    """
    positional: list[Any] = list(scatter(inputs, target_gpus, dim)) if inputs else []
    named: list[Any] = list(scatter(kwargs, target_gpus, dim)) if kwargs else []
    positional += [()] * (len(named) - len(positional))
    named += [{} for _ in range(len(positional) - len(named))]
    return tuple(positional), tuple(named)


def gather(outputs: Any, target_device: Any, dim: int = 0) -> Any:
    """Join the tensors of several results along ``dim``, on one device.

    Tuples, lists, named tuples and dictionaries are joined member by member; None stays None.

    Raises: ValueError for dictionaries of different sizes.

    >>> import minigrad as torch
    >>> torch.nn.parallel.gather([torch.ones(1), torch.zeros(2)], "cpu")
    tensor([1., 0., 0.])
    """
    return _gathered(list(outputs), as_device(target_device), dim)


def _gathered(outputs: Sequence[Any], device: Device, dim: int) -> Any:
    first = outputs[0]
    if isinstance(first, Tensor):
        return _joined(outputs, device, dim)
    if first is None:
        return None
    if isinstance(first, dict):
        if any(len(first) != len(other) for other in outputs):
            raise ValueError("All dicts must have the same number of keys")
        return type(first)(
            (key, _gathered([output[key] for output in outputs], device, dim)) for key in first
        )
    members = (_gathered(row, device, dim) for row in zip(*outputs, strict=True))
    if _is_namedtuple(first):
        return type(first)._make(members)
    return type(first)(members)


def _joined(tensors: Sequence[Tensor], device: Device, dim: int) -> Tensor:
    if dim == 0 and all(tensor.ndim == 0 for tensor in tensors):
        warnings.warn(
            "Was asked to gather along dimension 0, but all input tensors were scalars; will "
            "instead unsqueeze and return a vector.",
            stacklevel=6,
        )
        tensors = [tensor.view(1) for tensor in tensors]
    joined: Tensor = functions.cat([tensor.to(device) for tensor in tensors], dim)
    return joined
