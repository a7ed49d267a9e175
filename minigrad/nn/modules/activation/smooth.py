"""Nonlinearities of the sigmoid's family: squashing, gating and smooth rectifying."""

from __future__ import annotations

from minigrad import functions
from minigrad.nn import functional as F
from minigrad.nn.modules.layer import InPlaceLayer, Layer
from minigrad.nn.modules.module import Module
from minigrad.tensor import Tensor

__all__ = [
    "GELU",
    "GLU",
    "Hardsigmoid",
    "Hardswish",
    "LogSigmoid",
    "Mish",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "Tanh",
]


class Sigmoid(Module):
    """y = 1 / (1 + e^-x). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Sigmoid()(torch.zeros(1))
    tensor([0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """1 / (1 + e^-x)."""
        return functions.sigmoid(input)


class LogSigmoid(Module):
    """y = log(1 / (1 + e^-x)). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.LogSigmoid()(torch.zeros(1))
    tensor([-0.6931])
    """

    def forward(self, input: Tensor) -> Tensor:
        """log(sigmoid(x)), stably."""
        return F.logsigmoid(input)


class Hardsigmoid(Layer):
    """y = x / 6 + 1/2, cut to [0, 1]. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Hardsigmoid()(torch.tensor([-9.0, 0.0]))
    tensor([0.0000, 0.5000])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The cut line."""
        return F.hardsigmoid(input, self.inplace)


class Tanh(Module):
    """y = (e^x - e^-x) / (e^x + e^-x). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Tanh()(torch.zeros(1))
    tensor([0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """tanh(x)."""
        return functions.tanh(input)


class Softsign(Module):
    """y = x / (1 + |x|). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Softsign()(torch.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x / (1 + |x|)."""
        return F.softsign(input)


class Softplus(Layer):
    """y = log(1 + e^(beta x)) / beta, and x itself where beta x > threshold. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Softplus()(torch.zeros(1))
    tensor([0.6931])
    """

    shown = "beta={0.beta}, threshold={0.threshold}"

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__(beta=beta, threshold=threshold)

    def forward(self, input: Tensor) -> Tensor:
        """log(1 + e^(beta x)) / beta."""
        return F.softplus(input, self.beta, self.threshold)


class GELU(Layer):
    """y = x * P(Z <= x) for a standard normal Z; ``approximate="tanh"`` for the cheaper form.

    Shape: any. Source: Hendrycks and Gimpel, Gaussian error linear units, 2016.

    >>> import minigrad as torch
    >>> torch.nn.GELU()(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8413])
    """

    shown = "approximate={0.approximate!r}"

    def __init__(self, approximate: str = "none") -> None:
        super().__init__(approximate=approximate)

    def forward(self, input: Tensor) -> Tensor:
        """x * P(Z <= x)."""
        return F.gelu(input, approximate=self.approximate)


class SiLU(InPlaceLayer):
    """y = x / (1 + e^-x). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.SiLU()(torch.zeros(1))
    tensor([0.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """x * sigmoid(x)."""
        return F.silu(input, inplace=self.inplace)


class Mish(InPlaceLayer):
    """y = x * tanh(softplus(x)). Shape: any. Source: Misra, Mish, 2019.

    >>> import minigrad as torch
    >>> torch.nn.Mish()(torch.zeros(1))
    tensor([0.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """x * tanh(softplus(x))."""
        return F.mish(input, inplace=self.inplace)


class Hardswish(Layer):
    """y = x * hardsigmoid(x). Shape: any. Source: Howard et al., Searching for MobileNetV3, 2019.

    >>> import minigrad as torch
    >>> torch.nn.Hardswish()(torch.tensor([-9.0, 3.0]))
    tensor([-0.,  3.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """x * hardsigmoid(x)."""
        return F.hardswish(input, self.inplace)


class GLU(Layer):
    """y = a * sigmoid(b) for the two halves a and b of the input. Shape: (*, 2 n, *) -> (*, n, *).

    Source: Dauphin et al., Language modeling with gated convolutional networks, 2016.

    >>> import minigrad as torch
    >>> torch.nn.GLU()(torch.tensor([[2.0, 0.0]]))
    tensor([[1.]])
    """

    shown = "dim={0.dim}"

    def __init__(self, dim: int = -1) -> None:
        super().__init__(dim=dim)

    def forward(self, input: Tensor) -> Tensor:
        """One half, gated by the other."""
        return F.glu(input, self.dim)
