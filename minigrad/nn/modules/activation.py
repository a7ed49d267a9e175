"""Nonlinearities as layers."""

from __future__ import annotations

from minigrad import functions
from minigrad.nn import functional as F
from minigrad.nn.modules.module import Module
from minigrad.tensor import Tensor

__all__ = [
    "ELU",
    "GELU",
    "Hardtanh",
    "LeakyReLU",
    "LogSoftmax",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmin",
    "Softplus",
    "Tanh",
]


def _inplace_text(inplace: bool, sep: str = "") -> str:
    return f"{sep}inplace=True" if inplace else ""


class ReLU(Module):
    """y = max(x, 0); slope 0 at 0. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.ReLU()(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """max(x, 0), written over the input if ``inplace``."""
        return F.relu(input, inplace=self.inplace)

    def extra_repr(self) -> str:
        """Whether the input is overwritten."""
        return _inplace_text(self.inplace)


class Sigmoid(Module):
    """y = 1 / (1 + e^-x). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Sigmoid()(torch.zeros(1))
    tensor([0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """1 / (1 + e^-x)."""
        return functions.sigmoid(input)


class Tanh(Module):
    """y = (e^x - e^-x) / (e^x + e^-x). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Tanh()(torch.zeros(1))
    tensor([0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """tanh(x)."""
        return functions.tanh(input)


class LeakyReLU(Module):
    """y = x for x > 0, else negative_slope * x. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.LeakyReLU(0.5)(torch.tensor([-1.0, 2.0]))
    tensor([-0.5000,  2.0000])
    """

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The input with its negative part flattened."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The slope, and whether the input is overwritten."""
        return f"negative_slope={self.negative_slope}{_inplace_text(self.inplace, ', ')}"


class GELU(Module):
    """y = x * P(Z <= x) for a standard normal Z; ``approximate="tanh"`` for the cheaper form.

    Shape: any. Source: Hendrycks and Gimpel, Gaussian error linear units, 2016.

    >>> import minigrad as torch
    >>> torch.nn.GELU()(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8413])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """x * P(Z <= x)."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """Which form."""
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """y = x / (1 + e^-x). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.SiLU()(torch.zeros(1))
    tensor([0.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """x * sigmoid(x)."""
        return F.silu(input, inplace=self.inplace)

    def extra_repr(self) -> str:
        """Whether the input is overwritten."""
        return _inplace_text(self.inplace)


class ELU(Module):
    """y = x for x > 0, else alpha * (e^x - 1). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.ELU()(torch.tensor([0.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The input with its negative part bent."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The factor, and whether the input is overwritten."""
        return f"alpha={self.alpha}{_inplace_text(self.inplace, ', ')}"


class Softplus(Module):
    """y = log(1 + e^(beta x)) / beta, and x itself where beta x > threshold. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Softplus()(torch.zeros(1))
    tensor([0.6931])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """log(1 + e^(beta x)) / beta."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Both numbers."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Hardtanh(Module):
    """y = x cut to [min_val, max_val]; slope 0 at the edges. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Hardtanh()(torch.tensor([-3.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if not max_val > min_val:
            raise AssertionError(f"max_val ({max_val}) must be greater than min_val ({min_val})")
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The input, cut."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """The edges, and whether the input is overwritten."""
        text = _inplace_text(self.inplace, ", ")
        return f"min_val={self.min_val}, max_val={self.max_val}{text}"


class ReLU6(Hardtanh):
    """y = min(max(x, 0), 6). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.ReLU6()(torch.tensor([-3.0, 7.0]))
    tensor([0., 6.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """Whether the input is overwritten."""
        return _inplace_text(self.inplace)


class Softmax(Module):
    """y_i = e^x_i / sum over j of e^x_j, along one dimension. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Softmax(dim=1)(torch.zeros(1, 2))
    tensor([[0.5000, 0.5000]])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Numbers that are positive and sum to one."""
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softmin(Softmax):
    """y_i = e^-x_i / sum over j of e^-x_j, along one dimension. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Softmin(dim=1)(torch.zeros(1, 2))
    tensor([[0.5000, 0.5000]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Numbers that are positive and sum to one, the largest for the smallest input."""
        return F.softmin(input, self.dim)


class LogSoftmax(Module):
    """y_i = x_i - log(sum over j of e^x_j), along one dimension. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.LogSoftmax(dim=1)(torch.zeros(1, 2))
    tensor([[-0.6931, -0.6931]])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """The logarithm of the softmax, without forming it."""
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"
