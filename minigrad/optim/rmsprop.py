"""RMSprop: the gradient over its typical size.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.RMSprop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.optim.elementwise import Elementwise
from minigrad.optim.groups import Group
from minigrad.optim.options import Options, check_lr, need_not_negative
from minigrad.tensor import Tensor

__all__ = ["RMSprop"]


class RMSprop(Elementwise):
    """The gradient over the root of its mean square, with momentum if wanted.

    v = alpha v + (1 - alpha) g^2; d = g / (sqrt(v) + eps), with v less the square of the mean
    gradient if ``centered``; b = momentum b + d; p = p - lr b.

    Raises: ValueError for options out of range.

    Source: Tieleman and Hinton, Lecture 6.5 of Neural networks for machine learning, 2012.

    >>> import minigrad as torch
    >>> w = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.RMSprop([w], lr=0.01)
    >>> (w * 2).backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    on_xla = (True, True)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        need_not_negative(eps, "epsilon value")
        need_not_negative(momentum, "momentum value")
        need_not_negative(weight_decay, "weight_decay value")
        need_not_negative(alpha, "alpha value")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def moments(self, group: Group) -> dict[str, float]:
        """The mean square, and the momentum and the mean gradient where there are such."""
        names = ["square_avg"]
        names += ["momentum_buffer"] * (group["momentum"] > 0)
        names += ["grad_avg"] * bool(group["centered"])
        return dict.fromkeys(names, 0.0)

    def rule(
        self,
        o: Options,
        p: Any,
        g: Any,
        square_avg: Any,
        momentum_buffer: Any = None,
        grad_avg: Any = None,
    ) -> None:
        """Move the means, and go by the gradient over its size."""
        g = self.gradient(o, p, g)
        square_avg.mul_(o.alpha).addcmul_(g, g, 1 - o.alpha)
        if grad_avg is not None:
            grad_avg.lerp_(g, 1 - o.alpha)
            size = square_avg.addcmul(grad_avg, grad_avg, -1).sqrt_().add_(o.eps)
        else:
            size = square_avg.sqrt().add_(o.eps)
        if momentum_buffer is not None:
            momentum_buffer.mul_(o.momentum).addcdiv_(g, size)
            p.add_(momentum_buffer, -o.lr)
        else:
            p.addcdiv_(g, size, -o.lr)
