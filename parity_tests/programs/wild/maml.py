"""MAML on sines: functional_call with fast weights, create_graph, an outer Adam; and Reptile."""

from collections import OrderedDict

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(OrderedDict([
            ("l1", nn.Linear(1, 20)), ("relu1", nn.ReLU()),
            ("l2", nn.Linear(20, 20)), ("relu2", nn.ReLU()), ("l3", nn.Linear(20, 1)),
        ]))  # fmt: skip

    def forward(self, x):
        return self.net(x)


def sample_task(k=10):
    amplitude = torch.empty(1).uniform_(0.1, 5.0)
    phase = torch.empty(1).uniform_(0, 3.14)
    x = torch.empty(2 * k, 1).uniform_(-5, 5)
    y = amplitude * torch.sin(x + phase)
    return (x[:k], y[:k]), (x[k:], y[k:])


torch.manual_seed(2)
model = Net()
meta_opt = torch.optim.Adam(model.parameters(), lr=1e-2)
inner_lr = 0.01
for it in range(10):
    meta_loss = 0.0
    for _ in range(3):
        (xs, ys), (xq, yq) = sample_task()
        fast = OrderedDict(model.named_parameters())
        for step in range(2):
            loss = F.mse_loss(functional_call(model, fast, (xs,)), ys)
            grads = torch.autograd.grad(loss, tuple(fast.values()), create_graph=True)
            fast = OrderedDict(
                (name, p - inner_lr * g) for (name, p), g in zip(fast.items(), grads)
            )
        meta_loss = meta_loss + F.mse_loss(functional_call(model, fast, xq), yq)
    meta_loss = meta_loss / 3
    meta_opt.zero_grad()
    meta_loss.backward()
    meta_opt.step()
    if it % 3 == 0:
        print(f"meta {it}: {meta_loss.item():.5f}")

for it in range(3):
    before = {name: p.clone() for name, p in model.state_dict().items()}
    (xs, ys), _ = sample_task()
    sgd = torch.optim.SGD(model.parameters(), lr=0.02)
    for _ in range(5):
        sgd.zero_grad()
        F.mse_loss(model(xs), ys).backward()
        sgd.step()
    after = model.state_dict()
    model.load_state_dict({n: before[n] + (after[n] - before[n]) * 0.1 for n in before})
    print("reptile", it, sum(p.abs().sum() for p in model.parameters()).item())
