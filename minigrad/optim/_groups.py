"""Parameter groups and their state on the way into an optimizer and into a file."""

from __future__ import annotations

from typing import Any

from minigrad.tensor import Tensor

Group = dict[str, Any]


def split_names(group: Group) -> None:
    """Put the names of ``(name, tensor)`` pairs beside the tensors."""
    given = group["params"]
    if not any(isinstance(entry, tuple) for entry in given):
        return
    if not all(isinstance(entry, tuple) for entry in given):
        raise ValueError(
            "all optimizer params should be with/without names. Some param names are missing"
        )
    group["params"] = [tensor for _, tensor in given]
    group["param_names"] = [name for name, _ in given]


def check_params(params: list[Any]) -> None:
    """Raise unless all are tensors that no op made, or whose gradient is kept."""
    for parameter in params:
        if not isinstance(parameter, Tensor):
            raise TypeError(
                "optimizer can only optimize Tensors, but one of the params is "
                f"{type(parameter).__name__}"
            )
        if not (parameter.is_leaf or parameter.retains_grad):
            raise ValueError("can't optimize a non-leaf Tensor")


def pack(group: Group, numbers: dict[Tensor, int]) -> Group:
    """A group with its parameters, moved to the end, as numbers."""
    packed = {name: value for name, value in group.items() if name != "params"}
    packed["params"] = [numbers[parameter] for parameter in group["params"]]
    return packed


def fit(value: Any, parameter: Tensor, name: str | None = None) -> Any:
    """Loaded state in the type and on the device of its parameter; step counts stay as they are."""
    if isinstance(value, dict):
        return {key: fit(entry, parameter, key) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(fit(entry, parameter) for entry in value)
    if not isinstance(value, Tensor):
        return value
    # A copy: steps write in place, and the file's tensors are not ours to change.
    if name == "step" or not parameter.is_floating_point():
        return value.clone()
    return value.to(device=parameter.device, dtype=parameter.dtype, copy=True)
