"""The training loop: pure of terminal and files, and able to stop and go on after any step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import minigrad as mg
from minigrad import nn, optim
from minigrad.cli.errors import CommandError
from minigrad.cli.schedules import factor
from minigrad.cli.settings import OPTIMIZERS, Settings
from minigrad.cli.task import Task
from minigrad.nn import functional as F

Record = dict[str, Any]


class Watcher(Protocol):
    """Who is told what happens; each call may raise to end the run."""

    def graph(self, loss: mg.Tensor, parameters: dict[str, mg.Tensor]) -> None:
        """The first loss of the run, while its graph is alive."""

    def step(self, record: Record) -> None:
        """A step is done."""

    def epoch(self, record: Record) -> None:
        """An epoch is done and the model was tested."""

    def checkpoint(self, state: Record) -> None:
        """A moment worth keeping: the start, the end of an epoch, an interruption."""


@dataclass
class Position:
    """How far a run has come, and the sums of the epoch that it is in."""

    epoch: int = 0  # epochs done
    batch: int = 0  # batches of the present epoch done
    step: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    seen: int = 0
    history: list[Record] = field(default_factory=list)


class Trainer:
    """One run: model, optimizer, data, position.

    After ``load_state_dict`` of a state taken at any step, ``run`` gives exactly the numbers that
    the run would have given without the break.

    >>> from minigrad.cli.settings import Settings
    >>> trainer = Trainer(Settings(model="mlp", epochs=2))
    >>> trainer.total_steps, trainer.done
    (92, False)
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.task = Task(settings)
        self.model = self.task.model
        self.total_steps = len(self.task.batches) * settings.epochs
        self.optimizer = _optimizer(settings, self.model)
        self.position = Position()

    @property
    def done(self) -> bool:
        """Whether all epochs are through."""
        return self.position.epoch == self.settings.epochs

    def run(self, watcher: Watcher, stop: Callable[[], bool] = lambda: False) -> None:
        """Train until all epochs are done or ``stop()`` says to leave after the present step."""
        while not self.done:
            self._finish_epoch(watcher, stop)
            watcher.checkpoint(self.state_dict())
            if stop():
                return

    def _finish_epoch(self, watcher: Watcher, stop: Callable[[], bool]) -> None:
        """From wherever the epoch stands to its end, or to the step after which to stop."""
        self.task.train_mode()
        at = self.position
        for images, labels in self.task.batches.epoch(at.epoch, start=at.batch):
            began = time.perf_counter()
            record = self._step(images, labels, watcher)
            record["seconds"] = time.perf_counter() - began
            at.history.append(record)
            watcher.step(record)
            if stop():
                return
        record = self._epoch_record()
        at.epoch, at.batch = at.epoch + 1, 0
        at.loss_sum, at.correct, at.seen = 0.0, 0, 0
        at.history.append(record)
        watcher.epoch(record)

    def _step(self, images: mg.Tensor, labels: mg.Tensor, watcher: Watcher) -> Record:
        at, settings = self.position, self.settings
        images, labels = images.to(settings.device), labels.to(settings.device)
        for group in self.optimizer.param_groups:
            group["lr"] = settings.lr * factor(
                settings.schedule, at.step, self.total_steps, settings.warmup
            )
        self.optimizer.zero_grad()
        scores = self.model(images)
        loss = F.cross_entropy(scores, labels)
        if at.step == 0:
            watcher.graph(loss, dict(self.model.named_parameters()))
        loss.backward()
        self.optimizer.step()
        value = loss.item()
        if not math.isfinite(value):
            raise CommandError(
                f"the loss became {value} in step {at.step + 1}: try a smaller --lr "
                f"than {settings.lr}"
            )
        return self._step_record(value, int((scores.argmax(1) == labels).sum()), len(labels))

    def _step_record(self, loss: float, correct: int, count: int) -> Record:
        at = self.position
        at.batch += 1
        at.step += 1
        at.loss_sum += loss * count
        at.correct += correct
        at.seen += count
        return {
            "kind": "step",
            "epoch": at.epoch + 1,
            "step": at.step,
            "loss": loss,
            "accuracy": correct / count,
            "samples": count,
        }

    def _epoch_record(self) -> Record:
        at = self.position
        scores = self.test_scores()
        targets = self.task.test_labels
        return {
            "kind": "epoch",
            "epoch": at.epoch + 1,
            "step": at.step,
            "train_loss": at.loss_sum / at.seen,
            "train_accuracy": at.correct / at.seen,
            "test_loss": F.cross_entropy(scores, targets).item(),
            "test_accuracy": int((scores.argmax(1) == targets).sum()) / len(targets),
        }

    @mg.no_grad()
    def test_scores(self) -> mg.Tensor:
        """The model's scores (N, classes) of the test images, on the CPU."""
        self.model.eval()
        device = self.settings.device
        return mg.cat([self.model(x.to(device)).cpu() for x, _ in self.task.test_batches()])

    def state_dict(self) -> Record:
        """All that the rest of the run depends on."""
        return {
            "settings": asdict(self.settings),
            "position": asdict(self.position),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": mg.get_rng_state(),
        }

    def load_state_dict(self, state: Record) -> None:
        """Go on from where ``state_dict`` was taken."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.position = Position(**state["position"])
        mg.set_rng_state(state["rng"])


def _optimizer(settings: Settings, model: nn.Module) -> optim.Optimizer:
    kind, _ = OPTIMIZERS[settings.optimizer]
    options: dict[str, Any] = {"lr": settings.lr, "weight_decay": settings.weight_decay}
    if settings.optimizer == "sgd":
        options["momentum"] = settings.momentum
    return kind([p for p in model.parameters() if p.requires_grad], **options)
