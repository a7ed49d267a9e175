"""Schedulers that ask a function of the user's."""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import Any

from minigrad.optim.lr_scheduler.base import LRScheduler, values_of
from minigrad.optim.optimizer import Optimizer

Function = Callable[[int], float]


class ByFunction(LRScheduler):
    """One function of the epoch for all groups, or one for each."""

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Function | Sequence[Function],
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = optimizer
        groups = len(optimizer.param_groups)
        if not isinstance(lr_lambda, (list, tuple)):
            self.lr_lambdas: list[Any] = [lr_lambda] * groups
        elif len(lr_lambda) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(lr_lambda)}")
        else:
            self.lr_lambdas = list(lr_lambda)
        self._check_functions()
        super().__init__(optimizer, last_epoch)

    def _check_functions(self) -> None:
        """Raise for what is no function."""

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer; of a function that is an object, what the object holds."""
        state = super().state_dict()
        functions = state.pop("lr_lambdas")
        state["lr_lambdas"] = [attributes(function) for function in functions]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave; the functions stay."""
        rest = dict(state_dict)
        for function, held in zip(self.lr_lambdas, rest.pop("lr_lambdas"), strict=False):
            if held is not None:
                function.__dict__.update(held)
        super().load_state_dict(rest)


def attributes(function: Any) -> dict[str, Any] | None:
    """What a callable object holds; None for a plain function."""
    return None if isinstance(function, types.FunctionType) else function.__dict__.copy()


class LambdaLR(ByFunction):
    """Multiply the first rate by a function of the epoch, one for all groups or one for each.

    >>> import minigrad as torch
    >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5 ** epoch)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def get_lr(self) -> list[Any]:
        """The first rates times the function of the epoch."""
        self._warn_outside_step()
        return [
            base * function(self.last_epoch)
            for base, function in zip(self.base_lrs, self.lr_lambdas, strict=True)
        ]


class MultiplicativeLR(ByFunction):
    """Multiply the current rate by a function of the epoch, one for all groups or one for each.

    >>> import minigrad as torch
    >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = torch.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.5)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def _check_functions(self) -> None:
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(
                    f"lr_lambda should be a function, but got {type(function).__name__}"
                )

    def get_lr(self) -> list[Any]:
        """The current rates times the function of the epoch."""
        self._warn_outside_step()
        if self._is_initial:
            return values_of(self.optimizer, "lr")
        return [
            group["lr"] * function(self.last_epoch)
            for group, function in zip(self.optimizer.param_groups, self.lr_lambdas, strict=True)
        ]
