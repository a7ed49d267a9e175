"""Random tensors, from torch's CPU streams: same seed, same numbers.

Source: https://docs.pytorch.org/docs/stable/torch.html#random-sampling
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.apply import make
from minigrad.autograd.registry import function
from minigrad.autograd.tensor_base import TensorBase
from minigrad.dtypes import dtype as Dtype
from minigrad.ops.creation import place
from minigrad.ops.dims import sizes
from minigrad.random import Generator, default_generator

TOP: dict[str, Any] = {"where": ("torch",), "gradcheck": False}


def _from(generator: Generator | None) -> Generator:
    return default_generator if generator is None else generator


def _kind(dtype: Dtype | None) -> Any:
    return (dtypes.get_default_dtype() if dtype is None else dtype).numpy


def _shape(size: tuple[Any, ...], names: dict[str, Any]) -> tuple[int, ...]:
    return sizes((names["size"],) if "size" in names else size)


@function(**TOP)
def manual_seed(seed: int) -> Generator:
    """Start all random streams anew from a seed; returns the generator.

    >>> import minigrad as torch
    >>> torch.manual_seed(1).initial_seed()
    1
    """
    return default_generator.manual_seed(int(seed))


@function(**TOP)
def seed() -> int:
    """Start all random streams anew from a seed that nobody can guess; returns it.

    >>> import minigrad as torch
    >>> torch.seed() == torch.initial_seed()
    True
    """
    return default_generator.seed()


@function(**TOP)
def initial_seed() -> int:
    """The seed that the random streams were last started from.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(3); torch.initial_seed()
    3
    """
    return default_generator.initial_seed()


@function(**TOP)
def get_rng_state() -> Any:
    """The state of the default generator, in torch's own layout, as a uint8 tensor.

    >>> import minigrad as torch
    >>> state = torch.get_rng_state(); a = torch.rand(3)
    >>> torch.set_rng_state(state); bool((torch.rand(3) == a).all())
    True
    """
    return make(default_generator.get_state())


@function(**TOP)
def set_rng_state(new_state: Any) -> None:
    """Put the default generator into a state that :func:`get_rng_state` gave.

    >>> import minigrad as torch
    >>> torch.set_rng_state(torch.get_rng_state())
    """
    default_generator.set_state(new_state._array)


@function(**TOP)
def rand(
    *size: Any,
    generator: Any = None,
    out: Any = None,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    **names: Any,
) -> Any:
    """Numbers uniform in [0, 1).

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0); torch.rand(2)
    tensor([0.4963, 0.7682])
    """
    array = _from(generator).uniform(_shape(size, names), 0.0, 1.0, _kind(dtype))
    return place(array, device, requires_grad, out)


@function(**TOP)
def randn(
    *size: Any,
    generator: Any = None,
    out: Any = None,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    **names: Any,
) -> Any:
    """Numbers of the standard normal distribution.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0); torch.randn(2)
    tensor([ 1.5410, -0.2934])
    """
    array = _from(generator).normal(_shape(size, names), 0.0, 1.0, _kind(dtype))
    return place(array, device, requires_grad, out)


@function(**TOP)
def randint(
    low: int = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Whole numbers uniform in [low, high); ``randint(high, size)`` starts at 0.

    Raises: RuntimeError if there is no number between the bounds.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0); torch.randint(10, (3,))
    tensor([4, 9, 3])
    """
    if size is None:  # randint(high, size)
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    kind = dtypes.int64 if dtype is None else dtype
    array = _from(generator).randint(int(low), int(high), sizes((size,)), kind.numpy)
    return place(array, device, requires_grad, out)


@function(**TOP)
def randperm(
    n: int,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """The numbers from 0 to n - 1 in random order.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0); torch.randperm(4)
    tensor([0, 1, 3, 2])
    """
    kind = dtypes.int64 if dtype is None else dtype
    return place(_from(generator).randperm(n, kind.numpy), device, requires_grad, out)


@function(**TOP)
def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Normally distributed numbers; mean and std are numbers (with a size) or tensors.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0); torch.normal(10., 1., (2,))
    tensor([11.5410,  9.7066])
    """
    if size is not None:
        array = _from(generator).normal(sizes((size,)), float(mean), float(std), _kind(dtype))
        return place(array, device, requires_grad, out)
    parts = [p._array for p in (mean, std) if isinstance(p, TensorBase)]
    if not parts:
        raise TypeError("normal(): a size is needed where neither mean nor std is a tensor")
    shape = np.broadcast_shapes(*[p.shape for p in parts])
    values = _from(generator).normal(shape, 0.0, 1.0, parts[0].dtype)
    mean, std = (p._array if isinstance(p, TensorBase) else p for p in (mean, std))
    return place((values * std + mean).astype(parts[0].dtype), device, requires_grad, out)


@function(where=("torch", "Tensor"), gradcheck=False)
def bernoulli(input: Any, p: Any = None, *, generator: Any = None, out: Any = None) -> Any:
    """Ones with the probability that stands at each place, else zeros.

    >>> import minigrad as torch
    >>> torch.bernoulli(torch.tensor([0., 1.]))
    tensor([0., 1.])
    """
    chance = input._array if p is None else p
    array = _from(generator).bernoulli(chance, input._array.shape, input._array.dtype)
    return place(array, None, False, out)


@function(where=("torch", "Tensor"), gradcheck=False)
def multinomial(
    input: Any,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Any = None,
    out: Any = None,
) -> Any:
    """Places drawn with the weights that stand there, row by row.

    >>> import minigrad as torch
    >>> torch.multinomial(torch.tensor([0., 1., 0.]), 1)
    tensor([1])
    """
    return place(
        _from(generator).multinomial(input._array, num_samples, replacement), None, False, out
    )


def _like(name: str, draw: Any) -> None:
    def like(
        input: Any,
        *bounds: Any,
        dtype: Dtype | None = None,
        device: Any = None,
        requires_grad: bool = False,
        memory_format: Any = None,
        **names: Any,
    ) -> Any:
        return draw(
            *bounds,
            size=input.shape,
            dtype=dtype or input.dtype,
            device=device or input.device,
            requires_grad=requires_grad,
            **names,
        )

    like.__name__ = like.__qualname__ = f"{name}_like"
    like.__doc__ = f"""Like :func:`{name}`, with the shape, dtype and device of another tensor.

    >>> import minigrad as torch
    >>> torch.{name}_like(torch.zeros(2){", 5" if name == "randint" else ""}).shape
    torch.Size([2])
    """
    function(f"{name}_like", **TOP)(like)


_like("rand", rand)
_like("randn", randn)
_like("randint", randint)
