"""Drawn trees of modules: the same tree from the same seed, with either package."""

from __future__ import annotations

from collections import OrderedDict
from random import Random
from typing import Any

WIDTH = 3


def layer(torch: Any, draw: Random) -> Any:
    """One layer from WIDTH to WIDTH features."""
    nn = torch.nn
    kind = draw.randrange(7)
    if kind == 0:
        return nn.Linear(WIDTH, WIDTH, bias=draw.random() < 0.7)
    if kind == 1:
        return nn.BatchNorm1d(WIDTH, affine=draw.random() < 0.7)
    if kind == 2:
        return nn.LayerNorm(WIDTH)
    if kind == 3:
        return nn.Identity()
    return [nn.ReLU, nn.Tanh, nn.Sigmoid][kind - 4]()


def tree(torch: Any, seed: int, depth: int = 3) -> Any:
    """A net from WIDTH to WIDTH features: nested, with shared layers, buffers and empty places."""
    torch.manual_seed(seed)
    return _block(torch, Random(seed), depth, [])


def _block(torch: Any, draw: Random, depth: int, seen: list[Any]) -> Any:
    nn = torch.nn
    count = draw.randrange(1, 4)
    children = []
    for _ in range(count):
        if seen and draw.random() < 0.2:
            child = draw.choice(seen)
        elif depth > 0 and draw.random() < 0.6:
            child = _block(torch, draw, depth - 1, seen)
        else:
            child = layer(torch, draw)
        seen.append(child)
        children.append(child)
    kind = draw.randrange(3)
    if kind == 0:
        return nn.Sequential(*children)
    if kind == 1:
        named = [
            (f"part {i}" if draw.random() < 0.3 else f"c{i}", c) for i, c in enumerate(children)
        ]
        return nn.Sequential(OrderedDict(named))
    return block_class(torch)(children, draw)


def block_class(torch: Any) -> type:
    """A module of its own with every kind of member."""
    nn = torch.nn

    class Block(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self, children: list[Any], draw: Random) -> None:
            super().__init__()
            self.parts = nn.ModuleList(children)
            self.nothing = None
            self.register_module("empty", None)
            self.register_parameter("absent", None)
            if draw.random() < 0.5:
                self.scale = nn.Parameter(torch.rand(WIDTH), requires_grad=draw.random() < 0.7)
            if draw.random() < 0.5:
                self.register_buffer("shift", torch.rand(WIDTH), persistent=draw.random() < 0.5)
            if draw.random() < 0.3:
                self.register_buffer("void", None)
            if draw.random() < 0.3:
                self.again = draw.choice(children)
            self.version = draw.random() < 0.3
            if self.version:
                self._version = 7

        def forward(self, x: Any, gain: float = 1.0) -> Any:
            for part in self.parts:
                x = part(x)
            x = x * self.scale if hasattr(self, "scale") else x
            x = x + self.shift if hasattr(self, "shift") else x
            return x * gain

        def extra_repr(self) -> str:
            return "numbered" if self.version else ""

    return Block
