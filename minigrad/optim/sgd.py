"""Stochastic gradient descent.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.SGD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigrad import functions
from minigrad.optim._groups import Group
from minigrad.optim._options import check_implementation, check_lr, need_not_negative, number
from minigrad.optim._scratch import scalars
from minigrad.optim.optimizer import Optimizer
from minigrad.tensor import Tensor

__all__ = ["SGD"]


class SGD(Optimizer):
    """Follow the gradient, with momentum if wanted.

    g = grad + weight_decay * p; b = momentum * b + (1 - dampening) * g (g itself at first);
    p = p - lr * b, or p - lr * (g + momentum * b) with ``nesterov``. ``maximize`` turns the sign.

    Raises: ValueError for a negative option, or nesterov without momentum or with dampening.

    Source: Sutskever et al., On the importance of initialization and momentum, 2013.

    >>> import minigrad as torch
    >>> w = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9)
    >>> (w * 2).backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        need_not_negative(momentum, "momentum value")
        need_not_negative(weight_decay, "weight_decay value")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_implementation("SGD", foreach=foreach, fused=fused, differentiable=differentiable)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; what the closure returned, if there is one.

        >>> import minigrad as torch
        >>> w = torch.ones(1, requires_grad=True)
        >>> w.grad = torch.ones(1)
        >>> torch.optim.SGD([w], lr=0.5).step()
        """
        loss = self._run(closure)
        for group in self.param_groups:
            if group["momentum"] == 0 and number(group["weight_decay"]) == 0:
                self._descend(group)
            else:
                self._descend_with_memory(group)
        return loss

    def _descend(self, group: Group) -> None:
        """p = p - lr * grad: the common case, kept short because it is run most."""
        rate = number(group["lr"]) if group["maximize"] else -number(group["lr"])
        split, multiply, add = self._scratch.split, np.multiply, np.add
        step: Any = None
        kind: Any = None
        for parameter in group["params"]:
            grad = parameter._grad
            if grad is None:
                continue
            array = parameter._array
            if array.dtype is not kind:
                kind = array.dtype
                (step,) = scalars(array, rate)
            for p, g, work, _ in split(array, grad._array):
                multiply(g, step, work)
                add(p, work, p)
            parameter._bump_version()

    def _descend_with_memory(self, group: Group) -> None:
        """The update with weight decay, momentum or both."""
        rate, decay = -number(group["lr"]), number(group["weight_decay"])
        kind: Any = None
        rule: Any = None
        for parameter in group["params"]:
            if parameter._grad is None:
                continue
            array, grad = parameter._array, parameter._grad._array
            if array.dtype is not kind:
                kind = array.dtype
                rule = _Rule(array, group, rate, decay)
            if group["momentum"] == 0:
                for p, g, one, two in self._scratch.split(array, grad):
                    rule.move(p, rule.decayed(p, g, one, two), two)
            else:
                buffer, fresh = _buffer(self.state[parameter], parameter)
                for p, g, b, one, two in self._scratch.split(array, grad, buffer._array):
                    rule.move(p, rule.mixed(b, rule.decayed(p, g, one, two), fresh, one, two), two)
                buffer._bump_version()
            parameter._bump_version()


class _Rule:
    """One step's update of one element type, on arrays; ``one`` and ``two`` are scratch."""

    def __init__(self, array: Any, group: Group, rate: float, decay: float) -> None:
        self.step, self.inertia, self.decay, self.new = scalars(
            array, rate, group["momentum"], decay, 1 - group["dampening"]
        )
        self.decays, self.damped = decay != 0, group["dampening"] != 0
        self.nesterov, self.maximize = group["nesterov"], group["maximize"]

    def decayed(self, p: Any, g: Any, one: Any, two: Any) -> Any:
        """The gradient with sign and weight decay, in ``one`` if it is not ``g`` itself."""
        if self.maximize:
            g = np.negative(g, one)
        return np.add(g, np.multiply(p, self.decay, two), one) if self.decays else g

    def mixed(self, b: Any, g: Any, fresh: bool, one: Any, two: Any) -> Any:
        """Let the momentum take the gradient in; the direction to go."""
        if fresh:
            b[...] = g
        else:
            np.multiply(b, self.inertia, b)
            np.add(b, np.multiply(g, self.new, two) if self.damped else g, b)
        return np.add(g, np.multiply(b, self.inertia, two), one) if self.nesterov else b

    def move(self, p: Any, direction: Any, two: Any) -> None:
        """Make the step."""
        np.add(p, np.multiply(direction, self.step, two), p)


def _buffer(state: dict[str, Any], parameter: Tensor) -> tuple[Tensor, bool]:
    """The momentum of a parameter, and whether it is new and waits for its first gradient."""
    buffer = state.get("momentum_buffer")
    if buffer is not None:
        return buffer, False
    state["momentum_buffer"] = functions.zeros_like(parameter.data)
    return state["momentum_buffer"], True
