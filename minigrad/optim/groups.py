"""Parameter groups and their state on the way into an optimizer and into a file."""

from __future__ import annotations

from typing import Any

from minigrad.dtypes import float32
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


def type_name(thing: Any) -> str:
    """A thing's type as torch prints it, such as ``torch.FloatTensor``."""
    if isinstance(thing, Tensor):
        return str(thing.type())
    kind = type(thing)
    home = kind.__module__.replace("minigrad", "torch")
    return kind.__qualname__ if home == "builtins" else f"{home}.{kind.__qualname__}"


def check_params(params: list[Any], differentiable: bool) -> None:
    """Raise unless all are tensors that no op made, or whose gradient is kept."""
    for parameter in params:
        if not isinstance(parameter, Tensor):
            raise TypeError(
                "optimizer can only optimize Tensors, but one of the params is "
                f"{type_name(parameter)}"
            )
        if not (differentiable or parameter.is_leaf or parameter.retains_grad):
            raise ValueError("can't optimize a non-leaf Tensor")


def pack(group: Group, numbers: dict[Tensor, int]) -> Group:
    """A group with its parameters, moved to the end, as numbers."""
    packed = {name: value for name, value in group.items() if name != "params"}
    packed["params"] = [numbers[parameter] for parameter in group["params"]]
    return packed


def fit(value: Any, parameter: Tensor, options: Group, name: Any = None) -> Any:
    """Loaded state in the type and on the device of its parameter; step counts stay as they are.

    As in torch, a tensor that fits already is not copied, so two optimizers may share it.
    """
    if isinstance(value, dict):
        return {key: fit(entry, parameter, options, key) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(fit(entry, parameter, options) for entry in value)
    if not isinstance(value, Tensor):
        return value
    if name == "step":
        exact = options.get("capturable") or options.get("fused")
        return value.to(device=parameter.device, dtype=float32) if exact else value
    if not parameter.is_floating_point():
        return value.to(device=parameter.device)
    return value.to(device=parameter.device, dtype=parameter.dtype)
