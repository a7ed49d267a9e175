"""A normalising flow (RealNVP) on two moons, masks as buffers, log-determinants, inversion."""

import numpy as np
import torch
from torch import nn

d = 2


class RealNVP(nn.Module):
    def __init__(self, nets, nett, mask):
        super(RealNVP, self).__init__()
        self.mask = nn.Parameter(mask, requires_grad=False)
        self.t = torch.nn.ModuleList([nett() for _ in range(len(mask))])
        self.s = torch.nn.ModuleList([nets() for _ in range(len(mask))])
        self.register_buffer("loc", torch.zeros(d), persistent=False)

    def g(self, z):
        x = z
        for i in range(len(self.t)):
            x_ = x * self.mask[i]
            s = self.s[i](x_) * (1 - self.mask[i])
            t = self.t[i](x_) * (1 - self.mask[i])
            x = x_ + (1 - self.mask[i]) * (x * torch.exp(s) + t)
        return x

    def f(self, x):
        log_det_J, z = x.new_zeros(x.shape[0]), x
        for i in reversed(range(len(self.t))):
            z_ = self.mask[i] * z
            s = self.s[i](z_) * (1 - self.mask[i])
            t = self.t[i](z_) * (1 - self.mask[i])
            z = (1 - self.mask[i]) * (z - t) * torch.exp(-s) + z_
            log_det_J -= s.sum(dim=1)
        return z, log_det_J

    def log_prob(self, x):
        z, logp = self.f(x)
        base = -0.5 * ((z - self.loc) ** 2).sum(1) - np.log(2 * np.pi)
        return base + logp

    def sample(self, batchSize):
        z = torch.normal(0.0, 1.0, (batchSize, 1, d))
        return self.g(z)


def moons(n):
    t = np.random.rand(n) * np.pi
    top = np.random.rand(n) < 0.5
    x = np.where(top[:, None], np.c_[np.cos(t), np.sin(t)], np.c_[1 - np.cos(t), 0.5 - np.sin(t)])
    return (x + 0.05 * np.random.randn(n, 2)).astype(np.float32)


nets = lambda: nn.Sequential(  # noqa: E731
    nn.Linear(2, 24), nn.LeakyReLU(), nn.Linear(24, 24), nn.LeakyReLU(), nn.Linear(24, 2), nn.Tanh()
)
nett = lambda: nn.Sequential(  # noqa: E731
    nn.Linear(2, 24), nn.LeakyReLU(), nn.Linear(24, 24), nn.LeakyReLU(), nn.Linear(24, 2)
)
masks = torch.from_numpy(np.array([[0, 1], [1, 0]] * 3).astype(np.float32))
flow = RealNVP(nets, nett, masks)
optimizer = torch.optim.Adam([p for p in flow.parameters() if p.requires_grad == True], lr=1e-3)  # noqa: E712
for t in range(41):
    noisy_moons = moons(100)
    loss = -flow.log_prob(torch.from_numpy(noisy_moons)).mean()
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    optimizer.step()
    if t % 10 == 0:
        print("iter %s:" % t, "loss = %.3f" % loss)
z, logdet = flow.f(torch.from_numpy(noisy_moons))
x = flow.g(z)
print(torch.allclose(x, torch.from_numpy(noisy_moons), atol=1e-5), logdet.mean())
print(flow.sample(5).detach().numpy()[:, 0, 1].shape, sorted(flow.state_dict())[:3])
