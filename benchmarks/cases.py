"""The networks that are trained and asked: how each is built, fed and stepped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import networks
from benchmarks.models import OPTIMIZERS, lenet, mlp

FIRST = 3  # steps whose losses are compared between the libraries, and which warm up


def tiny(lib: Any) -> Any:
    """2-16-16-2: next to no arithmetic."""
    nn = lib.nn
    hidden = [nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU()]
    return nn.Sequential(*hidden, nn.Linear(16, 2))


@dataclass(frozen=True)
class Case:
    """A network, the sizes of its input, the size of a batch, and the optimiser."""

    build: Callable[[Any], Any]
    sizes: tuple[int, ...]
    batch: int
    optimizer: str = "sgd"
    classes: int = 10
    rate: float | None = None  # the learning rate, where the optimiser's own makes losses explode


CASES = {
    "MLP 784-256-10, SGD": Case(mlp, (784,), 256),
    "MLP 784-256-10, Adam": Case(mlp, (784,), 256, "adam"),
    "MLP 2-16-16-2": Case(tiny, (2,), 32, classes=2),
    "LeNet": Case(lenet, (1, 28, 28), 256),
    "AlexNet 96x96": Case(networks.alexnet, (1, 96, 96), 16),
    "VGG-11 / 4, 96x96": Case(networks.vgg, (1, 96, 96), 16),
    "GoogLeNet 96x96": Case(networks.googlenet, (1, 96, 96), 8),
    "ResNet-18 32x32": Case(networks.resnet18, (3, 32, 32), 32, rate=1e-3),
    "ResNet-50 224x224": Case(networks.resnet50, (3, 224, 224), 4, rate=1e-6),
}


def _prepared(
    lib: Any, case: Case, device: str, batch: int
) -> tuple[Any, Any, np.random.Generator]:
    """The network, a batch for it, and the numbers that are left."""
    lib.manual_seed(0)
    net = case.build(lib).to(device)
    random = np.random.default_rng(0)
    x = lib.tensor(random.standard_normal((batch, *case.sizes)).astype(np.float32))
    return net, x.to(device), random


def training(lib: Any, case: Case, device: str = "cpu") -> Callable[[], Any]:
    """A function that takes one step on always the same batch and returns the loss."""
    net, x, random = _prepared(lib, case, device, case.batch)
    rule = OPTIMIZERS[case.optimizer](lib, net)
    if case.rate is not None:
        rule.param_groups[0]["lr"] = case.rate
    labels = lib.tensor(random.integers(0, case.classes, case.batch)).to(device)
    cross_entropy = lib.nn.functional.cross_entropy

    def step() -> Any:
        rule.zero_grad()
        loss = cross_entropy(net(x), labels)
        loss.backward()
        rule.step()
        return loss

    return step


def inference(
    lib: Any, case: Case, device: str = "cpu", batch: int | None = None
) -> Callable[[], Any]:
    """A function that looks at always the same batch, and returns what the network says."""
    net, x, _ = _prepared(lib, case, device, batch or case.batch)
    net.eval()

    def look() -> Any:
        with lib.no_grad():
            return net(x)

    return look
