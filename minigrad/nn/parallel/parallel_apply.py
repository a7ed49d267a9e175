"""Running several modules, each on its own device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.nn.parallel._devices import as_device, current
from minigrad.tensor import Tensor

__all__ = ["get_a_var", "parallel_apply"]


def get_a_var(obj: Any) -> Tensor | None:
    """The first tensor in a nest of tuples, lists and dictionaries; None if there is none.

    >>> import minigrad as torch
    >>> from minigrad.nn.parallel.parallel_apply import get_a_var
    >>> get_a_var(("text", {"x": [torch.ones(1)]}))
    tensor([1.])
    """
    if isinstance(obj, Tensor):
        return obj
    members = obj.items() if isinstance(obj, dict) else obj
    if isinstance(members, str) or not isinstance(obj, (tuple, list, dict)):
        return None
    return next((found for found in map(get_a_var, members) if found is not None), None)


def parallel_apply(
    modules: Sequence[Any],
    inputs: Sequence[Any],
    kwargs_tup: Sequence[dict[str, Any]] | None = None,
    devices: Sequence[Any] | None = None,
) -> list[Any]:
    """Call each module with its inputs, its device being the current one; a list of the outputs.

    They are called one after the other. A card works through what was queued while the next
    module is begun, and on the CPU the matrix products use all cores as it is; so, unlike with
    torch's threads, dropout draws in a fixed order.

    Raises: AssertionError for lists of different lengths. An error of a module gets a note that
    says in which copy it was.

    >>> import minigrad as torch
    >>> inputs = [torch.ones(1), -torch.ones(1)]
    >>> torch.nn.parallel.parallel_apply([torch.nn.ReLU(), torch.nn.ReLU()], inputs)
    [tensor([1.]), tensor([0.])]
    """
    count = len(modules)
    for what, given in (("inputs", inputs), ("kwargs_tup", kwargs_tup), ("devices", devices)):
        if given is not None and len(given) != count:
            raise AssertionError(
                f"The number of modules {count} is not equal to the number of {what} {len(given)}"
            )
    outputs = []
    for place, module in enumerate(modules):
        args = inputs[place] if isinstance(inputs[place], (list, tuple)) else (inputs[place],)
        kwargs = {} if kwargs_tup is None else kwargs_tup[place]
        device = _device_of(place, inputs[place], devices)
        try:
            with current(device):
                outputs.append(module(*args, **kwargs))
        except Exception as error:
            error.add_note(f"in replica {place} on device {device}")
            raise
    return outputs


def _device_of(place: int, inputs: Any, devices: Sequence[Any] | None) -> Any:
    if devices is not None and devices[place] is not None:
        return as_device(devices[place])
    found = get_a_var(inputs)
    if found is None:
        raise RuntimeError(
            f"in replica {place}, no device was provided and no tensor input was found; device "
            "cannot be resolved"
        )
    return found.device
