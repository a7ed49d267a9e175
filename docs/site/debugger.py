"""The debugger's page of a small expression and of LeNet, to be tried in the browser."""

from __future__ import annotations

from collections.abc import Iterator

import minigrad as torch
from minigrad import inspect
from minigrad.nn import functional as F
from minigrad.vision.datasets import Digits
from minigrad.vision.models import LeNet


def pages() -> Iterator[tuple[str, str]]:
    """Path and content of both."""
    yield "debugger/expression.html", expression().html
    yield "debugger/lenet.html", lenet().html


def expression() -> inspect.Page:
    """Four ops: a product of matrices, a relu with one dead element, a factor, a sum."""
    w = torch.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True)
    with inspect.record() as recording:
        loss = ((w @ torch.tensor([[0.5], [2.0]])).relu() * 3).sum()
    recording.names["w"] = w
    return inspect.page(loss, recording, title="four ops")


def lenet() -> inspect.Page:
    """LeNet at its first step, on eight handwritten digits, resized to what it takes."""
    torch.manual_seed(0)
    net, digits = LeNet(), Digits()
    images = F.interpolate(digits.data[:8], size=(28, 28), mode="bilinear")
    with inspect.record(net) as recording:
        loss = F.cross_entropy(net(images), digits.targets[:8])
    return inspect.page(loss, recording, title="LeNet on eight digits")
