"""Mixtures of distributions of one family.

Source: https://docs.pytorch.org/docs/stable/distributions.html#mixturesamefamily
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.categorical import Categorical
from minigrad.distributions.distribution import Distribution, checked, formula, takes

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A value of one of K distributions, chosen by a Categorical.

    Formula: p(x) = sum(probs_k p_k(x)); the K distributions are the last batch dimension

    Raises: ValueError if the two do not fit each other.

    >>> import minigrad as torch
    >>> from minigrad.distributions import Categorical, MixtureSameFamily, Normal
    >>> pick = Categorical(torch.tensor([1., 3.]))
    >>> MixtureSameFamily(pick, Normal(torch.tensor([0., 4.]), 1.)).mean
    tensor(3.)
    """

    arg_constraints = takes()
    has_rsample = False

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        mixture, component = mixture_distribution, component_distribution
        if not isinstance(mixture, Categorical):
            raise ValueError(
                " The Mixture distribution needs to be an  instance of "
                "torch.distributions.Categorical"
            )
        if not isinstance(component, Distribution):
            raise ValueError(
                "The Component distribution needs to be an instance of "
                "torch.distributions.Distribution"
            )
        outer, batch_shape = mixture.batch_shape, component.batch_shape[:-1]
        for i, j in zip(reversed(outer), reversed(batch_shape), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({outer}) is not compatible with "
                    f"`component_distribution.batch_shape`({batch_shape})"
                )
        count, other = mixture.logits.shape[-1], component.batch_shape[-1]
        if count != other:
            raise ValueError(
                f"`mixture_distribution component` ({count}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({other})"
            )
        self._mixture_distribution = mixture
        self._component_distribution = component
        self._num_component = count
        self._event_ndims = len(component.event_shape)
        super().__init__(batch_shape, component.event_shape, validate_args=validate_args)

    @constraints.dependent_property
    def support(self) -> Any:
        """That of the components."""
        return constraints.MixtureSameFamilyConstraint(self.component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """What chooses."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """What is chosen from."""
        return self._component_distribution

    def _mixed(self, values: Any) -> Any:
        """The mean of something over the components."""
        probs = self.mixture_distribution.probs
        inner = len(self.mixture_distribution.batch_shape)
        missing = 0 if inner == 1 else len(self.batch_shape) - inner
        probs = probs.reshape(
            (*probs.shape[:-1], *missing * (1,), probs.shape[-1], *self._event_ndims * (1,))
        )
        return torch.sum(probs * values, dim=-1 - self._event_ndims)

    mean = formula(lambda d: d._mixed(d.component_distribution.mean))
    variance = formula(
        lambda d: (
            d._mixed(d.component_distribution.variance)
            + d._mixed((d.component_distribution.mean - d._pad(d.mean)).pow(2.0))
        )
    )

    def cdf(self, x: Any) -> Any:
        """The mean of the components' cdfs."""
        cdf = self.component_distribution.cdf(self._pad(x))
        return torch.sum(cdf * self.mixture_distribution.probs, dim=-1)

    @checked
    def log_prob(self, x: Any) -> Any:
        """logsumexp(log p_k(x) + log probs_k)."""
        inside = self.component_distribution.log_prob(self._pad(x))
        chance = torch.log_softmax(self.mixture_distribution.logits, dim=-1)
        return torch.logsumexp(inside + chance, dim=-1)

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """Draw a choice and a value of each component."""
        with torch.no_grad():
            dim = len(sample_shape) + len(self.batch_shape)
            choice = self.mixture_distribution.sample(sample_shape)
            values = self.component_distribution.sample(sample_shape)
            places = choice.reshape(choice.shape + Size([1] * (self._event_ndims + 1)))
            places = places.expand((*choice.shape, 1, *self.event_shape))
            return torch.gather(values, dim, places).squeeze(dim)

    def _pad(self, x: Tensor) -> Tensor:
        """A dimension for the components."""
        return x.unsqueeze(-1 - self._event_ndims)

    def __repr__(self) -> str:
        inside = f"\n  {self.mixture_distribution},\n  {self.component_distribution}"
        return f"MixtureSameFamily({inside})"
