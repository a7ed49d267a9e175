"""What distributions and their transforms share: broadcasting, probabilities, lazy values.

Source: https://docs.pytorch.org/docs/stable/distributions.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from numbers import Number
from typing import Any

import minigrad as torch
from minigrad import Tensor

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "euler_constant",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

euler_constant = 0.5772156649015329


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors and numbers as tensors of one shape; numbers get the type of the first tensor.

    Raises: ValueError for what is neither.

    >>> import minigrad as torch
    >>> from minigrad.distributions.utils import broadcast_all
    >>> broadcast_all(torch.tensor([1., 2.]), 3)
    (tensor([1., 2.]), tensor([3., 3.]))
    """
    if not all(isinstance(v, (Tensor, Number)) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects "
            "implementing __torch_function__."
        )
    first = next((v for v in values if isinstance(v, Tensor)), None)
    options: dict[str, Any] = (
        {"dtype": torch.get_default_dtype()}
        if first is None
        else {"dtype": first.dtype, "device": first.device}
    )
    tensors = [v if isinstance(v, Tensor) else torch.tensor(v, **options) for v in values]
    return tuple(torch.broadcast_tensors(*tensors))


def _standard_normal(shape: Sequence[int], dtype: Any, device: Any) -> Tensor:
    """Standard normal numbers."""
    return torch.empty(shape, dtype=dtype, device=device).normal_()


def _sum_rightmost(value: Any, dim: int) -> Any:
    """The sum over the last ``dim`` dimensions."""
    if dim == 0:
        return value
    return value.reshape((*value.shape[: value.dim() - dim], -1)).sum(-1)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """softmax(logits) over the last dimension; sigmoid(logits) for chances of two outcomes.

    >>> import minigrad as torch
    >>> from minigrad.distributions.utils import logits_to_probs
    >>> logits_to_probs(torch.zeros(2))
    tensor([0.5000, 0.5000])
    """
    return torch.sigmoid(logits) if is_binary else torch.softmax(logits, -1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities that keep a rounding error away from 0 and 1.

    >>> import minigrad as torch
    >>> from minigrad.distributions.utils import clamp_probs
    >>> clamp_probs(torch.tensor([0.])) > 0
    tensor([True])
    """
    eps = torch.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """log p; log(p / (1 - p)) for chances of two outcomes. p is clamped first.

    >>> import minigrad as torch
    >>> from minigrad.distributions.utils import probs_to_logits
    >>> probs_to_logits(torch.tensor([0.5]), is_binary=True)
    tensor([0.])
    """
    inside = clamp_probs(probs)
    logits = torch.log(inside)
    return logits - torch.log1p(-inside) if is_binary else logits


class lazy_property:
    """A method whose value is worked out when first asked for, and then stays.

    >>> from minigrad.distributions.utils import lazy_property
    >>> class Square:
    ...     side = 3
    ...     @lazy_property
    ...     def area(self):
    ...         return self.side**2
    >>> Square().area
    9
    """

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        functools.update_wrapper(self, wrapped)  # type: ignore[arg-type]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with torch.enable_grad():  # it may be asked for with gradients later
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


def _below(size: int, diag: int, device: Any) -> Tensor:
    """Where a square matrix is on or below a diagonal."""
    places = torch.arange(size, device=device)
    return places < places.view(-1, 1) + (diag + 1)


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The elements on and below a diagonal of square matrices, row by row.

    Raises: ValueError for a diagonal outside of the matrix.

    >>> import minigrad as torch
    >>> from minigrad.distributions.utils import tril_matrix_to_vec
    >>> tril_matrix_to_vec(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 3, 4])
    """
    n = mat.shape[-1]
    if diag < -n or diag >= n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[..., _below(n, diag, mat.device)]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """Square matrices from their elements on and below a diagonal, row by row; zero elsewhere.

    Raises: ValueError for a number of elements that no square matrix has there.

    >>> import minigrad as torch
    >>> from minigrad.distributions.utils import vec_to_tril_matrix
    >>> vec_to_tril_matrix(torch.tensor([1., 3., 4.]))
    tensor([[1., 0.],
            [3., 4.]])
    """
    count = vec.shape[-1]
    twice = 1 + 2 * diag
    size = ((twice**2 + 8 * count + 4 * abs(diag) * (diag + 1)) ** 0.5 - twice) / 2
    if round(size) - size > torch.finfo(vec.dtype).eps:
        raise ValueError(
            f"The size of last dimension is {count} which cannot be expressed as "
            "the lower triangular part of a square D x D matrix."
        )
    n = round(size)
    matrix = vec.new_zeros((*vec.shape[:-1], n, n))
    matrix[..., _below(n, diag, vec.device)] = vec
    return matrix
