"""Convolution weights in another order of memory."""

from __future__ import annotations

from typing import Any, TypeVar

from minigrad.nn.modules import conv
from minigrad.nn.modules.module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]

Kind = TypeVar("Kind", bound=Module)


def _kinds(dimensions: int) -> tuple[type, ...]:
    names = (f"Conv{dimensions}d", f"ConvTranspose{dimensions}d")
    return tuple(getattr(conv, name) for name in names if hasattr(conv, name))


def _convert(module: Kind, kinds: tuple[type, ...], memory_format: Any) -> Kind:
    for layer in module.modules():
        if isinstance(layer, kinds):
            layer.weight.data = layer.weight.detach().contiguous(memory_format=memory_format)
    return module


def convert_conv2d_weight_memory_format(module: Kind, memory_format: Any) -> Kind:
    """Lay out the weights of all two-dimensional convolutions anew, in place.

    >>> import minigrad as torch
    >>> conv = torch.nn.Conv2d(2, 2, 3)
    >>> conv = torch.nn.utils.convert_conv2d_weight_memory_format(conv, torch.channels_last)
    >>> conv.weight.is_contiguous(memory_format=torch.channels_last)
    True
    """
    return _convert(module, _kinds(2), memory_format)


def convert_conv3d_weight_memory_format(module: Kind, memory_format: Any) -> Kind:
    """Lay out the weights of all three-dimensional convolutions anew, in place.

    >>> import minigrad as torch
    >>> relu = torch.nn.ReLU()  # which has none
    >>> torch.nn.utils.convert_conv3d_weight_memory_format(relu, torch.channels_last_3d)
    ReLU()
    """
    return _convert(module, _kinds(3), memory_format)
