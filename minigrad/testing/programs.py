"""Random programs that are valid: lines of Python over a few tensors, ending in a loss.

They reuse values, broadcast, take views and write in place; all of them are smooth, so that the
gradients of the whole graph can be held against slopes, or against torch's.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

import minigrad as torch
from minigrad.autograd.record import reals
from minigrad.testing.drawing import generator, values
from minigrad.testing.needs import st

__all__ = ["Program", "training_programs"]

# What a line may be: a, b are earlier values, d is an axis of a.
LINES = (
    "{a} + {b}",
    "{a} * {b}",
    "{a} - 2 * {b}",
    "{a} / (1.5 + {b} ** 2)",
    "{a}.sin()",
    "{a}.tanh()",
    "({a} ** 2 + 1).sqrt()",
    "{a}.sigmoid() * {a}",
    "{a}.softmax({d})",
    "{a}.sum({d}, keepdim=True)",
    "{a}.mean({d})",
    "{a}.cumsum({d})",
    "{a}.transpose(0, -1)",
    "{a}.reshape(-1)",
    "{a}.unsqueeze({d})",
    "{a}[..., :1]",
    "{a}[::2]",
    "{a} @ {b}",
    "torch.outer({a}, {b})",
    "torch.cat([{a}, {b}], {d})",
    "torch.stack([{a}, {a}.sin()], {d})",
    "{a}.expand(2, *{a}.shape)",
    "{a}.index_select({d}, torch.tensor([0, 0]))",
    "{a}.clone().mul_({b})",
    "{a}.clone().add_({b}, alpha=0.5).sin_()",
    "torch.where({b} > 0.05, {a}.sin(), {a} * 0.5)",
    "torch.logsumexp({a}, {d})",
    "torch.var({a}, {d}, correction=0)",
)
LARGEST = 48  # elements of a value
SHAPES: tuple[tuple[int, ...], ...] = ((3,), (2, 3), (2, 1), (3, 3), ())


class Program:
    """Lines of Python that compute a loss from ``inputs``; a function of these.

    ``program.run(torch, *inputs)`` runs it under the library that it is given.

    >>> import minigrad as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> program = torch.testing.Program([x], ["v1 = x0 * x0"])
    >>> program
    def program(x0):
        v1 = x0 * x0
        return v1.sum()
    >>> program(x)
    tensor(5., grad_fn=<SumBackward0>)
    """

    def __init__(self, inputs: Sequence[Any], lines: Sequence[str]) -> None:
        self.inputs, self.lines = tuple(inputs), tuple(lines)
        self.code = compile(repr(self), "<program>", "exec")
        self.__name__ = "program"

    def __repr__(self) -> str:
        names = ", ".join(f"x{i}" for i in range(len(self.inputs)))
        last = self.lines[-1].split(" = ")[0] if self.lines else "x0"
        body = [*self.lines, f"return {last}.sum()"]
        return f"def program({names}):\n" + "\n".join(f"    {line}" for line in body)

    def run(self, library: Any, *inputs: Any) -> Any:
        """The loss, computed by a library: minigrad, or torch with tensors of its own."""
        names = {"torch": library}
        exec(self.code, names)
        program: Any = names["program"]
        return program(*inputs)

    def __call__(self, *inputs: Any) -> Any:
        """The loss."""
        return self.run(torch, *inputs)


@st.composite
def training_programs(draw: Any, *, max_lines: int = 8) -> Program:
    """Draw a valid program of at most so many lines.

    >>> from hypothesis import given, settings
    >>> from minigrad.testing import gradcheck, training_programs
    >>> @settings(max_examples=5, deadline=None)
    ... @given(training_programs())
    ... def test_whole_graphs(program):
    ...     assert gradcheck(program, program.inputs)
    >>> test_whole_graphs()
    """
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    rng = generator(draw(st.integers(0, 2**32 - 1)))
    arrays = [values(rng, s, reals(-1.5, 1.5), "float64", i) for i, s in enumerate(shapes)]
    inputs = [torch.from_numpy(a).requires_grad_() for a in arrays]
    known = {f"x{i}": x.detach() for i, x in enumerate(inputs)}
    lines: list[str] = []
    for _ in range(draw(st.integers(1, max_lines))):
        name = f"v{len(lines)}"
        text = _line(draw, known)
        value = _value(text, known)
        if value is not None:
            lines.append(f"{name} = {text}")
            known[name] = value
    return Program(inputs, lines or ["v0 = x0 * x0"])


def _line(draw: Any, known: dict[str, Any]) -> str:
    """A line over the values so far, late ones rather."""
    names = list(known)[::-1]
    first, second = (draw(st.sampled_from(names)) for _ in range(2))
    axis = draw(st.integers(0, max(known[first].ndim - 1, 0)))
    pattern: str = draw(st.sampled_from(LINES))
    return pattern.format(a=first, b=second, d=axis)


def _value(text: str, known: dict[str, Any]) -> Any:
    """What a line gives; None if it is not valid here, or has no derivative near by."""
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            value = eval(text, {"torch": torch}, dict(known))
            if "where" in text:  # its condition must not change its mind
                edge = eval(text.split("(", 1)[1].split(" >")[0], {}, dict(known))
                if bool((edge - 0.05).abs().lt(1e-2).any()):
                    return None
    except (RuntimeError, IndexError, ValueError, TypeError):
        return None
    array = value.numpy()
    fine = 0 < array.size <= LARGEST and np.isfinite(array).all() and np.abs(array).max() < 100
    return value if fine else None
