"""Small programs: a bandit, an autoencoder and a mixture learn, step for step as with torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from parity_tests.distributions.families import LIBRARIES
from parity_tests.tolerances import TOL

STEPS = 10


def bandit(torch: Any) -> list[float]:
    """REINFORCE: the arm that pays most is chosen more and more."""
    payoffs = torch.tensor([0.1, 0.5, 0.9, 0.3])
    logits = torch.zeros(4, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    losses = []
    for _ in range(STEPS):
        policy = torch.distributions.Categorical(logits=logits)
        action = policy.sample((16,))
        reward = torch.distributions.Normal(payoffs[action], 0.1).sample()
        advantage = reward - reward.mean()
        loss = -(policy.log_prob(action) * advantage).mean() - 0.01 * policy.entropy()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def autoencoder(torch: Any) -> list[float]:
    """A variational autoencoder of binary rows."""
    nn, d = torch.nn, torch.distributions
    rows = (torch.rand(32, 12) < 0.3).float()
    encoder = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 6))
    decoder = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 12))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-2)
    prior = d.Independent(d.Normal(torch.zeros(3), torch.ones(3)), 1)
    losses = []
    for _ in range(STEPS):
        loc, log_scale = encoder(rows).chunk(2, -1)
        posterior = d.Independent(d.Normal(loc, log_scale.exp()), 1)
        code = posterior.rsample()
        likelihood = d.Independent(d.Bernoulli(logits=decoder(code)), 1)
        loss = (d.kl_divergence(posterior, prior) - likelihood.log_prob(rows)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def mixture(torch: Any) -> list[float]:
    """A mixture of normal distributions in the plane, by SGD on the likelihood."""
    d = torch.distributions
    points = torch.cat([torch.randn(20, 2) - 2, 0.5 * torch.randn(20, 2) + 2])
    weights = torch.zeros(2, requires_grad=True)
    locs = torch.randn(2, 2, requires_grad=True)
    factors = torch.zeros(2, 2, 2, requires_grad=True)
    optimizer = torch.optim.SGD([weights, locs, factors], lr=0.05, momentum=0.9)
    losses = []
    for _ in range(STEPS):
        tril = d.transform_to(d.constraints.lower_cholesky)(factors)
        parts = d.MultivariateNormal(locs, scale_tril=tril)
        model = d.MixtureSameFamily(d.Categorical(logits=weights), parts)
        loss = -model.log_prob(points).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def shares(torch: Any) -> list[float]:
    """Pathwise gradients through beta, gamma and Dirichlet samples."""
    d = torch.distributions
    raw = torch.zeros(5, requires_grad=True)
    optimizer = torch.optim.Adam([raw], lr=0.1)
    target = torch.tensor([0.5, 0.3, 0.2])
    losses = []
    for _ in range(STEPS):
        a = d.transform_to(d.constraints.positive)(raw)
        share = d.Dirichlet(a[:3]).rsample((8,))
        part = d.Beta(a[3], a[4]).rsample((8,))
        wait = d.Gamma(a[3], a[4]).rsample((8,))
        loss = (share - target).pow(2).sum(-1).mean() + (part - 0.7).pow(2).mean()
        loss = loss + (wait - 2).pow(2).mean() + d.StudentT(a[3]).rsample((8,)).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def flow(torch: Any) -> list[float]:
    """A density by transforms of a normal one."""
    d = torch.distributions
    points = torch.rand(64, 2) * 0.8 + 0.1
    loc = torch.zeros(2, requires_grad=True)
    log_scale = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([loc, log_scale], lr=0.1)
    losses = []
    for _ in range(STEPS):
        steps = [d.AffineTransform(loc, log_scale.exp(), event_dim=1), d.SigmoidTransform()]
        base = d.Independent(d.Normal(torch.zeros(2), torch.ones(2)), 1)
        model = d.TransformedDistribution(base, steps)
        loss = -model.log_prob(points).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("program", [bandit, autoencoder, mixture, shares, flow])
def test_losses_are_torchs(program: Callable[[Any], list[float]]) -> None:
    losses = []
    for library in LIBRARIES:
        library.manual_seed(0)
        losses.append(program(library))
    np.testing.assert_allclose(losses[0], losses[1], **TOL["float32"])
    assert len(set(losses[0])) == STEPS


def test_minigrad_does_not_import_them() -> None:
    code = "import sys, minigrad; sys.exit('minigrad.distributions' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
