"""Linear algebra, a Gaussian process, k-means, Sinkhorn, Runge-Kutta, special functions."""

import torch, math

torch.manual_seed(0)
A = torch.randn(4, 4, dtype=torch.double)
S = A @ A.T + torch.eye(4, dtype=torch.double)
b = torch.randn(4, 2, dtype=torch.double)
L = torch.linalg.cholesky(S)
print(
    torch.allclose(L @ L.mT, S),
    torch.cholesky_solve(b, L).sum(),
    torch.linalg.solve(S, b).sum(),
    torch.linalg.inv(S).trace(),
    torch.linalg.det(S),
    torch.linalg.slogdet(S),
    torch.logdet(S),
    torch.linalg.matrix_rank(A),
    torch.linalg.norm(A),
    torch.linalg.norm(A, 2),
    torch.linalg.norm(A, "nuc"),
    torch.linalg.cond(S),
    torch.linalg.eigvalsh(S),
    torch.linalg.svdvals(A),
    torch.linalg.pinv(A).shape,
    torch.linalg.matrix_power(A, 3).sum(),
    torch.linalg.lstsq(A, b).solution.sum(),
    torch.linalg.multi_dot([A, A, b]).sum(),
    torch.linalg.cross(torch.eye(3), torch.ones(3, 3)),
    torch.linalg.vecdot(b, b),
    torch.linalg.solve_triangular(L, b, upper=False).sum(),
    torch.matrix_exp(A * 0.1).sum(),
)
Q, R = torch.linalg.qr(A)
print(torch.allclose(Q @ R, A), torch.allclose(Q.T @ Q, torch.eye(4, dtype=torch.double)))
U, s, Vh = torch.linalg.svd(A, full_matrices=False)
print(torch.allclose(U @ torch.diag(s) @ Vh, A), s)
w, V = torch.linalg.eigh(S)
print(torch.allclose(V @ torch.diag_embed(w) @ V.mT, S))
P, LL, UU = torch.linalg.lu(A)
print(torch.allclose(P @ LL @ UU, A))
LU, p = torch.linalg.lu_factor(A)
print(p, torch.linalg.lu_solve(LU, p, b).sum())


def power(M, n=50):
    v = torch.ones(M.size(0), dtype=M.dtype)
    for _ in range(n):
        v = M @ v
        v /= v.norm()
    return v @ M @ v


print(power(S))
Xc = torch.randn(20, 3, dtype=torch.double)
Xc -= Xc.mean(0)
u, s, v = torch.svd(Xc)
print(s**2 / 19, (Xc @ v[:, :2]).shape)
G = torch.tensor([[1.0, 2.0], [2.0, 5.0]], requires_grad=True)
torch.linalg.slogdet(G)[1].backward()
print(G.grad)
G.grad = None
torch.linalg.inv(G).sum().backward()
print(G.grad)
G.grad = None
torch.linalg.cholesky(G).sum().backward()
print(G.grad)


class GP:
    def __init__(s, x, y, n=0.1):
        s.x, s.y, s.n = x, y, n
        s.l = torch.tensor(0.5, requires_grad=True)

    def k(s, a, b):
        return torch.exp(-0.5 * (a[:, None] - b[None]) ** 2 / s.l**2)

    def nll(s):
        K = s.k(s.x, s.x) + s.n * torch.eye(len(s.x))
        L = torch.linalg.cholesky(K)
        al = torch.cholesky_solve(s.y[:, None], L)
        return (
            0.5 * (s.y @ al.squeeze())
            + L.diagonal().log().sum()
            + len(s.x) / 2 * math.log(2 * math.pi)
        )


x = torch.linspace(0, 3, 8)
gp = GP(x, torch.sin(x))
o = torch.optim.Adam([gp.l], 0.05)
for i in range(5):
    o.zero_grad()
    l = gp.nll()
    l.backward()
    o.step()
print(l, gp.l)


def kmeans(X, k, it=5):
    c = X[torch.randperm(len(X))[:k]]
    for _ in range(it):
        a = torch.cdist(X, c).argmin(1)
        c = torch.stack([X[a == j].mean(0) for j in range(k)])
    return c, a


X = torch.cat([torch.randn(10, 2) + 3, torch.randn(10, 2) - 3])
c, a = kmeans(X, 2)
print(c.sort(0).values, a.bincount())


def sinkhorn(C, eps=0.1, n=20):
    f = torch.zeros(C.size(0))
    g = torch.zeros(C.size(1))
    la = -math.log(C.size(0))
    lb = -math.log(C.size(1))
    for _ in range(n):
        f = -eps * torch.logsumexp((g[None] - C) / eps + lb, 1)
        g = -eps * torch.logsumexp((f[:, None] - C) / eps + la, 0)
    return torch.exp((f[:, None] + g[None] - C) / eps + la + lb)


print(sinkhorn(torch.cdist(X[:3], X[3:6])).sum(0))


def rk4(f, y, t, h):
    k1 = f(t, y)
    k2 = f(t + h / 2, y + h / 2 * k1)
    k3 = f(t + h / 2, y + h / 2 * k2)
    k4 = f(t + h, y + h * k3)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


th = torch.tensor([1.0, 0.5], requires_grad=True)
y = torch.tensor([1.0, 0.0])
for i in range(10):
    y = rk4(lambda t, y: torch.stack([th[0] * y[1], -th[1] * y[0]]), y, i * 0.1, 0.1)
y.sum().backward()
print(y, th.grad)
e = torch.einsum
q = torch.randn(2, 3, 4, 5)
k = torch.randn(2, 3, 6, 5)
print(
    e("bhqd,bhkd->bhqk", q, k).softmax(-1).sum(),
    e("...ij,...kj->...ik", q, k).shape,
    e("ii->i", S),
    e("ij,jk,kl->il", A, A, A).sum(),
    e("bhqd->bqhd", q).shape,
    e("i,j->ij", torch.arange(3.0), torch.arange(2.0)),
    e("bij,bij->b", q[0], q[0]).shape,
    e(q, [0, 1, 2, 3], k, [0, 1, 4, 3], [0, 2, 4]).shape,
)
print(
    torch.trapezoid(torch.tensor([1.0, 2, 3])),
    torch.cumulative_trapezoid(torch.tensor([1.0, 2, 3])),
    torch.gradient(torch.tensor([1.0, 4, 9, 16]))[0],
    torch.histc(torch.tensor([1.0, 2, 2, 3]), 3, 0, 4),
    torch.histogram(torch.rand(5), 3).hist.sum(),
    torch.logspace(0, 2, 3),
    torch.polygamma(1, torch.tensor([1.0, 2.0])),
    torch.special.erfinv(torch.tensor([0.5])),
    torch.erf(torch.tensor(0.5)),
    torch.lgamma(torch.tensor(5.0)),
    torch.digamma(torch.tensor(1.0)),
    torch.special.i0e(torch.tensor(1.0)),
    torch.special.xlog1py(torch.tensor(2.0), torch.tensor(1.0)),
    torch.special.logit(torch.tensor(0.3)),
    torch.special.ndtri(torch.tensor(0.975)),
    torch.igamma(torch.tensor(2.0), torch.tensor(1.0)),
    torch.sinc(torch.tensor(0.5)),
    torch.heaviside(torch.tensor([-1.0, 0, 1]), torch.tensor(0.5)),
    torch.frac(torch.tensor(-1.5)),
    torch.fmod(torch.tensor(-5), 3),
    torch.remainder(torch.tensor(-5), 3),
    torch.gcd(torch.tensor(12), torch.tensor(18)),
    torch.hypot(torch.tensor(3.0), torch.tensor(4.0)),
    torch.nextafter(torch.tensor(1.0), torch.tensor(2.0)),
    torch.ldexp(torch.tensor(1.0), torch.tensor(3)),
    torch.frexp(torch.tensor(6.0)),
    torch.copysign(torch.tensor(1.0), torch.tensor([-0.0])),
    torch.signbit(torch.tensor(-0.0)),
    torch.deg2rad(torch.tensor(180.0)),
    torch.float_power(2, torch.tensor(3)),
    torch.bitwise_xor(torch.tensor(5), torch.tensor(3)),
    torch.vander(torch.tensor([1, 2, 3])),
    torch.rot90(torch.arange(4).view(2, 2)),
    torch.roll(torch.arange(4), 1),
    torch.count_nonzero(torch.eye(2)),
    torch.nansum(torch.tensor([1.0, float("nan")])),
    torch.nan_to_num(torch.tensor([float("inf")])),
    torch.std_mean(x),
    torch.aminmax(x),
    torch.isin(torch.arange(3), torch.tensor([1])),
    torch.lerp(torch.tensor(0.0), torch.tensor(1.0), 0.3),
    torch.addcmul(x, x, x, value=0.1).sum(),
    torch.clip(x, 1, 2),
    torch.dist(x, x + 1),
    torch.renorm(torch.ones(2, 2), 2, 0, 1),
    torch.cummin(x, 0).values[-1],
    torch.logcumsumexp(x, 0)[-1],
    torch.tril_indices(2, 2),
    torch.bitwise_not(torch.tensor(0)),
    torch.square(x)[2],
    torch.exp2(x)[1],
    torch.expm1(x)[1],
    torch.log1p(x)[1],
    torch.asinh(x)[1],
    torch.atan2(x, x + 1)[1],
    torch.rsqrt(x + 1)[1],
    torch.erfc(x)[1],
    torch.trunc(x * 2)[1],
    torch.sgn(-x)[1],
    torch.msort(torch.tensor([[2.0], [1.0]])),
    torch.mean(x, 0, True),
    torch.nanmedian(torch.tensor([1.0, float("nan"), 3.0])),
    torch.scatter_add(torch.zeros(3), 0, torch.tensor([0, 0, 2]), torch.ones(3)),
    torch.take_along_dim(torch.eye(2), torch.tensor([[0], [1]]), 1),
    torch.block_diag(torch.ones(1, 1), torch.ones(2, 2)),
    torch.atleast_2d(torch.tensor(1.0)),
    torch.hstack([x[:1], x[:1]]),
    torch.dstack([x[:1], x[:1]]).shape,
    torch.column_stack([x[:2], x[:2]]),
    torch.unravel_index(torch.tensor(5), (2, 3)),
    torch.tile(x[:2], (2,)),
    torch.movedim(torch.ones(2, 3, 4), 0, -1).shape,
    torch.broadcast_shapes((2, 1), (3,)),
    torch.broadcast_tensors(torch.ones(2, 1), torch.ones(3))[0].shape,
    torch.meshgrid(torch.arange(2), torch.arange(2), indexing="xy")[0],
)
del Q, R, U, V, Vh, u, v  # whose signs are free
