"""Tensors that a Module owns: trained ones (Parameter) and carried ones (Buffer)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, TypeVar

from minigrad.tensor import Tensor

__all__ = ["Buffer", "Parameter"]

Kind = TypeVar("Kind", bound=Tensor)


class Parameter(Tensor):
    """A tensor that a Module counts among its ``parameters()`` once it is set as an attribute.

    It shares the memory of ``data`` and is a leaf, even when ``data`` was computed.

    >>> import minigrad as torch
    >>> torch.nn.Parameter(torch.ones(2) * 3)
    Parameter containing:
    tensor([3., 3.], requires_grad=True)
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        """A parameter with the memory of ``data``; an empty one without."""
        if data is None:
            from minigrad import functions

            data = functions.empty(0)
        made = _alias(cls, data)
        made.requires_grad_(requires_grad)
        return made

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        """``__new__`` has done everything; this keeps Tensor's own initialiser out of the way."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        known = memo.get(id(self))
        if known is None:
            known = type(self)(self.data.clone(), self.requires_grad)
            memo[id(self)] = known
        made: Parameter = known
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return "Parameter containing:\n" + super().__repr__()

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # The hook table is empty on purpose: hooks belong to a session, not to a file.
        return _rebuild_parameter, (self.data, self.requires_grad, OrderedDict())


class Buffer(Tensor):
    """A tensor that a Module counts among its ``buffers()`` once it is set as an attribute.

    ``persistent=False`` leaves it out of ``state_dict()``.

    >>> import minigrad as torch
    >>> module = torch.nn.Module()
    >>> module.mean = torch.nn.Buffer(torch.zeros(2))
    >>> list(module.state_dict().items())
    [('mean', tensor([0., 0.]))]
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        """A buffer with the memory of ``data``; an empty one without."""
        if data is None:
            from minigrad import functions

            data = functions.empty(0)
        made = _alias(cls, data)
        made.requires_grad_(data.requires_grad)
        made.persistent = persistent
        return made

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        """``__new__`` has done everything; this keeps Tensor's own initialiser out of the way."""


def _alias(cls: type[Kind], data: Tensor) -> Kind:
    """A leaf of the given class with the memory (and so the version counter) of ``data``."""
    bare = data.detach()
    made: Kind = cls._wrap(bare._array)
    made._storage = bare._storage
    return made


def _rebuild_parameter(data: Tensor, requires_grad: bool, hooks: Any) -> Parameter:
    """Make a Parameter from its pickled parts (the name and the arguments are torch's)."""
    return Parameter(data, requires_grad)
