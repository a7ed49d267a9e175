"""Gradients by central differences along random directions, first and second order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad
from parity_tests.ops.samples import outputs

STEP = 1e-5
RTOL, ATOL = 1e-5, 1e-7  # second differences of float64 lose about half the digits


def _weighted(result: Any, rng: np.random.Generator) -> Any:
    """A scalar that depends on every float output with another weight for each element."""
    total = None
    for out in outputs(result):
        if not hasattr(out, "is_floating_point") or not out.is_floating_point():
            continue
        weight = minigrad.from_numpy(np.asarray(rng.uniform(0.5, 1.5, tuple(out.shape))))
        part = (out * weight).sum()
        total = part if total is None else total + part
    return total


def check_gradients(fn: Callable[[], Any], leaves: list[Any], orders: int = 2) -> None:
    """Raise AssertionError unless both orders of derivative agree with differences of ``fn``.

    ``fn`` reads the leaves; they are moved in place along a direction and back. Where torch has
    less than two ``orders``, the second may be an error that says so.
    """
    base = [leaf.numpy().copy() for leaf in leaves]
    rng = np.random.default_rng(0)
    directions = [rng.uniform(-1, 1, b.shape) for b in base]

    def at(step: float) -> None:
        for leaf, b, d in zip(leaves, base, directions, strict=True):
            leaf.data.copy_(minigrad.from_numpy(np.asarray(b + step * d)))

    def results(create_graph: bool) -> Any:
        """The weighted sum of the outputs, and its gradients."""
        for leaf in leaves:
            leaf.requires_grad_()
        total = _weighted(fn(), np.random.default_rng(1))
        if total is None or not total.requires_grad:
            return 0.0 if total is None else total.item(), [None] * len(leaves)
        return total.item(), minigrad.autograd.grad(
            total, leaves, create_graph=create_graph, allow_unused=True
        )

    def value_and_slope() -> tuple[float, float]:
        """The sum, and its derivative along a second direction, by the engine."""
        value, found = results(False)
        return value, sum(
            float((g.numpy() * w).sum())
            for g, w in zip(found, second_weights, strict=True)
            if g is not None
        )

    second_weights = [np.random.default_rng(2).uniform(-1, 1, b.shape) for b in base]
    _, first = results(True)
    for g, leaf in zip(first, leaves, strict=True):
        assert g is None or g.shape == leaf.shape, f"gradient {g.shape} of an argument {leaf.shape}"
    predicted = sum(
        float((g.detach().numpy() * d).sum())
        for g, d in zip(first, directions, strict=True)
        if g is not None
    )
    try:
        curvature = _curvature(first, leaves, second_weights, directions)
    except RuntimeError as error:
        if orders == 2 or "is not implemented" not in str(error):
            raise
        curvature = None
    at(STEP)
    high, high_slope = value_and_slope()
    at(-STEP)
    low, low_slope = value_and_slope()
    at(0.0)
    if not np.isfinite([high, low]).all():
        return  # the mean of nothing, for one: there is no slope
    scale = 1 + abs(high)
    np.testing.assert_allclose(
        predicted, (high - low) / (2 * STEP), rtol=RTOL, atol=ATOL * scale, err_msg="first order"
    )
    if curvature is None:
        return
    np.testing.assert_allclose(
        curvature,
        (high_slope - low_slope) / (2 * STEP),
        rtol=RTOL,
        atol=ATOL * (1 + abs(high_slope)),
        err_msg="second order",
    )


def _curvature(first: Any, leaves: list[Any], weights: Any, directions: Any) -> float:
    """The derivative, along the directions, of the weighted sum of first-order gradients."""
    total = None
    for g, w in zip(first, weights, strict=True):
        if g is not None and g.requires_grad:
            part = (g * minigrad.from_numpy(np.asarray(w))).sum()
            total = part if total is None else total + part
    if total is None:
        return 0.0
    second = minigrad.autograd.grad(total, leaves, allow_unused=True)
    return sum(
        float((s.numpy() * d).sum())
        for s, d in zip(second, directions, strict=True)
        if s is not None
    )
