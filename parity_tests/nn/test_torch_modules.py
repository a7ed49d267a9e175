"""Every layer on what torch's own tests make of it, and on wrong calls (see ``torch_modules.py``).

``MINIGRAD_SAMPLES`` says how many cases of each layer and dtype are run; ``all`` for all of them.
"""

from __future__ import annotations

import os
from typing import Any

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


def _draws_bias_first(self: Any) -> None:
    minigrad.nn.init.uniform_(self.bias)
    minigrad.nn.init.uniform_(self.weight)


PLANTED = {
    "value": ("ReLU", "forward", lambda self, input: input * 1.0),
    "gradient": ("Tanh", "forward", lambda self, input: input.detach().tanh()),
    "printed form": ("ELU", "shown", "alpha={0.alpha:.3f}"),
    "first weights": ("Linear", "reset_parameters", _draws_bias_first),
    "buffers": ("BatchNorm1d", "forward", minigrad.nn.InstanceNorm1d.forward),
    "error": ("Softmax2d", "forward", lambda self, input: input.softmax(-3)),
    "signature": ("GLU", "forward", lambda self, x: minigrad.nn.functional.glu(x)),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_mistake_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, attribute, mistake = PLANTED[what]
    monkeypatch.setattr(getattr(minigrad.nn, name), attribute, mistake)
    failures = check(name, 1).failures
    assert [failure for failure in failures if not refused_otherwise(name, failure)]
