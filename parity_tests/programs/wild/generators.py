"""WGAN-GP, VQ-VAE, VAE, diffusion, coupling flows and mixtures, in small."""

import torch, torch.nn as nn, torch.nn.functional as F

torch.manual_seed(0)


class G(nn.Module):
    def __init__(s):
        super().__init__()
        s.n = nn.Sequential(
            nn.ConvTranspose2d(8, 8, 4, 1, 0, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(True),
            nn.ConvTranspose2d(8, 1, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(s, z):
        return s.n(z.view(-1, 8, 1, 1))


class D(nn.Module):
    def __init__(s):
        super().__init__()
        s.n = nn.Sequential(
            nn.Conv2d(1, 8, 4, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.InstanceNorm2d(8, affine=True),
            nn.Conv2d(8, 1, 4),
        )

    def forward(s, x):
        return s.n(x).view(-1)


def init(m):
    c = m.__class__.__name__
    if c.find("Conv") != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.02)
    elif c.find("BatchNorm") != -1:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0)


g, d = G().apply(init), D().apply(init)
og = torch.optim.Adam(g.parameters(), 2e-4, betas=(0.5, 0.999))
od = torch.optim.Adam(d.parameters(), 2e-4, betas=(0.5, 0.999))
for i in range(3):
    real = torch.rand(4, 1, 8, 8) * 2 - 1
    fake = g(torch.randn(4, 8))
    al = torch.rand(4, 1, 1, 1)
    it = (al * real + (1 - al) * fake.detach()).requires_grad_(True)
    di = d(it)
    gr = torch.autograd.grad(
        outputs=di,
        inputs=it,
        grad_outputs=torch.ones_like(di),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    gp = ((gr.view(4, -1).norm(2, dim=1) - 1) ** 2).mean()
    ld = d(fake.detach()).mean() - d(real).mean() + 10 * gp
    od.zero_grad()
    ld.backward()
    od.step()
    lg = -d(fake).mean()
    og.zero_grad()
    lg.backward()
    og.step()
    print(f"{ld.item():.4f} {lg.item():.4f} {gp.item():.4f}")


class VQ(nn.Module):
    def __init__(s, k, dm):
        super().__init__()
        s.e = nn.Embedding(k, dm)
        s.e.weight.data.uniform_(-1 / k, 1 / k)

    def forward(s, z):
        f = z.permute(0, 2, 3, 1).contiguous()
        fl = f.view(-1, f.size(-1))
        dist = fl.pow(2).sum(1, keepdim=True) + s.e.weight.pow(2).sum(1) - 2 * fl @ s.e.weight.t()
        idx = dist.argmin(1).unsqueeze(1)
        oh = torch.zeros(idx.shape[0], s.e.num_embeddings).scatter_(1, idx, 1)
        q = (oh @ s.e.weight).view(f.shape)
        loss = F.mse_loss(q.detach(), f) * 0.25 + F.mse_loss(q, f.detach())
        q = f + (q - f).detach()
        p = oh.mean(0)
        return q.permute(0, 3, 1, 2), loss, torch.exp(-(p * (p + 1e-10).log()).sum())


vq = VQ(5, 4)
z = torch.randn(2, 4, 3, 3, requires_grad=True)
q, l, pp = vq(z)
(q.sum() + l).backward()
print(q.shape, l, pp, z.grad.sum(), vq.e.weight.grad.norm())


class VAE(nn.Module):
    def __init__(s):
        super().__init__()
        s.f = nn.Linear(6, 8)
        s.mu = nn.Linear(8, 2)
        s.lv = nn.Linear(8, 2)
        s.d = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 6), nn.Sigmoid())

    def forward(s, x):
        h = F.relu(s.f(x))
        mu, lv = s.mu(h), s.lv(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * lv)
        return s.d(z), mu, lv


v = VAE()
x = torch.rand(5, 6)
r, mu, lv = v(x)
bce = F.binary_cross_entropy(r, x, reduction="sum")
kld = -0.5 * torch.sum(1 + lv - mu.pow(2) - lv.exp())
(bce + kld).backward()
print(bce, kld, v.f.weight.grad.norm())
T = 10
beta = torch.linspace(1e-4, 0.02, T)
ab = torch.cumprod(1 - beta, 0)


def q_sample(x0, t, n):
    return (
        ab[t].sqrt().view(-1, *[1] * (x0.dim() - 1)) * x0
        + (1 - ab[t]).sqrt().view(-1, *[1] * (x0.dim() - 1)) * n
    )


def temb(t, d):
    f = torch.exp(-torch.log(torch.tensor(10000.0)) * torch.arange(d // 2) / (d // 2 - 1))
    a = t[:, None].float() * f[None]
    return torch.cat([a.sin(), a.cos()], -1)


x0 = torch.randn(4, 2)
t = torch.randint(0, T, (4,))
n = torch.randn_like(x0)
print(q_sample(x0, t, n), temb(t, 6)[0])
eps = nn.Sequential(nn.Linear(8, 16), nn.SiLU(), nn.Linear(16, 2))
xt = torch.randn(3, 2)
with torch.no_grad():
    for i in reversed(range(T)):
        e = eps(torch.cat([xt, temb(torch.full((3,), i), 6)], 1))
        a = 1 - beta[i]
        xt = (xt - beta[i] / (1 - ab[i]).sqrt() * e) / a.sqrt() + (
            beta[i].sqrt() * torch.randn_like(xt) if i > 0 else 0
        )
print(xt)


class Coupling(nn.Module):
    def __init__(s, m):
        super().__init__()
        s.register_buffer("m", m)
        s.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 4))

    def forward(s, x):
        a, b = s.net(x * s.m).chunk(2, 1)
        a = torch.tanh(a) * (1 - s.m)
        return x * s.m + (1 - s.m) * (x * a.exp() + b), a.sum(1)

    def inverse(s, y):
        a, b = s.net(y * s.m).chunk(2, 1)
        a = torch.tanh(a) * (1 - s.m)
        return y * s.m + (1 - s.m) * ((y - b) * (-a).exp())


c = [Coupling(torch.tensor([1.0, 0.0])), Coupling(torch.tensor([0.0, 1.0]))]
y = x0
ld = 0
for k in c:
    y, j = k(y)
    ld = ld + j
inv = y
for k in reversed(c):
    inv = k.inverse(inv)
print(torch.allclose(inv, x0, atol=1e-5), ld)
base = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
print(-(base.log_prob(y) + ld).mean())
mix = torch.distributions.MixtureSameFamily(
    torch.distributions.Categorical(logits=torch.randn(4, 3)),
    torch.distributions.Normal(torch.randn(4, 3), torch.rand(4, 3) + 0.1),
)
print(mix.log_prob(torch.zeros(4)), mix.mean)
