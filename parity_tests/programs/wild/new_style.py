"""Recent style: type hints, amp and GradScaler in their guards, fused and foreach, dataclasses."""

import contextlib
from dataclasses import dataclass, field
from typing import Callable, NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor
from torch.amp import GradScaler, autocast
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim import AdamW, Optimizer
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Config:
    dim: int = 16
    layers: int = 2
    heads: int = 4
    dropout: float = 0.0
    lr: float = 3e-3
    betas: tuple[float, float] = (0.9, 0.95)
    act: Callable[[Tensor], Tensor] = F.silu
    sizes: list[int] = field(default_factory=lambda: [16, 32])


class Output(NamedTuple):
    logits: Tensor
    loss: Tensor | None = None


class RMSNorm(nn.Module):
    def __init__(self, dim: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def _norm(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)

    def forward(self, x: Tensor) -> Tensor:
        return self._norm(x.float()).type_as(x) * self.weight


def rope(x: Tensor, base: float = 10000.0) -> Tensor:
    t, d = x.shape[-2:]
    inv = 1.0 / (base ** (torch.arange(0, d, 2, device=x.device).float() / d))
    freqs = torch.outer(torch.arange(t, device=x.device).float(), inv)
    cos, sin = freqs.cos().repeat_interleave(2, -1), freqs.sin().repeat_interleave(2, -1)
    x1, x2 = x[..., ::2], x[..., 1::2]
    rotated = torch.stack((-x2, x1), dim=-1).flatten(-2)
    return x * cos + rotated * sin


class Block(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.c = c
        self.n1, self.n2 = RMSNorm(c.dim), nn.RMSNorm(c.dim, eps=1e-6)
        self.wq, self.wo = nn.Linear(c.dim, c.dim, bias=False), nn.Linear(c.dim, c.dim, bias=False)
        self.wkv = nn.Linear(c.dim, c.dim, bias=False)
        self.w1, self.w3 = nn.Linear(c.dim, 32, bias=False), nn.Linear(c.dim, 32, bias=False)
        self.w2 = nn.Linear(32, c.dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        h = self.n1(x)
        q = self.wq(h).unflatten(-1, (self.c.heads, -1)).transpose(1, 2)
        k, v = self.wkv(h).view(b, t, 2, self.c.heads // 2, -1).permute(2, 0, 3, 1, 4)
        k, v = (z.repeat_interleave(2, dim=1) for z in (rope(k), v))
        a = F.scaled_dot_product_attention(rope(q), k, v, is_causal=True)
        x = x + self.wo(a.transpose(1, 2).reshape(b, t, d))
        h = self.n2(x)
        return x + self.w2(self.c.act(self.w1(h)) * self.w3(h))


class Llama(nn.Module):
    def __init__(self, c: Config, vocab: int = 11) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab, c.dim)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.norm, self.head = RMSNorm(c.dim), nn.Linear(c.dim, vocab, bias=False)
        self.head.weight = self.embed.weight
        self.apply(
            lambda m: nn.init.normal_(m.weight, std=0.05) if isinstance(m, nn.Linear) else None
        )

    def forward(self, ids: Tensor, labels: Tensor | None = None) -> Output:
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100)
        return Output(logits, loss)


def make_optimizer(model: nn.Module, c: Config) -> Optimizer:
    decay = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    return AdamW(groups, lr=c.lr, betas=c.betas, foreach=True)


torch.manual_seed(0)
torch.set_float32_matmul_precision("high")
config = Config()
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
use_amp = device.type == "cuda"
model = Llama(config).to(device)
optimizer = make_optimizer(model, config)
scaler = GradScaler(device.type, enabled=use_amp)
old_scaler = torch.cuda.amp.GradScaler(enabled=False)
sequence = (torch.arange(400) * torch.arange(400)) % 11
data = sequence.view(40, 10)
loader = DataLoader(
    TensorDataset(data[:, :-1], data[:, 1:]), batch_size=10, shuffle=True, drop_last=True
)
for epoch in range(3):
    for x, y in loader:
        x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
        optimizer.zero_grad(set_to_none=True)
        with autocast(device_type=device.type, dtype=torch.bfloat16, enabled=use_amp):
            out = model(x, y)
        scaler.scale(out.loss).backward()
        scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        scaler.step(optimizer)
        scaler.update()
    print(f"{epoch} loss {out.loss:.5f} norm {norm:.4f} scale {scaler.get_scale()}")
with torch.cuda.amp.autocast(enabled=False), contextlib.nullcontext():
    print(model(data[:2]).logits.std())
print(old_scaler.is_enabled(), scaler.state_dict())
with sdpa_kernel(SDPBackend.MATH), torch.inference_mode():
    ids = data[:1, :4]
    for _ in range(6):
        ids = torch.cat([ids, model(ids).logits[:, -1].argmax(-1, keepdim=True)], dim=1)
print(ids.tolist())
print([type(m).__name__ for m in model.modules()][:6], sum(p.numel() for p in model.parameters()))
print({n: tuple(p.shape) for n, p in model.named_parameters() if n.startswith("blocks.0.n")})
with torch.device("cpu"):
    print(nn.Linear(2, 2).weight.device, torch.empty(1).device)
