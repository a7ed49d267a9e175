"""Gamma and Dirichlet samples: torch's stream, and torch's derivatives by the concentration."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import special

import minigrad
from minigrad.distributions.pathwise import beta_gradient, gamma_gradient, standard_gamma
from parity_tests.tolerances import TOL

RNG = np.random.default_rng(0)
# Concentrations and samples in all regions of the approximations, some of them far off the middle.
COUNT = 20_000
SHAPES = np.exp(RNG.uniform(-5, 6, COUNT))
OTHERS = np.exp(RNG.uniform(-5, 6, COUNT))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gamma_numbers_are_torchs(dtype: type) -> None:
    shapes = np.concatenate([SHAPES, [0.0, 1.0, 1e-8, 1e8]]).astype(dtype)
    minigrad.manual_seed(0)
    torch.manual_seed(0)
    minigrad.randn(1), torch.randn(1)  # one normal number is left over
    mine = standard_gamma(minigrad.from_numpy(shapes)).numpy()
    theirs = torch._standard_gamma(torch.from_numpy(shapes)).numpy()
    np.testing.assert_array_equal(mine, theirs)
    assert minigrad.randn(1).item() == torch.randn(1).item()


def test_derivatives_of_gamma_numbers_are_torchs() -> None:
    samples = RNG.gamma(SHAPES) * np.exp(RNG.normal(0, 0.2, COUNT))
    want = torch._standard_gamma_grad(torch.from_numpy(SHAPES), torch.from_numpy(samples))
    np.testing.assert_allclose(gamma_gradient(SHAPES, samples), want.numpy(), **TOL["float64"])


def test_derivatives_of_beta_numbers_are_torchs() -> None:
    samples = RNG.beta(SHAPES, OTHERS).clip(1e-30, 1 - 1e-12)
    tensors = [torch.from_numpy(x) for x in (samples, SHAPES, SHAPES + OTHERS)]
    want = torch._dirichlet_grad(*tensors)
    found = beta_gradient(samples, SHAPES, SHAPES + OTHERS)
    np.testing.assert_allclose(found, want.numpy(), **TOL["float64"])


def test_derivatives_keep_the_quantile() -> None:
    """Against the definition: -(dF/da) / (dF/dx), by differences."""
    a = np.exp(RNG.uniform(-1, 4, 200))
    x = RNG.gamma(a)
    step = 1e-5 * a
    rising = (special.gammainc(a + step, x) - special.gammainc(a - step, x)) / (2 * step)
    density = np.exp((a - 1) * np.log(x) - x - special.gammaln(a))
    np.testing.assert_allclose(gamma_gradient(a, x), -rising / density, rtol=1e-2)


def test_no_second_derivative_is_claimed() -> None:
    for library in (minigrad, torch):
        a = library.tensor([2.0, 3.0], requires_grad=True)
        sample = library.distributions.Gamma(a, library.ones(2)).rsample()
        (slope,) = library.autograd.grad(sample.sum(), a, create_graph=True)
        with pytest.raises(RuntimeError):
            slope.sum().backward()


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_no_half_precision(kind: str) -> None:
    for library in (minigrad, torch):
        concentration = library.ones(2, dtype=getattr(library, kind))
        with pytest.raises(NotImplementedError, match='"gamma_cpu" not implemented for'):
            library.distributions.Gamma(concentration, concentration).sample()
        with pytest.raises(NotImplementedError, match='"dirichlet" not implemented for'):
            library.distributions.Dirichlet(concentration).sample()
