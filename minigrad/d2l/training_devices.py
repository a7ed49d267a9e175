"""Training and judging a network on a chosen device or on several, as chapters 6 and 13 do.

Source: https://d2l.ai/chapter_convolutional-neural-networks/lenet.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minigrad import Tensor, device, nn, no_grad, optim
from minigrad.d2l.devices import try_all_gpus
from minigrad.d2l.drawing import Animator
from minigrad.d2l.measuring import Accumulator, Timer
from minigrad.d2l.training import Batches, accuracy

__all__ = [
    "evaluate_accuracy_gpu",
    "split_batch",
    "train_batch_ch13",
    "train_ch6",
    "train_ch13",
]


def _moved(X: Any, where: Any) -> Any:
    """A tensor, or each of a list, on a device."""
    return [x.to(where) for x in X] if isinstance(X, list) else X.to(where)


def evaluate_accuracy_gpu(net: Any, data_iter: Batches, device: Any = None) -> float:
    """The share of right predictions; the data goes to where the network's parameters are.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> batches = d2l.load_array((torch.eye(4), torch.arange(4)), 2)
    >>> d2l.evaluate_accuracy_gpu(torch.nn.Linear(4, 4), batches) <= 1
    True
    """
    if isinstance(net, nn.Module):
        net.eval()
        device = device or next(iter(net.parameters())).device
    metric = Accumulator(2)  # right predictions, predictions
    with no_grad():
        for X, y in data_iter:
            y = y.to(device)
            metric.add(accuracy(net(_moved(X, device)), y), y.numel())
    return metric[0] / metric[1]


def train_ch6(
    net: nn.Module, train_iter: Any, test_iter: Batches, num_epochs: int, lr: float, device: Any
) -> None:
    """Train from Xavier's initial weights by SGD and cross-entropy, on a device, drawing curves.

    >>> import minigrad as torch, tempfile
    >>> from minigrad import d2l
    >>> d2l.figure_folder(tempfile.mkdtemp())
    >>> net, batches = torch.nn.Linear(4, 4), d2l.load_array((torch.eye(4), torch.arange(4)), 2)
    >>> d2l.train_ch6(net, batches, batches, 1, 0.1, d2l.try_gpu(1000))
    training on cpu
    loss ..., train acc ..., test acc ...
    ... examples/sec on cpu
    """

    def initial(module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(module.weight)

    net.apply(initial)
    print("training on", device)
    net.to(device)
    optimizer, loss = optim.SGD(net.parameters(), lr=lr), nn.CrossEntropyLoss()
    animator = Animator(
        xlabel="epoch", xlim=[1, num_epochs], legend=["train loss", "train acc", "test acc"]
    )
    timer, batches = Timer(), len(train_iter)
    timer.times.clear()
    for epoch in range(num_epochs):
        metric = Accumulator(3)  # sum of losses, right predictions, examples
        net.train()
        for i, (X, y) in enumerate(train_iter):
            timer.start()
            optimizer.zero_grad()
            X, y = X.to(device), y.to(device)
            y_hat = net(X)
            value = loss(y_hat, y)
            value.backward()
            optimizer.step()
            with no_grad():
                metric.add(value * X.shape[0], accuracy(y_hat, y), X.shape[0])
            timer.stop()
            measured = metric[0] / metric[2], metric[1] / metric[2]
            if (i + 1) % max(1, batches // 5) == 0 or i == batches - 1:
                animator.add(epoch + (i + 1) / batches, (*measured, None))
        test_acc = evaluate_accuracy_gpu(net, test_iter)
        animator.add(epoch + 1, (None, None, test_acc))
    print(f"loss {measured[0]:.3f}, train acc {measured[1]:.3f}, test acc {test_acc:.3f}")
    print(f"{metric[2] * num_epochs / timer.sum():.1f} examples/sec on {device}")


def split_batch(X: Tensor, y: Tensor, devices: Sequence[device]) -> tuple[Any, Any]:
    """Examples and labels in equal parts, one for each device.

    Raises: AssertionError if there are not as many labels as examples.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> X, y = d2l.split_batch(torch.ones(4, 2), torch.ones(4), [d2l.cpu(), d2l.cpu()])
    >>> len(X), X[0].shape
    (2, torch.Size([2, 2]))
    """
    assert X.shape[0] == y.shape[0], f"{X.shape[0]} examples, but {y.shape[0]} labels"
    scatter = nn.parallel.scatter
    return scatter(X, devices), scatter(y, devices)


def train_batch_ch13(
    net: Any, X: Any, y: Tensor, loss: Callable[..., Tensor], trainer: Any, devices: Sequence[Any]
) -> tuple[Tensor, float]:
    """One step; returns the sum of the losses and the number of right predictions.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> net = torch.nn.Linear(4, 4)
    >>> trainer, loss = torch.optim.SGD(net.parameters(), 0.1), torch.nn.CrossEntropyLoss()
    >>> _, right = d2l.train_batch_ch13(
    ...     net, torch.eye(4), torch.arange(4), loss, trainer, [d2l.cpu()])
    >>> 0 <= right <= 4
    True
    """
    X, y = _moved(X, devices[0]), y.to(devices[0])
    net.train()
    trainer.zero_grad()
    prediction = net(X)
    values = loss(prediction, y)
    values.sum().backward()
    trainer.step()
    return values.sum(), accuracy(prediction, y)


def train_ch13(
    net: Any,
    train_iter: Any,
    test_iter: Batches,
    loss: Callable[..., Tensor],
    trainer: Any,
    num_epochs: int,
    devices: Sequence[Any] | None = None,
) -> None:
    """Train on all devices at once, drawing curves; ``loss`` gives a number for each example.

    >>> import minigrad as torch, tempfile
    >>> from minigrad import d2l
    >>> d2l.figure_folder(tempfile.mkdtemp())
    >>> net, batches = torch.nn.Linear(4, 4), d2l.load_array((torch.eye(4), torch.arange(4)), 2)
    >>> trainer = torch.optim.SGD(net.parameters(), 0.1)
    >>> loss = torch.nn.CrossEntropyLoss(reduction="none")
    >>> d2l.train_ch13(net, batches, batches, loss, trainer, 1, [d2l.cpu()])
    loss ..., train acc ..., test acc ...
    ... examples/sec on [device(type='cpu')]
    """
    devices = list(devices or try_all_gpus())
    timer, batches = Timer(), len(train_iter)
    timer.times.clear()
    animator = Animator(
        xlabel="epoch",
        xlim=[1, num_epochs],
        ylim=[0, 1],
        legend=["train loss", "train acc", "test acc"],
    )
    net = nn.DataParallel(net, device_ids=devices).to(devices[0])
    for epoch in range(num_epochs):
        metric = Accumulator(4)  # sum of losses, right predictions, examples, labels
        for i, (features, labels) in enumerate(train_iter):
            timer.start()
            total, right = train_batch_ch13(net, features, labels, loss, trainer, devices)
            metric.add(total, right, labels.shape[0], labels.numel())
            timer.stop()
            if (i + 1) % max(1, batches // 5) == 0 or i == batches - 1:
                measured = metric[0] / metric[2], metric[1] / metric[3]
                animator.add(epoch + (i + 1) / batches, (*measured, None))
        test_acc = evaluate_accuracy_gpu(net, test_iter)
        animator.add(epoch + 1, (None, None, test_acc))
    print(
        f"loss {metric[0] / metric[2]:.3f}, train acc {metric[1] / metric[3]:.3f}, "
        f"test acc {test_acc:.3f}"
    )
    print(f"{metric[2] * num_epochs / timer.sum():.1f} examples/sec on {devices}")
