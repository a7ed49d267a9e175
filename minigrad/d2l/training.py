"""Training and judging a network on one device, as chapters 3 and 4 of the book do.

Source: https://d2l.ai/chapter_linear-classification/index.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minigrad import Tensor, matmul, nn, no_grad
from minigrad.d2l.data import get_fashion_mnist_labels
from minigrad.d2l.drawing import Animator, show_images
from minigrad.d2l.measuring import Accumulator
from minigrad.optim import Optimizer

__all__ = [
    "accuracy",
    "evaluate_accuracy",
    "evaluate_loss",
    "grad_clipping",
    "linreg",
    "predict_ch3",
    "sgd",
    "squared_loss",
    "train_ch3",
    "train_epoch_ch3",
]

Batches = Iterable[Any]
Net = Callable[[Tensor], Tensor]


def linreg(X: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """Linear regression: Xw + b.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.linreg(torch.ones(1, 2), torch.tensor([1.0, 2.0]), torch.tensor(3.0))
    tensor([6.])
    """
    return matmul(X, w) + b


def squared_loss(y_hat: Tensor, y: Tensor) -> Tensor:
    """Half the squared difference, for each element of ``y_hat``.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.squared_loss(torch.tensor([[3.0]]), torch.tensor([1.0]))
    tensor([[2.]])
    """
    half: Tensor = (y_hat - y.reshape(y_hat.shape)) ** 2 / 2
    return half


def sgd(params: Sequence[Tensor], lr: float, batch_size: int) -> None:
    """One step against gradients that were summed over a batch; they are zero afterwards.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> w = torch.ones(1, requires_grad=True)
    >>> (4 * w).sum().backward()
    >>> d2l.sgd([w], lr=0.5, batch_size=2)
    >>> w, w.grad
    (tensor([0.], requires_grad=True), tensor([0.]))
    """
    with no_grad():
        for param in params:
            grad = param.grad
            assert grad is not None, "d2l.sgd: there is a parameter without a gradient"
            param -= lr * grad / batch_size
            grad.zero_()


def accuracy(y_hat: Tensor, y: Tensor) -> float:
    """How many predictions are right; ``y_hat`` holds classes, or a score for each class.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.accuracy(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([1, 1]))
    1.0
    """
    if len(y_hat.shape) > 1 and y_hat.shape[1] > 1:
        y_hat = y_hat.argmax(dim=1)
    right = y_hat.type(y.dtype) == y
    return float(right.type(y.dtype).sum())


def evaluate_accuracy(net: Net, data_iter: Batches) -> float:
    """The share of right predictions over all batches, in evaluation mode.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> X, y = torch.eye(4), torch.arange(4)
    >>> d2l.evaluate_accuracy(torch.nn.Identity(), d2l.load_array((X, y), 2))
    1.0
    """
    if isinstance(net, nn.Module):
        net.eval()
    metric = Accumulator(2)  # right predictions, predictions
    with no_grad():
        for X, y in data_iter:
            metric.add(accuracy(net(X), y), y.numel())
    return metric[0] / metric[1]


def evaluate_loss(net: Net, data_iter: Batches, loss: Callable[..., Tensor]) -> float:
    """The mean loss over all batches.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> batches = d2l.load_array((torch.ones(4, 1), torch.zeros(4)), 2)
    >>> d2l.evaluate_loss(lambda X: X, batches, d2l.squared_loss)
    0.5
    """
    metric = Accumulator(2)  # sum of losses, number of losses
    for X, y in data_iter:
        out = net(X)
        values = loss(out, y.reshape(out.shape))
        metric.add(values.sum(), values.numel())
    return metric[0] / metric[1]


def train_epoch_ch3(
    net: Net, train_iter: Batches, loss: Callable[..., Tensor], updater: Any
) -> tuple[float, float]:
    """One pass over the training data; returns the mean loss and the accuracy on the way.

    ``updater`` is an optimizer, or a function of the batch size that changes the parameters.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> net, batches = torch.nn.Linear(4, 4), d2l.load_array((torch.eye(4), torch.arange(4)), 2)
    >>> sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    >>> mean, right = d2l.train_epoch_ch3(net, batches, torch.nn.CrossEntropyLoss(), sgd)
    >>> 0 <= right <= 1
    True
    """
    if isinstance(net, nn.Module):
        net.train()
    metric = Accumulator(3)  # sum of losses, right predictions, examples
    for X, y in train_iter:
        y_hat = net(X)
        values = loss(y_hat, y)
        if isinstance(updater, Optimizer):
            updater.zero_grad()
            values.mean().backward()
            updater.step()
        else:
            values.sum().backward()
            updater(X.shape[0])
        total = float(values.sum()) * (len(y) if values.ndim == 0 else 1)
        metric.add(total, accuracy(y_hat, y), y.numel())
    return metric[0] / metric[2], metric[1] / metric[2]


def train_ch3(
    net: Net,
    train_iter: Batches,
    test_iter: Batches,
    loss: Callable[..., Tensor],
    num_epochs: int,
    updater: Any,
) -> None:
    """Train for some epochs, drawing loss and both accuracies as they come.

    >>> import minigrad as torch, tempfile
    >>> from minigrad import d2l
    >>> d2l.figure_folder(tempfile.mkdtemp())
    >>> net, batches = torch.nn.Linear(4, 4), d2l.load_array((torch.eye(4), torch.arange(4)), 2)
    >>> sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    >>> d2l.train_ch3(net, batches, batches, torch.nn.CrossEntropyLoss(), 2, sgd)
    """
    animator = Animator(
        xlabel="epoch",
        xlim=[1, num_epochs],
        ylim=[0.3, 0.9],
        legend=["train loss", "train acc", "test acc"],
    )
    for epoch in range(num_epochs):
        measured = train_epoch_ch3(net, train_iter, loss, updater)
        animator.add(epoch + 1, (*measured, evaluate_accuracy(net, test_iter)))


def predict_ch3(net: Net, test_iter: Batches, n: int = 6) -> None:
    """Show the first ``n`` pictures of a batch of Fashion-MNIST, with true and predicted classes.

    >>> import minigrad as torch, tempfile
    >>> from minigrad import d2l
    >>> d2l.figure_folder(tempfile.mkdtemp())
    >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    >>> d2l.predict_ch3(net, [(torch.rand(6, 1, 28, 28), torch.arange(6))], n=4)
    """
    X, y = next(iter(test_iter))
    trues = get_fashion_mnist_labels(y)
    predictions = get_fashion_mnist_labels(net(X).argmax(dim=1))
    titles = [f"{true}\n{guess}" for true, guess in zip(trues, predictions, strict=True)]
    show_images(X[:n].reshape((n, 28, 28)), 1, n, titles=titles[:n])


def grad_clipping(net: Any, theta: float) -> None:
    """Scale all gradients so that their norm is at most ``theta``.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> net = torch.nn.Linear(1, 1)
    >>> (100 * net(torch.ones(1))).backward()
    >>> d2l.grad_clipping(net, 1.0)
    >>> float(net.weight.grad**2 + net.bias.grad**2) <= 1.001
    True
    """
    params = net.parameters() if isinstance(net, nn.Module) else net.params
    grads = [p.grad for p in params if p.requires_grad and p.grad is not None]
    norm = sum(float((grad**2).sum()) for grad in grads) ** 0.5
    if norm > theta:
        for grad in grads:
            grad *= theta / norm
