"""Nonlinearities that keep what is positive and bend, cut or scale what is negative."""

from __future__ import annotations

import warnings
from typing import Any

from minigrad import functions
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.modules.layer import InPlaceLayer, Layer
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Tensor

__all__ = [
    "CELU",
    "ELU",
    "SELU",
    "Hardtanh",
    "LeakyReLU",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "Threshold",
]


class ReLU(InPlaceLayer):
    """y = max(x, 0); slope 0 at 0. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.ReLU()(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """max(x, 0), written over the input if ``inplace``."""
        return F.relu(input, inplace=self.inplace)


class LeakyReLU(InPlaceLayer):
    """y = x for x > 0, else negative_slope * x. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.LeakyReLU(0.5)(torch.tensor([-1.0, 2.0]))
    tensor([-0.5000,  2.0000])
    """

    shown = "negative_slope={0.negative_slope}"

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__(negative_slope=negative_slope, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The input with its negative part flattened."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)


class PReLU(Layer):
    """y = x for x > 0, else weight * x, with a learned weight, one for all or one per channel.

    Shape: any; channels are the second dimension. Source: He et al., Delving deep into rectifiers,
    2015.

    >>> import minigrad as torch
    >>> torch.nn.PReLU()(torch.tensor([-4.0, 2.0])).detach()
    tensor([-1.,  2.])
    """

    shown = "num_parameters={0.num_parameters}"

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(num_parameters=num_parameters, init=init)
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


class RReLU(InPlaceLayer):
    """y = x for x > 0, else a * x with a drawn for each element from U(lower, upper) in training.

    In evaluation a is the mean of both. Shape: any. Source: Xu et al., Empirical evaluation of
    rectified activations in convolutional network, 2015.

    >>> import minigrad as torch
    >>> torch.nn.RReLU(0.25, 0.75).eval()(torch.tensor([-4.0, 2.0]))
    tensor([-2.,  2.])
    """

    shown = "lower={0.lower}, upper={0.upper}"

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__(lower=lower, upper=upper, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The input with its negative part flattened, differently for each element."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class Hardtanh(InPlaceLayer):
    """y = x cut to [min_val, max_val]; slope 0 at the edges. Shape: any.

    Raises: AssertionError unless max_val is greater than min_val.

    >>> import minigrad as torch
    >>> torch.nn.Hardtanh()(torch.tensor([-3.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """

    shown = "min_val={0.min_val}, max_val={0.max_val}"

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        min_val = _renamed("min_val", min_val, "min_value", min_value)
        max_val = _renamed("max_val", max_val, "max_value", max_value)
        super().__init__(min_val=min_val, max_val=max_val, inplace=inplace)
        if max_val <= min_val:
            raise AssertionError(f"max_val ({max_val}) must be greater than min_val ({min_val})")

    def forward(self, input: Tensor) -> Tensor:
        """The input, cut."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)


def _renamed(name: str, value: float, old_name: str, old: float | None) -> float:
    """The value, unless it came under the name that it had long ago."""
    if old is None:
        return value
    warnings.warn(
        f"keyword argument `{old_name}` is deprecated and renamed to `{name}`",
        FutureWarning,
        stacklevel=3,
    )
    return old


class ReLU6(Hardtanh):
    """y = min(max(x, 0), 6). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.ReLU6()(torch.tensor([-3.0, 7.0]))
    tensor([0., 6.])
    """

    shown = ""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)


class Threshold(InPlaceLayer):
    """y = x for x > threshold, else value. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Threshold(0.5, 9.0)(torch.tensor([0.2, 1.0]))
    tensor([9., 1.])
    """

    shown = "threshold={0.threshold}, value={0.value}"

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(threshold=threshold, value=value, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The input where it is large enough."""
        return F.threshold(input, self.threshold, self.value, self.inplace)


class ELU(InPlaceLayer):
    """y = x for x > 0, else alpha * (e^x - 1). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.ELU()(torch.tensor([0.0, 2.0]))
    tensor([0., 2.])
    """

    shown = "alpha={0.alpha}"

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(alpha=alpha, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The input with its negative part bent."""
        return F.elu(input, self.alpha, self.inplace)


class CELU(InPlaceLayer):
    """y = x for x > 0, else alpha * (e^(x / alpha) - 1). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.CELU()(torch.tensor([0.0, 2.0]))
    tensor([0., 2.])
    """

    shown = "alpha={0.alpha}"

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(alpha=alpha, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The input with its negative part bent smoothly."""
        return F.celu(input, self.alpha, self.inplace)


class SELU(InPlaceLayer):
    """y = scale * elu(x, alpha) with the constants that keep mean 0 and variance 1. Shape: any.

    Source: Klambauer et al., Self-normalizing neural networks, 2017.

    >>> import minigrad as torch
    >>> torch.nn.SELU()(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 1.0507])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The scaled exponential linear unit."""
        return F.selu(input, self.inplace)
