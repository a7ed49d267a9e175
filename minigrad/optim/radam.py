"""RAdam: Adam that waits until it can trust the size of the gradients.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.RAdam.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.functions import where
from minigrad.optim.elementwise import Elementwise
from minigrad.optim.groups import Group
from minigrad.optim.options import Options, check_betas, check_lr, need_not_negative
from minigrad.tensor import Tensor

__all__ = ["RAdam"]


class RAdam(Elementwise):
    """``Adam`` that starts as momentum alone, and adapts once the variance can be trusted.

    rho_t = rho - 2 t b2^t / (1 - b2^t) with rho = 2 / (1 - b2) - 1. Up to rho_t = 5,
    p = p - lr m / (1 - b1^t); later the step is also multiplied by sqrt(1 - b2^t) / (sqrt(v) + eps)
    and by r = sqrt((rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t)).

    Raises: ValueError for options out of range.

    Source: Liu et al., On the variance of the adaptive learning rate and beyond, 2019.

    >>> import minigrad as torch
    >>> w = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.RAdam([w], lr=0.1)
    >>> (w * 2).backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
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
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def moments(self, group: Group) -> dict[str, float]:
        """The running means of the gradient and of its square."""
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def prepare(self, o: Options, n: float, counters: dict[str, Any]) -> None:
        """How far the variance can be trusted, and the length of the step that follows."""
        o.beta1, o.beta2 = o.betas
        o.step_size = o.lr / (1 - o.beta1**n)
        correction = 1 - o.beta2**n
        full = 2 / (1 - o.beta2) - 1
        rho = full - 2 * n * o.beta2**n / correction
        o.adapts = rho > 5
        if o.on_card:  # what is not trusted is worked out with a number that can be
            rho = rho.clamp(min=5)
        if o.on_card or o.adapts:
            trust = ((rho - 4) * (rho - 2) * full / ((full - 4) * (full - 2) * rho)) ** 0.5
            adapted = o.step_size * trust * correction**0.5
            o.step_size = where(o.adapts, adapted, o.step_size) if o.on_card else adapted

    def rule(self, o: Options, p: Any, g: Any, exp_avg: Any, exp_avg_sq: Any) -> None:
        """Move both means; go by the mean, over the typical size if that can be trusted."""
        g = self.decayed(o, p, g)
        exp_avg.lerp_(g, 1 - o.beta1)
        exp_avg_sq.mul_(o.beta2).addcmul_(g, g, 1 - o.beta2)
        if o.on_card:
            size = exp_avg_sq.sqrt().add_(o.eps).where(o.adapts, 1.0)
            p.addcdiv_(exp_avg, size, -o.step_size)
        elif o.adapts:
            p.addcdiv_(exp_avg, exp_avg_sq.sqrt().add_(o.eps), -o.step_size)
        else:
            p.add_(exp_avg, -o.step_size)
