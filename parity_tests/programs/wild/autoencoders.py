"""A denoising autoencoder, a VQ-VAE with straight-through codes, and a GAN with a gradient penalty."""

import numpy as np
import torch
from torch import nn, optim
from torch.autograd import Variable, grad
from torch.nn import functional as F

torch.manual_seed(1)


class Quantizer(nn.Module):
    def __init__(self, n, dim, beta=0.25, decay=0.9):
        super().__init__()
        self.n, self.dim, self.beta, self.decay = n, dim, beta, decay
        embed = torch.randn(n, dim)
        self.register_buffer("embed", embed)
        self.register_buffer("cluster", torch.zeros(n))
        self.register_buffer("avg", embed.clone())

    def forward(self, z):
        z = z.permute(0, 2, 3, 1).contiguous()
        flat = z.view(-1, self.dim)
        d = flat.pow(2).sum(1, keepdim=True) - 2 * flat @ self.embed.t() + self.embed.pow(2).sum(1)
        idx = d.argmin(1)
        one = F.one_hot(idx, self.n).type(flat.dtype)
        q = F.embedding(idx, self.embed).view_as(z)
        if self.training:
            with torch.no_grad():
                self.cluster.data.mul_(self.decay).add_(one.sum(0), alpha=1 - self.decay)
                self.avg.data.mul_(self.decay).add_(one.t() @ flat, alpha=1 - self.decay)
                total = self.cluster.sum()
                size = (self.cluster + 1e-5) / (total + self.n * 1e-5) * total
                self.embed.data.copy_(self.avg / size.unsqueeze(1))
        loss = self.beta * F.mse_loss(q.detach(), z)
        q = z + (q - z).detach()
        probs = one.mean(0)
        ppl = torch.exp(-torch.sum(probs * torch.log(probs + 1e-10)))
        return q.permute(0, 3, 1, 2).contiguous(), loss, ppl, idx.view(z.shape[:-1])


class ResBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.f = nn.Sequential(
            nn.ReLU(False), nn.Conv2d(c, c, 3, 1, 1), nn.ReLU(True), nn.Conv2d(c, c, 1)
        )

    def forward(self, x):
        out = self.f(x)
        out += x
        return out


class VQVAE(nn.Module):
    def __init__(self, c=6):
        super().__init__()
        self.enc = nn.Sequential(
            nn.Conv2d(1, c, 4, 2, 1), ResBlock(c), nn.Conv2d(c, 4, 4, stride=2, padding=1)
        )
        self.q = Quantizer(8, 4)
        self.dec = nn.Sequential(
            nn.ConvTranspose2d(4, c, 4, 2, 1),
            ResBlock(c),
            nn.ConvTranspose2d(c, 1, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        z, l, p, i = self.q(self.enc(x))
        return self.dec(z), l, p, i


x = torch.rand(12, 1, 8, 8)
net = VQVAE()
opt = optim.Adam(net.parameters(), lr=1e-2)
for step in range(6):
    noisy = (x + 0.1 * torch.randn_like(x)).clamp(0.0, 1.0)
    out, vq, ppl, codes = net(noisy)
    loss = F.binary_cross_entropy(out, x) + vq
    opt.zero_grad()
    loss.backward()
    opt.step()
    print("%d: %.4f vq %.4f ppl %.3f" % (step, loss, vq.item(), ppl))
print(
    codes.shape,
    codes.dtype,
    torch.bincount(codes.flatten(), minlength=8).sum(),
    sorted(net.q.state_dict()),
)

G = nn.Sequential(nn.Linear(4, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
D = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
g_opt = optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.9))
d_opt = optim.RMSprop(D.parameters(), lr=1e-3)
real_data = torch.randn(64, 2) * torch.tensor([1.0, 0.3]) + 2
fixed = Variable(torch.randn(5, 4))
for it in range(4):
    for _ in range(2):
        real = real_data[torch.randint(0, 64, (16,))]
        fake = G(torch.randn(16, 4)).detach()
        eps = torch.rand(16, 1)
        mix = (eps * real + (1 - eps) * fake).requires_grad_(True)
        g = grad(
            D(mix), mix, torch.ones(16, 1), create_graph=True, retain_graph=True, only_inputs=True
        )[0]
        gp = 10 * ((g.norm(2, dim=1) - 1) ** 2).mean()
        d_loss = D(fake).mean() - D(real).mean() + gp
        D.zero_grad()
        d_loss.backward()
        d_opt.step()
        with torch.no_grad():
            for p in D.parameters():
                p.clamp_(-0.5, 0.5)
    for p in D.parameters():
        p.requires_grad = False
    g_loss = -D(G(torch.randn(16, 4))).mean()
    g_opt.zero_grad()
    g_loss.backward()
    g_opt.step()
    for p in D.parameters():
        p.requires_grad = True
    print(f"[{it}] D {d_loss.data:.4f} G {g_loss.data.numpy():.4f} gp {gp:.4f}")
G.eval()
print(G(fixed).data.cpu().numpy().round(3).shape, [tuple(b.shape) for b in G.buffers()])
