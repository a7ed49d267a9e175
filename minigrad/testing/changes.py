"""Steps from one sample call to another: other sizes, axes, broadcasts and parameters.

A sample is changed a step at a time, and a step is kept if the op takes the call that it gives: so
one set of steps serves every op, and no op has to say which shapes it takes. The steps know
parameters by their names and types only.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import minigrad as torch
from minigrad.autograd.record import Call, Domain, Record, T
from minigrad.testing.cases import arrays_of, domains_of, mapped, outputs, result_of, tensors_of
from minigrad.testing.drawing import Plain, values
from minigrad.testing.needs import st

__all__ = ["STEPS", "accepted"]

AXES = ("dim", "dims", "dim0", "dim1", "dim2", "axis", "source", "destination", "start_dim")
SIZES = ("size", "shape", "normalized_shape", "output_size", "sizes")
# Parameters that stay as they are: they say where a result goes, make it random or its gradient no
# slope on purpose, choose what has no derivative, or belong to the argument's domain.
LEFT = {"out", "inplace", "dtype", "sparse", "training", "hard", "decimals", "some", "pivot"}
LEFT |= {"upper", "hermitian", "accumulate", "scale_grad_by_freq", "padding_idx", "max_norm"}
LEFT |= {"non_blocking", "sorted"}
LARGEST = 400  # elements in all arguments together, and in all results

Draw = Callable[[Any], Any]
Step = Callable[[Draw, Record, Call], Call]
Place = int | str  # of an argument in a call


def accepted(record: Record, sample: Call) -> bool:
    """Whether the op takes a call, and it is small enough for differences."""
    if sum(int(np.prod(t.shape)) for t in tensors_in(sample)) > LARGEST:
        return False
    try:
        filled = arrays_of(record, sample, extremes)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            call, _ = tensors_of(filled)
            found = result_of(record, record.function, call, domains_of(record, sample))
    except Exception:
        return False
    return bool(sum(t.numel() for t in outputs(found) if hasattr(t, "numel")) <= LARGEST)


class Backwards(Plain):
    """Draws places from the last to the first."""

    def permutation(self, count: int) -> Any:
        """The numbers below ``count``, the greatest first."""
        return np.arange(count)[::-1]


def extremes(shape: tuple[int, ...], domain: Domain, number: int) -> Any:
    """Values of a domain; of whole numbers the largest and the least, so that all are in range."""
    rng = Backwards() if domain.kind == "places" else np.random.default_rng(0)
    found = values(rng, shape, domain, "float64", number)
    if domain.kind == "integer":
        found.reshape(-1)[::2], found.reshape(-1)[1::2] = domain.high, domain.low
    return found


# Steps: each gives a call with one thing changed, or the same call if it finds nothing to change.


def other_size(draw: Draw, record: Record, sample: Call) -> Call:
    """One size is another wherever it stands, in parameters that are sizes as well."""
    sizes = sorted({n for t in tensors_in(sample) for n in t.shape})
    if not sizes:
        return sample
    old, new = draw(st.sampled_from(sizes)), draw(st.sampled_from((1, 2, 3, 4, 5)))

    def sized(name: str, value: Any) -> Any:
        if name in SIZES and isinstance(value, (tuple, list)):
            return type(value)(new if n == old else n for n in value)
        return value

    renamed = with_tensors(sample, lambda t: [new if n == old else n for n in t.shape])
    return with_parameters(record, renamed, sized)


def other_axis_in_one(draw: Draw, record: Record, sample: Call) -> Call:
    """One axis of one tensor has another size: 1 broadcasts."""
    chosen, axis = _axis(draw, sample)
    if axis is None:
        return sample
    new = draw(st.sampled_from((1, 2, 3)))
    return _with_shape(sample, chosen, lambda shape: (*shape[:axis], new, *shape[axis + 1 :]))


def less_axes_in_one(draw: Draw, record: Record, sample: Call) -> Call:
    """One tensor has an axis less, the first."""
    chosen, axis = _axis(draw, sample)
    return sample if axis is None else _with_shape(sample, chosen, lambda shape: shape[1:])


def more_axes(draw: Draw, record: Record, sample: Call) -> Call:
    """All tensors, or one of them, have another axis in front."""
    count = len(tensors_in(sample))
    size = draw(st.sampled_from((1, 2, 3, 0)))
    chosen = draw(st.sampled_from((None, *range(count))))
    if chosen is None:
        return with_tensors(sample, lambda t: (size, *t.shape))
    return _with_shape(sample, chosen, lambda shape: (size, *shape))


def other_parameter(draw: Draw, record: Record, sample: Call) -> Call:
    """One parameter has another value: an axis, a choice of two, a number a little beside it."""
    known = {k for other in record.samples_or_default() for k in other.kwargs}
    known |= {n for n, p in parameters(record).items() if isinstance(p.default, bool) or n in AXES}
    positions = [p for p, v in places_in(sample) if not isinstance(v, T)]
    named = sorted(known - LEFT - {name_of(record, p) for p, _ in places_in(sample)})
    choices = [p for p in (*positions, *named) if name_of(record, p) not in LEFT]
    if not choices:
        return sample
    place = draw(st.sampled_from(choices))
    name = name_of(record, place)
    given = dict(places_in(sample))
    default = parameters(record)[name].default if name in parameters(record) else None
    old = given.get(place, default)
    new = _another(draw, name, old, max((len(t.shape) for t in tensors_in(sample)), default=0))
    if isinstance(place, int):
        return replace(sample, args=(*sample.args[:place], new, *sample.args[place + 1 :]))
    return replace(sample, kwargs={**sample.kwargs, place: new})


STEPS: tuple[Step, ...] = (
    other_size,
    other_axis_in_one,
    less_axes_in_one,
    more_axes,
    other_parameter,
    other_parameter,
)


def _another(draw: Draw, name: str, old: Any, ndim: int) -> Any:
    """Another value for a parameter of a name and a present value."""
    if isinstance(old, bool) or name.startswith("keepdim"):
        return not old
    if name in AXES:
        axis = st.integers(-ndim, max(ndim - 1, 0))
        if isinstance(old, int):
            return draw(axis)
        return draw(st.one_of(axis, st.lists(axis, max_size=ndim).map(tuple)))
    if isinstance(old, int):
        return old + draw(st.sampled_from((-1, 1, 2)))
    if isinstance(old, (tuple, list)) and old and all(isinstance(n, int) for n in old):
        at = draw(st.integers(0, len(old) - 1))
        step = draw(st.sampled_from((-1, 1)))
        return type(old)(n + step * (i == at) for i, n in enumerate(old))
    return old


# What a call is made of.


def parameters(record: Record) -> Any:
    """The parameters of a record's function; none if it does not say."""
    try:
        return inspect.signature(record.function).parameters
    except (TypeError, ValueError):
        return {}


def places_in(sample: Call) -> Iterator[tuple[Place, Any]]:
    """The arguments of a call with their places."""
    yield from enumerate(sample.args)
    yield from sample.kwargs.items()


def name_of(record: Record, place: Place) -> str:
    """The name of the parameter at a place."""
    if isinstance(place, str):
        return place
    names = list(parameters(record))
    return names[place] if place < len(names) else ""


def tensors_in(sample: Call) -> list[T]:
    """The tensors of a call, in order of appearance."""
    found: list[T] = []
    mapped(sample, T, found.append)
    return found


def with_tensors(sample: Call, shape_of: Callable[[T], Any]) -> Call:
    """The call with other shapes for its tensors."""
    changed: Call = mapped(sample, T, lambda t: T(*shape_of(t), domain=t.domain))
    return changed


def with_parameters(record: Record, sample: Call, value_of: Callable[[str, Any], Any]) -> Call:
    """The call with other values for its parameters."""
    args = [value_of(name_of(record, p), v) for p, v in enumerate(sample.args)]
    return Call(tuple(args), {k: value_of(k, v) for k, v in sample.kwargs.items()})


def _axis(draw: Draw, sample: Call) -> tuple[int, int | None]:
    """A tensor of a call and one of its axes."""
    shaped = [(i, a) for i, t in enumerate(tensors_in(sample)) for a in range(len(t.shape))]
    return draw(st.sampled_from(shaped)) if shaped else (0, None)


def _with_shape(sample: Call, chosen: int, shape_of: Callable[[Any], Any]) -> Call:
    count = iter(range(1000))
    return with_tensors(sample, lambda t: shape_of(t.shape) if next(count) == chosen else t.shape)
