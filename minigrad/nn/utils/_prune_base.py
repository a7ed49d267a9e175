"""What all ways of pruning share: the mask, the hook, and pruning what is pruned already."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from minigrad import functions
from minigrad.tensor import Tensor

__all__ = ["BasePruningMethod", "PruningContainer"]


class BasePruningMethod(ABC):
    """A way to choose what is pruned: a subclass says so in ``compute_mask``.

    Its ``PRUNING_TYPE`` is "unstructured" (single numbers), "structured" (whole channels) or
    "global".

    >>> import minigrad as torch
    >>> class EverySecond(torch.nn.utils.prune.BasePruningMethod):
    ...     PRUNING_TYPE = "unstructured"
    ...     def compute_mask(self, t, default_mask):
    ...         mask = default_mask.clone()
    ...         mask.view(-1)[::2] = 0
    ...         return mask
    >>> layer = torch.nn.Linear(4, 1)
    >>> method = EverySecond.apply(layer, "weight")
    >>> layer.weight_mask
    tensor([[0., 1., 0., 1.]])
    """

    PRUNING_TYPE: str
    _tensor_name: str

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """A mask of the shape of ``t`` that keeps at most what ``default_mask`` keeps."""

    def apply_mask(self, module: Any) -> Tensor:
        """The product of a module's mask and its original values."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned")
        mask = getattr(module, f"{self._tensor_name}_mask")
        original = getattr(module, f"{self._tensor_name}_orig")
        pruned: Tensor = mask.to(dtype=original.dtype) * original
        return pruned

    @classmethod
    def apply(
        cls, module: Any, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any
    ) -> Any:
        """Prune a parameter, on top of what has been pruned of it; returns the method used.

        ``importance_scores`` are judged instead of the values.
        """
        former = _take_former(module, name)
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        if former is not None:
            joined = former if isinstance(former, PruningContainer) else PruningContainer(former)
            joined.add_pruning_method(method)
            method = joined
        original = getattr(module, name)
        if importance_scores is None:
            importance_scores = original
        elif importance_scores.shape != original.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}, "
                f"got {importance_scores.shape} vs {original.shape}"
            )
        again = isinstance(method, PruningContainer)
        if again:
            before = getattr(module, f"{name}_mask").detach().clone()
        else:
            module.register_parameter(f"{name}_orig", original)
            del module._parameters[name]
            before = functions.ones_like(original)
        try:
            mask = method.compute_mask(importance_scores, default_mask=before)
            module.register_buffer(f"{name}_mask", mask)
            setattr(module, name, method.apply_mask(module))
            module.register_forward_pre_hook(method)
        except Exception:
            if not again:
                module.register_parameter(name, getattr(module, f"{name}_orig"))
                del module._parameters[f"{name}_orig"]
            raise
        return method

    def prune(self, t: Tensor, default_mask: Any = None, importance_scores: Any = None) -> Tensor:
        """The tensor times the mask that this method chooses for it."""
        if importance_scores is None:
            importance_scores = t
        elif importance_scores.shape != t.shape:
            raise AssertionError(
                "importance_scores should have the same shape as tensor t, "
                f"got {importance_scores.shape} vs {t.shape}"
            )
        before = functions.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(importance_scores, default_mask=before)

    def remove(self, module: Any) -> None:
        """Make what is left of the values the parameter; the zeros are then trained as well."""
        name = self._tensor_name
        if name is None:
            raise AssertionError(f"Module {module} has to be pruned before pruning can be removed")
        weight = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        original = module._parameters.pop(f"{name}_orig")
        original.data = weight.data
        del module._buffers[f"{name}_mask"]
        setattr(module, name, original)


def _take_former(module: Any, name: str) -> Any:
    """The method that pruned the parameter before, taken off the module; None if none did."""
    former = [
        (key, hook)
        for key, hook in module._forward_pre_hooks.items()
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name
    ]
    if len(former) > 1:
        raise AssertionError(
            f"Avoid adding multiple pruning hooks to the same tensor {name} of module {module}. "
            "Use a PruningContainer."
        )
    for key, _ in former:
        del module._forward_pre_hooks[key]
    return former[0][1] if former else None


class PruningContainer(BasePruningMethod):
    """Several methods that pruned one parameter, one after the other.

    >>> import minigrad as torch
    >>> prune, layer = torch.nn.utils.prune, torch.nn.Linear(4, 1)
    >>> for _ in range(2):
    ...     layer = prune.l1_unstructured(layer, "weight", amount=1)
    >>> int(layer.weight_mask.sum()), len(list(layer._forward_pre_hooks.values())[0])
    (2, 2)
    """

    def __init__(self, *args: Any) -> None:
        self._pruning_methods: tuple[Any, ...] = ()
        if len(args) == 1:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Add a method for the same parameter.

        Raises: TypeError for something else, ValueError for another parameter.
        """
        if method is not None:
            if not isinstance(method, BasePruningMethod):
                raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
            if self._tensor_name != method._tensor_name:
                raise ValueError(
                    "Can only add pruning methods acting on the parameter named "
                    f"'{self._tensor_name}' to PruningContainer {self}. "
                    f"Found '{method._tensor_name}'"
                )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: Any) -> Any:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask of the last method, asked about what the others have left."""
        method = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype)
        left = self._left(method, t, default_mask)
        partial = method.compute_mask(t[left], default_mask=default_mask[left])
        mask = mask.clone()
        mask[left] = partial.to(dtype=mask.dtype)
        return mask

    @staticmethod
    def _left(method: Any, t: Tensor, mask: Tensor) -> Any:
        """What has not been pruned yet, as an index: numbers, channels, or everything."""
        kind = method.PRUNING_TYPE
        if kind == "unstructured":
            return mask == 1
        if kind == "global":
            return (slice(None),) * t.ndim
        if kind != "structured":
            raise ValueError(f"Unrecognized PRUNING_TYPE {kind}")
        if not hasattr(method, "dim"):
            raise AttributeError(
                'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` '
                "defined."
            )
        dim = method.dim + t.ndim if method.dim < 0 else method.dim
        if not 0 <= dim < t.ndim:
            raise IndexError(f"Index is out of bounds for tensor with dimensions {t.ndim}")
        kept = mask.sum(dim=[d for d in range(t.ndim) if d != dim]) != 0
        return tuple(kept if d == dim else slice(None) for d in range(t.ndim))
