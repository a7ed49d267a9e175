"""The von Mises distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#vonmises
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, checked, formula, takes
from minigrad.distributions.utils import lazy_property

__all__ = ["VonMises"]

# Polynomials for the Bessel functions I0 and I1: in (x / 3.75)^2 for small x, in 3.75 / x for
# great ones. M. Abramowitz and I. Stegun, Handbook of Mathematical Functions, 9.8.1 to 9.8.4.
_SMALL = (
    (1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813),
    (0.5, 0.87890594, 0.51498869, 0.15084934, 0.02658733, 0.00301532, 0.00032411),
)
_GREAT = (
    (
        *(0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281),
        *(-0.02057706, 0.02635537, -0.01647633, 0.00392377),
    ),
    (
        *(0.39894228, -0.03988024, -0.00362018, 0.00163801, -0.01031555),
        *(0.02282967, -0.02895312, 0.01787654, -0.00420059),
    ),
)


def _polynomial(x: Tensor, coefficients: Sequence[float]) -> Any:
    """The constant term first."""
    value: Any = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        value = coefficient + x * value
    return value


def _log_bessel(x: Tensor, order: int) -> Tensor:
    """log I0(x) or log I1(x)."""
    small = _polynomial((x / 3.75) ** 2, _SMALL[order])
    small = (x.abs() * small if order else small).log()
    great = x - 0.5 * x.log() + _polynomial(3.75 / x, _GREAT[order]).log()
    return torch.where(x < 3.75, small, great)


def _proposal(d: VonMises) -> Tensor:
    """The parameter of the wrapped Cauchy distribution that values are chosen from."""
    kappa = d.concentration.to(torch.double)
    tau = 1 + (1 + 4 * kappa**2).sqrt()
    rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
    return torch.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))


class VonMises(Distribution):
    """Angles around ``loc``: the normal distribution of the circle.

    Formula: p(x) = exp(concentration cos(x - loc)) / (2 pi I0(concentration))

    Source of the samples: D. Best and N. Fisher, "Efficient simulation of the von Mises
    distribution", Applied Statistics 28 (1979); in float64.

    >>> import minigrad as torch
    >>> torch.distributions.VonMises(0., 4.).variance
    tensor(0.1365)
    """

    arg_constraints = takes(loc=constraints.real, concentration=constraints.positive)
    support = constraints.real
    has_rsample = False
    loc: Tensor
    concentration: Tensor

    def __init__(
        self,
        loc: Tensor | float,
        concentration: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        self._keep(validate_args, loc=loc, concentration=concentration)

    mean = mode = formula(lambda d: d.loc)

    @lazy_property
    def variance(self) -> Any:
        """The circular variance 1 - I1(concentration) / I0(concentration)."""
        k = self.concentration
        return 1 - (_log_bessel(k, 1) - _log_bessel(k, 0)).exp()

    @checked
    def log_prob(self, value: Any) -> Any:
        """concentration cos(x - loc) - log(2 pi I0(concentration))."""
        aligned = self.concentration * torch.cos(value - self.loc)
        return aligned - math.log(2 * math.pi) - _log_bessel(self.concentration, 0)

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """Draw angles of [-pi, pi)."""
        with torch.no_grad():
            kappa, r = self.concentration.to(torch.double), _proposal(self)
            x = torch.zeros(self._extended_shape(sample_shape), dtype=torch.double)
            done = torch.zeros(x.shape, dtype=torch.bool)
            while not done.all():
                u1, u2, u3 = torch.rand((3, *x.shape), dtype=torch.double).unbind()
                z = torch.cos(math.pi * u1)
                f = (1 + r * z) / (r + z)
                c = kappa * (r - f)
                accept = (c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)
                x = torch.where(accept, (u3 - 0.5).sign() * f.acos(), x)
                done = done | accept
            turned = (x + math.pi + self.loc.to(torch.double)) % (2 * math.pi) - math.pi
            return turned.to(self.loc)
