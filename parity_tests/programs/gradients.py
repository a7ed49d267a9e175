"""Derivatives, activations, initial values: systems 4 to 7 and 14 of the study notes."""

# The notes' own way of writing stands.
# ruff: noqa: B905, E711

import torch
from torch import nn


def raises(call):
    """What the notes show of an error: that it is a RuntimeError, and how its text begins."""
    try:
        call()
    except RuntimeError as error:
        print("RuntimeError", str(error)[:50])
    else:
        print("no error")


def program_04_autograd():
    x = torch.arange(4.0)  # B11
    x.requires_grad_(True)  # C12
    print(x, x.grad, x.grad == None)  # C10
    y = 2 * torch.dot(x, x)
    print(y)  # X09 I12
    y.backward()  # I01
    print(x.grad, x.grad == 4 * x)  # C10 D06
    before = id(x.grad)
    x.grad.zero_()  # I03 N08
    y = x.sum()
    y.backward()
    print(y, x.grad, id(x.grad) == before)  # X09
    x.sum().backward()
    print(x.grad)  # I03
    x.grad.zero_()
    y = x * x
    y.backward(torch.ones(len(x)), retain_graph=True)  # I02
    print(x.grad)

    x.grad.zero_()
    y = x * x
    u = y.detach()  # C15 I07
    z = u * x
    z.sum().backward()
    print(x.grad == u, u.requires_grad)
    x.grad = None  # C10
    y.sum().backward()
    print(x.grad == 2 * x)  # I07

    def f(a):
        b = a * 2
        while b.norm() < 1000:
            b = b * 2
        c = b if b.sum() > 0 else 100 * b  # C25
        return c

    a = torch.randn(size=(), requires_grad=True)  # B27
    d = f(a)
    d.backward()
    print(a.grad == d / a)

    w = torch.tensor([1.0, 2.0], requires_grad=True)  # B05
    v = w * 3
    v.sum().backward()
    print(w.is_leaf, v.is_leaf, w.grad, 1 - w, w - 1, (1 - w).grad_fn is None)  # I08 D03 X12
    with torch.no_grad():  # I04
        print((w * 2).requires_grad, torch.is_grad_enabled())  # I06
        w -= 0.5 * w.grad  # I09 D11
    print(w, w.is_leaf)
    with torch.set_grad_enabled(False):  # I05
        print((w * 2).requires_grad)
    print(torch.is_grad_enabled(), torch.no_grad()(lambda: (w * 2).requires_grad)())  # I04

    def twice():
        loss = (w * w).sum()
        loss.backward()
        loss.backward()

    def change_a_needed_value():
        p = w.exp()
        q = p * p
        p += 1
        q.sum().backward()

    raises(twice)  # Y03
    raises(lambda: (w * w).backward())  # Y04
    raises(lambda: w.add_(1))  # Y05
    raises(change_a_needed_value)  # Y06
    raises(lambda: w.numpy())  # Y07 C14
    raises(lambda: torch.ones(2).sum().backward())
    print(type((w * w).sum().grad_fn).__name__, (w * w).sum().grad_fn.name())  # I12
    yield a.grad
    yield w
    yield torch.ones_like(x)


def program_05_activations():
    from d2l import torch as d2l  # A11

    x = torch.arange(-8.0, 8.0, 0.1, requires_grad=True)  # B12 B14
    print(x.shape, len(x.detach()))
    for name, f in (
        ("relu", torch.relu),
        ("sigmoid", torch.sigmoid),
        ("tanh", torch.tanh),
    ):  # D20 D21 D22
        y = f(x)
        d2l.plot(x.detach(), y.detach(), "x", f"{name}(x)", figsize=(5, 2.5))  # V01 W08
        if x.grad is not None:
            x.grad.data.zero_()  # C11
        y.backward(torch.ones_like(x), retain_graph=True)  # I02 B21
        d2l.plot(x.detach(), x.grad, "x", f"grad of {name}", figsize=(5, 2.5))  # V01 C15
        print(name, f"{x.grad.max():.4f}", float(x.grad[80]))
        yield y
        yield x.grad.clone()
    d2l.plt.figure()  # W08
    d2l.plt.plot(x.detach(), [v for v in torch.relu(x).detach()])  # V01
    X = torch.tensor([[-2.0, 0.0, 3.0]])
    layers = [
        nn.ReLU(),
        nn.Sigmoid(),
        nn.Tanh(),
        nn.LeakyReLU(0.01),
        nn.Softmax(dim=1),
    ]  # K13 K14 K15
    for layer in [*layers, nn.LogSoftmax(dim=1), nn.PReLU()]:  # Z06
        print(layer, layer(X))
    prelu = torch.max(X, torch.zeros_like(X)) + 0.25 * torch.min(X, torch.zeros_like(X))  # Z06
    print(prelu, nn.PReLU()(X) == prelu)
    print(nn.Softmax(dim=1)(X * 1000), nn.LogSoftmax(dim=1)(X * 1000))  # K15
    big = torch.tensor([0.0], requires_grad=True)
    torch.relu(big).backward()
    print(big.grad)  # D20


def program_06_vanishing_gradients():
    from d2l import torch as d2l

    x = torch.arange(-8.0, 8.0, 0.1, requires_grad=True)  # B12
    y = torch.sigmoid(x)  # D21
    y.backward(torch.ones_like(x))
    lines = [y.detach().numpy(), x.grad.numpy()]  # C14
    d2l.plot(x.detach().numpy(), lines, legend=["sigmoid", "gradient"], figsize=(4.5, 2.5))
    M = torch.normal(0, 1, size=(4, 4))  # B28
    print("a single matrix", M)
    for _ in range(10):
        M = torch.mm(M, torch.normal(0, 1, size=(4, 4)))
    print("after ten products", M / M.abs().max())
    x = torch.tensor(3.0, requires_grad=True)
    y = x
    for _ in range(30):
        y = torch.sigmoid(y)
    y.backward()
    print(0 < float(x.grad) < 1e-6)
    print(
        torch.tensor(6e4).half(), torch.tensor(7e4).to(torch.float16), torch.tensor(6e-5).half()
    )  # Z05
    yield M / M.norm()


def program_07_initial_values():
    torch.manual_seed(2023)  # B32
    weights = {}
    for name, shape in {"linear": (256, 784), "convolution": (16, 6, 5, 5)}.items():
        w = torch.rand(shape)  # B22
        weights[name] = [
            nn.init.normal_(w, mean=0, std=0.01).clone(),  # N01 A06
            nn.init.normal_(w, std=0.01).clone(),  # N01
            nn.init.zeros_(w).clone(),  # N02
            nn.init.constant_(w, 42).clone(),  # N03
            nn.init.uniform_(w, -10, 10).clone(),  # N04
            nn.init.xavier_uniform_(w).clone(),  # N05
            nn.init.kaiming_normal_(w).clone(),  # N06
            nn.init.kaiming_uniform_(w).clone(),  # N06
        ]
    bound = (6 / (784 + 256)) ** 0.5
    print(bool(weights["linear"][5].abs().max() <= bound), f"{bound:.4f}")
    print(f"{float(weights['linear'][6].std()):.3f} {(2 / 784) ** 0.5:.3f}")
    yield from weights["linear"]
    yield from weights["convolution"]
    a = torch.rand(2, 20), torch.normal(0, 0.01, size=(3, 4), requires_grad=True)  # B29 B32
    torch.manual_seed(2023)
    yield from a
    x = torch.arange(-2.0, 2.0, 0.5, requires_grad=True)
    y = 4 * torch.sigmoid(x) - 2  # D25
    y.sum().backward()
    print(y, x.grad)
    for p in (0.01, 0.1, 1.0):  # the variance of activations through ten layers
        h = torch.randn(100, 100)
        for _ in range(10):
            h = torch.tanh(h @ torch.normal(0, p, (100, 100)))
        print(p, f"{h.std():.3f}")
    yield nn.init.xavier_normal_(torch.empty(3, 5))


def program_14_losses_and_perceptron():
    y_hat, y = torch.tensor([0.5, 2.0, -1.0], requires_grad=True), torch.tensor([0.0, 0.0, 0.0])

    def huber(y_hat, y):
        distance = torch.abs(y_hat - y)
        return torch.where(distance <= 1, distance**2 / 2, distance - 0.5)

    losses = [
        lambda y_hat, y: (y_hat - y) ** 2 / 2,  # M04
        lambda y_hat, y: torch.abs(y_hat - y),  # M04 D19
        huber,  # M04 Z07
    ]
    for loss in losses:
        value = loss(y_hat, y)
        value.sum().backward()
        print(value, y_hat.grad)
        y_hat.grad.zero_()
    print(huber(y_hat, y) == nn.HuberLoss(reduction="none")(y_hat, y))  # Z07
    print(nn.MSELoss()(y_hat, y), nn.L1Loss()(y_hat, y))  # M01
    one_hot = torch.zeros(3, 4)
    for row, label in enumerate([1, 0, 3]):
        one_hot[row, label] = 1
    print(one_hot, nn.functional.one_hot(torch.tensor([1, 0, 3]), 4))

    X = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])  # Rosenblatt's perceptron learns AND
    labels = torch.tensor([-1.0, -1, -1, 1])
    w, b = torch.zeros(2), torch.zeros(1)
    for _ in range(10):
        for x, label in zip(X, labels):  # E14
            if label * (torch.dot(w, x) + b) <= 0:  # C25
                w += label * x
                b += label
    print(w, b, torch.sign(X @ w + b), (X @ w + b > 0).float(), (X @ w + b > 0).int())  # Z06
    yield w
