"""``minigrad train`` with other data, other models, weights from elsewhere, and folds."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import minigrad
from minigrad.cli import main
from minigrad.cli.batches import LoadedBatches
from minigrad.cli.run_folder import RunFolder
from minigrad.cli.schedules import SCHEDULES, factor
from minigrad.cli.settings import Settings
from minigrad.cli.task import Task
from minigrad.vision import transforms
from minigrad.vision.datasets import FakeData

CLASSES = ("cat", "dog", "owl")
FILES = {"checkpoint", "metrics.jsonl", "curves.png", "predictions.png", "graph.svg", "weights.pth"}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures of several sizes whose colour tells the class."""
    root = tmp_path_factory.mktemp("pictures")
    draw = np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 3)):
        for number, name in enumerate(CLASSES):
            (root / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = draw.integers(0, 90, (40 + 4 * i, 52, 3), dtype=np.uint8)
                pixels[..., number] += 160
                Image.fromarray(pixels).save(root / part / name / f"{i}.png")
    return root


def metrics(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: v for key, v in line.items() if key != "seconds"} for line in lines]


def stop_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """Press Ctrl-C when a step is done."""
    before = RunFolder.add_metrics

    def add_metrics(folder: RunFolder, record: dict[str, Any]) -> None:
        before(folder, record)
        if record["kind"] == "step" and record["step"] == step:
            os.kill(os.getpid(), signal.SIGINT)

    patch.setattr(RunFolder, "add_metrics", add_metrics)


def command(pictures: Path, out: Path, *more: str) -> list[str]:
    return [
        *("train", "--model", "squeezenet1_1", "--data", str(pictures), "--resize", "32"),
        *("--augment", "resized-crop,flip,jitter,erase", "--epochs", "2", "--batch-size", "8"),
        *("--lr", "0.001", "--out", str(out), *more),
    ]


def test_a_zoo_model_on_a_folder_of_pictures(pictures: Path, tmp_path: Path) -> None:
    assert main(command(pictures, tmp_path / "run")) == 0
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    state = torch.load(tmp_path / "run" / "weights.pth", weights_only=True)
    assert state["classifier.1.weight"].shape == (3, 512, 1, 1)
    assert len(metrics(tmp_path / "run")) == 2 * (3 + 1)


def test_an_interrupted_run_with_workers_goes_on_without(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(command(pictures, tmp_path / "whole")) == 0
    with monkeypatch.context() as patch:
        stop_at(patch, 2)
        assert main(command(pictures, tmp_path / "cut", "--workers", "2")) == 130
    assert main(["train", "--resume", "--out", str(tmp_path / "cut"), "--workers", "0"]) == 0
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")


def test_changes_of_an_image_depend_on_seed_epoch_and_number_only() -> None:
    data = FakeData(12, (3, 8, 8))
    change = transforms.Compose([transforms.RandomResizedCrop(8), transforms.ToTensor()])
    whole = LoadedBatches(data, range(12), change, 5, seed=1)
    half = LoadedBatches(data, range(12), change, 5, seed=1, workers=1)
    minigrad.manual_seed(7)
    first = [x for x, _ in whole.epoch(3)]
    state = minigrad.get_rng_state()
    minigrad.manual_seed(8)
    rest = [x for x, _ in half.epoch(3, start=1)]
    assert [x.shape for x in first] == [(5, 3, 8, 8), (5, 3, 8, 8), (2, 3, 8, 8)]
    assert all(bool((x == y).all()) for x, y in zip(first[1:], rest, strict=True))
    assert not bool((next(whole.epoch(4))[0] == first[0]).all())
    minigrad.manual_seed(7)
    assert bool((minigrad.get_rng_state() == state).all()), "the program's own stream is untouched"


@pytest.mark.parametrize(
    ("model", "data", "shape"),
    [
        ("lenet", "fake", (1, 28, 28)),
        ("mlp", "digits", (1, 28, 28)),
        ("resnet18", "fake", (3, 32, 32)),
        ("resnet18", "digits", (3, 28, 28)),
        ("alexnet", "fake", (3, 224, 224)),  # its maps would vanish at 32 x 32
        ("googlenet", "fake", (3, 32, 32)),
    ],
)
def test_images_fit_the_model(model: str, data: str, shape: tuple[int, ...]) -> None:
    task = Task(Settings(model=model, data=data, batch_size=2))
    assert task.shape == shape
    images, labels = next(task.batches.epoch(0))
    tested, _ = next(task.test_batches())
    assert images.shape == (2, *shape) and tested.shape[1:] == shape and labels.shape == (2,)
    assert task.model.eval()(images).shape == (2, 10)


def test_images_are_normalised_by_the_training_part() -> None:
    task = Task(Settings(model="resnet18", data="fake"))
    batch = minigrad.cat([x for x, _ in task.batches.epoch(0)])
    assert batch.mean((0, 2, 3)).abs().max() < 0.01
    assert (batch.std((0, 2, 3)) - 1).abs().max() < 0.01


def test_weights_from_a_file_and_a_frozen_network(pictures: Path, tmp_path: Path) -> None:
    minigrad.manual_seed(3)
    start = minigrad.vision.models.resnet18(num_classes=7).state_dict()
    torch.save({name: torch.tensor(v.numpy()) for name, v in start.items()}, tmp_path / "w.pth")
    assert (
        main(
            [
                *("train", "--model", "resnet18", "--data", str(pictures), "--resize", "32"),
                *("--init-from", str(tmp_path / "w.pth"), "--freeze", "--epochs", "1"),
                *("--batch-size", "12", "--out", str(tmp_path / "run")),
            ]
        )
        == 0
    )
    end = minigrad.load(tmp_path / "run" / "weights.pth")
    assert end["fc.weight"].shape == (3, 512)
    for name, value in start.items():
        if not name.startswith("fc."):
            assert bool((end[name] == value).all()), f"{name} moved, although it was frozen"


def test_weights_that_do_not_fit_are_one_line(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    minigrad.save(minigrad.vision.models.lenet().state_dict(), tmp_path / "lenet.pth")
    arguments = command(pictures, tmp_path / "run", "--init-from", str(tmp_path / "lenet.pth"))
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "does not fit the model: features.0.weight is not in it" in line
    assert not (tmp_path / "run").exists()


def test_folds_are_runs_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "--model", "mlp", "--epochs", "1", "--folds", "3"]
    with monkeypatch.context() as patch:
        stop_at(patch, 5)
        assert main([*arguments, "--out", str(tmp_path / "cut")]) == 130
    assert f"--resume --out {tmp_path / 'cut'}" in " ".join(capsys.readouterr().out.split())
    assert main(["train", "--resume", "--out", str(tmp_path / "cut")]) == 0
    assert main([*arguments, "--out", str(tmp_path / "whole")]) == 0
    cut, whole = (json.loads((tmp_path / n / "folds.json").read_text()) for n in ("cut", "whole"))
    assert cut == whole and len(cut["accuracies"]) == 3
    assert cut["mean"] == pytest.approx(np.mean(cut["accuracies"]))
    assert cut["standard_deviation"] == pytest.approx(np.std(cut["accuracies"], ddof=1))


def test_the_folds_share_the_training_images_among_them() -> None:
    tasks = [Task(Settings(model="mlp", folds=4, fold=fold)) for fold in range(1, 5)]
    held = np.concatenate([task.test_places for task in tasks])
    assert sorted(held.tolist()) == list(range(1442))
    for task in tasks:
        assert not set(task.test_places.tolist()) & set(task.train_places.tolist())
        assert len(task.test_labels) == len(task.test_places)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_begin_and_end_where_they_say(schedule: str) -> None:
    rates = [factor(schedule, step, 100) for step in range(100)]
    assert all(0 < rate <= 1 for rate in rates)
    assert max(rates) == pytest.approx(1.0, abs=1e-3)
    last: dict[str, Callable[[], float]] = {
        "cosine": lambda: 0.5 * (1 + np.cos(np.pi * 0.99)),
        "linear": lambda: 0.01,
        "exponential": lambda: 0.01**0.99,
        "steps": lambda: 0.01,
        "onecycle": lambda: 1e-4,
        "constant": lambda: 1.0,
    }
    assert rates[-1] == pytest.approx(last[schedule](), rel=0.1, abs=1e-3)
    assert factor(schedule, 3, 100, warmup=10) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "lenet", "--resize", "32"], "--resize 32: lenet does not take images"),
        (["--model", "alexnet", "--data", "fake", "--resize", "32"], "its usual one is 224"),
        (["--init-from", "junk.pth"], "--init-from junk.pth: "),
        (["--init-from", "number.pth"], "--init-from number.pth: "),
    ],
)
def test_what_cannot_be_trained_is_one_line_and_leaves_no_folder(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "junk.pth").write_bytes(b"no weights at all")
    minigrad.save(3, tmp_path / "number.pth")
    assert main(["train", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not (tmp_path / "runs").exists()


def test_a_damaged_picture_is_named(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    broken = tmp_path / "pictures"
    shutil.copytree(pictures, broken)
    (broken / "train" / "cat" / "3.png").write_bytes(b"not a picture")
    arguments = command(broken, tmp_path / "run")
    assert main(arguments) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "cannot read" in line and "3.png" in line


def test_models_are_found_by_a_part_of_their_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "ResNet"]) == 0
    out = capsys.readouterr().out
    assert "resnet18" in out and "vgg11" not in out
    assert main(["models", "nothing"]) == 2
    assert "no model fits nothing" in capsys.readouterr().err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"minigrad {minigrad.__version__}\n"


def test_summary_of_a_file_written_for_torch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.py").write_text(
        "import sys\nsys.modules.pop('torch', None)\n"
        "import torch\nfrom torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.a = nn.Linear(4, 2)\n"
        "    def forward(self, x):\n        return self.a(x)\n"
    )
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "minigrad", "summary", "net.py:Net", "--input", "4"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.returncode == 0 and "10" in done.stdout, done.stderr
