"""Adamax: Adam with the largest gradient in the place of the typical one.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.Adamax.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.optim.elementwise import Elementwise
from minigrad.optim.groups import Group
from minigrad.optim.options import Options, check_betas, check_lr, need_not_negative
from minigrad.tensor import Tensor

__all__ = ["Adamax"]


class Adamax(Elementwise):
    """``Adam`` that divides by the largest recent gradient instead of the mean square.

    m = m + (1 - b1) (g - m); u = max(b2 u, |g| + eps); p = p - lr / (1 - b1^t) * m / u.

    Raises: ValueError for options out of range.

    Source: Kingma and Ba, Adam: a method for stochastic optimization, 2014, section 7.

    >>> import minigrad as torch
    >>> w = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.Adamax([w], lr=0.1)
    >>> (w * 2).backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        need_not_negative(eps, "epsilon value")
        check_betas(betas)
        need_not_negative(weight_decay, "weight_decay value")
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def moments(self, group: Group) -> dict[str, float]:
        """The mean gradient and the largest one."""
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def prepare(self, o: Options, n: float, counters: dict[str, Any]) -> None:
        """The mean starts at zero, and is too small at first."""
        o.beta1, o.beta2 = o.betas
        o.step_size = o.lr / (1 - o.beta1**n)

    def rule(self, o: Options, p: Any, g: Any, exp_avg: Any, exp_inf: Any) -> None:
        """Move the mean and the bound, and go by their ratio."""
        g = self.gradient(o, p, g)
        exp_avg.lerp_(g, 1 - o.beta1)
        exp_inf.mul_(o.beta2).maximum_(g.abs().add_(o.eps))
        p.addcdiv_(exp_avg, exp_inf, -o.step_size)
