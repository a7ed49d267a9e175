"""Bags of embeddings: rows of a table looked up by number and put together."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, integers, reals, register
from minigrad.backend import Array, faults, xp_of
from minigrad.dtypes import int64
from minigrad.errors import ShapeError
from minigrad.ops.network.embedding import check_table, need_dense, padding_row, shorten_rows

_F = ("nn.functional",)


@register(internal=True)
class Bagged(Op):
    """The bags as they are: the node of a result that several ops made.   gx = g."""

    grad_fn = "EmbeddingBagBackward0"

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """Nobody else holds the input."""
        return input

    @staticmethod
    def grad_input(g: Any) -> Any:
        """The cotangent."""
        return g


@function(
    where=_F,
    torch="nn.functional.embedding_bag",
    domain=(integers(0, 3), reals(-2, 2)),
    varied=False,  # torch ends the process on some sizes that do not fit
    samples=(
        call(T(2, 3), T(4, 5)),
        call(T(2, 3), T(4, 5), mode="sum"),
        call(T(2, 3), T(4, 5), mode="max"),
        call(T(5), T(4, 2), T(1, domain=integers(0, 0)), padding_idx=1),
    ),
    errors=(
        call(T(2, 3), T(4, 5), T(1, domain=integers(0, 0))),
        call(T(3), T(4, 5)),
        call(T(2, 3), T(4, 5), mode="median"),
        call(T(2, 3), T(4, 5), per_sample_weights=T(2, 3)),
        call(T(2, 3, 1), T(4, 5)),
    ),
)
def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    """The sum, the mean or the greatest of the rows of a table that each bag of numbers names.

    Formula:   y[b] = Σ_{i in b} w[i] weight[input[i]], over the count of i for the mean
    Gradient:  gweight[k] = Σ w[i] g[b] over input[i] = k; for w[i] the product with the row

    Shape: (B, N), or (N) with ``offsets`` (B) where bags begin, and (V, D) -> (B, D).
    ``include_last_offset``: the last of them is the end. ``padding_idx`` is left out of its bag.
    Raises: ValueError for arguments that do not go together; IndexError for a number without a row.

    >>> import minigrad as torch
    >>> table = torch.tensor([[1.], [2.], [4.]])
    >>> torch.nn.functional.embedding_bag(torch.tensor([[0, 2]]), table, mode="sum")
    tensor([[5.]])
    """
    need_dense("embedding_bag", weight, sparse)
    if getattr(weight, "dtype", None) == int64 and input.is_floating_point():
        input, weight = weight, input  # the order of old programs, which torch too takes
    check_table("embedding_bag", input, weight)
    _check_options(input, mode, offsets, per_sample_weights, scale_grad_by_freq)
    rows_of_table = weight._array.shape[0]
    padding = padding_row(padding_idx, rows_of_table)
    xp = xp_of(input._array)
    index = input._array.reshape(-1)
    starts = _starts(xp, input, offsets)
    if include_last_offset:
        starts, end = starts[:-1], int(starts[-1])
        index = index[:end]
    count = len(starts)
    lengths = xp.diff(xp.concatenate([starts, xp.full(1, len(index))]))
    if xp is np:
        bag = np.repeat(np.arange(count), lengths)
    else:  # a card would have to be waited for to know how long the result is
        bag = xp.searchsorted(starts, xp.arange(len(index)), side="right") - 1
        bag = xp.maximum(bag, 0)  # where the first offset is wrong, which the card tells later
    if max_norm is not None:
        shorten_rows(weight, input, max_norm, norm_type)
    weights = per_sample_weights
    if weights is not None:
        weights = weights.reshape(-1)[: len(index)]
    looked_up = tensors.from_array(index)
    rows = tensors.table_rows(weight, looked_up, padding, bool(scale_grad_by_freq))
    if padding >= 0:
        kept = index != padding
        bag, lengths = bag[kept], xp.bincount(bag[kept], minlength=count)
        place = tensors.from_array(kept.nonzero()[0])
        rows = rows[place]
        weights = None if weights is None else weights[place]
    if mode == "max":
        return tensors.bagged(_greatest(xp, rows, bag, lengths, _longest(input, lengths)))
    if weights is not None:
        rows = rows * weights.unsqueeze(1)
    sums = tensors.row_sums(rows, tensors.from_array(bag), count, -1, False)
    if mode == "sum":
        return tensors.bagged(sums)
    divisor = xp.maximum(lengths, 1).astype(sums._array.dtype)[:, None]
    return tensors.bagged(sums / tensors.from_array(divisor))


def _check_options(
    input: Any, mode: str, offsets: Any, per_sample_weights: Any, shares: bool
) -> None:
    """Raise torch's errors for arguments that do not go together."""
    ndim = input._array.ndim
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({list(per_sample_weights.shape)}) is not None, "
            f"then it must have the same shape as the input ({list(input.shape)})"
        )
    if ndim not in (1, 2):
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {ndim}")
    if ndim == 2 and offsets is not None:
        raise ValueError(
            "if input is 2D, then offsets has to be None, as input is treated as a mini-batch of "
            "fixed length sequences"
        )
    if ndim == 1 and offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets is not None and offsets._array.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum or mean or max")
    if mode == "max" and shares:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
            f"for mode='sum' (got mode='{mode}'). Please open a feature request on GitHub."
        )


def _starts(xp: Any, input: Any, offsets: Any) -> Any:
    """Where each bag begins in the flattened numbers."""
    if offsets is None:
        bags, length = input._array.shape
        return xp.arange(bags) * length
    starts = offsets._array.astype(xp.int64)
    if type(starts) is not np.ndarray:
        said = "offsets have to begin with 0 and may not be greater than input's length"
        faults.note_range(xp, starts[:1], 0, 1, said, RuntimeError)
        faults.note_range(xp, starts[-1:], 0, input._array.size + 1, said, RuntimeError)
        return starts
    if len(starts) and int(starts[0]) != 0:
        raise ShapeError(
            f"offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
            f"position 0. However, got {int(starts[0])}"
        )
    if len(starts) and int(starts[-1]) > input._array.size:
        raise ShapeError(
            f"offsets[-1] can not be greater than input's length({input._array.size}) but got "
            f"offsets[-1] of {int(starts[-1])}"
        )
    return starts


def _longest(input: Any, lengths: Any) -> int:
    """The length of the longest bag; of rows of a matrix that of a row, which nobody waits for."""
    if input._array.ndim == 2:
        return int(input._array.shape[1])
    return int(lengths.max()) if len(lengths) else 0


def _greatest(xp: Any, rows: Any, bag: Any, lengths: Any, longest: int) -> Any:
    """The greatest of each column of each bag, the first of equals; zero for an empty bag."""
    count = len(lengths)
    if longest == 0:
        return rows.new_zeros((count, rows.shape[1]))
    begins = xp.cumsum(lengths) - lengths
    last = xp.maximum(begins + lengths - 1, begins)[:, None]
    members = xp.minimum(begins[:, None] + xp.arange(longest), last)
    members = xp.minimum(members, len(bag) - 1)  # an empty bag at the end has none
    values = rows._array[members]  # (bags, longest, D)
    place = xp.take_along_axis(members, values.argmax(1), 1)
    found = rows.gather(0, tensors.from_array(place))
    if xp is np and int(lengths.min()):
        return found
    full = tensors.from_array((lengths > 0)[:, None])
    return tensors.where(full, found, rows.new_zeros(()))
