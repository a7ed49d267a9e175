"""``assert_parity``, ``minigrad parity`` and distances in ulps."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
import minigrad as torch  # what the functions under test call so
from minigrad import nn
from minigrad.cli import main
from minigrad.nn.functional import gelu
from minigrad.testing import assert_parity
from minigrad.testing.ulps import farthest, ulps

X = minigrad.tensor([0.3, 1.2, -2.0], requires_grad=True)


def test_values_gradients_and_dtypes_agree() -> None:
    assert_parity(lambda x: torch.softmax(x, 0), X)
    assert_parity(lambda torch, x: (torch.sin(x), x.half(), x.argmax()), X)
    assert_parity(lambda x, n: x.pow(n).cumsum(0), X, 3)
    assert_parity(lambda x: torch.nn.Linear(3, 2)(x), X)  # from the same seed


def helper(x: Any, times: int = 2) -> Any:
    return torch.tanh(x) if times == 0 else helper(x, times - 1) * 2


class Net(nn.Module):
    width = 2

    def __init__(self, n: int) -> None:
        super().__init__()
        self.layer = nn.Linear(n, self.width)

    @classmethod
    def made(cls) -> Any:
        return cls(3)

    def forward(self, x: Any) -> Any:
        return gelu(self.layer(x))


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        return 3 * ctx.saved_tensors[0] ** 2 * cotangents[0]


def trained(x: Any) -> Any:
    """What a few lines leave: numbers, a dictionary, tensors with gradients."""
    net = Net.made()
    rule = torch.optim.Adam(net.parameters(), lr=0.1)
    for _ in range(2):
        rule.zero_grad()
        loss = net(x).square().sum()
        loss.backward()
        rule.step()
    return {"loss": loss.item(), "state": net.state_dict(), "kind": x.dtype}, float("nan")


@pytest.mark.parametrize(
    "function",
    [
        lambda x: helper(x), lambda x: Net.made()(x), Cube.apply, lambda x: Cube.apply(x),
        lambda x, f=torch.sin: f(x), partial(torch.sum, dim=0), torch.exp, trained,
        lambda x: x.to(torch.float64),
    ],
)  # fmt: skip
def test_what_a_function_uses_of_minigrad_is_torchs_in_turn(function: Any) -> None:
    assert_parity(function, X)


def test_a_module_with_minigrads_tensors_is_refused() -> None:
    with pytest.raises(TypeError, match="make it inside of the function"):
        assert_parity(torch.nn.Linear(3, 2), X)


def test_a_gradient_that_only_stands_elsewhere_is_seen() -> None:
    def rolled(x: Any) -> Any:
        return Rolled.apply(x) if library(x) == "minigrad" else x.clone()

    with pytest.raises(AssertionError, match="gradient 0 parts"):
        assert_parity(rolled, X)


class Rolled(minigrad.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        return cotangents[0].roll(1)


def test_inputs_are_compared_after_the_call_and_may_be_named() -> None:
    def writing(x: Any, by: Any = None) -> None:
        x.add_(by * (2 if library(x) == "minigrad" else 1))

    assert_parity(lambda x, by: x.add_(by), X.detach(), by=X.detach())
    with pytest.raises(AssertionError, match="input 0 after the call parts"):
        assert_parity(writing, X.detach(), by=X.detach())


def library(x: Any) -> str:
    return type(x).__module__.partition(".")[0]


def test_what_parts_is_said_in_ulps() -> None:
    def f(x: Any) -> Any:
        return x * (1.001 if library(x) == "minigrad" else 1)

    with pytest.raises(AssertionError, match=r"value 0 parts by \d+ ulps at \[\d\]"):
        assert_parity(f, X)


def test_a_gradient_that_parts_is_found() -> None:
    def f(x: Any) -> Any:
        return (x.detach() if library(x) == "minigrad" else x).sin() + x * 0

    with pytest.raises(AssertionError, match="gradient 0 parts"):
        assert_parity(f, X)
    assert_parity(f, X, gradients=False)


def test_dtypes_shapes_and_errors_are_compared() -> None:
    def kind(x: Any) -> Any:
        return x.double() if library(x) == "minigrad" else x

    def size(x: Any) -> Any:
        return x[:2] if library(x) == "minigrad" else x

    def one_raises(x: Any) -> Any:
        return x.reshape(7) if library(x) == "minigrad" else x

    def other_type(x: Any) -> Any:
        return x.reshape(7) if library(x) == "minigrad" else x[9]

    for f, text in (
        (kind, "of float64 here, of float32 in torch"),
        (size, r"\(2,\) here, \(3,\) in torch"),
        (one_raises, "only minigrad raises"),
        (other_type, "here, IndexError"),
    ):
        with pytest.raises(AssertionError, match=text):
            assert_parity(f, X)
    assert_parity(lambda x: x.reshape(7), X)  # both raise


def test_ulps_count_the_numbers_between() -> None:
    x = np.array([1.0, -1.0, 0.0, np.inf], dtype=np.float32)
    up = np.nextafter(x, np.float32(2))
    assert ulps(x, up).tolist()[:3] == [1, 1, 1]
    assert ulps(np.float64([0.0]), np.float64([-0.0])).tolist() == [0]
    tiny = np.float64([5e-324])
    assert ulps(tiny, -tiny).tolist() == [2]
    assert farthest(np.float64([np.nan, 1]), np.float64([np.nan, np.nan])) == (np.inf, (1,))


PROGRAM = """
import torch
torch.manual_seed(0)
net = torch.nn.Linear(4, 2)
rate = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(3):
    loss = net(torch.randn(8, 4)).pow(2).mean()
    rate.zero_grad()
    loss.backward()
    rate.step()
"""


def test_a_program_that_does_not_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "same.py"
    script.write_text(PROGRAM)
    assert main(["parity", str(script)]) == 0
    assert re.search(r"\d+ values and \d+ ops agree", capsys.readouterr().out)


def test_the_line_at_which_a_program_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "parts.py"
    script.write_text(
        PROGRAM + "here = 'minigrad' in torch.__file__\n"
        "late = net.weight.detach() * (1.01 if here else 1)\n"
        "later = late + 1\n"
    )
    assert main(["parity", str(script)]) == 1
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("they part: line 12 `late = net.weight")
    assert "ulps" in said


def test_errors_and_missing_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "raises.py"
    script.write_text("import torch\nx = torch.ones(2)\nx.reshape(7)\n")
    assert main(["parity", str(script)]) == 0
    assert "both end with RuntimeError" in capsys.readouterr().out
    assert main(["parity", str(tmp_path / "nothing.py")]) == 2
