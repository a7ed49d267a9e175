"""An index that one vector fills, expanded along the other axes as graphs and routers do it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.both import same_as_torch

KINDS = ["float32", "float64", "int64", "float16"]


def tensors(torch: Any, kind: str, seed: int, axis: int, count: int) -> tuple[Any, Any, Any]:
    """A target (4, 3, 5), an index of ``count`` places along an axis, and a source as long."""
    rng = np.random.default_rng(seed)
    shape, places = [4, 3, 5], rng.integers(0, [4, 3, 5][axis], count)
    x = torch.from_numpy(rng.integers(-3, 4, shape)).to(getattr(torch, kind))
    shape[axis], line = count, [1, 1, 1]
    line[axis] = count
    index = torch.from_numpy(places.reshape(line)).expand(*shape)
    source = torch.from_numpy(rng.integers(-3, 4, shape)).to(getattr(torch, kind))
    if kind[0] == "f":
        x.requires_grad_()
        source.requires_grad_()
    return x, index, source


@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
@given(
    st.sampled_from(KINDS), st.integers(0, 99), st.integers(0, 2), st.integers(1, 40), st.booleans()
)
def test_reductions(
    reduce: str, kind: str, seed: int, axis: int, count: int, include_self: bool
) -> None:
    @same_as_torch
    def program(torch: Any) -> Any:
        x, index, source = tensors(torch, kind, seed, axis, count)
        y = x.scatter_reduce(axis, index, source, reduce, include_self=include_self)
        if not y.requires_grad:
            return y
        y.float().square().sum().backward()
        return y.detach(), x.grad, source.grad

    program()


@given(st.sampled_from(KINDS), st.integers(0, 99), st.integers(0, 2), st.integers(1, 40))
def test_adding_and_reading(kind: str, seed: int, axis: int, count: int) -> None:
    @same_as_torch
    def program(torch: Any) -> Any:
        x, index, source = tensors(torch, kind, seed, axis, count)
        y, z = x.scatter_add(axis, index, source), x.gather(axis, index)
        if y.requires_grad:
            (y.float().square().sum() + z.float().square().sum()).backward()
        return y.detach(), z.detach(), x.grad, source.grad

    program()


def test_many_slices_for_one_place() -> None:
    """So many that they are not brought together one after the other."""

    @same_as_torch
    def program(torch: Any) -> Any:
        source = torch.arange(6000.0).sin().reshape(3000, 2)
        index = torch.zeros(3000, 1, dtype=torch.int64).expand(3000, 2)
        return torch.zeros(2, 2).scatter_reduce(0, index, source, "amax")

    program()


@pytest.mark.parametrize("place", [-1, 4])
@same_as_torch
def test_places_that_are_not_there(torch: Any, place: int) -> Any:
    index = torch.tensor([[0], [place]]).expand(2, 3)
    with pytest.raises(RuntimeError, match="out of bounds"):
        torch.zeros(4, 3).scatter_add_(0, index, torch.ones(2, 3))
    return None
