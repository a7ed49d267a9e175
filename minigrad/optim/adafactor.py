"""Adafactor: adaptive steps whose memory is rows and columns instead of whole matrices.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.Adafactor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigrad import functions
from minigrad.backend import xp_of
from minigrad.backend.numpy_backend import quiet, unquiet
from minigrad.dtypes import float32, float64, get_default_dtype
from minigrad.limits import finfo
from minigrad.optim.blocks import PIECE
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

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; what the closure returned, if there is one.

        >>> import minigrad as torch
        >>> w = torch.ones(1, requires_grad=True)
        >>> w.grad = torch.ones(1)
        >>> torch.optim.Adafactor([w]).step()
        """
        loss = self._run(closure)
        token = quiet()
        try:
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self._move(p, self.state[p], group)
        finally:
            unquiet(token)
        return loss

    def _move(self, p: Tensor, state: dict[str, Any], group: Group) -> None:
        if not state:
            _start(state, p.grad)
        values, g = _wide(p), _wide(p.grad)
        g = -g if group["maximize"] else g
        eps1, eps2 = group["eps"]
        eps1 = finfo(p.dtype).eps if eps1 is None else eps1
        lr = number(group["lr"])
        state["step"] += 1
        n = state["step"].item()
        size = max(eps2, _length(values) / values.size**0.5) * min(lr, 1 / n**0.5)
        if group["weight_decay"] != 0:
            values = values * (1 - lr * group["weight_decay"])
        xp = xp_of(values)
        update = xp.asarray(_normalised(xp, g, state, n ** group["beta2_decay"], eps1))
        length = _length(update) / (update.size**0.5 * group["d"])
        update *= -size / max(1.0, length)
        p._array[...] = xp.add(values, update, out=update)
        p._bump_version()


def _wide(tensor: Any) -> Any:
    """A tensor's array; half precision is computed with in float32."""
    array = tensor._array
    return array.astype(np.float32) if array.dtype.itemsize == 2 else array


def _length(array: Any) -> float:
    """The root of the sum of squares, added up by pieces so that float32 is enough."""
    flat = array.reshape(-1)
    pieces = (flat[start : start + PIECE] for start in range(0, flat.size, PIECE))
    return math.sqrt(sum(float(piece.dot(piece)) for piece in pieces))


def _start(state: dict[str, Any], g: Any) -> None:
    """The state of a parameter that has not been stepped yet."""
    wide = get_default_dtype() is float64
    state["step"] = functions.tensor(0.0, dtype=float64 if wide else float32)
    if g.dim() > 1:
        state["row_var"] = g.new_zeros([*g.shape[:-1], 1])
        state["col_var"] = g.new_zeros([*g.shape[:-2], 1, g.shape[-1]])
    else:
        state["variance"] = functions.zeros_like(g)


def _moved(mean: Tensor, present: Any, new: float) -> Any:
    """Let a mean take the present in."""
    array = _wide(mean)
    mean._array[...] = array = array + (present - array) * new
    mean._bump_version()
    return array


def _normalised(xp: Any, g: Any, state: dict[str, Any], new: float, eps1: float) -> Any:
    """The gradient over its typical size, for a matrix estimated from its rows and columns."""
    if g.ndim <= 1:
        return g / xp.sqrt(xp.maximum(_moved(state["variance"], g * g, new), eps1 * eps1))
    rows = xp.einsum("...ij,...ij->...i", g, g)[..., None] / g.shape[-1]
    columns = xp.einsum("...ij,...ij->...j", g, g)[..., None, :] / g.shape[-2]
    row, column = _moved(state["row_var"], rows, new), _moved(state["col_var"], columns, new)
    mean = xp.maximum(row.mean(-2, keepdims=True), eps1)
    # The root of a product is the product of roots, where nothing is so small that eps1 counts, or
    # that the product would vanish in the parameter's own type.
    if g.dtype == state["row_var"]._array.dtype and (
        (row / mean).min() * column.min() >= eps1 * eps1
    ):
        update = g * (1 / xp.sqrt(column))
        return xp.multiply(update, 1 / xp.sqrt(row / mean), out=update)
    product = (row * column).astype(state["row_var"]._array.dtype).astype(g.dtype)
    return g / xp.sqrt(xp.maximum(product / mean, eps1 * eps1))
