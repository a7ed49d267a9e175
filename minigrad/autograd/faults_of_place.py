"""Rules for right numbers in wrong places: exchanged, moved, lost, mixed along other axes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from minigrad.autograd.evidence import Array, Diagnosis, Evidence, Rule, axis_names


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
                text = f"the elements along {axis_names(flipped)} come in the opposite order"
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
            if e.broadcasts():
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
    if e.broadcasts() and (kept <= np.maximum(1, e.copies() - 1)).all():
        text = "the copies that forward broadcast are not summed: some of them get lost"
        yield Diagnosis("missing unbroadcast", text)
    if several.any() and (kept[several] == 1).all() and not gone[~several].any():
        text = "an element that is used several times keeps one of its gradients"
        yield Diagnosis("second use overwritten, not added", text)
    rows: Array = np.asarray(gone.any(1) & (kept == 0))
    columns: Array = np.asarray(gone.any(0) & e.zero(e.got).all(0))
    if (gone == gone & rows[:, None]).all():
        yield Diagnosis("lost elements", f"no gradient arrives at {count(rows)} of the input")
    elif (gone == gone & columns[None]).all():
        yield Diagnosis("lost elements", f"no gradient leaves {count(columns)} of the output")
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
    """The right numbers, at other elements."""
    if e.got.shape[0] > 1 and e.broadcasts() and e.near(e.got.sum(0), e.want.sum(0)):
        text = f"the broadcast was undone along other axes than those of {e.shape}"
        yield Diagnosis("summed over the wrong axis", text)
    if e.near(np.sort(e.got, 0), np.sort(e.want, 0)):
        text = "each output's gradient arrives whole, but at other elements of the input"
        yield Diagnosis("wrong elements", text)
    if e.near(np.sort(e.got, 1), np.sort(e.want, 1)):
        text = "each element of the input gets its gradient whole, but from other outputs"
        yield Diagnosis("wrong elements", text)


def mixed(e: Evidence) -> Iterator[Diagnosis]:
    """Backward mixes elements along other axes than forward does."""
    if e.shape != e.output.shape or len(e.shape) < 2:
        return
    axes = [_mixing(e, matrix) for matrix in (e.want, e.got)]
    if axes[0] and axes[1] - axes[0]:
        forward, backward = (axis_names(sorted(found)) for found in axes)
        text = f"backward mixes elements along {backward}, forward along {forward}"
        yield Diagnosis("summed over the wrong axis", text)


def _mixing(e: Evidence, matrix: Array) -> set[int]:
    """The axes along which a Jacobian leads from an element to another."""
    pairs = [np.unravel_index(n, e.shape) for n in np.nonzero(~e.zero(matrix))]
    return {axis for axis, (a, b) in enumerate(zip(*pairs, strict=True)) if (a != b).any()}


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
            along = axis_names([a - 1 for a in axes])
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


def count(mask: Array) -> str:
    """How many elements, in words.

    >>> count(np.array([True, False]))
    '1 of 2 elements'
    """
    return f"{int(mask.sum())} of {mask.size} elements"


ARRIVING: tuple[Rule, ...] = (
    overwritten, swapped, reordered, other_way, cotangent_reordered, lost, cotangent_summed,
    one_sided, mixed, gained, moved,
)  # fmt: skip
__all__ = ["ARRIVING", "count", "overwritten"]
