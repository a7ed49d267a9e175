"""Classic networks train as torch trains them: values, gradients, ten steps, buffers, eval mode.

Each network is run with both packages, from weights that travel in a file, and again from the same
seed with nothing copied. Comparisons are relative to the largest element of a tensor.

How tight a comparison can be was measured. In float64 ten steps agree to about 1e-12: that is the
proof that both compute the same. In float32 each step multiplies the rounding of the one before:
ReLUs near zero switch, batch normalisation divides by small deviations, and Adam divides a gradient
by its own size, so that even the sign of rounding noise can become a full step. What float32 can
show is therefore compared after the first step tightly, and after ten loosely.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch as oracle

import minigrad
from parity_tests.models import study_notes as notes
from parity_tests.models.twins import narrow, zoo
from parity_tests.sidebyside import array
from parity_tests.streams import scalar_bernoulli

SEED, STEPS = 2023, 10
Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Case:
    build: Callable[[Any], Any]
    images: tuple[int, ...]  # a batch


def of_zoo(name: str, **options: Any) -> Callable[[Any], Any]:
    return lambda torch: zoo(torch).get_model(name, num_classes=10, **options)


# The linear layers of AlexNet and VGG are 64 wide: 4096 takes a minute and shows nothing more.
CASES = {
    "mlp of the notes": Case(notes.mlp, (16, 1, 28, 28)),
    "mlp": Case(of_zoo("mlp"), (16, 1, 28, 28)),
    "lenet of the notes": Case(notes.lenet, (8, 1, 28, 28)),
    "lenet": Case(of_zoo("lenet"), (8, 1, 28, 28)),
    "scratch batch norm": Case(notes.scratch_batch_norm, (8, 1, 28, 28)),
    "alexnet of the notes": Case(lambda torch: notes.alexnet(torch, 256, 64), (2, 1, 96, 96)),
    "alexnet": Case(lambda torch: narrow(torch, "alexnet", num_classes=10), (2, 3, 63, 63)),
    "vgg of the notes": Case(lambda torch: notes.vgg(torch, 4, 64), (2, 1, 32, 32)),
    "vgg11": Case(lambda torch: narrow(torch, "vgg11", num_classes=10), (2, 3, 32, 32)),
    "nin of the notes": Case(notes.nin, (2, 1, 67, 67)),
    "googlenet of the notes": Case(notes.googlenet, (2, 1, 32, 32)),
    "googlenet": Case(of_zoo("googlenet"), (4, 3, 48, 48)),
    "resnet of the notes": Case(notes.resnet, (4, 1, 48, 48)),
    "resnet18": Case(of_zoo("resnet18"), (4, 3, 48, 48)),
}
OPTIMIZERS: dict[str, Callable[[Any, Any], Any]] = {
    "sgd": lambda torch, params: torch.optim.SGD(
        params, lr=0.01, momentum=0.9, weight_decay=5e-4
    ),
    "adam": lambda torch, params: torch.optim.Adam(params, lr=1e-3),
}


def batches(case: Case, torch: Any, dtype: Any) -> list[tuple[Any, Any]]:
    """Images whose brightness has to do with their class, a new batch for each step."""
    draw = np.random.default_rng(0)
    found = []
    for _ in range(STEPS):
        labels = draw.integers(0, 10, case.images[0])
        images = draw.normal(size=case.images) + 0.2 * labels[:, None, None, None]
        found.append((torch.tensor(images, dtype=dtype), torch.tensor(labels)))
    return found


def entries(net: Any) -> Arrays:
    return {name: array(value) for name, value in net.state_dict().items()}


def made(torch: Any, case: Case, dtype: Any) -> Any:
    """The network from the seed, its lazy layers filled."""
    torch.manual_seed(SEED)
    net = case.build(torch)
    with torch.no_grad():
        net.eval()(torch.zeros(case.images))
    return net.to(dtype)


def without_dropout(net: Any) -> Any:
    for module in net.modules():
        if type(module).__name__ == "Dropout":
            module.p = 0.0
    return net


def loss_of(torch: Any, scores: Any, labels: Any) -> Any:
    """Cross-entropy, to which GoogLeNet's second and third head add 0.3 of theirs."""
    heads = scores if isinstance(scores, tuple) else (scores,)
    weights = (1.0, 0.3, 0.3)
    parts = [w * torch.nn.functional.cross_entropy(h, labels) for w, h in zip(weights, heads)]  # noqa: B905
    return sum(parts)


def train(torch: Any, net: Any, case: Case, optimizer: str, dtype: Any) -> dict[str, Arrays]:
    """The program: ten steps, then eval. What it returns, by kind, is compared."""
    net.train()
    updater = OPTIMIZERS[optimizer](torch, net.parameters())
    data = batches(case, torch, dtype)
    losses, gradients, first = [], {}, {}
    for step, (images, labels) in enumerate(data):
        updater.zero_grad()
        loss = loss_of(torch, net(images), labels)
        loss.backward()
        if step == 0:
            gradients = {name: array(p.grad).copy() for name, p in net.named_parameters()}
        updater.step()
        losses.append(loss.item())
        if step == 0:
            first = {name: value.copy() for name, value in entries(net).items()}
    net.eval()
    with torch.no_grad():
        scores = array(net(data[0][0]))
    return {
        "first loss": {"": np.array(losses[0])},
        "gradients": gradients,
        "after one step": first,
        "losses": {"": np.array(losses)},
        "after ten steps": entries(net),
        "scores in eval": {"": scores},
    }


def difference(mine: Arrays, theirs: Arrays) -> float:
    """The largest difference, relative to the largest element of its tensor.

    Gradients that are nothing but rounding are measured by a thousandth of the network's largest.
    """
    assert list(mine) == list(theirs)
    least = 1e-3 * max(float(np.abs(value).max(initial=0.0)) for value in theirs.values())
    worst = 0.0
    for name, value in theirs.items():
        assert mine[name].dtype == value.dtype and mine[name].shape == value.shape, name
        scale = max(float(np.abs(value).max(initial=0.0)), least)
        gap = float(np.abs(mine[name].astype(float) - value.astype(float)).max(initial=0.0))
        worst = max(worst, gap / scale)
    return worst


def assert_close(mine: Any, theirs: Any, tolerances: dict[str, float]) -> None:
    found = {kind: difference(mine[kind], theirs[kind]) for kind in tolerances}
    assert all(found[kind] <= limit for kind, limit in tolerances.items()), found


def through_file(net: Any, save: Any, load: Any, path: Path) -> Any:
    """A state dictionary, written by one package and read by the other."""
    save(net.state_dict(), str(path))
    return load(str(path))
