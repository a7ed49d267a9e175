"""Attention decoders, beams, Viterbi, negative sampling, CTC, masks of language models."""

import torch, torch.nn as nn, torch.nn.functional as F
from typing import Optional, Tuple, List

torch.manual_seed(0)


class Attn(nn.Module):
    def __init__(s, h):
        super().__init__()
        s.W = nn.Linear(2 * h, h)
        s.v = nn.Parameter(torch.rand(h))

    def forward(s, hid, enc, mask: Optional[torch.Tensor] = None):
        T = enc.size(0)
        H = hid.repeat(T, 1, 1).transpose(0, 1)
        enc = enc.transpose(0, 1)
        e = torch.tanh(s.W(torch.cat([H, enc], 2))).transpose(1, 2)
        v = s.v.repeat(enc.size(0), 1).unsqueeze(1)
        a = torch.bmm(v, e).squeeze(1)
        if mask is not None:
            a = a.masked_fill(~mask, -1e10)
        return F.softmax(a, dim=1).unsqueeze(1)


class Dec(nn.Module):
    def __init__(s, V, E, H):
        super().__init__()
        s.e = nn.Embedding(V, E)
        s.a = Attn(H)
        s.g = nn.GRU(E + H, H)
        s.o = nn.Linear(2 * H, V)

    def forward(s, i, h, enc, mask=None):
        e = s.e(i).unsqueeze(0)
        w = s.a(h[-1], enc, mask)
        c = w.bmm(enc.transpose(0, 1)).transpose(0, 1)
        o, h = s.g(torch.cat([e, c], 2), h)
        return F.log_softmax(s.o(torch.cat([o.squeeze(0), c.squeeze(0)], 1)), 1), h, w


enc = nn.GRU(6, 5, bidirectional=True)
d = Dec(9, 6, 5)
emb = nn.Embedding(9, 6)
src = torch.randint(1, 9, (7, 3))
tgt = torch.randint(1, 9, (4, 3))
params = [*enc.parameters(), *d.parameters(), *emb.parameters()]
opt = torch.optim.Adam(params, 1e-2)
for it in range(3):
    eo, h = enc(emb(src))
    eo = eo[:, :, :5] + eo[:, :, 5:]
    h = h[:1]
    i = tgt[0]
    loss = 0
    for t in range(1, 4):
        o, h, w = d(i, h, eo, mask=(src != 0).t())
        loss = loss + F.nll_loss(o, tgt[t])
        i = tgt[t] if it % 2 == 0 else o.argmax(1)
    opt.zero_grad()
    loss.backward()
    n = nn.utils.clip_grad_norm_(params, 1.0)
    opt.step()
    print(loss.item() / 3, n, w[0])


def beam(k=2, L=4):
    with torch.no_grad():
        eo, h = enc(emb(src[:, :1]))
        eo = eo[:, :, :5] + eo[:, :, 5:]
        beams = [([1], 0.0, h[:1])]
        for _ in range(L):
            cand = []
            for s_, sc, hh in beams:
                o, h2, _ = d(torch.tensor([s_[-1]]), hh, eo)
                v, ix = o[0].topk(k)
                cand += [(s_ + [int(j)], sc + float(q), h2) for q, j in zip(v, ix)]
            beams = sorted(cand, key=lambda c: c[1], reverse=True)[:k]
    return [(b[0], round(b[1], 4)) for b in beams]


print(beam())


def viterbi(em, tr):
    s = em[0]
    bp = []
    for e in em[1:]:
        m, ix = (s[:, None] + tr).max(0)
        bp.append(ix)
        s = m + e
    best = [int(s.argmax())]
    for ix in reversed(bp):
        best.append(int(ix[best[-1]]))
    return best[::-1], s.max()


print(viterbi(torch.randn(5, 3), torch.randn(3, 3)))


def crf_logz(em, tr):
    a = em[0]
    for e in em[1:]:
        a = torch.logsumexp(a[:, None] + tr, 0) + e
    return torch.logsumexp(a, 0)


E_ = torch.randn(4, 3, requires_grad=True)
crf_logz(E_, torch.zeros(3, 3)).backward()
print(E_.grad.sum(1))


class SGNS(nn.Module):
    def __init__(s, V, D):
        super().__init__()
        s.i = nn.Embedding(V, D, sparse=False)
        s.o = nn.Embedding(V, D)
        nn.init.zeros_(s.o.weight)

    def forward(s, c, p, n):
        v = s.i(c)
        return -(
            F.logsigmoid((v * s.o(p)).sum(1))
            + F.logsigmoid(-torch.bmm(s.o(n), v.unsqueeze(2)).squeeze(2)).sum(1)
        ).mean()


w = SGNS(8, 4)
o = torch.optim.Adagrad(w.parameters(), 0.5)
fr = torch.tensor([5.0, 3, 2, 1, 1, 1, 1, 1]) ** 0.75
for _ in range(3):
    l = w(
        torch.tensor([0, 1]),
        torch.tensor([2, 3]),
        torch.multinomial(fr, 6, replacement=True).view(2, 3),
    )
    o.zero_grad()
    l.backward()
    o.step()
    print(l)
lp = torch.randn(12, 2, 5).log_softmax(2).requires_grad_()
ct = nn.CTCLoss(blank=0, zero_infinity=True)
l = ct(lp, torch.tensor([[1, 2, 2], [3, 4, 0]]), torch.tensor([12, 9]), torch.tensor([3, 2]))
l.backward()
print(l, lp.grad.abs().sum())
print(ct(lp, torch.tensor([1, 2, 2, 3, 4]), (12, 9), (3, 2)))


def edit(a, b):
    D = torch.zeros(len(a) + 1, len(b) + 1, dtype=torch.long)
    D[:, 0] = torch.arange(len(a) + 1)
    D[0] = torch.arange(len(b) + 1)
    for i in range(len(a)):
        for j in range(len(b)):
            D[i + 1, j + 1] = min(D[i, j + 1] + 1, D[i + 1, j] + 1, D[i, j] + (a[i] != b[j]))
    return D[-1, -1]


print(edit("kitten", "sitting"))
pe = torch.zeros(6, 4)
pos = torch.arange(6).unsqueeze(1)
dv = torch.exp(torch.arange(0, 4, 2) * (-torch.log(torch.tensor(10000.0)) / 4))
pe[:, 0::2] = torch.sin(pos * dv)
pe[:, 1::2] = torch.cos(pos * dv)
print(pe)
alibi = torch.arange(4)[None] - torch.arange(4)[:, None]
print(alibi.clamp(max=0) * torch.tensor([0.5, 0.25]).view(2, 1, 1))
print(torch.full((3, 3), float("-inf")).triu(1))
ids = torch.tensor([[5, 3, 0], [2, 0, 0]])
am = (ids != 0).long()
print(
    (1.0 - am[:, None, None, :].float()) * -10000.0,
    am.cumsum(1) - 1,
    am.sum(1),
    ids[torch.arange(2), am.sum(1) - 1],
)
mask = torch.bernoulli(torch.full(ids.shape, 0.5)).bool() & (ids != 0)
lab = ids.clone()
lab[~mask] = -100
print(lab)
rp = torch.tensor([1.0, -1.0, 2.0])
sc = rp.gather(0, torch.tensor([0, 1]))
rp.scatter_(0, torch.tensor([0, 1]), torch.where(sc < 0, sc * 1.2, sc / 1.2))
print(rp)
