"""``minigrad train``: joins the trainer, the run folder, the display and the pictures."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from threadpoolctl import threadpool_limits

import minigrad as mg
from minigrad.cli import pictures
from minigrad.cli.doctor import THREADS
from minigrad.cli.errors import CommandError, reason
from minigrad.cli.progress import Display
from minigrad.cli.run_folder import RunFolder, latest_run
from minigrad.cli.settings import FREE, Settings
from minigrad.cli.trainer import Trainer
from minigrad.inspect.graph_svg import graph_svg

INTERRUPTED = 130  # what shells report for a program that Ctrl-C ended


def train(given: dict[str, Any], out: Path | None, resume: bool) -> int:
    """Train as the options say and return the exit code.

    ``given`` holds the settings named on the command line and no others, so that going on with a
    run can take the rest from its checkpoint.
    """
    if resume:
        folder = _found(out)
        first = RunFolder(folder.path / "fold-1", folder.path)
        if first.has_checkpoint:
            return _train_folds(_restored(first, given).settings, folder, given)
        return _run(folder, _restored(folder, given))
    settings = Settings.of(given)
    if settings.folds:
        Trainer(replace(settings, fold=1))  # mistakes show before there is a folder
        return _train_folds(settings, RunFolder.new(out, _name(settings)), given)
    trainer = Trainer(settings)
    return _run(RunFolder.new(out, _name(settings)), trainer)


def _run(folder: RunFolder, trainer: Trainer) -> int:
    """One run, from wherever it stands to its end or an interruption."""
    try:
        with Display(trainer) as display, _Interrupt() as interrupt, _one_blas_thread():
            return _train(trainer, folder, display, interrupt)
    except KeyboardInterrupt:
        print(f"minigrad: stopped at once; go on with: {folder.resume_line}", file=sys.stderr)
        return INTERRUPTED
    finally:
        folder.close()


def _train_folds(settings: Settings, folder: RunFolder, given: dict[str, Any]) -> int:
    """A run for each fold, in a folder of its own; then the mean over the folds."""
    accuracies = []
    for fold in range(1, settings.folds + 1):
        part = RunFolder(folder.path / f"fold-{fold}", folder.path)
        if part.has_checkpoint:
            trainer = _restored(part, given)
        else:
            part.path.mkdir(exist_ok=True)
            trainer = Trainer(replace(settings, fold=fold))
        print(f"fold {fold} of {settings.folds}")
        code = _run(part, trainer)
        if code:
            return code
        accuracies.append(trainer.position.history[-1]["test_accuracy"])
    mean, spread = statistics.mean(accuracies), statistics.stdev(accuracies)
    found = {"accuracies": accuracies, "mean": mean, "standard_deviation": spread}
    folder.write("folds.json", json.dumps(found, indent=2).encode() + b"\n")
    print(f"accuracy over {settings.folds} folds: {mean:.2%} ± {spread:.2%}; see {folder.path}")
    return 0


def _name(settings: Settings) -> str:
    """The name of a new run's folder."""
    data = Path(settings.data).name
    return settings.model if data == Settings.data else f"{settings.model}-{data}"


def _found(out: Path | None) -> RunFolder:
    """The folder of the run that is to go on."""
    if out is None:
        latest = latest_run()
        hint = f", for example --out {latest}" if latest else ""
        raise CommandError(f"--resume needs --out with the folder of the run{hint}")
    return RunFolder(out)


def _restored(folder: RunFolder, given: dict[str, Any]) -> Trainer:
    """The trainer as it was when the folder's checkpoint was written."""
    state = folder.load_checkpoint()
    try:
        settings = Settings(**state["settings"])
        settings.check_same(given)
        settings = replace(settings, **{name: given[name] for name in FREE if name in given})
        settings.check()
        trainer = Trainer(settings)
        trainer.load_state_dict(state)
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CommandError(
            f"the checkpoint in {folder.path} does not fit this version: {reason(error)}"
        ) from error
    return trainer


def _train(trainer: Trainer, folder: RunFolder, display: Display, interrupt: _Interrupt) -> int:
    at = trainer.position
    folder.start_metrics(at.history)
    if at.step == 0:
        folder.save_checkpoint(trainer.state_dict())
        display.say(f"training {_title(trainer)} into {folder.path}")
    else:
        display.say(f"going on with {_title(trainer)} in {folder.path} after step {at.step}")
    trainer.run(_Watcher(folder, display), stop=lambda: interrupt.asked)
    if not trainer.done:
        display.say(
            f"interrupted and saved after step {at.step} of {trainer.total_steps}; "
            f"go on with: {folder.resume_line}",
            style="yellow",
        )
        return INTERRUPTED
    _finish(trainer, folder)
    display.say(_summary(trainer, folder), style="green")
    return 0


class _Watcher:
    """Hands what happens in the training loop to the folder and the display."""

    def __init__(self, folder: RunFolder, display: Display) -> None:
        self._folder = folder
        self._display = display

    def graph(self, loss: mg.Tensor, parameters: dict[str, mg.Tensor]) -> None:
        self._folder.write("graph.svg", graph_svg(loss, parameters).encode())

    def step(self, record: dict[str, Any]) -> None:
        self._folder.add_metrics(record)
        self._display.step(record)

    def epoch(self, record: dict[str, Any]) -> None:
        self._folder.add_metrics(record)
        self._display.epoch(record)

    def checkpoint(self, state: dict[str, Any]) -> None:
        self._folder.save_checkpoint(state)


def _one_blas_thread() -> contextlib.AbstractContextManager[Any]:
    """Matrices this small gain nothing from threads, and lose tenfold when cores are shared.

    One thread also makes the numbers independent of how many cores there are. Whoever sets the
    number of threads in the environment gets that.
    """
    if any(name in os.environ for name in THREADS):
        return contextlib.nullcontext()
    return threadpool_limits(1, user_api="blas")  # type: ignore[no-any-return]


class _Interrupt:
    """Makes the first Ctrl-C (or SIGTERM) a request, and the second one a KeyboardInterrupt."""

    _SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> _Interrupt:
        for number in self._SIGNALS:
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def _finish(trainer: Trainer, folder: RunFolder) -> None:
    """The weights by themselves, and the pictures."""
    with folder.writing("weights.pth") as path:
        mg.save(trainer.model.state_dict(), path)
    task = trainer.task
    folder.write("curves.png", pictures.curves(trainer.position.history, _title(trainer)))
    folder.write(
        "predictions.png",
        pictures.predictions(
            task.test_image,
            task.test_labels.numpy(),
            trainer.test_scores().numpy(),
            task.source.classes,
        ),
    )


def _title(trainer: Trainer) -> str:
    s, task = trainer.settings, trainer.task
    data = "the digits" if s.data == Settings.data else Path(s.data).name
    size = f"{task.channels}x{task.size}x{task.size}"
    fold = f", fold {s.fold} of {s.folds}" if s.fold else ""
    begin = f", from {Path(s.init_from).name} ({task.kept})" if s.init_from else ""
    return (
        f"{s.model} on {data} ({size}, {s.epochs} epochs, batches of {s.batch_size}, "
        f"{s.optimizer}, lr {s.lr:g} {s.schedule}, seed {s.seed}, {s.device}{fold}{begin})"
    )


def _summary(trainer: Trainer, folder: RunFolder) -> str:
    history = trainer.position.history
    seconds = sum(record["seconds"] for record in history if record["kind"] == "step")
    return (
        f"test accuracy {history[-1]['test_accuracy']:.2%} after {seconds:.1f} s of training; "
        f"look at curves.png, predictions.png and graph.svg in {folder.path}"
    )
