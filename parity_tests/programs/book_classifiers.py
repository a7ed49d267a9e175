"""The newer edition's chapters on softmax regression, perceptrons and dropout."""

import torch
import torchvision
from d2l import torch as d2l
from torch import nn
from torchvision import transforms


def drawn(model):
    """The curves of a training, by their labels."""
    lines = model.board.data.items()
    return {label: torch.tensor([[float(p.x), float(p.y)] for p in line]) for label, line in lines}


def few(data):
    """A data module that reads in this process."""
    data.num_workers = 0
    return data


def program_64_the_image_data():
    data = d2l.FashionMNIST(resize=(32, 32))
    print(len(data.train), len(data.val), data.train[0][0].shape, data.num_workers, data.root)
    print(data.text_labels([0, 1, 9]), data.hparams)
    X, y = next(iter(data.train_dataloader()))
    print(X.shape, X.dtype, y.shape, y.dtype)
    batch = next(iter(data.val_dataloader()))
    data.visualize(batch)
    data.visualize(batch, nrows=2, ncols=4, labels=list("abcdefgh"))
    yield batch

    @d2l.add_to_class(d2l.FashionMNIST)
    def shape(self):
        return self.train[0][0].shape

    print(data.shape(), isinstance(data.train, torchvision.datasets.FashionMNIST))
    print(isinstance(data.train.transform, transforms.Compose))
    del d2l.FashionMNIST.shape


class SoftmaxRegressionScratch(d2l.Classifier):
    def __init__(self, num_inputs, num_outputs, lr, sigma=0.01):
        super().__init__()
        self.save_hyperparameters()
        self.W = torch.normal(0, sigma, size=(num_inputs, num_outputs), requires_grad=True)
        self.b = torch.zeros(num_outputs, requires_grad=True)

    def parameters(self):
        return [self.W, self.b]

    def forward(self, X):
        X = X.reshape((-1, self.W.shape[0]))
        X_exp = torch.exp(torch.matmul(X, self.W) + self.b)
        return X_exp / X_exp.sum(1, keepdims=True)

    def loss(self, y_hat, y):
        return -torch.log(y_hat[list(range(len(y_hat))), y]).mean()


def program_65_softmax_regression():
    data = few(d2l.FashionMNIST(batch_size=64))
    for model in (
        SoftmaxRegressionScratch(num_inputs=784, num_outputs=10, lr=0.1),
        d2l.SoftmaxRegression(num_outputs=10, lr=0.1),
    ):
        trainer = d2l.Trainer(max_epochs=3)
        trainer.fit(model, data)
        yield drawn(model)
        X, y = next(iter(data.val_dataloader()))
        preds = model(X).argmax(axis=1)
        wrong = preds.type(y.dtype) != y
        pairs = zip(data.text_labels(y), data.text_labels(preds), strict=True)
        labels = [a + "\n" + b for a, b in pairs]
        data.visualize([X, y], labels=labels)
        print(preds.shape, int(wrong.sum()), model.accuracy(model(X), y, averaged=False)[:4])


class MLPScratch(d2l.Classifier):
    def __init__(self, num_inputs, num_outputs, num_hiddens, lr, sigma=0.01):
        super().__init__()
        self.save_hyperparameters()
        self.W1 = nn.Parameter(torch.randn(num_inputs, num_hiddens) * sigma)
        self.b1 = nn.Parameter(torch.zeros(num_hiddens))
        self.W2 = nn.Parameter(torch.randn(num_hiddens, num_outputs) * sigma)
        self.b2 = nn.Parameter(torch.zeros(num_outputs))

    def forward(self, X):
        X = X.reshape((-1, self.num_inputs))
        H = torch.max(torch.matmul(X, self.W1) + self.b1, torch.zeros(self.num_hiddens))
        return torch.matmul(H, self.W2) + self.b2


class MLP(d2l.Classifier):
    def __init__(self, num_outputs, num_hiddens, lr):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.Flatten(), nn.LazyLinear(num_hiddens), nn.ReLU(), nn.LazyLinear(num_outputs)
        )


def program_66_perceptrons():
    data = few(d2l.FashionMNIST(batch_size=64))
    trainer = d2l.Trainer(max_epochs=2)
    for model in (
        MLPScratch(num_inputs=784, num_outputs=10, num_hiddens=32, lr=0.1),
        MLP(num_outputs=10, num_hiddens=32, lr=0.1),
    ):
        trainer.fit(model, data)
        print(len(list(model.parameters())), [p.shape for p in model.state_dict().values()])
        yield drawn(model)


def dropout_layer(X, dropout):
    assert 0 <= dropout <= 1
    if dropout == 1:
        return torch.zeros_like(X)
    mask = (torch.rand(X.shape) > dropout).float()
    return mask * X / (1.0 - dropout)


class DropoutMLPScratch(d2l.Classifier):
    def __init__(self, num_outputs, num_hiddens_1, num_hiddens_2, dropout_1, dropout_2, lr):
        super().__init__()
        self.save_hyperparameters()
        self.lin1 = nn.LazyLinear(num_hiddens_1)
        self.lin2 = nn.LazyLinear(num_hiddens_2)
        self.lin3 = nn.LazyLinear(num_outputs)
        self.relu = nn.ReLU()

    def forward(self, X):
        H1 = self.relu(self.lin1(X.reshape((X.shape[0], -1))))
        if self.training:
            H1 = dropout_layer(H1, self.dropout_1)
        H2 = self.relu(self.lin2(H1))
        if self.training:
            H2 = dropout_layer(H2, self.dropout_2)
        return self.lin3(H2)


def program_67_dropout_of_the_newer_edition():
    data = few(d2l.FashionMNIST(batch_size=64))
    hparams = {
        "num_outputs": 10, "num_hiddens_1": 32, "num_hiddens_2": 32,
        "dropout_1": 0.5, "dropout_2": 0.5, "lr": 0.1,
    }  # fmt: skip
    model = DropoutMLPScratch(**hparams)
    d2l.Trainer(max_epochs=2).fit(model, data)
    yield drawn(model), model.hparams == hparams
    X = torch.arange(16, dtype=torch.float32).reshape((2, 8))
    print("dropout_p = 0:", dropout_layer(X, 0))
    print("dropout_p = 1:", dropout_layer(X, 1))
