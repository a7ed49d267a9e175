"""How a run looks while it goes on: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from minigrad.cli.trainer import Trainer

_FADE = 0.9  # how much of the running means survives a step


class Display:
    """Shows loss, accuracy, samples per second and time left; one line stays for each epoch."""

    def __init__(self, trainer: Trainer, console: Console | None = None) -> None:
        self._trainer = trainer
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._loss = self._accuracy = self._speed = 0.0
        self._samples, self._seconds = 0, 0.0
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(bar_width=None),
            TextColumn("loss {task.fields[loss]:.4f}  accuracy {task.fields[accuracy]:6.1%}"),
            TextColumn("{task.fields[speed]:,.0f} samples/s"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        at = trainer.position
        self._task = self._bar.add_task(
            "train",
            total=trainer.total_steps,
            completed=at.step,
            epoch=at.epoch + 1,
            epochs=trainer.settings.epochs,
            loss=0.0,
            accuracy=0.0,
            speed=0.0,
        )

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def say(self, text: str, style: str | None = None) -> None:
        """A line that stays, above the bar."""
        self._console.print(text, style=style, markup=False)

    def step(self, record: dict[str, Any]) -> None:
        """Move the bar by one step."""
        self._samples += record["samples"]
        self._seconds += record["seconds"]
        self._speed = self._samples / max(self._seconds, 1e-9)
        fade = _FADE if self._samples > record["samples"] else 0.0
        self._loss = fade * self._loss + (1 - fade) * record["loss"]
        self._accuracy = fade * self._accuracy + (1 - fade) * record["accuracy"]
        self._bar.update(
            self._task,
            completed=record["step"],
            epoch=record["epoch"],
            loss=self._loss,
            accuracy=self._accuracy,
            speed=self._speed,
        )

    def epoch(self, record: dict[str, Any]) -> None:
        """Leave a line for a finished epoch."""
        epochs = self._trainer.settings.epochs
        left = (self._trainer.total_steps - record["step"]) * self._seconds_per_step
        self.say(
            f"epoch {record['epoch']:>{len(str(epochs))}}/{epochs}"
            f"  train loss {record['train_loss']:.4f} accuracy {record['train_accuracy']:6.2%}"
            f"  test loss {record['test_loss']:.4f} accuracy {record['test_accuracy']:6.2%}"
            f"  {self._speed:,.0f} samples/s  {left:.0f} s left"
        )

    @property
    def _seconds_per_step(self) -> float:
        """Mean time of a step in this session."""
        return self._trainer.settings.batch_size / self._speed if self._speed else 0.0
