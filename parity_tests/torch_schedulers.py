"""Run learning rate schedulers with both libraries on drawn arguments; compare 60 steps.

Rates, momenta, state dicts, warnings and errors must be the same; half-way the run goes on from
files, in new objects. ``python -m parity_tests.torch_optimizers StepLR`` prints what differs.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import minigrad
from parity_tests.nests import attempt, moved, unlike
from parity_tests.torch_samples import Tally

STEPS = 60
Draw = np.random.Generator
Arguments = dict[str, Any]


def pick(draw: Draw, *values: Any) -> Any:
    """One of the values."""
    return values[draw.integers(len(values))]


class Halving:
    """A function of the epoch that is an object and goes into files."""

    def __init__(self, power: float) -> None:
        self.power = power

    def __call__(self, epoch: float) -> float:
        return float(0.5 ** (self.power * epoch / 10))


def milestones(draw: Draw) -> list[int]:
    """Some epochs, in order."""
    return sorted(int(m) for m in draw.integers(1, 55, 4))


def cyclic(draw: Draw) -> Arguments:
    """Arguments of CyclicLR."""
    scale = pick(draw, None, None, Halving(0.7))
    return {
        "base_lr": pick(draw, 0.01, [0.02, 0.01]),
        "max_lr": pick(draw, 0.5, [0.5, 0.9]),
        "step_size_up": pick(draw, 4, 7),
        "step_size_down": pick(draw, None, 3),
        "mode": pick(draw, "triangular", "triangular2", "exp_range"),
        "gamma": pick(draw, 1.0, 0.97),
        "scale_fn": scale,
        "scale_mode": pick(draw, "cycle", "iterations"),
        "cycle_momentum": pick(draw, True, True, False),
    }


def one_cycle(draw: Draw) -> Arguments:
    """Arguments of OneCycleLR."""
    length = pick(draw, {"total_steps": 60}, {"epochs": 7, "steps_per_epoch": 9})
    return {
        "max_lr": pick(draw, 0.5, [0.5, 0.9]),
        **length,
        "pct_start": pick(draw, 0.3, 0.45),
        "anneal_strategy": pick(draw, "cos", "linear"),
        "cycle_momentum": pick(draw, True, False),
        "div_factor": pick(draw, 25.0, 4),
        "three_phase": pick(draw, False, True),
    }


def plateau(draw: Draw) -> Arguments:
    """Arguments of ReduceLROnPlateau."""
    return {
        "mode": pick(draw, "min", "max"),
        "factor": pick(draw, 0.1, 0.6),
        "patience": pick(draw, 0, 2, 5),
        "threshold": pick(draw, 1e-4, 0.2),
        "threshold_mode": pick(draw, "rel", "abs"),
        "cooldown": pick(draw, 0, 3),
        "min_lr": pick(draw, 0, 0.02, [0.05, 0.001]),
    }


DRAWS: dict[str, Callable[[Draw], Arguments]] = {
    "LambdaLR": lambda d: {"lr_lambda": pick(d, _tenth, Halving(1.0), [_tenth, Halving(2.0)])},
    "MultiplicativeLR": lambda d: {"lr_lambda": pick(d, _nearly, [_nearly, Halving(0.1)])},
    "StepLR": lambda d: {"step_size": pick(d, 1, 3, 10), "gamma": pick(d, 0.1, 0.9)},
    "MultiStepLR": lambda d: {"milestones": milestones(d), "gamma": pick(d, 0.1, 0.9)},
    "ConstantLR": lambda d: {"factor": pick(d, 1 / 3, 0.7), "total_iters": pick(d, 5, 1, 40)},
    "LinearLR": lambda d: {
        "start_factor": pick(d, 1 / 3, 1.0),
        "end_factor": pick(d, 1.0, 0.2),
        "total_iters": pick(d, 5, 40),
    },
    "ExponentialLR": lambda d: {"gamma": pick(d, 0.9, 1.01)},
    "PolynomialLR": lambda d: {"total_iters": pick(d, 5, 50), "power": pick(d, 1.0, 2.5)},
    "CosineAnnealingLR": lambda d: {"T_max": pick(d, 5, 60), "eta_min": pick(d, 0.0, 0.01)},
    "CosineAnnealingWarmRestarts": lambda d: {
        "T_0": pick(d, 3, 10),
        "T_mult": pick(d, 1, 2),
        "eta_min": pick(d, 0.0, 0.01),
    },
    "CyclicLR": cyclic,
    "OneCycleLR": one_cycle,
    "ReduceLROnPlateau": plateau,
    "SWALR": lambda d: {
        "swa_lr": pick(d, 0.05, [0.05, 0.2]),
        "anneal_epochs": pick(d, 0, 10, 30),
        "anneal_strategy": pick(d, "cos", "linear"),
    },
    "SequentialLR": lambda d: {"milestones": [int(d.integers(1, 20)), int(d.integers(20, 50))]},
    "ChainedScheduler": lambda d: {},
}
PARTS = ("StepLR", "ConstantLR", "LinearLR", "ExponentialLR", "CosineAnnealingLR", "PolynomialLR")


def _tenth(epoch: float) -> float:
    return 0.9**epoch


def _nearly(epoch: float) -> float:
    return 0.97


class Side:
    """One library's optimizer and scheduler."""

    def __init__(self, library: Any, name: str, seed: int, last_epoch: int = -1) -> None:
        self.library, self.name, self.seed = library, name, seed
        draw = np.random.default_rng(seed)
        a, b = (library.ones(n, requires_grad=True) for n in (2, 3))
        lr = pick(draw, 0.5, 0.5, library.tensor(0.5))
        groups = [{"params": [a]}, {"params": [b], "lr": 0.25}]
        make = pick(draw, ("SGD", {"momentum": 0.9}), ("Adam", {}))
        self.optimizer = getattr(library.optim, make[0])(groups, lr=lr, **make[1])
        self.params = [a, b]
        self.closed = name not in ("ReduceLROnPlateau", "SequentialLR", "ChainedScheduler")
        self.scheduler = self._scheduler(name, draw)

    def _scheduler(self, name: str, draw: Draw) -> Any:
        modules = self.library.optim.lr_scheduler, self.library.optim.swa_utils
        kind = getattr(modules[0], name, None) or getattr(modules[1], name)
        arguments = DRAWS[name](draw)
        if name not in ("SequentialLR", "ChainedScheduler"):
            return kind(self.optimizer, **arguments)
        parts = [self._scheduler(PARTS[draw.integers(len(PARTS))], draw) for _ in range(3)]
        if name == "ChainedScheduler":
            return kind(parts, self.optimizer)
        return kind(self.optimizer, parts, **arguments)

    def step(self, number: int) -> Any:
        """One step of both, and what came of it."""
        draw = np.random.default_rng(100 * self.seed + number)
        forgets = number == 0 and self.seed % 4 == 1  # which warns
        if not forgets:
            for p in self.params:
                p.grad = self.library.ones(p.shape)
            self.optimizer.step()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if self.name == "ReduceLROnPlateau":
                self.scheduler.step(float(draw.normal()) - number / 20)
            elif self.closed and self.seed % 3 == 2 and number % 7 == 6:
                self.scheduler.step(number + 1)
            else:
                self.scheduler.step()
            if number == 20 and self.closed:
                self.scheduler.get_lr()
        seen = [str(w.message) for w in caught if w.category is UserWarning]
        return [self.seen(), seen]

    def seen(self) -> Any:
        """Rates, momenta and the whole state."""
        options = [
            {k: _plain(v) for k, v in group.items() if k != "params"}
            for group in self.optimizer.param_groups
        ]
        return [options, _plain(self.scheduler.get_last_lr()), _plain(self.scheduler.state_dict())]

    def again(self) -> Side:
        """New objects that go on from the files of these."""
        other = Side(self.library, self.name, self.seed)
        other.scheduler.load_state_dict(moved(self.scheduler.state_dict(), self.library))
        other.optimizer.load_state_dict(moved(self.optimizer.state_dict(), self.library))
        return other


def _plain(value: Any) -> Any:
    """What a file holds, without what cannot be compared."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value))
    if isinstance(value, (int, float, str, type(None))):
        return float(value) if isinstance(value, float) else value
    return value.detach() if hasattr(value, "detach") else type(value).__name__


def run(name: str, seed: int) -> str:
    """Sixty steps with both libraries; what differs."""
    theirs, bad = attempt(functools.partial(Side, torch, name, seed))
    mine, wrong = attempt(functools.partial(Side, minigrad, name, seed))
    if bad or wrong:
        return f"{wrong or 'no error'}; torch: {bad or 'no error'}"
    if differs := unlike(mine.seen(), theirs.seen(), "", {}):
        return f"at first: {differs}"
    for number in range(STEPS):
        want, bad = attempt(functools.partial(theirs.step, number))
        got, wrong = attempt(functools.partial(mine.step, number))
        if bad or wrong:
            return f"step {number}: {wrong or 'no error'}; torch: {bad or 'no error'}"
        if differs := unlike(got, want, "", {}):
            return f"step {number}: {differs}"
        if number == STEPS // 2:
            theirs, mine = theirs.again(), mine.again()
            if differs := unlike(mine.seen(), theirs.seen(), "", {}):
                return f"loaded: {differs}"
    return ""


BAD: tuple[str, ...] = (
    "StepLR(3, 1)",
    "StepLR(o, 1, last_epoch=3)",
    "LambdaLR(o, [lambda e: 1])",
    "MultiplicativeLR(o, [lambda e: 1])",
    "MultiplicativeLR(o, 3)",
    "ConstantLR(o, factor=2)",
    "ConstantLR(o, factor=-1)",
    "LinearLR(o, start_factor=0)",
    "LinearLR(o, end_factor=2)",
    "CosineAnnealingWarmRestarts(o, 0)",
    "CosineAnnealingWarmRestarts(o, 2.5)",
    "CosineAnnealingWarmRestarts(o, 2, T_mult=0)",
    "CosineAnnealingWarmRestarts(o, 2, eta_min='a')",
    "CosineAnnealingWarmRestarts(o, 2).step(-1)",
    "CyclicLR(3, 1, 2)",
    "CyclicLR(o, [1], 2)",
    "CyclicLR(o, 1, [2])",
    "CyclicLR(o, 1, 2, mode='x')",
    "CyclicLR(plain, 1, 2)",
    "OneCycleLR(o, 1)",
    "OneCycleLR(o, 1, total_steps=-1)",
    "OneCycleLR(o, 1, epochs=-1, steps_per_epoch=2)",
    "OneCycleLR(o, 1, epochs=1, steps_per_epoch=2.5)",
    "OneCycleLR(o, 1, total_steps=3, pct_start=2)",
    "OneCycleLR(o, 1, total_steps=3, anneal_strategy='x')",
    "OneCycleLR(plain, 1, total_steps=3)",
    "[s.step() for s in [OneCycleLR(o, 1, total_steps=3)] for _ in range(9)]",
    "ReduceLROnPlateau(o, factor=1.0)",
    "ReduceLROnPlateau(3)",
    "ReduceLROnPlateau(o, mode='x')",
    "ReduceLROnPlateau(o, threshold_mode='x')",
    "ReduceLROnPlateau(o, min_lr=[1])",
    "SequentialLR(o, [], [])",
    "SequentialLR(o, [3], [])",
    "SequentialLR(o, [StepLR(o, 1)], [3])",
    "SequentialLR(o, [ReduceLROnPlateau(o)], [])",
    "ChainedScheduler([])",
    "ChainedScheduler([3], o)",
    "ChainedScheduler([ReduceLROnPlateau(o)])",
    "SWALR(o, [1])",
    "SWALR(o, 1, anneal_strategy='x')",
    "SWALR(o, 1, anneal_epochs=-1)",
    "LRScheduler(o)",
    "StepLR(o, 1).load_state_dict(3)",
)


def bad_call(source: str) -> str:
    """How the errors of a bad call differ."""
    texts = []
    for library in (minigrad, torch):
        a, b = (library.ones(1, requires_grad=True) for _ in range(2))
        optimizer = library.optim.SGD([{"params": a}, {"params": b}], lr=1.0, momentum=0.9)
        scope = {
            **vars(library.optim.lr_scheduler),
            "SWALR": library.optim.swa_utils.SWALR,
            "o": optimizer,
            "plain": library.optim.Rprop([a]),
        }
        texts.append(attempt(functools.partial(eval, source, scope))[1])
    if not texts[1]:
        return "torch raises nothing"
    return "" if texts[0] == texts[1] else f"{texts[0] or 'no error'}, not {texts[1]}"


def check(name: str, drawn: int = 24) -> Tally:
    """A scheduler with many arguments, and its bad calls."""
    tally = Tally(name)
    results = [(f"[{seed}]", run(name, seed)) for seed in range(drawn)]
    results += [(s, bad_call(s)) for s in BAD if s.startswith(name) or f"[{name}" in s]
    for what, wrong in results:
        if wrong:
            tally.failures.append(f"{what} {wrong}")
        else:
            tally.passed += 1
    return tally
