"""What a model, its data and its training are in the book: three classes that know each other.

Source: https://d2l.ai/chapter_linear-regression/oo-design.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import minigrad as torch
from minigrad import Tensor, nn
from minigrad.d2l.devices import gpu, num_gpus
from minigrad.d2l.objects import HyperParameters, ProgressBoard
from minigrad.utils import data as loading

__all__ = ["DataModule", "Module", "Trainer"]


class Module(nn.Module, HyperParameters):
    """A network that says what its loss is, how it learns, and what is drawn meanwhile.

    Args:
        plot_train_per_epoch, plot_valid_per_epoch: points of a curve in an epoch.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> class Mean(d2l.Module):
    ...     def __init__(self, lr):
    ...         super().__init__()
    ...         self.save_hyperparameters()
    ...         self.net = torch.nn.Linear(1, 1)
    ...     def loss(self, y_hat, y):
    ...         return ((y_hat - y) ** 2).mean()
    >>> Mean(0.1).configure_optimizers().defaults["lr"]
    0.1
    """

    plot_train_per_epoch: float
    plot_valid_per_epoch: float
    lr: float
    net: Any
    trainer: Trainer

    def __init__(self, plot_train_per_epoch: float = 2, plot_valid_per_epoch: float = 1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.board = ProgressBoard()

    def loss(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """What training makes small. A subclass defines it."""
        raise NotImplementedError

    def forward(self, *inputs: Any) -> Any:
        """What ``self.net`` makes of an input."""
        assert hasattr(self, "net"), "Neural network is defined"
        return self.net(*inputs)

    def plot(self, key: str, value: Any, train: bool) -> None:
        """Draw a value of the present batch, of training or of validation."""
        assert hasattr(self, "trainer"), "Trainer is not inited"
        self.board.xlabel = "epoch"
        trainer = self.trainer
        if train:
            x: float = trainer.train_batch_idx / trainer.num_train_batches
            n = trainer.num_train_batches / self.plot_train_per_epoch
        else:
            x = trainer.epoch + 1
            n = trainer.num_val_batches / self.plot_valid_per_epoch
        label = ("train_" if train else "val_") + key
        self.board.draw(x, value.detach().cpu().numpy(), label, every_n=int(n))

    def training_step(self, batch: Any) -> Tensor:
        """The loss of a batch of training data, drawn."""
        value = self.loss(self(*batch[:-1]), batch[-1])
        self.plot("loss", value, train=True)
        return value

    def validation_step(self, batch: Any) -> None:
        """Draw the loss of a batch of validation data."""
        self.plot("loss", self.loss(self(*batch[:-1]), batch[-1]), train=False)

    def configure_optimizers(self) -> Any:
        """Gradient descent with the learning rate ``self.lr``."""
        return torch.optim.SGD(self.parameters(), lr=self.lr)

    def apply_init(self, inputs: Any, init: Callable[[Any], Any] | None = None) -> None:
        """Let lazy layers see inputs, and then an initialiser each layer."""
        self.forward(*inputs)
        if init is not None:
            self.net.apply(init)


class DataModule(HyperParameters):
    """Where the batches for training and for validation come from.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> class Squares(d2l.DataModule):
    ...     def __init__(self, batch_size):
    ...         super().__init__()
    ...         self.save_hyperparameters()
    ...         self.X = torch.arange(6.0)
    ...     def get_dataloader(self, train):
    ...         part = slice(0, 4) if train else slice(4, None)
    ...         return self.get_tensorloader((self.X, self.X**2), train, part)
    >>> [y for X, y in Squares(2).val_dataloader()]
    [tensor([16., 25.])]
    """

    root: Any
    num_workers: int
    batch_size: int

    def __init__(self, root: Any = "../data", num_workers: int = 4) -> None:
        self.save_hyperparameters()

    def get_dataloader(self, train: bool) -> Any:
        """The batches for training or for validation. A subclass defines it."""
        raise NotImplementedError

    def train_dataloader(self) -> Any:
        """The batches for training."""
        return self.get_dataloader(train=True)

    def val_dataloader(self) -> Any:
        """The batches for validation."""
        return self.get_dataloader(train=False)

    def get_tensorloader(self, tensors: Any, train: bool, indices: Any = slice(0, None)) -> Any:
        """Batches of a part of some tensors, in a new order each time if they are for training."""
        part = loading.TensorDataset(*(a[indices] for a in tensors))
        return loading.DataLoader(part, self.batch_size, shuffle=train)


class Trainer(HyperParameters):
    """Fits a model to data, epoch by epoch.

    Args:
        max_epochs: how many.
        num_gpus: how many cards may be used; of those that are there, the first one is.
        gradient_clip_val: gradients of a greater norm are scaled down to it; 0 leaves them.

    >>> import minigrad as torch, tempfile
    >>> from minigrad import d2l
    >>> d2l.figure_folder(tempfile.mkdtemp())
    >>> data = d2l.SyntheticRegressionData(w=torch.tensor([2, -3.4]), b=4.2)
    >>> model = d2l.LinearRegression(lr=0.03)
    >>> d2l.Trainer(max_epochs=3).fit(model, data)
    >>> bool(abs(model.get_w_b()[1] - 4.2) < 0.5)
    True
    """

    max_epochs: int
    num_gpus: int
    gradient_clip_val: float
    train_dataloader: Any
    val_dataloader: Any
    model: Module
    optim: Any

    def __init__(self, max_epochs: int, num_gpus: int = 0, gradient_clip_val: float = 0) -> None:
        self.save_hyperparameters()
        self.gpus = [gpu(i) for i in range(min(num_gpus, _cards()))]

    def prepare_data(self, data: DataModule) -> None:
        """Ask for both loaders, and count their batches."""
        self.train_dataloader = data.train_dataloader()
        self.val_dataloader = data.val_dataloader()
        self.num_train_batches = len(self.train_dataloader)
        known = self.val_dataloader is not None
        self.num_val_batches = len(self.val_dataloader) if known else 0

    def prepare_model(self, model: Module) -> None:
        """Let the model know its trainer, and be where it is trained."""
        model.trainer = self
        model.board.xlim = [0, self.max_epochs]
        if self.gpus:
            model.to(self.gpus[0])
        self.model = model

    def prepare_batch(self, batch: Any) -> Any:
        """A batch where the model is."""
        return [a.to(self.gpus[0]) for a in batch] if self.gpus else batch

    def fit(self, model: Module, data: DataModule) -> None:
        """Train a model."""
        self.prepare_data(data)
        self.prepare_model(model)
        self.optim = model.configure_optimizers()
        self.train_batch_idx = self.val_batch_idx = 0
        for epoch in range(self.max_epochs):
            self.epoch = epoch
            self.fit_epoch()

    def fit_epoch(self) -> None:
        """One pass over the training data, and one over that for validation."""
        self.model.train()
        for batch in self.train_dataloader:
            loss = self.model.training_step(self.prepare_batch(batch))
            self.optim.zero_grad()
            with torch.no_grad():  # the book's own optimiser changes parameters in its step
                loss.backward()
                if self.gradient_clip_val > 0:
                    self.clip_gradients(self.gradient_clip_val, self.model)
                self.optim.step()
            self.train_batch_idx += 1
        if self.val_dataloader is None:
            return
        self.model.eval()
        for batch in self.val_dataloader:
            with torch.no_grad():
                self.model.validation_step(self.prepare_batch(batch))
            self.val_batch_idx += 1

    def clip_gradients(self, grad_clip_val: float, model: Any) -> None:
        """Scale all gradients so that their norm is at most ``grad_clip_val``."""
        params = [p for p in model.parameters() if p.requires_grad]
        norm: Any = sum(torch.sum(p.grad**2) for p in params) ** 0.5
        if norm > grad_clip_val:
            for param in params:
                param.grad[:] *= grad_clip_val / norm


def _cards() -> int:
    """How many cards there are, where an argument is called ``num_gpus``."""
    return num_gpus()
