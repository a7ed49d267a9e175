"""A small machine for random programs: an instruction set, and one package's side of a run.

An instruction gets four numbers. What they choose (operands, axes, places) depends only on shapes,
so that the same program does the same under minigrad and under torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from parity_tests.both import Outcome, Returned, outcome

OPS: dict[str, Callable[..., Any]] = {}
Numbers = tuple[int, int, int, int]


class Machine:
    """One package's side of a program: its tensors, and whether it records."""

    def __init__(self, torch: Any) -> None:
        def leaf(*shape: int, requires_grad: bool) -> Any:
            count = int(np.prod(shape))
            values = np.linspace(-1.1, 0.9 + 0.1 * len(shape), count).reshape(shape)
            data = torch.tensor(values.tolist(), dtype=torch.float64)
            return data.requires_grad_(requires_grad)

        self.torch = torch
        self.recording = True
        self.births = [0] * 6  # the version that each tensor had at first: torch's ops write too
        self.pool = [
            leaf(2, 3, requires_grad=True),
            leaf(3, requires_grad=True),
            leaf(requires_grad=True),
            leaf(2, 3, requires_grad=False),
            leaf(4, 3, requires_grad=False),
            leaf(6, requires_grad=False),
        ]

    def pick(self, number: int) -> Any:
        """A tensor; late ones are likelier, so that programs go deep."""
        size = len(self.pool)
        return self.pool[size - 1 - number % size if number % 3 else number % size]

    def step(self, name: str, numbers: Numbers) -> Outcome:
        def run(torch: Any) -> Any:
            with torch.set_grad_enabled(self.recording):
                return OPS[name](self, *numbers)

        done = outcome(run, self.torch)
        made = done.value if isinstance(done, Returned) else None
        several = made if isinstance(made, (list, tuple)) else [made]
        fresh = [t for t in several if usable(self, t)]
        self.pool += fresh
        self.births += [t._version for t in fresh]
        return done


def usable(m: Machine, made: Any) -> bool:
    """Not for further use: a view of a tensor in the graph made in no_grad mode.

    torch says that it requires grad, but no gradient goes anywhere from it.
    """
    return made is not None and (m.recording or not flag_of(made, "requires_grad"))


def flag_of(tensor: Any, flag: str) -> Any:
    """A flag, or that asking raises: some views can't be recorded anew after a write."""
    try:
        return getattr(tensor, flag)
    except RuntimeError:
        return "raises"


def is_expanded(x: Any) -> bool:
    return any(n > 1 and s == 0 for n, s in zip(x.shape, x.stride(), strict=True))


def op(fn: Callable[..., Any]) -> Callable[..., Any]:
    OPS[fn.__name__] = fn
    return fn


# -- new tensors ------------------------------------------------------------------------------


@op
def add(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    return m.pick(a) + m.pick(b)


@op
def subtract_scaled(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    return m.torch.sub(m.pick(a), m.pick(b), alpha=0.5 + c % 3)


@op
def multiply(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    return m.pick(a) * m.pick(b)


@op
def divide(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    return m.pick(a) / (m.pick(b) ** 2 + 1.5)


@op
def number_arithmetic(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    x = m.pick(a)
    return (x + 2, 3 - x, x * 0.5, x / 4, -x)[b % 5]


@op
def pointwise(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    x = m.pick(a)
    return (x.sin(), x.sin().exp(), x * x / (1 + x * x), x.cos(), (x * x + 1).sqrt())[b % 5]


@op
def total(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    x = m.pick(a)
    if c % 3 == 0 or x.dim() < 2:
        return x.sum() if b % 2 else x.mean()
    return x.sum(c % 3 - 1, keepdim=d % 2 == 0)


@op
def average(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    x = m.pick(a)
    return x.mean(b % max(x.dim(), 1), keepdim=c % 2 == 0)


@op
def reshape(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    return m.pick(a).reshape(((-1,), (3, -1), (2, -1), (1, -1, 3))[b % 4])


@op
def view(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    return m.pick(a).view(((-1,), (3, -1), (2, -1))[b % 3])


@op
def transpose(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    x = m.pick(a)
    return x.t() if b % 2 else x.transpose(0, -1)


@op
def cut(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    x = m.pick(a)
    return (x[1:], x[..., :2], x[0], x[..., -1], x[:, None], x[::2], x[None], x[1:, 1:])[b % 8]


@op
def axes(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    x = m.pick(a)
    return (x.unsqueeze(0), x.squeeze(), x.unsqueeze(-1), x.expand(2, *x.shape), x.flatten())[b % 5]


@op
def choose(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    x = m.pick(a)
    mask = x.detach() > 0.1
    return (x[[0, 1, 0]], x[mask], x[m.torch.tensor([1, 0, 1])], x[..., [1, 1]])[b % 4]


@op
def join(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    parts = [m.pick(a), m.pick(b), m.pick(a)]
    return m.torch.stack(parts, c % 2) if d % 2 else m.torch.cat(parts, c % 2)


@op
def several(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    return m.pick(a).unbind()[: 1 + c % 2]


@op
def multiply_matrices(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    x, y = m.pick(a), m.pick(b)
    return x @ y if max(x.dim(), y.dim()) <= 2 else x * y  # of batches torch may save copies


@op
def copy(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    x = m.pick(a)
    return (x.clone(), x.detach(), x.contiguous(), x.detach().clone(), x.data)[b % 5]


@op
def narrow_and_widen(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    return m.pick(a).to(m.torch.float32).to(m.torch.float64)


@op
def new_leaf(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    return m.pick(a).detach().clone().requires_grad_()


@op
def where(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    x, y = m.pick(a), m.pick(b)
    return m.torch.where(x > 0.05, x, y)


# -- writes in place: they give nothing new ---------------------------------------------------


@op
def write_arithmetic(m: Machine, a: int, b: int, c: int, d: int) -> None:
    x, y = m.pick(a), m.pick(b)
    (x.add_, x.mul_, x.sub_, lambda z: x.div_(z * z + 2))[c % 4](y)


@op
def write_number(m: Machine, a: int, b: int, c: int, d: int) -> None:
    x = m.pick(a)
    (x.add_, x.mul_, x.div_, x.fill_, x.sub_)[c % 5]((1, -0.5, 0.3)[d % 3])


@op
def write_pointwise(m: Machine, a: int, b: int, c: int, d: int) -> None:
    x = m.pick(a)
    (x.sin_, x.neg_, x.square_, lambda: x.sin_().exp_(), lambda: x.clamp_(-0.5, 0.5))[c % 5]()


@op
def write_copy(m: Machine, a: int, b: int, c: int, d: int) -> None:
    x, y = m.pick(a), m.pick(b)
    x.copy_(y) if c % 2 else x.fill_(y.sum() if d % 2 else y)


@op
def write_masked(m: Machine, a: int, b: int, c: int, d: int) -> None:
    x, y = m.pick(a), m.pick(b)
    if not is_expanded(x):
        x.masked_fill_(x.detach() > 0.05, (0.2, y.mean())[c % 2])


@op
def write_item(m: Machine, a: int, b: int, c: int, d: int) -> None:
    x, y = m.pick(a), (m.pick(b), 0.7, m.pick(b).sum())[d % 3]
    keys = (0, -1, (0, 1), slice(1, None), Ellipsis, (..., 1), [1, 0], (slice(None), 0), ([1], [0]))
    key = keys[c % 10] if c % 10 < 9 else x.detach() > 0.05
    # torch itself is of two minds about expanded tensors, and about writing a tensor to itself.
    if not is_expanded(x):
        x[key] = y.clone() if y is x else y


@op
def write_to_item(m: Machine, a: int, b: int, c: int, d: int) -> None:
    x, y = m.pick(a), (m.pick(b), 0.7)[d % 2]
    if not is_expanded(x):
        x[(0, -1, (..., 1), slice(1, None), [0, 1])[c % 5]] += y


@op
def write_view(m: Machine, a: int, b: int, c: int, d: int) -> None:
    x, y = m.pick(a), (m.pick(b), 0.7)[d % 2]
    part = (x[0], x[..., 0], x.reshape(-1)[1:], x.t(), x[1:][0], x.unbind()[0], x.view(-1))[c % 7]
    part *= y


@op
def write_data(m: Machine, a: int, b: int, c: int, d: int) -> None:
    m.pick(a).data.mul_(0.9)


# -- flags and gradients ----------------------------------------------------------------------


@op
def toggle_recording(m: Machine, a: int, b: int, c: int, d: int) -> None:
    m.recording = not m.recording


@op
def cut_off(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    return m.pick(a).clone().detach_()


@op
def keep_gradient(m: Machine, a: int, b: int, c: int, d: int) -> None:
    m.pick(a).retain_grad()


@op
def double_gradient_by_hook(m: Machine, a: int, b: int, c: int, d: int) -> None:
    x = m.pick(a)
    if not x._is_view():  # torch forgets the hooks of a view that is written
        x.register_hook(lambda g: None if g is None else g * 2)


@op
def run_backward(m: Machine, a: int, b: int, c: int, d: int) -> None:
    m.pick(a).sum().backward(retain_graph=b % 3 > 0)


@op
def gradient(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    out, source = m.pick(a), m.pick(b)
    (g,) = m.torch.autograd.grad(
        out.sum(), source, create_graph=c % 2 == 0, retain_graph=d % 3 > 0, allow_unused=True
    )
    return None if g is None else comparable(m, g)


def comparable(m: Machine, g: Any) -> Any:
    """A gradient in its own memory and in a graph: whether it is expanded, or known to be
    constant, is each package's own affair.
    """
    return g.clone() + 0 * m.pool[0].sum()


@op
def squared_gradient(m: Machine, a: int, b: int, c: int, d: int) -> Any:
    (g,) = m.torch.autograd.grad(m.pick(a).sin().sum(), m.pick(b), create_graph=True)
    return (comparable(m, g) ** 2).sum()


@op
def backward_to_inputs(m: Machine, a: int, b: int, c: int, d: int) -> None:
    m.pick(a).sum().backward(inputs=[m.pick(b), m.pick(c)], retain_graph=True)
