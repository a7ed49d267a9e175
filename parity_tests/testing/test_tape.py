"""The tape of a capsule: every op again, by itself; what differs is named, nothing is trusted."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as torch
from minigrad.autograd.registry import Record
from minigrad.backend import native
from minigrad.testing import recorded, replay
from minigrad.testing.tape import Tape, run_again
from parity_tests.ops.drawing import case_of
from parity_tests.ops.samples import records

F, nn = torch.nn.functional, torch.nn
FLOATS = [r for r in records(oracle=False) if "float" in r.dtypes]
# What is given to these is no plain value: an enumeration of slices, texts that were read.
LEFT_OUT = {"region_scatter", "ctc"}


def saved(tape: Tape, folder: Path) -> Any:
    """The tape as it comes out of a file."""
    torch.save(tape.held(), folder / "tape")
    return torch.load(folder / "tape")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("group", range(4))
def test_every_op_and_its_gradients_can_be_run_again(group: int, tmp_path: Path) -> None:
    """To the bit, from a file."""
    count = 0
    for record in FLOATS[group::4]:
        tape = sample_tape(record)
        found = run_again(saved(tape, tmp_path))
        left = {row["op"] for row in tape.rows if "left out" in row}
        writing = {row["op"] for row in tape.rows if "writes" in row.get("left out", "")}
        assert left - writing <= LEFT_OUT, record.name
        assert not found.parts, f"{record.name}: {found.parts}"
        assert found.exact == found.ops, record.name
        count += found.ops
    assert count > 200


def sample_tape(record: Record) -> Tape:
    """The tape of a sample call, with its gradients."""
    case = case_of(record, 0)
    with Tape() as tape:
        outs = [o for o in case(*case.inputs) if o.requires_grad]
        if outs and case.inputs and record.gradcheck:
            ones = [torch.ones_like(o) for o in outs]
            torch.autograd.grad(outs, case.inputs, ones, allow_unused=True)
    return tape


def step(net: Any, rate: Any, x: Any, y: Any) -> Any:
    """A step of training."""
    loss = F.cross_entropy(net(x), y)
    rate.zero_grad()
    loss.backward()
    rate.step()
    return loss.log()


def trained() -> Tape:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(12, 4), nn.Dropout(0.5),
    )  # fmt: skip
    rate = torch.optim.SGD(net.parameters(), lr=0.1)
    with Tape() as tape:
        step(net, rate, torch.randn(5, 1, 6, 6), torch.randint(0, 4, (5,)))
    return tape


def test_a_step_of_training_is_run_again_op_by_op(tmp_path: Path) -> None:
    tape, before = trained(), native.level()
    found = run_again(saved(tape, tmp_path))
    assert found.ops > 15 and found.exact == found.ops and not found.parts and not found.left_out
    assert "no op gives another result" in str(found)
    reference = run_again(saved(tape, tmp_path), kernels=False)
    assert reference.ops == found.ops and not reference.parts
    assert native.level() == before


def test_the_op_that_gives_another_result_is_named(tmp_path: Path) -> None:
    held = saved(trained(), tmp_path)
    (number,) = [i for i, row in enumerate(held["rows"]) if row["op"] == "relu" and
                 "gradient" not in row]  # fmt: skip
    other = copy.deepcopy(held)
    place = len(other["arrays"])
    _, ((_, old),) = other["rows"][number]["gave"]
    other["arrays"].append(other["arrays"][old] * 1.01)
    other["rows"][number]["gave"][1][0][1] = place
    found = run_again(other)
    assert found.parts.startswith(f"op {number + 1}, relu, test_tape.py:")
    assert "ulps" in found.parts
    assert found.exact == found.ops - 1, "what follows is run on what it was given then"


def test_where_the_first_nan_came_from(tmp_path: Path) -> None:
    with Tape() as tape:
        x = torch.tensor([1.0, 0.0], requires_grad=True)
        (x.sqrt() * 2).sum().backward()
    found = run_again(saved(tape, tmp_path))
    assert "gradient of sqrt" in found.not_finite, found
    with Tape() as tape:
        torch.ones(2) * float("inf") * 2
    assert not run_again(tape.held()).not_finite, "an infinite number went in"


def test_a_value_that_was_written_since_is_kept_as_it_was() -> None:
    x = torch.ones(3)
    with Tape() as tape:
        y = x * 2
        x.add_(1)
        y = x * 2
    assert y.tolist() == [4, 4, 4]
    found = run_again(tape.held())
    assert found.exact == found.ops >= 2 and not found.parts


def test_a_file_runs_nothing_but_ops(tmp_path: Path) -> None:
    path = tmp_path / "a.capsule"
    recorded(path, torch.log, torch.tensor([-1.0]))
    held = torch.load(path)
    for row in (
        {"op": "os.system", "given": ["tuple", ["true"]], "gave": ["tuple", []], "line": "x"},
        {"op": "log", "given": ["named", ["os:stat_result", 1]], "gave": None, "line": "x"},
    ):
        held["tape"] = {"rows": [row], "arrays": [], "whole": True}
        torch.save(held, path)
        try:
            found = replay(path)
        except ValueError as error:
            assert "no parameters of an op" in str(error)
        else:
            assert found.tape.ops == 0 and found.tape.left_out == 1


def test_a_tape_ends_when_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minigrad.testing.tape.LARGEST", 1000)
    with Tape() as tape:
        for _ in range(9):
            torch.ones(100) * 2
    assert not tape.whole and len(tape.rows) < 9
    assert "the tape ends after" in str(run_again(tape.held()))
    assert np.isfinite(tape.bytes)
