"""Averages of a model's weights over training, and the schedule that goes with them.

Source: Izmailov et al., Averaging weights leads to wider optima and better generalization, 2018;
https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

from minigrad import functions
from minigrad.autograd import no_grad
from minigrad.dtypes import int64
from minigrad.nn.modules.batchnorm import _BatchNorm
from minigrad.nn.modules.module import Module
from minigrad.optim.lr_scheduler import LRScheduler
from minigrad.optim.lr_scheduler.base import one_each
from minigrad.optim.optimizer import Optimizer
from minigrad.tensor import Tensor

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

One = Callable[[Tensor, Tensor, Any], Tensor]
Many = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def _check_decay(decay: float) -> None:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


def get_ema_multi_avg_fn(decay: float = 0.999) -> Many:
    """A function that moves averages, in place, towards the present: a = decay a + (1 - decay) p.

    Raises: ValueError for a decay outside of [0, 1].

    >>> import minigrad as torch
    >>> from minigrad.optim.swa_utils import get_ema_multi_avg_fn
    >>> average = torch.zeros(1)
    >>> get_ema_multi_avg_fn(0.75)([average], [torch.ones(1)], 1)
    >>> average
    tensor([0.2500])
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(averages: Sequence[Tensor], current: Sequence[Tensor], _: Any) -> None:
        for average, p in zip(averages, current, strict=True):
            if average.is_floating_point():
                average.lerp_(p, 1 - decay)
            else:
                average.copy_(average * decay + p * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn() -> Many:
    """A function that takes the present into averages of ``n`` values, in place.

    >>> import minigrad as torch
    >>> from minigrad.optim.swa_utils import get_swa_multi_avg_fn
    >>> average = torch.zeros(1)
    >>> get_swa_multi_avg_fn()([average], [torch.ones(1)], 3)
    >>> average
    tensor([0.2500])
    """

    @no_grad()
    def swa_update(averages: Sequence[Tensor], current: Sequence[Tensor], n: Any) -> None:
        for average, p in zip(averages, current, strict=True):
            if average.is_floating_point():
                average.lerp_(p, 1 / (float(n) + 1))
            else:
                average.addcdiv_(p - average, n + functions.ones_like(average))

    return swa_update


def get_ema_avg_fn(decay: float = 0.999) -> One:
    """A function that gives the next average: decay a + (1 - decay) p.

    Raises: ValueError for a decay outside of [0, 1].

    >>> import minigrad as torch
    >>> from minigrad.optim.swa_utils import get_ema_avg_fn
    >>> get_ema_avg_fn(0.75)(torch.zeros(1), torch.ones(1), 1)
    tensor([0.2500])
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(average: Tensor, p: Tensor, _: Any) -> Tensor:
        moved: Tensor = decay * average + (1 - decay) * p
        return moved

    return ema_update


def get_swa_avg_fn() -> One:
    """A function that gives the average of ``n`` values and the present one.

    >>> import minigrad as torch
    >>> from minigrad.optim.swa_utils import get_swa_avg_fn
    >>> get_swa_avg_fn()(torch.zeros(1), torch.ones(1), 3)
    tensor([0.2500])
    """

    @no_grad()
    def swa_update(average: Tensor, p: Tensor, n: Any) -> Tensor:
        moved: Tensor = average + (p - average) / (n + 1)
        return moved

    return swa_update


class AveragedModel(Module):
    """A copy of a model whose parameters are the average of that model's over time.

    ``update_parameters`` takes the present parameters in. Without functions every value counts the
    same; ``avg_fn`` or ``multi_avg_fn`` (one of the ``get_...`` functions) say otherwise. Buffers
    are copied, or averaged too with ``use_buffers``.

    Raises: AssertionError for both functions at once.

    >>> import minigrad as torch
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> averaged = torch.optim.swa_utils.AveragedModel(model)
    >>> for value in (1., 2.):
    ...     _ = model.weight.data.fill_(value)
    ...     averaged.update_parameters(model)
    >>> averaged.module.weight.item()
    1.5
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: One | None = None,
        multi_avg_fn: Many | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", functions.tensor(0, dtype=int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model gives."""
        return self.module(*args, **kwargs)

    def _pairs(self, model: Module) -> list[tuple[Tensor, Tensor]]:
        """Averages beside what they are averages of."""
        if self.use_buffers:
            mine = itertools.chain(self.module.parameters(), self.module.buffers())
            theirs = itertools.chain(model.parameters(), model.buffers())
        else:
            mine, theirs = itertools.chain(self.parameters()), itertools.chain(model.parameters())
        return [
            (average.detach(), p.detach().to(average.device))
            for average, p in zip(mine, theirs, strict=False)
        ]

    def update_parameters(self, model: Module) -> None:
        """Take the present parameters of the model into the average.

        >>> import minigrad as torch
        >>> model = torch.nn.Linear(1, 1)
        >>> averaged = torch.optim.swa_utils.AveragedModel(model)
        >>> averaged.update_parameters(model)
        >>> averaged.n_averaged
        tensor(1)
        """
        pairs = self._pairs(model)
        if self.n_averaged == 0:
            for average, p in pairs:
                average.copy_(p)
        elif self.avg_fn is not None:
            for average, p in pairs:
                average.copy_(self.avg_fn(average, p, self.n_averaged.to(average.device)))
        else:
            update = self.multi_avg_fn or get_swa_multi_avg_fn()
            for averages, current in _by_type(pairs):
                update(averages, current, self.n_averaged.to(averages[0].device))
        if not self.use_buffers:
            for mine, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
                mine.detach().copy_(theirs.detach().to(mine.device))
        self.n_averaged += 1


def _by_type(pairs: list[tuple[Tensor, Tensor]]) -> list[tuple[list[Tensor], list[Tensor]]]:
    """Pairs sorted by element type and device: functions of the user's may rely on that."""
    found: dict[Any, tuple[list[Tensor], list[Tensor]]] = {}
    for average, p in pairs:
        both = found.setdefault((average.device, average.dtype), ([], []))
        both[0].append(average)
        both[1].append(p)
    return list(found.values())


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of all batch norm layers anew, in one pass over data.

    ``loader`` gives inputs, or lists and tuples that begin with them.

    >>> import minigrad as torch
    >>> model = torch.nn.BatchNorm1d(1)
    >>> torch.optim.swa_utils.update_bn([torch.tensor([[1.], [3.]])], model)
    >>> model.running_mean
    tensor([2.])
    """
    layers = {m: m.momentum for m in model.modules() if isinstance(m, _BatchNorm)}
    if not layers:
        return
    was_training = model.training
    model.train()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain average of all batches
    for entry in loader:
        batch = entry[0] if isinstance(entry, (list, tuple)) else entry
        model(batch if device is None else batch.to(device))
    for layer, momentum in layers.items():
        layer.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Let the rate go to ``swa_lr`` in ``anneal_epochs`` epochs, along a cosine or a line.

    Raises: ValueError for an unknown strategy or a negative number of epochs.

    >>> import minigrad as torch
    >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = torch.optim.swa_utils.SWALR(optimizer, swa_lr=0.5, anneal_epochs=2)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.75]
    """

    _hidden = ("optimizer", "anneal_func")

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        rates = one_each("swa_lr", optimizer, swa_lr)
        for rate, group in zip(rates, optimizer.param_groups, strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._set_anneal_func(anneal_strategy)
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _set_anneal_func(self, strategy: str) -> None:
        self._anneal_strategy = strategy
        self.anneal_func = _on_cosine if strategy == "cos" else _on_line

    def get_lr(self) -> list[Any]:
        """The present rates, a step nearer to ``swa_lr``."""
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = (
            self.anneal_func(max(0, min(1, t / max(1, self.anneal_epochs))))
            for t in (step - 1, step)
        )
        rates = []
        for group in self.optimizer.param_groups:
            end = group["swa_lr"]
            start = end if before == 1 else (group["lr"] - before * end) / (1 - before)
            rates.append(end * now + start * (1 - now))
        return rates

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        super().load_state_dict(state_dict)
        self._set_anneal_func(self._anneal_strategy)


def _on_cosine(t: float) -> float:
    return (1 - math.cos(math.pi * t)) / 2


def _on_line(t: float) -> float:
    return t
