"""A tensor among Python's and NumPy's objects: converted, printed, copied, pickled."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import dtypes, sharing
from minigrad.autograd.apply import edge_of, tensor_class
from minigrad.autograd.graph import AccumulateGrad, storage_of
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import address_of, backend_for, backend_of, card_count
from minigrad.backend.cupy_backend import pinned
from minigrad.device import device
from minigrad.printing import format_array, format_scalar
from minigrad.traits import Traits

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


class Interchange(Traits):
    """What Python and NumPy expect of a number, a sequence and an array."""

    __slots__ = ()
    __array_priority__ = 1000  # np.float64(2) * tensor is the tensor's to answer

    def numpy(self: Any, *, force: bool = False) -> Any:
        """The NumPy array of the same memory.

        Raises: RuntimeError for a tensor in a graph, TypeError for one on a CUDA device
        (``force=True`` detaches and copies instead).

        >>> import minigrad as torch
        >>> x = torch.zeros(2); x.numpy()[0] = 5; x
        tensor([5., 0.])
        """
        if not force:
            if edge_of(self) is not None:
                raise RuntimeError(
                    "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() "
                    "instead."
                )
            if self.is_cuda:
                raise TypeError(
                    f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to "
                    "copy the tensor to host memory first."
                )
        if self.dtype is dtypes.bfloat16:
            raise TypeError("Got unsupported ScalarType BFloat16")
        # An array of its own: giving it another shape leaves the tensor as it is.
        return backend_of(self._array).to_host(self._array).view()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """What NumPy, matplotlib and pandas call."""
        array = self.numpy()
        found = array if dtype is None else array.astype(dtype, copy=False)
        if copy is False and found is not array:
            raise ValueError("Unable to avoid copy while creating an array as requested.")
        return found.copy() if copy and found is array else found

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """What a NumPy function of a tensor gives: a tensor of the array's memory.

        Of truth values uint8, as in torch, which had no bool once.
        """
        array = np.asarray(array)
        found = array.astype(np.uint8) if array.dtype.kind == "b" else array
        return type(self)._wrap(found)  # type: ignore[attr-defined]

    def __dlpack__(self: Any, **options: Any) -> Any:
        """The capsule that another library's ``from_dlpack`` asks for; memory is shared.

        Raises: BufferError for a tensor that requires grad, or in bfloat16, which NumPy can't hand
        out.
        """
        if edge_of(self) is not None:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        if options.get("stream") is None:
            options.pop("stream", None)
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """The place of the memory, in DLPack's numbers."""
        kind, number = self._array.__dlpack_device__()
        return int(kind), int(number)

    def _host(self) -> Any:
        return backend_of(self._array).to_host(self._array)

    def item(self) -> Any:
        """The Python number of a tensor of one element; RuntimeError for any other.

        >>> import minigrad as torch
        >>> torch.tensor([2.5]).item()
        2.5
        """
        if self._array.size != 1:
            raise RuntimeError(
                f"a Tensor with {self._array.size} elements cannot be converted to Scalar"
            )
        array = self._array
        if type(array) is not np.ndarray:
            array = self._host()
        value = array.item()
        return float(value) if array.dtype.kind == "V" else value

    def tolist(self) -> Any:
        """Nested lists of Python numbers; a number for a 0-d tensor.

        >>> import minigrad as torch
        >>> torch.tensor([[1, 2], [3, 4]]).tolist()
        [[1, 2], [3, 4]]
        """
        array = self._host()
        return (array.astype(np.float32) if array.dtype.kind == "V" else array).tolist()

    def __bool__(self) -> bool:
        if self._array.size != 1:
            if self._array.size == 0:
                raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.item())

    def __complex__(self) -> complex:
        return complex(self._only())

    def __reversed__(self: Any) -> Tensor:
        return self.flip(0) if self._array.ndim else self  # type: ignore[no-any-return]

    def __float__(self) -> float:
        return float(self._only())

    def __int__(self) -> int:
        return int(self._only())

    def _only(self) -> Any:
        """The one element; ValueError, not ``item``'s RuntimeError, if there are others."""
        if self._array.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self.item()

    def __index__(self) -> int:
        if self._array.size != 1 or self._array.dtype.kind not in "iub":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __len__(self) -> int:
        if self._array.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        if self._array.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, element: Any) -> bool:
        if not isinstance(element, (TensorBase, int, float, np.number, np.bool_)):
            raise RuntimeError(
                "Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
                f"{type(element)}."
            )
        return bool((self == element).any())

    def __hash__(self) -> int:
        return id(self)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__()} - {"is_mkldnn"})

    def __repr__(self: Any, *, tensor_contents: Any = None) -> str:
        suffixes = []
        grad_fn = self.grad_fn
        if grad_fn is not None:
            suffixes.append(f"grad_fn=<{grad_fn.name().rpartition('::')[2]}>")
        elif self.requires_grad:
            suffixes.append("requires_grad=True")
        place = None if type(self._array) is np.ndarray else str(self.device)
        default = dtypes.get_default_dtype().name
        kind = type(self)
        ours = kind.__module__.partition(".")[0] == "minigrad"  # a Parameter prints as a tensor
        prefix = "tensor(" if ours else f"{kind.__name__}("
        return format_array(
            self._host(), prefix=prefix, device=place, suffixes=suffixes, default_dtype=default
        )

    def _repr_html_(self: Any) -> str:
        """The tensor in a notebook."""
        from minigrad.notebook import tensor_html

        facts = [f"shape {tuple(self.shape)}", self.dtype.name, str(self.device)]
        if self.grad_fn is not None:
            facts.append(f"grad_fn {self.grad_fn.name()}")
        elif self.requires_grad:
            facts.append("requires_grad")
        title = " · ".join([type(self).__name__, *facts])
        return tensor_html(self._host(), title, repr(self))

    def __format__(self, spec: str) -> str:
        if type(self) is not tensor_class():  # a Parameter prints itself, and takes no format
            return object.__format__(self, spec)
        return format_scalar(self._host(), spec, self.__repr__)

    def apply_(self: Any, callable: Callable[[Any], Any]) -> Tensor:
        """Overwrite every element by a function of it; slow, and for the CPU alone.

        >>> import minigrad as torch
        >>> torch.tensor([1., 4.]).apply_(lambda v: v + 1)
        tensor([2., 5.])
        """
        return self._mapped("apply_", callable)  # type: ignore[no-any-return]

    def map_(self: Any, tensor: Any, callable: Callable[[Any, Any], Any]) -> Tensor:
        """Overwrite every element by a function of it and its fellow in another tensor.

        >>> import minigrad as torch
        >>> torch.tensor([1., 4.]).map_(torch.tensor([2., 3.]), max)
        tensor([2., 4.])
        """
        return self._mapped("map_", callable, tensor)  # type: ignore[no-any-return]

    def map2_(self: Any, x: Any, y: Any, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
        """Overwrite every element by a function of it and its fellows in two other tensors.

        >>> import minigrad as torch
        >>> torch.tensor([1., 4.]).map2_(torch.ones(2), torch.ones(2), lambda a, b, c: a + b + c)
        tensor([3., 6.])
        """
        return self._mapped("map2_", callable, x, y)  # type: ignore[no-any-return]

    def _mapped(self: Any, name: str, callable: Callable[..., Any], *others: Any) -> Tensor:
        if edge_of(self) is not None:
            raise TypeError(f"Can't call {name}() on Variable that requires grad.")
        if self.is_cuda:
            raise TypeError(f"{name} is only implemented on CPU tensors")
        arrays = [np.broadcast_to(o._array, self._array.shape).ravel().tolist() for o in others]
        found = [callable(*row) for row in zip(self.reshape(-1).tolist(), *arrays, strict=True)]
        self._array[...] = np.array(found).astype(self._array.dtype).reshape(self._array.shape)
        storage_of(self).write()
        return self  # type: ignore[no-any-return]

    def is_set_to(self, tensor: Any) -> bool:
        """Whether the other tensor is the same memory, seen in the same way.

        >>> import minigrad as torch
        >>> x = torch.zeros(2); x.is_set_to(x.detach())
        True
        """
        one, two = self._array, tensor._array
        same = one.shape == two.shape and one.strides == two.strides and one.dtype == two.dtype
        return bool(same and self.data_ptr() == tensor.data_ptr())

    def share_memory_(self: Any) -> Tensor:
        """Move the memory to where other processes see it; views and parameters of it follow.

        Processes that are forked from now on, and those that are sent the tensor by way of
        ``torch.multiprocessing``, read and write the same numbers. NumPy arrays do not follow.

        Raises: RuntimeError where there is no such memory (on Windows).

        >>> import minigrad as torch
        >>> x = torch.zeros(2); row = x[1:]
        >>> x.share_memory_().is_shared(), row.is_shared()
        (True, True)
        """
        sharing.share([self])
        return self  # type: ignore[no-any-return]

    def is_shared(self) -> bool:
        """Whether other processes can see the memory: that of a card always.

        >>> import minigrad as torch
        >>> torch.zeros(1).is_shared()
        False
        """
        return sharing.is_shared(self._array)

    def pin_memory(self: Any, device: Any = None) -> Tensor:
        """A copy in pinned memory, from which a card copies while the program goes on.

        Raises: RuntimeError without a card, and for a tensor of a card.

        >>> import minigrad as torch
        >>> from minigrad.cuda import stand_in
        >>> with stand_in.installed():
        ...     torch.zeros(1).pin_memory().is_pinned()
        True
        """
        if not card_count():
            raise RuntimeError("Cannot access accelerator device when none is available.")
        if type(self._array) is not np.ndarray:
            raise RuntimeError(
                f"cannot pin 'torch.{self.type().removeprefix('torch.')}' only dense CPU tensors "
                "can be pinned"
            )
        out: Tensor = self if self.is_pinned() else type(self)._wrap(pinned(self._array))
        return out

    def record_stream(self, stream: Any) -> None:
        """Say that a stream uses the memory, which was asked for on another one.

        When the tensor dies its memory is not handed out again before that stream has done what it
        then has to do. Needed where a tensor dies on one stream while another reads it.

        Raises: NotImplementedError on the CPU, RuntimeError for what is no stream of a card.
        Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.record_stream.html

        >>> import minigrad as torch
        >>> from minigrad.cuda import stand_in
        >>> with stand_in.installed():
        ...     side, x = torch.cuda.Stream(), torch.ones(2, device="cuda")
        ...     side.wait_stream(torch.cuda.current_stream())
        ...     with torch.cuda.stream(side):
        ...         y = 2 * x
        ...         x.record_stream(side)
        """
        if type(self._array) is np.ndarray:
            raise NotImplementedError(
                "Could not run 'aten::record_stream' with arguments from the 'CPU' backend; the "
                "CPU has no streams"
            )
        if not hasattr(stream, "keeps"):
            raise RuntimeError(f"unknown parameter type: {type(stream).__name__} is no stream")
        stream.keeps(self._array)

    def __copy__(self: Any) -> Tensor:
        out: Tensor = type(self)._wrap(self._array)
        out._storage = storage_of(self)
        out._node = AccumulateGrad(out) if self.requires_grad else None
        if self.__dict__:
            out.__dict__.update(self.__dict__)
        return out

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol at the moment.  detach() the tensor, or copy what made it."
            )
        if id(self) in memo:
            return memo[id(self)]  # type: ignore[no-any-return]
        from minigrad.ops.shape.strided import geometry_of, looked_at

        memory, start, stride = geometry_of(self._array)
        key: Any = (type(memory), address_of(memory), memory.nbytes)  # views share a memory again
        if key not in memo or not memory.nbytes:
            memo[key] = memory.copy()
        array = looked_at(backend_of(memory).xp, memo[key], self._array.shape, stride, start)
        out: Tensor = type(self)._wrap(array)
        memo[id(self)] = out
        if self.requires_grad:
            out._node = AccumulateGrad(out)
        if self._grad is not None:
            out._grad = self._grad.__deepcopy__(memo)
        if self.__dict__:
            out.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return out

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        array, ndim = self._host(), self._array.ndim
        axes = sorted(range(ndim), key=lambda axis: -array.strides[axis])
        rows = array.transpose(axes)
        if not rows.flags.c_contiguous:  # with gaps: packed, so that a row does not drag all along
            axes, rows = list(range(ndim)), np.ascontiguousarray(array).reshape(array.shape)
        parts = (type(self), rows, axes, str(self.device), self.requires_grad)
        return _rebuild, parts, self.__dict__ or None


def _rebuild(
    cls: type[Tensor], rows: Any, axes: list[int], place: str, requires_grad: bool
) -> Tensor:
    """Unpickle a tensor: its elements in the order of memory, and the order of its axes there."""
    where = device(place)
    rows = rows.view(np.dtype(rows.dtype.type))  # the very dtype that kernels know, not its copy
    array = backend_for(where).from_host(rows, where.index).transpose(np.argsort(axes))
    out: Tensor = cls._wrap(array)
    return out.requires_grad_() if requires_grad else out
