"""NAdam: Adam with Nesterov's momentum.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.NAdam.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.optim.elementwise import Elementwise
from minigrad.optim.groups import Group
from minigrad.optim.options import Options, check_betas, check_lr, need_not_negative
from minigrad.tensor import Tensor

__all__ = ["NAdam"]


class NAdam(Elementwise):
    """``Adam`` that looks ahead: the step counts the gradient of now and the mean of the next step.

    With mu_t = b1 (1 - 0.96^(t momentum_decay) / 2), M_t their product up to t, and the size
    s = sqrt(v / (1 - b2^t)) + eps,
    p = p - lr ((1 - mu_t) / (1 - M_t) g + mu_{t+1} / (1 - M_{t+1}) m) / s.

    Raises: ValueError for options out of range.

    Source: Dozat, Incorporating Nesterov momentum into Adam, 2016.

    >>> import minigrad as torch
    >>> w = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.NAdam([w], lr=0.1)
    >>> (w * 2).backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8944], requires_grad=True)
    """

    capturable_needs = "params, mu_products{} and state_steps"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
        need_not_negative(momentum_decay, "momentum_decay value")
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def counters(self, group: Group) -> dict[str, float]:
        """The steps, and the product of the momenta so far."""
        return {"step": 0.0, "mu_product": 1.0}

    def moments(self, group: Group) -> dict[str, float]:
        """The running means of the gradient and of its square."""
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def prepare(self, o: Options, n: float, counters: dict[str, Any]) -> None:
        """The momenta of this step and the next, and the weights that follow from them."""
        o.beta1, o.beta2 = o.betas
        mu = o.beta1 * (1 - 0.5 * 0.96 ** (n * o.momentum_decay))
        following = o.beta1 * (1 - 0.5 * 0.96 ** ((n + 1) * o.momentum_decay))
        counters["mu_product"] *= mu
        product = counters["mu_product"] if o.on_card else float(counters["mu_product"])
        o.now = o.lr * (1 - mu) / (1 - product)
        o.ahead = o.lr * following / (1 - product * following)
        o.correction = 1 - o.beta2**n

    def rule(self, o: Options, p: Any, g: Any, exp_avg: Any, exp_avg_sq: Any) -> None:
        """Move both means; go by the gradient and the mean, over the typical size."""
        g = self.decayed(o, p, g)
        exp_avg.lerp_(g, 1 - o.beta1)
        exp_avg_sq.mul_(o.beta2).addcmul_(g, g, 1 - o.beta2)
        size = exp_avg_sq.div(o.correction).sqrt_().add_(o.eps)
        p.addcdiv_(g, size, -o.now).addcdiv_(exp_avg, size, -o.ahead)
