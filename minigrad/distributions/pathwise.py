"""Gamma and Dirichlet samples that can be differentiated by their concentrations.

A sample x of a concentration a keeps its quantile when a moves: dx/da = -(dF/da) / (dF/dx), with F
the cumulative distribution. torch approximates this by Taylor series where x is small, by saddle
points where a is great, and by fitted rational functions between; so does this file, in float64.

Source: M. Jankowiak and F. Obermeyer, "Pathwise Derivatives Beyond the Reparameterization Trick",
ICML 2018, https://arxiv.org/abs/1806.01851
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import minigrad as torch
from minigrad import Tensor, random
from minigrad.autograd.function import Function, once_differentiable
from minigrad.backend import scientific

__all__ = ["sample_dirichlet", "standard_gamma"]

Doubles = NDArray[np.float64]

# Fitted polynomials: numerator and denominator; powers of log(x / a); powers of log(a).
_GAMMA_FIT = np.array(
    [
        [0.16009398, -0.094634809, 0.025146376, -0.0030648343],
        [0.53487893, 0.1298071, 0.065735949, -0.0015649758],
        [0.040121004, -0.0065914022, -0.0026286047, -0.0013441777],
        [1, 0.32668115, 0.10406089, 0.0014179084],
        [0.16639465, 0.020070113, -0.0035938915, -0.00058392623],
        [0.017050642, -0.0021309326, 0.00085092367, -1.5247877e-07],
    ]
).reshape(2, 3, 4)
# Numerator and denominator; powers of log x; of log(a / x); of log(total) - log(a / x).
_BETA_FIT = np.array(
    [
        [1.003668233, -0.01061107488, -0.0657888334, 0.01201642863],
        [0.6336835991, -0.3557432599, 0.05486251648, -0.001465281033],
        [-0.03276231906, 0.004474107445, 0.002429354597, -0.0001557569013],
        [0.221950385, -0.3187676331, 0.01799915743, 0.01074823814],
        [-0.2951249643, 0.06219954479, 0.01535556598, 0.001550077057],
        [0.02155310298, 0.004170831599, 0.001292462449, 6.976601077e-05],
        [-0.05980841433, 0.008441916499, 0.01085618172, 0.002319392565],
        [0.02911413504, 0.01400243777, -0.002721828457, 0.000751041181],
        [0.005900514878, -0.001936558688, -9.495446725e-06, 5.385558597e-05],
        [1, -0.02924021934, -0.04438342661, 0.007285809825],
        [0.6357567472, -0.3473456711, 0.05454656494, -0.002407477521],
        [-0.03301322327, 0.004845219414, 0.00231480583, -0.0002307248149],
        [0.5925320577, -0.1757678135, 0.01505928619, 0.000564515273],
        [0.1014815858, -0.06589186703, 0.01272886114, -0.0007316646956],
        [-0.007258481865, 0.001096195486, 0.0003934994223, -4.12701925e-05],
        [0.06469649321, -0.0236701437, 0.002902096474, -5.896963079e-05],
        [0.001925008108, -0.002869809258, 0.0008000589141, -6.063713228e-05],
        [-0.0003477407336, 6.959756487e-05, 1.097287507e-05, -1.650964693e-06],
    ]
).reshape(2, 3, 3, 4)


def _digamma(values: Doubles) -> Doubles:
    """The derivative of log gamma."""
    slopes: Doubles = scientific(np, "special").psi(values)
    return slopes


def _by_region(regions: list[tuple[NDArray[np.bool_], Any]], *values: Doubles) -> Doubles:
    """The value of the first formula whose region a place lies in; formulas see no other place."""
    result = np.zeros(values[0].shape)
    left = np.ones(values[0].shape, bool)
    with np.errstate(all="ignore"):
        for where, formula in regions:
            here = left & where
            if here.any():
                result[here] = formula(*(v[here] for v in values))
            left &= ~where
    return result


def _known(values: Doubles) -> Doubles:
    """Zero for what is not a number: no gradient where a series breaks down."""
    return np.where(np.isnan(values), 0.0, values)


def gamma_gradient(a: Doubles, x: Doubles) -> Doubles:
    """dx/da of gamma samples x of concentrations a."""
    near = (a > 8) & (0.9 * a <= x) & (x <= 1.1 * a)
    regions = [
        (x < 0.8, _gamma_small),
        (near, _gamma_near_mean),
        (a > 8, _gamma_large),
        (np.ones(a.shape, bool), _gamma_fitted),
    ]
    return _by_region(regions, a, x)


def _gamma_small(a: Doubles, x: Doubles) -> Doubles:
    """Taylor's series of F in x, differentiated by a."""
    term: Any = 1.0
    first, second = 1 / a, 1 / a**2
    for i in range(1, 6):
        term = term * (-x / i)
        first = first + term / (a + i)
        second = second + term / (a + i) ** 2
    slope = (np.log(x) - _digamma(a)) * x**a * first - x**a * second
    return _known(-slope / (x ** (a - 1) * np.exp(-x)))


def _gamma_near_mean(a: Doubles, x: Doubles) -> Doubles:
    """The saddle point's expansion where its terms cancel."""
    top = 1440 * a**2 + 6 * x * (53 - 120 * x) - 65 * x * x / a + a * (107 + 3600 * x)
    near: Doubles = (1 + 24 * a * (1 + 12 * a)) * top / (1244160 * a**4)
    return near


def _gamma_large(a: Doubles, x: Doubles) -> Doubles:
    """Rice's saddle point."""
    root, ratio = np.sqrt(8 * a), np.log(x / a)
    power = (x - a - a * ratio) ** -1.5
    both = root / (a - x) + np.where(x < a, -power, power)
    inner = ratio * both - np.sqrt(2 / a) * (a + x) / (a - x) ** 2
    stirling = 1 + 1 / (12 * a) * (1 + 1 / (24 * a))
    return -stirling * x * inner / root


def _gamma_fitted(a: Doubles, x: Doubles) -> Doubles:
    """The fitted ratio of polynomials, of which the exponential is taken."""
    powers = [np.stack([t**k for k in range(n)]) for t, n in ((np.log(x / a), 3), (np.log(a), 4))]
    top, bottom = np.einsum("cij,i...,j...->c...", _GAMMA_FIT, *powers)
    slopes: Doubles = np.exp(top / bottom)
    return slopes


def beta_gradient(x: Doubles, a: Doubles, total: Doubles) -> Doubles:
    """dx/da of beta samples x of concentrations a and total - a, the total moving along with a."""
    b = total - a
    edge = total * x * (1 - x)
    regions = [
        ((x <= 0.5) & (edge < 2.5), _beta_small),
        ((x >= 0.5) & (edge < 0.75), lambda x, a, b: -_beta_small_other(1 - x, b, a)),
        ((a > 6) & (b > 6), _beta_large),
        (np.ones(a.shape, bool), _beta_fitted),
    ]
    return _by_region(regions, x, a, b)


def _beta_small(x: Doubles, a: Doubles, b: Doubles) -> Doubles:
    """Taylor's series of F in x, differentiated by a."""
    factor = _digamma(a) - _digamma(a + b) - np.log(x)
    term: Any = 1.0
    series = (factor + 1 / a) / a
    for i in range(1, 11):
        term = term * ((i - b) * x / i)
        series = series + term / (a + i) * (factor + 1 / (a + i))
    return _known(x * (1 - x) ** -b * series)


def _beta_small_other(x: Doubles, a: Doubles, b: Doubles) -> Doubles:
    """The same, differentiated by the other concentration."""
    factor = _digamma(a + b) - _digamma(b)
    term: Any = 1.0
    product: Any = 1.0
    slope: Any = 0.0
    series: Any = factor / a
    for i in range(1, 9):
        term = term * (-x / i)
        slope = slope * (b - i) + product
        product = product * (b - i)
        series = series + term / (a + i) * (slope + factor * product)
    return _known(-((1 - x) ** (1 - b)) * series)


def _beta_large(x: Doubles, a: Doubles, b: Doubles) -> Doubles:
    """A saddle point, for two great concentrations."""
    total = a + b
    mean = a / total
    deviation = np.sqrt(a * b / (total + 1)) / total
    near = np.abs(x - mean) <= 0.1 * deviation
    everywhere = np.ones(a.shape, bool)
    return _by_region([(near, _beta_near_mean), (everywhere, _beta_saddle)], x, a, b)


def _beta_near_mean(x: Doubles, a: Doubles, b: Doubles) -> Doubles:
    """The saddle point's expansion where its terms cancel."""
    total = a + b
    fourth = 8 * (1 - x) * (135 * b - 11)
    third = (453 + 1620 * b * (1 - x) - 455 * x) * b + a * fourth
    second = 3 * (59 + 180 * b - 90 * x) * b**2 + a * third
    first = (43 + 20 * (16 + 27 * b) * x) * b**3 + a * second
    top = (1 + 12 * a) * (1 + 12 * b) / total**2 / (1 - x) * (47 * x * b**4 + a * first)
    near: Doubles = top / (12960 * a**3 * b**2 * (1 + 12 * total))
    return near


def _stirling(a: Doubles) -> Doubles:
    """The first terms of Stirling's series."""
    return 1 + 1 / (12 * a) + 1 / (288 * a * a)


def _beta_saddle(x: Doubles, a: Doubles, b: Doubles) -> Doubles:
    """The saddle point away from the mean."""
    total = a + b
    lean = a * (x - 1) + b * x
    first = 2 * a * a * (x - 1) + a * b * (x - 1) - x * b * b
    first = first / (np.sqrt(2 * a / b) * total**1.5 * lean**2)
    base = b * np.log(b / (total * (1 - x))) + a * np.log(a / (total * x))
    power = base**-1.5
    inner = np.sqrt(8 * a * b / total) / lean + np.where(x < a / total, power, -power)
    terms = first + 0.5 * np.log(a / (total * x)) * inner
    stirling = _stirling(a) * _stirling(b) / _stirling(total)
    return stirling * -x / np.sqrt(2 * a * b / total) * terms


def _beta_fitted(x: Doubles, a: Doubles, b: Doubles) -> Doubles:
    """A simple approximation, corrected by the fitted ratio of polynomials."""
    total = a + b
    u = np.log(x)
    v = np.log(a) - u
    w = np.log(total) - v
    powers = [np.stack([t**k for k in range(n)]) for t, n in ((u, 3), (v, 3), (w, 4))]
    top, bottom = np.einsum("cijk,i...,j...,k...->c...", _BETA_FIT, *powers)
    slopes: Doubles = top / bottom * x * (_digamma(total) - _digamma(a)) / b
    return slopes


def _draw(concentration: Tensor, wide: bool) -> Any:
    """Gamma samples as an array; in float64 if ``wide``."""
    if concentration.dtype not in (torch.float32, torch.float64):
        raise NotImplementedError(
            f'"{"dirichlet" if wide else "gamma_cpu"}" not implemented for '
            f"'{concentration.dtype.type_name}'"
        )
    array = concentration.detach().cpu().numpy()
    return random.generator_of(concentration.device).gamma(
        array.astype(np.float64) if wide else array
    )


def _to_tensor(values: Any, like: Tensor) -> Tensor:
    """An array as a tensor of the same type and place as another."""
    return torch.from_numpy(np.asarray(values)).to(like)


def _doubles(*tensors: Tensor) -> list[Doubles]:
    """float64 arrays of these tensors."""
    return [t.detach().cpu().numpy().astype(np.float64) for t in tensors]


class _StandardGamma(Function):
    """Gamma samples of rate one."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        drawn = _draw(concentration, wide=False)
        sample = _to_tensor(np.maximum(drawn, np.finfo(drawn.dtype).tiny), concentration)
        ctx.save_for_backward(concentration, sample)
        return sample

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> Any:
        concentration, sample = ctx.saved_tensors
        return g * _to_tensor(gamma_gradient(*_doubles(concentration, sample)), g)


class _Dirichlet(Function):
    """Dirichlet samples: gamma samples, divided by their sum."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        drawn = _draw(concentration, wide=True)
        limits = torch.finfo(concentration.dtype)
        with np.errstate(all="ignore"):
            shares = np.clip(drawn / drawn.sum(-1, keepdims=True), limits.tiny, limits.max)
        sample = _to_tensor(shares, concentration)
        ctx.save_for_backward(sample, concentration)
        return sample

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> Any:
        sample, concentration = ctx.saved_tensors
        totals = concentration.sum(-1, keepdim=True).expand_as(concentration)
        slopes = _to_tensor(beta_gradient(*_doubles(sample, concentration, totals)), g)
        return slopes * (g - (sample * g).sum(-1, keepdim=True))


def standard_gamma(concentration: Tensor) -> Tensor:
    """Gamma samples of rate one, which can be differentiated by the concentration.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0)
    >>> a = torch.tensor([0.5, 2.5], requires_grad=True)
    >>> standard_gamma(a).sum().backward(); a.grad
    tensor([0.0113, 0.6286])
    """
    sample: Tensor = _StandardGamma.apply(concentration)
    return sample


def sample_dirichlet(concentration: Tensor) -> Tensor:
    """Dirichlet samples, which can be differentiated by the concentration.

    >>> import minigrad as torch
    >>> sample_dirichlet(torch.ones(2, 3)).sum(-1)
    tensor([1., 1.])
    """
    sample: Tensor = _Dirichlet.apply(concentration)
    return sample
