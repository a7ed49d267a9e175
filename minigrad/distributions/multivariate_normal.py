"""The multivariate normal distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#multivariatenormal
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.covariances import ThreeForms, mahalanobis, matrix_vector, tril_of
from minigrad.distributions.distribution import Distribution, checked, formula, takes
from minigrad.distributions.utils import _standard_normal

__all__ = ["MultivariateNormal"]


class MultivariateNormal(ThreeForms, Distribution):
    """Vectors of normal numbers that vary together.

    Formula: p(x) = exp(-(x - loc)^T C^-1 (x - loc) / 2) / sqrt(det(2 pi C))

    C is given as ``covariance_matrix``, as its inverse ``precision_matrix`` or as its lower
    triangular factor ``scale_tril``; the factor is the quickest.

    Shapes: loc (..., n); the matrix (..., n, n); events (n,)

    Raises: ValueError unless exactly one of the three is given.

    >>> import minigrad as torch
    >>> d = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
    >>> d.log_prob(torch.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints = takes(
        loc=constraints.real_vector,
        covariance_matrix=constraints.positive_definite,
        precision_matrix=constraints.positive_definite,
        scale_tril=constraints.lower_cholesky,
    )
    support = constraints.real_vector
    has_rsample = True
    _unbatched = frozenset({"_unbroadcasted_scale_tril"})

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        forms = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        given = [(name, matrix) for name, matrix in forms.items() if matrix is not None]
        if len(given) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                "specified."
            )
        name, matrix = given[0]
        if matrix.dim() < 2:
            what = f"{name} matrix" if name == "scale_tril" else name
            raise ValueError(
                f"{what} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch_shape: Any = torch.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self.__dict__[name] = matrix.expand((*batch_shape, -1, -1))
        self.loc = loc.expand((*batch_shape, -1))
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = tril_of(name, matrix)

    mean = mode = formula(lambda d: d.loc)
    variance = formula(
        lambda d: d._unbroadcasted_scale_tril.pow(2).sum(-1).expand(d._extended_shape())
    )

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """loc + scale_tril z for standard normal z."""
        shape = self._extended_shape(sample_shape)
        z = _standard_normal(shape, self.loc.dtype, self.loc.device)
        return self.loc + matrix_vector(self._unbroadcasted_scale_tril, z)

    @checked
    def log_prob(self, value: Any) -> Any:
        """The logarithm of the formula above."""
        squares = mahalanobis(self._unbroadcasted_scale_tril, value - self.loc)
        count = self._event_shape[0]
        return -0.5 * (count * math.log(2 * math.pi) + squares) - self._half_log_det()

    def entropy(self) -> Any:
        """log det(2 pi e C) / 2."""
        count = self._event_shape[0]
        entropy = 0.5 * count * (1.0 + math.log(2 * math.pi)) + self._half_log_det()
        return entropy.expand(self._batch_shape)
