"""Changing the dtype or the device of a tensor, and copying it."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, backend_for, backend_of
from minigrad.backend.cupy_backend import card_of
from minigrad.backend.moves import row_major
from minigrad.device import device as Device
from minigrad.dtypes import dtype as Dtype
from minigrad.layout import axes_of, contiguous_format, lies_in, ordered, preserve_format
from minigrad.ops.elementwise.precision import rounded, single
from minigrad.ops.folds import in_rows

METHOD: dict[str, Any] = {"where": ("Tensor",), "gradcheck": False}


@register(internal=True)
class Cast(Op):
    """The same values in another dtype; a gradient comes back in the old one."""

    grad_fn = "ToCopyBackward0"
    keeps = ("source",)

    @staticmethod
    def forward(xp: Any, input: Array, dtype: Dtype) -> Any:
        """Convert; always a copy."""
        source = dtypes.of_numpy(input.dtype)
        if 0 in input.strides:  # expanded: NumPy would lay the repeated axis innermost
            input = in_rows(input)
        if dtype is dtypes.float32 and source in (dtypes.float16, dtypes.bfloat16):
            return single(xp, input), source
        return rounded(xp, input, dtype.numpy), source

    @staticmethod
    def grad_input(g: Array, source: Dtype, F: Any) -> Array:
        """Convert back."""
        return F.cast(g, source)


CAST: Any = Cast.short


def _from_card_to_card(xp: Any, array: Array, index: int | None) -> Array:
    """A copy past the host: after what the one card has been given, before what it will be.

    CuPy copies on the stream of the card that gets it, and does not look at the other one's.
    """
    source, target = array.device, card_of(xp, index)
    if source == target:
        with target:
            return xp.array(array)
    with source:
        written = xp.cuda.get_current_stream().record()
    with target:
        stream = xp.cuda.get_current_stream()
        stream.wait_event(written)
        copy, read = xp.array(array), stream.record()
    with source:
        xp.cuda.get_current_stream().wait_event(read)
    return copy


@register(internal=True)
class Move(Op):
    """The same values on another device; a gradient comes back to the old one."""

    grad_fn = "ToCopyBackward0"
    keeps = ("source",)

    @staticmethod
    def forward(xp: Any, input: Array, device: Device, non_blocking: bool = False) -> Any:
        """Copy between host and card."""
        backend = backend_of(input)
        if backend is backend_for(device):
            there = _from_card_to_card(backend.xp, input, device.index)
        else:
            host = backend.to_host(input)
            there = backend_for(device).from_host(host, device.index, not non_blocking)
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
        if memory_format is not None and memory_format is not preserve_format:
            out = ordered(xp, input.shape, input.dtype, axes_of(memory_format, input.ndim))
            out[...] = input
            return out
        keep = xp.__name__ == "numpy" and 0 not in input.strides  # expanded: in rows, as in torch
        if keep and not input.flags.c_contiguous:
            return input.copy(order="K")
        return row_major(input)

    @staticmethod
    def grad_input(g: Array) -> Array:
        """Passed on."""
        return g


@function(where=("Tensor",), torch="Tensor.contiguous", samples=(call(T(2, 3)), call(T())))
def contiguous(input: Any, *, memory_format: Any = contiguous_format) -> Any:
    """The tensor itself if its elements lie in this order, row-major by default, else a copy.

    >>> import minigrad as torch
    >>> torch.zeros(2, 3).T.contiguous().is_contiguous()
    True
    """
    if memory_format is preserve_format:
        raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
    return _lying(input, memory_format)


def _lying(input: Any, form: Any) -> Any:
    """The tensor with its elements in this order of memory; itself if they are."""
    if form is None or form is preserve_format or lies_in(input._array, form):
        return input
    if form is contiguous_format:
        return tensors.row_major(input)
    return tensors.clone(input, form)


@register(internal=True)
class RowMajor(Op):
    """A copy in row-major order."""

    grad_fn = "CloneBackward0"

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """Copy in C order."""
        return row_major(input)

    @staticmethod
    def grad_input(g: Array) -> Array:
        """Passed on."""
        return g


@function(where=("Tensor",), torch="Tensor.to", samples=(call(T(2, 3), copy=True),))
def to(input: Any, *args: Any, **kwargs: Any) -> Any:
    """The tensor with another dtype, device or both; itself if nothing has to change.

    ``to(dtype)``, ``to(device)``, ``to(device, dtype)``, ``to(other)``; ``non_blocking`` and
    ``copy`` as in torch.

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]).to(torch.float64)
    tensor([1., 2.], dtype=torch.float64)
    """
    if len(args) == 1 and not kwargs:  # the usual cases
        first = args[0]
        if type(first) is Dtype:
            return input if input._array.dtype is first.numpy else CAST(input, first)
        home = (first.type if type(first) is Device else first) == "cpu"
        if home is True and type(input._array) is np.ndarray:
            return input
    kind, place, copy, form, non_blocking = _destination(args, kwargs)
    out = input
    if place is not None and not _same_place(out.device, place):
        out = tensors.move(out, place, non_blocking)
    if kind is not None and out._array.dtype != kind.numpy:
        out = tensors.cast(out, kind)
    if form is not None:
        out = _lying(out, form)
    return tensors.clone(out) if copy and out is input else out


# What `to` takes, by the kind of its first argument.
_FORMS = (
    ("device", "dtype", "non_blocking", "copy"),
    ("dtype", "non_blocking", "copy"),
    ("other", "non_blocking", "copy"),
)


def _destination(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, bool, Any, bool]:
    """What the arguments of ``to`` ask for: dtype, device, copy, memory format, non_blocking."""
    first = args[0] if args else None
    form = 1 if isinstance(first, (Dtype, dtypes.LeftOut, type)) else 0
    names = _FORMS[2 if isinstance(first, TensorBase) else form]
    found: dict[str, Any] = dict(zip(names, args, strict=False))
    known = {"device", "dtype", "other", "non_blocking", "copy", "memory_format"}
    wrong = [name for name in kwargs if name not in known or name in found]
    found.update(kwargs)
    wrong += [n for n in ("device",) if isinstance(found.get(n), (Dtype, TensorBase))]
    wrong += [n for n in ("non_blocking", "copy") if not isinstance(found.get(n, False), bool)]
    if wrong or len(args) > len(names):
        raise TypeError(
            "to() received an invalid combination of arguments; it takes (device, dtype), (dtype) "
            f"or (other), with non_blocking, copy and memory_format; got {args} {kwargs}"
        )
    other, kind, place = found.get("other"), found.get("dtype"), found.get("device")
    if other is not None:
        kind, place = other.dtype, other.device
    kind = None if kind is None else dtypes.as_dtype(kind)
    where = None if place is None else Device(place)
    copy, non_blocking = (bool(found.get(name, False)) for name in ("copy", "non_blocking"))
    return kind, where, copy, found.get("memory_format"), non_blocking


def _same_place(here: Device, there: Device) -> bool:
    """Whether two names mean one place; ``cuda`` alone is the current card."""
    if here.type != there.type or here.type == "cpu":
        return here.type == there.type
    current = there.index is None and backend_for(there).xp.cuda.Device().id
    return here.index == (there.index if there.index is not None else current)


@function(**METHOD)
def cuda(input: Any, device: Any = None, non_blocking: bool = False) -> Any:
    """The tensor on a CUDA card; itself if it is there already.

    Raises: DeviceError that says what is missing if CUDA cannot be used here.
    """
    place = Device("cuda") if device is None else Device(device)
    return input.to(place, non_blocking=non_blocking)


@function(where=("Tensor",), torch="Tensor.cpu", samples=(call(T(2, 3)),))
def cpu(input: Any, *, memory_format: Any = None) -> Any:
    """The tensor on the CPU; itself if it is there already.

    >>> import minigrad as torch
    >>> x = torch.zeros(2); x.cpu() is x
    True
    """
    return input if type(input._array) is np.ndarray else input.to("cpu")


@function(where=("Tensor",), torch="Tensor.type_as", samples=(call(T(2, 3), T(1)),))
def type_as(input: Any, other: Any) -> Any:
    """The tensor in the dtype of another.

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]).type_as(torch.zeros(1))
    tensor([1., 2.])
    """
    if not isinstance(other, TensorBase):
        kind = type(other).__name__
        raise TypeError(f"type_as(): argument 'other' (position 1) must be Tensor, not {kind}")
    return input.to(dtypes.of_numpy(other._array.dtype))


@function("type", **METHOD)
def type_(input: Any, dtype: str | Any | None = None, non_blocking: bool = False) -> Any:
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
        if short not in names or not dtype.startswith("torch."):
            raise ValueError(f"invalid type: '{dtype}'")
        return input.to(getattr(dtypes, names[short] if names[short] != "bool" else "bool_"))
    kind = getattr(dtype, "dtype", dtype)
    if not isinstance(kind, (Dtype, dtypes.LeftOut)):
        if isinstance(dtype, type):
            raise ValueError(f"invalid type: '{dtype.__name__}'")
        raise TypeError("dtype must be a type, str, or dtype object")
    return input.to(kind)


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
    "uint16": "UInt16Tensor",
    "uint32": "UInt32Tensor",
    "uint64": "UInt64Tensor",
}


def _conversion(name: str, kind: Dtype) -> None:
    """One of the methods ``float()``, ``long()`` and so on."""

    def convert(input: Any, *, memory_format: Any = None) -> Any:
        if memory_format is None:
            return input if input._array.dtype is kind.numpy else CAST(input, kind)
        return input.to(kind, memory_format=memory_format)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"""The tensor as {kind.name}; itself if it is that already.

    >>> import minigrad as torch
    >>> torch.tensor([1]).{name}().dtype
    torch.{kind.name}
    """
    function(name, **METHOD)(convert)


def _left_out(name: str, kind: dtypes.LeftOut) -> None:
    """One of the methods that torch has for complex types: it says that there are none."""

    def convert(input: Any, *, memory_format: Any = None) -> Any:
        return input.to(kind)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"""Raises NotImplementedError: minigrad has no {kind.name}, only real types.

    >>> import minigrad as torch
    >>> torch.ones(1).{name}()
    Traceback (most recent call last):
        ...
    NotImplementedError: ...
    """
    function(name, **{**METHOD, "torch": None})(convert)


_left_out("cfloat", dtypes.complex64)
_left_out("cdouble", dtypes.complex128)
_left_out("chalf", dtypes.complex32)
for _name in ("float", "double", "half", "bfloat16", "int", "long", "short"):
    _conversion(_name, getattr(dtypes, _name))
_conversion("bool", dtypes.bool_)
_conversion("byte", dtypes.uint8)
_conversion("char", dtypes.int8)
