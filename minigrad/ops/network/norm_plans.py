"""What normalisations share before they begin: which axes have one mean, and checks of shapes."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.elementwise.precision import is_half
from minigrad.ops.folds import MANY
from minigrad.ops.reduction.adding import add_up

LONG = 512  # elements of rows whose products BLAS adds up faster than `einsum`
remembered = functools.lru_cache(maxsize=256)  # what only sizes decide


class Plan(NamedTuple):
    """What is normalised: batch, layer, group and instance normalisation differ in this alone."""

    seen: tuple[int, ...]  # the shape in which the input is looked at
    axes: tuple[int, ...]  # of that shape: those with one mean and one deviation
    number: int  # how many elements these have
    laid: tuple[int, ...]  # the shape in which weight and bias meet it
    learned: tuple[int, ...]  # their own shape
    even: bool  # one weight for all that has one mean

    def total(self, x: Any, F: Any) -> Any:
        """The sum for each mean, in either reading."""
        if x.__class__ is np.ndarray and x.dtype.itemsize > 2:  # halves: in float32
            return add_up(np, x, self.axes, True)
        return F.sum(x, self.axes, True)

    def products(self, a: Any, b: Any, F: Any) -> Any:
        """The sum of products for each mean; of last axes as inner products."""
        axes = self.axes
        if a.__class__ is not np.ndarray or axes[-1] != a.ndim - 1:
            return self.total(a * b, F)
        a = a.astype(b.dtype, copy=False)  # halves: as the statistics
        if a.size < MANY or a.shape[-1] > LONG:
            found = np.vecdot(a, b)[..., None]
        else:
            found = np.einsum("...i,...i->...", a, b)[..., None]
        return add_up(np, found, axes[:-1], True) if len(axes) > 1 else found


def planned(
    seen: tuple[int, ...], axes: tuple[int, ...], laid: tuple[int, ...], learned: tuple[int, ...]
) -> Plan:
    """A plan, with what follows from the rest."""
    even = all(n == 1 for axis, n in enumerate(laid) if axis in axes)
    return Plan(seen, axes, math.prod([seen[a] for a in axes]), laid, learned, even)


def shape_of(tensor: Any) -> tuple[int, ...] | None:
    """The shape of a tensor that may be absent."""
    return None if tensor is None else tensor._array.shape


def check_affine(
    op: str, size: tuple[int, ...], weight: Any, bias: Any, shape: tuple[int, ...]
) -> None:
    """Raise torch's errors for a weight or bias of another shape; ``size`` is the input's."""
    for name, found in (("weight", weight), ("bias", bias)):
        if found is not None and found != shape:
            raise ShapeError(
                f"Expected {name} to be of shape {list(shape)} ({op}), but got {name} of shape "
                f"{list(found)} and input of shape {list(size)}"
            )


def check_types(op: str, input: Any, weight: Any, bias: Any) -> None:
    """Raise torch's errors for a weight or bias of another dtype."""
    dtype = input._array.dtype
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is None or tensor._array.dtype is dtype:
            continue
        kinds = tensor._array.dtype, dtype
        if kinds[0] != kinds[1] and not (is_half(kinds[1]) and kinds[0].name == "float32"):
            one, two = map(of_numpy, kinds)
            raise DtypeError(
                f"{op}: expected {name} of {two!r}, the type of the input, got {one!r}"
            )


def normalized_sizes(op: str, size: tuple[int, ...], normalized_shape: Any) -> tuple[int, ...]:
    """The sizes of the last axes of an input of ``size``, checked."""
    if not isinstance(normalized_shape, (tuple, list, Sequence)):  # the abstract class is slow
        raise TypeError(
            f"{op}(): argument 'normalized_shape' (position 2) must be tuple of ints, not "
            f"{type(normalized_shape).__name__}"
        )
    shape = tuple(map(int, normalized_shape))
    if not shape:
        raise ShapeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            "element, but got normalized_shape = []"
        )
    if size[-len(shape) :] != shape:
        separator = "" if op == "rms_norm" else ", "  # as torch writes them
        raise ShapeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*{separator}{', '.join(map(str, shape))}], but got input of size{list(size)}"
        )
    return shape
