"""A neural ODE on a spiral: Euler and RK4 solvers, the adjoint as an autograd.Function."""

import torch
import torch.nn as nn
from torch.nn.utils import parameters_to_vector


def euler(func, y, t0, t1):
    return y + (t1 - t0) * func(t0, y)


def rk4(func, y, t0, t1):
    h = t1 - t0
    k1 = func(t0, y)
    k2 = func(t0 + h / 2, y + h * k1 / 2)
    k3 = func(t0 + h / 2, y + h * k2 / 2)
    k4 = func(t1, y + h * k3)
    return y + h * (k1 + 2 * k2 + 2 * k3 + k4) / 6


def odeint(func, y0, t, method=rk4):
    solution = [y0]
    for t0, t1 in zip(t[:-1], t[1:]):
        y0 = method(func, y0, t0, t1)
        solution.append(y0)
    return torch.stack(solution, dim=0)


class ODEAdjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z0, t, flat_parameters, func):
        with torch.no_grad():
            z = odeint(func, z0, t)
        ctx.func = func
        ctx.save_for_backward(t, z.clone(), flat_parameters)
        return z

    @staticmethod
    def backward(ctx, dLdz):
        func = ctx.func
        t, z, flat_parameters = ctx.saved_tensors
        adj_z = torch.zeros_like(z[0])
        adj_p = torch.zeros_like(flat_parameters)
        with torch.no_grad():
            for i in range(len(t) - 1, 0, -1):
                adj_z = adj_z + dLdz[i]
                with torch.set_grad_enabled(True):
                    zi = z[i - 1].detach().requires_grad_(True)
                    out = rk4(func, zi, t[i - 1], t[i])
                    grads = torch.autograd.grad(
                        (out,), (zi,) + tuple(func.parameters()), grad_outputs=(adj_z,),
                        allow_unused=True, retain_graph=True,
                    )  # fmt: skip
                adj_z = grads[0]
                adj_p += torch.cat([g.flatten() for g in grads[1:]])
            adj_z = adj_z + dLdz[0]
        return adj_z, None, adj_p, None


class ODEFunc(nn.Module):
    def __init__(self):
        super(ODEFunc, self).__init__()
        self.net = nn.Sequential(nn.Linear(2, 20), nn.Tanh(), nn.Linear(20, 2))
        for m in self.net.modules():
            if isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, mean=0, std=0.1)
                nn.init.constant_(m.bias, val=0)

    def forward(self, t, y):
        return self.net(y**3)


true_y0 = torch.tensor([[2.0, 0.0]])
t = torch.linspace(0.0, 5.0, 51)
true_A = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]])


class Lambda(nn.Module):
    def forward(self, t, y):
        return torch.mm(y**3, true_A)


with torch.no_grad():
    true_y = odeint(Lambda(), true_y0, t)
print(true_y[-1], odeint(Lambda(), true_y0, t[:20], method=euler)[-1])
func = ODEFunc()
optimizer = torch.optim.RMSprop(func.parameters(), lr=1e-2)
for itr in range(1, 7):
    s = torch.randperm(40)[:8]
    batch_y0 = true_y[s]
    batch_t = t[:6]
    batch_y = torch.stack([true_y[s + i] for i in range(6)], dim=0)
    optimizer.zero_grad()
    pred_y = odeint(func, batch_y0, batch_t)
    loss = torch.mean(torch.abs(pred_y - batch_y))
    loss.backward()
    direct = torch.cat([p.grad.flatten() for p in func.parameters()])
    optimizer.zero_grad()
    z = ODEAdjoint.apply(batch_y0, batch_t, parameters_to_vector(func.parameters()), func)
    torch.mean(torch.abs(z - batch_y)).backward()
    adjoint = torch.cat([p.grad.flatten() for p in func.parameters()])
    print("Iter {:04d} | Loss {:.6f} | {}".format(
        itr, loss.item(), torch.allclose(direct, adjoint, atol=1e-4)))  # fmt: skip
    optimizer.step()
