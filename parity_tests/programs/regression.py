"""Linear regression and its penalties: systems 8 to 10, 18 and 21 of the study notes."""

# The notes' own way of writing stands.
# ruff: noqa: UP008, UP031, UP032

import random

import numpy as np
import torch
from torch import nn
from torch.utils import data


def synthetic_data(w, b, num_examples):
    X = torch.normal(0, 1, (num_examples, len(w)))
    y = torch.matmul(X, w) + b
    y += torch.normal(0, 0.01, y.shape)
    return X, y.reshape((-1, 1))


def linreg(X, w, b):
    return torch.matmul(X, w) + b


def squared_loss(y_hat, y):
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2


def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            param -= lr * param.grad / batch_size
            param.grad.zero_()


def program_08_linear_regression_from_scratch():
    true_w, true_b = torch.tensor([2, -3.4]), 4.2  # B02
    X = torch.normal(0, 1, (1000, len(true_w)))  # B28
    labels = torch.matmul(X, true_w) + true_b  # H04
    labels += torch.normal(0, 0.01, labels.shape)  # B30 D10
    features, labels = X, labels.reshape((-1, 1))
    print("features:", features[0], "\nlabel:", labels[0])

    def data_iter(batch_size, features, labels):
        num_examples = len(features)
        indices = list(range(num_examples))
        random.shuffle(indices)  # V09
        for i in range(0, num_examples, batch_size):
            batch = torch.tensor(indices[i : min(i + batch_size, num_examples)])  # B08
            yield features[batch], labels[batch]  # E05

    random.seed(0)
    batch_size, lr, num_epochs = 10, 0.03, 3
    for X, y in data_iter(batch_size, features, labels):
        print(X, "\n", y)
        break
    w = torch.normal(0, 0.01, size=(2, 1), requires_grad=True)  # B29
    b = torch.zeros(1, requires_grad=True)  # B16
    objects = id(w), id(b)
    for epoch in range(num_epochs):
        for X, y in data_iter(batch_size, features, labels):
            loss = squared_loss(linreg(X, w, b), y)
            loss.sum().backward()
            sgd([w, b], lr, batch_size)  # I09 D11
        with torch.no_grad():
            train_l = squared_loss(linreg(features, w, b), labels)
            print(f"epoch {epoch + 1}, loss {float(train_l.mean()):f}")  # C22
    print((id(w), id(b)) == objects, w.is_leaf)
    print(bool((true_w - w.reshape(true_w.shape)).abs().max() < 2e-3), true_b - b)  # X12 D03
    print(
        repr(true_w - w.reshape(true_w.shape))[-28:], true_b - torch.ones(1, requires_grad=True)
    )  # X12
    yield w
    yield b


def program_08_with_helpers():
    from d2l import torch as d2l  # A11

    features, labels = d2l.synthetic_data(torch.tensor([2, -3.4]), 4.2, 100)  # W01
    d2l.set_figsize()  # W08
    d2l.plt.scatter(features[:, 1].detach().numpy(), labels.detach().numpy(), 1)  # W08
    w = torch.normal(0, 0.01, size=(2, 1), requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    for _ in range(5):
        for X, y in d2l.load_array((features, labels), 10):  # W01
            d2l.squared_loss(d2l.linreg(X, w, b), y).sum().backward()  # W01
            d2l.sgd([w, b], 0.03, 10)  # W01
    print(f"{d2l.squared_loss(d2l.linreg(features, w, b), labels).mean():.4f}")  # C23
    yield w


def program_09_linear_regression_concise():
    features, labels = synthetic_data(torch.tensor([2, -3.4]), 4.2, 1000)

    def load_array(data_arrays, batch_size, is_train=True):
        dataset = data.TensorDataset(*data_arrays)  # P01
        print(len(dataset), dataset[3])  # P01
        return data.DataLoader(dataset, batch_size, shuffle=is_train)  # P02 A05

    data_iter = load_array((features, labels), 10)
    first, second = next(iter(data_iter)), next(iter(data_iter))  # P07
    print(type(first).__name__, first, torch.equal(first[0], second[0]), len(data_iter))  # P06 P10
    net = nn.Sequential(nn.Linear(2, 1))  # J08 K01
    net[0].weight.data.normal_(0, 0.01)  # N07
    print(net[0].bias.data.fill_(0))  # N07
    loss = nn.MSELoss()  # M01
    trainer = torch.optim.SGD(net.parameters(), lr=0.03)  # O01
    for epoch in range(3):
        for X, y in data_iter:
            value = loss(net(X), y)
            trainer.zero_grad()  # O07
            value.backward()
            trainer.step()  # O08
        value = loss(net(features), labels)
        print(f"epoch {epoch + 1}, loss {value:f}")  # C23
    print(loss, net, net[0].weight.grad.shape)
    trainer.zero_grad()
    print(net[0].weight.grad)  # O07
    yield net[0].weight.data
    yield net[0].bias.data


def program_10_house_size():
    import torch.optim as optim  # A04

    class LinearRegression(nn.Module):
        def __init__(self):
            super(LinearRegression, self).__init__()  # J01
            self.linear = nn.Linear(1, 1)

        def forward(self, x):
            return self.linear(x)

    np.random.seed(0)
    size = np.random.rand(100, 1)  # V08
    price = 3 * size + np.random.randn(100, 1) * 0.1
    x, y = torch.from_numpy(size).float(), torch.from_numpy(price).float()  # B31 C17
    model = LinearRegression()
    criterion = nn.MSELoss()
    optimizer = optim.SGD(model.parameters(), lr=0.01)  # A04
    for epoch in range(1000):
        outputs = model(x)
        loss = criterion(outputs, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (epoch + 1) % 200 == 0:
            print("Epoch [{}/{}], Loss: {:.4f}".format(epoch + 1, 1000, loss.item()))  # C24 C13
    print(model, model(x[:2]), "%f" % float(loss))  # X11 C24
    print(sorted(n for n in dir(optim) if n in ("SGD", "Adam", "Optimizer")))  # A04
    yield model.linear.weight


def program_18_weight_decay():
    n_train, num_inputs, batch_size = 20, 50, 5
    true_w, true_b = torch.ones((num_inputs, 1)) * 0.01, 0.05
    train = synthetic_data(true_w, true_b, n_train)
    train = train[0], train[1].reshape(-1, 1)
    train_iter = data.DataLoader(data.TensorDataset(*train), batch_size, shuffle=True)

    def l2_penalty(w):
        return torch.sum(w.pow(2)) / 2

    for lambd in (0, 3):
        torch.manual_seed(1)
        w = torch.normal(0, 1, size=(num_inputs, 1), requires_grad=True)
        b = torch.zeros(1, requires_grad=True)
        for _ in range(10):
            for X, y in train_iter:
                loss = squared_loss(linreg(X, w, b), y) + lambd * l2_penalty(w)
                loss.sum().backward()
                sgd([w, b], 0.003, batch_size)
        print("L2 norm of w:", f"{torch.norm(w).item():.4f}")  # H05
        yield w
    made = {
        "one number": lambda net: torch.optim.SGD(
            net.parameters(), lr=0.03, weight_decay=0.01
        ),  # O02
        "by group": lambda net: torch.optim.SGD(
            [{"params": net[0].weight, "weight_decay": 3}, {"params": net[0].bias}],
            lr=0.003,  # O03
        ),
        "Adam": lambda net: torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=3),  # O06
    }
    for name, make in made.items():
        torch.manual_seed(2)
        net = nn.Sequential(nn.Linear(num_inputs, 1))
        for param in net.parameters():
            param.data.normal_()
        trainer = make(net)
        for _ in range(10):
            for X, y in train_iter:
                trainer.zero_grad()
                loss = nn.MSELoss(reduction="none")(net(X), y)
                loss.mean().backward()
                trainer.step()
        print(name, f"{net[0].weight.norm().item():.3f}", trainer)
        yield net[0].weight


def program_21_house_prices():
    import pandas as pd
    from d2l import torch as d2l

    class local:  # W10
        DATA_HUB, DATA_URL = d2l.DATA_HUB, "file:///nowhere/"  # W10

    local.DATA_HUB["kaggle_house_train"] = (local.DATA_URL + "train.csv", "0" * 40)  # W10
    train_data = pd.read_csv("../data/house_train.csv")
    test_data = pd.read_csv("../data/house_test.csv")
    print(train_data.shape, test_data.shape)
    both = pd.concat((train_data.iloc[:, 1:-1], test_data.iloc[:, 1:]))  # V05
    numeric = [c for c in both if pd.api.types.is_numeric_dtype(both.dtypes[c])]  # V05
    both[numeric] = both[numeric].apply(lambda x: (x - x.mean()) / (x.std()))  # V05
    both[numeric] = both[numeric].fillna(0)
    both = pd.get_dummies(both, dummy_na=True).astype(float)
    print(both.shape)
    n_train = train_data.shape[0]
    train_features = torch.tensor(both[:n_train].values, dtype=torch.float32)  # B04 V04
    test_features = torch.tensor(both[n_train:].values, dtype=torch.float32)
    train_labels = torch.tensor(train_data.SalePrice.values.reshape(-1, 1), dtype=torch.float32)
    loss = nn.MSELoss()

    def log_rmse(net, features, labels):
        clipped_preds = torch.clamp(net(features), 1, float("inf"))  # D24
        return torch.sqrt(loss(torch.log(clipped_preds), torch.log(labels))).item()  # D17 D18 M04

    def train(net, train_features, train_labels, epochs, lr, weight_decay, batch_size):
        train_iter = d2l.load_array((train_features, train_labels), batch_size)
        optimizer = torch.optim.Adam(net.parameters(), lr=lr, weight_decay=weight_decay)  # O06
        for _ in range(epochs):
            for X, y in train_iter:
                optimizer.zero_grad()
                loss(net(X), y).backward()
                optimizer.step()
        return log_rmse(net, train_features, train_labels)

    def get_k_fold_data(k, i, X, y):
        fold_size = X.shape[0] // k
        X_train, y_train = None, None
        for j in range(k):
            idx = slice(j * fold_size, (j + 1) * fold_size)
            X_part, y_part = X[idx, :], y[idx]  # E04
            if j == i:
                X_valid, y_valid = X_part, y_part
            elif X_train is None:
                X_train, y_train = X_part, y_part
            else:
                X_train = torch.cat([X_train, X_part], 0)  # F06
                y_train = torch.cat([y_train, y_part], 0)
        return X_train, y_train, X_valid, y_valid

    k = 5
    for i in range(k):
        X, y, X_valid, y_valid = get_k_fold_data(k, i, train_features, train_labels)
        net = nn.Sequential(nn.Linear(train_features.shape[1], 1))
        found = train(net, X, y, 20, 5, 0.08 * (i % 2), 16)
        print(f"fold {i + 1}, train {found:.4f}, valid {log_rmse(net, X_valid, y_valid):.4f}")
    preds = net(test_features).detach().numpy()
    test_data["SalePrice"] = pd.Series(preds.reshape(1, -1)[0])
    print(pd.concat([test_data["Id"], test_data["SalePrice"].round(1)], axis=1).head(3))
    yield net[0].weight
