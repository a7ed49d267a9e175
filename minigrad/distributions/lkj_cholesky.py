"""The LKJ distribution of correlations.

Source: https://docs.pytorch.org/docs/stable/distributions.html#lkjcholesky
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.beta import Beta
from minigrad.distributions.distribution import Distribution, checked, takes
from minigrad.distributions.utils import broadcast_all

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Lower Cholesky factors L of random correlation matrices of ``dim`` rows.

    Formula: the density of L L^T is proportional to det(L L^T)^(concentration - 1)

    Source: D. Lewandowski, D. Kurowicka and H. Joe, "Generating random correlation matrices based
    on vines and extended onion method", Journal of Multivariate Analysis 100 (2009).

    Raises: ValueError for less than two rows.

    >>> import minigrad as torch
    >>> d = torch.distributions.LKJCholesky(3, 0.5)
    >>> d.event_shape, torch.allclose(d.sample().norm(dim=-1), torch.ones(3))
    (torch.Size([3, 3]), True)
    """

    arg_constraints = takes(concentration=constraints.positive)
    support = constraints.corr_cholesky

    def __init__(
        self,
        dim: int,
        concentration: Tensor | float = 1.0,
        validate_args: bool | None = None,
    ) -> None:
        if dim < 2:
            raise ValueError(
                f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}."
            )
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        marginal = self.concentration + 0.5 * (dim - 2)
        offset = torch.arange(dim - 1).to(self.concentration)
        offset = torch.cat([offset.new_zeros((1,)), offset])
        self._beta = Beta(offset + 0.5, marginal.unsqueeze(-1) - 0.5 * offset)
        super().__init__(self.concentration.size(), Size((dim, dim)), validate_args)

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """The onion method: each row is a direction, with a length of a beta distribution."""
        with torch.no_grad():
            y = self._beta.sample(sample_shape).unsqueeze(-1)
            shape = self._extended_shape(sample_shape)
            normals = torch.randn(shape, dtype=y.dtype, device=y.device).tril(-1)
            directions = normals / normals.norm(dim=-1, keepdim=True)
            directions[..., 0, :].fill_(0.0)
            w = torch.sqrt(y) * directions
            rest = 1 - torch.sum(w**2, dim=-1)
            return w + torch.diag_embed(rest.clamp(min=torch.finfo(w.dtype).tiny).sqrt())

    @checked
    def log_prob(self, value: Any) -> Any:
        """sum((2 (concentration - 1) + dim - i) log L_ii) less the log of the normaliser."""
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        rows = torch.arange(2, self.dim + 1, device=self.concentration.device)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - rows
        below = self.dim - 1
        alpha = self.concentration + 0.5 * below
        normalizer = torch.mvlgamma(alpha - 0.5, below) - torch.lgamma(alpha) * below
        normalizer = 0.5 * below * math.log(math.pi) + normalizer
        return torch.sum(order * diagonal.log(), dim=-1) - normalizer
