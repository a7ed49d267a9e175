"""What a training run is told to do, and whether that makes sense."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from minigrad import optim
from minigrad.backend import backend_for
from minigrad.cli.augmentations import AUGMENTATIONS
from minigrad.cli.datasets import DATASETS, is_folder
from minigrad.cli.errors import CommandError, reason
from minigrad.cli.schedules import SCHEDULES
from minigrad.device import device
from minigrad.vision.models.zoo import list_models

# The rules of the steps, and the rate at which each begins if nothing is said.
OPTIMIZERS: dict[str, tuple[type[optim.Optimizer], float]] = {
    "adam": (optim.Adam, 0.003),
    "adamw": (optim.AdamW, 0.003),
    "sgd": (optim.SGD, 0.03),
    **{
        name.lower(): (getattr(optim, name), rate)
        for name, rate in (
            ("Adadelta", 1.0),
            ("Adagrad", 0.01),
            ("Adamax", 0.003),
            ("NAdam", 0.003),
            ("RAdam", 0.003),
            ("RMSprop", 0.001),
        )
        if hasattr(optim, name)
    },
}

# What may differ when a run goes on: where its data is, and who fetches it.
FREE = ("root", "workers", "download")


@dataclass(frozen=True)
class Settings:
    """All that decides the numbers of a run: the same settings give the same metrics.

    ``lr`` is the rate at the first step (after ``warmup`` steps), from where ``schedule`` leads it.

    >>> Settings.of({"model": "mlp", "optimizer": "sgd"}).lr
    0.03
    """

    model: str = "lenet"
    data: str = "digits"  # a name, or a folder with the folders train and test
    root: str = "data"
    download: bool = False
    resize: int | None = None  # None: what the model asks for, or the data's own size
    augment: tuple[str, ...] | None = None  # None: a shift of the digits, of other data nothing
    epochs: int = 15
    batch_size: int = 32
    optimizer: str = "adam"
    lr: float = OPTIMIZERS["adam"][1]
    momentum: float = 0.9  # of sgd
    weight_decay: float = 0.0
    schedule: str = "cosine"
    warmup: int = 0
    init_from: str | None = None
    freeze: bool = False
    folds: int = 0
    fold: int = 0  # from 1, where there are folds
    workers: int = 0
    device: str = "cpu"
    seed: int = 0

    @classmethod
    def of(cls, given: dict[str, Any]) -> Settings:
        """Settings from the options that were given; the others get their defaults."""
        rate = OPTIMIZERS.get(given.get("optimizer", cls.optimizer), (None, cls.lr))[1]
        settings = cls(**{"lr": rate, **given})
        settings.check()
        return settings

    def check(self) -> None:
        """Raise CommandError for the first setting that makes no sense."""
        _one_of("--model", self.model, list_models())
        if not is_folder(self.data):
            _one_of("--data", self.data, [*DATASETS, "a folder of pictures"])
        _one_of("--optimizer", self.optimizer, OPTIMIZERS)
        _one_of("--schedule", self.schedule, SCHEDULES)
        for name in self.augment or ():
            _one_of("--augment", name, AUGMENTATIONS)
        for option, value, least in (
            ("--epochs", self.epochs, 1),
            ("--batch-size", self.batch_size, 1),
            ("--resize", self.resize, 1),
            ("--warmup", self.warmup, 0),
            ("--workers", self.workers, 0),
        ):
            if value is not None and value < least:
                raise CommandError(f"{option} {value}: expected at least {least}")
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise CommandError(f"--lr {self.lr}: expected a number above 0")
        for option, number in (
            ("--momentum", self.momentum),
            ("--weight-decay", self.weight_decay),
        ):
            if not 0 <= number < math.inf:
                raise CommandError(f"{option} {number}: expected 0 or a number above it")
        if self.folds < 0 or self.folds == 1:
            raise CommandError(f"--folds {self.folds}: expected at least 2")
        if self.freeze and self.init_from is None:
            raise CommandError("--freeze: only weights that come from somewhere: add --init-from")
        if not 0 <= self.seed < 2**63:
            raise CommandError(f"--seed {self.seed}: expected 0 to 2**63 - 1")
        self._check_device()

    def _check_device(self) -> None:
        if self.device.split(":")[0] not in ("cpu", "cuda"):
            raise CommandError(f"--device {self.device}: expected cpu or cuda")
        try:
            place = device(self.device)
            backend_for(place).from_host(np.zeros(1), place.index)
        except RuntimeError as error:  # a device that is missing, or a card number that is
            raise CommandError(
                f"--device {self.device} can't be used here: {reason(error)}"
            ) from error

    def check_same(self, given: dict[str, Any]) -> None:
        """Raise CommandError for an option that differs from the run that is to go on."""
        mine = asdict(self)
        for name, value in given.items():
            if name not in FREE and value != mine[name]:
                option = "--" + name.replace("_", "-")
                raise CommandError(
                    f"{option} {value} differs from this run's {mine[name]}: leave it out to go on "
                    "with the run as it was started, or start a new run without --resume"
                )


def _one_of(option: str, value: str, choices: Iterable[str]) -> None:
    """Raise CommandError for a word that is not among the choices, with one that is near."""
    names = list(choices)
    if value in names:
        return
    near = difflib.get_close_matches(value, names, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise CommandError(f"{option} {value}: expected one of {', '.join(names)}{hint}")
