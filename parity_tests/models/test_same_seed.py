"""Same seed, same training: no weight, batch or mask is copied, and the loss curves agree.

The whole program - first weights, shuffling, dropout masks, steps - is run with each package from
``manual_seed`` on. Rounding differs between the two matrix multiplications, and training feeds it
back, so curves are compared with the float32 tolerance of the table at every step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from parity_tests.streams import scalar_bernoulli
from parity_tests.tolerances import TOL

SEED = 2023
SAMPLES, BATCH, EPOCHS = 256, 32, 3


def digits(torch: Any, side: int) -> Any:
    """Made-up images of ten classes: a bright bar whose place is the class, and noise."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 10, SAMPLES)
    images = draw.normal(0, 0.3, (SAMPLES, 1, side, side)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[0, :, (label * side) // 10] += 1.0
    return torch.utils.data.TensorDataset(torch.tensor(images), torch.tensor(labels))


def mlp(torch: Any, p: float) -> Any:
    nn = torch.nn
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Dropout(p), nn.Linear(32, 10)
    )


def lenet(torch: Any, p: float) -> Any:
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        # A bias before batch norm has no effect, so its gradient is rounding noise, which Adam
        # would blow up to full steps of either sign.
        nn.Conv2d(6, 16, 5, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.Sigmoid(),
        nn.Dropout(p),
        nn.Linear(120, 10),
    )


MODELS = {"mlp": (mlp, 8), "lenet": (lenet, 28)}
OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda torch, params: torch.optim.SGD(params, lr=0.05, momentum=0.9, weight_decay=1e-3),
    "plain sgd": lambda torch, params: torch.optim.SGD(params, lr=0.1),
    "adam": lambda torch, params: torch.optim.Adam(params, lr=1e-3),
    "adamw": lambda torch, params: torch.optim.AdamW(params, lr=1e-3),
}


def train(torch: Any, model: str, optimizer: str, p: float) -> dict[str, Any]:
    """The ordinary program: what it returns is compared."""
    make, side = MODELS[model]
    torch.manual_seed(SEED)
    net = make(torch, p)
    data = digits(torch, side)
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True, drop_last=True)
    updater = OPTIMIZERS[optimizer](torch, net.parameters())
    loss_of = torch.nn.CrossEntropyLoss()
    losses, order = [], []
    for _ in range(EPOCHS):
        for images, labels in loader:
            updater.zero_grad()
            loss = loss_of(net(images), labels)
            loss.backward()
            updater.step()
            losses.append(loss.item())
            order.append(labels.tolist())
    net.eval()
    with torch.no_grad():
        final = loss_of(net(data.tensors[0]), data.tensors[1]).item()
    return {"losses": losses, "order": order, "final": final, "next": torch.rand(1).item()}


@pytest.mark.parametrize("dropout", [0.0, pytest.param(0.5, marks=scalar_bernoulli)])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", MODELS)
def test_loss_curves(model: str, optimizer: str, dropout: float) -> None:
    import torch

    mine = train(minigrad, model, optimizer, dropout)
    theirs = train(torch, model, optimizer, dropout)
    assert mine["order"] == theirs["order"]
    assert mine["next"] == theirs["next"]
    np.testing.assert_allclose(mine["losses"], theirs["losses"], **TOL["float32"])
    np.testing.assert_allclose(mine["final"], theirs["final"], **TOL["float32"])
    assert theirs["losses"][-1] < 0.95 * theirs["losses"][0], "the comparison should see learning"
