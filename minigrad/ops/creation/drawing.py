"""Overwriting a tensor by random numbers: ``normal_``, ``uniform_`` and the other distributions.

Source: https://docs.pytorch.org/docs/stable/torch.html#in-place-random-sampling
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import random
from minigrad.autograd.apply import make
from minigrad.autograd.graph import storage_of
from minigrad.autograd.inplace import check_writable, rebase
from minigrad.autograd.modes import MODE
from minigrad.autograd.overlap import check_overlap
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import backend_for, xp_of
from minigrad.device import device as Device
from minigrad.device import get_default_device
from minigrad.layout import dense_axes, in_memory_order
from minigrad.random import Generator

Generator.as_state = staticmethod(make)


def source(generator: Generator | None, place: Any) -> Generator:
    """The generator that was asked for, or the default one of a device (None: the usual device)."""
    where = get_default_device() if place is None else Device(place)
    if generator is None:
        return random.generator_of(where)
    if not isinstance(generator, Generator):
        kind = type(generator).__name__
        raise TypeError(f"argument 'generator' must be torch.Generator, not {kind}")
    if generator.device.type != where.type:
        raise RuntimeError(
            f"Expected a '{where.type}' device type for generator but found "
            f"'{generator.device.type}'"
        )
    return generator


def _drawn(tensor: Any, draw: Callable[[tuple[int, ...]], Any]) -> Any:
    """Overwrite a tensor by numbers that are drawn where it lies, or on the host."""
    check_writable(tensor)
    check_overlap(tensor, ())
    values, place = in_memory_order(tensor._array, draw), tensor.device
    if place.type != "cpu" and type(values) is np.ndarray:
        values = backend_for(place).from_host(values, place.index)
    tensor._array[...] = values
    storage_of(tensor).write()
    if MODE.get() > 0 and tensor._node is not None:
        rebase(tensor, None)
    return tensor


def normal_(input: Any, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Any:
    """Overwrite by normally distributed numbers: torch's stream for the same seed.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0); torch.zeros(2).normal_()
    tensor([ 1.5410, -0.2934])
    """
    kind, whole = input._array.dtype, input._array.flags.c_contiguous
    draw = source(generator, input.device)
    return _drawn(input, lambda size: draw.normal(size, mean, std, kind, whole))


def uniform_(
    input: Any, a: float = 0.0, b: float = 1.0, *, generator: Any = None, **names: float
) -> Any:
    """Overwrite by numbers uniform in [a, b): torch's stream for the same seed.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0); torch.zeros(2).uniform_()
    tensor([0.4963, 0.7682])
    """
    low, high = names.pop("from", a), names.pop("to", b)
    if names:
        raise TypeError(f"uniform_() got an unexpected keyword argument '{next(iter(names))}'")
    kind, draw = input._array.dtype, source(generator, input.device)
    return _drawn(input, lambda size: draw.uniform(size, low, high, kind))


def bernoulli_(input: Any, p: Any = 0.5, *, generator: Any = None) -> Any:
    """Overwrite by ones with probability ``p``, else zeros: torch's stream for the same seed.

    >>> import minigrad as torch
    >>> torch.zeros(2).bernoulli_(1.)
    tensor([1., 1.])
    """
    kind, draw = input._array.dtype, source(generator, input.device)
    if not isinstance(p, TensorBase):
        return _drawn(input, lambda size: draw.bernoulli(p, size, kind))
    if draw.device.type == "cpu":
        chances: Any = p._host()  # type: ignore[attr-defined]
    else:
        chances = p.to(input.device)._array
    chances = xp_of(chances).broadcast_to(chances, input._array.shape)
    if order := dense_axes(input._array):
        chances = chances.transpose(order)
    return _drawn(input, lambda size: draw.bernoulli(chances, size, kind))


def random_(input: Any, *bounds: Any, generator: Any = None, **names: Any) -> Any:
    """Overwrite by whole numbers from [low, high), or from the range of the type.

    >>> import minigrad as torch
    >>> bool((torch.zeros(5).random_(3) < 3).all())
    True
    """
    low, high = names.pop("from", None), names.pop("to", None)
    if names or len(bounds) > 2:
        raise TypeError("random_() takes at most two numbers: from (int), to (int)")
    if len(bounds) == 1:
        low, high = 0 if low is None else low, bounds[0]
    elif len(bounds) == 2:
        low, high = bounds
    kind, draw = input._array.dtype, source(generator, input.device)
    return _drawn(input, lambda size: draw.random_(size, kind, low, high))


def exponential_(input: Any, lambd: float = 1.0, *, generator: Any = None) -> Any:
    """Overwrite by exponentially distributed numbers of rate ``lambd``.

    >>> import minigrad as torch
    >>> bool((torch.zeros(5).exponential_() > 0).all())
    True
    """
    kind, draw = input._array.dtype, source(generator, input.device)
    return _drawn(input, lambda size: draw.exponential(size, lambd, kind))


def geometric_(input: Any, p: float, *, generator: Any = None) -> Any:
    """Overwrite by the numbers of trials up to the first success, of chance ``p`` each.

    >>> import minigrad as torch
    >>> bool((torch.zeros(5).geometric_(0.5) >= 1).all())
    True
    """
    kind, draw = input._array.dtype, source(generator, input.device)
    return _drawn(input, lambda size: draw.geometric(size, p, kind))


def cauchy_(input: Any, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Any:
    """Overwrite by numbers of a Cauchy distribution.

    >>> import minigrad as torch
    >>> torch.zeros(5).cauchy_().shape
    torch.Size([5])
    """
    kind, draw = input._array.dtype, source(generator, input.device)
    return _drawn(input, lambda size: draw.cauchy(size, median, sigma, kind))


def log_normal_(input: Any, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Any:
    """Overwrite by numbers whose logarithms are normally distributed.

    >>> import minigrad as torch
    >>> bool((torch.zeros(5).log_normal_() > 0).all())
    True
    """
    kind, draw = input._array.dtype, source(generator, input.device)
    return _drawn(input, lambda size: draw.log_normal(size, mean, std, kind))


METHODS = (
    normal_,
    uniform_,
    bernoulli_,
    random_,
    exponential_,
    geometric_,
    cauchy_,
    log_normal_,
)
for _fn in METHODS:
    setattr(TensorBase, _fn.__name__, _fn)
