"""Multilayer perceptrons and dropout: systems 15 to 17, 19 and 20 of the study notes."""

# The notes' own way of writing stands.
# ruff: noqa: E721, RUF059, UP008

import torch
import torch.nn as nn
import torch.optim as optim


def program_15_perceptron_from_scratch():
    from d2l import torch as d2l

    train_iter, test_iter = d2l.load_data_fashion_mnist(64)
    num_inputs, num_outputs, num_hiddens = 784, 10, 256
    W1 = nn.Parameter(torch.randn(num_inputs, num_hiddens, requires_grad=True) * 0.01)  # J27 B27
    b1 = nn.Parameter(torch.zeros(num_hiddens, requires_grad=True))  # J27
    W2 = nn.Parameter(torch.randn(num_hiddens, num_outputs, requires_grad=True) * 0.01)
    b2 = nn.Parameter(torch.zeros(num_outputs, requires_grad=True))
    params = [W1, b1, W2, b2]
    print([(p.is_leaf, p.requires_grad, p.shape) for p in params])

    def relu(X):
        a = torch.zeros_like(X)  # B21
        return torch.max(X, a)  # D23

    def net(X):
        X = X.reshape((-1, num_inputs))
        H = relu(X @ W1 + b1)  # D05
        return H @ W2 + b2

    loss = nn.CrossEntropyLoss(reduction="none")
    updater = torch.optim.SGD(params, lr=0.1)  # O01
    d2l.train_ch3(net, train_iter, test_iter, loss, 3, updater)
    d2l.predict_ch3(net, test_iter)
    print(f"{d2l.evaluate_accuracy(net, test_iter):.3f}", id(params[0]) == id(W1))
    yield from params


def program_16_perceptron_concise():
    from d2l import torch as d2l

    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))

    def init_weights(m):
        if type(m) == nn.Linear:
            nn.init.normal_(m.weight, std=0.01)

    print(net.apply(init_weights))
    loss = nn.CrossEntropyLoss(reduction="none")
    trainer = torch.optim.SGD(net.parameters(), lr=0.1)
    train_iter, test_iter = d2l.load_data_fashion_mnist(64)
    for _ in range(2):
        found = d2l.train_epoch_ch3(net, train_iter, loss, trainer)  # W03
        print(f"loss {found[0]:.3f} acc {found[1]:.3f}")
    yield net[3].weight


def program_17_perceptron_with_xavier_and_adam():
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    torch.manual_seed(2023)  # B32
    train = datasets.MNIST("../data", train=True, transform=transforms.ToTensor(), download=True)
    loader = DataLoader(train, batch_size=32, shuffle=True)

    class MLP(nn.Module):
        def __init__(self):
            super().__init__()
            self.flatten = nn.Flatten()
            self.layers = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
            self.layers.apply(self.initial)

        @staticmethod
        def initial(m):
            if isinstance(m, nn.Linear):  # J25
                nn.init.xavier_uniform_(m.weight)  # N05
                nn.init.constant_(m.bias, 0)  # N03

        def forward(self, x):
            return self.layers(self.flatten(x))

    model = MLP()
    print(model)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=0.001)  # A04 O06
    for epoch in range(2):
        model.train()  # J21
        total = 0.0
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: {total / len(loader):.4f}")
    model.eval()
    yield model.layers[2].weight
    yield model(train[0][0].unsqueeze(0))


def dropout_layer(X, dropout):
    assert 0 <= dropout <= 1
    if dropout == 1:
        return torch.zeros_like(X)
    if dropout == 0:
        return X
    mask = (torch.rand(X.shape) > dropout).float()
    return mask * X / (1.0 - dropout)


def program_19_dropout_from_scratch():
    from d2l import torch as d2l

    X = torch.arange(16, dtype=torch.float32).reshape((2, 8))
    print(X, dropout_layer(X, 0.0), dropout_layer(X, 0.5), dropout_layer(X, 1.0))
    print(torch.rand(X.shape) > 0.5, (X >= 5) * X)  # D08 D09 B22

    class Net(nn.Module):
        def __init__(self, num_inputs, num_outputs, num_hiddens1, num_hiddens2, is_training=True):
            super(Net, self).__init__()
            self.num_inputs = num_inputs
            self.training = is_training
            self.lin1 = nn.Linear(num_inputs, num_hiddens1)
            self.lin2 = nn.Linear(num_hiddens1, num_hiddens2)
            self.lin3 = nn.Linear(num_hiddens2, num_outputs)
            self.relu = nn.ReLU()

        def forward(self, X):
            H1 = self.relu(self.lin1(X.reshape((-1, self.num_inputs))))
            if self.training:
                H1 = dropout_layer(H1, 0.2)
            H2 = self.relu(self.lin2(H1))
            if self.training:
                H2 = dropout_layer(H2, 0.5)
            return self.lin3(H2)

    net = Net(784, 10, 256, 256)
    loss = nn.CrossEntropyLoss(reduction="none")
    train_iter, test_iter = d2l.load_data_fashion_mnist(64)
    trainer = torch.optim.SGD(net.parameters(), lr=0.5)
    for _ in range(2):
        found = d2l.train_epoch_ch3(net, train_iter, loss, trainer)
        print(f"{found[0]:.3f} {found[1]:.3f} {d2l.evaluate_accuracy(net, test_iter):.3f}")
    yield net.lin3.bias
    yield dropout_layer(X, 0.3)


def program_20_dropout_concise():
    X = torch.arange(1.0, 17.0).reshape(2, 8)
    layer = nn.Dropout(0.5)  # K10
    dropped = layer(X)
    print(layer, layer.p, ((dropped == 0) | (dropped == 2 * X)).all())  # K10 X26
    print(layer.eval()(X) is X, torch.equal(layer(X), X), layer.train().training)  # J21 K10
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10),
    )  # fmt: skip
    print(net)
    images = torch.rand(4, 1, 28, 28)
    net.eval()
    print(torch.equal(net(images), net(images)), net[3].training)  # J21
    yield net(images)
    # on a regression: a curve from few points
    x = torch.unsqueeze(torch.linspace(-1, 1, 20), 1)
    y = x + 0.3 * torch.normal(torch.zeros(20, 1), torch.ones(20, 1))
    net = nn.Sequential(
        nn.Linear(1, 50), nn.Dropout(0.2), nn.ReLU(), nn.Linear(50, 50), nn.Dropout(0.2), nn.ReLU(),
        nn.Linear(50, 1),
    )  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for epoch in range(40):
        loss = nn.MSELoss()(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 10 == 9:
            net.eval()
            print(epoch + 1, f"{loss.item():.3f} {nn.MSELoss()(net(x), y).item():.3f}")
            net.train()
    yield net.eval()(x)
