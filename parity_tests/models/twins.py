"""The model files of the package, executed with torch in the place of minigrad.

A model that depends on nothing but the names which both packages have is its own oracle: the same
text under torch gives the twin that its weights, printed form, values and gradients are held to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

import minigrad
import minigrad.vision.models
from parity_tests.programs.stand_in import on_torch


def torch_models() -> Any:
    """``minigrad.vision.models`` as it is under torch."""
    return on_torch("minigrad.vision").models


@contextlib.contextmanager
def recorded_init(torch: Any) -> Iterator[list[str]]:
    """Networks made in this block draw no weights; what would have drawn them is listed.

    So a network of a hundred million weights is made at once. torch's have no values at all.
    """
    calls: list[str] = []
    names = [n for n in dir(torch.nn.init) if n.endswith("_") and not n.startswith("_")]

    def record(name: str) -> Any:
        def note(tensor: Any, *args: Any, **kwargs: Any) -> Any:
            calls.append(f"{name}({tuple(tensor.shape)}, {args}, {kwargs})")
            return tensor

        return note

    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        for name in names:
            patch.setattr(torch.nn.init, name, record(name))
        if torch is not minigrad:
            stack.enter_context(torch.device("meta"))
        yield calls


def zoo(torch: Any) -> Any:
    """The models of either package."""
    return minigrad.vision.models if torch is minigrad else torch_models()


def narrow(torch: Any, name: str, width: int = 64, **options: Any) -> Any:
    """AlexNet or VGG with ``width`` instead of 4096: all else as published, in a tenth of the time.

    Weights are drawn after the exchange, layer by layer, and then as the model says itself.
    """
    with recorded_init(torch):
        net = zoo(torch).get_model(name, **options)
        linears = [i for i, m in enumerate(net.classifier) if isinstance(m, torch.nn.Linear)]
        first, last = net.classifier[linears[0]], net.classifier[linears[-1]]
        sizes = [first.in_features, width, width, last.out_features]
        for i, inputs, outputs in zip(linears, sizes, sizes[1:], strict=False):
            net.classifier[i] = torch.nn.Linear(inputs, outputs)
    if torch is not minigrad:
        net = net.to_empty(device="cpu")
    for module in net.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    if hasattr(net, "_initialise"):
        net._initialise()
    return net
