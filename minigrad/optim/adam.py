"""Adam and AdamW.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.Adam.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.backend.native import kernel
from minigrad.optim.elementwise import Call, Elementwise
from minigrad.optim.groups import Group
from minigrad.optim.many import Many
from minigrad.optim.options import (
    Options,
    check_betas,
    check_fused,
    check_one_element,
    need_not_negative,
    scalar,
)
from minigrad.tensor import Tensor

__all__ = ["Adam", "AdamW"]

Betas = tuple[float | Tensor, float | Tensor]


class Adam(Elementwise):
    """Steps of a size that adapts to each element: the mean gradient over its typical size.

    m = m + (1 - b1) (g - m); v = b2 v + (1 - b2) g^2;
    p = p - lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps).

    ``weight_decay`` adds weight_decay * p to the gradient, or, with ``decoupled_weight_decay``,
    shrinks p by lr * weight_decay. ``amsgrad`` uses the largest v so far.

    Raises: ValueError for options out of range.

    Source: Kingma and Ba, Adam: a method for stochastic optimization, 2014.

    >>> import minigrad as torch
    >>> w = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.Adam([w], lr=0.1)
    >>> (w * 2).backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        _check_tensor("lr", lr, bool(foreach) and not capturable)
        need_not_negative(lr, "learning rate")
        need_not_negative(eps, "epsilon value")
        check_betas(betas)
        need_not_negative(weight_decay, "weight_decay value")
        kinds = [Tensor if isinstance(beta, Tensor) else type(beta) for beta in betas]
        if not all(isinstance(beta, float) for beta in betas) and kinds != [Tensor, Tensor]:
            raise ValueError("betas must be either both floats or both Tensors")
        for place in (0, 1):
            _check_tensor(f"betas[{place}]", betas[place], bool(foreach) and not capturable)
        defaults = {
            "lr": lr,
            "betas": tuple(map(scalar, betas)),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)
        check_fused(fused, foreach, differentiable)

    def moments(self, group: Group) -> dict[str, float]:
        """The running means of the gradient and of its square, and the largest of the latter."""
        means = {"exp_avg": 0.0, "exp_avg_sq": 0.0}
        return {**means, "max_exp_avg_sq": 0.0} if group["amsgrad"] else means

    def prepare(self, o: Options, n: float, counters: dict[str, Any]) -> None:
        """Both means start at zero, and are too small at first by these factors."""
        o.beta1, o.beta2 = o.betas
        count: Any = np.float32(n) if o.recorded else n  # as torch counts then
        o.step_size = o.lr / (1 - o.beta1**count)
        o.root = (1 - o.beta2**count) ** 0.5

    many = "adam_many"
    many_reads_rate = True

    def step_many(self, many: Many, group: Group) -> None:
        """A step that is counted on the card reads its number there: nothing waits for it."""
        if many.count is None or many.count.dtype != np.float32:
            return super().step_many(many, group)
        run = kernel("adam_many_counted", many.arrays[0])
        assert run is not None
        many.count += 1
        lr: Any = group["lr"]
        rate = None
        if isinstance(lr, Tensor) and lr.device.type == "cuda":
            lr, rate = 0.0, lr._array.reshape(1)
        beta1, beta2 = map(float, group["betas"])
        sign = -1.0 if group["maximize"] else 1.0
        decay, apart = float(group["weight_decay"]), int(group["decoupled_weight_decay"])
        numbers = (float(lr), beta1, beta2, float(group["eps"]), decay, apart, sign)
        many.launch(run, (many.count, rate, *numbers))
        return None

    def one_pass(self, o: Options, p: Any, g: Any, state: dict[str, Any]) -> Call:
        """``adam_step`` of kernels/cpu/optim.c."""
        run = kernel("adam_step", p, g, *state.values())
        decay, shrink = o.weight_decay, 1.0
        if o.decoupled_weight_decay:
            decay, shrink = 0.0, 1 - o.lr * o.weight_decay
        numbers = (o.beta1, o.beta2, o.eps, decay, shrink, -1 if o.maximize else 1)
        means = (state["exp_avg"], state["exp_avg_sq"], state.get("max_exp_avg_sq"))
        return run, (p, g, *means), (*numbers, o.step_size, o.root)

    def rule(
        self, o: Options, p: Any, g: Any, exp_avg: Any, exp_avg_sq: Any, max_exp_avg_sq: Any = None
    ) -> None:
        """Move both means, and go by their ratio."""
        g = self.decayed(o, p, g)
        exp_avg.lerp_(g, 1 - o.beta1)
        exp_avg_sq.mul_(o.beta2).addcmul_(g, g, 1 - o.beta2)
        if max_exp_avg_sq is not None:
            exp_avg_sq = max_exp_avg_sq.maximum_(exp_avg_sq)
        p.addcdiv_(exp_avg, exp_avg_sq.sqrt().div_(o.root).add_(o.eps), -o.step_size)


def _check_tensor(name: str, value: Any, many: bool) -> None:
    """Raise ValueError for a tensor where torch takes a number only, or of several elements."""
    if isinstance(value, Tensor) and many:
        raise ValueError(
            f"{name} as a Tensor is not supported for capturable=False and foreach=True"
        )
    check_one_element(value, name)


class AdamW(Adam):
    """``Adam`` with decoupled weight decay: p shrinks by lr * weight_decay before each step.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization, 2017.

    >>> import minigrad as torch
    >>> w = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * 2).backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8500], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
