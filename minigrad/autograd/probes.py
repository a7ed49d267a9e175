"""What backward must keep to besides its slopes, each asked once.

It gives the same when it is run again, is linear in its cotangent and blind to how that lies in
memory, leaves alone what it was given, and remembers its own forward, not a later one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.autograd.diagnosis import Diagnosis
from minigrad.autograd.explanation import GradientMismatch, of_shapes, regression_test
from minigrad.autograd.grad import grad
from minigrad.autograd.jacobians import Array, Point, differentiable
from minigrad.autograd.levels import zeros_like
from minigrad.random import manual_seed

CLOSE = 1e-6  # of the greatest: sums in another order


def failure(point: Point, text: str, name: str, seen: str) -> GradientMismatch:
    """The error for what was seen."""
    fault = Diagnosis(name, seen)
    return GradientMismatch(f"{text}\ndiagnosis: {fault}\n\n{regression_test(point)}", fault, point)


def shaped(point: Point, gradient: Any, tensor: Any) -> None:
    """A gradient must have the shape of its input."""
    __tracebackhide__ = True
    if gradient._array.shape != tensor._array.shape:
        fault = of_shapes(gradient._array.shape, tensor._array.shape)
        raise failure(point, "Analytical gradient has incorrect size", fault.name, fault.text)


def reentrant(point: Point, one: Sequence[Array], other: Sequence[Array], allowed: float) -> None:
    """Two sweeps with the same weights must give the same."""
    __tracebackhide__ = True
    for first, second in zip(one, other, strict=True):
        if first.size and not np.abs(first - second).max() <= allowed:
            if np.isnan(first).any() and np.array_equal(first, second, equal_nan=True):
                continue
            raise failure(
                point,
                "Backward is not reentrant, i.e., running backward with same input and "
                "grad_output multiple times gives different values, although analytical "
                "gradient matches numerical gradient. The tolerance for nondeterminism was "
                f"{allowed}.",
                "backward not repeatable",
                _why_not_repeatable(point),
            )


def _why_not_repeatable(point: Point) -> str:
    """Whether it is chance, or a change of what was saved."""
    weights = [_ones(o) for o in point.outputs]
    runs = []
    for _ in range(2):
        manual_seed(0)
        runs.append(_flat(point.pull(point.outputs, [w.clone() for w in weights])))
    if np.array_equal(runs[0], runs[1], equal_nan=True):
        return "it draws random numbers in backward (a mask that forward did not save?)"
    return "it changes what it saved (an in-place write in backward?)"


def weights(point: Point) -> None:
    """Zero weights must give zero gradients."""
    __tracebackhide__ = True
    zeros = [zeros_like(o.detach()) for o in point.outputs]
    found = point.pull(point.outputs, zeros)
    if any(g is not None and g._array.any() for g in found):
        seen = "a cotangent of zeros gives a gradient"
        raise failure(point, "backward not multiplied by grad_output", "cotangent not used", seen)


def linear(point: Point, jacobians: Sequence[Sequence[Array]]) -> None:
    """A weighted sum of outputs has the weighted sum of their gradients."""
    __tracebackhide__ = True
    rng = np.random.default_rng(0)
    drawn = [rng.uniform(-3, 3, o._array.shape) for o in point.outputs]
    given = [_like(o, w) for o, w in zip(point.outputs, drawn, strict=True)]
    kept = [w._array.copy() for w in given]
    found = point.pull(point.outputs, given)
    if any(not np.array_equal(a._array, b) for a, b in zip(given, kept, strict=True)):
        seen = "the gradient that it is given is another's too: clone() it before a write"
        raise failure(point, "Backward writes into its grad_output.", "writes its cotangent", seen)
    for index, g in enumerate(found):
        want = sum(j[index] @ w.reshape(-1) for j, w in zip(jacobians, drawn, strict=True))
        got = np.zeros_like(want) if g is None else g._array.reshape(-1)
        if _alike(got, np.asarray(want)):
            continue
        name = "not linear in the cotangent"
        seen = "a weighted sum of outputs does not have the weighted sum of their gradients"
        if np.abs(got - want).max() < 0.01 * np.abs(want).max():
            name, seen = "nearly right", "an approximation, or a type of lower precision"
        raise failure(point, "Backward is not linear in its grad_output.", name, seen)


def layouts(point: Point) -> None:
    """How the cotangent lies in memory must not matter: here it is expanded, then transposed."""
    __tracebackhide__ = True
    rng = np.random.default_rng(1)
    for lay in (_expanded, _transposed):
        pairs = [(o, lay(rng, o._array.shape)) for o in point.outputs]
        plain = _flat(point.pull(point.outputs, [_like(o, w.copy(order="C")) for o, w in pairs]))
        other = _flat(point.pull(point.outputs, [_like(o, w) for o, w in pairs]))
        if not _alike(other, plain):
            raise failure(
                point,
                "Backward gives another result for a grad_output that is laid out otherwise.",
                "depends on memory layout",
                f"the cotangent was {lay.__name__.strip('_')}: its strides were not looked at",
            )


def undisturbed(point: Point) -> None:
    """A later call of the function must not change what an earlier one saved."""
    __tracebackhide__ = True
    given = [_ones(o) for o in point.outputs]
    before = _flat(point.pull(point.outputs, [w.clone() for w in given]))
    outputs = differentiable(point.func(*point.inputs))
    try:
        point.elsewhere(np.random.default_rng(2))
    except Exception:  # the function may not be defined there; then there was no later call
        return
    found = grad(outputs, point.wanted, given, allow_unused=True)
    if not _alike(_flat(found), before):
        raise failure(
            point,
            "A second forward changes the gradients of the first.",
            "stale saved value",
            "what forward keeps is shared between calls: save it with ctx.save_for_backward",
        )


def kept(point: Point, before: Sequence[Array]) -> None:
    """Neither forward nor backward may write the inputs."""
    __tracebackhide__ = True
    for place, tensor, old in zip(point.places, point.wanted, before, strict=True):
        if not np.array_equal(tensor._array, old, equal_nan=True):
            raise failure(
                point,
                f"Input {place} was written.",
                "writes its input",
                "the function, or its backward, changes an input in place without saying so",
            )


def undefined(point: Point) -> None:
    """Outputs of which nobody asks for a gradient must do no harm."""
    __tracebackhide__ = True
    whole = differentiable(point.func(*point.inputs)) if len(point.outputs) > 1 else []
    for left_out in range(len(whole)):
        outputs = whole[:left_out] + whole[left_out + 1 :]
        zeros = [zeros_like(o.detach()) for o in outputs]
        message = "Expected backward function to handle undefined output grads."
        try:
            found = grad(outputs, point.wanted, zeros, retain_graph=True, allow_unused=True)
        except RuntimeError as error:
            seen = f"with no gradient for output {left_out} it raises {type(error).__name__}"
            raise failure(point, message, "undefined cotangent", seen) from error
        if any(g is not None and g._array.any() for g in found):
            text = (
                "Expected all input grads to be undefined or zero when all output grads are "
                "undefined or zero."
            )
            raise failure(point, text, "cotangent not used", "zeros give a gradient")


def _expanded(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """One number, seen everywhere."""
    return np.broadcast_to(np.asarray(rng.uniform(0.5, 1.5)), shape)


def _transposed(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers whose axes lie the other way in memory."""
    return np.asarray(rng.uniform(0.5, 1.5, shape[::-1])).T


def _like(output: Any, values: Array) -> Any:
    """A tensor of an output's type on given numbers, with their strides."""
    weight = zeros_like(output.detach())
    weight._array = values.astype(weight._array.dtype, copy=False)
    return weight


def _ones(output: Any) -> Any:
    return _like(output, np.ones(output._array.shape))


def _flat(gradients: Sequence[Any]) -> Array:
    """All gradients one after the other; None counts as nothing."""
    parts = [g._array.reshape(-1).astype(np.float64) for g in gradients if g is not None]
    return np.concatenate(parts) if parts else np.zeros(0)


def _alike(one: Array, other: Array) -> bool:
    finite = np.isfinite(other)
    scale = float(np.abs(other[finite]).max(initial=1.0)) if other.size else 1.0
    return one.shape == other.shape and np.allclose(
        one, other, CLOSE, CLOSE * scale, equal_nan=True
    )


__all__ = [
    "failure",
    "kept",
    "layouts",
    "linear",
    "reentrant",
    "shaped",
    "undefined",
    "undisturbed",
    "weights",
]
