"""The Wishart distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#wishart
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from numbers import Number
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.chi2 import Chi2
from minigrad.distributions.covariances import ThreeForms, tril_of
from minigrad.distributions.distribution import checked, formula
from minigrad.distributions.exp_family import ExponentialFamily

__all__ = ["Wishart"]


def _mvdigamma(x: Tensor, p: int) -> Tensor:
    """The derivative of mvlgamma: the sum of digamma(x - j / 2) for j < p."""
    if not x.gt((p - 1) / 2).all():
        raise AssertionError("Wrong domain for multivariate digamma function.")
    halves = torch.arange(p, dtype=x.dtype, device=x.device).div(2)
    return torch.digamma(x.unsqueeze(-1) - halves).sum(-1)


def _mode(d: Wishart) -> Any:
    """(df - p - 1) V, for df above p + 1."""
    factor = d.df - d.event_shape[-1] - 1
    return d._over_matrices(torch.where(factor <= 0, math.nan, factor)) * d.covariance_matrix


def _variance(d: Wishart) -> Any:
    """df (V_ij^2 + V_ii V_jj)."""
    v = d.covariance_matrix
    diagonal = v.diagonal(dim1=-2, dim2=-1)
    products = diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
    return d._over_matrices(d.df) * (v.pow(2) + products)


class Wishart(ThreeForms, ExponentialFamily):
    """Sums of the products x x^T of ``df`` normal vectors x of covariance V: random covariances.

    Formula: log p(X) = (df - p - 1)/2 log det X - tr(V^-1 X)/2 - df p/2 log 2 - df/2 log det V
    - log Gamma_p(df/2)

    V is given as ``covariance_matrix``, ``precision_matrix`` or ``scale_tril``.

    Shapes: df (...); the matrix (..., p, p); events (p, p)

    Raises: AssertionError unless one of the three is given; ValueError for df up to p - 1.

    >>> import minigrad as torch
    >>> torch.distributions.Wishart(torch.tensor(3.), torch.eye(2)).mean
    tensor([[3., 0.],
            [0., 3.]])
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self,
        df: Tensor | float,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        forms = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        given = [(name, matrix) for name, matrix in forms.items() if matrix is not None]
        if len(given) != 1:
            raise AssertionError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                "specified."
            )
        name, matrix = given[0]
        if matrix.dim() < 2:
            raise ValueError(
                "scale_tril must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        event_shape = matrix.shape[-2:]
        dfs: Any = torch.tensor(df).to(matrix) if isinstance(df, Number) else df
        batch_shape: Any = torch.broadcast_shapes(matrix.shape[:-2], dfs.shape)
        self.df = dfs.expand(batch_shape)
        least = event_shape[-1] - 1
        if self.df.le(least).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {least}.")
        self.__dict__[name] = matrix.expand((*batch_shape, -1, -1))
        if self.df.lt(event_shape[-1]).any():
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for "
                "ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        super().__init__(batch_shape, event_shape, validate_args=validate_args)
        self._unbroadcasted_scale_tril = tril_of(name, matrix)
        self._dist_chi2 = Chi2(self.df.unsqueeze(-1) - torch.arange(least + 1).to(matrix))

    _unbatched = frozenset({"_unbroadcasted_scale_tril"})

    @property
    def arg_constraints(self) -> Any:
        """Positive definite matrices; df above p - 1."""
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self.event_shape[-1] - 1),
        }

    def _over_matrices(self, value: Tensor) -> Tensor:
        """A number for each matrix."""
        return value.view((*self._batch_shape, 1, 1))

    mean = formula(lambda d: d._over_matrices(d.df) * d.covariance_matrix)
    mode = formula(_mode)
    variance = formula(_variance)

    def _bartlett(self, sample_shape: Sequence[int]) -> Any:
        """Bartlett's decomposition: chi numbers on the diagonal, normal ones below it."""
        p = self._event_shape[-1]
        chi = self._dist_chi2.rsample(sample_shape).sqrt()
        noise = chi.clamp(min=torch.finfo(chi.dtype).eps).diag_embed(dim1=-2, dim2=-1)
        rows, columns = torch.tril_indices(p, p, offset=-1)
        shape = (*sample_shape, *self._batch_shape, p * (p - 1) // 2)
        noise[..., rows, columns] = torch.randn(shape, dtype=noise.dtype, device=noise.device)
        factor = self._unbroadcasted_scale_tril @ noise
        return factor @ factor.mT

    def _regular(self, sample: Tensor) -> Any:
        """Whether samples are positive definite; with a batch, whether any of it is."""
        regular = self.support.check(sample)
        dims = [-1 - k for k in range(len(self._batch_shape))]
        return regular.amax(dims) if dims else regular

    def rsample(
        self, sample_shape: Sequence[int] = Size(), max_try_correction: int | None = None
    ) -> Any:
        """V's factor times Bartlett's, squared; singular samples are drawn again a few times.

        Like torch's, it begins with drawing the samples that are *not* singular once more, and
        warns that it does: the numbers of the same seed depend on it.
        """
        tries = 10 if max_try_correction is None else max_try_correction
        sample = self._bartlett(Size(sample_shape))
        again = self._regular(sample)
        if again.any():
            warnings.warn("Singular sample detected.", stacklevel=2)
            for _ in range(tries):
                fresh = self._bartlett(again[again].shape)
                sample[again] = fresh
                singular = ~self.support.check(fresh)
                dims = [-1 - k for k in range(len(self._batch_shape))]
                again[again.clone()] = singular.amax(dims) if dims else singular
                if not again.any():
                    break
        return sample

    @checked
    def log_prob(self, value: Any) -> Any:
        """The formula above."""
        df, p = self.df, self._event_shape[-1]
        whitened = torch.cholesky_solve(value, self._unbroadcasted_scale_tril)
        return (
            -df * (p * math.log(2) / 2 + self._half_log_det())
            - torch.mvlgamma(df / 2, p=p)
            + (df - p - 1) / 2 * torch.linalg.slogdet(value).logabsdet
            - whitened.diagonal(dim1=-2, dim2=-1).sum(dim=-1) / 2
        )

    def entropy(self) -> Any:
        """(p+1)/2 log det 2V + log Gamma_p(df/2) - (df-p-1)/2 digamma_p(df/2) + df p/2."""
        df, p = self.df, self._event_shape[-1]
        return (
            (p + 1) * (p * math.log(2) / 2 + self._half_log_det())
            + torch.mvlgamma(df / 2, p=p)
            - (df - p - 1) / 2 * _mvdigamma(df / 2, p=p)
            + df * p / 2
        )

    @property
    def _natural_params(self) -> Any:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Any, y: Any) -> Any:
        p = self._event_shape[-1]
        half = y + (p + 1) / 2
        log_det = torch.linalg.slogdet(-2 * x).logabsdet
        return half * (p * math.log(2) - log_det) + torch.mvlgamma(half, p=p)
