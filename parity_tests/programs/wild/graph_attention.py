"""Scatter, softmax over edges, a siamese net, contrastive losses."""

import torch, torch.nn as nn, torch.nn.functional as F

torch.manual_seed(0)
N, E = 6, 10
ei = torch.stack([torch.randint(0, N, (E,)), torch.randint(0, N, (E,))])
x = torch.randn(N, 5, requires_grad=True)


def scatter_mean(src, idx, n):
    o = torch.zeros(n, src.size(1)).index_add_(0, idx, src)
    c = torch.zeros(n).scatter_add_(0, idx, torch.ones_like(idx, dtype=torch.float))
    return o / c.clamp(min=1).unsqueeze(1)


def softmax_edges(a, idx, n):
    mx = torch.full((n,), -float("inf")).scatter_reduce(0, idx, a, "amax", include_self=False)
    e = (a - mx[idx]).exp()
    s = torch.zeros(n).index_add(0, idx, e)
    return e / (s[idx] + 1e-16)


class GAT(nn.Module):
    def __init__(s, i, o):
        super().__init__()
        s.w = nn.Linear(i, o, bias=False)
        s.a = nn.Parameter(torch.empty(1, 2 * o))
        nn.init.xavier_uniform_(s.a, gain=1.414)

    def forward(s, x, ei):
        h = s.w(x)
        al = F.leaky_relu((torch.cat([h[ei[0]], h[ei[1]]], -1) * s.a).sum(-1), 0.2)
        al = softmax_edges(al, ei[1], x.size(0))
        return torch.zeros_like(h).index_add(0, ei[1], al.unsqueeze(-1) * h[ei[0]])


g = GAT(5, 3)
o = g(x, ei)
o.pow(2).sum().backward()
print(o, x.grad.norm().round(decimals=3), g.a.grad)
print(scatter_mean(x[ei[0]], ei[1], N))
A = torch.zeros(N, N)
A[ei[0], ei[1]] = 1
A.index_put_((ei[0], ei[1]), torch.ones(E), accumulate=True)
d = A.sum(1).clamp(min=1).pow(-0.5)
print(d.diag() @ A @ torch.diag(d))
print(torch.block_diag(A[:2, :2], A[2:, 2:]).shape)
pool = torch.tensor([0, 0, 0, 1, 1, 1])
print(
    torch.zeros(2, 5).scatter_reduce_(
        0, pool.unsqueeze(1).expand(-1, 5), x.detach(), "mean", include_self=False
    )
)
u, inv = torch.unique(ei, return_inverse=True)
print(u, inv.shape)
print(
    torch.bincount(ei[1], minlength=N),
    torch.unique_consecutive(torch.tensor([1, 1, 2, 1])),
    torch.searchsorted(torch.tensor([1.0, 3.0, 5.0]), torch.tensor([2.0, 5.0]), right=True),
    torch.bucketize(torch.tensor([0.0, 4.0]), torch.tensor([1.0, 3.0])),
)


class Siamese(nn.Module):
    def __init__(s):
        super().__init__()
        s.c = nn.Sequential(
            nn.Conv1d(1, 4, 3, padding="same"),
            nn.BatchNorm1d(4),
            nn.ELU(),
            nn.MaxPool1d(2),
            nn.Flatten(),
            nn.LazyLinear(6),
        )

    def forward(s, a, b):
        return F.normalize(s.c(a)), F.normalize(s.c(b))


s = Siamese()
a, b = torch.randn(4, 1, 8), torch.randn(4, 1, 8)
za, zb = s(a, b)
y = torch.tensor([1.0, -1, 1, -1])
print(
    F.cosine_embedding_loss(za, zb, y, margin=0.2),
    F.triplet_margin_loss(za, zb, zb.roll(1, 0)),
    nn.TripletMarginWithDistanceLoss(distance_function=lambda p, q: 1 - F.cosine_similarity(p, q))(
        za, zb, zb.flip(0)
    ),
)


def nt_xent(z1, z2, t=0.5):
    z = torch.cat([z1, z2])
    sim = z @ z.T / t
    sim.fill_diagonal_(float("-inf"))
    n = len(z1)
    return F.cross_entropy(sim, torch.cat([torch.arange(n, 2 * n), torch.arange(n)]))


l = nt_xent(za, zb)
l.backward()
print(l, s.c[0].weight.grad.abs().sum(), s.c[5])
D = torch.cdist(za, zb)
print(D.argmin(1), torch.pdist(za).shape, F.pairwise_distance(za, zb).detach())
print(
    torch.logsumexp(D, 1),
    torch.kron(torch.eye(2), torch.ones(1, 2)),
    torch.cov(za.T).shape,
    torch.corrcoef(za.T).diagonal().round(decimals=4),
)
m = torch.rand(3, 3)
print(
    m.tril(-1) + m.triu(1),
    torch.triu_indices(3, 3, 1),
    torch.combinations(torch.arange(3)),
    torch.cartesian_prod(torch.arange(2), torch.arange(2)),
    m.argsort(stable=True, dim=1),
    m.kthvalue(2, 1).indices,
    m.median(),
    m.mode(0).values.shape,
    torch.quantile(m, torch.tensor([0.25, 0.5])),
    m.cummax(0).indices,
    m.diff(dim=0).shape,
    m.renorm(2, 0, 0.5).norm(dim=1),
)
