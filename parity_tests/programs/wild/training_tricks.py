"""Distillation, mixup, label smoothing by hand, EMA, accumulation, clipping, SAM, frozen norms."""

import copy
import math
import time
from functools import partial

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.checkpoint import checkpoint


def make_model(width):
    return nn.Sequential(
        nn.Linear(8, width, bias=False), nn.BatchNorm1d(width), nn.Hardswish(), nn.Linear(width, width),
        nn.GELU(approximate="tanh"), nn.Linear(width, 4),
    )  # fmt: skip


def kd_loss(student, teacher, labels, T=4.0, alpha=0.7):
    soft = nn.KLDivLoss(reduction="batchmean")(
        F.log_softmax(student / T, dim=1), F.softmax(teacher / T, dim=1)
    )
    return soft * (alpha * T * T) + F.cross_entropy(student, labels) * (1.0 - alpha)


def mixup_data(x, y, alpha=1.0):
    lam = np.random.beta(alpha, alpha) if alpha > 0 else 1
    index = torch.randperm(x.size()[0])
    return lam * x + (1 - lam) * x[index, :], y, y[index], lam


class LabelSmoothingCrossEntropy(nn.Module):
    def __init__(self, smoothing=0.1):
        super().__init__()
        self.smoothing = smoothing
        self.confidence = 1.0 - smoothing

    def forward(self, x, target):
        logprobs = F.log_softmax(x, dim=-1)
        nll_loss = -logprobs.gather(dim=-1, index=target.unsqueeze(1))
        nll_loss = nll_loss.squeeze(1)
        smooth_loss = -logprobs.mean(dim=-1)
        return (self.confidence * nll_loss + self.smoothing * smooth_loss).mean()


class ModelEMA:
    def __init__(self, model, decay=0.99):
        self.module = copy.deepcopy(model).eval()
        self.decay = decay
        for p in self.module.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        msd = model.state_dict()
        for k, v in self.module.state_dict().items():
            if v.dtype.is_floating_point:
                v *= self.decay
                v += (1 - self.decay) * msd[k].detach()


class SAM(torch.optim.Optimizer):
    def __init__(self, params, base_optimizer, rho=0.05, **kwargs):
        defaults = dict(rho=rho, **kwargs)
        super().__init__(params, defaults)
        self.base_optimizer = base_optimizer(self.param_groups, **kwargs)
        self.param_groups = self.base_optimizer.param_groups
        self.defaults.update(self.base_optimizer.defaults)

    @torch.no_grad()
    def first_step(self, zero_grad=False):
        norms = [
            p.grad.norm(p=2) for g in self.param_groups for p in g["params"] if p.grad is not None
        ]
        grad_norm = torch.norm(torch.stack(norms), p=2)
        for group in self.param_groups:
            scale = group["rho"] / (grad_norm + 1e-12)
            for p in group["params"]:
                if p.grad is None:
                    continue
                self.state[p]["old_p"] = p.data.clone()
                p.add_(p.grad * scale.to(p))
        if zero_grad:
            self.zero_grad()

    @torch.no_grad()
    def second_step(self, zero_grad=False):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.data = self.state[p]["old_p"]
        self.base_optimizer.step()
        if zero_grad:
            self.zero_grad()


torch.manual_seed(0)
np.random.seed(0)
x = torch.randn(192, 8)
y = (x @ torch.randn(8, 4)).argmax(1)
batches = list(zip(x.split(32), y.split(32)))
teacher, student = make_model(32), make_model(8)
opt = torch.optim.NAdam(teacher.parameters(), lr=1e-2)
ema = ModelEMA(teacher)
criterion = LabelSmoothingCrossEntropy(0.1)
for epoch in range(3):
    for xb, yb in batches:
        xm, ya, yb2, lam = mixup_data(xb, yb, 0.4)
        out = teacher(xm)
        loss = lam * criterion(out, ya) + (1 - lam) * criterion(out, yb2)
        opt.zero_grad()
        loss.backward()
        opt.step()
        ema.update(teacher)
    print(f"teacher {epoch} {loss.item():.5f} lam {lam:.3f}")
teacher.eval()
opt = torch.optim.RAdam(student.parameters(), lr=1e-2)
for epoch in range(2):
    for xb, yb in batches:
        with torch.no_grad():
            t = teacher(xb)
        loss = kd_loss(student(xb), t, yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"student {epoch} {loss.item():.5f}")

accum, model = 3, make_model(8)
model[0].requires_grad_(False)
opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
warmup = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1.0, (s + 1) / 3))
opt.zero_grad()
for i, (xb, yb) in enumerate(batches):
    loss = F.cross_entropy(model(xb), yb) / accum
    loss.backward()
    if (i + 1) % accum == 0:
        total = torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.2, norm_type=2.0)
        nn.utils.clip_grad_value_([p for p in model.parameters() if p.grad is not None], 0.05)
        opt.step()
        warmup.step()
        opt.zero_grad()
        print(f"clip {total:.5f} {warmup.get_last_lr()}")
print(model[0].weight.grad, model[5].weight.grad)

model = make_model(8)
sam = SAM(model.parameters(), torch.optim.SGD, rho=0.1, lr=0.1, momentum=0.9)
for xb, yb in batches:
    loss = F.cross_entropy(model(xb), yb)
    loss.backward()
    sam.first_step(zero_grad=True)
    F.cross_entropy(model(xb), yb).backward()
    sam.second_step(zero_grad=True)
print(f"sam {loss.item():.5f}")

swa = AveragedModel(model)
opt = torch.optim.SGD(model.parameters(), lr=0.05)
swalr = SWALR(opt, swa_lr=0.02, anneal_epochs=2)
for epoch in range(3):
    for xb, yb in batches:
        opt.zero_grad()
        h = checkpoint(model[:4], xb.clone().requires_grad_(), use_reentrant=False)
        F.cross_entropy(model[4:](h), yb).backward()
        opt.step()
    swa.update_parameters(model)
    swalr.step()
update_bn([xb for xb, _ in batches], swa)
print(f"swa {F.cross_entropy(swa(x), y).item():.5f} {swalr.get_last_lr()} {swa.n_averaged}")

fine = make_model(8)
fine.load_state_dict(
    {k: v for k, v in model.state_dict().items() if not k.startswith("5.")}, strict=False
)
for m in fine.modules():
    if isinstance(m, nn.BatchNorm1d):
        m.eval()
        m.weight.requires_grad = False
        m.track_running_stats = True
opt = torch.optim.Adam([
    {"params": fine[5].parameters(), "lr": 1e-2},
    {"params": (p for n, p in fine.named_parameters() if not n.startswith("5.") and p.requires_grad)},
], lr=1e-3)  # fmt: skip
sched = torch.optim.lr_scheduler.MultiStepLR(opt, milestones=[1, 2], gamma=0.1)
begin = time.time()
for _ in range(3):
    opt.zero_grad()
    loss = F.cross_entropy(fine(x), y)
    loss.backward()
    opt.step()
    sched.step()
    print("%.5f" % loss, [g["lr"] for g in opt.param_groups])
print("took %.2f s" % (time.time() - begin), math.isfinite(loss))
print(partial(F.leaky_relu, negative_slope=0.1)(torch.tensor([-1.0])))
cyc = torch.optim.lr_scheduler.CyclicLR(torch.optim.SGD(fine.parameters(), 0.1, momentum=0.9), 0.01, 0.1,
                                        step_size_up=2, mode="triangular2")  # fmt: skip
for _ in range(3):
    cyc.optimizer.step()
    cyc.step()
print(cyc.get_last_lr(), cyc.optimizer.param_groups[0]["momentum"])
chain = torch.optim.lr_scheduler.ChainedScheduler([
    torch.optim.lr_scheduler.ConstantLR(cyc.optimizer, 0.5, 2),
    torch.optim.lr_scheduler.ExponentialLR(cyc.optimizer, 0.9)])  # fmt: skip
cyc.optimizer.step()
chain.step()
print(chain.get_last_lr())
