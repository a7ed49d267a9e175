"""A decoder with rotary places, RMS norm and gated units; sampling with top-k and top-p."""

import torch, torch.nn as nn, torch.nn.functional as F, math
from torch import Tensor, optim
from torch.optim.lr_scheduler import LambdaLR


class SelfAttention(nn.Module):
    def __init__(self, d, h, drop=0.0):
        super().__init__()
        self.h, self.dk = h, d // h
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.o = nn.Linear(d, d)
        self.drop = nn.Dropout(drop)
        self.register_buffer("mask", torch.tril(torch.ones(64, 64)).view(1, 1, 64, 64))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        q, k, v = [t.view(B, T, self.h, self.dk).transpose(1, 2) for t in (q, k, v)]
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        att = att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
        att = self.drop(F.softmax(att, dim=-1))
        y = (att @ v).transpose(1, 2).contiguous().view(B, T, C)
        return self.o(y)


class RMSNorm(nn.Module):
    def __init__(self, d, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rope(x, theta=10000.0):
    B, H, T, D = x.shape
    freqs = 1.0 / (theta ** (torch.arange(0, D, 2).float() / D))
    ang = torch.outer(torch.arange(T).float(), freqs)
    c, s = ang.cos(), ang.sin()
    x1, x2 = x[..., 0::2], x[..., 1::2]
    return torch.stack((x1 * c - x2 * s, x1 * s + x2 * c), -1).flatten(-2)


class SwiGLU(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.w1 = nn.Linear(d, 2 * d, bias=False)
        self.w2 = nn.Linear(2 * d, d, bias=False)
        self.w3 = nn.Linear(d, 2 * d, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.a = SelfAttention(d, 4)
        self.f = SwiGLU(d)
        self.n1 = RMSNorm(d)
        self.n2 = RMSNorm(d)

    def forward(self, x):
        x = x + self.a(self.n1(x))
        return x + self.f(self.n2(x))


torch.manual_seed(1337)
text = "hello world, this is a tiny corpus for a tiny model. " * 4
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text], dtype=torch.long)


def batch():
    ix = torch.randint(len(data) - 17, (8,))
    return torch.stack([data[i : i + 16] for i in ix]), torch.stack(
        [data[i + 1 : i + 17] for i in ix]
    )


class LM(nn.Module):
    def __init__(self, V, d=32):
        super().__init__()
        self.tok = nn.Embedding(V, d)
        self.pos = nn.Embedding(64, d)
        self.blocks = nn.Sequential(*[Block(d) for _ in range(2)])
        self.n = RMSNorm(d)
        self.head = nn.Linear(d, V, bias=False)
        self.head.weight = self.tok.weight
        self.apply(self._init)

    def _init(self, m):
        if isinstance(m, (nn.Linear, nn.Embedding)):
            nn.init.normal_(m.weight, mean=0.0, std=0.02)

    def forward(self, i, t=None):
        x = self.tok(i) + self.pos(torch.arange(i.size(1)))
        x = self.head(self.n(self.blocks(x)))
        return x, None if t is None else F.cross_entropy(
            x.view(-1, x.size(-1)), t.view(-1), ignore_index=-1
        )

    @torch.no_grad()
    def generate(self, i, n, temp=1.0, top_k=None, top_p=None):
        for _ in range(n):
            l = self(i[:, -64:])[0][:, -1] / temp
            if top_k is not None:
                v, _ = torch.topk(l, min(top_k, l.size(-1)))
                l[l < v[:, [-1]]] = -float("Inf")
            if top_p is not None:
                s, idx = torch.sort(l, descending=True)
                cum = s.softmax(-1).cumsum(-1)
                rem = cum > top_p
                rem[..., 1:] = rem[..., :-1].clone()
                rem[..., 0] = False
                l = l.masked_fill(rem.scatter(1, idx, rem), -float("inf"))
            i = torch.cat((i, torch.multinomial(F.softmax(l, -1), 1)), 1)
        return i


m = LM(len(chars))
print(m)
print(
    sum(p.numel() for p in m.parameters()), sum(p.numel() for p in m.parameters() if p.dim() >= 2)
)
decay = [p for p in m.parameters() if p.dim() >= 2]
nod = [p for p in m.parameters() if p.dim() < 2]
opt = optim.AdamW(
    [{"params": decay, "weight_decay": 0.1}, {"params": nod, "weight_decay": 0.0}],
    lr=3e-3,
    betas=(0.9, 0.95),
)
sch = LambdaLR(opt, lambda s: min(1, (s + 1) / 5) * 0.5 * (1 + math.cos(math.pi * s / 20)))
for s in range(12):
    x, y = batch()
    _, l = m(x, y)
    opt.zero_grad(set_to_none=True)
    l.backward()
    g = nn.utils.clip_grad_norm_(m.parameters(), 1.0)
    opt.step()
    sch.step()
    if s % 3 == 0:
        print(s, f"{l.item():.4f} {g:.4f} {sch.get_last_lr()}")
print(m.generate(torch.zeros((1, 1), dtype=torch.long), 20, top_k=5).tolist())
print(m.generate(torch.zeros((2, 3), dtype=torch.long), 5, 0.8, top_p=0.9))
print(rope(torch.randn(1, 2, 4, 6)))
