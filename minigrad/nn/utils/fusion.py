"""Folding a batch norm that only evaluates into the layer before it.

In evaluation batch norm is y = (x - mean) / sqrt(var + eps) * weight + bias with fixed numbers, a
linear map that the layer's own weight and bias can do.
"""

from __future__ import annotations

import copy
from typing import Any

from minigrad import functions
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Tensor

__all__ = [
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
]

Fused = tuple[Parameter, Parameter]


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A convolution that does what ``bn(conv(x))`` does, both being in evaluation mode.

    ``transpose`` says that it is a transposed convolution, whose weight has its output channels
    in the second dimension.

    Raises: AssertionError in training mode, or without running statistics.

    >>> import minigrad as torch
    >>> conv, bn = torch.nn.Conv2d(1, 2, 3).eval(), torch.nn.BatchNorm2d(2).eval()
    >>> x = torch.ones(1, 1, 4, 4)
    >>> fused = torch.nn.utils.fuse_conv_bn_eval(conv, bn)
    >>> torch.allclose(fused(x), bn(conv(x)), atol=1e-6)
    True
    """
    return _fused(conv, bn, fuse_conv_bn_weights, transpose=transpose)


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A linear layer that does what ``bn(linear(x))`` does, both being in evaluation mode.

    Raises: AssertionError in training mode, for other numbers of features, or without running
    statistics.

    >>> import minigrad as torch
    >>> linear, bn = torch.nn.Linear(3, 2).eval(), torch.nn.BatchNorm1d(2).eval()
    >>> fused = torch.nn.utils.fuse_linear_bn_eval(linear, bn)
    >>> torch.allclose(fused(torch.ones(1, 3)), bn(linear(torch.ones(1, 3))), atol=1e-6)
    True
    """
    return _fused(linear, bn, fuse_linear_bn_weights, check=_check_features)


def _check_features(linear: Any, bn: Any) -> None:
    if bn.num_features not in (linear.out_features, 1):
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got "
            f"linear.out_features={linear.out_features} and bn.num_features={bn.num_features}"
        )


def _fused(layer: Any, bn: Any, join: Any, check: Any = None, **options: Any) -> Any:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    fused = copy.deepcopy(layer)
    if check is not None:
        check(layer, bn)
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn.running_mean and bn.running_var must not be None")
    statistics = (bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias)
    fused.weight, fused.bias = join(fused.weight, fused.bias, *statistics, **options)
    return fused


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> Fused:
    """The weight and bias of a convolution with a batch norm folded in.

    w' = w s,   b' = (b - mean) s + bias   with   s = weight / sqrt(var + eps)

    >>> import minigrad as torch
    >>> one, w = torch.ones(2), torch.ones(2, 1, 1, 1)
    >>> w, b = torch.nn.utils.fuse_conv_bn_weights(w, None, one, 3 * one, 1.0, None, None)
    >>> b
    Parameter containing:
    tensor([-0.5000, -0.5000])
    """
    bias = functions.zeros_like(bn_rm) if conv_b is None else conv_b
    weight = functions.ones_like(bn_rm) if bn_w is None else bn_w
    shift = functions.zeros_like(bn_rm) if bn_b is None else bn_b
    spread = functions.rsqrt(bn_rv + bn_eps)
    channels = [1] * conv_w.ndim
    channels[1 if transpose else 0] = -1
    fused_w = conv_w * (weight * spread).reshape(channels)
    fused_b = (bias - bn_rm) * spread * weight + shift
    bias_type = conv_w.dtype if conv_b is None else conv_b.dtype
    return (
        Parameter(fused_w.to(conv_w.dtype), conv_w.requires_grad),
        Parameter(fused_b.to(bias_type), bias.requires_grad),
    )


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor,
    bn_b: Tensor,
) -> Fused:
    """The weight and bias of a linear layer with a batch norm folded in.

    w' = s w,   b' = (b - mean) s + bias   with   s = weight / sqrt(var + eps)

    >>> import minigrad as torch
    >>> one, w = torch.ones(2), torch.ones(2, 1)
    >>> w, b = torch.nn.utils.fuse_linear_bn_weights(w, None, one, 3 * one, 1.0, one, one)
    >>> b
    Parameter containing:
    tensor([0.5000, 0.5000])
    """
    bias = functions.zeros_like(bn_rm) if linear_b is None else linear_b
    scale = bn_w * functions.rsqrt(bn_rv + bn_eps)
    fused_w = linear_w * scale.unsqueeze(-1).to(linear_w.dtype)
    bias_type = linear_w.dtype if linear_b is None else linear_b.dtype
    fused_b = ((bias - bn_rm) * scale + bn_b).to(bias_type)
    return Parameter(fused_w, linear_w.requires_grad), Parameter(fused_b, bias.requires_grad)
