"""Adafactor: adaptive steps whose memory is rows and columns instead of whole matrices.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.Adafactor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minigrad import functions
from minigrad.autograd import no_grad
from minigrad.dtypes import float32, float64, get_default_dtype
from minigrad.limits import finfo
from minigrad.optim.groups import Group
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.options import check_one_element, number
from minigrad.tensor import Tensor

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    """Like ``RMSprop``, but the mean square of a matrix is kept as a row times a column.

    With b = 1 - t^beta2_decay: R, C are means of the squares along rows and columns, decayed by b;
    v = R C / mean(R); u = g / sqrt(v), shortened to a root mean square of at most d;
    p = p - max(eps2, rms(p)) min(lr, 1 / sqrt(t)) u. Vectors keep their mean square whole.

    Raises: ValueError for options out of range.

    Source: Shazeer and Stern, Adafactor: adaptive learning rates with sublinear memory cost, 2018.

    >>> import minigrad as torch
    >>> w = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.Adafactor([w], lr=0.1)
    >>> (w * 2).backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_one_element(lr)
        checks: list[tuple[bool, str]] = [
            (bool(lr >= 0.0), f"Learning rate should be >= 0 but is: {lr}"),
            (beta2_decay <= 0.0, f"beta2_decay should be <= 0 but is: {beta2_decay}"),
            (eps[0] is None or eps[0] >= 0.0, f"epsilon1 should be >= 0 but is: {eps[0]}"),
            (eps[1] >= 0.0, f"epsilon2 should be >= 0 but is: {eps[1]}"),
            (d >= 1.0, f"Clipping threshold d should be >= 1 but is: {d}"),
            (weight_decay >= 0.0, f"weight_decay should be >= 0 but is: {weight_decay}"),
        ]
        for holds, message in checks:
            if not holds:
                raise ValueError(message)
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    @no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; what the closure returned, if there is one.

        >>> import minigrad as torch
        >>> w = torch.ones(1, requires_grad=True)
        >>> w.grad = torch.ones(1)
        >>> torch.optim.Adafactor([w]).step()
        """
        loss = self._run(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._move(p, self.state[p], group)
        return loss

    def _move(self, p: Tensor, state: dict[str, Any], group: Group) -> None:
        if not state:
            _start(state, p.grad)
        g: Any = -p.grad if group["maximize"] else p.grad  # type: ignore[operator]
        eps1, eps2 = group["eps"]
        eps1 = finfo(p.dtype).eps if eps1 is None else eps1
        lr = number(group["lr"])
        state["step"] += 1
        n = state["step"].item()
        new = n ** group["beta2_decay"]
        size = max(eps2, p.norm(2).item() / p.numel() ** 0.5) * min(lr, 1 / n**0.5)
        if group["weight_decay"] != 0:
            p.mul_(1 - lr * group["weight_decay"])
        update = _mean_square(g, state, new, eps1).clamp_(min=eps1 * eps1).rsqrt_().mul_(g)
        length = update.norm(2).item() / (update.numel() ** 0.5 * group["d"])
        p.add_(update, alpha=-size / max(1.0, length))


def _start(state: dict[str, Any], g: Any) -> None:
    """The state of a parameter that has not been stepped yet."""
    wide = get_default_dtype() is float64
    state["step"] = functions.tensor(0.0, dtype=float64 if wide else float32)
    if g.dim() > 1:
        state["row_var"] = g.new_zeros([*g.shape[:-1], 1])
        state["col_var"] = g.new_zeros([*g.shape[:-2], 1, g.shape[-1]])
    else:
        state["variance"] = functions.zeros_like(g)


def _mean_square(g: Any, state: dict[str, Any], new: float, eps1: float) -> Any:
    """The mean square of each element, for a matrix estimated from its rows and columns."""
    if g.dim() <= 1:
        return state["variance"].lerp_(g * g, new).clone()
    row, col = state["row_var"], state["col_var"]
    row.lerp_(g.norm(dim=-1, keepdim=True).square_().div_(g.size(-1)), new)
    col.lerp_(g.norm(dim=-2, keepdim=True).square_().div_(g.size(-2)), new)
    return (row @ col).div_(row.mean(dim=-2, keepdim=True).clamp_(min=eps1))
