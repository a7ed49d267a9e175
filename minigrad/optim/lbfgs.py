"""L-BFGS, a quasi-Newton method.

Source of the order of arithmetic, which makes the numbers torch's: torch.optim.LBFGS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minigrad import functions
from minigrad.autograd import enable_grad, no_grad
from minigrad.optim.line_search import Trial, strong_wolfe
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.options import check_lr, number, scalar
from minigrad.tensor import Tensor

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """Newton's method with the curvature learnt from the last ``history_size`` steps.

    ``step`` needs a closure that clears the gradients, computes the loss and calls backward: it is
    called several times. ``line_search_fn="strong_wolfe"`` looks for a good length of each step;
    without it the length is ``lr``. One parameter group only.

    Raises: ValueError for a negative rate or several groups; RuntimeError for an unknown search.

    Source: Nocedal and Wright, Numerical optimization, 2006, chapter 7.

    >>> import minigrad as torch
    >>> w = torch.zeros(2, requires_grad=True)
    >>> optimizer = torch.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((w - torch.tensor([1., 2.])) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure)
    tensor(5., grad_fn=<SumBackward0>)
    >>> w
    tensor([1.0000, 2.0000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    @property
    def _params(self) -> list[Tensor]:
        return self.param_groups[0]["params"]  # type: ignore[no-any-return]

    def _gathered(self) -> Any:
        """The gradients of all parameters as one vector."""
        return functions.cat(
            [
                (functions.zeros_like(p.data) if p.grad is None else p.grad).reshape(-1)
                for p in self._params
            ]
        )

    def _go(self, length: Any, direction: Any) -> None:
        """Move all parameters along the direction."""
        start = 0
        for p in self._params:
            part = direction[start : start + p.numel()]
            p.add_(part.view_as(p), alpha=number(length))
            start += p.numel()

    @no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make up to ``max_iter`` moves; the loss before the first.

        >>> import minigrad as torch
        >>> w = torch.ones(1, requires_grad=True)
        >>> def closure():
        ...     w.grad = 2 * w.detach()
        ...     return (w * w).sum()
        >>> torch.optim.LBFGS([w]).step(closure)
        tensor(1., grad_fn=<SumBackward0>)
        """
        if closure is None:
            raise TypeError("LBFGS.step() missing 1 required positional argument: 'closure'")
        run = Run(self, enable_grad()(closure))
        return run.go()


class Run:
    """One call of ``step``: the moves, and the numbers that they hand to one another."""

    def __init__(self, optimizer: LBFGS, closure: Callable[[], Any]) -> None:
        self.optimizer = optimizer
        self.closure = closure
        self.options = optimizer.param_groups[0]
        self.lr = scalar(self.options["lr"])
        self.state: dict[str, Any] = optimizer.state[optimizer._params[0]]
        self.state.setdefault("func_evals", 0)
        self.state.setdefault("n_iter", 0)
        self.memory: dict[str, Any] = {}
        self.evaluations = 0

    def go(self) -> Any:
        """Move until something says that it is enough."""
        first = self._evaluate()
        if self.grad.abs().max() <= self.options["tolerance_grad"]:
            return first
        self.memory = {name: self.state.get(name) for name in KEPT}
        moves = 0
        while moves < self.options["max_iter"]:
            moves += 1
            self.state["n_iter"] += 1
            if not self._move(last=moves == self.options["max_iter"]):
                break
        self.state.update(self.memory)
        return first

    def _evaluate(self) -> Any:
        loss = self.closure()
        self.loss, self.grad = float(loss), self.optimizer._gathered()
        self._count(1)
        return loss

    def _count(self, evaluations: int) -> None:
        self.evaluations += evaluations
        self.state["func_evals"] += evaluations

    def _move(self, last: bool) -> bool:
        """One move; whether another is worth making."""
        memory, options = self.memory, self.options
        first = self.state["n_iter"] == 1
        if first:
            memory.update(d=self.grad.neg(), old_dirs=[], old_stps=[], ro=[], H_diag=1)
        else:
            self._learn()
            memory["d"] = self._newton()
        if memory["prev_flat_grad"] is None:
            memory["prev_flat_grad"] = self.grad.clone()
        else:
            memory["prev_flat_grad"].copy_(self.grad)
        before = memory["prev_loss"] = self.loss
        memory["t"] = min(1.0, 1.0 / self.grad.abs().sum()) * self.lr if first else self.lr
        slope = self.grad.dot(memory["d"])
        if slope > -options["tolerance_change"]:
            return False
        flat = self._advance(slope, last)
        return not (
            last
            or self.evaluations >= options["max_eval"]
            or flat
            or memory["d"].mul(number(memory["t"])).abs().max() <= options["tolerance_change"]
            or abs(self.loss - before) < options["tolerance_change"]
        )

    def _learn(self) -> None:
        """Add the last move, and what it did to the gradient, to the history."""
        memory = self.memory
        y = self.grad.sub(memory["prev_flat_grad"])
        s = memory["d"].mul(number(memory["t"]))
        ys = y.dot(s)
        if ys > 1e-10:
            for name, value in (("old_dirs", y), ("old_stps", s), ("ro", 1.0 / ys)):
                if len(memory[name]) == self.options["history_size"]:
                    memory[name].pop(0)
                memory[name].append(value)
            memory["H_diag"] = ys / y.dot(y)

    def _newton(self) -> Any:
        """Minus the inverse curvature times the gradient, by the two loops over the history."""
        memory = self.memory
        history = list(zip(memory["old_dirs"], memory["old_stps"], memory["ro"], strict=True))
        weights = self.state.setdefault("al", [None] * self.options["history_size"])
        q = self.grad.neg()
        for i, (y, s, rho) in reversed(list(enumerate(history))):
            weights[i] = s.dot(q) * rho
            q.add_(y, alpha=-weights[i].item())
        r = q * memory["H_diag"]
        for i, (y, s, rho) in enumerate(history):
            r.add_(s, alpha=(weights[i] - y.dot(r) * rho).item())
        return r

    def _advance(self, slope: Any, last: bool) -> bool:
        """Go along the direction; whether the gradient has vanished there."""
        memory, options = self.memory, self.options
        search = options["line_search_fn"]
        if search is not None:
            if search != "strong_wolfe":
                raise RuntimeError("only 'strong_wolfe' is supported")
            self._search(slope)
            self.optimizer._go(memory["t"], memory["d"])
        else:
            self.optimizer._go(memory["t"], memory["d"])
            if last:  # nobody will need the loss there
                return False
            self._evaluate()
        return bool(self.grad.abs().max() <= options["tolerance_grad"])

    def _search(self, slope: Any) -> None:
        """Find the length of the step."""
        memory, params = self.memory, self.optimizer._params
        direction, here = memory["d"], [p.clone() for p in params]

        def evaluate(length: Any) -> Trial:
            self.optimizer._go(length, direction)
            loss, grad = float(self.closure()), self.optimizer._gathered()
            for p, value in zip(params, here, strict=True):
                p.copy_(value)
            return Trial(length, loss, grad, grad.dot(direction))

        found, evaluations = strong_wolfe(
            evaluate,
            Trial(0, self.loss, self.grad, slope),
            memory["t"],
            direction.abs().max(),
            1e-9,
            self.options["max_eval"] - self.evaluations,
        )
        self.loss, self.grad, memory["t"] = found.loss, found.grad, found.step
        self._count(evaluations)


# What a step leaves for the next, in the order in which torch keeps it.
KEPT = ("d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss")
