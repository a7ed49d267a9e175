"""Matrices that say how numbers vary together, in three forms.

Source: https://docs.pytorch.org/docs/stable/distributions.html#multivariatenormal
"""

from __future__ import annotations

from typing import Any

import minigrad as torch
from minigrad import Tensor
from minigrad.distributions.utils import lazy_property

__all__ = ["ThreeForms", "mahalanobis", "matrix_vector", "tril_of"]


def matrix_vector(matrix: Tensor, vector: Tensor) -> Tensor:
    """The products of matrices and vectors of batches.

    >>> import minigrad as torch
    >>> matrix_vector(torch.eye(2), torch.tensor([1., 2.]))
    tensor([1., 2.])
    """
    return torch.matmul(matrix, vector.unsqueeze(-1)).squeeze(-1)


def mahalanobis(tril: Tensor, x: Tensor) -> Tensor:
    """|L^-1 x|^2 for lower triangular L: x^T (L L^T)^-1 x.

    What x has more dimensions than L is solved at once, as columns.

    >>> import minigrad as torch
    >>> mahalanobis(2 * torch.eye(2), torch.tensor([2., 4.]))
    tensor(5.)
    """
    outer = max(x.dim() - 1 - (tril.dim() - 2), 0)
    columns = x.reshape(-1, *x.shape[outer:]).movedim(0, -1)  # (*inner, n, outer)
    solved = torch.linalg.solve_triangular(tril, columns, upper=False)
    squares = solved.pow(2).sum(-2).movedim(-1, 0)
    return squares.reshape(x.shape[:outer] + squares.shape[1:])


def _tril_of_inverse(precision: Tensor) -> Tensor:
    """The Cholesky factor of the inverse: turned around, that of the matrix is upper triangular."""
    turned = torch.linalg.cholesky(torch.flip(precision, (-2, -1)))
    factor = torch.flip(turned, (-2, -1)).mT
    identity = torch.eye(precision.shape[-1], dtype=precision.dtype, device=precision.device)
    return torch.linalg.solve_triangular(factor, identity, upper=False)


def tril_of(name: str, value: Tensor) -> Tensor:
    """The lower triangular factor of a matrix that was given in one of three forms.

    >>> import minigrad as torch
    >>> tril_of("precision_matrix", 0.25 * torch.eye(1))
    tensor([[2.]])
    """
    if name == "scale_tril":
        return value
    if name == "covariance_matrix":
        return torch.linalg.cholesky(value)
    return _tril_of_inverse(value)


class ThreeForms:
    """A distribution of a ``covariance_matrix``, its inverse or its factor; the others follow.

    >>> import minigrad as torch
    >>> d = torch.distributions.MultivariateNormal(torch.zeros(1), 4 * torch.eye(1))
    >>> d.scale_tril, d.precision_matrix
    (tensor([[2.]]), tensor([[0.2500]]))
    """

    _unbroadcasted_scale_tril: Tensor
    _batch_shape: Any

    def _whole(self, matrix: Tensor) -> Tensor:
        """A matrix for each of the batch."""
        return matrix.expand((*self._batch_shape, -1, -1))

    def _half_log_det(self) -> Tensor:
        """Half the logarithm of the determinant of the covariance."""
        return self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    @lazy_property
    def scale_tril(self) -> Any:
        """The lower triangular factor of the covariance."""
        return self._whole(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Any:
        """The covariances."""
        factor = self._unbroadcasted_scale_tril
        return self._whole(torch.matmul(factor, factor.mT))

    @lazy_property
    def precision_matrix(self) -> Any:
        """The inverse of the covariance."""
        return self._whole(torch.cholesky_inverse(self._unbroadcasted_scale_tril))
