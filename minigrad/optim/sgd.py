"""Stochastic gradient descent.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.SGD.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.backend.native import kernel
from minigrad.optim.elementwise import Call, Elementwise
from minigrad.optim.groups import Group
from minigrad.optim.options import Options, check_fused, check_one_element
from minigrad.tensor import Tensor

__all__ = ["SGD"]


class SGD(Elementwise):
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
        check_one_element(lr)
        # Unlike its relatives, torch's SGD lets NaN pass.
        for value, what in ((lr, "learning rate"), (momentum, "momentum value")):
            if value < 0.0:
                raise ValueError(f"Invalid {what}: {value}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
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
        check_fused(fused, foreach, differentiable)

    def counters(self, group: Group) -> dict[str, float]:
        """None: the steps need not be counted."""
        return {}

    def moments(self, group: Group) -> dict[str, float]:
        """The momentum, if there is one."""
        return {"momentum_buffer": 0.0} if group["momentum"] != 0 else {}

    many = "sgd_many"

    def one_pass(self, o: Options, p: Any, g: Any, state: dict[str, Any]) -> Call:
        """``sgd_step`` of kernels/cpu/optim.c."""
        numbers = (o.lr, o.momentum, o.dampening, o.weight_decay)
        switches = (-1 if o.maximize else 1, o.nesterov, o.fresh)
        run = kernel("sgd_step", p, g, *state.values())
        return run, (p, g, state.get("momentum_buffer")), (*numbers, *switches)

    def rule(self, o: Options, p: Any, g: Any, momentum_buffer: Any = None) -> None:
        """Let the momentum take the gradient in, and go."""
        g = self.gradient(o, p, g)
        if momentum_buffer is not None:
            if o.fresh:
                momentum_buffer.copy_(g.detach())
            else:
                momentum_buffer.mul_(o.momentum).add_(g, 1 - o.dampening)
            g = g.add(momentum_buffer, o.momentum) if o.nesterov else momentum_buffer
        p.add_(g, -o.lr)
