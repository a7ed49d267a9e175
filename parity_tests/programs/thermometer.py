"""A thermometer without a scale: systems 49 to 51 and 56 of the study notes."""

# The notes' own way of writing stands.
# ruff: noqa: UP031

from collections import OrderedDict

import torch
import torch.nn as nn
import torch.optim as optim

T_C = [0.5, 14.0, 15.0, 28.0, 11.0, 8.0, 3.0, -4.0, 6.0, 13.0, 21.0]
T_U = [35.7, 55.9, 58.2, 81.9, 56.3, 48.9, 33.9, 21.8, 48.4, 60.4, 68.4]


def model(t_u, w, b):
    return w * t_u + b


def loss_fn(t_p, t_c):
    squared_diffs = (t_p - t_c) ** 2
    return squared_diffs.mean()


def program_49_gradients_by_hand():
    t_c, t_u = torch.tensor(T_C), torch.tensor(T_U)
    w, b = torch.ones(()), torch.zeros(())  # B17
    t_p = model(t_u, w, b)  # D15
    print(t_p)  # X34
    print(loss_fn(t_p, t_c))
    x, y = torch.ones(()), torch.ones(3, 1)
    z, a = torch.ones(1, 3), torch.ones(2, 1, 1)
    print(f"{x.shape} {y.shape} {z.shape} {a.shape}", (x * y).shape, (y * z * a).shape)  # F08

    delta = 0.1
    by_w = (loss_fn(model(t_u, w + delta, b), t_c) - loss_fn(model(t_u, w - delta, b), t_c)) / (
        2 * delta
    )
    by_b = (loss_fn(model(t_u, w, b + delta), t_c) - loss_fn(model(t_u, w, b - delta), t_c)) / (
        2 * delta
    )
    print(f"{by_w:.1f} {by_b:.1f}")  # I13

    def dloss_fn(t_p, t_c):
        return 2 * (t_p - t_c) / t_p.size(0)  # C02

    def grad_fn(t_u, t_c, t_p, w, b):
        dloss_dtp = dloss_fn(t_p, t_c)
        dloss_dw = dloss_dtp * t_u
        dloss_db = dloss_dtp * 1.0
        return torch.stack([dloss_dw.sum(), dloss_db.sum()])  # F07

    def training_loop(n_epochs, learning_rate, params, t_u, t_c, shown):
        for epoch in range(1, n_epochs + 1):
            w, b = params  # E15
            t_p = model(t_u, w, b)
            loss = loss_fn(t_p, t_c)
            grad = grad_fn(t_u, t_c, t_p, w, b)
            params = params - learning_rate * grad  # I10
            if epoch in shown:
                print("Epoch %d, Loss %f" % (epoch, float(loss)))  # C24
                print("    Params:", params)
            if epoch < 4:  # later it is the rounding of a difference
                print("    Grad:", grad)
        return params

    start = torch.tensor([1.0, 0.0])
    training_loop(3, 1e-2, start, t_u, t_c, (1, 2, 3))
    t_un = 0.1 * t_u
    training_loop(100, 1e-4, start, t_u, t_c, (1, 2, 3, 10, 11, 99, 100))
    params = training_loop(5000, 1e-2, start, t_un, t_c, (1, 5000))
    exact = torch.tensor([1.0, 0.0], requires_grad=True)
    loss_fn(model(t_u, *exact), t_c).backward()
    by_hand = grad_fn(t_u, t_c, model(t_u, *start), *start)
    print(torch.allclose(exact.grad, by_hand), abs(float(by_w) - exact.grad[0].item()) < 0.5)  # I13
    yield params


def program_50_autograd():
    t_c, t_u = torch.tensor(T_C), torch.tensor(T_U)
    t_un = 0.1 * t_u
    params = torch.tensor([1.0, 0.0], requires_grad=True)  # B05
    print(params.grad is None)
    loss = loss_fn(model(t_u, *params), t_c)  # E15
    loss.backward()
    print(params.grad)
    if params.grad is not None:
        params.grad.zero_()  # I03 N08

    for epoch in range(1, 5001):
        if params.grad is not None:
            params.grad.zero_()
        loss = loss_fn(model(t_un, *params), t_c)
        loss.backward()
        with torch.no_grad():
            params -= 1e-2 * params.grad  # I09 D11
        if epoch % 1000 == 0:
            print("Epoch %d, Loss %f" % (epoch, float(loss)))
    print(params, params.is_leaf)

    print([name for name in ("SGD", "Adam", "ASGD", "Rprop") if name in dir(optim)])
    params = torch.tensor([1.0, 0.0], requires_grad=True)
    optimizer = optim.SGD([params], lr=1e-5)  # O05
    t_p = model(t_u, *params)
    loss = loss_fn(t_p, t_c)
    loss.backward()
    optimizer.step()
    print(params)  # X07
    optimizer.zero_grad()
    adam = torch.tensor([1.0, 0.0], requires_grad=True)
    optimizer = optim.Adam([adam], lr=1e-1)
    for _ in range(200):
        loss = loss_fn(model(t_u, *adam), t_c)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"{loss.item():.3f}")

    n_samples = t_u.shape[0]
    shuffled = torch.randperm(n_samples)
    train, val = shuffled[: -int(0.2 * n_samples)], shuffled[-int(0.2 * n_samples) :]
    print(train, val)

    def calc_forward(t_u, t_c, is_train):
        with torch.set_grad_enabled(is_train):  # I05
            return loss_fn(model(t_u, *params), t_c)

    print(calc_forward(t_un[train], t_c[train], True).requires_grad)  # I05
    print(calc_forward(t_un[val], t_c[val], False).requires_grad, torch.is_grad_enabled())
    yield params
    yield adam


def training_loop(n_epochs, optimizer, model, loss_fn, train, val, shown):
    for epoch in range(1, n_epochs + 1):
        loss_train = loss_fn(model(train[0]), train[1])
        loss_val = loss_fn(model(val[0]), val[1])
        optimizer.zero_grad()
        loss_train.backward()
        optimizer.step()
        if epoch in shown:
            print(
                f"Epoch {epoch}, Training loss {loss_train.item():.4f},"
                f" Validation loss {loss_val.item():.4f}"
            )


def program_51_modules():
    t_c, t_u = torch.tensor(T_C).unsqueeze(1), torch.tensor(T_U).unsqueeze(1)  # F04
    print(t_u.shape)
    held = [i for i, t in enumerate(T_C) if t in (-4.0, 21.0)]
    kept = [i for i in range(11) if i not in held]
    train, val = (0.1 * t_u[kept], t_c[kept]), (0.1 * t_u[held], t_c[held])
    linear_model = nn.Linear(1, 1)  # K01
    print(linear_model(val[0]), linear_model.weight, linear_model.bias)  # X11 X18
    print(linear_model(torch.ones(10, 1)).shape, linear_model(torch.ones(2, 3, 1)).shape)  # K01
    print(linear_model.parameters(), list(linear_model.parameters()))  # X18 X28
    with torch.no_grad():  # from where the notes began, by the losses of their first epoch
        linear_model.weight.fill_(0.41856)
        linear_model.bias.fill_(-0.48353)
    optimizer = optim.SGD(linear_model.parameters(), lr=1e-2)
    training_loop(3000, optimizer, linear_model, nn.MSELoss(), train, val, (1, 1000, 2000, 3000))
    print(linear_model.weight, linear_model.bias)
    yield linear_model.weight
    yield linear_model.bias

    seq_model = nn.Sequential(nn.Linear(1, 13), nn.Tanh(), nn.Linear(13, 1))
    print(seq_model, [param.shape for param in seq_model.parameters()])
    seq_model = nn.Sequential(
        OrderedDict([  # J09
            ("hidden_linear", nn.Linear(1, 8)),
            ("hidden_activation", nn.Tanh()),
            ("output_linear", nn.Linear(8, 1)),
        ])
    )  # fmt: skip
    print(seq_model, seq_model.output_linear.bias)  # J09
    for name, param in seq_model.named_parameters():
        print(name, param.shape)
    optimizer = optim.SGD(seq_model.parameters(), lr=1e-3)
    training_loop(300, optimizer, seq_model, nn.MSELoss(), train, val, (1, 100, 200, 300))
    print("output", seq_model(val[0]).shape, "hidden", seq_model.hidden_linear.weight.grad.shape)
    yield seq_model(val[0])


def program_56_named_axes():
    try:  # names of axes are gone from torch
        torch.tensor([0.2126, 0.7152, 0.0722], names=["channels"])  # B07 X17
    except TypeError as error:
        print(error)
    img_t = torch.randn(3, 5, 5)
    weights = torch.tensor([0.2126, 0.7152, 0.0722])
    batch_t = torch.randn(2, 3, 5, 5)
    unsqueezed = weights.unsqueeze(-1).unsqueeze_(-1)
    grey = (img_t * unsqueezed).sum(-3)
    fancy = torch.einsum("...chw,c->...hw", img_t, weights)  # H07
    batch = torch.einsum("...chw,c->...hw", batch_t, weights)  # H07
    print(unsqueezed.shape, fancy.shape, batch.shape, torch.allclose(grey, fancy))
    points = torch.tensor([[4.0, 1.0], [5.0, 3.0], [2.0, 1.0]])
    print(points[1:], points[1:, :], points[1:, 0], points[None].shape)  # E07
    print(points[torch.tensor([0, 2])], points.storage_offset(), points[1].stride())  # B08
    yield fancy
    yield batch
