"""The same tensors here and in torch, and what it means that results agree."""

from __future__ import annotations

import numpy as np
import torch

import minigrad

RNG = np.random.default_rng(0)


def both(*shape: int, low: float = -2, high: float = 2) -> tuple:
    """The same float64 leaf on both sides."""
    array = RNG.uniform(low, high, shape)
    return minigrad.from_numpy(array.copy()).requires_grad_(), torch.tensor(
        array, requires_grad=True
    )


def classes(*shape: int, count: int = 3) -> tuple:
    array = RNG.integers(0, count, shape)
    return minigrad.from_numpy(array.copy()), torch.from_numpy(array)


def assert_close(ours, theirs, rtol: float = 1e-9, atol: float = 1e-10) -> None:
    assert str(ours.dtype) == str(theirs.dtype)
    assert tuple(ours.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(
        ours.detach().numpy(), theirs.detach().numpy(), rtol=rtol, atol=atol, equal_nan=True
    )


def assert_derivatives_close(ours, theirs, leaves, torch_leaves) -> None:
    """Values, gradients and gradients of the gradients."""
    assert_close(ours, theirs)
    weight = RNG.uniform(0.5, 1.5, tuple(theirs.shape))
    first = minigrad.autograd.grad(
        ours, leaves, minigrad.from_numpy(np.array(weight)), create_graph=True
    )
    want = torch.autograd.grad(theirs, torch_leaves, torch.tensor(weight), create_graph=True)
    for a, b in zip(first, want, strict=True):
        assert_close(a, b)
    scalar, torch_scalar = sum((g * g).sum() for g in first), sum((g * g).sum() for g in want)
    second = minigrad.autograd.grad(scalar, leaves, allow_unused=True)
    want = torch.autograd.grad(torch_scalar, torch_leaves, allow_unused=True)
    for a, b in zip(second, want, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert_close(a, b, rtol=1e-8, atol=1e-8)
