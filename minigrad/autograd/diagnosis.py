"""What is wrong with a derivative, read from the matrix that it gives and the one that it should.

Each rule knows one fault that people make, and finds it in the two Jacobians alone; what is named
must hold at every point that was looked at. Rows are the elements of an input, columns those of
an output.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.autograd.factors import constant_name, expressions, in_words

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Diagnosis:
    """A fault: its short name, and what was seen."""

    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}" if self.text else self.name


@dataclass(frozen=True)
class Evidence:
    """A function at one point: its inputs, one output, and both Jacobians of that by each input."""

    inputs: Sequence[Array]
    output: Array
    index: int  # of the input whose Jacobians differ
    found: Sequence[Array]  # by input: what backward gives
    wanted: Sequence[Array]  # by input: what differences give
    uses: int = 1  # how many edges of the graph lead to the input
    parts: Array | None = field(default=None, compare=False)  # the sum of what came along them

    @property
    def got(self) -> Array:
        """The Jacobian that is wrong."""
        return self.found[self.index]

    @property
    def want(self) -> Array:
        """What it should be."""
        return self.wanted[self.index]

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the input."""
        return tuple(self.inputs[self.index].shape)

    def near(self, one: Array, other: Array) -> bool:
        """Equal, as far as differences can tell."""
        scale = max(1.0, float(np.abs(self.want).max(initial=0.0)))
        return one.shape == other.shape and np.allclose(one, other, 1e-4, 2e-6 * scale)

    def zero(self, values: Array) -> Array:
        """Where values vanish, as far as differences can tell."""
        scale = max(1.0, float(np.abs(self.want).max(initial=0.0)))
        return np.asarray(np.abs(values) < 2e-6 * scale)


Rule = Callable[[Evidence], Iterator[Diagnosis]]


def diagnose(points: Sequence[Evidence]) -> Diagnosis:
    """The first fault that explains all the points."""
    wrong = [e for e in points if not e.near(e.got, e.want)] or points[:1]
    for rule in RULES:
        for fault in rule(wrong[0]):
            if all(fault in rule(e) for e in wrong[1:]):
                return fault
    return Diagnosis("wrong formula", "nothing simpler explains the differences")


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


def overwritten(e: Evidence) -> Iterator[Diagnosis]:
    """What comes along several edges is not added."""
    if e.uses > 1 and e.parts is not None and e.near(e.parts, e.want):
        text = f"input {e.index} is used {e.uses} times, and a later gradient replaces an earlier"
        yield Diagnosis("second use overwritten, not added", text)


def swapped(e: Evidence) -> Iterator[Diagnosis]:
    """The gradient of another argument."""
    for other, wanted in enumerate(e.wanted):
        if other != e.index and e.near(e.got, wanted) and not e.near(e.want, wanted):
            text = f"input {e.index} gets the gradient of input {other}"
            yield Diagnosis("swapped arguments", text)


def constant(e: Evidence) -> Iterator[Diagnosis]:
    """The same factor everywhere."""
    rows, columns = np.nonzero(~e.zero(e.want))
    if not len(rows):
        return
    best = np.argmax(np.abs(e.want[rows, columns]))
    c = float(e.got[rows[best], columns[best]] / e.want[rows[best], columns[best]])
    if not e.near(e.got, c * e.want) or abs(c) < 1e-6:
        return
    name, text = constant_name(c, _sizes(e))
    yield Diagnosis(name, text)


def reordered(e: Evidence) -> Iterator[Diagnosis]:
    """The elements of the gradient stand in other places."""
    whole = e.got.reshape(*e.shape, -1)
    wanted = e.want.reshape(*e.shape, -1)
    axes = range(len(e.shape))
    for order in itertools.permutations(axes) if len(e.shape) < 5 else ():
        if list(order) != list(axes) and e.near(whole.transpose(*order, -1), wanted):
            yield Diagnosis("transposed", f"axes in the order {order} would be right")
    for count in axes:
        for flipped in itertools.combinations(axes, count + 1):
            if e.near(np.flip(whole, flipped), wanted):
                text = f"the elements along {_axes(flipped)} come in the opposite order"
                yield Diagnosis("reversed", text)
    for axis in axes:
        for shift in range(1, e.shape[axis]):
            if e.near(np.roll(whole, shift, axis), wanted):
                yield Diagnosis("shifted", f"by {-shift} along axis {axis}")
    if e.got.size and e.near(whole.reshape(*e.shape[::-1], -1).transpose(*axes[::-1], -1), wanted):
        yield Diagnosis("transposed", "the gradient was reshaped where it had to be transposed")


def other_way(e: Evidence) -> Iterator[Diagnosis]:
    """J is used where its transpose is meant."""
    if e.got.shape == e.got.T.shape and e.near(e.got.T, e.want):
        text = "backward goes through the elements as forward does, not the other way"
        yield Diagnosis("transposed Jacobian", text)


def cotangent_reordered(e: Evidence) -> Iterator[Diagnosis]:
    """The elements of the cotangent stand in other places."""
    shape = e.output.shape
    whole, wanted = e.got.reshape(-1, *shape), e.want.reshape(-1, *shape)
    axes = range(1, len(shape) + 1)
    for order in itertools.permutations(axes) if len(shape) < 5 else ():
        if list(order) != list(axes) and e.near(whole.transpose(0, *order), wanted):
            if _broadcasts(e):
                text = f"the broadcast was undone along other axes than those of {e.shape}"
                yield Diagnosis("summed over the wrong axis", text)
            else:
                yield Diagnosis("transposed", "the cotangent's axes are exchanged")
    for axis in axes:
        if e.near(np.flip(whole, axis), wanted):
            yield Diagnosis("reversed", f"the cotangent, along axis {axis - 1}")
        for shift in range(1, shape[axis - 1]):
            if e.near(np.roll(whole, shift, axis), wanted):
                yield Diagnosis("shifted", f"the cotangent, by {-shift} along axis {axis - 1}")


def lost(e: Evidence) -> Iterator[Diagnosis]:
    """Right where it is not zero, and zero where it should not be."""
    gone = e.zero(e.got) & ~e.zero(e.want)
    if not gone.any() or not e.near(np.where(gone, e.want, e.got), e.want):
        return
    square = e.shape == e.output.shape
    off = np.eye(e.got.shape[0], e.got.shape[1]) == 0
    several = (~e.zero(e.want)).sum(1) > 1
    kept = (~e.zero(e.got)).sum(1)
    if square and several.any() and not e.zero(e.want)[off].all() and e.zero(e.got)[off].all():
        text = "only the diagonal of the Jacobian is there, as if the op were elementwise"
        yield Diagnosis("off-diagonal terms missing", text)
    if _broadcasts(e) and (kept <= np.maximum(1, _copies(e) - 1)).all():
        text = "the copies that forward broadcast are not summed: some of them get lost"
        yield Diagnosis("missing unbroadcast", text)
    if several.any() and (kept[several] == 1).all() and not gone[~several].any():
        text = "an element that is used several times keeps one of its gradients"
        yield Diagnosis("second use overwritten, not added", text)
    rows: Array = np.asarray(gone.any(1) & (kept == 0))
    columns: Array = np.asarray(gone.any(0) & e.zero(e.got).all(0))
    if (gone == gone & rows[:, None]).all():
        yield Diagnosis("lost elements", f"no gradient arrives at {_count(rows)} of the input")
    elif (gone == gone & columns[None]).all():
        yield Diagnosis("lost elements", f"no gradient leaves {_count(columns)} of the output")
    else:
        yield Diagnosis("lost elements", "some paths from input to output pass no gradient")


def gained(e: Evidence) -> Iterator[Diagnosis]:
    """A gradient where the function is flat."""
    more = ~e.zero(e.got) & e.zero(e.want)
    if more.any() and e.near(np.where(more, 0.0, e.got), e.want):
        text = "a gradient flows where the function is flat"
        yield Diagnosis("mask forgotten", text)
    one = (~e.zero(e.got) | ~e.zero(e.want)).sum(0).max(initial=0) <= 1
    if more.any() and one and e.zero(e.got[~e.zero(e.want)]).all():
        text = "a gradient flows where the function is flat, and none where it is not"
        yield Diagnosis("mask inverted", text)


def moved(e: Evidence) -> Iterator[Diagnosis]:
    """The gradient of each output goes to other elements of the input."""
    if e.got.shape[0] > 1 and e.near(e.got.sum(0), e.want.sum(0)):
        if _broadcasts(e):
            text = f"the broadcast was undone along other axes than those of {e.shape}"
            yield Diagnosis("summed over the wrong axis", text)
        one = (~e.zero(e.got)).sum(0).max(initial=0) <= 1 >= (~e.zero(e.want)).sum(0).max(initial=0)
        if one:
            text = "each output's gradient arrives whole, but at another element"
            yield Diagnosis("wrong elements", text)


def cotangent_summed(e: Evidence) -> Iterator[Diagnosis]:
    """The elements of the cotangent are mixed before they are used."""
    if e.got.shape[1] < 2:
        return
    whole, wanted = (m.reshape(-1, *e.output.shape) for m in (e.got, e.want))
    for count in range(e.output.ndim, 0, -1):
        for axes in itertools.combinations(range(1, e.output.ndim + 1), count):
            if int(np.prod([whole.shape[a] for a in axes])) < 2:
                continue
            total = np.broadcast_to(wanted.sum(axes, keepdims=True), whole.shape)
            mean = np.broadcast_to(wanted.mean(axes, keepdims=True), whole.shape)
            along = _axes([a - 1 for a in axes])
            if e.near(whole, total):
                yield Diagnosis("cotangent summed", f"along {along}, before it is used")
            elif e.near(whole, mean):
                yield Diagnosis("cotangent averaged", f"along {along}, before it is used")


def one_sided(e: Evidence) -> Iterator[Diagnosis]:
    """One of two uses of the same input, as in x xᵀ: the other's term has the axes exchanged."""
    shape = e.output.shape
    off, got = (m.reshape(-1, *shape) for m in (e.want - e.got, e.got))
    for one, other in itertools.combinations(range(1, len(shape) + 1), 2):
        if shape[one - 1] == shape[other - 1] and e.near(off, got.swapaxes(one, other)):
            text = "the input is used twice, and the gradient of one of the uses is forgotten"
            yield Diagnosis("missing term", text)


def centring(e: Evidence) -> Iterator[Diagnosis]:
    """The terms of a normalisation that go through its mean and its variance."""
    off = (e.got - e.want).reshape(*e.shape, -1)
    if len(e.shape) == 0 or e.got.size < 4 or e.near(e.got, e.want):
        return
    x = e.inputs[e.index][..., None]
    for count in range(1, len(e.shape) + 1):
        for axes in itertools.combinations(range(len(e.shape)), count):
            if int(np.prod([e.shape[a] for a in axes])) < 3:
                continue
            mean = off.mean(axes, keepdims=True)
            if e.near(np.broadcast_to(mean, off.shape), off):
                text = f"a term is missing that is constant along {_axes(axes)}"
                yield Diagnosis("path through the mean missing", text)
            centred = x - x.mean(axes, keepdims=True)
            square = (centred * centred).sum(axes, keepdims=True)
            along = (off * centred).sum(axes, keepdims=True) / np.where(square == 0, 1, square)
            if e.near(np.broadcast_to(along * centred, off.shape), off):
                text = f"a term is missing that goes with x - mean along {_axes(axes)}"
                yield Diagnosis("path through the variance missing", text)


def factor(e: Evidence) -> Iterator[Diagnosis]:
    """A factor that is a simple expression of the values."""
    rows, columns = np.nonzero(~e.zero(e.want))
    if not len(rows) or not e.zero(e.got)[e.zero(e.want)].all():
        return
    ratio = e.got[rows, columns] / e.want[rows, columns]
    for name in expressions(ratio, _values(e, rows, columns)):
        yield Diagnosis("wrong factor", f"analytical / numerical is {in_words(name)}")


def term(e: Evidence) -> Iterator[Diagnosis]:
    """A summand that is a simple expression of the values."""
    off = e.got - e.want
    rows, columns = np.nonzero(~e.zero(off))
    for name in expressions(off[rows, columns], _values(e, rows, columns)):
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
    if not (there == ~e.zero(e.got)).all() or (there.sum(0) > 1).any():
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


RULES: tuple[Rule, ...] = (
    not_finite, nothing, overwritten, constant, swapped, reordered, other_way,
    cotangent_reordered, lost, cotangent_summed, one_sided, gained, moved, centring, factor, term,
    nearly, by_place, by_element,
)  # fmt: skip


def _sizes(e: Evidence) -> set[int]:
    """Numbers of elements that a sum or mean of this call can run over."""
    shapes = [tuple(a.shape) for a in e.inputs] + [tuple(e.output.shape)]
    products = {int(np.prod(s)) for s in shapes}
    for shape in shapes:
        for count in range(1, len(shape) + 1):
            products |= {int(np.prod(c)) for c in itertools.combinations(shape, count)}
    products |= {a // b for a in products for b in products if b and a % b == 0}
    return products - {0, 1}


def _values(e: Evidence, rows: Array, columns: Array) -> dict[str, Array]:
    """The numbers that belong to pairs of an element of the input and one of the output."""
    found = {"x": e.inputs[e.index].reshape(-1)[rows], "out": e.output.reshape(-1)[columns]}
    names = iter("yzuvw")
    for number, array in enumerate(e.inputs):
        if number == e.index:
            continue
        name = next(names, "")
        try:
            found[name] = np.broadcast_to(array, e.output.shape).reshape(-1)[columns]
        except ValueError:
            if array.shape == e.shape:
                found[name] = array.reshape(-1)[rows]
    return found


def _broadcasts(e: Evidence) -> bool:
    """Whether forward may have broadcast this input to the shape of the output."""
    if e.shape == e.output.shape or e.output.size <= e.want.shape[0]:
        return False
    try:
        return bool(np.broadcast_shapes(e.shape, e.output.shape) == e.output.shape)
    except ValueError:
        return False


def _copies(e: Evidence) -> int:
    return int(e.output.size // max(1, e.want.shape[0]))


def _axes(axes: Sequence[int]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {tuple(axes)}"


def _count(mask: Array) -> str:
    return f"{int(mask.sum())} of {mask.size} elements"


__all__ = ["Diagnosis", "Evidence", "diagnose"]
