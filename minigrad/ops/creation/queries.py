"""Questions about tensors and types: what something is, what two types make together."""

from __future__ import annotations

from typing import Any

from minigrad import dtypes
from minigrad.autograd.arguments import result_type as common_result
from minigrad.autograd.registry import function
from minigrad.autograd.tensor_base import TensorBase
from minigrad.dtypes import Category
from minigrad.dtypes import dtype as Dtype

TOP: dict[str, Any] = {"where": ("torch",), "gradcheck": False}
BOTH: dict[str, Any] = {"where": ("torch", "Tensor"), "gradcheck": False}


def _tensor(input: Any, name: str) -> Any:
    """The argument, if it is a Tensor; torch's TypeError otherwise."""
    if not isinstance(input, TensorBase):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )
    return input


@function(**TOP, returns="bool")
def is_tensor(obj: Any) -> bool:
    """Whether an object is a Tensor.

    >>> import minigrad as torch
    >>> torch.is_tensor(torch.zeros(1)), torch.is_tensor([0.])
    (True, False)
    """
    return isinstance(obj, TensorBase)


@function(**TOP, returns="bool")
def is_floating_point(input: Any) -> bool:
    """Whether the elements are floats.

    >>> import minigrad as torch
    >>> torch.is_floating_point(torch.zeros(1))
    True
    """
    return bool(_tensor(input, "is_floating_point").is_floating_point())


@function(**TOP, returns="bool")
def is_complex(input: Any) -> bool:
    """Always False: minigrad has real types only.

    >>> import minigrad as torch
    >>> torch.is_complex(torch.zeros(1))
    False
    """
    return bool(_tensor(input, "is_complex").is_complex())


@function(**TOP, returns="bool")
def is_signed(input: Any) -> bool:
    """Whether the element type has negative numbers.

    >>> import minigrad as torch
    >>> torch.is_signed(torch.zeros(1, dtype=torch.uint8))
    False
    """
    return bool(_tensor(input, "is_signed").is_signed())


@function(**TOP, returns="bool")
def is_inference(input: Any) -> bool:
    """Whether a tensor was made in inference mode.

    >>> import minigrad as torch
    >>> torch.is_inference(torch.zeros(1))
    False
    """
    return bool(_tensor(input, "is_inference").is_inference())


@function(**BOTH, returns="bool")
def is_nonzero(input: Any) -> bool:
    """Whether the only element of a tensor is not zero.

    Raises: RuntimeError for a tensor of no or several elements.

    >>> import minigrad as torch
    >>> torch.is_nonzero(torch.tensor([2.]))
    True
    """
    return bool(_tensor(input, "is_nonzero"))


@function(**BOTH, returns="bool")
def is_same_size(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape.

    >>> import minigrad as torch
    >>> torch.is_same_size(torch.zeros(2), torch.zeros(3))
    False
    """
    return bool(_tensor(input, "is_same_size").shape == other.shape)


@function(**BOTH, returns="int")
def get_device(input: Any) -> int:
    """The number of the card that a tensor is on; -1 for the CPU.

    >>> import minigrad as torch
    >>> torch.zeros(1).get_device()
    -1
    """
    place = _tensor(input, "get_device").device
    return -1 if place.type == "cpu" else int(place.index or 0)


@function(**TOP, returns="int")
def numel(input: Any) -> int:
    """The number of elements.

    >>> import minigrad as torch
    >>> torch.numel(torch.zeros(2, 3))
    6
    """
    return int(_tensor(input, "numel")._array.size)


@function(**TOP, returns="str")
def typename(obj: Any) -> str:
    """The name of an object's type; for a tensor the old name of its own type.

    >>> import minigrad as torch
    >>> torch.typename(torch.zeros(1)), torch.typename([])
    ('torch.FloatTensor', 'list')
    """
    if isinstance(obj, TensorBase):
        return str(obj.type())
    kind = obj if isinstance(obj, type) else type(obj)
    if kind.__module__ in ("builtins", "__builtin__"):
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


@function(**TOP, returns="Dtype")
def result_type(tensor1: Any, tensor2: Any) -> Dtype:
    """The dtype that an operation on two tensors or numbers gives.

    >>> import minigrad as torch
    >>> torch.result_type(torch.tensor([1, 2], dtype=torch.int8), 1.5)
    torch.float32
    """
    return common_result((tensor1, tensor2))


@function(**TOP, returns="bool")
def can_cast(from_: Any, to: Any) -> bool:
    """Whether a value of one dtype may be written to memory of another.

    A float may not be written to integers, no number to bools, and no negative to unsigned.

    >>> import minigrad as torch
    >>> torch.can_cast(torch.float64, torch.float32), torch.can_cast(torch.float32, torch.int64)
    (True, False)
    """
    one, two = dtypes.as_dtype(from_), dtypes.as_dtype(to)
    return one.category <= two.category or two.category is Category.FLOAT


@function(**TOP, returns="None")
def set_default_tensor_type(t: Any) -> None:
    """Set the default dtype by the old name of a tensor type, such as ``torch.DoubleTensor``.

    >>> import minigrad as torch
    >>> torch.set_default_tensor_type(torch.FloatTensor)
    """
    if isinstance(t, str):
        from minigrad.ops.creation import legacy

        name = t.rsplit(".", 1)[-1]
        if not hasattr(legacy, name):
            raise AttributeError(f"module 'torch' has no attribute '{name}'")
        t = getattr(legacy, name)
    kind = getattr(t, "dtype", None)
    if not isinstance(kind, Dtype) or not kind.is_floating_point:
        start = "" if isinstance(kind, Dtype) else "invalid type object: "
        raise TypeError(f"{start}only floating-point types are supported as the default type")
    dtypes.set_default_dtype(kind)


@function(**TOP, returns="bool")
def set_flush_denormal(mode: bool) -> bool:
    """Whether the processor was told to take denormal numbers for zero: NumPy cannot tell it.

    >>> import minigrad as torch
    >>> torch.set_flush_denormal(False)
    True
    """
    return not mode
