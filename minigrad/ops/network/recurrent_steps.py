"""The recurrences step by step in ordinary ops: what they are, and every order of derivative.

``recurrent.py`` computes the same on arrays, fast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from minigrad.autograd.grad import grad


class Walk(NamedTuple):
    """How many rows each step has, never more than the one before; and the end to begin from."""

    sizes: tuple[int, ...]
    backwards: bool = False

    def steps(self) -> list[slice]:
        """The rows of each step, in the order in which the states follow each other."""
        found, start = [], 0
        for size in self.sizes:
            found.append(slice(start, start + size))
            start += size
        return found[::-1] if self.backwards else found

    def back(self) -> Walk:
        """The same steps, from the last to the first."""
        return Walk(self.sizes, not self.backwards)


def _over(F: Any, state: Any, now: Any) -> Any:
    """The states of all sequences after a step in which only the first took part."""
    size, whole = now.shape[0], state.shape[0]
    return now if size == whole else F.cat(now, state[size:], dim=0)


def _in_time(F: Any, walk: Walk, parts: list[Any]) -> Any:
    """What the steps gave, joined as the rows lie."""
    return F.cat(*(parts[::-1] if walk.backwards else parts), dim=0)


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    found = x @ weight.T
    return found if bias is None else found + bias


def rnn(
    F: Any, input: Any, hidden: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
    walk: Walk, relu: bool,
) -> tuple[Any, ...]:  # fmt: skip
    """h' = f(w_ih x + b_ih + w_hh h + b_hh)."""
    given, f, found = _affine(input, w_ih, b_ih), F.relu if relu else F.tanh, []
    for step in walk.steps():
        h = hidden[: step.stop - step.start]
        h = f(given[step] + _affine(h, w_hh, b_hh))
        hidden = _over(F, hidden, h)
        found.append(h)
    return _in_time(F, walk, found), hidden


def gru(
    F: Any, input: Any, hidden: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, walk: Walk
) -> tuple[Any, ...]:
    """n = tanh(x_n + r h_n), h' = n + z (h - n), r and z the sigmoids of the sums of x and h."""
    given, found = _affine(input, w_ih, b_ih), []
    size = hidden.shape[1]
    for step in walk.steps():
        h = hidden[: step.stop - step.start]
        x, y = given[step], _affine(h, w_hh, b_hh)
        rz = F.sigmoid(x[:, : 2 * size] + y[:, : 2 * size])
        n = F.tanh(x[:, 2 * size :] + rz[:, :size] * y[:, 2 * size :])
        h = n + rz[:, size:] * (h - n)
        hidden = _over(F, hidden, h)
        found.append(h)
    return _in_time(F, walk, found), hidden


def lstm(
    F: Any, input: Any, hidden: Any, cell: Any, w_hr: Any, w_ih: Any, w_hh: Any, b_ih: Any,
    b_hh: Any, walk: Walk,
) -> tuple[Any, ...]:  # fmt: skip
    """c' = σ(f) c + σ(i) tanh(a), h' = σ(o) tanh(c'), or w_hr times that."""
    given, found = _affine(input, w_ih, b_ih), []
    size = cell.shape[1]
    for step in walk.steps():
        h, c = (s[: step.stop - step.start] for s in (hidden, cell))
        gates = given[step] + _affine(h, w_hh, b_hh)
        i, f, a, o = (gates[:, k * size : (k + 1) * size] for k in range(4))
        c = F.sigmoid(f) * c + F.sigmoid(i) * F.tanh(a)
        h = F.sigmoid(o) * F.tanh(c)
        h = h if w_hr is None else h @ w_hr.T
        hidden, cell = _over(F, hidden, h), _over(F, cell, c)
        found.append(h)
    return _in_time(F, walk, found), hidden, cell


def pull(
    F: Any,
    recurrence: Callable[..., Any],
    g: Sequence[Any],
    given: Sequence[Any],
    needs: Sequence[bool],
    *params: Any,
) -> list[Any]:
    """The gradients of a recurrence's arguments, as Tensors that can be differentiated again."""
    # Copies: an argument may depend on another, and its gradient must not contain the other's.
    copies = [F.clone(t) if need else t for t, need in zip(given, needs, strict=True)]
    outputs = recurrence(F, *copies, *params)
    pairs = [(out, one) for out, one in zip(outputs, g, strict=True) if one is not None]
    wanted = [t for t, need in zip(copies, needs, strict=True) if need]
    found = iter(
        grad(
            [out for out, _ in pairs],
            wanted,
            [one for _, one in pairs],
            create_graph=True,
            allow_unused=True,
        )
    )
    return [next(found) if need else None for need in needs]
