"""Networks train on a card as torch trains them on the CPU: losses and gradients of two steps.

In float64, from the same weights. Nothing of the second step may wait for the card.
"""

from __future__ import annotations

import contextlib
import dataclasses

import numpy as np
import pytest
import torch

import minigrad
from minigrad.cuda import stand_in
from parity_tests.cuda.device import card
from parity_tests.models import test_parity as networks
from parity_tests.sidebyside import array

__all__ = ["card"]
pytestmark = [
    pytest.mark.any_device,
    pytest.mark.filterwarnings("ignore::minigrad.backend.scientific.OnHostWarning"),
]
SMALLER = {"resnet of the notes": (2, 1, 48, 48), "resnet18": (2, 3, 48, 48)}


def trained(library, case, weights, place):
    """Losses, the gradients of the last step and the weights after it."""
    library.manual_seed(0)
    net = networks.made(library, case, library.float64)
    if weights is not None:
        net.load_state_dict({k: minigrad.from_numpy(v.copy()) for k, v in weights.items()})
    first = networks.entries(net)
    first = {k: v.copy() for k, v in first.items()}
    net = net if place is None else net.to(place)
    updater = networks.OPTIMIZERS["adam"](library, net.parameters())
    net.train()
    losses = []
    for step, (images, labels) in enumerate(networks.batches(case, library, library.float64)[:2]):
        if place is not None:
            images, labels = images.to(place), labels.to(place)
        with no_waiting(step, place):
            updater.zero_grad()
            loss = networks.loss_of(library, net(images), labels)
            loss.backward()
            updater.step()
        losses.append(loss.detach())
    gradients = {name: array(p.grad) for name, p in net.named_parameters()}
    return first, [float(x.item()) for x in losses], gradients, networks.entries(net)


def no_waiting(step, place):
    """The first step makes states; after it nothing may wait for the card."""
    return minigrad.cuda.forbid_sync() if step and place is not None else contextlib.nullcontext()


@pytest.mark.parametrize("name", networks.CASES)
def test_network_trains_as_in_torch(name, card):
    case = networks.CASES[name]
    case = dataclasses.replace(case, images=SMALLER.get(name, case.images))
    weights, losses, gradients, after = trained(torch, case, None, None)
    before = stand_in.counts.launches
    _, mine, my_gradients, my_after = trained(minigrad, case, weights, card)
    if minigrad.cuda.get_device_name().startswith("stand-in"):
        assert stand_in.counts.launches > before + 20
    np.testing.assert_allclose(mine, losses, rtol=1e-8)
    for one, other in ((my_gradients, gradients), (my_after, after)):
        assert one.keys() == other.keys()
        for key in other:
            scale = np.abs(other[key]).max(initial=1e-6)
            np.testing.assert_allclose(one[key], other[key], rtol=0, atol=1e-6 * scale, err_msg=key)
