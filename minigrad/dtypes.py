"""Element types, torch's promotion rules, and the default floating point type.

Source: https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.dtype
"""

from __future__ import annotations

import builtins
import enum
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import ml_dtypes
import numpy as np


class Category(enum.IntEnum):
    """The three kinds of types; a result takes the highest kind among its arguments."""

    BOOL = 0
    INTEGER = 1
    FLOAT = 2


class dtype:
    """An element type: ``float32``, ``int64`` and so on; printed as torch prints it.

    >>> import minigrad as torch
    >>> torch.float32, torch.float32.itemsize, torch.float32.is_floating_point
    (torch.float32, 4, True)
    """

    __slots__ = ("category", "itemsize", "name", "numpy")
    is_complex = False

    def __init__(self, name: str, numpy_type: Any, category: Category) -> None:
        self.name = name
        self.numpy: np.dtype[Any] = np.dtype(numpy_type)
        self.category = category
        self.itemsize = self.numpy.itemsize

    @property
    def is_floating_point(self) -> builtins.bool:
        """Whether the type is float16, bfloat16, float32 or float64."""
        return self.category is Category.FLOAT

    @property
    def is_signed(self) -> builtins.bool:
        """Whether the type has negative numbers."""
        return self.numpy.kind in "ifV"

    def to_real(self) -> dtype:
        """The type itself: it is real.

        >>> float32.to_real()
        torch.float32
        """
        return self

    def to_complex(self) -> LeftOut:
        """The name of the complex type whose parts have this type."""
        for width, kind in ((2, complex32), (4, complex64), (8, complex128)):
            if self.category is Category.FLOAT and self.itemsize == width:
                return complex64 if self is bfloat16 else kind
        return complex64

    @property
    def type_name(self) -> str:
        """torch's old name of the type, as its messages and ``Tensor.type()`` say it.

        >>> int64.type_name, float16.type_name
        ('Long', 'Half')
        """
        return _TYPE_NAMES[self.name]

    @property
    def c_name(self) -> str:
        """The name of C++ that some of torch's messages use.

        >>> int64.c_name, float16.c_name
        ('long int', 'c10::Half')
        """
        return _C_NAMES[self.name]

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name  # pickled and copied by name: one object per type


class LeftOut:
    """The name of an element type that torch has and minigrad leaves out: it can only be compared.

    >>> import minigrad as torch
    >>> torch.float32 == torch.complex64, torch.cfloat
    (False, torch.complex64)
    """

    __slots__ = ("name",)
    is_floating_point = False

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def is_complex(self) -> builtins.bool:
        """Whether it is one of torch's complex types."""
        return self.name.startswith("complex")

    @property
    def numpy(self) -> Any:
        """Asked for wherever an element type is used: NotImplementedError."""
        raise NotImplementedError(
            f"torch.{self.name}: complex and quantized types are left out of minigrad; its types "
            f"are {', '.join(d.name for d in ALL)}"
        )

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


_TYPE_NAMES = {
    "bool": "Bool",
    "uint8": "Byte",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "uint16": "UInt16",
    "uint32": "UInt32",
    "uint64": "UInt64",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "float32": "Float",
    "float64": "Double",
}
_C_NAMES = {
    "bool": "bool",
    "uint8": "unsigned char",
    "uint16": "unsigned short",
    "uint32": "unsigned int",
    "uint64": "unsigned long",
    "int8": "signed char",
    "int16": "short int",
    "int32": "int",
    "int64": "long int",
    "float16": "c10::Half",
    "bfloat16": "c10::BFloat16",
    "float32": "float",
    "float64": "double",
}

bool_ = dtype("bool", np.bool_, Category.BOOL)
uint8 = dtype("uint8", np.uint8, Category.INTEGER)
int8 = dtype("int8", np.int8, Category.INTEGER)
int16 = dtype("int16", np.int16, Category.INTEGER)
int32 = dtype("int32", np.int32, Category.INTEGER)
int64 = dtype("int64", np.int64, Category.INTEGER)
uint16 = dtype("uint16", np.uint16, Category.INTEGER)
uint32 = dtype("uint32", np.uint32, Category.INTEGER)
uint64 = dtype("uint64", np.uint64, Category.INTEGER)
float16 = dtype("float16", np.float16, Category.FLOAT)
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, Category.FLOAT)
float32 = dtype("float32", np.float32, Category.FLOAT)
float64 = dtype("float64", np.float64, Category.FLOAT)

ALL: tuple[dtype, ...] = (
    bool_,
    uint8,
    int8,
    int16,
    int32,
    int64,
    float16,
    bfloat16,
    float32,
    float64,
    uint16,
    uint32,
    uint64,
)
WIDE_UNSIGNED = frozenset((uint16, uint32, uint64))  # which are promoted to floats alone
bool = bool_
int = int32
short = int16
long = int64
half = float16
float = float32
double = float64
complex32 = LeftOut("complex32")
complex64 = LeftOut("complex64")
complex128 = LeftOut("complex128")
qint8 = LeftOut("qint8")
quint8 = LeftOut("quint8")
qint32 = LeftOut("qint32")

_BY_NUMPY = {d.numpy: d for d in ALL}
_default: ContextVar[dtype] = ContextVar("default_dtype", default=float32)


def of_numpy(numpy_type: Any) -> dtype:
    """The minigrad type of a NumPy type; TypeError for what minigrad leaves out.

    >>> import numpy as np
    >>> of_numpy(np.dtype("int64"))
    torch.int64
    """
    found = _BY_NUMPY.get(numpy_type)
    if found is None:
        kind = np.dtype(numpy_type)
        if kind.newbyteorder("=") in _BY_NUMPY:
            raise ValueError(
                "given numpy array has byte order different from the native byte order. "
                "Conversion between byte orders is currently not supported."
            )
        raise TypeError(
            f"can't convert np.ndarray of type {kind.type.__module__}.{kind.type.__name__}. The "
            f"only supported types are: {', '.join(d.name for d in ALL)}."
        )
    return found


def as_dtype(kind: Any) -> dtype:
    """The type that ``dtype=`` names: one of minigrad's, or Python's float, int or bool.

    Raises: TypeError for anything else.

    >>> as_dtype(builtins.float), as_dtype(int64)
    (torch.float64, torch.int64)
    """
    if isinstance(kind, dtype):
        return kind
    if isinstance(kind, LeftOut):
        return kind.numpy  # type: ignore[no-any-return]  # raises
    python = {builtins.float: float64, builtins.int: int64, builtins.bool: bool_}
    if isinstance(kind, type) and kind in python:
        return python[kind]
    raise TypeError(f"argument 'dtype' must be torch.dtype, not {type(kind).__name__}")


def held(value: Any, kind: Any) -> Any:
    """A number as an array type holds it: of integers cut off, negative ones wrapped around.

    Raises: RuntimeError for one beyond what integers of the type can hold.

    >>> held(-1, np.dtype("uint8")), held(2.7, np.dtype("int32")), held(0.5, np.dtype("float32"))
    (255, 2, 0.5)
    """
    if kind.kind not in "iu":
        return value
    most = builtins.int(np.iinfo(kind).max)
    whole = builtins.int(value) if np.isfinite(value) else most + 1
    if not -most - 1 <= whole <= most:
        raise RuntimeError(f"value cannot be converted to type {kind.name}_t without overflow")
    return builtins.int(np.asarray(whole).astype(kind))


def get_default_dtype() -> dtype:
    """The type of float tensors made without ``dtype=``.

    >>> import minigrad as torch
    >>> torch.get_default_dtype()
    torch.float32
    """
    return _default.get()


def set_default_dtype(d: dtype, /) -> None:
    """Set the type of float tensors made without ``dtype=``, for this thread.

    Raises: TypeError if ``d`` is not a floating point type.

    >>> import minigrad as torch
    >>> torch.set_default_dtype(torch.float64); torch.tensor(1.5).dtype
    torch.float64
    >>> torch.set_default_dtype(torch.float32)
    """
    if not isinstance(d, dtype) or not d.is_floating_point:
        start = "" if isinstance(d, dtype) else "invalid dtype object: "
        raise TypeError(
            f"{start}only floating-point types are supported as the default type, got {d!r}"
        )
    _default.set(d)


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest type of no lower kind that holds both.

    >>> import minigrad as torch
    >>> torch.promote_types(torch.uint8, torch.int8), torch.promote_types(torch.long, torch.half)
    (torch.int16, torch.float16)
    """
    if type1 is type2:
        return type1
    for kind in (type1, type2):
        if not isinstance(kind, dtype):
            as_dtype(kind)  # which raises
    low, high = sorted((type1, type2), key=lambda d: (d.category, d.itemsize))
    if (low in WIDE_UNSIGNED or high in WIDE_UNSIGNED) and high.category is not Category.FLOAT:
        raise RuntimeError(
            "Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
            f"{type1.type_name} and {type2.type_name}"
        )
    if low.category is not high.category:
        return high
    if {low, high} == {uint8, int8}:
        return int16
    if {low, high} == {float16, bfloat16}:
        return float32
    return high


def scalar_type(value: object) -> dtype:
    """The type that a Python number brings into a promotion.

    >>> scalar_type(True), scalar_type(3), scalar_type(2.5)
    (torch.bool, torch.int64, torch.float32)
    """
    if isinstance(value, (builtins.bool, np.bool_)):
        return bool_
    if isinstance(value, (builtins.int, np.integer)):
        return int64
    if isinstance(value, (builtins.float, np.floating)):
        return get_default_dtype()
    if isinstance(value, complex):
        raise TypeError("complex numbers are left out of minigrad: real types only")
    raise TypeError(f"expected a Tensor or a Python number, got {type(value).__name__}")


def promote(
    dims: Iterable[dtype], zeros: Iterable[dtype] = (), scalars: Iterable[dtype] = ()
) -> dtype:
    """torch's result type: tensors with axes decide, then 0-d tensors, then Python numbers.

    A lower class counts only where it is of a higher kind (float over integer over bool).
    """
    result: dtype | None = None
    for group in (dims, zeros, scalars):
        best: dtype | None = None
        for d in group:
            best = d if best is None else promote_types(best, d)
        if best is None:
            continue
        if result is None or best.category > result.category:
            result = best
    assert result is not None
    return result
