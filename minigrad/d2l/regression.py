"""Linear regression, from scratch and with a layer, and data made up for it.

Source: https://d2l.ai/chapter_linear-regression/linear-regression-scratch.html
"""

from __future__ import annotations

from typing import Any

import minigrad as torch
from minigrad import Tensor, nn
from minigrad.d2l.modules import DataModule, Module
from minigrad.d2l.objects import HyperParameters

__all__ = ["SGD", "LinearRegression", "LinearRegressionScratch", "SyntheticRegressionData"]


class SyntheticRegressionData(DataModule):
    """Points of y = Xw + b + noise, X and the noise drawn from normal distributions.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> data = d2l.SyntheticRegressionData(w=torch.tensor([2, -3.4]), b=4.2, num_train=64)
    >>> X, y = next(iter(data.train_dataloader()))
    >>> X.shape, y.shape, len(data.train_dataloader())
    (torch.Size([32, 2]), torch.Size([32, 1]), 2)
    """

    num_train: int
    num_val: int

    def __init__(
        self,
        w: Tensor,
        b: Any,
        noise: float = 0.01,
        num_train: int = 1000,
        num_val: int = 1000,
        batch_size: int = 32,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        n = num_train + num_val
        self.X = torch.randn(n, len(w))
        error = torch.randn(n, 1) * noise
        self.y = torch.matmul(self.X, w.reshape((-1, 1))) + b + error

    def get_dataloader(self, train: bool) -> Any:
        """The first points for training, the others for validation."""
        part = slice(0, self.num_train) if train else slice(self.num_train, None)
        return self.get_tensorloader((self.X, self.y), train, part)


class SGD(HyperParameters):
    """Gradient descent.   p <- p - lr * grad

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> w = torch.ones(1, requires_grad=True)
    >>> (4 * w).sum().backward()
    >>> with torch.no_grad():
    ...     d2l.SGD([w], lr=0.5).step()
    >>> w
    tensor([-1.], requires_grad=True)
    """

    params: Any
    lr: float

    def __init__(self, params: Any, lr: float) -> None:
        self.save_hyperparameters()

    def step(self) -> None:
        """Go one step; to be called without recording."""
        for param in self.params:
            param -= self.lr * param.grad

    def zero_grad(self) -> None:
        """Set the gradients to zero."""
        for param in self.params:
            if param.grad is not None:
                param.grad.zero_()


class LinearRegressionScratch(Module):
    """Xw + b with a squared error, of two tensors.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.LinearRegressionScratch(2, lr=0.03)(torch.zeros(3, 2)).shape
    torch.Size([3, 1])
    """

    def __init__(self, num_inputs: int, lr: float, sigma: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.w = torch.normal(0, sigma, (num_inputs, 1), requires_grad=True)
        self.b = torch.zeros(1, requires_grad=True)

    def forward(self, X: Tensor) -> Tensor:
        """X (N, num_inputs) -> (N, 1)."""
        return torch.matmul(X, self.w) + self.b

    def loss(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """Half the mean squared error."""
        half: Tensor = (y_hat - y) ** 2 / 2
        return half.mean()

    def configure_optimizers(self) -> Any:
        """The book's gradient descent."""
        return SGD([self.w, self.b], self.lr)


class LinearRegression(Module):
    """Xw + b with a squared error, as a layer that learns its number of inputs from them.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.LinearRegression(lr=0.03)(torch.zeros(3, 2)).shape
    torch.Size([3, 1])
    """

    def __init__(self, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.LazyLinear(1)
        self.net.weight.data.normal_(0, 0.01)
        self.net.bias.data.fill_(0)

    def forward(self, X: Tensor) -> Tensor:
        """X (N, d) -> (N, 1)."""
        out: Tensor = self.net(X)
        return out

    def loss(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """The mean squared error."""
        mean: Tensor = nn.MSELoss()(y_hat, y)
        return mean

    def get_w_b(self) -> tuple[Tensor, Tensor]:
        """Weight and bias."""
        return self.net.weight.data, self.net.bias.data
