"""What a training run is told to do, and whether that makes sense."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from minigrad import nn
from minigrad.backend import backend_for
from minigrad.cli.errors import CommandError, reason
from minigrad.device import device
from minigrad.vision.models import MLP, LeNet

MODELS: dict[str, type[nn.Module]] = {"lenet": LeNet, "mlp": MLP}
LEARNING_RATES = {"adam": 0.003, "sgd": 0.03}


@dataclass(frozen=True)
class Settings:
    """All that decides the numbers of a run: the same settings give the same metrics.

    ``lr`` is the rate at the first step; it falls to zero along a cosine.

    >>> Settings.of({"model": "mlp", "optimizer": "sgd"})
    Settings(model='mlp', epochs=15, batch_size=32, lr=0.03, optimizer='sgd', device='cpu', seed=0)
    """

    model: str = "lenet"
    epochs: int = 15
    batch_size: int = 32
    lr: float = LEARNING_RATES["adam"]
    optimizer: str = "adam"
    device: str = "cpu"
    seed: int = 0

    @classmethod
    def of(cls, given: dict[str, Any]) -> Settings:
        """Settings from the options that were given; the others get their defaults."""
        optimizer = given.get("optimizer", cls.optimizer)
        settings = cls(**{"lr": LEARNING_RATES.get(optimizer, cls.lr), **given})
        settings.check()
        return settings

    def check(self) -> None:
        """Raise CommandError for the first setting that makes no sense."""
        for option, value, choices in (
            ("--model", self.model, MODELS),
            ("--optimizer", self.optimizer, LEARNING_RATES),
        ):
            if value not in choices:
                raise CommandError(f"{option} {value}: expected one of {', '.join(choices)}")
        if self.epochs < 1:
            raise CommandError(f"--epochs {self.epochs}: expected at least 1")
        if self.batch_size < 1:
            raise CommandError(f"--batch-size {self.batch_size}: expected at least 1")
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise CommandError(f"--lr {self.lr}: expected a number above 0")
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
            if value != mine[name]:
                option = "--" + name.replace("_", "-")
                raise CommandError(
                    f"{option} {value} differs from this run's {mine[name]}: leave it out to go on "
                    "with the run as it was started, or start a new run without --resume"
                )
