"""What a tensor is: sizes, dtype, place, layout. Read off its array, never stored."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import address_of, backend_of
from minigrad.backend.cupy_backend import is_pinned
from minigrad.device import CPU, device
from minigrad.dtypes import dtype
from minigrad.layout import contiguous_format, lies_in, memory_format, strided
from minigrad.size import Size


def _axis(dim: Any, ndim: int) -> Any:
    """An axis number, if there is such an axis; IndexError in torch's words otherwise."""
    if not -ndim <= dim < ndim:
        if not ndim:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got "
            f"{dim})"
        )
    return dim


def _told(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...]:
    """Strides as torch tells them: an axis of size 1 that a view inserted spans what it holds.

    NumPy notes a step of 0 for it, which nobody ever takes.
    """
    told = list(strides)
    for axis in reversed(range(len(told))):
        if shape[axis] == 1 and not told[axis]:
            told[axis] = shape[axis + 1] * told[axis + 1] if axis + 1 < len(told) else 1
    return tuple(told)


class Traits(TensorBase):
    """The properties of a tensor that its array alone decides."""

    __slots__ = ()

    @property
    def shape(self) -> Size:
        """The sizes of the axes.

        >>> import minigrad as torch
        >>> torch.zeros(2, 3).shape
        torch.Size([2, 3])
        """
        return tuple.__new__(Size, self._array.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one axis.

        >>> import minigrad as torch
        >>> torch.zeros(2, 3).size(), torch.zeros(2, 3).size(-1)
        (torch.Size([2, 3]), 3)
        """
        return self.shape if dim is None else self.shape[_axis(dim, self._array.ndim)]

    @property
    def ndim(self) -> int:
        """The number of axes.

        >>> import minigrad as torch
        >>> torch.zeros(2, 3).ndim
        2
        """
        return int(self._array.ndim)

    def dim(self) -> int:
        """The number of axes.

        >>> import minigrad as torch
        >>> torch.zeros(2, 3).dim()
        2
        """
        return int(self._array.ndim)

    ndimension = dim

    def numel(self) -> int:
        """The number of elements.

        >>> import minigrad as torch
        >>> torch.zeros(2, 3).numel()
        6
        """
        return int(self._array.size)

    nelement = numel

    @property
    def dtype(self) -> dtype:
        """The element type.

        >>> import minigrad as torch
        >>> torch.zeros(1).dtype
        torch.float32
        """
        return dtypes.of_numpy(self._array.dtype)

    @property
    def device(self) -> device:
        """Where the memory lies.

        >>> import minigrad as torch
        >>> torch.zeros(1).device
        device(type='cpu')
        """
        if type(self._array) is np.ndarray:
            return CPU
        return backend_of(self._array).device_of(self._array)

    @property
    def is_cuda(self) -> bool:
        """Whether the memory lies on a CUDA device.

        >>> import minigrad as torch
        >>> torch.zeros(1).is_cuda
        False
        """
        return self.device.type == "cuda"

    @property
    def is_cpu(self) -> bool:
        """Whether the memory is the host's.

        >>> import minigrad as torch
        >>> torch.zeros(1).is_cpu
        True
        """
        return type(self._array) is np.ndarray

    # What a tensor can be elsewhere, and never is here.
    is_sparse = is_sparse_csr = is_quantized = is_mkldnn = is_meta = is_nested = False
    is_mps = is_xpu = is_xla = is_ipu = is_maia = is_mtia = is_vulkan = False
    layout = strided
    name = None

    def is_pinned(self) -> bool:
        """Whether the memory is pinned for copies to a card (:meth:`pin_memory`).

        >>> import minigrad as torch
        >>> torch.zeros(1).is_pinned()
        False
        """
        return is_pinned(self._array)

    def is_coalesced(self) -> bool:
        """Asked of sparse tensors only, which minigrad leaves out.

        >>> import minigrad as torch
        >>> torch.ones(1).is_coalesced()
        Traceback (most recent call last):
            ...
        NotImplementedError: is_coalesced expected sparse coordinate tensor layout
        """
        raise NotImplementedError("is_coalesced expected sparse coordinate tensor layout")

    def dim_order(self) -> tuple[int, ...]:
        """The axes from the outermost in memory to the innermost.

        >>> import minigrad as torch
        >>> torch.zeros(2, 3).T.dim_order()
        (1, 0)
        """
        return tuple(sorted(range(self._array.ndim), key=lambda axis: -self.stride(axis)))

    @property
    def itemsize(self) -> int:
        """Bytes per element.

        >>> import minigrad as torch
        >>> torch.zeros(1, dtype=torch.float64).itemsize
        8
        """
        return int(self._array.itemsize)

    def element_size(self) -> int:
        """Bytes per element.

        >>> import minigrad as torch
        >>> torch.zeros(1).element_size()
        4
        """
        return int(self._array.itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements.

        >>> import minigrad as torch
        >>> torch.zeros(2, 3).nbytes
        24
        """
        return int(self._array.nbytes)

    def stride(self, dim: int | None = None) -> Any:
        """Steps in elements along each axis, or along one.

        >>> import minigrad as torch
        >>> torch.zeros(2, 3).stride(), torch.zeros(2, 3).t().stride(0)
        ((3, 1), 1)
        """
        size = self._array.itemsize
        strides = tuple(s // size for s in self._array.strides)
        if not self._array.size:  # NumPy gives zeros for what has no elements
            sizes = [max(n, 1) for n in self._array.shape]
            strides = tuple(math.prod(sizes[i + 1 :]) for i in range(len(sizes)))
        elif 0 in strides:
            strides = _told(self._array.shape, strides)
        return strides if dim is None else strides[_axis(dim, len(strides))]

    def is_contiguous(self, *, memory_format: memory_format = contiguous_format) -> bool:
        """Whether the elements lie in row-major (or the given) order without gaps.

        >>> import minigrad as torch
        >>> torch.zeros(2, 3).is_contiguous(), torch.zeros(2, 3).t().is_contiguous()
        (True, False)
        """
        return lies_in(self._array, memory_format)

    def data_ptr(self) -> int:
        """The address of the first element.

        >>> import minigrad as torch
        >>> x = torch.zeros(2)
        >>> x[1:].data_ptr() - x.data_ptr()
        4
        """
        return address_of(self._array) if self._array.size else 0

    const_data_ptr = data_ptr

    def is_floating_point(self) -> bool:
        """Whether the elements are floats.

        >>> import minigrad as torch
        >>> torch.zeros(1).is_floating_point(), torch.arange(1).is_floating_point()
        (True, False)
        """
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Always False: minigrad has real types only.

        >>> import minigrad as torch
        >>> torch.zeros(1).is_complex()
        False
        """
        return False

    def is_signed(self) -> bool:
        """Whether the element type has negative numbers.

        >>> import minigrad as torch
        >>> torch.zeros(1, dtype=torch.uint8).is_signed()
        False
        """
        return self.dtype.is_signed
