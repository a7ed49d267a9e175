"""Rates that rise and fall, with a momentum that falls and rises."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from minigrad.optim.groups import Group
from minigrad.optim.lr_scheduler.base import LRScheduler, check_optimizer, one_each, set_value
from minigrad.optim.lr_scheduler.lambdas import attributes
from minigrad.optim.optimizer import Optimizer


class WithMomentum(LRScheduler):
    """Schedulers that move the momentum (or the first beta) against the rate."""

    cycle_momentum: bool
    use_beta1: bool

    def _begin_momentum(self, base: Any, top: Any, last_epoch: int) -> tuple[list[Any], list[Any]]:
        """Set the greatest momentum in all groups; the bounds for each group."""
        optimizer = self.optimizer
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError(
                "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
            )
        self.use_beta1 = "betas" in optimizer.defaults
        lows = one_each("base_momentum", optimizer, base)
        highs = one_each("max_momentum", optimizer, top)
        if last_epoch == -1:
            for low, high, group in zip(lows, highs, optimizer.param_groups, strict=True):
                self._set_momentum(group, high)
                group["max_momentum"] = high
                group["base_momentum"] = low
        return lows, highs

    def _set_momentum(self, group: Group, value: Any) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


class CyclicLR(WithMomentum):
    """Let the rate go up and down between ``base_lr`` and ``max_lr``, a step after each batch.

    ``mode`` says how the height of the cycles changes: not at all ("triangular"), halved each time
    ("triangular2"), or by gamma ** t ("exp_range"); ``scale_fn`` is a function of one's own, of the
    cycle or of the iteration (``scale_mode``).

    Raises: ValueError for an unknown mode, or for an optimizer without momentum.

    Source: Smith, Cyclical learning rates for training neural networks, 2015.

    >>> import minigrad as torch
    >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], momentum=0.9)
    >>> scheduler = torch.optim.lr_scheduler.CyclicLR(optimizer, 1.0, 2.0, step_size_up=2)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [1.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        base_lrs = one_each("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups, strict=True):
                set_value(group, "lr", lr)
        self.max_lrs = one_each("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        self._init_scale_fn()
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            bounds = self._begin_momentum(base_momentum, max_momentum, last_epoch)
            self.base_momentums, self.max_momentums = bounds
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def _init_scale_fn(self) -> None:
        """Choose the function for the height of the cycles."""
        if self._scale_fn_custom is not None:
            return
        self._scale_fn_ref: Callable[[float], float]
        if self.mode == "exp_range":
            self._scale_fn_ref = partial(_powers, self.gamma)
        else:
            self._scale_fn_ref = _always_one if self.mode == "triangular" else _halves
        self.scale_mode = "iterations" if self.mode == "exp_range" else "cycle"

    def scale_fn(self, x: float) -> float:
        """The height of a cycle, or at an iteration.

        >>> import minigrad as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], momentum=0.9)
        >>> scheduler = torch.optim.lr_scheduler.CyclicLR(optimizer, 1.0, 2.0, mode="triangular2")
        >>> scheduler.scale_fn(3)
        0.25
        """
        return (self._scale_fn_custom or self._scale_fn_ref)(x)

    def get_lr(self) -> list[Any]:
        """The rates at this place of the cycle; the momentum is set too."""
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        rising = x <= self.step_ratio
        share = x / self.step_ratio if rising else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        rates = [
            low + (high - low) * share * scale
            for low, high in zip(self.base_lrs, self.max_lrs, strict=True)
        ]
        if self.cycle_momentum:
            bounds = zip(self.base_momentums, self.max_momentums, strict=True)
            for group, (low, high) in zip(self.optimizer.param_groups, bounds, strict=True):
                self._set_momentum(group, high - (high - low) * share * scale)
        return rates

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer; of a function that is an object, what the object holds."""
        state = super().state_dict()
        state.pop("_scale_fn_ref", None)
        function = state.pop("_scale_fn_custom")
        state["_scale_fn_custom"] = None if function is None else attributes(function)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave; the function stays."""
        rest = dict(state_dict)
        held = rest.pop("_scale_fn_custom")
        super().load_state_dict(rest)
        if held is not None and self._scale_fn_custom is not None:
            self._scale_fn_custom.__dict__.update(held)
        self._init_scale_fn()


def _always_one(x: float) -> float:
    return 1.0


def _halves(x: float) -> float:
    return float(1 / 2.0 ** (x - 1))


def _powers(gamma: float, x: float) -> float:
    return float(gamma**x)


class OneCycleLR(WithMomentum):
    """Let the rate rise to ``max_lr`` and fall far below where it began, a step after each batch.

    It starts at max_lr / div_factor, is at the top after the part ``pct_start`` of all steps, and
    ends at the start over ``final_div_factor``; ``three_phase`` comes back to the start before.

    Raises: ValueError for lengths that are not given or no positive integers, and for a step too
    many.

    Source: Smith and Topin, Super-convergence, 2017.

    >>> import minigrad as torch
    >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], momentum=0.9)
    >>> scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    >>> scheduler.get_last_lr()
    [0.040000000000000036]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        self.total_steps = _length(total_steps, epochs, steps_per_epoch)
        self._schedule_phases = _phases(float(pct_start * self.total_steps), self.total_steps)
        if three_phase:
            top = float(pct_start * self.total_steps)
            middle = float(2 * pct_start * self.total_steps)
            self._schedule_phases = _three_phases(top, middle, self.total_steps)
        if pct_start < 0 or pct_start > 1 or not isinstance(pct_start, float):
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._anneal_func_type = anneal_strategy
        tops = one_each("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for lr, group in zip(tops, optimizer.param_groups, strict=True):
                group["initial_lr"] = lr / div_factor
                group["max_lr"] = lr
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._begin_momentum(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _between(self, start: Any, end: Any, share: float) -> Any:
        """The value at a part of the way."""
        if self._anneal_func_type == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)

    def get_lr(self) -> list[Any]:
        """The rates at this step; the momentum is set too."""
        self._warn_outside_step()
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"Tried to step {step} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        start = 0.0
        for phase in self._schedule_phases:
            if step <= phase["end_step"] or phase is self._schedule_phases[-1]:
                share = (step - start) / (phase["end_step"] - start)
                break
            start = phase["end_step"]
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[phase["start_lr"]], group[phase["end_lr"]], share))
            if self.cycle_momentum:
                ends = group[phase["start_momentum"]], group[phase["end_momentum"]]
                self._set_momentum(group, self._between(*ends, share))
        return rates


def _length(total: int | None, epochs: int | None, steps: int | None) -> int:
    """The number of steps, given as such or by epochs."""
    if total is not None:
        if total <= 0 or not isinstance(total, int):
            raise ValueError(f"Expected positive integer total_steps, but got {total}")
        return total
    if epochs is None or steps is None:
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    for name, value in (("epochs", epochs), ("steps_per_epoch", steps)):
        if not isinstance(value, int) or value <= 0:
            raise ValueError(f"Expected positive integer {name}, but got {value}")
    return epochs * steps


def _phase(end: float, rates: str, momenta: str) -> dict[str, Any]:
    (start_lr, end_lr), (start_momentum, end_momentum) = rates.split(), momenta.split()
    return {
        "end_step": end,
        "start_lr": f"{start_lr}_lr",
        "end_lr": f"{end_lr}_lr",
        "start_momentum": f"{start_momentum}_momentum",
        "end_momentum": f"{end_momentum}_momentum",
    }


def _phases(top: float, total: int) -> list[dict[str, Any]]:
    return [
        _phase(top - 1, "initial max", "max base"),
        _phase(total - 1, "max min", "base max"),
    ]


def _three_phases(top: float, middle: float, total: int) -> list[dict[str, Any]]:
    return [
        _phase(top - 1, "initial max", "max base"),
        _phase(middle - 2, "max initial", "base max"),
        _phase(total - 1, "initial min", "max max"),
    ]
