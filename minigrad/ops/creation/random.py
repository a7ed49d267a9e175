"""Random tensors, on the CPU from torch's streams: same seed, same numbers.

Source: https://docs.pytorch.org/docs/stable/torch.html#random-sampling
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import REGISTRY, function, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.dtypes import dtype as Dtype
from minigrad.layout import contiguous_format, in_memory_order
from minigrad.ops.creation.data import TOP, numpy_type
from minigrad.ops.creation.drawing import source as _from
from minigrad.ops.creation.filling import blank_like, checked_sizes, shape_of
from minigrad.ops.creation.placing import place
from minigrad.random import get_rng_state, initial_seed, manual_seed, seed, set_rng_state


@register(internal=True)
class Drawn(Op):
    """Random numbers in the place of their parameters, which get zeros for gradients."""

    broadcasts = True

    @staticmethod
    def grad_fn(numbers: Any, node_name: str) -> str:
        """torch's name of the node."""
        return node_name

    @staticmethod
    def forward(xp: Any, one: Array, two: Array, numbers: Any, node_name: str) -> Any:
        """What was drawn."""
        return numbers

    @staticmethod
    def grad_one(g: Any, F: Any) -> Any:
        """Nothing depends on it."""
        return F.zeros_of(g)

    @staticmethod
    def grad_two(g: Any, F: Any) -> Any:
        """Nothing depends on it."""
        return F.zeros_of(g)


for _fn in (manual_seed, seed, initial_seed, get_rng_state, set_rng_state):
    function(**TOP)(_fn)


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
    kind = numpy_type(dtype, out, layout)
    draw = _from(generator, _place(device, out))
    array = draw.uniform(shape_of(size, names, "rand"), 0.0, 1.0, kind)
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
    kind = numpy_type(dtype, out, layout)
    draw = _from(generator, _place(device, out))
    array = draw.normal(shape_of(size, names, "randn"), 0.0, 1.0, kind)
    return place(array, device, requires_grad, out)


@function(**TOP)
def randint(
    *bounds: Any,
    generator: Any = None,
    out: Any = None,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    **names: Any,
) -> Any:
    """Whole numbers uniform in [low, high): ``randint(low=0, high, size)``.

    Raises: RuntimeError if there is no number between the bounds.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0); torch.randint(10, (3,)), torch.randint(3, 5, size=(2,))
    (tensor([4, 9, 3]), tensor([3, 4]))
    """
    low, high, size = _bounds(bounds, names, ("low", "high", "size"), "randint")
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"randint(): argument 'size' must be tuple of ints, not {type(size).__name__}"
        )
    kind = np.dtype(np.int64) if dtype is None and out is None else numpy_type(dtype, out, layout)
    shape = checked_sizes((size,), "randint")
    array = _from(generator, _place(device, out)).randint(low, high, shape, kind)
    return place(array, device, requires_grad, out)


def _place(device: Any, out: Any) -> Any:
    """Where numbers are drawn: where they were asked for, or where ``out`` lies."""
    return out.device if device is None and out is not None else device


def _bounds(given: Any, named: dict[str, Any], order: tuple[str, ...], name: str) -> list[Any]:
    """The arguments of ``(low=0, high, ...)``, whose first may be left out."""
    names = list(order)
    if len(given) + len(named) < len(names) and "low" not in named:
        names.remove("low")
    found: dict[str, Any] = dict(zip(names, given, strict=False))
    if len(given) > len(names) or set(named) - set(order) or set(named) & set(found):
        raise TypeError(f"{name}() takes {', '.join(order)}; got {given} and {list(named)}")
    found = {"low": 0, **found, **named}
    missing = [n for n in order if n not in found]
    if missing:
        raise TypeError(f"{name}() missing required arguments: {', '.join(missing)}")
    for bound in ("low", "high"):
        number = found[bound]
        if isinstance(number, float):
            raise TypeError(f"{name}(): argument '{bound}' must be int, not float")
        found[bound] = int(number)
    return [found[n] for n in order]


@function(**TOP)
def randint_like(
    input: Any,
    *bounds: Any,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    generator: Any = None,
    **names: Any,
) -> Any:
    """Like :func:`randint`, with the shape, dtype and device of another tensor.

    >>> import minigrad as torch
    >>> torch.randint_like(torch.zeros(2), 5).shape
    torch.Size([2])
    """
    low, high = _bounds(bounds, names, ("low", "high"), "randint_like")
    array = blank_like(input, dtype, memory_format, "randint_like")
    draw = _from(generator, device or input.device)
    values = in_memory_order(array, lambda size: draw.randint(low, high, size, array.dtype))
    return place(values, device or input.device, requires_grad)


def _like(name: str, draw: Any) -> None:
    """``rand_like`` or ``randn_like``."""

    def like(
        input: Any,
        *,
        generator: Any = None,
        dtype: Dtype | None = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        memory_format: Any = None,
    ) -> Any:
        array = blank_like(input, dtype, memory_format, f"{name}_like")
        source = _from(generator, device or input.device)
        values = in_memory_order(array, lambda size: draw(source, size, array))
        return place(values, device or input.device, requires_grad)

    like.__name__ = like.__qualname__ = f"{name}_like"
    like.__module__ = "minigrad"
    like.__doc__ = f"""Like :func:`{name}`, with the shape, dtype and device of another tensor.

    >>> import minigrad as torch
    >>> torch.{name}_like(torch.zeros(2)).shape
    torch.Size([2])
    """
    function(f"{name}_like", **TOP)(like)


_like("rand", lambda source, size, to: source.uniform(size, 0.0, 1.0, to.dtype))
_like(
    "randn",
    lambda source, size, to: source.normal(size, 0.0, 1.0, to.dtype, to.flags.c_contiguous),
)


@function(**TOP)
def randperm(
    n: int,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """The numbers from 0 to n - 1 in random order.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0); torch.randperm(4)
    tensor([0, 1, 3, 2])
    """
    kind = np.dtype(np.int64) if dtype is None and out is None else numpy_type(dtype, out, layout)
    draw = _from(generator, _place(device, out))
    return place(draw.randperm(n, kind), device, requires_grad, out)


@function(**TOP)
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """Normally distributed numbers; mean and std are numbers (with a size) or tensors.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0); torch.normal(10., 1., (2,))
    tensor([11.5410,  9.7066])
    """
    if size is not None:
        kind, shape = numpy_type(dtype, out, layout), checked_sizes((size,), "normal")
        draw = _from(generator, _place(device, out))
        array = draw.normal(shape, float(mean), float(std), kind)
        return place(array, device, requires_grad, out)
    given = [p for p in (mean, std) if isinstance(p, TensorBase)]
    parts = [p._array for p in given]
    if not parts:
        raise TypeError("normal(): a size is needed where neither mean nor std is a tensor")
    means, stds = (p._array if isinstance(p, TensorBase) else p for p in (mean, std))
    if not np.all(stds >= 0):
        raise RuntimeError(
            "normal expects all elements of std >= 0.0"
            if isinstance(std, TensorBase)
            else f"normal expects std >= 0.0, but found std {std:g}"
        )
    where = given[0].device  # type: ignore[attr-defined]
    shape = np.broadcast_shapes(*[p.shape for p in parts])
    values = _from(generator, where).normal(shape, 0.0, 1.0, parts[0].dtype)
    values = place(values, where)._array
    values *= stds
    values += means
    which = "3" if len(parts) == 2 else "1" if isinstance(mean, TensorBase) else "2"
    result = tensors.drawn(mean, std, values, f"NormalBackward{which}")
    return result if out is None else out.copy_(result)


@function(where=("torch", "Tensor"), gradcheck=False)
def bernoulli(input: Any, p: Any = None, *, generator: Any = None, out: Any = None) -> Any:
    """Ones with the probability that stands at each place, else zeros.

    >>> import minigrad as torch
    >>> torch.bernoulli(torch.tensor([0., 1.]))
    tensor([0., 1.])
    """
    array = blank_like(input, None, contiguous_format, "bernoulli", getattr(input, "device", None))
    result = tensors.from_array(array).bernoulli_(
        input.detach() if p is None else p, generator=generator
    )
    if p is None:
        result = tensors.drawn(input, None, result._array, "BernoulliBackward0")
    return result if out is None else out.copy_(result)


@function(**TOP)
def poisson(input: Any, generator: Any = None) -> Any:
    """Numbers of events that happen as often in the mean as the rates at each place say.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0); torch.poisson(torch.tensor([3., 30.]))
    tensor([ 6., 27.])
    """
    if not isinstance(input, TensorBase):
        kind = type(input).__name__
        raise TypeError(f"poisson(): argument 'input' (position 1) must be Tensor, not {kind}")
    rates: Any = input
    numbers = place(_from(generator, rates.device).poisson(rates._host()), rates.device)._array
    return tensors.drawn(input, None, numbers, "PoissonBackward0")


@function(**TOP)
def binomial(count: Any, prob: Any, generator: Any = None) -> Any:
    """Numbers of successes in as many trials as the counts say, of the chances at each place.

    >>> import minigrad as torch
    >>> torch.binomial(torch.tensor([3., 5.]), torch.tensor([0., 1.]))
    tensor([0., 5.])
    """
    for position, name, value in ((1, "count", count), (2, "prob", prob)):
        if not isinstance(value, TensorBase):
            kind = type(value).__name__
            raise TypeError(
                f"binomial(): argument '{name}' (position {position}) must be Tensor, not {kind}"
            )
        if value._array.dtype.kind not in "fV":
            kind = dtypes.of_numpy(value._array.dtype).type_name
            raise ValueError(
                f"binomial only supports floating-point dtypes for {name}, got: {kind}"
            )
    if count.dtype is not prob.dtype:
        raise RuntimeError(
            f"binomial: expected count and prob of one dtype, got {count.dtype} and {prob.dtype}"
        )
    counts, chances = REGISTRY["broadcast_tensors"].function(count.detach(), prob.detach())
    draw = _from(generator, count.device)
    return place(draw.binomial(counts._host(), chances._host()), count.device)


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
    if out is not None and out.dtype is not dtypes.int64:
        raise RuntimeError(f"multinomial expects Long tensor out, got: {out.dtype.type_name}")
    if input._array.shape[-1:] > (1 << 24,):
        raise RuntimeError("number of categories cannot exceed 2^24")
    draw = _from(generator, input.device)
    array = draw.multinomial(input._host(), num_samples, replacement)
    return place(array, input.device, False, out)
