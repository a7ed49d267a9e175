"""Per-sample gradients, ensembles, Hessian products, a tangent kernel, checkpoints."""

import torch, torch.nn as nn, torch.nn.functional as F
from torch.func import (
    functional_call,
    grad,
    vmap,
    jacrev,
    jacfwd,
    hessian,
    vjp,
    jvp,
    grad_and_value,
    stack_module_state,
)

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
params = {k: v.detach() for k, v in net.named_parameters()}


def loss(p, x, y):
    return F.mse_loss(functional_call(net, p, (x,)), y)


x, y = torch.randn(5, 3), torch.randn(5, 1)
g = grad(loss)(params, x, y)
print({k: v.shape for k, v in g.items()})
per = vmap(grad(lambda p, a, b: loss(p, a[None], b[None])), in_dims=(None, 0, 0))(params, x, y)
print(per["0.weight"].shape, torch.allclose(per["0.weight"].mean(0), g["0.weight"], atol=1e-6))
f = lambda t: (t**3).sum()
v = torch.arange(3.0)
print(hessian(f)(v), jacrev(torch.sin)(v), jacfwd(lambda t: t * t[0])(v))
o, vf = vjp(torch.exp, v)
print(o, vf(torch.ones(3)))
print(jvp(torch.sin, (v,), (torch.ones(3),)))
gv, val = grad_and_value(f)(v)
print(gv, val)
print(
    vmap(torch.dot)(x, x),
    vmap(lambda a, b: a + b, in_dims=(0, None))(x, torch.ones(3)).shape,
    vmap(lambda a: a.sum(), in_dims=1, out_dims=0)(x),
    vmap(vmap(torch.mul))(torch.ones(2, 3), torch.ones(2, 3)).shape,
)


def maml(p, x, y, lr=0.1):
    g = grad(loss)(p, x, y)
    q = {k: p[k] - lr * g[k] for k in p}
    return loss(q, x, y)


print(maml(params, x, y), grad(maml)(params, x, y)["2.bias"])
print(jacrev(lambda p: functional_call(net, p, (x[:2],)))(params)["2.weight"].shape)
models = [nn.Linear(3, 2) for _ in range(3)]
P, B = stack_module_state(models)
base = nn.Linear(3, 2)
out = vmap(lambda p, b, x: functional_call(base, (p, b), (x,)), in_dims=(0, 0, None))(P, B, x)
print(out.shape, torch.allclose(out[1], models[1](x), atol=1e-6))
hvp = lambda f, x, v: jvp(grad(f), (x,), (v,))[1]
print(hvp(f, v, torch.ones(3)))


def cg(A, b, n=10):
    x = torch.zeros_like(b)
    r = b - A @ x
    p = r.clone()
    rs = r @ r
    for _ in range(n):
        Ap = A @ p
        a = rs / (p @ Ap)
        x += a * p
        r -= a * Ap
        rn = r @ r
        if rn.sqrt() < 1e-6:
            break
        p = r + rn / rs * p
        rs = rn
    return x


A = torch.randn(4, 4, dtype=torch.double)
A = A @ A.T + 4 * torch.eye(4, dtype=torch.double)
b = torch.randn(4, dtype=torch.double)
print(torch.dist(A @ cg(A, b), b) < 1e-5, torch.linalg.cond(A) < 100)
ntk = jacrev(lambda p: functional_call(net, p, (x,)).squeeze(-1))(params)
K = sum(j.flatten(1) @ j.flatten(1).T for j in ntk.values())
print(K.shape, (torch.linalg.eigvalsh(K) > -1e-4).all())
print(
    torch.autograd.functional.jvp(lambda t: t**2, v, torch.ones(3)),
    torch.autograd.functional.hvp(lambda t: (t**3).sum(), v, torch.ones(3)),
    torch.autograd.functional.vjp(lambda t: t**2, v, torch.ones(3)),
)
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

m = nn.Sequential(*[nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(4)])
t = torch.randn(2, 4, requires_grad=True)
o1 = checkpoint(m, t, use_reentrant=False).sum()
o2 = checkpoint_sequential(m, 2, t, use_reentrant=False).sum()
(g1,) = torch.autograd.grad(o1, t)
(g2,) = torch.autograd.grad(o2, t)
print(torch.equal(g1, g2), o1)
