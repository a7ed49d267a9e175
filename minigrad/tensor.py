"""The Tensor: memory, flags and the way into the graph. Its mathematics is in ``minigrad/ops``.

Methods such as ``exp`` or ``sum`` and the operators are attached by the op registry.
Source: https://docs.pytorch.org/docs/stable/tensors.html
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from minigrad import dtypes, sharing
from minigrad.autograd import overriding
from minigrad.autograd.apply import bind_tensor_class, edge_of
from minigrad.autograd.arguments import check_gradient
from minigrad.autograd.grad import backward, retain
from minigrad.autograd.graph import (
    AccumulateGrad,
    Node,
    Output,
    RemovableHandle,
    end_anew,
    hooks_of,
    new,
    storage_of,
)
from minigrad.autograd.op import renamed, tensors
from minigrad.autograd.tensor_base import TensorBase
from minigrad.interchange import Interchange

COMPUTED = (
    " If you want to use a computed variable in a subgraph that doesn't require differentiation "
    "use var_no_grad = var.detach()."
)
NO_GRAD_HERE = (
    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
    "attribute won't be populated during autograd.backward(). If you indeed want the .grad field "
    "to be populated for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you "
    "access the non-leaf Tensor by mistake, make sure you access the leaf Tensor instead. See "
    "github.com/pytorch/pytorch/pull/30531 for more information."
)


class Tensor(Interchange):
    """An array that knows how it was computed.

    ``Tensor(2, 3)`` and ``Tensor([1, 2])`` are torch's old spellings and give float32;
    :func:`minigrad.tensor` is the usual way to make one.

    >>> import minigrad as torch
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> y = (x * x).sum(); y
    tensor(5., grad_fn=<SumBackward0>)
    >>> y.backward(); x.grad
    tensor([2., 4.])
    """

    __slots__ = ()

    def __new__(cls, *args: Any, device: Any = None) -> Any:
        """An uninitialised tensor of sizes, or a float tensor of data."""
        return cls._wrap(tensors.legacy_array(args, dtypes.get_default_dtype(), True))

    @classmethod
    def _wrap(cls, array: Any) -> Any:
        """A tensor of this very class around an array."""
        self = new(cls)
        self._array = array
        self._node = self._storage = self._view = self._grad = None
        return self

    @property
    def requires_grad(self) -> bool:
        """Whether operations on it are recorded.

        >>> import minigrad as torch
        >>> x = torch.ones(1, requires_grad=True)
        >>> x.requires_grad, (x * 2).requires_grad, torch.ones(1).requires_grad
        (True, True, False)
        """
        return edge_of(self) is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not self.is_leaf:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables."
                + ("" if value else COMPUTED)
            )
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start or stop recording operations on this leaf; returns the tensor itself.

        Raises: RuntimeError for a tensor that an op made, or that is not of a float type.

        >>> import minigrad as torch
        >>> torch.ones(1).requires_grad_()
        tensor([1.], requires_grad=True)
        """
        if type(requires_grad) is not bool:
            raise TypeError(
                "requires_grad_(): argument 'requires_grad' (position 1) must be bool, not "
                f"{type(requires_grad).__name__}"
            )
        if not self.is_leaf:
            if requires_grad:
                return self
            raise RuntimeError(
                f"you can only change requires_grad flags of leaf variables.{COMPUTED}"
            )
        if requires_grad and not self.is_floating_point():
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        if requires_grad and self.is_inference():
            raise RuntimeError(
                "Setting requires_grad=True on inference tensor outside InferenceMode is not "
                "allowed."
            )
        if not requires_grad:
            self._node = None
        elif self._node is None:
            self._node = AccumulateGrad(self)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded op made it.

        >>> import minigrad as torch
        >>> x = torch.ones(1, requires_grad=True)
        >>> x.is_leaf, (x * 2).is_leaf
        (True, False)
        """
        node = edge_of(self)
        return node is None or isinstance(node, AccumulateGrad)

    @property
    def grad_fn(self) -> Node | None:
        """The node of the op that made it; None for a leaf.

        >>> import minigrad as torch
        >>> (torch.ones(1, requires_grad=True) * 2).grad_fn.name()
        'MulBackward0'
        """
        node = edge_of(self)
        if node is None or isinstance(node, AccumulateGrad):
            return None
        return node.edges[0] if isinstance(node, Output) else node

    @property
    def output_nr(self) -> int:
        """Which output of its ``grad_fn`` it is.

        >>> import minigrad as torch
        >>> torch.ones(2, requires_grad=True).unbind()[1].output_nr
        1
        """
        return self._node.index if isinstance(self._node, Output) else 0

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient; None before the first backward.

        Of a recorded tensor it is None, with a warning, unless :meth:`retain_grad` was called.

        >>> import minigrad as torch
        >>> x = torch.ones(2, requires_grad=True)
        >>> (3 * x).sum().backward(); x.grad
        tensor([3., 3.])
        """
        found = self._grad
        if found is None and self._node is not None and type(self._node) is not AccumulateGrad:
            self._warn_of_no_grad()
        return found  # type: ignore[no-any-return]

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            check_gradient(self, value)
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def _warn_of_no_grad(self) -> None:
        if not self.is_leaf and not self.retains_grad:
            warnings.warn(NO_GRAD_HERE, stacklevel=3)

    @property
    def data(self) -> Tensor:
        """The same memory as a tensor that no graph knows and no version check watches.

        >>> import minigrad as torch
        >>> x = torch.ones(2, requires_grad=True)
        >>> x.data[0] = 5.; x
        tensor([5., 1.], requires_grad=True)
        """
        return Tensor._wrap(self._array)  # type: ignore[no-any-return]

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, TensorBase):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        node = self._node
        if node is not None and not value.is_floating_point():
            raise RuntimeError(
                "data set to a tensor that requires gradients must be floating point or complex "
                "dtype"
            )
        self._array = value._array
        self._storage = None
        if isinstance(node, AccumulateGrad) and node.shape != value._array.shape:
            end_anew(self)

    @data.deleter
    def data(self) -> None:
        raise RuntimeError("Deleting tensor data is not allowed. Delete tensor instead!")

    def detach(self) -> Tensor:
        """The same memory outside of the graph; in-place writes are seen by both.

        >>> import minigrad as torch
        >>> x = torch.ones(2, requires_grad=True)
        >>> (x * 2).detach()
        tensor([2., 2.])
        """
        out: Tensor = Tensor._wrap(self._array)
        out._storage = storage_of(self)
        return out

    def detach_(self) -> Tensor:
        """Cut this tensor itself out of the graph: it becomes a leaf.

        >>> import minigrad as torch
        >>> y = torch.ones(2, requires_grad=True) * 2
        >>> y.detach_().is_leaf
        True
        """
        if self._view is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._node = None
        return self

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        """Add the gradient of this scalar (or weighted by ``gradient``) to ``.grad`` of the leaves.

        Raises: RuntimeError if there is no graph, no scalar and no weight, or a freed graph.

        >>> import minigrad as torch
        >>> x = torch.arange(3., requires_grad=True)
        >>> (x * x).backward(torch.ones(3)); x.grad
        tensor([0., 2., 4.])
        """
        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def retain_grad(self) -> None:
        """Keep the gradient of this recorded tensor in ``.grad``, as leaves do.

        >>> import minigrad as torch
        >>> y = torch.ones(2, requires_grad=True) * 2
        >>> y.retain_grad(); y.sum().backward(); y.grad
        tensor([1., 1.])
        """
        retain(self)

    @property
    def retains_grad(self) -> bool:
        """Whether :meth:`retain_grad` was called on this recorded tensor.

        >>> import minigrad as torch
        >>> y = torch.ones(2, requires_grad=True) * 2
        >>> y.retains_grad
        False
        """
        node = edge_of(self)
        return node is not None and node.hooks is not None and node.hooks.retain is not None

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call ``hook(grad)`` when the gradient is known; what it returns replaces the gradient.

        >>> import minigrad as torch
        >>> x = torch.ones(2, requires_grad=True)
        >>> handle = x.register_hook(lambda g: 10 * g)
        >>> x.sum().backward(); x.grad
        tensor([10., 10.])
        """
        node = edge_of(self)
        if node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        return RemovableHandle(hooks_of(node).tensor, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call ``hook(leaf)`` after its ``.grad`` was added to.

        >>> import minigrad as torch
        >>> x = torch.ones(2, requires_grad=True)
        >>> handle = x.register_post_accumulate_grad_hook(lambda leaf: print(leaf.grad))
        >>> x.sum().backward()
        tensor([1., 1.])
        """
        node = edge_of(self)
        if not isinstance(node, AccumulateGrad):
            raise RuntimeError(
                "post accumulate grad hooks cannot be registered on non-leaf tensors"
            )
        hooks_of(node)  # which notes that a leaf has hooks
        return RemovableHandle(node.post_accumulate, hook)

    def is_inference(self) -> bool:
        """Whether it was made in inference mode.

        >>> import minigrad as torch
        >>> torch.ones(1).is_inference()
        False
        """
        return self._storage is not None and self._storage.inference

    @property
    def _version(self) -> int:
        """How often its memory was written in place."""
        storage = self._storage
        if storage is not None and storage.inference:
            raise RuntimeError("Inference tensors do not track version counter.")
        return 0 if storage is None else storage.version

    def _bump_version(self) -> None:
        """Announce an in-place write that was done on the bare array."""
        storage_of(self).write()

    def _is_view(self) -> bool:
        return self._view is not None

    @property
    def _base(self) -> Tensor | None:
        """The tensor that this one is a view of."""
        return None if self._view is None else self._view.base

    # --- subclasses: see autograd/overriding.py -------------------------------------------------

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if overriding.asks(cls):
            overriding.open_class(cls)
        sharing.register_class(cls)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What a subclass does with torch's functions: run them, and give results its own class.

        >>> import minigrad as torch
        >>> class Length(torch.Tensor): pass
        >>> torch.ones(2).as_subclass(Length) * 2
        Length([2., 2.])
        """
        if not all(issubclass(cls, kind) for kind in types):
            return NotImplemented
        return overriding.of_class(cls, overriding.as_it_is(func, args, kwargs or {}))

    def as_subclass(self, cls: Any) -> Any:
        """The same memory and place in the graph, as an object of a subclass of Tensor.

        >>> import minigrad as torch
        >>> class Length(torch.Tensor): pass
        >>> type(torch.ones(2).as_subclass(Length)).__name__
        'Length'
        """
        with overriding.unasked():
            view: Any = renamed(self.view(self.shape), "AliasBackward0")
        out = cls._wrap(view._array)
        out._node, out._storage, out._view = view._node, view._storage, view._view
        return out

    @staticmethod
    def _make_subclass(cls: Any, data: Any, require_grad: bool = False) -> Any:
        """A leaf of a subclass with the memory of a tensor."""
        return data.detach().as_subclass(cls).requires_grad_(require_grad)


Tensor.__module__ = "minigrad"  # where it is found, and what `type(x)` prints
bind_tensor_class(Tensor)

__all__ = ["Tensor"]
