"""Hessian-vector products, power iteration, Newton, Rosenbrock by LBFGS, Jacobians, influence."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp


def rosenbrock(x):
    return torch.sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0)


x = torch.tensor([-1.5, 2.0, 0.5], dtype=torch.double, requires_grad=True)
optimizer = torch.optim.LBFGS([x], lr=1, max_iter=10, history_size=5, line_search_fn="strong_wolfe")
for i in range(4):

    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(x)
        loss.backward()
        return loss

    loss = optimizer.step(closure)
    print(i, f"{loss.item():.8f}", np.round(x.detach().numpy(), 5))
for name, kw in {"SGD": {"lr": 1e-4}, "Adam": {"lr": 0.05}, "Adamax": {"lr": 0.05}, "ASGD": {"lr": 1e-4},
                 "Rprop": {}, "Adadelta": {}, "NAdam": {"lr": 0.05}}.items():  # fmt: skip
    p = nn.Parameter(torch.tensor([-1.0, 1.5]))
    opt = getattr(torch.optim, name)([p], **kw)
    for _ in range(30):
        opt.zero_grad()
        rosenbrock(p).backward()
        opt.step()
    print(name, p.data)
y = torch.tensor([0.5, -0.3], dtype=torch.double)
H = hessian(rosenbrock, y)
print(H, torch.linalg.eigvalsh(H), jacobian(lambda v: v.sin() * v.sum(), y))
print(hvp(rosenbrock, y, torch.ones_like(y)), vhp(rosenbrock, y, torch.ones_like(y))[1])
print(jvp(torch.exp, y, torch.ones_like(y)), vjp(torch.exp, y, torch.ones_like(y)))
newton = y.clone()
for _ in range(6):
    g = jacobian(rosenbrock, newton)
    newton = newton - torch.linalg.solve(hessian(rosenbrock, newton), g)
print(newton)

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(5, 12), nn.Softplus(), nn.Linear(12, 3))
data, target = torch.randn(40, 5), torch.randint(0, 3, (40,))
params = list(net.parameters())


def hvp_flat(v):
    loss = F.cross_entropy(net(data), target)
    grads = torch.autograd.grad(loss, params, create_graph=True)
    flat = torch.cat([g.reshape(-1) for g in grads])
    hv = torch.autograd.grad(flat @ v, params)
    return torch.cat([h.contiguous().view(-1) for h in hv])


n = sum(p.numel() for p in params)
v = torch.randn(n)
v /= v.norm()
for i in range(25):
    hv = hvp_flat(v)
    eigenvalue = torch.dot(hv, v).item()
    v = hv / (hv.norm() + 1e-6)
print(f"top eigenvalue {eigenvalue:.4f}")
trace = 0.0
for _ in range(10):
    z = torch.randint(0, 2, (n,)).float() * 2 - 1
    trace += torch.dot(z, hvp_flat(z)).item() / 10
print(f"trace {trace:.3f}")
vec = nn.utils.parameters_to_vector(params)
nn.utils.vector_to_parameters(vec * 0.5, params)
print(F.cross_entropy(net(data), target).item())
fisher = [torch.zeros_like(p) for p in params]
for xi, ti in zip(data[:8], target[:8]):
    net.zero_grad()
    F.cross_entropy(net(xi.unsqueeze(0)), ti.unsqueeze(0)).backward()
    for f, p in zip(fisher, params):
        f += p.grad.pow(2) / 8
print([round(f.sum().item(), 5) for f in fisher])
w = torch.randn(3, requires_grad=True)
out = (w**3).sum()
(first,) = torch.autograd.grad(out, w, create_graph=True)
(second,) = torch.autograd.grad(first.sum(), w, create_graph=True)
(third,) = torch.autograd.grad(second.sum(), w)
print(torch.allclose(third, torch.full_like(third, 6.0)), second.grad_fn is not None)
a = torch.randn(4, requires_grad=True)
inner_opt = torch.optim.SGD([a], lr=0.1)
loss = (a.exp() * a).sum()
loss.backward(create_graph=False, inputs=[a])
inner_opt.step()
print(
    torch.autograd.functional.jacobian(lambda q: q * q.sum(), a.detach(), vectorize=True).diagonal()
)
