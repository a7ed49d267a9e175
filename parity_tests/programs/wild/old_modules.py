"""Code that reaches into torch's own modules: private base classes, old optimisers, schedulers."""

import copy
import math
from collections import OrderedDict
from typing import Optional, Union

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.init as init
from torch import Tensor
from torch.nn import Parameter
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.loss import _Loss, _WeightedLoss
from torch.nn.modules.utils import _pair, _single, _triple
from torch.optim.lr_scheduler import LRScheduler, _LRScheduler
from torch.optim.optimizer import Optimizer, required


class LazyAdam(Optimizer):
    r"""Adam as people wrote it for 1.4, signatures and all but the retired ones."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
        if not 0.0 <= lr:
            raise ValueError("Invalid learning rate: {}".format(lr))
        defaults = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
        super(LazyAdam, self).__init__(params, defaults)

    def __setstate__(self, state):
        super(LazyAdam, self).__setstate__(state)

    def step(self, closure=None):
        loss = None
        if closure is not None:
            loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                grad = p.grad.data
                if grad.is_sparse:
                    raise RuntimeError("LazyAdam does not support sparse gradients")
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = 0
                    state["exp_avg"] = torch.zeros_like(p.data)
                    state["exp_avg_sq"] = torch.zeros_like(
                        p.data, memory_format=torch.preserve_format
                    )
                exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
                beta1, beta2 = group["betas"]
                state["step"] += 1
                if group["weight_decay"] != 0:
                    grad = grad.add(p.data, alpha=group["weight_decay"])
                exp_avg.mul_(beta1).add_(grad, alpha=1 - beta1)
                exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
                denom = exp_avg_sq.sqrt().add_(group["eps"])
                c1, c2 = 1 - beta1 ** state["step"], 1 - beta2 ** state["step"]
                p.data.addcdiv_(exp_avg, denom, value=-group["lr"] * math.sqrt(c2) / c1)
        return loss


class OldSGD(Optimizer):
    def __init__(self, params, lr=required):
        if lr is not required and lr < 0.0:
            raise ValueError("Invalid learning rate")
        super().__init__(params, dict(lr=lr))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.add_(-group["lr"], p.grad)


class Lookahead:
    """Wraps another optimizer."""

    def __init__(self, base_optimizer, alpha=0.5, k=2):
        self.optimizer = base_optimizer
        self.param_groups = self.optimizer.param_groups
        self.alpha, self.k, self.count = alpha, k, 0
        self.slow = [[p.clone().detach() for p in g["params"]] for g in self.param_groups]
        self.defaults = base_optimizer.defaults
        self.state = base_optimizer.state

    def zero_grad(self):
        self.optimizer.zero_grad()

    def step(self, closure=None):
        loss = self.optimizer.step(closure)
        self.count += 1
        if self.count % self.k == 0:
            for group, slow in zip(self.param_groups, self.slow):
                for p, q in zip(group["params"], slow):
                    q.data.add_(p.data - q.data, alpha=self.alpha)
                    p.data.copy_(q.data)
        return loss


class WarmupCosine(_LRScheduler):
    def __init__(self, optimizer, warmup, total, eta_min=0.0, last_epoch=-1):
        self.warmup, self.total, self.eta_min = warmup, total, eta_min
        super(WarmupCosine, self).__init__(optimizer, last_epoch)

    def get_lr(self):
        if not self._get_lr_called_within_step:
            print("outside step")
        if self.last_epoch < self.warmup:
            return [b * (self.last_epoch + 1) / self.warmup for b in self.base_lrs]
        t = (self.last_epoch - self.warmup) / (self.total - self.warmup)
        return [
            self.eta_min + (b - self.eta_min) * (1 + math.cos(math.pi * t)) / 2
            for b in self.base_lrs
        ]


class PolyLR(LRScheduler):
    def __init__(self, optimizer, max_iters, power=0.9, last_epoch=-1):
        self.power, self.max_iters = power, max_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        f = (1 - self.last_epoch / self.max_iters) ** self.power
        return [base_lr * f for base_lr in self.base_lrs]


class FocalLoss(_WeightedLoss):
    def __init__(self, weight: Optional[Tensor] = None, gamma: float = 2, reduction: str = "mean"):
        super().__init__(weight, reduction=reduction)
        self.gamma = gamma

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        ce = F.cross_entropy(input, target, weight=self.weight, reduction="none")
        pt = torch.exp(-ce)
        loss = (1 - pt) ** self.gamma * ce
        return loss.mean() if self.reduction == "mean" else loss.sum()


class Charbonnier(_Loss):
    def forward(self, a, b):
        return torch.sqrt((a - b) ** 2 + 1e-6).mean()


class WSConv2d(nn.Conv2d):
    def forward(self, input):
        weight = self.weight
        mean = weight.mean(dim=1, keepdim=True).mean(dim=2, keepdim=True).mean(dim=3, keepdim=True)
        weight = weight - mean
        std = weight.view(weight.size(0), -1).std(dim=1).view(-1, 1, 1, 1) + 1e-5
        weight = weight / std.expand_as(weight)
        return F.conv2d(
            input, weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class MyConv(_ConvNd):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        super().__init__(
            in_channels, out_channels, _pair(kernel_size), _pair(stride), _pair(padding), _pair(1),
            False, _pair(0), 1, True, "zeros",
        )  # fmt: skip

    def forward(self, input):
        return F.conv2d(input, self.weight * 2, self.bias, self.stride, self.padding)


class MyNorm(_BatchNorm):
    def _check_input_dim(self, input: Union[Tensor, None]):
        if input.dim() != 4:
            raise ValueError("expected 4D input (got {}D input)".format(input.dim()))


class NoisyLinear(nn.Module):
    __constants__ = ["in_features"]
    in_features: int
    weight: Tensor

    def __init__(self, n, m, device=None, dtype=None):
        factory_kwargs = {"device": device, "dtype": dtype}
        super().__init__()
        self.in_features = n
        self.weight = Parameter(torch.empty((m, n), **factory_kwargs))
        self.sigma = nn.Parameter(torch.Tensor(m, n))
        self.register_buffer("eps", torch.zeros(m, n))
        self.register_parameter("bias", None)
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
        self.sigma.data.fill_(0.5 / math.sqrt(fan_in))

    def forward(self, x):
        self.eps.normal_()
        return F.linear(x, self.weight + self.sigma * self.eps, self.bias)

    def extra_repr(self):
        return "in_features={}, bias={}".format(self.in_features, self.bias is not None)


print(_single(2), _pair(3), _pair((1, 2)), _triple(4), required)
model = nn.Sequential(
    OrderedDict(
        [
            ("conv", WSConv2d(2, 4, 3, padding=1)), ("norm", MyNorm(4)), ("act", nn.ReLU6()),
            ("my", MyConv(4, 4, 3)), ("pool", nn.AdaptiveMaxPool2d(2)), ("flat", nn.Flatten()),
            ("head", NoisyLinear(16, 3)),
        ]
    )
)  # fmt: skip
print(model)
for m in model.modules():
    if isinstance(m, (nn.modules.batchnorm._BatchNorm, nn.GroupNorm)):
        nn.init.constant_(m.weight, 0.5)
    if isinstance(m, nn.modules.conv._ConvNd):
        nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
        print(m.transposed, m.output_padding, m.padding_mode, m.kernel_size)
x = torch.randn(12, 2, 8, 8)
y = torch.randint(0, 3, (12,))
losses = (FocalLoss(), FocalLoss(weight=torch.tensor([1.0, 2.0, 3.0]), reduction="sum"))
for optimizer in (
    LazyAdam(model.parameters(), lr=1e-2, weight_decay=1e-3),
    Lookahead(torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)),
):
    base = getattr(optimizer, "optimizer", optimizer)
    for sched in (WarmupCosine(base, 2, 6), PolyLR(base, 6)):
        for step in range(4):
            optimizer.zero_grad()
            loss = losses[step % 2](model(x), y)
            loss.backward()
            optimizer.step()
            sched.step()
            print(type(optimizer).__name__, f"{loss.item():.5f}", f"{sched.get_last_lr()[0]:.5f}")
        print(sorted(sched.state_dict()))
print(Charbonnier()(x, torch.zeros_like(x)))
print({k: tuple(v.shape) for k, v in model.state_dict().items()})
try:
    OldSGD(model.parameters(), lr=0.1).step()
except TypeError as error:
    print("TypeError", str(error).split("\n")[0][:60])
try:
    OldSGD(model.parameters())
    print("no error")
except ValueError as error:
    print(error)
twin = copy.deepcopy(model)
twin.head.weight.data.zero_()
print(model.head.weight.abs().sum() > 0, next(twin.parameters()).is_leaf)
state = model.state_dict()
state = OrderedDict((("module." + k), v) for k, v in state.items())
try:
    twin.load_state_dict(state)
except RuntimeError as error:
    print(str(error)[:400])
new_state = OrderedDict()
for k, v in state.items():
    name = k[7:]
    new_state[name] = v
print(twin.load_state_dict(new_state))
pretrained = {
    k: v for k, v in new_state.items() if not k.startswith("head") and k in twin.state_dict()
}
model_dict = twin.state_dict()
model_dict.update(pretrained)
print(twin.load_state_dict(model_dict), twin.load_state_dict(pretrained, strict=False))
del twin, state, new_state, pretrained, model_dict
