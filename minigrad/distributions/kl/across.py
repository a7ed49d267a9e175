"""Divergences of distributions of two families.

Source: https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.kl
"""

from __future__ import annotations

import math
from typing import Any

import minigrad as torch
from minigrad.distributions.bernoulli import Bernoulli
from minigrad.distributions.beta import Beta
from minigrad.distributions.binomial import Binomial
from minigrad.distributions.continuous_bernoulli import ContinuousBernoulli
from minigrad.distributions.exponential import Exponential
from minigrad.distributions.gamma import Gamma
from minigrad.distributions.gumbel import Gumbel
from minigrad.distributions.kl.registry import register_kl
from minigrad.distributions.laplace import Laplace
from minigrad.distributions.normal import Normal
from minigrad.distributions.pareto import Pareto
from minigrad.distributions.poisson import Poisson
from minigrad.distributions.uniform import Uniform
from minigrad.distributions.utils import euler_constant

__all__: list[str] = []

_UNIT = (Beta, ContinuousBernoulli)
_HALF_LINE = (Exponential, Gamma)

# q gives none of what p gives: the divergence is infinite.
_INFINITE: dict[type, tuple[type, ...]] = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (*_UNIT, Pareto, Uniform),
    Gamma: (*_UNIT, Pareto, Uniform),
    Gumbel: (*_UNIT, *_HALF_LINE, Pareto, Uniform),
    Laplace: (*_UNIT, *_HALF_LINE, Pareto, Uniform),
    Normal: (*_UNIT, *_HALF_LINE, Pareto, Uniform),
    Pareto: (*_UNIT, Uniform),
    Poisson: (Bernoulli, Binomial),
}


def _infinite(p: Any, q: Any) -> Any:
    return p._filled(math.inf, p.mean)


for _p, _qs in _INFINITE.items():
    for _q in _qs:
        register_kl(_p, _q)(_infinite)


def _unless(impossible: Any, kl: Any) -> Any:
    """Infinite where p gives what q never gives."""
    return torch.where(impossible, math.inf, kl)


# What follows is the mean of -log q(x) over x of p, less p's entropy; the means that it takes are
# p's own moments.


def _to_normal(q: Any, mean: Any, variance: Any, entropy: Any) -> Any:
    """log(scale sqrt(2 pi)) + ((mean - loc)^2 + variance) / (2 scale^2), less the entropy."""
    spread = ((mean - q.loc).pow(2) + variance) / (2 * q.scale.pow(2))
    return q.scale.log() + 0.5 * math.log(2 * math.pi) + spread - entropy


def _to_gamma(q: Any, mean: Any, mean_log: Any, entropy: Any) -> Any:
    """log Gamma(a) - a log(rate) - (a - 1) mean(log x) + rate mean(x), less the entropy."""
    a = q.concentration
    return a.lgamma() - a * q.rate.log() - (a - 1) * mean_log + q.rate * mean - entropy


def _to_exponential(q: Any, mean: Any, entropy: Any) -> Any:
    """rate mean(x) - log(rate), less the entropy."""
    return q.rate * mean - q.rate.log() - entropy


def _to_gumbel(q: Any, mean: Any, mean_exp: Any, entropy: Any) -> Any:
    """log(scale) + (mean(x) - loc) / scale + mean(exp((loc - x) / scale)), less the entropy."""
    return q.scale.log() + (mean - q.loc) / q.scale + mean_exp - entropy


def _gamma_mean_log(p: Any) -> Any:
    return p.concentration.digamma() - p.rate.log()


def _uniform_mean_log(p: Any) -> Any:
    """(high log(high) - low log(low)) / (high - low) - 1."""
    tops = torch.special.xlogy(p.high, p.high) - torch.special.xlogy(p.low, p.low)
    return tops / (p.high - p.low) - 1


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Any, q: Any) -> Any:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Beta, ContinuousBernoulli)
@register_kl(Uniform, ContinuousBernoulli)
def _any_continuous_bernoulli(p: Any, q: Any) -> Any:
    kl = -p.entropy() - p.mean * q.logits - torch.log1p(-q.probs) - q._cont_bern_log_norm()
    return _unless((p.high >= 1) | (p.low <= 0), kl) if isinstance(p, Uniform) else kl


@register_kl(Beta, Exponential)
@register_kl(ContinuousBernoulli, Exponential)
@register_kl(Gamma, Exponential)
def _any_exponential(p: Any, q: Any) -> Any:
    return _to_exponential(q, p.mean, p.entropy())


@register_kl(Beta, Gamma)
def _beta_gamma(p: Any, q: Any) -> Any:
    total = p.concentration1 + p.concentration0
    mean_log = p.concentration1.digamma() - total.digamma()
    return _to_gamma(q, p.mean, mean_log, p.entropy())


@register_kl(Beta, Normal)
@register_kl(ContinuousBernoulli, Normal)
@register_kl(Exponential, Normal)
@register_kl(Gamma, Normal)
@register_kl(Gumbel, Normal)
@register_kl(Laplace, Normal)
@register_kl(Uniform, Normal)
def _any_normal(p: Any, q: Any) -> Any:
    return _to_normal(q, p.mean, p.variance, p.entropy())


@register_kl(Beta, Uniform)
def _beta_uniform(p: Any, q: Any) -> Any:
    kl = -p.entropy() + (q.high - q.low).log()
    return _unless((q.low > 0) | (q.high < 1), kl)


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p: Any, q: Any) -> Any:
    # torch calls it infinite for a q that just reaches 0 or 1, or lies within; so does minigrad.
    kl = -p.entropy() + (q.high - q.low).log()
    return _unless((q.low >= 0) | (q.high <= 1), kl)


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Any, q: Any) -> Any:
    return _to_gamma(q, p.mean, -euler_constant - p.rate.log(), p.entropy())


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Any, q: Any) -> Any:
    product = p.rate * q.scale
    mean_exp = torch.exp(q.loc / q.scale) * product / (product + 1)
    return _to_gumbel(q, p.mean, mean_exp, p.entropy())


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Any, q: Any) -> Any:
    shrunk = (1 + (p.rate * q.scale).reciprocal()).pow(-p.concentration)
    return _to_gumbel(q, p.mean, torch.exp(q.loc / q.scale) * shrunk, p.entropy())


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Any, q: Any) -> Any:
    mean_exp = torch.exp((q.loc - p.loc) / q.scale + 0.5 * (p.scale / q.scale).pow(2))
    return _to_gumbel(q, p.mean, mean_exp, p.entropy())


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Any, q: Any) -> Any:
    low, high = (p.low - q.loc) / q.scale, (p.high - q.loc) / q.scale
    mean_exp = (torch.exp(-low) - torch.exp(-high)) / (high - low)
    return _to_gumbel(q, p.mean, mean_exp, p.entropy())


@register_kl(Normal, Laplace)
def _normal_laplace(p: Any, q: Any) -> Any:
    apart = p.loc - q.loc
    z = apart / p.scale
    folded = math.sqrt(2 / math.pi) * p.scale * torch.exp(-0.5 * z.pow(2))
    folded = folded + apart * torch.erf(math.sqrt(0.5) * z)  # the mean of |x - loc|
    return torch.log(2 * q.scale) + folded / q.scale - p.entropy()


@register_kl(Pareto, Exponential)
def _pareto_exponential(p: Any, q: Any) -> Any:
    kl = _to_exponential(q, p.alpha * p.scale / (p.alpha - 1), p.entropy())
    return _unless(p.alpha <= 1, kl)


@register_kl(Pareto, Gamma)
def _pareto_gamma(p: Any, q: Any) -> Any:
    mean, mean_log = p.alpha * p.scale / (p.alpha - 1), p.scale.log() + p.alpha.reciprocal()
    return _unless(p.alpha <= 1, _to_gamma(q, mean, mean_log, p.entropy()))


@register_kl(Pareto, Normal)
def _pareto_normal(p: Any, q: Any) -> Any:
    share = p.scale / (p.alpha - 1)
    variance = p.alpha * share.pow(2) / (p.alpha - 2)
    return _unless(p.alpha <= 2, _to_normal(q, p.alpha * share, variance, p.entropy()))


@register_kl(Uniform, Beta)
def _uniform_beta(p: Any, q: Any) -> Any:
    a, b = q.concentration1, q.concentration0
    rest = Uniform(1 - p.high, 1 - p.low, validate_args=False)  # 1 - x for x of p
    powers = (a - 1) * _uniform_mean_log(p) + (b - 1) * _uniform_mean_log(rest)
    kl = a.lgamma() + b.lgamma() - (a + b).lgamma() - powers - p.entropy()
    return _unless((p.high > 1) | (p.low < 0), kl)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Any, q: Any) -> Any:
    return _unless(p.low < 0, _to_exponential(q, p.mean, p.entropy()))


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Any, q: Any) -> Any:
    return _unless(p.low < 0, _to_gamma(q, p.mean, _uniform_mean_log(p), p.entropy()))


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Any, q: Any) -> Any:
    norm = (q.alpha * q.scale.pow(q.alpha)).log()
    kl = (q.alpha + 1) * _uniform_mean_log(p) - norm - p.entropy()
    return _unless(p.low < q.scale, kl)
