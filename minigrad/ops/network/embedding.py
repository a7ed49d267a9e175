"""Tables looked up by number: embedding, bags of embeddings, one-hot rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.modes import no_grad
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, integers, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, xp_of
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.indexing.places import add_rows, outside, taken_slices

_F = ("nn.functional",)
_NUMBERS = integers(0, 3)


@register(internal=True)
class TableRows(Op):
    """Rows of a table.   Transpose: ``row_sums``.

    ``padding`` is a number whose row gets no gradient, or -1; ``shares`` divides what a row gets by
    how often it was looked up.
    """

    grad_fn = "EmbeddingBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, index: Array, padding: int, shares: bool) -> Array:
        """One look-up."""
        return taken_slices(xp, input, index, 0)

    @staticmethod
    def grad_input(g: Any, index: Any, shape: Any, padding: int, shares: bool, F: Any) -> Any:
        """Each row gets what its copies got."""
        return F.row_sums(g, index, shape[0], padding, shares)


@register(internal=True)
class RowSums(Op):
    """Rows added up by number.   Transpose: ``table_rows``, with the same rows left out."""

    grad_fn = "EmbeddingDenseBackward0"

    @staticmethod
    @widened
    def forward(
        xp: Any, input: Array, index: Array, count: int, padding: int, shares: bool
    ) -> Array:
        """One sum for each number."""
        index = index.reshape(-1).astype(xp.int64, copy=False)
        rows = input.reshape(len(index), input.shape[-1])
        if shares:
            rows = rows * _weights(xp, index, -1, True, input.dtype)
        out = xp.zeros((count, input.shape[-1]), dtype=input.dtype)
        add_rows(xp, out, 0, index, rows)
        if padding >= 0:
            out[padding] = 0
        return out

    @staticmethod
    def grad_input(g: Any, index: Any, padding: int, shares: bool, F: Any) -> Any:
        """Each copy gets what its row got, weighted as it was."""
        rows = F.table_rows(g, index, -1, False)
        if padding >= 0 or shares:
            rows = rows * F.row_weights(g, index, padding, shares)
        return rows


def _weights(xp: Any, index: Array, padding: int, shares: bool, dtype: Any) -> Array:
    """What the row of each number counts."""
    weights = xp.ones(index.shape, dtype)
    if shares and index.size:
        weights = (1 / _frequencies(xp, index)).astype(dtype)
    if padding >= 0:
        weights = weights * (index != padding)
    return weights[..., None]


def _frequencies(xp: Any, index: Array) -> Array:
    """How often the number at each place comes in all; a card is not waited for."""
    if xp is np:
        return np.bincount(index.reshape(-1))[index]
    ordered = xp.sort(index.reshape(-1))
    ends = (xp.searchsorted(ordered, index, side=side) for side in ("right", "left"))
    return next(ends) - next(ends)


@register(internal=True)
class RowWeights(Op):
    """What the row of each number counts, in the type of a table."""

    @staticmethod
    def forward(xp: Any, input: Array, index: Array, padding: int, shares: bool) -> Array:
        """Zero for the padding, one over the count for what is shared."""
        return _weights(xp, index, padding, shares, input.dtype)


def check_table(op: str, index: Any, weight: Any) -> None:
    """Raise torch's errors for numbers or a table that cannot be looked up."""
    for name, value in (("input", index), ("weight", weight)):
        if not isinstance(value, TensorBase):
            raise TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(value).__name__}")
    i, w = index._array, weight._array
    if i.dtype.str[1:] not in ("i8", "i4"):
        raise DtypeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got {index.type()} instead (while checking arguments for {op})"
        )
    if w.ndim != 2:
        raise ShapeError(f"'weight' must be 2-D, got {list(w.shape)} ({op})")
    wrong = outside(i, w.shape[0])
    if wrong is not None:
        raise IndexError(
            f"index out of range in self: {op} got {wrong}, the table has {w.shape[0]} rows"
        )


def padding_row(padding_idx: int | None, rows: int) -> int:
    """The number of the row that gets no gradient, or -1."""
    if padding_idx is None:
        return -1
    if not -rows <= padding_idx < rows:
        raise AssertionError(f"Padding_idx must be within num_embeddings, {rows}")
    return padding_idx % rows


def shorten_rows(weight: Any, index: Any, max_norm: float, norm_type: float) -> None:
    """Shorten in place the rows that will be looked up and are longer than ``max_norm``."""
    xp = xp_of(weight._array)
    looked_up = xp.unique(index._array)
    rows = weight._array[looked_up]
    wide = xp.abs(rows.astype(xp.float64))
    length = wide.max(1) if norm_type == np.inf else (wide**norm_type).sum(1) ** (1 / norm_type)
    too_long = length > max_norm
    if too_long.any():
        scale = (max_norm / (length[too_long] + 1e-7))[:, None]
        with no_grad():
            places = tensors.from_array(looked_up[too_long].astype(xp.int64))
            shorter = (rows[too_long] * scale).astype(rows.dtype)
            weight.detach()[places] = tensors.from_array(shorter)


def need_dense(op: str, weight: Any, sparse: bool) -> None:
    """Refuse to make a sparse gradient."""
    if sparse and getattr(weight, "requires_grad", False):
        raise NotImplementedError(f"{op}: minigrad has no sparse gradients; use sparse=False")


@function(
    "functional_embedding",
    where=_F,
    torch="nn.functional.embedding",
    domain=(_NUMBERS, reals(-2, 2)),
    samples=(
        call(T(2, 3), T(4, 5)),
        call(T(), T(4, 2)),
        call(T(0, 2), T(4, 3)),
    ),
    errors=(
        call(T(2, domain=integers(4, 5)), T(4, 2)),
        call(T(2, domain=reals(0, 1)), T(4, 2)),
        call(T(2), T(4)),
    ),
)
def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """Rows of a table, looked up by number.

    Formula:   y[i, :] = weight[input[i], :]
    Gradient:  gweight[k] = Σ g[i] over input[i] = k; nothing for ``padding_idx``, and divided by
               the number of such i with ``scale_grad_by_freq``

    Shape: (*) and (V, D) -> (*, D). With ``max_norm``, rows that are looked up and longer are
    first shortened in place.
    Raises: IndexError for a number without a row; RuntimeError for numbers that are not int32 or
    int64; NotImplementedError for ``sparse=True``.

    >>> import minigrad as torch
    >>> table = torch.tensor([[0., 1.], [2., 3.]])
    >>> torch.nn.functional.embedding(torch.tensor([1, 1]), table)
    tensor([[2., 3.],
            [2., 3.]])
    """
    need_dense("embedding", weight, sparse)
    check_table("embedding", input, weight)
    padding = padding_row(padding_idx, weight._array.shape[0])
    if max_norm is not None:
        shorten_rows(weight, input, max_norm, norm_type)
    return tensors.table_rows(weight, input, padding, bool(scale_grad_by_freq))


@function(
    "embedding",
    where=("torch",),
    domain=(reals(-2, 2), _NUMBERS),
    samples=(call(T(4, 5), T(2, 3)), call(T(4, 3), T(7))),
    errors=(call(T(4, 2), T(2, domain=integers(4, 5))),),
)
def embedding_of(
    weight: Any,
    indices: Any,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """Rows of a table, as ``torch.nn.functional.embedding`` with the table first.

    >>> import minigrad as torch
    >>> torch.embedding(torch.tensor([[0., 1.], [2., 3.]]), torch.tensor([1]))
    tensor([[2., 3.]])
    """
    need_dense("embedding", weight, sparse)
    check_table("embedding", indices, weight)
    return tensors.table_rows(weight, indices, padding_idx, bool(scale_grad_by_freq))


@function(
    where=_F,
    torch="nn.functional.one_hot",
    domain=(_NUMBERS,),
    samples=(call(T(2, 3), 5), call(T(4), num_classes=4), call(T(), 4), call(T(0), 4)),
    errors=(call(T(2, domain=reals(0, 1)), 3), call(T(2, domain=integers(3, 4)), 3), call(T(0))),
    gradcheck=False,
)
def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """Rows of zeros with a one at the place that a number says.

    Formula:   y[i, k] = 1 if tensor[i] is k else 0

    Shape: (*) -> (*, num_classes); by default one more than the greatest number.
    Raises: RuntimeError for numbers that are not int64, are negative, or do not fit.

    >>> import minigrad as torch
    >>> torch.nn.functional.one_hot(torch.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    index = tensor._array
    if index.dtype.str[1:] != "i8":
        raise DtypeError(
            f"one_hot is only applicable to index tensor of type LongTensor, got {tensor.dtype}"
        )
    if index.size == 0 and num_classes <= 0:
        raise ShapeError("Can not infer total number of classes from empty tensor.")
    if num_classes < 1 and num_classes != -1:
        raise ShapeError(f"num_classes should be positive, got {num_classes}")
    xp = xp_of(index)
    if num_classes == -1:
        num_classes = int(index.max()) + 1
    if type(index) is not np.ndarray:
        outside(index, num_classes)  # told when the program next waits for the card
        classes = xp.arange(num_classes)
        return tensors.from_array((index[..., None] == classes).astype(xp.int64))
    if index.size and int(index.min()) < 0:
        raise ShapeError("Class values must be non-negative.")
    if outside(index, num_classes) is not None:
        raise ShapeError(f"Class values must be smaller than num_classes, {num_classes}.")
    out = xp.zeros(index.size * num_classes, xp.int64)
    out[xp.arange(index.size) * num_classes + index.reshape(-1)] = 1
    return tensors.from_array(out.reshape(*index.shape, num_classes))
