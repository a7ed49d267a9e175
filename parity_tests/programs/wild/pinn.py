"""A physics-informed net for Burgers' equation: second derivatives by autograd.grad, Adam, LBFGS."""

from collections import OrderedDict

import numpy as np
import torch

torch.set_default_dtype(torch.float64)


class DNN(torch.nn.Module):
    def __init__(self, layers):
        super(DNN, self).__init__()
        self.depth = len(layers) - 1
        self.activation = torch.nn.Tanh
        layer_list = list()
        for i in range(self.depth - 1):
            layer_list.append(("layer_%d" % i, torch.nn.Linear(layers[i], layers[i + 1])))
            layer_list.append(("activation_%d" % i, self.activation()))
        layer_list.append(("layer_%d" % (self.depth - 1), torch.nn.Linear(layers[-2], layers[-1])))
        self.layers = torch.nn.Sequential(OrderedDict(layer_list))

    def forward(self, x):
        return self.layers(x)


dnn = DNN([2, 16, 16, 1])
nu = 0.01 / np.pi
x_f = torch.tensor(np.random.uniform(-1, 1, (80, 1)), requires_grad=True)
t_f = torch.tensor(np.random.uniform(0, 1, (80, 1)), requires_grad=True)
x_u = torch.linspace(-1, 1, 30).view(-1, 1)
t_u = torch.zeros_like(x_u)
u = -torch.sin(np.pi * x_u)


def net_f(x, t):
    u = dnn(torch.cat([x, t], dim=1))
    one = torch.ones_like(u)
    u_t = torch.autograd.grad(u, t, grad_outputs=one, retain_graph=True, create_graph=True)[0]
    u_x = torch.autograd.grad(u, x, grad_outputs=one, retain_graph=True, create_graph=True)[0]
    u_xx = torch.autograd.grad(
        u_x, x, grad_outputs=torch.ones_like(u_x), retain_graph=True, create_graph=True
    )[0]
    return u_t + u * u_x - nu * u_xx


iteration = 0
optimizer = torch.optim.LBFGS(
    dnn.parameters(), lr=1.0, max_iter=25, max_eval=40, history_size=20, tolerance_grad=1e-5,
    tolerance_change=1.0 * np.finfo(float).eps, line_search_fn="strong_wolfe",
)  # fmt: skip


def loss_func():
    global iteration
    optimizer.zero_grad()
    loss_u = torch.mean((u - dnn(torch.cat([x_u, t_u], dim=1))) ** 2)
    loss = loss_u + torch.mean(net_f(x_f, t_f) ** 2)
    loss.backward()
    iteration += 1
    if iteration % 10 == 0:
        print("Iter %d, Loss: %.5e" % (iteration, loss.item()))
    return loss


adam = torch.optim.Adam(dnn.parameters(), lr=1e-2)
for _ in range(10):
    adam.step(loss_func)
dnn.train()
optimizer.step(loss_func)
print(iteration, net_f(x_f, t_f).dtype)
torch.set_default_dtype(torch.float32)
