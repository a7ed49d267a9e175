"""Setting parts of a parameter to zero, and keeping them there while it is trained.

Pruning ``weight`` keeps the values as the parameter ``weight_orig`` and the choice as the buffer
``weight_mask``; ``weight`` is their product, computed anew before each forward.

Source: https://docs.pytorch.org/docs/stable/nn.html#utilities
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad import functions
from minigrad.nn.utils._prune_base import BasePruningMethod, PruningContainer
from minigrad.nn.utils._prune_methods import (
    CustomFromMask,
    Identity,
    L1Unstructured,
    LnStructured,
    RandomStructured,
    RandomUnstructured,
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


# Messages and pickles name the classes by torch's path.
for _kind in (
    BasePruningMethod,
    CustomFromMask,
    Identity,
    L1Unstructured,
    LnStructured,
    PruningContainer,
    RandomStructured,
    RandomUnstructured,
):
    _kind.__module__ = __name__


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
