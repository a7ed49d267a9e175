"""A failure goes into a file, and comes out of it again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import find

import minigrad as torch
from minigrad.cli import main
from minigrad.testing import (
    GradcheckError,
    calls,
    gradcheck,
    gradgradcheck,
    recorded,
    replay,
    write_capsule,
)

STEP = """
import minigrad as torch

def step(model, batch):
    torch.rand(3)
    return model(batch).log().mean()
"""


def test_a_step_that_fails_is_run_again_from_its_random_state(tmp_path: Path) -> None:
    def noisy() -> Any:
        return torch.rand(3)

    path = tmp_path / "a.capsule"
    torch.manual_seed(5)
    assert torch.isfinite(recorded(path, noisy)).all() and not path.exists()
    recorded(path, torch.log, torch.tensor([-1.0]))
    found = replay(path)
    assert found.reproduced and found.then == "the result is not finite"
    assert found.made_on["minigrad"] == torch.__version__


def test_a_step_with_a_module_asks_to_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_step.py").write_text(STEP)
    import own_step  # type: ignore[import-not-found]

    torch.manual_seed(0)
    path = tmp_path / "step.capsule"
    batch = -torch.ones(2, 3)
    assert recorded(path, own_step.step, torch.nn.Linear(3, 1), batch).isnan()
    found = replay(path)
    assert "trust" in found.left_out and not found.now
    assert found.reproduced, "the ops alone show it"
    assert re.match(r"op \d, log, own_step.py:6 in step: finite numbers", found.tape.not_finite)
    assert replay(path, trust=True).reproduced
    assert main(["replay", str(path)]) == 1
    assert "now:  not run (replay: step stands in own_step.py" in capsys.readouterr().out
    assert main(["replay", str(path), "--trust"]) == 1
    said = capsys.readouterr().out
    assert "now:  the result is not finite" in said and "no op gives another result" in said


def test_an_untrusted_name_leads_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "evil.capsule"
    recorded(path, torch.log, torch.tensor([-1.0]))
    held = torch.load(path)
    for module, name in (("minigrad.hub", "os.getcwd"), ("os", "getcwd"), ("minigrad", "load")):
        held["function"] = {"module": module, "name": name}
        torch.save(held, path)
        assert replay(path).left_out
        torch.save({**held, "tape": {"rows": [], "arrays": [], "whole": True}}, path)
        with pytest.raises(ValueError, match=r"trust|No module|is no op|found"):
            replay(path)
    torch.save({"a": 1}, path)
    with pytest.raises(ValueError, match="is no capsule"):
        replay(path)


def test_an_error_is_raised_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "error.capsule"
    with pytest.raises(RuntimeError):
        recorded(path, torch.reshape, torch.ones(3), (7,))
    assert replay(path).now.startswith(replay(path).then.splitlines()[0][:40])


def test_a_failed_check_of_an_op_is_run_again(tmp_path: Path) -> None:
    """abs at 0 has a kink: the same call fails again, and passes where it is moved."""
    case = find(calls("abs", special_values=[0.0]), lambda c: bool((c.inputs[0] == 0).any()))
    path = tmp_path / "check.capsule"
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x: case(x.relu())[0], case.inputs)
    assert write_capsule(path, caught.value)
    case = find(calls("clamp"), lambda c: c.inputs[0].numel() > 1)
    case.inputs[0].data[...] = case.arrays.args[1]
    with pytest.raises(GradcheckError) as caught:
        gradcheck(case, case.inputs)
    assert write_capsule(path, caught.value)
    assert replay(path).reproduced
    assert "kink" in replay(path).now


def test_a_failed_second_order_is_run_again(tmp_path: Path) -> None:
    x = torch.tensor([0.0, 1.0], dtype=torch.float64, requires_grad=True)
    with pytest.raises(GradcheckError) as caught:
        gradgradcheck(torch.relu, (x,), (torch.ones(2).double().requires_grad_(),))
    path = tmp_path / "second.capsule"
    assert write_capsule(path, caught.value)
    assert torch.load(path)["kind"] == "gradgradcheck"
    assert replay(path).reproduced
    assert not write_capsule(path, ValueError("something else"))
