"""Rounding as a quantised network would: values, the straight gradient, wrong calls."""

from __future__ import annotations

from typing import Any

import pytest

from parity_tests.sidebyside import both_agree, raised


@pytest.mark.parametrize(
    "scale, zero, low, high", [(0.5, 0, -8, 7), (0.1, 3, 0, 15), (2, -1, -2, 2)]
)
@both_agree
def test_one_scale_for_all(torch: Any, scale: float, zero: int, low: int, high: int) -> Any:
    x = torch.linspace(-6, 6, 25).requires_grad_()
    y = torch.fake_quantize_per_tensor_affine(x, scale, zero, low, high)
    (y * torch.arange(25)).sum().backward()
    return y, str(y), x.grad


@pytest.mark.parametrize("axis", [0, 1])
@both_agree
def test_a_scale_for_each_channel(torch: Any, axis: int) -> Any:
    x = torch.linspace(-3, 3, 9).view(3, 3).requires_grad_()
    scale, zero = torch.tensor([0.1, 0.5, 1.0]), torch.tensor([0, 1, 2], dtype=torch.int32)
    y = torch.fake_quantize_per_channel_affine(x, scale, zero, axis, -4, 3)
    y.sum().backward()
    return y, str(y), x.grad


@both_agree
def test_a_scale_that_is_a_tensor(torch: Any) -> Any:
    x, zero = torch.tensor([0.3, -9.0, 0.74]), torch.tensor(1, dtype=torch.int32)
    return torch.fake_quantize_per_tensor_affine(x, torch.tensor(0.25), zero, 0, 255)


@both_agree
def test_bounds_out_of_order(torch: Any) -> Any:
    said = raised(torch.fake_quantize_per_tensor_affine, torch.ones(2), 0.1, 0, 7, -8)
    return " ".join(said.split("quant_max")[0].split())
