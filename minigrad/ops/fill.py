"""Overwriting a tensor as a whole: ``copy_``, ``fill_``, ``zero_``, ``resize_``, random fills."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.graph import storage_of
from minigrad.autograd.inplace import check_overlap, check_writable, rebase, write
from minigrad.autograd.modes import MODE
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, backend_for, xp_of
from minigrad.random import Generator, default_generator


@register("zeros_of", internal=True)
class ZerosOf(Op):
    """Zeros in the place of a cotangent: a constant, and so without a derivative."""

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """Zeros."""
        return xp.zeros_like(input)


@register("copy_into", internal=True)
class CopyInto(Op):
    """A tensor overwritten by another, which is broadcast to it."""

    grad_fn = "CopyBackwards"
    writes = True
    broadcasts = True

    @staticmethod
    def forward(xp: Any, input: Array, src: Array) -> Array:
        """Write in place; unlike NumPy, no leading axes of size one are dropped."""
        if getattr(src, "ndim", 0) > input.ndim:
            raise ValueError("the source has more axes than the tensor that it is copied to")
        xp.copyto(input, src, casting="unsafe")
        return input

    @staticmethod
    def grad_input(g: Array, F: Any) -> Array:
        """Nothing of the old value is left: zeros, even where g is infinite."""
        return F.zeros_of(g)

    @staticmethod
    def grad_src(g: Array) -> Array:
        """All of it comes from the source."""
        return g


def copy_(input: Any, src: Any, non_blocking: bool = False) -> Any:
    """Overwrite the tensor by another, broadcast and converted to it; returns the tensor.

    >>> import minigrad as torch
    >>> torch.zeros(2).copy_(torch.tensor([1, 2]))
    tensor([1., 2.])
    """
    if not isinstance(src, TensorBase):
        raise TypeError(f"copy_(): argument 'other' must be Tensor, not {type(src).__name__}")
    if src is not input:
        check_overlap(input, (src,))
    return write(CopyInto, input, (src.to(input.device, input.dtype),), (), check=False)


def fill_(input: Any, value: Any) -> Any:
    """Overwrite every element by a number or a 0-d tensor; returns the tensor.

    >>> import minigrad as torch
    >>> torch.zeros(2).fill_(7)
    tensor([7., 7.])
    """
    if isinstance(value, TensorBase) and value._array.ndim:
        raise RuntimeError(
            "fill_ only supports 0-dimension value tensor but got tensor with "
            f"{value._array.ndim} dimensions."
        )
    if isinstance(value, TensorBase):  # a number may be written to one place many times
        check_overlap(input, ())
    return write(CopyInto, input, (value,), (), check=False)


def zero_(input: Any) -> Any:
    """Overwrite every element by zero; returns the tensor.

    >>> import minigrad as torch
    >>> torch.ones(2).zero_()
    tensor([0., 0.])
    """
    return write(CopyInto, input, (0,), (), check=False)


def resize_(input: Any, *size: Any, memory_format: Any = None) -> Any:
    """Give the tensor another size; new elements are zero, a tensor in a graph can't be resized.

    >>> import minigrad as torch
    >>> torch.ones(2).resize_(3).shape
    torch.Size([3])
    """
    from minigrad.ops.dims import sizes

    shape = sizes(size)
    if input._array.shape == shape:
        return input
    if input.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    xp = xp_of(input._array)
    fresh = xp.zeros(shape, dtype=input._array.dtype)
    count = min(fresh.size, input._array.size)
    fresh.reshape(-1)[:count] = input._array.reshape(-1)[:count]
    input._array = fresh
    return input


def drawn(tensor: Any, values: Any) -> Any:
    """Overwrite a tensor by numbers that were drawn on the host."""
    check_writable(tensor)
    check_overlap(tensor, ())
    place = tensor.device
    tensor._array[...] = backend_for(place).from_host(values, place.index)
    storage_of(tensor).write()
    if MODE.get() > 0 and tensor._node is not None:
        rebase(tensor, None)
    return tensor


def _generator(generator: Generator | None) -> Generator:
    return default_generator if generator is None else generator


def normal_(input: Any, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Any:
    """Overwrite by normally distributed numbers: torch's stream for the same seed.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0); torch.zeros(2).normal_()
    tensor([ 1.5410, -0.2934])
    """
    return drawn(
        input, _generator(generator).normal(input._array.shape, mean, std, input._array.dtype)
    )


def uniform_(
    input: Any, a: float = 0.0, b: float = 1.0, *, generator: Any = None, **names: float
) -> Any:
    """Overwrite by numbers uniform in [a, b): torch's stream for the same seed.

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0); torch.zeros(2).uniform_()
    tensor([0.4963, 0.7682])
    """
    low, high = names.get("from", a), names.get("to", b)
    return drawn(
        input, _generator(generator).uniform(input._array.shape, low, high, input._array.dtype)
    )


def bernoulli_(input: Any, p: Any = 0.5, *, generator: Any = None) -> Any:
    """Overwrite by ones with probability ``p``, else zeros: torch's stream for the same seed.

    >>> import minigrad as torch
    >>> torch.zeros(2).bernoulli_(1.)
    tensor([1., 1.])
    """
    p = p._array if isinstance(p, TensorBase) else p
    return drawn(input, _generator(generator).bernoulli(p, input._array.shape, input._array.dtype))


def random_(input: Any, *bounds: int, generator: Any = None, **names: int) -> Any:
    """Overwrite by whole numbers from [low, high), or from the range of the type.

    >>> import minigrad as torch
    >>> bool((torch.zeros(5).random_(3) < 3).all())
    True
    """
    low: int | None = names.get("from")
    high: int | None = names.get("to")
    if len(bounds) == 1:
        low, high = 0 if low is None else low, bounds[0]
    elif len(bounds) == 2:
        low, high = bounds
    return drawn(
        input, _generator(generator).random_(input._array.shape, input._array.dtype, low, high)
    )


def exponential_(input: Any, lambd: float = 1.0, *, generator: Any = None) -> Any:
    """Overwrite by exponentially distributed numbers of rate ``lambd``.

    >>> import minigrad as torch
    >>> bool((torch.zeros(5).exponential_() > 0).all())
    True
    """
    return drawn(
        input, _generator(generator).exponential(input._array.shape, lambd, input._array.dtype)
    )


METHODS = (
    copy_,
    fill_,
    zero_,
    resize_,
    normal_,
    uniform_,
    bernoulli_,
    random_,
    exponential_,
)
for _fn in METHODS:
    setattr(TensorBase, _fn.__name__, _fn)


def from_array(array: Any) -> Any:
    """A Tensor around an array, for functions whose result is data and not an op's output."""
    from minigrad.autograd.apply import make

    return make(array)


tensors.from_array = from_array
