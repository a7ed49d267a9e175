"""Packed sequences: several lengths, no padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self

from minigrad import dtypes, functions

__all__ = ["PackedSequence", "invert_permutation"]

_BY_HAND = (
    "batch_sizes should always be on CPU. Instances of PackedSequence should never be created "
    "manually. They should be instantiated by functions like pack_sequence and "
    "pack_padded_sequences in nn.utils.rnn. "
    "https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence"
)


class PackedSequence_(NamedTuple):
    """The four parts of a packed sequence."""

    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


def _maybe(tensor: Any, fn: Callable[[Any], Any]) -> Any:
    return None if tensor is None else fn(tensor)


class PackedSequence(PackedSequence_):
    """Sequences of several lengths without padding, as recurrent layers take and return them.

    ``batch_sizes[t]`` is how many sequences have a t-th element; ``sorted_indices`` is the order
    in which the sequences were put, ``unsorted_indices`` the way back. Made by ``pack_sequence``
    and ``pack_padded_sequence``.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.PackedSequence.html

    >>> import minigrad as torch
    >>> from minigrad.nn.utils.rnn import pack_sequence
    >>> pack_sequence([torch.tensor([1, 2, 3]), torch.tensor([4, 5])]).batch_sizes
    tensor([2, 2, 1])
    """

    __slots__ = ()
    __module__ = "minigrad.nn.utils.rnn"

    def __new__(
        cls,
        data: Any,
        batch_sizes: Any = None,
        sorted_indices: Any = None,
        unsorted_indices: Any = None,
    ) -> Self:
        """The four parts; the last follows from the third."""
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:  # torch's older form: both in one tuple
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(_BY_HAND)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _with(self, data: Any, fn: Callable[[Any], Any]) -> Self:
        """The same batch sizes, which stay on the CPU, and the indices moved by ``fn``."""
        return type(self)(
            data,
            self.batch_sizes,
            _maybe(self.sorted_indices, fn),
            _maybe(self.unsorted_indices, fn),
        )

    def pin_memory(self) -> Self:
        """The same in memory that a card reads directly.

        >>> import minigrad as torch
        >>> from minigrad.nn.utils.rnn import pack_sequence
        >>> packed = pack_sequence([torch.ones(2)])
        >>> packed = packed.pin_memory() if torch.cuda.is_available() else packed
        """
        return self._with(self.data.pin_memory(), lambda t: t.pin_memory())

    def is_pinned(self) -> bool:
        """Whether the data lie in such memory.

        >>> import minigrad as torch
        >>> from minigrad.nn.utils.rnn import pack_sequence
        >>> pack_sequence([torch.ones(2)]).is_pinned()
        False
        """
        return bool(self.data.is_pinned())

    @property
    def is_cuda(self) -> bool:
        """Whether the data lie on a card."""
        return bool(self.data.is_cuda)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """The data as ``Tensor.to`` gives them; the indices on the same device.

        >>> import minigrad as torch
        >>> from minigrad.nn.utils.rnn import pack_sequence
        >>> pack_sequence([torch.ones(2)]).to(torch.float64).data
        tensor([1., 1.], dtype=torch.float64)
        """
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else self._with(data, lambda t: t.to(data.device))

    def cuda(self, *args: Any, **kwargs: Any) -> Self:
        """The same on a CUDA device.

        >>> import minigrad as torch
        >>> from minigrad.nn.utils.rnn import pack_sequence
        >>> packed = pack_sequence([torch.ones(2)])
        >>> packed = packed.cuda() if torch.cuda.is_available() else packed
        """
        if not args and "device" not in kwargs:
            kwargs["device"] = "cuda"
        return self.to(*args, **kwargs)

    def cpu(self, *args: Any, **kwargs: Any) -> Self:
        """The same on the CPU.

        >>> import minigrad as torch
        >>> from minigrad.nn.utils.rnn import pack_sequence
        >>> packed = pack_sequence([torch.ones(2)])
        >>> packed.cpu() is packed
        True
        """
        return self.to(*args, **{**kwargs, "device": "cpu"})

    def double(self) -> Self:
        """The data as float64.

        >>> import minigrad as torch
        >>> torch.nn.utils.rnn.pack_sequence([torch.ones(1)]).double().data.dtype
        torch.float64
        """
        return self.to(dtype=dtypes.float64)

    def float(self) -> Self:
        """The data as float32.

        >>> import minigrad as torch
        >>> torch.nn.utils.rnn.pack_sequence([torch.tensor([1])]).float().data
        tensor([1.])
        """
        return self.to(dtype=dtypes.float32)

    def half(self) -> Self:
        """The data as float16.

        >>> import minigrad as torch
        >>> torch.nn.utils.rnn.pack_sequence([torch.ones(1)]).half().data.dtype
        torch.float16
        """
        return self.to(dtype=dtypes.float16)

    def long(self) -> Self:
        """The data as int64.

        >>> import minigrad as torch
        >>> torch.nn.utils.rnn.pack_sequence([torch.ones(1)]).long().data
        tensor([1])
        """
        return self.to(dtype=dtypes.int64)

    def int(self) -> Self:
        """The data as int32.

        >>> import minigrad as torch
        >>> torch.nn.utils.rnn.pack_sequence([torch.ones(1)]).int().data.dtype
        torch.int32
        """
        return self.to(dtype=dtypes.int32)

    def short(self) -> Self:
        """The data as int16.

        >>> import minigrad as torch
        >>> torch.nn.utils.rnn.pack_sequence([torch.ones(1)]).short().data.dtype
        torch.int16
        """
        return self.to(dtype=dtypes.int16)

    def char(self) -> Self:
        """The data as int8.

        >>> import minigrad as torch
        >>> torch.nn.utils.rnn.pack_sequence([torch.ones(1)]).char().data.dtype
        torch.int8
        """
        return self.to(dtype=dtypes.int8)

    def byte(self) -> Self:
        """The data as uint8.

        >>> import minigrad as torch
        >>> torch.nn.utils.rnn.pack_sequence([torch.ones(1)]).byte().data.dtype
        torch.uint8
        """
        return self.to(dtype=dtypes.uint8)


def invert_permutation(permutation: Any) -> Any:
    """The permutation that undoes another; None for None.

    >>> import minigrad as torch
    >>> torch.nn.utils.rnn.invert_permutation(torch.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    places = functions.arange(permutation.numel(), device=permutation.device)
    return functions.empty_like(permutation).scatter_(0, permutation, places)
