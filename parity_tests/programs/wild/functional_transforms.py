"""torch.func: per-sample gradients, Jacobians, ensembles by vmap, hypernetworks, stateless calls."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import vmap
from torch.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    stack_module_state,
    vjp,
)


class Simple(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(F.relu(self.conv(x)).mean((2, 3)))


torch.manual_seed(0)
model = Simple()
data, targets = torch.randn(6, 1, 6, 6), torch.randint(0, 3, (6,))
params = {k: v.detach() for k, v in model.named_parameters()}
buffers = {k: v.detach() for k, v in model.named_buffers()}


def compute_loss(params, buffers, sample, target):
    predictions = functional_call(model, (params, buffers), (sample.unsqueeze(0),))
    return F.cross_entropy(predictions, target.unsqueeze(0))


ft_per_sample = vmap(grad(compute_loss), in_dims=(None, None, 0, 0))(params, buffers, data, targets)
print({k: tuple(v.shape) for k, v in ft_per_sample.items()})
for i in range(2):
    model.zero_grad()
    F.cross_entropy(model(data[i : i + 1]), targets[i : i + 1]).backward()
    print(torch.allclose(model.fc.weight.grad, ft_per_sample["fc.weight"][i], atol=1e-6))
norms = sum(g.flatten(1).pow(2).sum(1) for g in ft_per_sample.values()).sqrt()
clip = (1.0 / norms).clamp(max=1.0)
private = {k: torch.einsum("i,i...->...", clip, g) for k, g in ft_per_sample.items()}
print(norms, {k: round(v.norm().item(), 5) for k, v in private.items()})
print(grad_and_value(lambda x: (x**3).sum())(torch.tensor([1.0, 2.0])))
f = lambda x: torch.stack([x[0] * x[1], x.sin().sum(), x[1] ** 2])  # noqa: E731
x = torch.tensor([0.3, -1.2])
print(jacrev(f)(x) + 0, jacfwd(f)(x) + 0, hessian(lambda v: f(v).prod())(x) + 0)
print(jvp(f, (x,), (torch.ones(2),)), vjp(f, x)[1](torch.ones(3)))
models = [nn.Linear(3, 2) for _ in range(4)]
stacked, bufs = stack_module_state(models)
base = nn.Linear(3, 2)
xs = torch.randn(5, 3)
out = vmap(lambda p, b, x: functional_call(base, (p, b), (x,)), in_dims=(0, 0, None))(
    stacked, bufs, xs
)
print(out.shape, torch.allclose(out[2], models[2](xs), atol=1e-6))
batched_dot = torch.vmap(torch.dot)
print(batched_dot(torch.arange(6.0).view(3, 2), torch.ones(3, 2)))
print(
    vmap(vmap(lambda a: a * 2))(torch.ones(2, 2)),
    vmap(torch.sum, in_dims=1)(torch.arange(6.0).view(2, 3)),
)
print(
    torch.func.vmap(lambda a, b: (a + b, a * b), in_dims=(0, None), out_dims=(0, 1))(
        torch.eye(2), torch.arange(2.0)
    )
)


class HyperNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.target = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
        self.shapes = {n: p.shape for n, p in self.target.named_parameters()}
        total = sum(p.numel() for p in self.target.parameters())
        self.gen = nn.Linear(3, total)
        for p in self.target.parameters():
            p.requires_grad_(False)

    def forward(self, z, x):
        flat = self.gen(z)
        chunks = torch.split(flat, [s.numel() for s in self.shapes.values()])
        weights = {n: c.view(s) for (n, s), c in zip(self.shapes.items(), chunks)}
        return torch.func.functional_call(self.target, weights, (x,))


hyper = HyperNet()
opt = torch.optim.Adam(hyper.parameters(), 1e-2)
z, xin = torch.randn(3), torch.randn(20, 2)
for step in range(10):
    opt.zero_grad()
    loss = F.mse_loss(hyper(z, xin), xin.prod(1, keepdim=True))
    loss.backward()
    opt.step()
print(f"{loss.item():.6f}", [n for n, p in hyper.named_parameters() if p.grad is not None])
