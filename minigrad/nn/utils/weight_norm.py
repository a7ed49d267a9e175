"""A weight as length times direction, by a hook that multiplies them before each forward.

The older form; ``parametrizations.weight_norm`` is its successor.
Source: Salimans and Kingma, Weight normalization, 2016.
"""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

from minigrad import linalg
from minigrad.nn.modules.module import Module
from minigrad.nn.parameter import Parameter, is_lazy
from minigrad.tensor import Tensor

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]

Kind = TypeVar("Kind", bound=Module)


def norm_except_dim(tensor: Tensor, dim: int) -> Tensor:
    """The Euclidean norm over all dimensions but one; over all of them for -1."""
    if dim == -1:
        whole: Tensor = linalg.vector_norm(tensor)
        return whole
    others = [d for d in range(tensor.ndim) if d != dim % tensor.ndim]
    # No dimension at all would mean all of them.
    norm: Tensor = linalg.vector_norm(tensor, dim=others, keepdim=True) if others else tensor.abs()
    return norm


def scaled(direction: Tensor, length: Tensor, dim: int) -> Tensor:
    """w = g v / |v|, with one length for each index of a dimension."""
    return direction * (length / norm_except_dim(direction, dim))


class WeightNorm:
    """The hook that computes a weight from ``name_g`` and ``name_v`` before each forward.

    >>> from minigrad.nn.utils.weight_norm import WeightNorm
    >>> WeightNorm("weight", 0).name
    'weight'
    """

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Any:
        """The weight of the module's length and direction as they are now."""
        direction, length = (getattr(module, f"{self.name}_{part}") for part in "vg")
        return scaled(direction, length, self.dim)

    @staticmethod
    def apply(module: Module, name: str, dim: int | None) -> WeightNorm:
        """Split a parameter of a module and register the hook."""
        warnings.warn(
            "`torch.nn.utils.weight_norm` is deprecated in favor of "
            "`torch.nn.utils.parametrizations.weight_norm`.",
            FutureWarning,
            stacklevel=3,
        )
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, WeightNorm) and hook.name == name:
                raise RuntimeError(
                    f"Cannot register two weight_norm hooks on the same parameter {name}"
                )
        made = WeightNorm(name, dim)
        weight = getattr(module, name)
        if is_lazy(weight):
            raise ValueError(
                "The module passed to `WeightNorm` can't have uninitialized parameters. Make sure "
                "to run the dummy forward before applying weight normalization"
            )
        del module._parameters[name]
        length = norm_except_dim(weight.detach(), made.dim)
        module.register_parameter(f"{name}_g", Parameter(length))
        module.register_parameter(f"{name}_v", Parameter(weight.data))
        setattr(module, name, made.compute_weight(module))
        module.register_forward_pre_hook(made)
        return made

    def remove(self, module: Module) -> None:
        """Make the product a parameter again."""
        weight = self.compute_weight(module)
        delattr(module, self.name)
        for part in "gv":
            del module._parameters[f"{self.name}_{part}"]
        setattr(module, self.name, Parameter(weight.data))

    def __call__(self, module: Module, inputs: Any) -> None:
        """Set the weight before a forward."""
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Kind, name: str = "weight", dim: int | None = 0) -> Kind:
    """Train the length and the direction of a weight instead of the weight; it warns of its age.

    w = g v / |v| with the norm over all dimensions but ``dim`` (over all for None).

    >>> import minigrad as torch
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     layer = torch.nn.utils.weight_norm(torch.nn.Linear(3, 2))
    >>> [(name, tuple(p.shape)) for name, p in layer.named_parameters()]
    [('bias', (2,)), ('weight_g', (2, 1)), ('weight_v', (2, 3))]
    """
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module: Kind, name: str = "weight") -> Kind:
    """Make a weight an ordinary parameter again.

    Raises: ValueError if it was no product of ``weight_norm``.

    >>> import minigrad as torch
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     layer = torch.nn.utils.weight_norm(torch.nn.Linear(3, 2))
    >>> [n for n, _ in torch.nn.utils.remove_weight_norm(layer).named_parameters()]
    ['bias', 'weight']
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
