"""Less common nonlinearities as layers."""

from __future__ import annotations

from typing import Any

from minigrad import functions
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.modules.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Tensor

__all__ = [
    "CELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "LogSigmoid",
    "Mish",
    "PReLU",
    "Softshrink",
    "Softsign",
    "Tanhshrink",
    "Threshold",
]


class LogSigmoid(Module):
    """y = log(1 / (1 + e^-x)). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.LogSigmoid()(torch.zeros(1))
    tensor([-0.6931])
    """

    def forward(self, input: Tensor) -> Tensor:
        """log(sigmoid(x)), stably."""
        return F.logsigmoid(input)


class Softsign(Module):
    """y = x / (1 + |x|). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Softsign()(torch.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x / (1 + |x|)."""
        return F.softsign(input)


class Tanhshrink(Module):
    """y = x - tanh(x). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Tanhshrink()(torch.zeros(1))
    tensor([0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x - tanh(x)."""
        return F.tanhshrink(input)


class _Shrink(Module):
    """What the shrinkages share: a width around zero that is cut out."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """The width."""
        return str(self.lambd)


class Softshrink(_Shrink):
    """y = x moved by lambd towards zero, and zero within lambd of it. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Softshrink()(torch.tensor([-1.0, 0.2]))
    tensor([-0.5000,  0.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input, moved towards zero."""
        return F.softshrink(input, self.lambd)


class Hardshrink(_Shrink):
    """y = x, and zero within lambd of zero. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Hardshrink()(torch.tensor([-1.0, 0.2]))
    tensor([-1.,  0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input without what is near zero."""
        return F.hardshrink(input, self.lambd)


class _MaybeInPlace(Module):
    """What activations share that have no option but whether they overwrite their input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Whether the input is overwritten."""
        return "inplace=True" if self.inplace else ""


class Hardsigmoid(_MaybeInPlace):
    """y = x / 6 + 1/2, cut to [0, 1]. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Hardsigmoid()(torch.tensor([-9.0, 0.0]))
    tensor([0.0000, 0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The cut line."""
        return F.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        """Nothing, as in torch."""
        return ""


class Hardswish(_MaybeInPlace):
    """y = x * hardsigmoid(x). Shape: any. Source: Howard et al., Searching for MobileNetV3, 2019.

    >>> import minigrad as torch
    >>> torch.nn.Hardswish()(torch.tensor([-9.0, 3.0]))
    tensor([-0.,  3.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x * hardsigmoid(x)."""
        return F.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        """Nothing, as in torch."""
        return ""


class Mish(_MaybeInPlace):
    """y = x * tanh(softplus(x)). Shape: any. Source: Misra, Mish, 2019.

    >>> import minigrad as torch
    >>> torch.nn.Mish()(torch.zeros(1))
    tensor([0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x * tanh(softplus(x))."""
        return F.mish(input, inplace=self.inplace)


class SELU(_MaybeInPlace):
    """y = scale * elu(x, alpha) with the constants that keep mean 0 and variance 1. Shape: any.

    Source: Klambauer et al., Self-normalizing neural networks, 2017.

    >>> import minigrad as torch
    >>> torch.nn.SELU()(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 1.0507])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The scaled exponential linear unit."""
        return F.selu(input, self.inplace)


class CELU(_MaybeInPlace):
    """y = x for x > 0, else alpha * (e^(x / alpha) - 1). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.CELU()(torch.tensor([0.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        """The input with its negative part bent smoothly."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The factor, and whether the input is overwritten."""
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class Threshold(_MaybeInPlace):
    """y = x for x > threshold, else value. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Threshold(0.5, 9.0)(torch.tensor([0.2, 1.0]))
    tensor([9., 1.])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold = threshold
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """The input where it is large enough."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """Both numbers, and whether the input is overwritten."""
        text = ", inplace=True" if self.inplace else ""
        return f"threshold={self.threshold}, value={self.value}{text}"


class GLU(Module):
    """y = a * sigmoid(b) for the two halves a and b of the input. Shape: (*, 2 n, *) -> (*, n, *).

    Source: Dauphin et al., Language modeling with gated convolutional networks, 2016.

    >>> import minigrad as torch
    >>> torch.nn.GLU()(torch.tensor([[2.0, 0.0]]))
    tensor([[1.]])
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """One half, gated by the other."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """The dimension that is halved."""
        return f"dim={self.dim}"


class PReLU(Module):
    """y = x for x > 0, else weight * x, with a learned weight, one for all or one per channel.

    Shape: any; channels are the second dimension. Source: He et al., Delving deep into rectifiers,
    2015.

    >>> import minigrad as torch
    >>> torch.nn.PReLU()(torch.tensor([-4.0, 2.0])).detach()
    tensor([-1.,  2.])
    """

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(functions.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weights to their first value.

        >>> import minigrad as torch
        >>> torch.nn.PReLU().reset_parameters()
        """
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """The input with its negative part flattened."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """How many weights."""
        return f"num_parameters={self.num_parameters}"
