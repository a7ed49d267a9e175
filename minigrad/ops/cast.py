"""Changing the dtype or the device of a tensor, and copying it."""

from __future__ import annotations

from typing import Any

from minigrad import dtypes
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, backend_for, backend_of
from minigrad.device import device as Device
from minigrad.dtypes import dtype as Dtype

METHOD: dict[str, Any] = {"where": ("Tensor",), "gradcheck": False}


@register(internal=True)
class Cast(Op):
    """The same values in another dtype; a gradient comes back in the old one."""

    grad_fn = "ToCopyBackward0"
    keeps = ("source",)

    @staticmethod
    def forward(xp: Any, input: Array, dtype: Dtype) -> Any:
        """Convert; always a copy."""
        return input.astype(dtype.numpy), dtypes.of_numpy(input.dtype)

    @staticmethod
    def grad_input(g: Array, source: Dtype, F: Any) -> Array:
        """Convert back."""
        return F.cast(g, source)


@register(internal=True)
class Move(Op):
    """The same values on another device; a gradient comes back to the old one."""

    grad_fn = "ToCopyBackward0"
    keeps = ("source",)

    @staticmethod
    def forward(xp: Any, input: Array, device: Device) -> Any:
        """Copy between host and card."""
        backend = backend_of(input)
        there = backend_for(device).from_host(backend.to_host(input), device.index)
        return there, backend.device_of(input)

    @staticmethod
    def grad_input(g: Array, source: Device, F: Any) -> Array:
        """Bring it back."""
        return F.move(g, source)


@register(samples=(call(T(2, 3)),), where=("torch", "Tensor"), dtypes=("float", "int", "bool"))
class Clone(Op):
    """A differentiable copy.

    Formula:   out = input
    Gradient:  g

    >>> import minigrad as torch
    >>> x = torch.tensor([1., 2.]); y = x.clone(); y[0] = 9.; x
    tensor([1., 2.])
    """

    @staticmethod
    def forward(xp: Any, input: Array, memory_format: Any = None) -> Array:
        """Copy, keeping the order of memory."""
        keep = xp.__name__ == "numpy" and 0 not in input.strides  # expanded: in rows, as in torch
        return input.copy(order="K") if keep else input.copy()

    @staticmethod
    def grad_input(g: Array) -> Array:
        """Passed on."""
        return g


@function(**METHOD)
def contiguous(input: Any, memory_format: Any = None) -> Any:
    """The tensor itself if its elements lie in row-major order, else a copy in which they do.

    >>> import minigrad as torch
    >>> torch.zeros(2, 3).T.contiguous().is_contiguous()
    True
    """
    return input if input.is_contiguous() else tensors.row_major(input)


@register(internal=True)
class RowMajor(Op):
    """A copy in row-major order."""

    grad_fn = "CloneBackward0"

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """Copy in C order."""
        return input.copy()

    @staticmethod
    def grad_input(g: Array) -> Array:
        """Passed on."""
        return g


@function(**METHOD)
def to(input: Any, *args: Any, **kwargs: Any) -> Any:
    """The tensor with another dtype, device or both; itself if nothing has to change.

    ``to(dtype)``, ``to(device)``, ``to(device, dtype)``, ``to(other)``; ``non_blocking`` and
    ``copy`` as in torch.

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]).to(torch.float64)
    tensor([1., 2.], dtype=torch.float64)
    """
    kind, place, copy = _destination(args, kwargs)
    out = input
    if place is not None and not _same_place(out.device, place):
        out = tensors.move(out, place)
    if kind is not None and out._array.dtype != kind.numpy:
        out = tensors.cast(out, kind)
    return tensors.clone(out) if copy and out is input else out


def _destination(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, bool]:
    """What the arguments of ``to`` ask for: dtype, device, copy."""
    kind, place = kwargs.pop("dtype", None), kwargs.pop("device", None)
    copy = kwargs.pop("copy", False)
    kwargs.pop("non_blocking", None), kwargs.pop("memory_format", None)
    if kwargs:
        raise TypeError(f"to() got an unexpected keyword argument '{next(iter(kwargs))}'")
    other = kwargs.get("other")
    for position, arg in enumerate(args):
        if isinstance(arg, (Dtype, type)):
            kind = dtypes.as_dtype(arg)
        elif isinstance(arg, TensorBase):
            other = arg
        elif isinstance(arg, bool):
            copy = copy or (arg and position == len(args) - 1 and position > 1)
        elif arg is not None:
            place = arg
    if other is not None:
        kind, place = other.dtype, other.device
    return kind, None if place is None else Device(place), bool(copy)


def _same_place(here: Device, there: Device) -> bool:
    """Whether two names mean one place; ``cuda`` alone is the current card."""
    if here.type != there.type:
        return False
    return here.type == "cpu" or there.index is None or here.index == there.index


@function(**METHOD)
def cuda(input: Any, device: Any = None, non_blocking: bool = False) -> Any:
    """The tensor on a CUDA card; itself if it is there already.

    Raises: DeviceError that says what is missing if CUDA cannot be used here.
    """
    place = Device("cuda") if device is None else Device(device)
    return input.to(place)


@function(**METHOD)
def cpu(input: Any, memory_format: Any = None) -> Any:
    """The tensor on the CPU; itself if it is there already.

    >>> import minigrad as torch
    >>> x = torch.zeros(2); x.cpu() is x
    True
    """
    return input.to("cpu")


@function(**METHOD)
def type_as(input: Any, other: Any) -> Any:
    """The tensor in the dtype of another.

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]).type_as(torch.zeros(1))
    tensor([1., 2.])
    """
    return input.to(other.dtype)


@function("type", **METHOD)
def type_(input: Any, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The tensor in another dtype; without one, the name of its own type as a string.

    >>> import minigrad as torch
    >>> torch.zeros(1).type(), torch.zeros(1).type(torch.int64)
    ('torch.FloatTensor', tensor([0]))
    """
    if dtype is None:
        return f"torch.{TYPE_NAMES[input.dtype.name]}"
    if isinstance(dtype, str):
        short = dtype.rsplit(".", 1)[-1]
        names = {v: k for k, v in TYPE_NAMES.items()}
        if short not in names:
            raise ValueError(f"invalid type: '{dtype}'")
        return input.to(getattr(dtypes, names[short] if names[short] != "bool" else "bool_"))
    return input.to(getattr(dtype, "_dtype", dtype))


TYPE_NAMES = {
    "float16": "HalfTensor",
    "bfloat16": "BFloat16Tensor",
    "float32": "FloatTensor",
    "float64": "DoubleTensor",
    "uint8": "ByteTensor",
    "int8": "CharTensor",
    "int16": "ShortTensor",
    "int32": "IntTensor",
    "int64": "LongTensor",
    "bool": "BoolTensor",
}


def _conversion(name: str, kind: Dtype) -> None:
    """One of the methods ``float()``, ``long()`` and so on."""

    def convert(input: Any, memory_format: Any = None) -> Any:
        return input.to(kind)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"""The tensor as {kind.name}; itself if it is that already.

    >>> import minigrad as torch
    >>> torch.tensor([1]).{name}().dtype
    torch.{kind.name}
    """
    function(name, **METHOD)(convert)


for _name in ("float", "double", "half", "bfloat16", "int", "long", "short"):
    _conversion(_name, getattr(dtypes, _name))
_conversion("bool", dtypes.bool_)
_conversion("byte", dtypes.uint8)
_conversion("char", dtypes.int8)
