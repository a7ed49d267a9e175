"""The stand-in's array: NumPy's memory, which nobody reaches by accident."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from minigrad.cuda.stand_in.cards import Block, Device, sent

__all__ = ["ndarray"]

_REFUSED = (
    "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a "
    "NumPy array explicitly."
)


class Flags:
    """What is known of an array's strides."""

    __slots__ = ("c_contiguous", "f_contiguous", "owndata")

    def __init__(self, array: ndarray) -> None:
        flags = array._a.flags
        self.c_contiguous, self.f_contiguous = flags.c_contiguous, flags.f_contiguous
        self.owndata = array.base is None

    @property
    def forc(self) -> bool:
        """Packed in one order or the other."""
        return self.c_contiguous or self.f_contiguous

    @property
    def fnc(self) -> bool:
        """Packed in column-major order only."""
        return self.f_contiguous and not self.c_contiguous


class ndarray:
    """An array of a card. NumPy's functions refuse it, and it refuses NumPy's arrays."""

    __slots__ = ("__weakref__", "_a", "_block", "base")
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]
    __contains__ = None  # CuPy's would copy element after element to the host

    _a: np.ndarray[Any, Any]
    _block: Block
    base: ndarray | None

    def __init__(self, shape: Any, dtype: Any = float, memptr: Any = None) -> None:
        made = _calls().empty(shape, dtype)
        self._a, self._block, self.base = made._a, made._block, None

    @classmethod
    def _of(cls, array: Any, block: Block, base: ndarray | None) -> ndarray:
        self = object.__new__(cls)
        self._a, self._block, self.base = array, block, base
        return self

    # ----------------------------------------------------------------- what is known without a wait

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes."""
        found: tuple[int, ...] = self._a.shape
        return found

    @shape.setter
    def shape(self, value: Any) -> None:
        self._a = self._a.reshape(value, copy=False)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        found: np.dtype[Any] = self._a.dtype
        return found

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._a.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._a.size

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self._a.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._a.nbytes

    @property
    def strides(self) -> tuple[int, ...]:
        """Steps in bytes."""
        return self._a.strides

    @property
    def flags(self) -> Flags:
        """Whether it is packed."""
        return Flags(self)

    @property
    def device(self) -> Device:
        """Its card."""
        return Device(self._block.device)

    @property
    def data(self) -> SimpleNamespace:
        """The address."""
        return SimpleNamespace(ptr=self._a.ctypes.data, mem=self._block)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        strides = None if self._a.flags.c_contiguous else self._a.strides
        data = (self._a.ctypes.data, False)
        shape, kind = self._a.shape, self._a.dtype.str
        return {"shape": shape, "typestr": kind, "data": data, "version": 3, "strides": strides}

    def __len__(self) -> int:
        if not self._a.ndim:
            raise TypeError("len() of unsized object")
        return len(self._a)

    def __iter__(self) -> Any:
        if not self._a.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[k] for k in range(len(self._a)))

    # ------------------------------------------------------------------------------ to the host

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(_REFUSED)

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        found = getattr(_namespace(), ufunc.__name__, None)
        if found is None or method not in ("__call__", "outer", "at", "reduce", "accumulate"):
            return NotImplemented
        if "out" in kwargs:
            (kwargs["out"],) = kwargs["out"]
        return (found if method == "__call__" else getattr(found, method))(*args, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        found = getattr(_namespace(), function.__name__, None)
        if found is None or any(not issubclass(t, ndarray) for t in types):
            return NotImplemented
        return found(*args, **kwargs)

    def get(
        self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True
    ) -> Any:
        """A copy for the host."""
        copied = _calls().host(self, "get")
        if out is None:
            return np.asarray(copied, order=order)  # type: ignore[call-overload]
        out[...] = copied
        return out

    def set(self, arr: Any, stream: Any = None) -> None:
        """Overwrite it by an array of the host."""
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if arr.dtype != self.dtype:
            raise TypeError(f"{arr.dtype} array cannot be set to {self.dtype} array")
        if arr.shape != self.shape:
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {arr.shape}")
        sent("ndarray.set")
        _calls().write(lambda: np.copyto(self._a, arr), self, ())

    def item(self) -> Any:
        """The only element as a Python number."""
        return _calls().host(self, "item").item()

    def tolist(self) -> Any:
        """The elements in lists."""
        return _calls().host(self, "tolist").tolist()

    def tobytes(self, order: str = "C") -> bytes:
        """The elements' bytes."""
        found: bytes = _calls().host(self, "tobytes").tobytes(order)
        return found

    def __bool__(self) -> bool:
        return bool(_calls().host(self, "bool()"))

    def __int__(self) -> int:
        return int(_calls().host(self, "int()"))

    def __float__(self) -> float:
        return float(_calls().host(self, "float()"))

    def __repr__(self) -> str:
        return repr(_calls().host(self, "repr()"))

    def __str__(self) -> str:
        return str(_calls().host(self, "str()"))

    def __deepcopy__(self, memo: Any) -> ndarray:
        return self.copy()  # type: ignore[attr-defined,no-any-return]

    # ----------------------------------------------------------------------------------- indexing

    def __getitem__(self, key: Any) -> Any:
        return _calls().index(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _calls().set_index(self, key, value)

    def astype(
        self,
        dtype: Any,
        order: str = "K",
        casting: Any = None,
        subok: Any = None,
        copy: bool = True,
    ) -> Any:
        """A copy of another type; the array itself if it has it and ``copy`` is False."""
        _calls().known_type(np.dtype(dtype))
        if not copy and self.dtype == dtype:
            return self
        return _calls().run(lambda a: a.astype(dtype, order=order), (self,))

    @property
    def T(self) -> Any:
        """The axes in reverse."""
        return _calls().run(np.transpose, (self,))

    @property
    def mT(self) -> Any:
        """The last two axes exchanged."""
        return _calls().run(np.matrix_transpose, (self,))

    @property
    def real(self) -> Any:
        """The array itself, of real numbers."""
        return self

    @property
    def flat(self) -> Any:
        """Left out: minigrad's code has no use for it."""
        raise NotImplementedError("the stand-in has no ndarray.flat")


def _calls() -> Any:
    from minigrad.cuda.stand_in import operations

    return operations


def _namespace() -> Any:
    from minigrad.cuda.stand_in import cupy

    return cupy
