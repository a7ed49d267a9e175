"""Targets that are class numbers, and the cross-entropy of rows of scores in one pass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Op
from minigrad.autograd.registry import register
from minigrad.backend import Array, faults, kept, xp_of
from minigrad.backend.native import array_types, kernel
from minigrad.ops.elementwise.precision import is_half, widened
from minigrad.ops.folds import MANY
from minigrad.ops.indexing.places import outside
from minigrad.ops.network.softmax import LogSoftmaxAlong
from minigrad.ops.reduction.adding import add_up

LONG = np.dtype(np.int64)


def places(xp: Any, classes: Array, shape: tuple[int, ...]) -> Array:
    """Where each target's class stands in an input of ``shape``, counted in all its elements."""
    if len(shape) == 1:
        return classes
    first = _firsts if xp is np and classes.size <= MANY else _firsts.__wrapped__
    inner = math.prod(shape[2:])
    return first(xp, shape) + (classes if inner == 1 else classes * inner)


@kept(64)
def _firsts(xp: Any, shape: tuple[int, ...]) -> Array:
    """The place of each target's class 0."""
    rows, classes, *rest = shape
    inner = math.prod(rest)
    starts = xp.arange(0, rows * classes * inner, max(classes * inner, 1), LONG)
    if rest:
        starts = starts.reshape(-1, *[1] * len(rest)) + xp.arange(inner).reshape(rest)
    return starts


def _in_range(xp: Any, classes: Array, count: int) -> bool:
    """Whether all classes are there; as unsigned numbers negative ones are huge."""
    unsigned = classes.view(xp.uint64)
    return not classes.size or int(unsigned.item(unsigned.argmax())) < count


def checked(xp: Any, target: Array, count: int, ignore_index: int) -> tuple[Array, Any]:
    """The classes, 0 where a target is ignored, and which are; None if surely none is."""
    classes = target if target.dtype is LONG else target.astype(LONG, copy=False)
    if xp is not np:  # a card: looking at the classes would mean waiting for it
        ignored = classes == ignore_index
        classes = xp.where(ignored, 0, classes)
        outside(classes, count)
        return classes, ignored
    if not 0 <= ignore_index < count and _in_range(xp, classes, count):
        return classes, None
    ignored = classes == ignore_index
    classes = xp.where(ignored, 0, classes)
    if not _in_range(xp, classes, count):
        raise _outside(classes, count)
    return classes, ignored


def _outside(classes: Array, count: int) -> IndexError:
    """torch's error for classes of which one is not there."""
    wrong = classes[(classes < 0) | (classes >= count)]
    return IndexError(
        f"Target {int(wrong.reshape(-1)[0])} is out of bounds. (nll_loss: {count} classes are "
        f"numbered 0 to {count - 1})"
    )


def weighed(
    xp: Any, picked: Array, classes: Array, ignored: Any, weight: Any, reduction: str
) -> tuple[Array, Any]:
    """The loss, from the log-probabilities of the right classes, and its slope for each of them."""
    share, number = None, picked.size or math.nan
    if ignored is not None:
        share = (~ignored).astype(picked.dtype)
    if weight is not None:
        share = weight[classes] if share is None else share * weight[classes]
    scale: Any = -1.0
    if share is not None:
        picked, scale, number = picked * share, -share, share.sum()
    if ignored is not None:  # not even NaN counts there
        picked = xp.where(ignored, -0.0, picked)  # of which the loss is 0, not -0
    if reduction == "none":
        return -picked, scale
    total = 0 - add_up(xp, picked, None, False)  # torch: 0.0 of zeros
    if reduction == "sum":
        return total, scale
    scale = scale / number
    if ignored is not None:  # if all are, the mean is NaN, but no input has part in it
        scale = xp.where(ignored, 0, scale)
    return total / number, scale


def slope_of(g: Any, scale: Any, ignored: Any, F: Any) -> Any:
    """The slope of each target; of an ignored one 0, even where the cotangent is NaN."""
    slope = g * scale
    if ignored is None:
        return slope
    if slope.__class__ in array_types or isinstance(slope, np.generic):
        return xp_of(slope).where(ignored, 0, slope)
    return F.masked_fill(slope, ignored, 0)


def _by_kernels(
    xp: Any, input: Array, target: Array, ignore_index: int, mean: bool
) -> tuple[Array, Array, Array, None, Array] | None:
    """The loss of unweighted classes by two kernels: of each row, and one number of them."""
    run, add = kernel("class_rows", input), kernel("class_loss", input)
    if run is None or add is None or not input.size:
        return None
    rows, count = input.shape
    target = xp.ascontiguousarray(target.astype(LONG, copy=False))
    wide = _wide(input)
    classes, scale = xp.empty(rows, LONG), xp.empty(rows, wide)
    picked, stats = xp.empty(rows, wide), xp.empty((rows, 2), wide)
    loss = xp.empty((), input.dtype)
    text = f"Target is out of bounds for an axis of size {count} (nll_loss)"
    bad = np.zeros(1, LONG) if xp is np else faults.flag(xp, input, text)
    run(input, target, classes, picked, stats, scale, rows, count, ignore_index, bad)
    if xp is np and bad[0]:
        raise _outside(target[target != ignore_index], count)
    add(picked, scale, loss, rows, int(mean))
    if xp is not np:
        faults.tell_at_once()
    return loss, classes, scale, None, stats


def _wide(input: Array) -> Any:
    """What a row's own numbers are held in: float32 for halves."""
    return np.dtype(np.float32) if is_half(input.dtype) else input.dtype


def _slopes(xp: Any, g: Array, scale: Any, ignored: Any, rows: int, dtype: Any) -> Array:
    """The slope of each row; 0 for one that is ignored, even of a cotangent that is NaN."""
    each = xp.empty(rows, dtype)
    each[...] = slope_of(g, scale, ignored, None)
    return each


def _gradient_by_kernel(
    g: Any, input: Any, classes: Any, scale: Any, ignored: Any, stats: Any
) -> Any:
    """The gradient of what ``_by_kernels`` has made; None for another's.

    Nothing has a weight there: the scale is 0 where a row is ignored.
    """
    if ignored is not None or stats is None or scale.__class__ not in array_types:
        return None
    g = np.asarray(g) if isinstance(g, np.generic) else g
    run = kernel("class_gradient", g, input)
    if run is None or scale.shape != classes.shape or scale.dtype != _wide(input):
        return None
    gx = xp_of(input).empty(input.shape, input.dtype)
    run(g, scale, input, classes, stats, gx, *input.shape, g.size)
    return gx


def _forward(
    xp: Any, input: Array, target: Array, weight: Array, ignore_index: int, reduction: str
) -> tuple[Array, Array, Any, Any, Array | None]:
    """A kernel needs the scores once, and keeps two numbers of each row."""
    rows, count = input.shape
    if weight is None and reduction != "none":
        found = _by_kernels(xp, input, target, ignore_index, reduction == "mean")
        if found is not None:
            return found
    classes, ignored = checked(xp, target, count, ignore_index)
    run = kernel("cross_entropy", input)
    if run is None or not input.size:
        logp = LogSoftmaxAlong.forward(xp, input, 1)
        picked, stats = logp.reshape(-1)[places(xp, classes, logp.shape)], None
    else:
        classes, wide = xp.ascontiguousarray(classes), _wide(input)
        picked, stats = xp.empty(rows, wide), xp.empty((rows, 2), wide)
        run(input, classes, picked, stats, rows, count)
    loss, scale = weighed(xp, picked, classes, ignored, weight, reduction)
    return loss, classes, scale, ignored, stats


def _halves(xp: Any, input: Array, target: Array, weight: Any, *how: Any) -> Any:
    """The same of halves on a card, whose kernel reads them as they are; None without it."""
    if kernel("cross_entropy", input) is None or not input.size:
        return None
    weight = None if weight is None else weight.astype(_wide(input))
    loss, *kept = _forward(xp, input, target, weight, *how)
    return loss.astype(input.dtype, copy=False), *kept


@register(internal=True)
class CrossEntropyRows(Op):
    """Minus the log-softmax of rows at the right class.   gx = g scale (onehot - softmax(x))."""

    grad_fn = "NllLossBackward0"
    keeps = ("classes", "scale", "ignored", "stats")

    forward = staticmethod(widened(halves=_halves)(_forward))

    @staticmethod
    def grad_input(
        g: Any, input: Any, classes: Any, scale: Any, ignored: Any, stats: Any, shape: Any, F: Any
    ) -> Any:
        """The softmax, less 1 at the right class, by what a row counts."""
        if g.__class__ in array_types or isinstance(g, np.generic):
            found = _gradient_by_kernel(g, input, classes, scale, ignored, stats)
            if found is not None:
                return found
            xp = xp_of(input)
            each = _slopes(xp, g, scale, ignored, len(classes), _wide(input))
            run = None if stats is None else kernel("cross_entropy_backward", input)
            if run is not None:
                gx = xp.empty(input.shape, input.dtype)
                run(each, input, classes, stats, gx, *input.shape)
                return gx
        else:
            each = slope_of(g, scale, ignored, F)
        column = each.reshape((-1, 1)) if len(each.shape) else each
        return F.place_classes(each, classes, tuple(shape)) - F.softmax_along(input, 1) * column
