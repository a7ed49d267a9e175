"""``minigrad train``: what it leaves, that it can be interrupted, and how it fails."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minigrad.backend import backend_for, native
from minigrad.cli import main
from minigrad.cli.run_folder import RunFolder
from minigrad.device import device
from minigrad.errors import DeviceError
from minigrad.serialization import load, save

ROOT = Path(__file__).parent.parent
QUICK = ["train", "--model", "mlp", "--epochs", "2", "--seed", "3"]
STEPS = 46  # of an epoch, with batches of 32
COMMAND = [sys.executable, "-m", "minigrad"]
FILES = {"checkpoint", "metrics.jsonl", "curves.png", "predictions.png", "graph.svg"} | {
    "weights.pth"
}


def metrics(folder: Path) -> list[dict[str, Any]]:
    """All numbers of a run but the time that each step took."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: v for key, v in line.items() if key != "seconds"} for line in lines]


def weights(folder: Path) -> dict[str, np.ndarray]:
    return {name: w.numpy() for name, w in load(folder / "checkpoint")["model"].items()}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "unbroken"
    assert main([*QUICK, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must end with exit code 2 and one line, and return the line."""

    def run(*arguments: object) -> str:
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("minigrad: ")
        return line

    return run


def at_step(monkeypatch: pytest.MonkeyPatch, step: int, action: Callable[[], object]) -> None:
    """Do something just when a step has been written to the metrics."""
    before = RunFolder.add_metrics

    def add_metrics(folder: RunFolder, record: dict[str, Any]) -> None:
        before(folder, record)
        if record["kind"] == "step" and record["step"] == step:
            action()

    monkeypatch.setattr(RunFolder, "add_metrics", add_metrics)


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_run_folder_holds_what_a_person_can_look_at(unbroken: Path) -> None:
    assert {path.name for path in unbroken.iterdir()} == FILES
    assert (unbroken / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert (unbroken / "predictions.png").read_bytes().startswith(b"\x89PNG")
    graph = (unbroken / "graph.svg").read_text()
    assert "layers.1.weight" in graph and "(128, 784)" in graph
    lines = metrics(unbroken)
    assert [line["step"] for line in lines if line["kind"] == "step"] == [*range(1, 2 * STEPS + 1)]
    assert [line["epoch"] for line in lines if line["kind"] == "epoch"] == [1, 2]
    assert lines[-1]["train_loss"] < lines[STEPS]["train_loss"]


@pytest.mark.parametrize("step", [1, STEPS - 1, STEPS, STEPS + 17, 2 * STEPS])
def test_an_interrupted_run_goes_on_with_the_very_numbers(
    step: int,
    unbroken: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        at_step(patch, step, ctrl_c)
        assert main([*QUICK, "--out", str(folder)]) == 130
    assert f"minigrad train --resume --out {folder}" in " ".join(capsys.readouterr().out.split())
    assert len([m for m in metrics(folder) if m["kind"] == "step"]) == step
    assert main(["train", "--resume", "--out", str(folder)]) == 0
    assert metrics(folder) == metrics(unbroken)
    ours, theirs = weights(folder), weights(unbroken)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    assert {path.name for path in folder.iterdir()} == FILES


def test_a_killed_run_goes_on_from_its_last_checkpoint(
    unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    with monkeypatch.context() as patch:
        at_step(patch, STEPS + 5, kill)
        with pytest.raises(Killed):
            main([*QUICK, "--out", str(tmp_path / "run")])
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "st')  # the line at which the power went
    assert main(["train", "--resume", "--out", str(tmp_path / "run")]) == 0
    assert metrics(tmp_path / "run") == metrics(unbroken)


def test_a_second_ctrl_c_stops_at_once_and_leaves_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        at_step(patch, 5, lambda: (ctrl_c(), ctrl_c()))
        assert main([*QUICK, "--out", str(tmp_path / "run")]) == 130
    assert "stopped at once" in capsys.readouterr().err
    assert load(tmp_path / "run" / "checkpoint")["position"]["step"] == 0


def test_ctrl_c_from_a_terminal(unbroken: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with subprocess.Popen(
        [*COMMAND, *QUICK, "--out", str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch 1/2"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stdout.read()
    # A fast machine may be through with the last epoch before the signal comes.
    assert process.returncode in (130, 0)
    assert process.returncode == 0 or "go on with: minigrad train --resume" in rest
    assert main(["train", "--resume", "--out", str(folder)]) == 0
    assert metrics(folder) == metrics(unbroken)


def test_resuming_a_finished_run_draws_its_pictures_again(unbroken: Path) -> None:
    before = metrics(unbroken)
    (unbroken / "curves.png").unlink()
    assert main(["train", "--resume", "--out", str(unbroken), "--model", "mlp"]) == 0
    assert (unbroken / "curves.png").exists()
    assert metrics(unbroken) == before


def test_without_out_each_run_gets_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        at_step(patch, 1, ctrl_c)
        assert [main(QUICK), main(QUICK), main(QUICK)] == [130] * 3
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"mlp", "mlp-2", "mlp-3"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "resnet"], "--model resnet: expected one of"),
        (["--model", "resnet81"], "did you mean resnet18?"),
        (["--data", "mnits"], "did you mean mnist?"),
        (["--data", "mnist"], "--download fetches it into data"),
        (["--data", "./nowhere"], "expected a folder that holds the folders train and test"),
        (["--schedule", "cosin"], "did you mean cosine?"),
        (["--augment", "flip,spin"], "--augment spin: expected one of"),
        (["--folds", "1"], "--folds 1: expected at least 2"),
        (["--folds", "9999"], "--folds 9999: there are 1442 images"),
        (["--momentum", "-1"], "--momentum -1.0: expected 0 or a number above"),
        (["--freeze"], "add --init-from"),
        (["--init-from", "nothing.pth"], "there is no file 'nothing.pth'"),
        (["--resize", "0"], "--resize 0: expected at least 1"),
        (["--epochs", "0"], "--epochs 0: expected at least 1"),
        (["--epochs", "many"], "'--epochs'"),
        (["--batch-size", "-1"], "--batch-size -1: expected at least 1"),
        (["--lr", "0"], "--lr 0.0: expected a number above 0"),
        (["--lr", "nan"], "--lr nan: expected a number above 0"),
        (["--optimizer", "lion"], "--optimizer lion: expected one of"),
        (["--seed", "-1"], "--seed -1: expected 0 to"),
        (["--device", "tpu"], "--device tpu: expected cpu or cuda"),
        (["--colour", "red"], "No such option"),
        (["--resume"], "--resume needs --out"),
        (["--resume", "--out", "nowhere"], "there is no checkpoint in nowhere"),
    ],
)
def test_bad_arguments_are_one_line(
    arguments: list[str],
    words: str,
    fails: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in fails("train", *arguments)
    assert not list(tmp_path.iterdir()), "a mistake leaves no folder behind"


def test_an_unknown_command_is_one_line(fails: Callable[..., str]) -> None:
    assert "No such command 'tain'" in fails("tain")


def test_cuda_that_is_not_there_is_one_line(fails: Callable[..., str], tmp_path: Path) -> None:
    with contextlib.suppress(DeviceError):
        backend_for(device("cuda"))
        pytest.skip("there is a card")
    line = fails(*QUICK, "--device", "cuda", "--out", tmp_path / "run")
    assert "--device cuda can't be used here: " in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", [["--lr", "0.5"], ["--seed", "4"], ["--epochs", "9"]])
def test_resume_with_another_setting_is_refused(
    option: list[str], unbroken: Path, fails: Callable[..., str]
) -> None:
    before = (unbroken / "checkpoint").read_bytes()
    assert f"{option[0]} {option[1]} differs from this run's" in fails(
        "train", "--resume", "--out", unbroken, *option
    )
    assert (unbroken / "checkpoint").read_bytes() == before


def test_a_folder_with_a_run_is_not_overwritten(unbroken: Path, fails: Callable[..., str]) -> None:
    assert "already holds a run" in fails(*QUICK, "--out", unbroken)


def test_a_folder_with_other_things_is_not_used(tmp_path: Path, fails: Callable[..., str]) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    assert "is not empty" in fails(*QUICK, "--out", tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path, fails: Callable[..., str]) -> None:
    (tmp_path / "file").write_text("")
    assert "Not a directory" in fails(*QUICK, "--out", tmp_path / "file" / "run")
    assert "cannot create" in fails(*QUICK, "--out", tmp_path / "file")


def test_runs_that_is_a_file(
    tmp_path: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("")
    assert "cannot create runs/mlp" in fails(*QUICK)


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [_cut, _flip, lambda _: b"", lambda _: b"\x80\x04 a pickle"],
    ids=["cut short", "a flipped bit", "empty", "of another kind"],
)
def test_a_damaged_checkpoint_is_one_line(
    damage: Callable[[bytes], bytes], unbroken: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    bad = damage((unbroken / "checkpoint").read_bytes())
    (tmp_path / "checkpoint").write_bytes(bad)
    assert "cannot read the checkpoint" in fails("train", "--resume", "--out", tmp_path)
    assert (tmp_path / "checkpoint").read_bytes() == bad


def test_a_file_of_another_kind_is_one_line(
    unbroken: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    state = load(unbroken / "checkpoint")
    save(state["model"], tmp_path / "checkpoint")
    assert "is not a checkpoint of minigrad train" in fails("train", "--resume", "--out", tmp_path)
    state["model"].popitem()
    save(state, tmp_path / "checkpoint")
    assert "does not fit this version" in fails("train", "--resume", "--out", tmp_path)
    (tmp_path / "checkpoint").unlink()
    (tmp_path / "checkpoint").mkdir()
    assert "Is a directory" in fails("train", "--resume", "--out", tmp_path)


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", [1, STEPS + 3])
def test_a_disk_that_fills_up_under_a_checkpoint_loses_nothing(
    step: int,
    unbroken: Path,
    tmp_path: Path,
    fails: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        at_step(patch, step, lambda: patch.setattr(os, "fsync", no_space))
        line = fails(*QUICK, "--out", folder)
    assert "checkpoint: No space left on device" in line
    assert f"go on with: minigrad train --resume --out {folder}" in line
    assert load(folder / "checkpoint")["position"]["step"] == (0 if step == 1 else STEPS)
    assert {path.name for path in folder.iterdir()} <= FILES, "no temporary file stays"
    assert main(["train", "--resume", "--out", str(folder)]) == 0
    assert metrics(folder) == metrics(unbroken)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_disk_that_fills_up_under_the_metrics_loses_nothing(
    unbroken: Path, tmp_path: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    with open("/dev/full", "wb", buffering=0) as full, monkeypatch.context() as patch:
        before = RunFolder.add_metrics

        def add_metrics(run: RunFolder, record: dict[str, Any]) -> None:
            if record["step"] == STEPS + 1:
                run.close()
                run._metrics = full
            before(run, record)

        patch.setattr(RunFolder, "add_metrics", add_metrics)
        line = fails(*QUICK, "--out", folder)
    assert "metrics.jsonl: No space left on device" in line
    assert main(["train", "--resume", "--out", str(folder)]) == 0
    assert metrics(folder) == metrics(unbroken)


def test_a_disk_that_is_full_from_the_start(
    tmp_path: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", no_space)
    line = fails(*QUICK, "--out", tmp_path / "run")
    assert "metrics.jsonl: No space left on device" in line and "--resume" not in line


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["doctor"], QUICK])
def test_an_output_that_is_full_is_one_line(arguments: list[str], tmp_path: Path) -> None:
    command = [*COMMAND, *arguments, *(["--out", str(tmp_path / "run")] if arguments[1:] else [])]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "minigrad: cannot write the output: No space left on device\n"


def test_a_loss_that_is_not_finite_is_one_line(fails: Callable[..., str], tmp_path: Path) -> None:
    line = fails(*QUICK, "--optimizer", "sgd", "--lr", "1e30", "--out", tmp_path / "run")
    assert re.search(r"the loss became (nan|inf) in step \d+: try a smaller --lr", line)


def test_doctor_names_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert f"NumPy      {np.__version__}" in out and "BLAS" in out and "CUDA" in out
    assert f"\nkernels    {native.level() if native.levels()[1:] else 'not there'} " in out


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "train" in out and "doctor" in out
