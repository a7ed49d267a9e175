"""Layers that find out some of their sizes from the first input."""

from __future__ import annotations

from itertools import chain
from typing import Any, ClassVar

from minigrad.autograd import no_grad
from minigrad.nn.modules.module import Module
from minigrad.nn.parameter import is_lazy

__all__: list[str] = []


class LazyModuleMixin(Module):
    """Makes a module lazy: its parameters get their shapes in the first call.

    A lazy module sets ``UninitializedParameter`` and ``UninitializedBuffer`` members, gives them
    their shapes in ``initialize_parameters``, which gets what ``forward`` gets, and turns into
    ``cls_to_become``. Loading a state dict gives shapes as well. The parameters stay the same
    objects, so an optimizer may be made before.

    >>> import minigrad as torch
    >>> layer = torch.nn.LazyLinear(3)
    >>> layer.weight
    <UninitializedParameter>
    >>> layer(torch.zeros(2, 5)).shape
    torch.Size([2, 3])
    >>> layer
    Linear(in_features=5, out_features=3, bias=True)
    """

    cls_to_become: ClassVar[type[Any] | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(
            self._infer_parameters, with_kwargs=True
        )

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Members without a shape cannot be detached; they are saved as they are."""
        for name, tensor in self._local_state().items():
            bare = keep_vars or is_lazy(tensor)
            destination[prefix + name] = tensor if bare else tensor.detach()

    def _lazy_load_hook(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        """Give the members the shapes of what is about to be loaded."""
        tensor: Any
        for name, tensor in chain(self._parameters.items(), self._buffers.items()):
            given = state_dict.get(prefix + name)
            if is_lazy(tensor) and given is not None and not is_lazy(given):
                with no_grad():
                    tensor.materialize(given.shape)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give all members their shapes, from what ``forward`` is called with.

        Raises: NotImplementedError unless the module has its own.

        >>> import minigrad as torch
        >>> layer = torch.nn.LazyLinear(3)
        >>> layer.initialize_parameters(torch.zeros(2, 5))
        >>> layer.weight.shape
        torch.Size([3, 5])
        """
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}"
        )

    def has_uninitialized_params(self) -> bool:
        """Whether a member still has no shape.

        >>> import minigrad as torch
        >>> torch.nn.LazyLinear(3).has_uninitialized_params()
        True
        """
        return any(map(is_lazy, chain(self._parameters.values(), self._buffers.values())))

    def _infer_parameters(self, module: Any, args: Any, kwargs: Any = None) -> None:
        """Before the first call: make the members, and become an ordinary module."""
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook, module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become
