"""What a tensor is: sizes, dtype, place, layout. Read off its array, never stored."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import backend_of
from minigrad.device import CPU, device
from minigrad.dtypes import dtype
from minigrad.size import Size


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
        return Size(self._array.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one axis.

        >>> import minigrad as torch
        >>> torch.zeros(2, 3).size(), torch.zeros(2, 3).size(-1)
        (torch.Size([2, 3]), 3)
        """
        return self.shape if dim is None else self.shape[dim]

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

    is_sparse = False
    is_quantized = False
    is_mkldnn = False

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
        return strides if dim is None else strides[dim]

    def is_contiguous(self) -> bool:
        """Whether the elements lie in row-major order without gaps.

        >>> import minigrad as torch
        >>> torch.zeros(2, 3).is_contiguous(), torch.zeros(2, 3).t().is_contiguous()
        (True, False)
        """
        return bool(self._array.flags.c_contiguous)

    def data_ptr(self) -> int:
        """The address of the first element.

        >>> import minigrad as torch
        >>> x = torch.zeros(2)
        >>> x[1:].data_ptr() - x.data_ptr()
        4
        """
        array = self._array
        return int(array.ctypes.data if type(array) is np.ndarray else array.data.ptr)

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
