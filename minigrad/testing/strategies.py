"""Strategies for hypothesis: calls of ops, tensors, and shapes that broadcast.

What a failing example shrinks to is short: the op's first sample, contiguous, with even steps for
values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import minigrad as torch
from minigrad.autograd.op import Binary, Unary
from minigrad.autograd.record import Call, Domain, Record, T, call, reals
from minigrad.testing.cases import (
    Case,
    arrays_of,
    domains_of,
    mapped,
    record_of,
    result_of,
    tensors_of,
)
from minigrad.testing.changes import STEPS, Draw, accepted, tensors_in, with_tensors
from minigrad.testing.drawing import LAYOUTS, generator, laid_out, values
from minigrad.testing.needs import hnp, st

__all__ = ["broadcastable_shapes", "calls", "sample_calls", "tensors"]

SEEDS = st.integers(0, 2**32 - 1)
SMALLEST: dict[str, tuple[Record, Call]] = {}  # found once for each op


def broadcastable_shapes(count: int = 2, *, max_dims: int = 3, max_side: int = 3) -> Any:
    """Draw as many shapes that broadcast to one: a tuple of tuples.

    >>> from hypothesis import find
    >>> from minigrad.testing import broadcastable_shapes
    >>> find(broadcastable_shapes(2), lambda shapes: len(shapes[1]) == 1)
    ((), (1,))
    """
    drawn = hnp.mutually_broadcastable_shapes(
        num_shapes=count, max_dims=max_dims, max_side=max_side
    )
    return drawn.map(lambda shapes: shapes.input_shapes)


@st.composite
def tensors(
    draw: Draw,
    shape: Any = None,
    dtype: Any = torch.float64,
    *,
    strided: bool = True,
    special_values: Sequence[float] = (),
    domain: Domain | None = None,
    requires_grad: bool = False,
) -> torch.Tensor:
    """Draw a tensor of a shape (or of any small one), its values apart from each other.

    ``strided`` lets its elements lie in memory with gaps or transposed, ``special_values`` (0.0,
    inf, nan, ...) stand at some places, ``shape`` may itself be a strategy, and ``domain`` says
    where values come from, as ``reals(-1, 1, avoid=[0])`` does.

    >>> from hypothesis import find
    >>> from minigrad.testing import reals, tensors
    >>> find(tensors((3,), domain=reals(0, 3)), lambda t: t.sum() > 4)
    tensor([0.3830, 1.4930, 2.5930], dtype=torch.float64)
    """
    if shape is None:
        shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, max_side=3))
    elif not isinstance(shape, (tuple, list, int)):
        shape = draw(shape)
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    kind = str(dtype).rpartition(".")[2]
    array = values(generator(draw(SEEDS)), shape, domain or reals(-3, 3), kind)
    array = with_special(draw, array, special_values)
    if strided:
        array = laid_out(array, draw(st.sampled_from(LAYOUTS)))
    made = torch.from_numpy(array)
    return made.requires_grad_() if requires_grad else made


def with_special(draw: Draw, array: Any, special: Sequence[float]) -> Any:
    """The array with special values at some places."""
    if special and array.size:
        places = draw(st.lists(st.integers(0, array.size - 1), max_size=2, unique=True))
        for place in places:
            array.reshape(-1)[place] = draw(st.sampled_from(tuple(special)))
    return array


@st.composite
def sample_calls(
    draw: Draw, record: Record, also: Callable[[Record, Call], bool] | None = None
) -> Call:
    """Draw a call of an op, with a T for each tensor; ``also`` may refuse some."""
    op, count = record.op, 0
    if op is not None and not record.samples and issubclass(op, (Unary, Binary)):
        count = len(op.inputs)
        return call(*[T(*shape) for shape in draw(broadcastable_shapes(count))])
    samples = (smallest(record), *record.samples_or_default())
    sample: Call = draw(st.sampled_from(samples))
    if not record.varied:
        return sample
    for step in draw(st.lists(st.sampled_from(STEPS), max_size=3)):
        changed = step(draw, record, sample)
        if changed != sample and accepted(record, changed):
            sample = changed if also is None or also(record, changed) else sample
    return sample


def smallest(record: Record) -> Call:
    """The first sample with its large sizes brought down, as far as the op takes it."""
    known = SMALLEST.get(record.name)
    if known is None or known[0] is not record:
        known = SMALLEST[record.name] = (record, _smaller(record, record.samples_or_default()[0]))
    return known[1]


def _smaller(record: Record, sample: Call) -> Call:
    for size in sorted({n for t in tensors_in(sample) for n in t.shape if n > 2}, reverse=True):
        for less in (2, 3):
            smaller = with_tensors(sample, lambda t: [less if n == size else n for n in t.shape])  # noqa: B023
            if less < size and record.varied and accepted(record, smaller):
                sample = smaller
                break
    return sample


@st.composite
def calls(
    draw: Draw,
    op: Any,
    *,
    strided: bool = True,
    ties: bool = False,
    special_values: Sequence[float] = (),
    dtype: Any = torch.float64,
    also: Callable[[Record, Call], bool] | None = None,
) -> Case:
    """Draw a call of an op: what it accepts, at points where it has a derivative.

    The op is given by its name or its function, and is minigrad's own or :func:`register` entered
    it. Sizes, broadcasts, axes, parameters and memory layouts vary. With ``ties`` some values
    repeat others, and stay equal to them when they are moved. ``special_values`` stand at some
    places, whether the op has a derivative there or not.

    >>> from hypothesis import given
    >>> from minigrad.testing import calls, gradcheck
    >>> @given(calls("sin"))
    ... def test_sin(call):
    ...     assert gradcheck(call, call.inputs)
    >>> test_sin()

    Raises: ValueError if no op has that name.
    """
    record = record_of(op)
    sample = draw(sample_calls(record, also))
    rng = generator(draw(SEEDS))
    layout = draw(st.sampled_from(LAYOUTS)) if strided else LAYOUTS[0]
    domains, kind = domains_of(record, sample), str(dtype).rpartition(".")[2]

    def fill(shape: tuple[int, ...], domain: Domain, number: int) -> Any:
        array = values(rng, shape, domain, kind, number)
        return with_special(draw, array, special_values) if domain.moved else array

    arrays = arrays_of(record, sample, fill, layout)
    if layout != LAYOUTS[0] and _needs_other_strides(record, arrays, domains):
        arrays = mapped(arrays, np.ndarray, np.ascontiguousarray)
    shapes: list[tuple[int, ...]] = []
    mapped(sample, T, lambda t: shapes.append(t.shape))
    able = [i for i, shape in enumerate(shapes) if ties and shape and shape[-1] > 1]
    tied = draw(st.sets(st.sampled_from(able))) if able else ()
    return Case(record, arrays, domains, sorted(tied))


def _needs_other_strides(record: Record, arrays: Call, domains: Sequence[Domain]) -> bool:
    """Whether an op says that it is not for these strides, as ``view`` does."""
    if not record.name.startswith("view"):
        return False
    try:
        result_of(record, record.function, tensors_of(arrays)[0], domains)
    except RuntimeError:
        return True
    return False


def arrays_in(case: Case) -> list[np.ndarray[Any, Any]]:
    """The arrays of a drawn call, in order of appearance."""
    found: list[np.ndarray[Any, Any]] = []
    mapped(case.arrays, np.ndarray, found.append)
    return found
