"""The multivariate normal distribution with a covariance of few factors.

Source: https://docs.pytorch.org/docs/stable/distributions.html#lowrankmultivariatenormal
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.covariances import mahalanobis, matrix_vector
from minigrad.distributions.distribution import Distribution, checked, formula, takes
from minigrad.distributions.utils import _standard_normal, lazy_property

__all__ = ["LowRankMultivariateNormal"]


class LowRankMultivariateNormal(Distribution):
    """Normal vectors of the covariance C = W W^T + diag(d), W of few columns.

    Formulas: C^-1 = d^-1 - d^-1 W K^-1 W^T d^-1, det C = det(K) prod(d), K = 1 + W^T d^-1 W:
    what is worked out is of the size of K.

    Shapes: loc and cov_diag d (..., n); cov_factor W (..., n, m); events (n,)

    Raises: ValueError for shapes that do not fit each other.

    >>> import minigrad as torch
    >>> from minigrad.distributions import LowRankMultivariateNormal
    >>> d = LowRankMultivariateNormal(torch.zeros(2), torch.tensor([[1.], [0.]]), torch.ones(2))
    >>> d.covariance_matrix
    tensor([[2., 0.],
            [0., 1.]])
    """

    arg_constraints = takes(
        loc=constraints.real_vector,
        cov_factor=constraints.independent(constraints.real, 2),
        cov_diag=constraints.independent(constraints.positive, 1),
    )
    support = constraints.real_vector
    has_rsample = True
    _unbatched = frozenset(
        {"_unbroadcasted_cov_factor", "_unbroadcasted_cov_diag", "_capacitance_tril"}
    )

    def __init__(
        self,
        loc: Tensor,
        cov_factor: Tensor,
        cov_diag: Tensor,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event_shape = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError(
                "cov_factor must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        if cov_factor.shape[-2:-1] != event_shape:
            raise ValueError(
                f"cov_factor must be a batch of matrices with shape {event_shape[0]} x m"
            )
        if cov_diag.shape[-1:] != event_shape:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event_shape}")
        try:
            locs, self.cov_factor, diags = torch.broadcast_tensors(
                loc.unsqueeze(-1), cov_factor, cov_diag.unsqueeze(-1)
            )
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, "
                f"cov_diag {cov_diag.shape}"
            ) from error
        self.loc, self.cov_diag = locs[..., 0], diags[..., 0]
        self._unbroadcasted_cov_factor = cov_factor
        self._unbroadcasted_cov_diag = cov_diag
        self._capacitance_tril = torch.linalg.cholesky(
            torch.matmul(self._scaled_factor(), cov_factor)
            + torch.eye(cov_factor.shape[-1]).to(loc)
        )
        super().__init__(self.loc.shape[:-1], event_shape, validate_args=validate_args)

    def _scaled_factor(self) -> Tensor:
        """W^T / d."""
        return self._unbroadcasted_cov_factor.mT / self._unbroadcasted_cov_diag.unsqueeze(-2)

    def _log_det(self) -> Tensor:
        """log det C."""
        diagonal = self._capacitance_tril.diagonal(dim1=-2, dim2=-1)
        return 2 * diagonal.log().sum(-1) + self._unbroadcasted_cov_diag.log().sum(-1)

    def _mahalanobis(self, x: Tensor) -> Tensor:
        """x^T C^-1 x."""
        inside = mahalanobis(self._capacitance_tril, matrix_vector(self._scaled_factor(), x))
        return (x.pow(2) / self._unbroadcasted_cov_diag).sum(-1) - inside

    def _solved_factor(self) -> Tensor:
        """A of C^-1 = diag(1 / d) - A^T A."""
        return torch.linalg.solve_triangular(
            self._capacitance_tril, self._scaled_factor(), upper=False
        )

    def _whole(self, matrix: Tensor) -> Tensor:
        return matrix.expand((*self._batch_shape, -1, -1))

    mean = mode = formula(lambda d: d.loc)

    @lazy_property
    def variance(self) -> Any:
        """The diagonal of C."""
        squares = self._unbroadcasted_cov_factor.pow(2).sum(-1)
        return (squares + self._unbroadcasted_cov_diag).expand(self._extended_shape())

    @lazy_property
    def scale_tril(self) -> Any:
        """The lower triangular factor of C."""
        root = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        factor = self._unbroadcasted_cov_factor / root
        inside = torch.matmul(factor, factor.mT) + torch.eye(root.shape[-2]).to(root)
        return self._whole(root * torch.linalg.cholesky(inside))

    @lazy_property
    def covariance_matrix(self) -> Any:
        """C."""
        factor = self._unbroadcasted_cov_factor
        diagonal = torch.diag_embed(self._unbroadcasted_cov_diag)
        return self._whole(torch.matmul(factor, factor.mT) + diagonal)

    @lazy_property
    def precision_matrix(self) -> Any:
        """C^-1."""
        solved = self._solved_factor()
        diagonal = torch.diag_embed(self._unbroadcasted_cov_diag.reciprocal())
        return self._whole(diagonal - torch.matmul(solved.mT, solved))

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """loc + W y + sqrt(d) z for standard normal y and z."""
        shape = self._extended_shape(sample_shape)
        few = shape[:-1] + self.cov_factor.shape[-1:]
        y = _standard_normal(few, self.loc.dtype, self.loc.device)
        z = _standard_normal(shape, self.loc.dtype, self.loc.device)
        common = matrix_vector(self._unbroadcasted_cov_factor, y)
        return self.loc + common + self._unbroadcasted_cov_diag.sqrt() * z

    @checked
    def log_prob(self, value: Any) -> Any:
        """-(n log(2 pi) + log det C + (x - loc)^T C^-1 (x - loc)) / 2."""
        squares = self._mahalanobis(value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + self._log_det() + squares)

    def entropy(self) -> Any:
        """log det(2 pi e C) / 2."""
        count = self._event_shape[0]
        entropy = 0.5 * (count * (1.0 + math.log(2 * math.pi)) + self._log_det())
        return entropy.expand(self._batch_shape)
