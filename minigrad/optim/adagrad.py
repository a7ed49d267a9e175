"""Adagrad: steps that shorten with the sum of squared gradients.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.Adagrad.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.backend import capture
from minigrad.optim.elementwise import Elementwise
from minigrad.optim.groups import Group
from minigrad.optim.options import Options, check_fused, check_lr, need_not_negative
from minigrad.tensor import Tensor

__all__ = ["Adagrad"]


class Adagrad(Elementwise):
    """Steps that shorten for each element with the sum of its squared gradients.

    s = s + g^2; p = p - lr / (1 + (t - 1) lr_decay) * g / (sqrt(s) + eps).

    Raises: ValueError for options out of range.

    Source: Duchi et al., Adaptive subgradient methods, 2011.

    >>> import minigrad as torch
    >>> w = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.Adagrad([w], lr=0.1)
    >>> (w * 2).backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        need_not_negative(lr_decay, "lr_decay value")
        need_not_negative(weight_decay, "weight_decay value")
        need_not_negative(initial_accumulator_value, "initial_accumulator_value value")
        need_not_negative(eps, "epsilon value")
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        check_fused(fused, foreach, differentiable)
        for group in self.param_groups:
            self._begin_all(group["params"], group)

    def moments(self, group: Group) -> dict[str, float]:
        """The sum of squared gradients."""
        return {"sum": self.defaults["initial_accumulator_value"]}

    def prepare(self, o: Options, n: float, counters: dict[str, Any]) -> None:
        """The rate of this step."""
        o.step_size = o.lr / (1 + (n - 1) * o.lr_decay)

    def _check_capture(self, group: Group, counted: bool) -> None:
        """Without decay no step needs its number."""
        if group["lr_decay"]:
            capture.refuse("lr_decay of Adagrad, which counts on the host,", "leave it at 0")

    def rule(self, o: Options, p: Any, g: Any, sum: Any) -> None:
        """Add the square, and go."""
        g = self.gradient(o, p, g)
        sum.addcmul_(g, g)
        p.addcdiv_(g, sum.sqrt().add_(o.eps), -o.step_size)

    def share_memory(self) -> None:
        """Let other processes see the sums of squares, as ``Module.share_memory`` does weights.

        >>> import minigrad as torch
        >>> torch.optim.Adagrad([torch.ones(1, requires_grad=True)]).share_memory()
        """
        for state in self.state.values():
            state["sum"].share_memory_()
