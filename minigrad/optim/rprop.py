"""Rprop: steps that know only the sign of the gradient.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.Rprop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.optim.elementwise import Elementwise
from minigrad.optim.groups import Group
from minigrad.optim.options import Options, check_lr, number
from minigrad.tensor import Tensor

__all__ = ["Rprop"]


class Rprop(Elementwise):
    """Steps of a size of its own for each element, which grows while the gradient keeps its sign.

    The size is multiplied by etas[1] where the sign stays and by etas[0] where it turns, within
    ``step_sizes``; p = p - size * sign(g), but no step where the sign has turned.

    Raises: ValueError for options out of range.

    Source: Riedmiller and Braun, A direct adaptive method for faster backpropagation, 1993.

    >>> import minigrad as torch
    >>> w = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.Rprop([w], lr=0.1)
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
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def moments(self, group: Group) -> dict[str, float]:
        """The last gradient, and the size of the steps."""
        return {"prev": 0.0, "step_size": number(group["lr"])}

    def rule(self, o: Options, p: Any, g: Any, prev: Any, step_size: Any) -> None:
        """Change the sizes by the sign of both gradients' product, and go."""
        if o.maximize:
            g = g.neg()
        agreement = g.mul(prev)
        step_size.mul_(agreement.by_sign(o.etas[1], o.etas[0], 1)).clamp_(*o.step_sizes)
        g = g.zero_where_negative(agreement)
        p.addcmul_(g.sign(), step_size, -1)
        prev.copy_(g)
