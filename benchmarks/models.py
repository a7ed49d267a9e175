"""The networks whose training step is measured; the same lines for every library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

CLASSES = 10


def mlp(lib: Any) -> Any:
    """784-256-10, for flat images."""
    nn = lib.nn
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, CLASSES))


def lenet(lib: Any) -> Any:
    """LeNet-5 for 28x28 images, with relu and max pooling."""
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, CLASSES),
    )


def small_mlp(lib: Any) -> Any:
    """64-32-10 for 8x8 images: a step is so short that ten thousand of them are."""
    nn = lib.nn
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, CLASSES))


MODELS: dict[str, tuple[Callable[[Any], Any], int]] = {  # and the side of the images
    "mlp": (mlp, 28),
    "lenet": (lenet, 28),
    "small_mlp": (small_mlp, 8),
}
OPTIMIZERS: dict[str, Callable[[Any, Any], Any]] = {
    "sgd": lambda lib, model: lib.optim.SGD(model.parameters(), lr=0.05),
    "adam": lambda lib, model: lib.optim.Adam(model.parameters(), lr=0.001),
}


def training_step(lib: Any, model: str, optimizer: str, batch: int) -> Callable[[], Any]:
    """A function that trains one step on always the same images, and returns the loss."""
    build, side = MODELS[model]
    lib.manual_seed(0)
    net = build(lib)
    rule = OPTIMIZERS[optimizer](lib, net)
    random = np.random.default_rng(0)
    images = lib.tensor(random.standard_normal((batch, 1, side, side)).astype(np.float32))
    labels = lib.tensor(random.integers(0, CLASSES, batch))
    cross_entropy = lib.nn.functional.cross_entropy

    def step() -> Any:
        rule.zero_grad()
        loss = cross_entropy(net(images), labels)
        loss.backward()
        rule.step()
        return loss

    return step
