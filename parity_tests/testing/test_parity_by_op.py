"""``minigrad parity`` names the op at which two runs part: in loops, layers, backward, in place."""

from __future__ import annotations

import re
from itertools import zip_longest
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import minigrad
from minigrad.cli.parity import Report
from minigrad.testing.sounding import pairs, sounding
from minigrad.testing.tracing import Line, Tracer


def lines_of(text: str, library: Any) -> list[Line]:
    """What a program tells under a library; ``here`` is true under minigrad."""
    found: list[Line] = []
    tracer = Tracer("<program>", found.append)
    handle = library.nn.modules.module.register_module_forward_hook(tracer.layer)
    names = {"torch": library, "here": library is minigrad}
    try:
        with sounding(library.__name__, tracer.heard), tracer:
            exec(compile(text, "<program>", "exec"), names)
    finally:
        handle.remove()
    return found


def report_of(text: str) -> Report:
    """The two runs compared."""
    report = Report(text.splitlines(), None)
    for mine, theirs in zip_longest(lines_of(text, minigrad), lines_of(text, torch)):
        assert mine is not None and theirs is not None, (mine, theirs)
        report.line(mine, theirs)
        if report.part:
            break
    return report


START = """
torch.manual_seed(0)
x = torch.randn(4, 3, requires_grad=True)
w = torch.ones(3)
"""
PARTS = {
    "an expression with several ops": (
        "y = (x.sin() * (1.001 if here else 1) + 2).exp().sum()\n",
        "line 5 .*: op Mul differs at",
    ),
    "a value without a name": (
        "print(end='' if ((x * 2) * (1.001 if here else 1)).sum() > 0 else '')\n",
        "line 5 .*: op Mul differs at",
    ),
    "a later turn of a loop": (
        "v = x.detach()\nfor turn in range(5):\n    v = v.cos()\n"
        "    v = torch.tanh(v) / (1.001 if here and turn == 3 else 1) - 1\n",
        "line 8 .*: op Div differs at",
    ),
    "inside a layer": (
        "class Own(torch.nn.Module):\n"
        "    def forward(self, v):\n"
        "        return torch.sigmoid(v).pow(2.001 if here else 2)\n"
        "net = torch.nn.Sequential(torch.nn.Linear(3, 3), Own(), torch.nn.Tanh())\n"
        "for turn in range(2):\n    y = net(x)\n",
        "line 7 .*: op Pow differs at",
    ),
    "in place": (
        "v = torch.ones(3, 2)\nv[1].add_(1.001 if here else 1).mul_(2)\n",
        "line 6 .*: op Add differs at",
    ),
    "in place, into a view": (
        "v = torch.zeros(3, 2)\nv[1] = torch.ones(2) * (1.001 if here else 1)\n",
        "line 6 .*: op Mul differs at",
    ),
    "in backward": (
        "y = x.exp()\ny.register_hook(lambda g: g * (1.001 if here else 1))\n"
        "(y * w).sum().backward()\n",
        "line 7 .*: op (gradient of Exp|Mul) differs at",
    ),
    "a backward of one's own": (
        "class Own(torch.autograd.Function):\n"
        "    @staticmethod\n"
        "    def forward(ctx, v):\n        return v * 2\n"
        "    @staticmethod\n"
        "    def backward(ctx, g):\n        return g * (2.001 if here else 2)\n"
        "y = Own.apply(x).sin()\ny.sum().backward()\n",
        "line (11|13) .*: (op gradient of Own|op Mul|x.grad).* differs at",
    ),
    "random numbers": (
        "v = torch.rand(3)\ntorch.manual_seed(1 if here else 2)\nu = torch.rand(3)\n",
        r"line 7 .*: u differs at .* \(not compared: Rand\)",
    ),
    "an optimiser": (
        "rate = torch.optim.Adam([x], lr=0.1 if here else 0.2)\n"
        "x.exp().sum().backward()\nrate.step()\n",
        r"line 7 .*: (op A\w+|x) differs at",
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_the_op_is_named(name: str) -> None:
    text, said = PARTS[name]
    report = report_of(START + text)
    assert re.match(said, report.part), report.part
    assert re.search(r"by (\d+|inf) ulps: ", report.part)


ALIKE = """
torch.manual_seed(0)
net = torch.nn.Sequential(
    torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
    torch.nn.Flatten(), torch.nn.Linear(8, 3), torch.nn.Dropout(0.5))
rate = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
total = torch.zeros(1)
for turn in range(3):
    x, y = torch.randn(4, 1, 6, 6), torch.randint(0, 3, (4,))
    loss = torch.nn.functional.cross_entropy(net(x), y)
    loss = loss + sum((p**2).sum() for p in net.parameters())
    rate.zero_grad()
    loss.backward()
    rate.step()
    total += loss.detach()
    x[0] *= 2
    z = x[:, 0].mean() / x.std() + torch.linalg.norm(x[0, 0])
    s = torch.sort(x.flatten(), descending=True).values[:5].cumsum(0)
u = torch.tensor([1.0, 2.0], requires_grad=True)
(g,) = torch.autograd.grad((u**3).sum(), u, create_graph=True)
(h,) = torch.autograd.grad((g * g).sum(), u)
"""


def test_programs_that_agree_have_most_of_their_ops_compared() -> None:
    report = report_of(ALIKE)
    assert not report.part, report.part
    assert report.ops > 100 and report.greatest < 1000


def test_ops_are_paired_by_name_and_shape_in_order() -> None:
    def op(name: str, *shape: int) -> Any:
        return SimpleNamespace(name=name, shape=shape)

    mine = [op("Affine", 2), op("MaxPool", 3), op("Mul", 2), op("Mul", 2)]
    theirs = [op("T", 3, 2), op("MaxPool2DWithIndices", 3), op("Mul", 2), op("Exp", 2)]
    assert [(a.name, b.name) for a, b in pairs(mine, theirs)] == [
        ("MaxPool", "MaxPool2DWithIndices"),
        ("Mul", "Mul"),
    ]


def test_torch_is_left_as_it_was() -> None:
    run = torch.autograd._engine_run_backward
    heard: list[tuple[str, Any]] = []
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(ZeroDivisionError), sounding("torch", lambda *one: heard.append(one)):
        (x * x).sum().backward()
        1 / 0  # noqa: B018
    assert torch.autograd._engine_run_backward is run
    told = [(name, tuple(np.shape(values.detach()))) for name, values in heard]
    assert told[-2:] == [("gradient of Mul", (2,))] * 2
    count = len(heard)
    (x * x).sum().backward()
    assert len(heard) == count
