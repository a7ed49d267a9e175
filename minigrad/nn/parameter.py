"""Tensors that a Module owns: trained ones (Parameter) and carried ones (Buffer).

Either may be without a shape for a while, until a lazy module sees its first input.
"""

from __future__ import annotations

from collections import OrderedDict
from operator import attrgetter
from typing import Any, ClassVar, NoReturn, TypeVar

from minigrad.autograd import overriding
from minigrad.autograd.tensor_base import TensorBase
from minigrad.tensor import Tensor

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "UninitializedTensorMixin",
    "is_lazy",
]

Kind = TypeVar("Kind", bound=Tensor)


class Parameter(Tensor):
    """A tensor that a Module counts among its ``parameters()`` once it is set as an attribute.

    It shares the memory of ``data`` and is a leaf, even when ``data`` was computed.

    >>> import minigrad as torch
    >>> torch.nn.Parameter(torch.ones(2) * 3)
    Parameter containing:
    tensor([3., 3.], requires_grad=True)
    """

    __torch_function__ = overriding.disabled

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
        call: tuple[Any, ...] = (self.data, self.requires_grad, OrderedDict())
        state = dict(self.__dict__)
        if state:
            return _rebuild_parameter_with_state, (*call, state)
        return _rebuild_parameter, call


class Buffer(Tensor):
    """A tensor that a Module counts among its ``buffers()`` once it is set as an attribute.

    ``persistent=False`` leaves it out of ``state_dict()``.

    >>> import minigrad as torch
    >>> module = torch.nn.Module()
    >>> module.mean = torch.nn.Buffer(torch.zeros(2))
    >>> list(module.state_dict().items())
    [('mean', tensor([0., 0.]))]
    """

    __torch_function__ = overriding.disabled
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


def _rebuild_parameter(data: Any, requires_grad: Any, hooks: Any = None) -> Parameter:
    """Make a Parameter from its pickled parts (the name and the arguments are torch's)."""
    if not isinstance(data, Tensor) or type(requires_grad) is not bool:
        raise TypeError(f"a parameter can't be made of a {type(data).__name__}")
    return Parameter(data, requires_grad)


def _rebuild_parameter_with_state(
    data: Any, requires_grad: Any, hooks: Any, state: Any
) -> Parameter:
    """The same for one with attributes of its own."""
    from minigrad.serialization.rebuild import checked_state

    made = _rebuild_parameter(data, requires_grad)
    made.__dict__.update(checked_state(state, Tensor))
    return made


# Where a tensor keeps its memory, whatever a subclass makes of the name.
_memory = TensorBase.__dict__["_array"]


class UninitializedTensorMixin:
    """A tensor that has a dtype and a device, but no shape yet: every use of its elements raises.

    ``materialize`` gives it a shape and turns the very same object into an ordinary tensor.

    >>> import minigrad as torch
    >>> weight = torch.nn.UninitializedParameter()
    >>> weight
    <UninitializedParameter>
    >>> weight.materialize((2, 3))
    >>> type(weight).__name__, weight.shape
    ('Parameter', torch.Size([2, 3]))
    """

    cls_to_become: ClassVar[type[Tensor]]
    requires_grad: bool

    @property
    def _array(self) -> NoReturn:
        raise ValueError(
            "Attempted to use an uninitialized parameter. This error happens when you are using a "
            f"`LazyModule` or explicitly manipulating `torch.nn.parameter.{type(self).__name__}` "
            "objects. When using LazyModules Call `forward` with a dummy batch to initialize the "
            "parameters before calling torch functions"
        )

    @_array.setter
    def _array(self, array: Any) -> None:
        _memory.__set__(self, array)

    @property
    def _bare(self) -> Tensor:
        """An empty tensor that has the dtype and the device."""
        bare: Tensor = Tensor._wrap(_memory.__get__(self))
        return bare

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Give it a shape, and make it an ordinary tensor of uninitialised values.

        >>> import minigrad as torch
        >>> buffer = torch.nn.UninitializedBuffer()
        >>> buffer.materialize((2,), dtype=torch.float64)
        >>> buffer.shape, buffer.dtype
        (torch.Size([2]), torch.float64)
        """
        from minigrad import functions

        bare = self._bare
        device = bare.device if device is None else device
        dtype = bare.dtype if dtype is None else dtype
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        self.data = functions.empty(shape, device=device, dtype=dtype)

    @property
    def shape(self) -> NoReturn:
        """There is none yet.

        >>> import minigrad as torch
        >>> torch.nn.UninitializedParameter().shape
        Traceback (most recent call last):
        ...
        RuntimeError: Can't access the shape of an uninitialized parameter or buffer. ...
        """
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    @property
    def data(self) -> Tensor:
        """An empty tensor that has the dtype and the device."""
        return self._bare

    @data.setter
    def data(self, value: Tensor) -> None:
        self._array = _memory.__get__(value)

    def share_memory_(self) -> NoReturn:
        """There is no memory to share yet; raises RuntimeError."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to "
            "initialize the parameters before calling `module.share_memory()`."
        )

    def copy_(self, src: Tensor, non_blocking: bool = False) -> Any:
        """Nothing, from another tensor without a shape; that is how a lazy state is loaded."""
        self._bare.copy_(src.data if is_lazy(src) else src)
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self), (self.requires_grad,)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            bare = self._bare
            memo[id(self)] = type(self)(self.requires_grad, bare.device, bare.dtype)  # type: ignore[call-arg]
        return memo[id(self)]


def _query(name: str) -> Any:
    """A method that needs no shape, and so is that of the empty tensor."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._bare, name)(*args, **kwargs)

    method.__name__, method.__doc__ = name, f"``Tensor.{name}``, which needs no shape."
    return method


def _conversion(name: str) -> Any:
    """A method that changes dtype or device: a buffer gives a buffer, a parameter a tensor."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        made = getattr(self._bare, name)(*args, **kwargs)
        if made.dtype is self.dtype and made.device == self.device:
            return self
        return made if isinstance(self, Parameter) else type(self)(False, made.device, made.dtype)

    method.__name__, method.__doc__ = name, f"``Tensor.{name}`` of what has no elements yet."
    return method


for _name in ("size", "is_complex", "is_floating_point", "get_device"):
    setattr(UninitializedTensorMixin, _name, _query(_name))
for _name in ("half", "float", "double", "char", "short", "int", "long", "cuda", "cpu", "to"):
    setattr(UninitializedTensorMixin, _name, _conversion(_name))
for _name in ("dtype", "device", "ndim", "is_cuda", "layout"):
    setattr(UninitializedTensorMixin, _name, property(attrgetter(f"_bare.{_name}")))


def is_lazy(param: Any) -> bool:
    """Whether a tensor has no shape yet.

    >>> import minigrad as torch
    >>> torch.nn.parameter.is_lazy(torch.nn.UninitializedParameter())
    True
    """
    return isinstance(param, UninitializedTensorMixin)


def _without_shape(
    cls: type[Kind], start: type[Tensor], requires_grad: bool, device: Any, dtype: Any
) -> Kind:
    from minigrad import functions

    made: Any = start._wrap(functions.empty(0, device=device, dtype=dtype)._array)
    made.requires_grad_(requires_grad)
    made.__class__ = cls
    return made  # type: ignore[no-any-return]


class UninitializedParameter(UninitializedTensorMixin, Parameter):  # type: ignore[misc]
    """A parameter whose shape is not known yet; an optimizer may hold it already.

    >>> import minigrad as torch
    >>> torch.nn.LazyLinear(3).weight
    <UninitializedParameter>
    """

    cls_to_become = Parameter

    def __new__(
        cls, requires_grad: bool = True, device: Any = None, dtype: Any = None
    ) -> UninitializedParameter:
        """A parameter without a shape."""
        return _without_shape(cls, Parameter, requires_grad, device, dtype)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """``__new__`` has done everything; this keeps Tensor's own initialiser out of the way."""


class UninitializedBuffer(UninitializedTensorMixin, Buffer):  # type: ignore[misc]
    """A buffer whose shape is not known yet.

    >>> import minigrad as torch
    >>> torch.nn.LazyBatchNorm1d().running_mean
    <UninitializedBuffer>
    """

    cls_to_become = Tensor

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> UninitializedBuffer:
        """A buffer without a shape."""
        made = _without_shape(cls, Buffer, requires_grad, device, dtype)
        made.persistent = persistent
        return made

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """``__new__`` has done everything; this keeps Tensor's own initialiser out of the way."""
