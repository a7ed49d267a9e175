"""``minigrad train``: joins the trainer, the run folder, the display and the pictures."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
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
from minigrad.cli.settings import Settings
from minigrad.cli.trainer import Trainer
from minigrad.inspect.graph_svg import graph_svg

INTERRUPTED = 130  # what shells report for a program that Ctrl-C ended


def train(given: dict[str, Any], out: Path | None, resume: bool) -> int:
    """Train as the options say and return the exit code.

    ``given`` holds the settings named on the command line and no others, so that going on with a
    run can take the rest from its checkpoint.
    """
    folder, trainer = _go_on(given, out) if resume else _begin(given, out)
    try:
        with Display(trainer) as display, _Interrupt() as interrupt, _one_blas_thread():
            return _train(trainer, folder, display, interrupt)
    except KeyboardInterrupt:
        print(f"minigrad: stopped at once; go on with: {folder.resume_line}", file=sys.stderr)
        return INTERRUPTED
    finally:
        folder.close()


def _begin(given: dict[str, Any], out: Path | None) -> tuple[RunFolder, Trainer]:
    trainer = Trainer(Settings.of(given))
    return RunFolder.new(out, trainer.settings.model), trainer


def _go_on(given: dict[str, Any], out: Path | None) -> tuple[RunFolder, Trainer]:
    if out is None:
        latest = latest_run()
        hint = f", for example --out {latest}" if latest else ""
        raise CommandError(f"--resume needs --out with the folder of the run{hint}")
    folder = RunFolder(out)
    state = folder.load_checkpoint()
    try:
        settings = Settings(**state["settings"])
        settings.check_same(given)
        settings.check()
        trainer = Trainer(settings)
        trainer.load_state_dict(state)
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CommandError(
            f"the checkpoint in {out} does not fit this version: {reason(error)}"
        ) from error
    return folder, trainer


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
    _draw(trainer, folder)
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


def _draw(trainer: Trainer, folder: RunFolder) -> None:
    test_set = trainer.test_set
    folder.write("curves.png", pictures.curves(trainer.position.history, _title(trainer)))
    folder.write(
        "predictions.png",
        pictures.predictions(
            test_set.data.numpy()[:, 0], test_set.targets.numpy(), trainer.test_scores().numpy()
        ),
    )


def _title(trainer: Trainer) -> str:
    s = trainer.settings
    return (
        f"{s.model} on the digits ({s.epochs} epochs, batches of {s.batch_size}, "
        f"{s.optimizer}, lr {s.lr:g}, seed {s.seed}, {s.device})"
    )


def _summary(trainer: Trainer, folder: RunFolder) -> str:
    history = trainer.position.history
    seconds = sum(record["seconds"] for record in history if record["kind"] == "step")
    return (
        f"test accuracy {history[-1]['test_accuracy']:.2%} after {seconds:.1f} s of training; "
        f"look at curves.png, predictions.png and graph.svg in {folder.path}"
    )
