"""``summary`` and the two commands: what is counted, against torch's counter and real memory."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import minigrad
from minigrad import nn
from minigrad.cli import main
from minigrad.nn.summary import summary
from minigrad.vision.models.zoo import ZOO
from parity_tests.models.twins import recorded_init, zoo

NAMES = sorted(ZOO)


def on_meta(name: str) -> Any:
    with recorded_init(torch):
        return zoo(torch).get_model(name)


@pytest.mark.parametrize(
    "name", ["alexnet", "googlenet", "lenet", "mlp", "mobilenet_v2", "nin", "resnet18"]
)
def test_multiply_adds_are_half_of_what_torch_counts(name: str) -> None:
    size = (2, *ZOO[name].input_size)
    with recorded_init(minigrad):
        net = zoo(minigrad).get_model(name)
    for parameter in net.parameters():
        parameter.data.zero_()
    with FlopCounterMode(display=False) as counter:
        on_meta(name).eval()(torch.zeros(size, device="meta"))
    assert 2 * summary(net, size).multiply_adds == counter.get_total_flops()


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (lambda t: t.nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), (2, 4, 9, 9)),
        (lambda t: t.nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (2, 4, 5, 5)),
        (lambda t: t.nn.Conv1d(4, 6, 3, dilation=2), (2, 4, 9)),
        (lambda t: t.nn.Conv3d(1, 2, 2), (1, 1, 3, 4, 5)),
        (lambda t: t.nn.Linear(5, 7), (2, 3, 5)),
    ],
)
def test_multiply_adds_of_layers(make: Callable[[Any], Any], size: tuple[int, ...]) -> None:
    with FlopCounterMode(display=False) as counter:
        make(torch)(torch.zeros(size))
    assert 2 * summary(make(minigrad), size).multiply_adds == counter.get_total_flops()


@pytest.mark.parametrize("name", ["lenet", "squeezenet1_1", "resnet18"])
def test_saved_bytes_are_those_that_a_graph_holds(name: str) -> None:
    """Measured: memory taken while the graph of a forward is alive."""
    net = zoo(minigrad).get_model(name).eval()
    x = minigrad.zeros(2, *ZOO[name].input_size)
    counted = summary(net, inputs=x).saved
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    loss = net(x)
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert loss.requires_grad
    assert counted == pytest.approx(held, rel=0.1)


@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet18"])
def test_the_peak_is_about_that_of_a_training_step(name: str) -> None:
    size = (2, *ZOO[name].input_size)
    net = zoo(minigrad).get_model(name)
    estimate = summary(net, size, training=True)
    x = minigrad.zeros(size)
    tracemalloc.start()
    net(x).sum().backward()
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    there = estimate.parameter_bytes + estimate.buffer_bytes + estimate.input_bytes
    assert estimate.peak == pytest.approx(taken + there, rel=0.1)


def test_rows_follow_the_calls() -> None:
    shared = nn.ReLU()
    net = nn.Sequential(nn.Linear(3, 4), shared, nn.Sequential(nn.Linear(4, 4), shared))
    found = summary(net, (5, 3))
    rows = [(row.name, row.kind, row.depth, row.parameters) for row in found.rows]
    assert rows == [
        ("", "Sequential", 0, 0),
        ("0", "Linear", 1, 16),
        ("1", "ReLU", 1, 0),
        ("2", "Sequential", 1, 0),
        ("2.0", "Linear", 2, 20),
        ("1", "ReLU", 2, 0),
    ]
    for depth in (0, 1, 2):
        folded = found.folded(depth).rows
        assert max(row.depth for row in folded) == depth
        assert sum(row.parameters for row in folded) == 36
        assert sum(row.multiply_adds for row in folded) == 5 * (12 + 16)
        assert sum(row.saved for row in folded) == found.saved == 2 * 5 * 4 * 4
    # At the last relu all is saved and no parameter has a gradient; at the last linear layer its
    # 20 parameters have, and half of what was saved is gone, which comes to the same.
    assert found.peak == 36 * 4 + 5 * 3 * 4 + found.saved + 2 * 5 * 4 * 4


def test_a_layer_called_twice_has_its_parameters_once() -> None:
    layer = nn.Linear(3, 3)
    found = summary(nn.Sequential(layer, layer), (1, 3))
    assert [row.parameters for row in found.rows] == [0, 12, 0]
    assert found.multiply_adds == 18 and found.parameters == 12


def test_nothing_is_left_behind() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5))
    net[1].eval()
    minigrad.manual_seed(0)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    summary(net, (2, 1, 5, 5), training=True)
    expected = minigrad.rand(3, generator=minigrad.Generator().manual_seed(0))
    assert minigrad.rand(3).tolist() == expected.tolist()
    assert all((value == before[key]).all() for key, value in net.state_dict().items())
    assert [m.training for m in net.modules()] == [True, True, False, True]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    assert all(p.grad is None for p in net.parameters())


def test_hooks_go_when_the_model_fails() -> None:
    net = nn.Sequential(nn.Linear(3, 4))
    with pytest.raises(RuntimeError):
        summary(net, (2, 5))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    x = minigrad.ones(1, 3, requires_grad=True)
    net(x).sum().backward()


def test_other_inputs_and_parts_that_are_not_called() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(2, 3), nn.Linear(4, 3)
            self.never = nn.Sequential(nn.Linear(1, 1))

        def forward(self, a: Any, b: Any) -> Any:
            return {"sum": self.left(a) + self.right(b), "both": (a, b)}

    net = Two().double()
    found = summary(net, [(1, 2), (1, 4)])
    assert found.rows[0].outputs == ((1, 3), (1, 2), (1, 4))
    assert found.unused == ("never",) and found.input_bytes == 6 * 8
    assert summary(nn.Embedding(5, 2), inputs=minigrad.tensor([1, 2])).rows[0].outputs == ((2, 2),)
    for arguments in ({}, {"input_size": (1,), "inputs": minigrad.ones(1)}):
        with pytest.raises(ValueError, match="either input_size or inputs"):
            summary(net, **arguments)


def test_lazy_layers_get_their_sizes() -> None:
    found = summary(nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), (2, 4, 5))
    assert found.parameters == 63 and found.multiply_adds == 2 * 60


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(list(arguments))
    return code, *capsys.readouterr()


def run_alone(*arguments: str) -> tuple[int, str, str]:
    """The same in a process of its own: compat.install() refuses where torch itself is imported."""
    command = [sys.executable, "-m", "minigrad", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_list_of_models(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "models")
    assert code == 0 and all(name in out for name in NAMES)
    code, out, _ = run(capsys, "models", "resnet1?")
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["resnet18", "11,689,512", "3,224,224"]
    ]


def test_the_table_of_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "summary", "lenet", "--batch", "4")
    assert code == 0 and "multiply-adds: 1,666,080" in out
    assert ["conv1", "(Conv2d)", "(4,", "6,", "28,", "28)", "156", "470,400", "-"] in [
        line.split() for line in out.splitlines()
    ]
    code, out, _ = run(capsys, "summary", "lenet", "--depth", "0", "--train")
    assert code == 0 and "conv1" not in out


FILE = """
from minigrad import nn

class Net(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.fc = nn.Linear(4, width)

    def forward(self, x):
        return self.fc(x)

class Wide(Net):
    def __init__(self, width):
        super().__init__(width)

ready = Net(7)
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return str(path)


@pytest.mark.parametrize(("name", "total"), [("Net", "15"), ("ready", "35")])
def test_a_model_in_a_file(file: str, name: str, total: str) -> None:
    code, out, _ = run_alone("summary", f"{file}:{name}", "--input", "4")
    assert code == 0 and f"parameters: {total} " in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "expected file.py:ClassName or one of alexnet"),
        (["no/such.py:Net", "--input", "4"], "there is no such Python file"),
        (["FILE:Other", "--input", "4"], "has no Other; its models: Net, Wide"),
        (["FILE:Wide", "--input", "4"], "cannot be made without arguments"),
        (["FILE:nn", "--input", "4"], "cannot be made without arguments"),
        (["FILE:Net"], "give the size of one input"),
        (["FILE:Net", "--input", "5"], "does not take a batch of 1 of size 5"),
        (["lenet", "--input", "1,a"], "expected sizes such as 3,224,224"),
        (["lenet", "--batch", "0"], "expected at least 1"),
        (["lenet", "--depth", "-1"], "expected at least 0"),
    ],
)
def test_one_line_for_each_mistake(arguments: list[str], message: str, file: str) -> None:
    given = [argument.replace("FILE", file) for argument in arguments]
    code, _, err = run_alone("summary", *given)
    (line,) = err.splitlines()
    assert code == 2 and line.startswith("minigrad: ") and message in line
