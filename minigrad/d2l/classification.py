"""Classifying pictures: Fashion-MNIST, what all classifiers share, softmax regression and LeNet.

Source: https://d2l.ai/chapter_linear-classification/classification.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Tensor, nn
from minigrad.d2l.data import get_fashion_mnist_labels
from minigrad.d2l.drawing import show_images
from minigrad.d2l.modules import DataModule, Module
from minigrad.nn import functional as F
from minigrad.utils import data as loading

__all__ = ["Classifier", "FashionMNIST", "LeNet", "SoftmaxRegression", "init_cnn"]


class FashionMNIST(DataModule):
    """Fashion-MNIST in ``../data``, fetched if it is not there, at a chosen size.

    Raises: RuntimeError if the files can neither be found nor fetched.

    >>> from minigrad import d2l
    >>> d2l.FashionMNIST(batch_size=64, resize=(32, 32))  # doctest: +SKIP
    """

    def __init__(self, batch_size: int = 64, resize: Any = (28, 28)) -> None:
        super().__init__()
        self.save_hyperparameters()
        from minigrad.vision import datasets, transforms

        steps = transforms.Compose([transforms.Resize(resize), transforms.ToTensor()])
        self.train, self.val = (
            datasets.FashionMNIST(root=self.root, train=train, transform=steps, download=True)
            for train in (True, False)
        )

    def text_labels(self, indices: Any) -> list[str]:
        """The words for class numbers."""
        return get_fashion_mnist_labels(indices)

    def get_dataloader(self, train: bool) -> Any:
        """Batches of pictures and class numbers."""
        part = self.train if train else self.val
        return loading.DataLoader(
            part, self.batch_size, shuffle=train, num_workers=self.num_workers
        )

    def visualize(
        self, batch: Any, nrows: int = 1, ncols: int = 8, labels: Sequence[str] = ()
    ) -> None:
        """Show the first pictures of a batch with their classes."""
        X, y = batch
        show_images(X.squeeze(1), nrows, ncols, titles=labels or self.text_labels(y))


class Classifier(Module):
    """A model whose output is a score for each class, with cross-entropy as its loss.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> scores = torch.tensor([[0.1, 0.9], [0.8, 0.2]])
    >>> d2l.Classifier().accuracy(scores, torch.tensor([1, 1]))
    tensor(0.5000)
    """

    def validation_step(self, batch: Any) -> None:
        """Draw loss and accuracy of a batch."""
        Y_hat = self(*batch[:-1])
        self.plot("loss", self.loss(Y_hat, batch[-1]), train=False)
        self.plot("acc", self.accuracy(Y_hat, batch[-1]), train=False)

    def accuracy(self, Y_hat: Tensor, Y: Tensor, averaged: bool = True) -> Tensor:
        """The share of right predictions, or 1 or 0 for each."""
        Y_hat = Y_hat.reshape((-1, Y_hat.shape[-1]))
        guesses = Y_hat.argmax(dim=1).type(Y.dtype)
        right = (guesses == Y.reshape(-1)).type(torch.float32)
        return right.mean() if averaged else right

    def loss(self, Y_hat: Tensor, Y: Tensor, averaged: bool = True) -> Tensor:
        """Cross-entropy, its mean or one for each example."""
        Y_hat = Y_hat.reshape((-1, Y_hat.shape[-1]))
        return F.cross_entropy(Y_hat, Y.reshape((-1,)), reduction="mean" if averaged else "none")

    def layer_summary(self, X_shape: Sequence[int]) -> None:
        """Print what becomes of the shape of an input from layer to layer."""
        X = torch.randn(*X_shape)
        for layer in self.net:
            X = layer(X)
            print(layer.__class__.__name__, "output shape:\t", X.shape)


class SoftmaxRegression(Classifier):
    """One linear layer, whose softmax is the probability of each class.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.SoftmaxRegression(num_outputs=10, lr=0.1)(torch.rand(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(self, num_outputs: int, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Flatten(), nn.LazyLinear(num_outputs))


def init_cnn(module: Any) -> None:
    """Xavier's initial weights, for linear layers and convolutions.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> _ = torch.nn.Sequential(torch.nn.Linear(2, 2)).apply(d2l.init_cnn)
    """
    if type(module) in (nn.Linear, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)


class LeNet(Classifier):
    """LeNet-5 with sigmoids and average pooling.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.LeNet()(torch.rand(2, 1, 28, 28)).shape
    torch.Size([2, 10])

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.
    """

    def __init__(self, lr: float = 0.1, num_classes: int = 10) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.LazyConv2d(6, kernel_size=5, padding=2),
            nn.Sigmoid(),
            nn.AvgPool2d(kernel_size=2, stride=2),
            nn.LazyConv2d(16, kernel_size=5),
            nn.Sigmoid(),
            nn.AvgPool2d(kernel_size=2, stride=2),
            nn.Flatten(),
            nn.LazyLinear(120),
            nn.Sigmoid(),
            nn.LazyLinear(84),
            nn.Sigmoid(),
            nn.LazyLinear(num_classes),
        )
