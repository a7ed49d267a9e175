"""Stochastic gradient descent.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.SGD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigrad import functions
from minigrad.optim._options import check_implementation, check_lr, need_not_negative
from minigrad.optim._scratch import scalars
from minigrad.optim.optimizer import Group, Optimizer, number
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
        scratch, multiply, add = self._scratch.of, np.multiply, np.add
        step = kind = None
        for parameter in group["params"]:
            grad = parameter._grad
            if grad is None:
                continue
            array, one, _ = scratch(parameter)
            if array.dtype is not kind:
                kind = array.dtype
                (step,) = scalars(array, rate)
            multiply(grad._array, step, one)
            add(array, one, array)
            parameter._bump_version()

    def _descend_with_memory(self, group: Group) -> None:
        """The update with weight decay, momentum or both."""
        momentum, maximize = group["momentum"], group["maximize"]
        rate, decay = -number(group["lr"]), number(group["weight_decay"])
        nesterov, damped = group["nesterov"], group["dampening"] != 0
        kind = None
        for parameter in group["params"]:
            if parameter._grad is None:
                continue
            array, one, two = self._scratch.of(parameter)
            if array.dtype is not kind:
                kind = array.dtype
                step, inertia, wd, fresh = scalars(
                    array, rate, momentum, decay, 1 - group["dampening"]
                )
            g = parameter._grad._array
            if maximize:
                g = np.negative(g, one)
            if decay != 0:
                g = np.add(g, np.multiply(array, wd, two), one)
            if momentum != 0:
                known = self.state[parameter].get("momentum_buffer")
                buffer = (
                    _first_buffer(self.state[parameter], parameter, g)
                    if known is None
                    else known._array
                )
                if known is not None:
                    np.multiply(buffer, inertia, buffer)
                    np.add(buffer, np.multiply(g, fresh, two) if damped else g, buffer)
                    known._bump_version()
                g = np.add(g, np.multiply(buffer, inertia, two), one) if nesterov else buffer
            np.add(array, np.multiply(g, step, two), array)
            parameter._bump_version()


def _first_buffer(state: dict[str, Any], parameter: Tensor, g: Any) -> Any:
    """Start the momentum with the first gradient."""
    state["momentum_buffer"] = functions.zeros_like(parameter.data)
    buffer = state["momentum_buffer"]._array
    buffer[...] = g
    return buffer
