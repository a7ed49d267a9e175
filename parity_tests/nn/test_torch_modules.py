"""Every layer on what torch's own tests make of it, and on wrong calls (see ``torch_modules.py``).

``MINIGRAD_SAMPLES`` says how many cases of each layer and dtype are run; ``all`` for all of them.
"""

from __future__ import annotations

import os

import pytest
import torch

import minigrad
from minigrad.left_out import left_out
from parity_tests.known import expected, refused_otherwise
from parity_tests.torch_modules import check, names

CHOSEN = os.environ.get("MINIGRAD_SAMPLES", "3")
LIMIT = None if CHOSEN == "all" else int(CHOSEN)
# What is no layer that could be called: containers, bases, tensors.
OTHERS = {"Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"}
OTHERS |= {"Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "RNNBase"}
OTHERS |= {"RNNCellBase", "LinearCrossEntropyOptions", "DataParallel"}


@pytest.mark.parametrize("name", names())
def test_layer_is_the_same_as_in_torch(name: str) -> None:
    tally = check(name, LIMIT)
    wrong = [
        failure
        for failure in tally.failures
        if expected(f"nn.{name}", failure) is None and not refused_otherwise(name, failure)
    ]
    assert not wrong, f"{len(wrong)} of {tally.line()}:\n" + "\n".join(wrong[:5])
    assert tally.passed > 20, f"hardly anything was compared: {tally.line()}"


def test_every_layer_of_torch_is_compared() -> None:
    layers = {
        name
        for name in dir(torch.nn)
        if isinstance(getattr(torch.nn, name), type) and not left_out(name)
    }
    assert layers - OTHERS - set(names()) == set()
    assert {name for name in layers if not hasattr(minigrad.nn, name)} == set()
