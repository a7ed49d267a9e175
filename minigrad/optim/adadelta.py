"""Adadelta: steps in the units of the parameters.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.Adadelta.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.optim.elementwise import Elementwise
from minigrad.optim.groups import Group
from minigrad.optim.options import Options, check_lr, need_not_negative
from minigrad.tensor import Tensor

__all__ = ["Adadelta"]


class Adadelta(Elementwise):
    """Steps scaled by the typical size of earlier steps over that of the gradients.

    v = rho v + (1 - rho) g^2; d = sqrt(u + eps) / sqrt(v + eps) * g; u = rho u + (1 - rho) d^2;
    p = p - lr d.

    Raises: ValueError for options out of range.

    Source: Zeiler, Adadelta: an adaptive learning rate method, 2012.

    >>> import minigrad as torch
    >>> w = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.Adadelta([w])
    >>> (w * 2).backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9968], requires_grad=True)
    """

    on_xla = (False, False)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        need_not_negative(eps, "epsilon value")
        need_not_negative(weight_decay, "weight_decay value")
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def moments(self, group: Group) -> dict[str, float]:
        """The mean squares of the gradients and of the steps."""
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def rule(self, o: Options, p: Any, g: Any, square_avg: Any, acc_delta: Any) -> None:
        """Move the first mean, find the step, move the second, and go."""
        g = self.gradient(o, p, g)
        square_avg.mul_(o.rho).addcmul_(g, g, 1 - o.rho)
        size = square_avg.add(o.eps).sqrt_()
        delta = acc_delta.add(o.eps).sqrt_().div_(size).mul_(g)
        acc_delta.mul_(o.rho).addcmul_(delta, delta, 1 - o.rho)
        p.add_(delta, -o.lr)
