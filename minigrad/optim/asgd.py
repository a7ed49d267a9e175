"""Averaged stochastic gradient descent.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.ASGD.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.optim.elementwise import Elementwise
from minigrad.optim.groups import Group
from minigrad.optim.options import Options, check_lr, need_not_negative, number
from minigrad.tensor import Tensor

__all__ = ["ASGD"]


class ASGD(Elementwise):
    """Gradient descent that also keeps the average of the parameters, in ``state["ax"]``.

    p = (1 - lambd eta) p - eta g; ax = ax + mu (p - ax), where
    eta = lr / (1 + lambd lr t)^alpha and mu = 1 / max(1, t - t0).

    Raises: ValueError for options out of range.

    Source: Polyak and Juditsky, Acceleration of stochastic approximation by averaging, 1992.

    >>> import minigrad as torch
    >>> w = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.ASGD([w], lr=0.1, lambd=0)
    >>> (w * 2).backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    capturable_needs = "params, mus, etas, and state_steps"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        need_not_negative(weight_decay, "weight_decay value")
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def counters(self, group: Group) -> dict[str, float]:
        """The steps, the rate, and the weight of the present in the average."""
        return {"step": 0.0, "eta": number(group["lr"]), "mu": 1.0}

    def moments(self, group: Group) -> dict[str, float]:
        """The average."""
        return {"ax": 0.0}

    def prepare(self, o: Options, n: float, counters: dict[str, Any]) -> None:
        """The rate and the weight of this step, and those of the next."""
        o.eta, o.mu = counters["eta"], counters["mu"]
        if o.on_card:
            counters["eta"] = o.lr / (1 + o.lambd * o.lr * n) ** o.alpha
            counters["mu"] = 1 / (n - o.t0).clamp(min=1)
            return
        o.eta, o.mu, lr = float(o.eta), float(o.mu), number(o.lr)
        counters["eta"] = lr / (1 + o.lambd * lr * n) ** o.alpha
        counters["mu"] = 1 / max(1, n - o.t0)

    def rule(self, o: Options, p: Any, g: Any, ax: Any) -> None:
        """Go, and average."""
        g = self.gradient(o, p, g)
        p.mul_(1 - o.lambd * o.eta).add_(g, -o.eta)
        if not o.on_card and o.mu == 1:
            ax.copy_(p)
        else:
            ax.add_(p.sub(ax), o.mu)
