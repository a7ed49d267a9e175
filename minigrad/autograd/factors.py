"""Numbers explained: which constant a factor is, or which simple expression of the values.

Only what a person would write in a derivative is tried, simplest first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

CLOSE = 2e-4  # relative: differences have more digits than that

FORMS: dict[str, Callable[[Array], Array]] = {
    "{}": lambda v: v,
    "{}^2": lambda v: v * v,
    "(1 - {})": lambda v: 1 - v,
    "(1 + {})": lambda v: 1 + v,
    "(1 - {}^2)": lambda v: 1 - v * v,
    "(1 + {}^2)": lambda v: 1 + v * v,
    "{}(1 - {})": lambda v: v * (1 - v),
    "exp({})": np.exp,
    "exp(-{})": lambda v: np.exp(-v),
    "log|{}|": lambda v: np.log(np.abs(v)),
    "sqrt|{}|": lambda v: np.sqrt(np.abs(v)),
    "|{}|": np.abs,
    "sign({})": np.sign,
    "sin({})": np.sin,
    "cos({})": np.cos,
    "tanh({})": np.tanh,
    "sigmoid({})": lambda v: 1 / (1 + np.exp(-v)),
}
CONSTANTS = np.array([1, -1, 2, -2, 0.5, -0.5, 3, -3])
PAIRED = np.array([1, -1, 2, 0.5])
FEW = 6  # numbers that are compared first


def constant_name(c: float, sizes: set[int]) -> tuple[str, str]:
    """The name of a fault that is one factor everywhere, and its number in words.

    >>> from minigrad.autograd.factors import constant_name
    >>> constant_name(-1.0, set())
    ('sign', 'the gradient points the other way (constant factor -1)')
    """
    if _same(c, -1):
        return "sign", "the gradient points the other way (constant factor -1)"
    for n in sorted(sizes):
        if n > 2 and _same(c, n):
            return f"constant factor {n}", f"{n} elements: a sum where a mean is meant"
        if n > 2 and _same(c, 1 / n):
            return f"constant factor 1/{n}", f"{n} elements: a mean where a sum is meant"
        for low, high in ((n - 1, n), (n, n - 1)):
            if n > 2 and _same(c, low / high):
                text = f"{n} elements: one is subtracted on one side only (biased or unbiased)"
                return f"constant factor {low}/{high}", text
    exact = Fraction(c).limit_denominator(12)
    if _same(c, float(exact)):
        also = [n for n in sizes if _same(c, n) or _same(c, 1 / n)]
        note = f"{also[0]} is also a number of elements: sum or mean" if also else "everywhere"
        return f"constant factor {exact}", note
    for name, known in (("log(2)", np.log(2)), ("log(10)", np.log(10)), ("pi", np.pi)):
        for text, value in ((name, known), (f"1/{name}", 1 / known)):
            if _same(c, value):
                return f"constant factor {text}", "everywhere"
    return f"constant factor {c:.6g}", "everywhere"


def expressions(numbers: Array, values: Mapping[str, Array]) -> Iterator[str]:
    """Names of the expressions that give all the numbers, the simplest first.

    >>> import numpy as np
    >>> from minigrad.autograd.factors import expressions
    >>> x = np.array([0.5, 1.5, 2.0])
    >>> next(expressions(2 * x, {"x": x}))
    '2 x'
    """
    if not len(numbers) or not np.isfinite(numbers).all():
        return
    with np.errstate(all="ignore"):
        single = {
            form.replace("{}", name): of(value)
            for name, value in values.items()
            for form, of in FORMS.items()
        }
    single = {n: v for n, v in single.items() if np.isfinite(v).all() and np.abs(v).min() > 1e-9}
    if not single:
        return
    texts, table = list(single), np.array([*single.values()])
    few = table[:, :FEW]
    for row, inverse, c in _candidates(np.stack([few, 1 / few], 1), CONSTANTS, numbers):
        if _close(CONSTANTS[c] * table[row] ** (1 - 2 * inverse), numbers):
            yield _times(CONSTANTS[c], f"1/{texts[row]}" if inverse else texts[row])
    for row, text in enumerate(texts):
        yield from _multiple(numbers, text, table[row])
    pairs = np.stack([few[:, None] / few, few[:, None] * few], 2)
    for row, at, product, c in _candidates(pairs, PAIRED, numbers):
        if at != row and _close(PAIRED[c] * table[row] * table[at] ** (2 * product - 1), numbers):
            joint = f"{texts[row]} {texts[at]}" if product else f"{texts[row]} / {texts[at]}"
            yield _times(PAIRED[c], joint)


def _candidates(few: Array, constants: Array, numbers: Array) -> Any:
    """Places in a table, and of a constant, where the first numbers are right."""
    made = constants[:, None] * few[..., None, :]
    return np.argwhere(np.isclose(made, numbers[:FEW], CLOSE, 1e-7).all(-1)).tolist()


def _close(made: Array, numbers: Array) -> bool:
    return bool(np.allclose(made, numbers, CLOSE, 1e-7))


def _times(c: float, text: str) -> str:
    return text if c == 1 else f"{c:g} {text}"


def _multiple(numbers: Array, name: str, values: Array) -> Iterator[str]:
    """Any multiple; that it fits is no chance if there are four numbers that differ."""
    if len(np.unique(np.round(values, 6))) > 3:
        c = float(numbers @ values / (values @ values))
        if abs(c) > 1e-6 and _close(c * values, numbers):
            yield f"{c:.3g} {name}"


def in_words(name: str) -> str:
    """An expression, with what its letters stand for."""
    legend = []
    if "out" in name:
        legend.append("out the result")
    if re.search(r"\b[yzuvw]\b", name):
        legend.append("y, z, ... the other arguments")
    return f"{name} (x is the input{', ' if legend else ''}{', '.join(legend)})"


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= CLOSE * abs(other)


__all__ = ["constant_name", "expressions", "in_words"]
