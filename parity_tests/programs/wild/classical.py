"""Classical methods with torch.linalg and friends: GP, k-means, PCA, logistic, filters, Kalman."""

import math

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_printoptions(precision=3, sci_mode=False, linewidth=100)


def rbf(a, b, length, var):
    return var * torch.exp(-0.5 * torch.cdist(a, b).pow(2) / length**2)


x = torch.linspace(-3, 3, 20).unsqueeze(-1)
y = torch.sin(x).squeeze() + 0.1 * torch.randn(20)
log_length = torch.zeros((), requires_grad=True)
log_noise = torch.tensor(-1.0, requires_grad=True)
opt = torch.optim.Adam([log_length, log_noise], lr=0.1)
for i in range(16):
    opt.zero_grad()
    K = rbf(x, x, log_length.exp(), 1.0) + log_noise.exp() ** 2 * torch.eye(20)
    L = torch.linalg.cholesky(K)
    alpha = torch.cholesky_solve(y.unsqueeze(-1), L)
    nll = 0.5 * y @ alpha.squeeze(-1) + L.diagonal().log().sum() + 10 * math.log(2 * math.pi)
    nll.backward()
    opt.step()
    if i % 5 == 0:
        print(f"gp {i} {nll.item():.6f} {log_length.item():.4f}")
with torch.no_grad():
    Ks = rbf(torch.zeros(1, 1), x, log_length.exp(), 1.0)
    v = torch.linalg.solve_triangular(L, Ks.mT, upper=False)
    print((Ks @ alpha).squeeze(), (1 - (v * v).sum()).sqrt())


def kmeans(points, k, iters=10):
    centres = points[torch.randperm(len(points))[:k]]
    for _ in range(iters):
        assign = torch.cdist(points, centres).argmin(dim=1)
        counts = torch.bincount(assign, minlength=k).clamp(min=1).unsqueeze(1)
        centres = torch.zeros_like(centres).index_add_(0, assign, points) / counts
    return centres, assign


points = torch.cat(
    [torch.randn(30, 2) * 0.3 + torch.tensor(c) for c in ([0.0, 0.0], [3.0, 3.0], [0.0, 4.0])]
)
centres, assign = kmeans(points, 3)
print(centres[centres[:, 1].argsort()], torch.unique(assign, return_counts=True)[1].sort().values)
X = torch.randn(50, 5) @ torch.randn(5, 5)
Xc = X - X.mean(0, keepdim=True)
U, S, Vh = torch.linalg.svd(Xc, full_matrices=False)
ratio = S**2 / (S**2).sum()
evals, evecs = torch.linalg.eigh(torch.cov(X.T))
print(ratio, torch.allclose(evals.flip(0), S**2 / 49), (Xc @ Vh[:2].T).var(0))
_, S2, _ = torch.pca_lowrank(X, q=2, niter=4)
print(torch.allclose(S2, S[:2], rtol=1e-3), torch.corrcoef(X.T)[0])

w = torch.zeros(5)
t = (X @ torch.tensor([1.0, -2.0, 0.5, 0.0, 1.0]) > 0).double()
for _ in range(5):
    p = torch.sigmoid(X @ w)
    H = X.T @ (X * (p * (1 - p)).unsqueeze(1)) + 0.1 * torch.eye(5)
    w = w + torch.linalg.solve(H, X.T @ (t - p) - 0.1 * w)
print(w, ((p > 0.5) == t.bool()).double().mean())
coef = torch.linalg.lstsq(X, t.unsqueeze(1)).solution
Q, R = torch.linalg.qr(X)
print(torch.allclose(coef, torch.linalg.solve_triangular(R, Q.T @ t.unsqueeze(1), upper=True)))
print(torch.linalg.pinv(X).shape, torch.linalg.cond(X) > 1, torch.logdet(torch.cov(X.T)),
      torch.linalg.slogdet(torch.eye(2) * -3), torch.linalg.matrix_rank(X))  # fmt: skip
print(
    torch.linalg.matrix_power(torch.tensor([[0.9, 0.1], [0.5, 0.5]]), 50)[0],
    torch.trace(R).abs() > 0,
)
print(torch.matrix_exp(torch.tensor([[0.0, 1.0], [-1.0, 0.0]])), torch.linalg.norm(X, "fro"))

image = torch.zeros(1, 1, 12, 12)
image[:, :, 3:9, 4:8] = 1
sobel = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]).view(1, 1, 3, 3)
gx, gy = F.conv2d(image, sobel, padding=1), F.conv2d(image, sobel.transpose(2, 3), padding="same")
mag = torch.hypot(gx, gy)
print(mag.max(), (mag > 2).sum(), torch.atan2(gy, gx).unique())
k = torch.exp(-((torch.arange(5.0) - 2) ** 2) / 2)
k = torch.outer(k, k)
blur = F.conv2d(F.pad(image, (2, 2, 2, 2), mode="reflect"), (k / k.sum())[None, None])
print(blur[0, 0, 6], F.max_pool2d(image, 3, 1, 1).sum(), -F.max_pool2d(-image, 3, 1, 1).sum())
patches = F.unfold(image, 3, padding=1)
print(patches.shape, torch.allclose((sobel.view(1, 1, 9) @ patches).view(1, 1, 12, 12), gx))
print(F.fold(F.unfold(image, 2, stride=2), (12, 12), 2, stride=2).eq(image).all())
theta = torch.tensor([[[math.cos(0.3), -math.sin(0.3), 0], [math.sin(0.3), math.cos(0.3), 0]]])
grid = F.affine_grid(theta, image.size(), align_corners=False)
print(F.grid_sample(image, grid, align_corners=False, padding_mode="border").sum())
hist = torch.histc(blur, bins=5, min=0, max=1)
print(
    hist,
    torch.quantile(blur.flatten(), torch.tensor([0.1, 0.5, 0.9])),
    blur.median(),
    blur.kthvalue(3)[0].sum(),
)

state, P = torch.zeros(2), torch.eye(2)
A, C = torch.tensor([[1.0, 1.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0]])
for z in torch.arange(1.0, 6.0) + 0.1 * torch.randn(5):
    state, P = A @ state, A @ P @ A.T + 0.01 * torch.eye(2)
    gain = P @ C.T @ torch.inverse(C @ P @ C.T + 0.1)
    state = state + gain @ (z - C @ state)
    P = (torch.eye(2) - gain @ C) @ P
print(state, P)

b, h, n, d = 2, 3, 5, 4
q, kk, vv = torch.randn(3, b, h, n, d).unbind(0)
scores = torch.einsum("bhid,bhjd->bhij", q, kk) / d**0.5
mask = torch.ones(n, n, dtype=torch.bool).triu(1)
attn = scores.masked_fill(mask, -torch.finfo(scores.dtype).max).softmax(-1)
out = torch.einsum("bhij,bhjd->bhid", attn, vv)
print(torch.allclose(out, F.scaled_dot_product_attention(q, kk, vv, is_causal=True)), out.sum())
print(
    torch.einsum("ii->i", torch.arange(9.0).view(3, 3)), torch.einsum("i,j->ij", k[0], k[1]).sum()
)
dist, bins = torch.randn(1000).abs(), torch.tensor([0.5, 1.0, 2.0])
print(
    torch.bucketize(dist, bins).bincount(),
    torch.cumsum(torch.ones(4), 0),
    torch.trapezoid(torch.ones(5)),
)
print(np.linalg.norm(X.numpy()) - X.norm().item() < 1e-12)
torch.set_default_dtype(torch.float32)
torch.set_printoptions(profile="default")
