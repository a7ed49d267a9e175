"""A small training framework: registry, callbacks, metrics, dataclass configs, mixed hooks, resume."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import logging
import os
import pathlib
import sys
from abc import ABC, abstractmethod
from contextlib import contextmanager, nullcontext
from typing import Any, Callable, Iterator, Mapping, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils import data

MODELS: dict[str, type] = {}


def register(name: str) -> Callable[[type], type]:
    def wrap(cls: type) -> type:
        MODELS[name] = cls
        return cls

    return wrap


@dataclasses.dataclass
class Config:
    model: str = "mixer"
    lr: float = 3e-3
    epochs: int = 3
    batch_size: int = 8
    accumulate: int = 2
    precision: str = "fp32"
    scheduler: dict = dataclasses.field(
        default_factory=lambda: {"name": "CosineAnnealingLR", "T_max": 6}
    )


class DropPath(nn.Module):
    def __init__(self, p: float = 0.0) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.p == 0.0 or not self.training:
            return x
        keep = 1 - self.p
        mask = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(keep)
        return x * mask.div_(keep)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class MixerBlock(nn.Module):
    def __init__(self, tokens: int, dim: int, drop: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim)
        mlp = lambda d: nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
        self.tok, self.ch, self.drop = mlp(tokens), mlp(dim), DropPath(drop)
        self.gamma = nn.Parameter(1e-1 * torch.ones(dim))

    def forward(self, x):
        x = x + self.drop(self.tok(self.norm1(x).transpose(1, 2)).transpose(1, 2))
        return x + self.drop(self.gamma * self.ch(self.norm2(x)))


@register("mixer")
class Mixer(nn.Module):
    def __init__(
        self, size: int = 8, patch: int = 4, dim: int = 12, depth: int = 2, classes: int = 4
    ) -> None:
        super().__init__()
        n = (size // patch) ** 2
        self.embed = nn.Conv2d(1, dim, patch, patch)
        self.blocks = nn.Sequential(
            *[MixerBlock(n, dim, r.item()) for r in torch.linspace(0, 0.2, depth)]
        )
        self.head = nn.Linear(dim, classes)
        nn.init.zeros_(self.head.bias)
        nn.init.trunc_normal_(self.head.weight, std=0.02)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        return self.head(self.blocks(x).mean(dim=1))


class Metric(ABC):
    def __init__(self) -> None:
        self.reset()

    @abstractmethod
    def update(self, logits, y): ...

    @abstractmethod
    def compute(self): ...

    @abstractmethod
    def reset(self): ...


class Accuracy(Metric):
    def reset(self):
        self.right, self.seen = torch.tensor(0), torch.tensor(0)

    def update(self, logits, y):
        self.right += (logits.argmax(-1) == y).sum()
        self.seen += y.numel()

    def compute(self):
        return (self.right / self.seen).item()


class Confusion(Metric):
    def __init__(self, n):
        self.n = n
        super().__init__()

    def reset(self):
        self.m = torch.zeros(self.n, self.n, dtype=torch.int64)

    def update(self, logits, y):
        idx = torch.stack([y, logits.argmax(-1)])
        self.m += (
            torch.sparse_coo_tensor(
                idx, torch.ones(len(y), dtype=torch.int64), self.m.shape
            ).to_dense()
            if False
            else torch.zeros_like(self.m).index_put_(
                tuple(idx), torch.ones(len(y), dtype=torch.int64), accumulate=True
            )
        )

    def compute(self):
        tp = self.m.diag().float()
        p, r = tp / self.m.sum(0).clamp(min=1), tp / self.m.sum(1).clamp(min=1)
        return torch.nan_to_num(2 * p * r / (p + r)).mean().item()


class Callback:
    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None: ...
    def on_batch_end(self, trainer: Trainer) -> None: ...


class Checkpoint(Callback):
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def on_epoch_end(self, trainer, logs):
        self.folder.mkdir(exist_ok=True)
        tmp = self.folder / "last.tmp"
        torch.save(trainer.state_dict(), tmp)
        os.replace(tmp, self.folder / "last.pt")


class GradWatch(Callback):
    def __init__(self):
        self.norms = []

    def on_batch_end(self, trainer):
        g = torch.stack([p.grad.norm(2) for p in trainer.model.parameters() if p.grad is not None])
        self.norms.append(round(torch.linalg.vector_norm(g).item(), 3))


class Trainer:
    def __init__(self, cfg: Config, callbacks: list[Callback] = ()):
        self.cfg, self.callbacks, self.epoch, self.global_step = cfg, list(callbacks), 0, 0
        torch.manual_seed(42)
        self.model = MODELS[cfg.model]()
        self.opt = torch.optim.NAdam(self.model.parameters(), lr=cfg.lr)
        sched = dict(cfg.scheduler)
        self.sched = getattr(torch.optim.lr_scheduler, sched.pop("name"))(self.opt, **sched)
        self.history: list[dict[str, float]] = []

    def state_dict(self):
        return {
            "cfg": dataclasses.asdict(self.cfg),
            "model": self.model.state_dict(),
            "opt": self.opt.state_dict(),
            "sched": self.sched.state_dict(),
            "epoch": self.epoch,
            "rng": torch.get_rng_state(),
            "history": self.history,
        }

    def load(self, path):
        ck = torch.load(path, weights_only=True)
        self.model.load_state_dict(ck["model"])
        self.opt.load_state_dict(ck["opt"])
        self.sched.load_state_dict(ck["sched"])
        self.epoch, self.history = ck["epoch"], ck["history"]
        torch.set_rng_state(ck["rng"])

    def emit(self, event, *args):
        for c in self.callbacks:
            getattr(c, event)(self, *args)

    def run_epoch(self, loader):
        self.model.train()
        acc, total = Accuracy(), 0.0
        for i, (x, y) in enumerate(loader):
            logits = self.model(x)
            loss = F.cross_entropy(logits, y, reduction="mean") / self.cfg.accumulate
            loss.backward()
            total += loss.detach() * self.cfg.accumulate
            acc.update(logits.detach(), y)
            if (i + 1) % self.cfg.accumulate == 0 or i + 1 == len(loader):
                self.emit("on_batch_end")
                self.opt.step()
                self.opt.zero_grad()
                self.sched.step()
                self.global_step += 1
        return {"loss": round((total / len(loader)).item(), 4), "acc": acc.compute()}

    def fit(self, train, val):
        while self.epoch < self.cfg.epochs:
            logs = self.run_epoch(train)
            f1 = Confusion(4)
            self.model.eval()
            with torch.no_grad():
                for x, y in val:
                    f1.update(self.model(x), y)
            logs["val_f1"] = round(f1.compute(), 4)
            self.epoch += 1
            self.history.append(logs)
            self.emit("on_epoch_end", logs)


def make(n, seed):
    g = torch.Generator()
    g.manual_seed(seed)
    y = torch.randint(4, (n,), generator=g)
    x = torch.rand((n, 1, 8, 8), generator=g)
    x[torch.arange(n), 0, y * 2] += 1.0
    return data.TensorDataset(x, y)


gen = torch.Generator().manual_seed(0)
loaders = (
    data.DataLoader(make(32, 1), 8, shuffle=True, generator=gen),
    data.DataLoader(make(16, 2), 16),
)
watch = GradWatch()
trainer = Trainer(Config(epochs=2), [Checkpoint("ck"), watch])
trainer.fit(*loaders)
print(json.dumps(trainer.history), watch.norms)
again = Trainer(Config(epochs=4))
again.load("ck/last.pt")
again.fit(*loaders)
print(json.dumps(again.history), again.sched.last_epoch, again.global_step)
print(trainer.model.blocks[1].drop, again.model)
print({k: tuple(v.shape) for k, v in list(again.model.state_dict().items())[:4]})
print(inspect.signature(Mixer.__init__), sorted(torch.load("ck/last.pt", weights_only=True)))
