"""The networks whose training step is measured; the same lines for every library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
    """64-32-10: a step is so short that ten thousand of them are."""
    nn = lib.nn
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, CLASSES))


OPTIMIZERS: dict[str, Callable[[Any, Any], Any]] = {
    "sgd": lambda lib, model: lib.optim.SGD(model.parameters(), lr=0.05),
    "adam": lambda lib, model: lib.optim.Adam(model.parameters(), lr=0.001),
}
