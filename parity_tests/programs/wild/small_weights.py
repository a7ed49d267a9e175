"""Smaller networks: low-rank adapters, training for quantised weights, distillation, pruning."""

import math

import torch
import torch.nn.functional as F
import torch.nn.utils.parametrize as parametrize
import torch.nn.utils.prune as prune
from torch import nn


class LoRA(nn.Module):
    def __init__(self, base, rank=2, alpha=4):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.A = nn.Parameter(torch.empty(rank, base.in_features))
        self.B = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + F.linear(F.linear(x, self.A), self.B) * self.scale


def mlp(width):
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 4))


X, y = torch.randn(32, 3), torch.randint(4, (32,))
teacher = mlp(16)
for name, layer in list(teacher.named_children()):
    if isinstance(layer, nn.Linear):
        setattr(teacher, name, LoRA(layer))
wanted = [p for p in teacher.parameters() if p.requires_grad]
print(teacher, sum(p.numel() for p in wanted), [n for n, _ in teacher.named_parameters()])
optimizer = torch.optim.AdamW(wanted, lr=0.05)
for step in range(3):
    loss = F.cross_entropy(teacher(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, loss, teacher[0].base.weight.grad)


class FakeQuantized(nn.Module):
    def forward(self, w):
        scale = float(w.detach().abs().max() / 7)
        return torch.fake_quantize_per_tensor_affine(w, scale, 0, -8, 7)


class Rounded(torch.autograd.Function):
    @staticmethod
    def forward(x, scale, low=-8, high=7):
        return torch.clamp(torch.round(x / scale), low, high) * scale

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, scale, low, high = inputs
        ctx.save_for_backward((x / scale >= low) & (x / scale <= high))

    @staticmethod
    def backward(ctx, g):
        (mask,) = ctx.saved_tensors
        return g * mask, None, None, None


student = mlp(6)
for layer in (student[0], student[2]):
    parametrize.register_parametrization(layer, "weight", FakeQuantized())
print(student, student[0].weight, student[0].weight.unique().numel() <= 16)
optimizer = torch.optim.SGD(student.parameters(), lr=0.1, momentum=0.9)
T = 4.0
for step in range(4):
    with torch.no_grad():
        soft = F.softmax(teacher(X) / T, dim=1)
    scores = student(X)
    distil = F.kl_div(F.log_softmax(scores / T, dim=1), soft, reduction="batchmean") * T * T
    loss = 0.9 * distil + 0.1 * F.cross_entropy(scores, y)
    optimizer.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(student.parameters(), 1.0)
    optimizer.step()
    print(step, loss, norm, student[0].parametrizations.weight.original.grad.abs().sum())
x = torch.linspace(-2, 2, 6, requires_grad=True)
Rounded.apply(x, 0.15).sum().backward()
print(Rounded.apply(x, scale=0.25), x.grad)
scale, zero = torch.tensor([0.1, 0.5]), torch.tensor([0, 1], dtype=torch.int32)
print(torch.fake_quantize_per_channel_affine(X[:2], scale, zero, 0, -8, 7))
for layer in (student[0], student[2]):
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
prune.l1_unstructured(student[0], "weight", 0.5)
print(student[0].weight_mask, [n for n, _ in student[0].named_buffers()])
prune.remove(student[0], "weight")
prune.ln_structured(student[2], "weight", 0.5, n=2, dim=0)
print((student[0].weight == 0).float().mean(), student[2].weight_mask.sum(1), student(X[:1]))
