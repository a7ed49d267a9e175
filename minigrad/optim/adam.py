"""Adam and AdamW.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.Adam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigrad import functions
from minigrad.dtypes import float32, float64, get_default_dtype
from minigrad.optim._groups import Group
from minigrad.optim._options import check_implementation, check_lr, need_not_negative, number
from minigrad.optim._scratch import scalars
from minigrad.optim.optimizer import Optimizer
from minigrad.tensor import Tensor

__all__ = ["Adam", "AdamW"]

Betas = tuple[float | Tensor, float | Tensor]


class Adam(Optimizer):
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
        if isinstance(lr, Tensor) and foreach and not capturable:
            raise ValueError(
                "lr as a Tensor is not supported for capturable=False and foreach=True"
            )
        check_lr(lr)
        need_not_negative(eps, "epsilon value")
        checked = _check_betas(betas)
        need_not_negative(weight_decay, "weight_decay value")
        check_implementation(
            type(self).__name__,
            foreach=foreach,
            fused=fused,
            differentiable=differentiable,
            capturable=capturable,
        )
        defaults = {
            "lr": lr,
            "betas": checked,
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

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; what the closure returned, if there is one.

        >>> import minigrad as torch
        >>> w = torch.ones(1, requires_grad=True)
        >>> w.grad = torch.ones(1)
        >>> torch.optim.Adam([w], lr=0.5).step()
        """
        loss = self._run(closure)
        for group in self.param_groups:
            self._update(group)
        return loss

    def _update(self, group: Group) -> None:
        amsgrad, maximize = group["amsgrad"], group["maximize"]
        decay, decoupled = number(group["weight_decay"]), group["decoupled_weight_decay"]
        kind: Any = None
        last_count = -1.0
        for parameter in group["params"]:
            if parameter._grad is None:
                continue
            array, state = parameter._array, self.state[parameter]
            if not state:
                _start(state, parameter, amsgrad)
            steps = state["step"]._array
            steps += 1
            count = float(steps)
            # All parameters usually share type and age, so the factors are computed once a step.
            if array.dtype is not kind or count != last_count:
                kind, last_count = array.dtype, count
                factors = _factors(array, group, decay, count)
                wd, shrink = factors[-2:]
            means = [state[name]._array for name in _means(amsgrad)]
            for p, g, *rest in self._scratch.split(array, parameter._grad._array, *means):
                if maximize:
                    g = np.negative(g, rest[-1])
                if decay != 0 and decoupled:
                    np.multiply(p, shrink, p)
                elif decay != 0:
                    g = np.add(g, np.multiply(p, wd, rest[-2]), rest[-1])
                _move(p, g, rest, factors)
            for name in _means(amsgrad):
                state[name]._bump_version()
            parameter._bump_version()


def _move(p: Any, g: Any, arrays: list[Any], factors: tuple[Any, ...]) -> None:
    """Update the means and the parameter, all in place.

    ``arrays`` holds both means, the largest square so far with amsgrad, and two scratch arrays;
    ``g`` may lie in the last, which is free once both means have moved.
    """
    mean, square, *largest, work, spare = arrays
    new1, b2, new2, root, eps, step, _, _ = factors
    np.subtract(g, mean, work)
    np.multiply(work, new1, work)
    np.add(mean, work, mean)
    np.multiply(square, b2, square)
    np.multiply(g, new2, work)
    np.multiply(work, g, work)
    np.add(square, work, square)
    if largest:
        square = np.maximum(largest[0], square, out=largest[0])
    np.sqrt(square, work)
    np.divide(work, root, work)
    np.add(work, eps, work)
    # Torch multiplies before it divides; the quotient first would round differently.
    np.divide(np.multiply(mean, step, spare), work, work)
    np.add(p, work, p)


def _factors(array: Any, group: Group, decay: float, count: float) -> tuple[Any, ...]:
    """The numbers of one step in the array's type, in the order in which ``_move`` takes them."""
    lr, (b1, b2) = number(group["lr"]), group["betas"]
    return scalars(
        array,
        1 - b1,
        b2,
        1 - b2,
        (1 - b2**count) ** 0.5,
        group["eps"],
        -(lr / (1 - b1**count)),
        decay,
        1 - lr * decay,
    )


def _means(amsgrad: bool) -> tuple[str, ...]:
    """The names of the running means in a parameter's state."""
    return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if amsgrad else ("exp_avg", "exp_avg_sq")


def _start(state: dict[str, Any], parameter: Tensor, amsgrad: bool) -> None:
    """The state of a parameter that has not been stepped yet."""
    # As in torch, the step count is a tensor that keeps whole numbers exactly for long enough.
    wide = get_default_dtype() is float64
    state["step"] = functions.tensor(0.0, dtype=float64 if wide else float32)
    for name in _means(amsgrad):
        state[name] = functions.zeros_like(parameter.data)


def _check_betas(betas: Betas) -> tuple[float, ...]:
    for place, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {place}: {beta}")
    kinds = [Tensor if isinstance(beta, Tensor) else type(beta) for beta in betas]
    if kinds not in ([float, float], [Tensor, Tensor]):
        raise ValueError("betas must be either both floats or both Tensors")
    for place, beta in enumerate(betas):
        if isinstance(beta, Tensor) and beta.numel() != 1:
            raise ValueError(f"Tensor betas[{place}] must be 1-element")
    return tuple(number(beta) for beta in betas)


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
