"""Conditional GANs: label embeddings, hinge loss with spectral norm, weight norm, both spellings."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import spectral_norm as old_spectral_norm
from torch.nn.utils import weight_norm as old_weight_norm
from torch.nn.utils.parametrizations import spectral_norm, weight_norm


class Generator(nn.Module):
    def __init__(self, wn):
        super().__init__()
        self.label_emb = nn.Embedding(4, 4)
        self.net = nn.Sequential(
            wn(nn.Linear(12, 32)), nn.BatchNorm1d(32), nn.ReLU(),
            wn(nn.Linear(32, 64)), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z, y):
        return self.net(torch.cat([self.label_emb(y), z], -1)).view(-1, 1, 8, 8)


class Discriminator(nn.Module):
    def __init__(self, sn):
        super().__init__()
        self.convs = nn.Sequential(
            sn(nn.Conv2d(1, 8, 3, 2, 1)), nn.LeakyReLU(0.1), sn(nn.Conv2d(8, 8, 3, 2, 1)),
            nn.LeakyReLU(0.1),
        )  # fmt: skip
        self.linear = sn(nn.Linear(32, 1))
        self.embed = sn(nn.Embedding(4, 32))

    def forward(self, x, y):
        h = self.convs(x).flatten(1)
        return self.linear(h) + (self.embed(y) * h).sum(1, keepdim=True)


def train(G, D):
    opt_g = torch.optim.Adam(G.parameters(), lr=2e-3, betas=(0.0, 0.9))
    opt_d = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.0, 0.9))
    data = torch.tanh(torch.randn(4, 1, 8, 8))
    for step in range(5):
        y = torch.randint(0, 4, (16,))
        real = data[y] + 0.1 * torch.randn(16, 1, 8, 8)
        fake = G(torch.randn(16, 8), y)
        loss_d = F.relu(1 - D(real, y)).mean() + F.relu(1 + D(fake.detach(), y)).mean()
        opt_d.zero_grad()
        loss_d.backward()
        opt_d.step()
        loss_g = -D(fake, y).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        print(f"{step} D {loss_d.item():.4f} G {loss_g.item():.4f}")


torch.manual_seed(0)
G, D = Generator(weight_norm), Discriminator(spectral_norm)
train(G, D)
print(D)
print(sorted(G.state_dict()))
top = torch.linalg.svdvals(D.convs[0].weight.flatten(1))[0].item()
print(f"{torch.linalg.matrix_norm(D.linear.weight, 2).item():.4f} {top:.4f}")
g_old = Generator(lambda m: m)
d_old = Discriminator(old_spectral_norm)
train(g_old, d_old)
print([k for k, _ in d_old.named_buffers()], [k for k, _ in d_old.convs[0].named_parameters()])
nn.utils.remove_spectral_norm(d_old.linear)
print(sorted(k for k in d_old.state_dict() if "linear" in k))
try:
    lin = old_weight_norm(nn.Linear(3, 2), name="weight")
    print(sorted(lin.state_dict()), lin(torch.ones(1, 3)))
    nn.utils.remove_weight_norm(lin)
    print(sorted(lin.state_dict()))
except Exception as error:
    print(type(error).__name__, error)
nn.utils.parametrize.remove_parametrizations(G.net[0], "weight")
print(sorted(G.state_dict()))
