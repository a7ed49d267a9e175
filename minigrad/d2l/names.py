"""What the book calls the same in all its frameworks: functions of torch under its own names.

Source: https://d2l.ai/chapter_appendix-tools-for-deep-learning/d2l.html
"""

from __future__ import annotations

from typing import Any

from minigrad import (
    Tensor,
    abs,
    arange,
    cos,
    cosh,
    exp,
    eye,
    float32,
    int32,
    linspace,
    log,
    matmul,
    meshgrid,
    normal,
    ones,
    rand,
    randn,
    sigmoid,
    sin,
    sinh,
    stack,
    tanh,
    tensor,
    zeros,
)
from minigrad import bmm as batch_matmul
from minigrad import cat as concat

__all__ = [
    "abs",
    "arange",
    "argmax",
    "astype",
    "batch_matmul",
    "concat",
    "cos",
    "cosh",
    "exp",
    "expand_dims",
    "eye",
    "float32",
    "int32",
    "linspace",
    "log",
    "matmul",
    "meshgrid",
    "normal",
    "numpy",
    "ones",
    "rand",
    "randn",
    "reduce_mean",
    "reduce_sum",
    "repeat",
    "reshape",
    "sigmoid",
    "sin",
    "sinh",
    "size",
    "stack",
    "swapaxes",
    "tanh",
    "tensor",
    "to",
    "transpose",
    "zeros",
]


def numpy(x: Tensor, *args: Any, **kwargs: Any) -> Any:
    """The values of a tensor as an array, without its graph.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.numpy(torch.ones(2, requires_grad=True))
    array([1., 1.], dtype=float32)
    """
    return x.detach().numpy(*args, **kwargs)


def size(x: Tensor, *args: Any, **kwargs: Any) -> int:
    """How many elements a tensor has.

    >>> from minigrad import d2l
    >>> d2l.size(d2l.ones(2, 3))
    6
    """
    return x.numel(*args, **kwargs)


def reshape(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The same elements in another shape.

    >>> from minigrad import d2l
    >>> d2l.reshape(d2l.ones(2, 3), (3, -1)).shape
    torch.Size([3, 2])
    """
    return x.reshape(*args, **kwargs)


def to(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A tensor on another device, or of another type.

    >>> from minigrad import d2l
    >>> d2l.to(d2l.ones(1), d2l.cpu()).device
    device(type='cpu')
    """
    return x.to(*args, **kwargs)


def astype(x: Tensor, *args: Any, **kwargs: Any) -> Any:
    """A tensor of another type.

    >>> from minigrad import d2l
    >>> d2l.astype(d2l.ones(1), d2l.int32)
    tensor([1], dtype=torch.int32)
    """
    return x.type(*args, **kwargs)


def reduce_sum(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The sum of all elements, or along ``axis``.

    >>> from minigrad import d2l
    >>> d2l.reduce_sum(d2l.ones(2, 3), axis=0)
    tensor([2., 2., 2.])
    """
    return x.sum(*args, **kwargs)


def reduce_mean(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The mean of all elements, or along ``axis``.

    >>> from minigrad import d2l
    >>> d2l.reduce_mean(d2l.ones(2, 3))
    tensor(1.)
    """
    return x.mean(*args, **kwargs)


def argmax(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Where the greatest element is, of all or along ``axis``.

    >>> from minigrad import d2l
    >>> d2l.argmax(d2l.eye(2), axis=1)
    tensor([0, 1])
    """
    return x.argmax(*args, **kwargs)


def transpose(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A matrix with rows and columns exchanged.

    >>> from minigrad import d2l
    >>> d2l.transpose(d2l.ones(2, 3)).shape
    torch.Size([3, 2])
    """
    return x.t(*args, **kwargs)


def expand_dims(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A tensor with one more axis, of size 1.

    >>> from minigrad import d2l
    >>> d2l.expand_dims(d2l.ones(2), 0).shape
    torch.Size([1, 2])
    """
    return x.unsqueeze(*args, **kwargs)


def swapaxes(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A tensor with two axes exchanged.

    >>> from minigrad import d2l
    >>> d2l.swapaxes(d2l.ones(2, 3, 4), 0, 2).shape
    torch.Size([4, 3, 2])
    """
    return x.swapaxes(*args, **kwargs)


def repeat(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A tensor several times along each axis.

    >>> from minigrad import d2l
    >>> d2l.repeat(d2l.ones(2), 3).shape
    torch.Size([6])
    """
    return x.repeat(*args, **kwargs)
