"""Filling parameters with their first values, drawing torch's random streams in torch's order.

Every function works in place, records nothing, and returns the tensor it was given.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from minigrad.autograd import no_grad
from minigrad.nn._truncated import redraw_outside, reject_uniform
from minigrad.tensor import Tensor

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_GAINS = {"sigmoid": 1.0, "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4, "linear": 1.0}
_GAINS |= {f"conv{t}{n}d": 1.0 for t in ("", "_transpose") for n in (1, 2, 3)}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a nonlinearity's input should be spread to keep the variance.

    tanh: 5/3, relu: sqrt(2), leaky_relu: sqrt(2 / (1 + param^2)) with 0.01 by default, selu: 3/4,
    the others 1.

    Raises: ValueError for an unknown nonlinearity or a slope that is not a number.

    >>> calculate_gain("leaky_relu", 1.0)
    1.0
    """
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    slope = 0.01 if param is None else param
    if isinstance(slope, bool) or not isinstance(slope, (int, float)):
        raise ValueError(f"negative_slope {param} not a valid number")
    return math.sqrt(2.0 / (1 + slope**2))


@no_grad()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from the uniform distribution on [a, b).

    >>> import minigrad as torch
    >>> bool((uniform_(torch.empty(100), 2, 3) >= 2).all())
    True
    """
    return tensor.uniform_(a, b, generator=generator)


@no_grad()
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from the normal distribution N(mean, std^2).

    >>> import minigrad as torch
    >>> normal_(torch.empty(2, 3), std=0.01).shape
    torch.Size([2, 3])
    """
    return tensor.normal_(mean, std, generator=generator)


@no_grad()
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Draw from N(mean, std^2) with values outside [a, b] drawn again.

    A window that holds much of the mass is filled by redrawing from the normal; a window in its
    tail by rejecting uniform draws, which would otherwise hardly ever end.

    >>> import minigrad as torch
    >>> bool((trunc_normal_(torch.empty(100), a=0.0, b=1.0) <= 1).all())
    True
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )

    def mass_below(x: float) -> float:
        return (1.0 + math.erf((x - mean) / std / math.sqrt(2.0))) / 2.0

    if mass_below(b) - mass_below(a) > 0.3:
        return redraw_outside(tensor, mean, std, a, b, generator)
    return reject_uniform(tensor, mean, std, a, b, generator)


_no_grad_trunc_normal_ = trunc_normal_  # torch's name of the part inside, which programs import


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value.

    >>> import minigrad as torch
    >>> constant_(torch.empty(2), 42)
    tensor([42., 42.])
    """
    return tensor.fill_(val)


@no_grad()
def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones.

    >>> import minigrad as torch
    >>> ones_(torch.empty(2))
    tensor([1., 1.])
    """
    return tensor.fill_(1.0)


@no_grad()
def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros.

    >>> import minigrad as torch
    >>> zeros_(torch.empty(2))
    tensor([0., 0.])
    """
    return tensor.zero_()


@no_grad()
def eye_(tensor: Tensor) -> Tensor:
    """Make a matrix the identity: a linear layer that hands on as many inputs as it can.

    Raises: ValueError unless the tensor has two dimensions.

    >>> import minigrad as torch
    >>> eye_(torch.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    tensor.zero_()
    for i in range(min(tensor.shape)):
        tensor[i, i] = 1
    return tensor


@no_grad()
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Make a convolution hand on as many input channels as it can, in each group.

    Shape: (out_channels, in_channels, k1), (.., k1, k2) or (.., k1, k2, k3).

    Raises: ValueError for another number of dimensions, or groups that do not divide the channels.

    >>> import minigrad as torch
    >>> dirac_(torch.empty(1, 1, 3))
    tensor([[[0., 1., 0.]]])
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = tensor.shape[0] // groups
    centre = tuple(size // 2 for size in tensor.shape[2:])
    tensor.zero_()
    for group in range(groups):
        for channel in range(min(per_group, tensor.shape[1])):
            tensor[(group * per_group + channel, channel, *centre)] = 1
    return tensor


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many numbers each output is summed from, and how many outputs each input reaches."""
    if tensor.ndim < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    taps = math.prod(tensor.shape[2:])
    return tensor.shape[1] * taps, tensor.shape[0] * taps


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    """The fan that ``mode`` names."""
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode.lower())]


def _xavier_std(tensor: Tensor, gain: float) -> float:
    """The standard deviation of Glorot's rule."""
    return gain * math.sqrt(2.0 / float(sum(_calculate_fan_in_and_fan_out(tensor))))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from U(-a, a) with a = gain * sqrt(6 / (fan_in + fan_out)).

    It keeps the variance of values and gradients through a linear layer. Source: Glorot and
    Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010.

    Raises: ValueError for a tensor of fewer than two dimensions.

    >>> import minigrad as torch
    >>> bool((xavier_uniform_(torch.empty(3, 3)).abs() <= 1).all())
    True
    """
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from N(0, std^2) with std = gain * sqrt(2 / (fan_in + fan_out)).

    Source: Glorot and Bengio, 2010, as for ``xavier_uniform_``.

    >>> import minigrad as torch
    >>> xavier_normal_(torch.empty(3, 3)).shape
    torch.Size([3, 3])
    """
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    """The standard deviation of He's rule; None for a tensor without elements."""
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Draw from U(-bound, bound) with bound = gain * sqrt(3 / fan).

    ``a`` is the negative slope of a leaky ReLU after the layer; ``mode`` says whether to keep the
    variance of the values ("fan_in") or of the gradients ("fan_out"). Source: He et al., Delving
    deep into rectifiers, 2015.

    >>> import minigrad as torch
    >>> bool((kaiming_uniform_(torch.empty(4, 6)).abs() <= 1).all())
    True
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Draw from N(0, std^2) with std = gain / sqrt(fan).

    The arguments are those of ``kaiming_uniform_``. Source: He et al., 2015.

    >>> import minigrad as torch
    >>> kaiming_normal_(torch.empty(4, 6), mode="fan_out", nonlinearity="relu").shape
    torch.Size([4, 6])
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0.0, std, generator)


@no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Make the rows, or the columns if they are fewer, orthonormal.

    Dimensions after the first count as one.

    Source: Saxe, McClelland and Ganguli, Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks, 2013.

    Raises: ValueError for a tensor of fewer than two dimensions.

    >>> import minigrad as torch
    >>> w = orthogonal_(torch.empty(2, 3))
    >>> bool(((w @ w.T - torch.eye(2)).abs() < 1e-5).all())
    True
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    drawn = tensor.new_empty((rows, tensor.numel() // rows)).normal_(0, 1, generator=generator)
    flip = drawn.shape[0] < drawn.shape[1]
    q = _orthonormal_columns(drawn.t() if flip else drawn)
    tensor.copy_((q.t() if flip else q).reshape(tensor.shape))
    return tensor.mul_(gain)


def _orthonormal_columns(matrix: Tensor) -> Tensor:
    """Q of the factorisation QR with a positive diagonal of R, which makes Q unique and uniform.

    Source: Mezzadri, How to generate random matrices from the classical compact groups, 2007.
    """
    from minigrad import functions
    from minigrad.backend import xp_of

    xp = xp_of(matrix._array)
    q, r = xp.linalg.qr(matrix._array)
    return functions.as_tensor(q * xp.sign(xp.diagonal(r)))


@no_grad()
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Draw from N(0, std^2) and set a fraction of every column to zero.

    Source: Martens, Deep learning via Hessian-free optimization, 2010.

    Raises: ValueError unless the tensor has two dimensions.

    >>> import minigrad as torch
    >>> (sparse_(torch.empty(4, 3), sparsity=0.5) == 0).sum(0)
    tensor([2, 2, 2])
    """
    from minigrad import functions

    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    tensor.normal_(0, std, generator=generator)
    for column in range(columns):
        tensor[functions.randperm(rows)[: math.ceil(sparsity * rows)], column] = 0
    return tensor


def _deprecated(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The old name of a function, without the underscore; it warns and does the same."""
    new = function.__name__
    old = new.removesuffix("_")

    def call(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.",
            FutureWarning,
            stacklevel=2,
        )
        return function(*args, **kwargs)

    call.__name__ = call.__qualname__ = old
    call.__doc__ = f"The old name of ``{new}``, which it warns about."
    return call


uniform, normal = _deprecated(uniform_), _deprecated(normal_)
constant, eye, dirac = _deprecated(constant_), _deprecated(eye_), _deprecated(dirac_)
xavier_uniform, xavier_normal = _deprecated(xavier_uniform_), _deprecated(xavier_normal_)
kaiming_uniform, kaiming_normal = _deprecated(kaiming_uniform_), _deprecated(kaiming_normal_)
orthogonal, sparse = _deprecated(orthogonal_), _deprecated(sparse_)
