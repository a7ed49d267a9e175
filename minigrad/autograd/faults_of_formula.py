"""Rules for wrong formulas: factors, terms, and what cannot be a derivative at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from minigrad.autograd.evidence import Array, Diagnosis, Evidence, Rule
from minigrad.autograd.factors import constant_name, expressions, in_words
from minigrad.autograd.faults_of_place import count


def not_finite(e: Evidence) -> Iterator[Diagnosis]:
    """NaN or infinity where the slope is a number."""
    bad = np.argwhere(~np.isfinite(e.got) & np.isfinite(e.want))
    if len(bad):
        row = int(bad[0][0])
        value, at = e.got[tuple(bad[0])], e.inputs[e.index].reshape(-1)[row]
        cause = "a division by zero" if at == 0 else "an overflow, or a division by zero"
        yield Diagnosis("not finite", f"the gradient is {value} where the slope is finite: {cause}")


def nothing(e: Evidence) -> Iterator[Diagnosis]:
    """No gradient at all."""
    if not e.got.any():
        yield Diagnosis("no gradient", f"nothing arrives at input {e.index}")


def constant(e: Evidence) -> Iterator[Diagnosis]:
    """The same factor everywhere."""
    rows, columns = np.nonzero(~e.zero(e.want))
    if not len(rows):
        return
    best = np.argmax(np.abs(e.want[rows, columns]))
    c = float(e.got[rows[best], columns[best]] / e.want[rows[best], columns[best]])
    if not e.near(e.got, c * e.want) or abs(c) < 1e-6:
        return
    name, text = constant_name(c, e.sizes())
    yield Diagnosis(name, text)


def normalising(e: Evidence) -> Iterator[Diagnosis]:
    """The terms of a normalisation that go through its mean, its variance, or its norm."""
    groups = [rows for rows in e.groups() if len(rows) > 2]
    alone = np.ones(len(e.got), bool)
    for rows in groups:
        alone[rows] = False
    if not groups or not e.zero(e.off[alone]).all():
        return
    x = e.inputs[e.index].reshape(-1, 1)
    for name, form, what in STATISTICS:
        if all(_goes_with(e, e.off[rows], form(x[rows])) for rows in groups) and not all(
            _goes_with(e, e.want[rows], form(x[rows])) for rows in groups
        ):  # (else it is a factor)
            text = f"a term is missing that {what} over each group of {len(groups[0])} elements"
            yield Diagnosis(f"path through the {name} missing", text)


def _goes_with(e: Evidence, columns: Array, direction: Array) -> bool:
    """Whether all columns are multiples of a direction."""
    share = (columns * direction).sum(0) / (float((direction * direction).sum()) or 1.0)
    return e.near(share * direction, columns)


STATISTICS: tuple[tuple[str, Callable[[Array], Array], str], ...] = (
    ("mean", np.ones_like, "is constant"),
    ("variance", lambda x: x - x.mean(), "goes with x - mean"),
    ("norm", lambda x: x, "goes with x"),
)


def factor(e: Evidence) -> Iterator[Diagnosis]:
    """A factor that is a simple expression of the values."""
    rows, columns = np.nonzero(~e.zero(e.want))
    if not len(rows) or not e.zero(e.got)[e.zero(e.want)].all():
        return
    ratio = e.got[rows, columns] / e.want[rows, columns]
    for name in expressions(ratio, e.values(rows, columns)):
        yield Diagnosis("wrong factor", f"analytical / numerical is {in_words(name)}")


def in_part(e: Evidence) -> Iterator[Diagnosis]:
    """One factor at some elements, and the others are right."""
    there = ~e.zero(e.want)
    wrong = ~e.zero(e.off)
    if not e.zero(e.got[~there]).all() or wrong.sum() < 2 or (wrong == there).all():
        return
    ratio = e.got[wrong] / e.want[wrong]
    if np.ptp(ratio) > 1e-3 * abs(ratio[0]) or abs(ratio[0]) < 1e-6:
        return
    above = np.broadcast_to(e.inputs[e.index].reshape(-1, 1) > 0, e.got.shape)
    place = f"at {count(wrong)} of the Jacobian"
    for side, mask in (("positive", above), ("negative", ~above)):
        if (wrong == there & mask).all():
            place = f"where the input is {side}"
    name, _ = constant_name(float(ratio[0]), set())
    yield Diagnosis("wrong factor", f"{name.removeprefix('constant factor ')} {place} only")


def term(e: Evidence) -> Iterator[Diagnosis]:
    """A summand that is a simple expression of the values."""
    off = e.got - e.want
    rows, columns = np.nonzero(~e.zero(off))
    for name in expressions(off[rows, columns], e.values(rows, columns)):
        text = f"analytical - numerical is {in_words(name)}"
        yield Diagnosis("missing term", text)


def by_place(e: Evidence) -> Iterator[Diagnosis]:
    """A factor for each element of the input, or of the output."""
    ratio = np.full(e.got.shape, np.nan)
    there = ~e.zero(e.want)
    if not e.zero(e.got)[~there].all():
        return
    ratio[there] = e.got[there] / e.want[there]
    for axis, whose in ((1, "input"), (0, "output")):
        low = np.where(there, ratio, np.inf).min(axis, initial=np.inf)
        high = np.where(there, ratio, -np.inf).max(axis, initial=-np.inf)
        many = there.sum(axis) > 1
        if many.any() and np.allclose(low[many], high[many], 1e-3, 1e-4):
            text = f"each element of the {whose} has a factor of its own"
            yield Diagnosis("wrong factor", text)


def by_element(e: Evidence) -> Iterator[Diagnosis]:
    """The right elements of the Jacobian, each with another factor."""
    there = ~e.zero(e.want)
    single = (there.sum(0) < 2).all() or (there.sum(1) < 2).all()
    if not (there == ~e.zero(e.got)).all() or not single or (there.size > 1 and there.all()):
        return
    rows, columns = np.nonzero(there)
    ratio = e.got[rows, columns] / e.want[rows, columns]
    above = e.inputs[e.index].reshape(-1)[rows] > 0
    if above.any() and not above.all():
        high, low = ratio[above], ratio[~above]
        if np.ptp(high) < 1e-3 * abs(high[0]) and np.ptp(low) < 1e-3 * abs(low[0]):
            text = f"{high[0]:.4g} where the input is positive, {low[0]:.4g} where it is not"
            yield Diagnosis("wrong factor", text)
    yield Diagnosis("wrong factor", "another one for each element, and no simple expression")


def nearly(e: Evidence) -> Iterator[Diagnosis]:
    """Right but for a little."""
    if e.got.size and np.abs(e.got - e.want).max() < 0.02 * max(1e-9, np.abs(e.want).max()):
        yield Diagnosis("nearly right", "an approximation, or a type of lower precision")


def shared_out(e: Evidence) -> Iterator[Diagnosis]:
    """Other weights than those of an average or an interpolation."""
    total = e.want.sum(0)
    if len(e.got) > 1 and (~e.zero(total)).all() and e.near(e.got.sum(0), total):
        text = "each output's gradient arrives whole, but is shared out otherwise among elements"
        yield Diagnosis("wrong weights", text)


AT_ONCE: tuple[Rule, ...] = (not_finite, nothing)
OF_VALUE: tuple[Rule, ...] = (
    normalising, factor, in_part, term, shared_out, nearly, by_place,
)  # fmt: skip
__all__ = ["AT_ONCE", "OF_VALUE", "by_element", "constant"]
