"""Muon: momentum for matrices, made orthogonal.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.Muon.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from minigrad import functions
from minigrad.autograd import no_grad
from minigrad.optim.groups import Group
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.options import check_one_element, number

__all__ = ["Muon"]

Coefficients = tuple[float, float, float]


class Muon(Optimizer):
    """Step along the nearest orthogonal matrix to the momentum; for matrices only.

    b = momentum b + (1 - momentum) g; O = orthogonal part of b (with ``nesterov``, of the mean of g
    and b), found by ``ns_steps`` rounds of X = a X + (b A + c A^2) X with A = X X^T, in bfloat16;
    p = (1 - lr weight_decay) p - lr r O, where r depends on the shape by ``adjust_lr_fn``.

    Raises: ValueError for options out of range, and for parameters that are no matrices.

    Source: Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024.

    >>> import minigrad as torch
    >>> w = torch.zeros(2, 2, requires_grad=True)
    >>> optimizer = torch.optim.Muon([w], lr=0.1)
    >>> (w * torch.tensor([[0., 3.], [3., 0.]])).sum().backward()
    >>> optimizer.step()
    >>> w.round(decimals=1)
    tensor([[ 0.0000, -0.1000],
            [-0.1000,  0.0000]], grad_fn=<RoundBackward1>)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: Coefficients = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_one_element(lr)
        for value, what in (
            (lr, "Learning rate"),
            (momentum, "momentum"),
            (weight_decay, "weight decay"),
        ):
            if not value >= 0.0:
                raise ValueError(f"{what} should be >= 0 but is: {value}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter with size: "
                        f"{p.size()}"
                    )

    @no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; what the closure returned, if there is one.

        >>> import minigrad as torch
        >>> w = torch.ones(1, 1, requires_grad=True)
        >>> w.grad = torch.ones(1, 1)
        >>> torch.optim.Muon([w]).step()
        """
        loss = self._run(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._move(p, p.grad, self.state[p], group)
        return loss

    def _move(self, p: Any, g: Any, state: dict[str, Any], group: Group) -> None:
        lr, momentum = number(group["lr"]), group["momentum"]
        buffer = state.get("momentum_buffer")
        if buffer is None:
            buffer = state["momentum_buffer"] = functions.zeros_like(g)
        buffer.lerp_(g, 1 - momentum)
        update = g.lerp(buffer, momentum) if group["nesterov"] else buffer
        update = orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        p.mul_(1 - lr * group["weight_decay"])
        p.add_(update, alpha=-lr * shape_factor(group["adjust_lr_fn"], *p.shape))


def orthogonal(matrix: Any, coefficients: Coefficients, rounds: int, eps: float) -> Any:
    """The orthogonal part of a matrix, roughly: all its singular values come close to one."""
    if rounds >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if matrix.dim() != 2:
        raise ValueError("Input tensor gradient must be a 2D matrix")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = matrix.size(0) > matrix.size(1)
    x = matrix.bfloat16().T if tall else matrix.bfloat16()
    # Products of numbers with 8 bits are exact in float32: each result is rounded once.
    x = _rounded(x / x.norm().clamp(min=eps))
    for _ in range(rounds):
        gram = _rounded(x @ x.T)
        update = _rounded(functions.addmm(gram, gram, gram, beta=b, alpha=c))
        x = _rounded(functions.addmm(x, update, x, beta=a))
    return x.T if tall else x


def _rounded(x: Any) -> Any:
    """The values that bfloat16 has, in float32, where matrix products are fast."""
    return x.bfloat16().float()


def shape_factor(name: str | None, rows: int, columns: int) -> float:
    """How much longer the steps of a matrix are for its shape."""
    if name == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))
