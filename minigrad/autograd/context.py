"""``FunctionCtx``: what the forward of a user's Function leaves for its backward."""

from __future__ import annotations

import weakref
from typing import Any

from minigrad.autograd.graph import Node
from minigrad.autograd.tensor_base import TensorBase

# What users read off the graph's node through the context, which in torch is the node itself.
_OF_THE_NODE = {"metadata", "name", "next_functions", "register_hook", "register_prehook"}


class FunctionCtx:
    """A user's notes, from forward to backward, beside the graph's node.

    Users write what they like on it (``ctx.shape = x.shape``), so it has torch's names and no
    others; those of the engine stand on the node, which it knows weakly.
    """

    _node: weakref.ref[Node]

    def __init__(self, node: Node, needs_input_grad: tuple[bool, ...]) -> None:
        self._node = weakref.ref(node)
        self.needs_input_grad = needs_input_grad
        self.to_save: tuple[Any, ...] = ()
        self.dirty_tensors: tuple[Any, ...] = ()
        self.non_differentiable: tuple[Any, ...] = ()
        self.materialize_grads = True

    def save_for_backward(self, *tensors: Any) -> None:
        """Save tensors (inputs, outputs or others) for :attr:`saved_tensors`."""
        for index, tensor in enumerate(tensors):
            if tensor is not None and not isinstance(tensor, TensorBase):
                raise TypeError(
                    "save_for_backward can only save variables, but argument "
                    f"{index} is of type {type(tensor).__name__}"
                )
        self.to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Accepted and without effect: tangents are taken by ``backward`` (see `forward_ad`)."""

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved, with its place in the graph; an error if freed or overwritten."""
        node: Any = self._node()
        return () if node is None else node.saved_tensors

    def mark_dirty(self, *tensors: Any) -> None:
        """Say which inputs forward wrote in place."""
        self.dirty_tensors = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say which outputs have no gradient."""
        self.non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (True) or None (False) for outputs that nobody used."""
        self.materialize_grads = value

    def __getattr__(self, name: str) -> Any:
        node = self._node()
        if name in _OF_THE_NODE and node is not None:
            return getattr(node, name)
        kind = type(self if node is None else node).__name__
        raise AttributeError(f"{kind!r} object has no attribute {name!r}", name=name, obj=self)


__all__ = ["FunctionCtx"]
