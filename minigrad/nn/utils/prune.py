"""Setting parts of a parameter to zero, and keeping them there while it is trained.

Pruning ``weight`` keeps the values as the parameter ``weight_orig`` and the choice as the buffer
``weight_mask``; ``weight`` is their product, computed anew before each forward.

Source: https://docs.pytorch.org/docs/stable/nn.html#utilities
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from minigrad import functions
from minigrad.nn.utils._prune_amounts import (
    check_amount,
    check_dim,
    check_structured,
    count_of,
    need_count,
    norm_along,
)
from minigrad.nn.utils.convert_parameters import parameters_to_vector
from minigrad.tensor import Tensor

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]


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
        method = cls(*args, **kwargs)
        method._tensor_name = name
        method = _joined_with_former(module, name, method)
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

    def prune(
        self, t: Tensor, default_mask: Any = None, importance_scores: Any = None
    ) -> Tensor:
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
            raise AssertionError(
                f"Module {module} has to be pruned before pruning can be removed"
            )
        weight = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        original = module._parameters.pop(f"{name}_orig")
        original.data = weight.data
        del module._buffers[f"{name}_mask"]
        setattr(module, name, original)


def _joined_with_former(module: Any, name: str, method: Any) -> Any:
    """The method itself, or a container of it and those that pruned the parameter before."""
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
    for key, hook in former:
        del module._forward_pre_hooks[key]
        container = hook if isinstance(hook, PruningContainer) else PruningContainer(hook)
        container.add_pruning_method(method)
        method = container
    return method


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
        if dim < 0:
            raise IndexError(f"Index is out of bounds for tensor with dimensions {t.ndim}")
        kept = mask.sum(dim=[d for d in range(t.ndim) if d != dim]) != 0
        return tuple(kept if d == dim else slice(None) for d in range(t.ndim))


class Identity(BasePruningMethod):
    """Prunes nothing, but makes ``name_orig`` and ``name_mask``.

    >>> import minigrad as torch
    >>> layer = torch.nn.Linear(2, 1)
    >>> method = torch.nn.utils.prune.Identity.apply(layer, "weight")
    >>> layer.weight_mask
    tensor([[1., 1.]])
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask as it is."""
        return default_mask

    @classmethod
    def apply(cls, module: Any, name: str) -> Any:  # type: ignore[override]
        """Prune a parameter; returns the method used."""
        return super().apply(module, name)


class _ByAmount(BasePruningMethod):
    """A method that prunes a number or a share of what there is."""

    def __init__(self, amount: Any) -> None:
        check_amount(amount)
        self.amount = amount

    def _count(self, size: int) -> int:
        count = count_of(self.amount, size)
        need_count(count, size)
        return count


class _Unstructured(_ByAmount):
    """Prunes the single numbers with the least score."""

    PRUNING_TYPE = "unstructured"

    def _places(self, t: Tensor, count: int) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask without the numbers that are chosen."""
        count = self._count(t.numel())
        mask = default_mask.clone()
        if count:
            mask.view(-1)[self._places(t, count)] = 0
        return mask


class RandomUnstructured(_Unstructured):
    """Prunes numbers drawn by chance.

    >>> import minigrad as torch
    >>> layer = torch.nn.Linear(4, 1)
    >>> method = torch.nn.utils.prune.RandomUnstructured.apply(layer, "weight", amount=3)
    >>> layer.weight_mask.sum()
    tensor(1.)
    """

    def _places(self, t: Tensor, count: int) -> Tensor:
        places: Tensor = functions.topk(functions.rand_like(t).view(-1), k=count).indices
        return places

    @classmethod
    def apply(cls, module: Any, name: str, amount: Any) -> Any:  # type: ignore[override]
        """Prune a parameter; returns the method used."""
        return super().apply(module, name, amount=amount)


class L1Unstructured(_Unstructured):
    """Prunes the numbers nearest to zero.

    >>> import minigrad as torch
    >>> method = torch.nn.utils.prune.L1Unstructured(amount=0.5)
    >>> method.prune(torch.tensor([1.0, -3.0, 2.0, 0.5]))
    tensor([ 0., -3.,  2.,  0.])
    """

    def _places(self, t: Tensor, count: int) -> Tensor:
        places: Tensor = functions.topk(t.abs().view(-1), k=count, largest=False).indices
        return places

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Any, name: str, amount: Any, importance_scores: Any = None
    ) -> Any:
        """Prune a parameter; returns the method used."""
        return super().apply(module, name, amount=amount, importance_scores=importance_scores)


class _Structured(_ByAmount):
    """Prunes whole channels along a dimension."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def _kept(self, t: Tensor, count: int, size: int) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask without the channels that are chosen."""
        check_structured(t)
        check_dim(t, self.dim)
        size = t.shape[self.dim]
        count = self._count(size)
        kept = self._kept(t, count, size)
        if count == 0:
            return default_mask
        mask = functions.zeros_like(t)
        index: list[Any] = [slice(None)] * t.ndim
        index[self.dim] = kept
        mask[tuple(index)] = 1
        return mask * default_mask.to(dtype=mask.dtype)


class RandomStructured(_Structured):
    """Prunes channels drawn by chance.

    >>> import minigrad as torch
    >>> method = torch.nn.utils.prune.RandomStructured(amount=1, dim=0)
    >>> method.prune(torch.ones(3, 2)).sum()
    tensor(4.)
    """

    def _kept(self, t: Tensor, count: int, size: int) -> Tensor:
        if count == 0:
            return functions.empty(0)  # nothing is drawn for nothing
        drawn = functions.rand(size)
        kept: Tensor = drawn > functions.kthvalue(drawn, k=count).values
        return kept

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Any, name: str, amount: Any, dim: int = -1
    ) -> Any:
        """Prune a parameter; returns the method used."""
        return super().apply(module, name, amount=amount, dim=dim)


class LnStructured(_Structured):
    """Prunes the channels with the least norm.

    >>> import minigrad as torch
    >>> method = torch.nn.utils.prune.LnStructured(amount=1, n=2, dim=0)
    >>> method.prune(torch.tensor([[3.0, 4.0], [1.0, 1.0]]))
    tensor([[3., 4.],
            [0., 0.]])
    """

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _kept(self, t: Tensor, count: int, size: int) -> Tensor:
        scores = norm_along(t, self.n, self.dim)
        places: Tensor = functions.topk(scores, k=size - count, largest=True).indices
        return places

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Any, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None
    ) -> Any:
        """Prune a parameter; returns the method used."""
        return super().apply(
            module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores
        )


class CustomFromMask(BasePruningMethod):
    """Prunes what a given mask leaves out.

    >>> import minigrad as torch
    >>> method = torch.nn.utils.prune.CustomFromMask(torch.tensor([1, 0]))
    >>> method.prune(torch.tensor([3.0, 4.0]))
    tensor([3., 0.])
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The product of both masks."""
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match "
                f"self.mask shape {self.mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)

    @classmethod
    def apply(cls, module: Any, name: str, mask: Tensor) -> Any:  # type: ignore[override]
        """Prune a parameter; returns the method used."""
        return super().apply(module, name, mask=mask)


def identity(module: Any, name: str) -> Any:
    """Prune nothing of a parameter, but make ``name_orig`` and ``name_mask``.

    >>> import minigrad as torch
    >>> layer = torch.nn.utils.prune.identity(torch.nn.Linear(2, 1), "bias")
    >>> list(layer.state_dict())
    ['weight', 'bias_orig', 'bias_mask']
    """
    Identity.apply(module, name)
    return module


def random_unstructured(module: Any, name: str, amount: Any) -> Any:
    """Prune numbers drawn by chance: so many for an integer, such a share for a float.

    >>> import minigrad as torch
    >>> layer = torch.nn.utils.prune.random_unstructured(torch.nn.Linear(4, 2), "weight", 0.25)
    >>> layer.weight_mask.sum()
    tensor(6.)
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Any, name: str, amount: Any, importance_scores: Any = None) -> Any:
    """Prune the numbers nearest to zero.

    >>> import minigrad as torch
    >>> layer = torch.nn.utils.prune.l1_unstructured(torch.nn.Linear(4, 2), "weight", amount=2)
    >>> layer.weight_mask.sum()
    tensor(6.)
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: Any, name: str, amount: Any, dim: int) -> Any:
    """Prune channels along a dimension drawn by chance.

    >>> import minigrad as torch
    >>> layer = torch.nn.utils.prune.random_structured(torch.nn.Linear(4, 2), "weight", 1, dim=1)
    >>> layer.weight_mask.sum()
    tensor(6.)
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Any, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None
) -> Any:
    """Prune the channels along a dimension with the least ``n``-norm.

    >>> import minigrad as torch
    >>> prune = torch.nn.utils.prune
    >>> layer = prune.ln_structured(torch.nn.Linear(4, 2), "weight", amount=0.5, n=2, dim=1)
    >>> layer.weight_mask.sum()
    tensor(4.)
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def global_unstructured(
    parameters: Any, pruning_method: Any, importance_scores: Any = None, **kwargs: Any
) -> None:
    """Prune several parameters, given as (module, name), judging their numbers together.

    Raises: TypeError for arguments of other types, or a method that prunes whole channels.

    >>> import minigrad as torch
    >>> prune, net = torch.nn.utils.prune, torch.nn.Sequential(torch.nn.Linear(4, 2))
    >>> prune.global_unstructured(
    ...     [(net[0], "weight"), (net[0], "bias")], prune.L1Unstructured, amount=5)
    >>> net[0].weight_mask.sum() + net[0].bias_mask.sum()
    tensor(5.)
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    places = list(parameters)
    tensors = [getattr(module, name) for module, name in places]
    judged = parameters_to_vector(
        [scores.get(tuple(place), t) for place, t in zip(places, tensors, strict=True)]
    )
    masks = [
        getattr(module, f"{name}_mask", functions.ones_like(t))
        for (module, name), t in zip(places, tensors, strict=True)
    ]
    container = PruningContainer()
    container._tensor_name = "temp"
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    container.add_pruning_method(method)
    final = container.compute_mask(judged, parameters_to_vector(masks))
    start = 0
    for (module, name), tensor in zip(places, tensors, strict=True):
        end = start + tensor.numel()
        custom_from_mask(module, name, mask=final[start:end].view_as(tensor))
        start = end


def custom_from_mask(module: Any, name: str, mask: Tensor) -> Any:
    """Prune what a mask of zeros and ones leaves out.

    >>> import minigrad as torch
    >>> mask = torch.tensor([[1, 0]])
    >>> layer = torch.nn.utils.prune.custom_from_mask(torch.nn.Linear(2, 1), "weight", mask)
    >>> bool(layer.weight[0, 1] == 0)
    True
    """
    CustomFromMask.apply(module, name, mask)
    return module


def remove(module: Any, name: str) -> Any:
    """Make pruning final: the parameter with its zeros takes the place of mask and original.

    Raises: ValueError for a parameter that is not pruned.

    >>> import minigrad as torch
    >>> prune = torch.nn.utils.prune
    >>> layer = prune.l1_unstructured(torch.nn.Linear(4, 2), "weight", amount=2)
    >>> list(prune.remove(layer, "weight").state_dict())
    ['bias', 'weight']
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(
        f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
    )


def is_pruned(module: Any) -> bool:
    """Whether anything in a tree of modules is pruned.

    >>> import minigrad as torch
    >>> torch.nn.utils.prune.is_pruned(torch.nn.Linear(2, 1))
    False
    """
    return any(
        isinstance(hook, BasePruningMethod)
        for submodule in module.modules()
        for hook in submodule._forward_pre_hooks.values()
    )
