"""Sequences of several lengths: padded to one, or packed without padding for recurrent layers.

Packed, the first elements of all sequences come first, longest sequence first, then the second
elements of those that have one, and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minigrad import dtypes, functions
from minigrad.nn.utils.packed_sequence import PackedSequence, invert_permutation
from minigrad.tensor import Tensor

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]

_UNSORTED = (
    "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can "
    "pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
    "requirement if you do not need ONNX exportability."
)


def _checked_lengths(input: Any, lengths: Any, batch: int) -> list[int]:
    """The lengths as numbers; torch's errors for what cannot be packed."""
    if lengths.ndim != 1:
        raise RuntimeError(
            f"'lengths' argument should be a 1D CPU int64 tensor, but got {lengths.ndim}D cpu "
            "Long tensor"
        )
    if not input.numel():
        raise RuntimeError("Cannot pack empty tensors.")
    found: list[int] = lengths.tolist()
    if len(found) != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(found)} "
            f"(batch_size={batch})"
        )
    if found[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            "that is <= 0"
        )
    if found != sorted(found, reverse=True):
        raise RuntimeError(_UNSORTED)
    return found


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a batch of padded sequences.

    Shape: (T, B, *), or (B, T, *) if ``batch_first``; the data are (Σ lengths, *).
    Raises: RuntimeError for lengths that are not sorted (unless ``enforce_sorted=False`` asks to
    sort them), not positive, or not one for each sequence.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pack_padded_sequence.html

    >>> import minigrad as torch
    >>> x = torch.tensor([[1, 2, 0], [3, 0, 0], [4, 5, 6]])
    >>> packed = torch.nn.utils.rnn.pack_padded_sequence(x, [2, 1, 3], True, enforce_sorted=False)
    >>> packed.data, packed.batch_sizes, packed.sorted_indices
    (tensor([4, 1, 3, 5, 2, 6]), tensor([3, 2, 1]), tensor([2, 0, 1]))
    """
    if not isinstance(lengths, Tensor):
        lengths = functions.as_tensor(lengths, dtype=dtypes.int64)
    lengths = lengths.to(dtype=dtypes.int64)
    order = None
    if not isinstance(input, Tensor):
        raise TypeError(
            "_pack_padded_sequence(): argument 'input' (position 1) must be Tensor, not "
            f"{type(input).__name__}"
        )
    if not enforce_sorted:
        lengths, order = functions.sort(lengths, descending=True)
        order = order.to(input.device)
        input = input.index_select(0 if batch_first else 1, order)
    steps, batch = (input.size(1), input.size(0)) if batch_first else (input.size(0), input.size(1))
    sizes = _checked_lengths(input, lengths, batch)
    runs = np.asarray(sizes) > np.arange(sizes[0])[:, None]  # (steps, batch)
    time, place = np.nonzero(runs[:steps])
    rows = place * steps + time if batch_first else time * batch + place
    data = input.reshape(steps * batch, *input.shape[2:])
    data = data.index_select(0, functions.as_tensor(rows, device=input.device))
    return PackedSequence(data, functions.as_tensor(runs.sum(1)), order, None)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Any, Any]:
    """Pad packed sequences: the reverse of ``pack_padded_sequence``. Returns the lengths as well.

    Shape: (Σ lengths, *) -> (T, B, *), or (B, T, *) if ``batch_first``; T is the greatest length,
    or ``total_length``.
    Raises: ValueError if ``total_length`` is less than the greatest length.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_packed_sequence.html

    >>> import minigrad as torch
    >>> packed = torch.nn.utils.rnn.pack_sequence([torch.tensor([1, 2]), torch.tensor([3])])
    >>> torch.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    (tensor([[1, 2],
            [3, 0]]), tensor([2, 1]))
    """
    sizes = np.asarray(sequence.batch_sizes.tolist(), dtype=np.int64)
    steps, batch = len(sizes), int(sizes[0])
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in "
                f"input, but got total_length={total_length} and max sequence length being {steps}"
            )
        steps = total_length
    runs = sizes[:, None] > np.arange(batch)
    out = _laid(sequence.data, np.flatnonzero(runs), steps * batch, padding_value)
    out = out.reshape(steps, batch, *sequence.data.shape[1:])
    out = out.transpose(0, 1) if batch_first else out
    lengths = functions.as_tensor(runs.sum(0))
    order = sequence.unsorted_indices
    if order is None:
        return out, lengths
    return out.index_select(0 if batch_first else 1, order), lengths[order.cpu()]


def _laid(rows: Any, places: Any, count: int, padding_value: float) -> Any:
    """Rows at their places among others that are filled with the padding."""
    shape = (count, *rows.shape[1:])
    padded = functions.full(shape, padding_value, dtype=rows.dtype, device=rows.device)
    return padded.index_copy(0, functions.as_tensor(places, device=rows.device), rows)


def _checked_sequences(sequences: Any) -> list[Any]:
    """The sequences in the type of the first; torch's errors for what cannot be padded."""
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    found = list(sequences)
    if not found:
        raise RuntimeError("received an empty list of sequences")
    for index, one in enumerate(found):
        if not isinstance(one, Tensor):
            raise TypeError(
                f"expected Tensor as element {index} in argument 0, but got {type(one).__name__}"
            )
        if not one.ndim:
            raise RuntimeError("pad_sequence: a sequence needs an axis, but one has none")
        for axis, (a, b) in enumerate(zip(found[0].shape[1:], one.shape[1:], strict=False), 1):
            if a != b:
                raise RuntimeError(
                    f"The size of tensor a ({a}) must match the size of tensor b ({b}) at "
                    f"non-singleton dimension {axis}"
                )
    return [one.to(found[0].dtype) for one in found]


def pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Any:
    """Stack sequences of several lengths, filled up to the longest.

    Shape: B times (L, *) -> (T, B, *), or (B, T, *) if ``batch_first``; the first sequence's type.
    Raises: RuntimeError for no sequence, other sizes than the first has, or another side than
    "left" or "right".
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_sequence.html

    >>> import minigrad as torch
    >>> torch.nn.utils.rnn.pad_sequence([torch.tensor([1, 2]), torch.tensor([3])], True)
    tensor([[1, 2],
            [3, 0]])
    """
    found = _checked_sequences(sequences)
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    lengths, batch = [len(one) for one in found], len(found)
    steps = max(lengths)
    starts = [0 if padding_side == "right" else steps - length for length in lengths]
    places = [
        index * steps + np.arange(start, start + length)
        if batch_first
        else np.arange(start, start + length) * batch + index
        for index, (start, length) in enumerate(zip(starts, lengths, strict=True))
    ]
    rows = functions.cat(found)
    out = _laid(rows, np.concatenate(places), steps * batch, padding_value)
    shape = (batch, steps) if batch_first else (steps, batch)
    return out.reshape(*shape, *rows.shape[1:])


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Any]:
    """The sequences of a padded batch, without the padding.

    (torch transposes its argument in place unless ``batch_first``; here it stays as it is.)

    Raises: ValueError unless there is one length for each sequence.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.unpad_sequence.html

    >>> import minigrad as torch
    >>> x = torch.tensor([[1, 2], [3, 0]])
    >>> torch.nn.utils.rnn.unpad_sequence(x, torch.tensor([2, 1]), batch_first=True)
    [tensor([1, 2]), tensor([3])]
    """
    batch = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [one[: int(length)].clone() for one, length in zip(batch, lengths, strict=True)]


def pack_sequence(sequences: Sequence[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences: ``pad_sequence``, then ``pack_padded_sequence``.

    Shape: B times (L, *); the data are (Σ L, *).
    Raises: RuntimeError for lengths that do not fall, unless ``enforce_sorted=False``.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pack_sequence.html

    >>> import minigrad as torch
    >>> torch.nn.utils.rnn.pack_sequence([torch.tensor([1, 2]), torch.tensor([3])]).data
    tensor([1, 3, 2])
    """
    lengths = functions.as_tensor([one.size(0) for one in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Any]:
    """The sequences that were packed, in their first order.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.unpack_sequence.html

    >>> import minigrad as torch
    >>> packed = torch.nn.utils.rnn.pack_sequence([torch.tensor([1, 2]), torch.tensor([3])])
    >>> torch.nn.utils.rnn.unpack_sequence(packed)
    [tensor([1, 2]), tensor([3])]
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), True)
