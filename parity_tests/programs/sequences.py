"""An outlook on sequences, system 57, and what the notes name without a program."""

import torch
from torch import nn
from torch.utils import data


def program_57_window_and_state():
    from d2l import torch as d2l

    T, tau = 200, 4
    time = torch.arange(1, T + 1, dtype=torch.float32)  # B13
    x = torch.sin(0.01 * time) + torch.normal(0, 0.2, (T,))
    d2l.plot(time, [x], "time", "x", xlim=[1, T], figsize=(6, 3))  # V01
    features = torch.zeros((T - tau, tau))
    for i in range(tau):
        features[:, i] = x[i : T - tau + i]
    labels = x[tau:].reshape((-1, 1))
    net = nn.Sequential(nn.Linear(tau, 10), nn.ReLU(), nn.Linear(10, 1))
    trainer = torch.optim.Adam(net.parameters(), 0.01)
    for epoch in range(3):
        for X, y in data.DataLoader(data.TensorDataset(features, labels), 16, shuffle=True):
            trainer.zero_grad()
            nn.MSELoss(reduction="none")(net(X), y).sum().backward()
            trainer.step()
        print(f"epoch {epoch + 1}, loss {nn.MSELoss()(net(features), labels):f}")
    yield net(features)

    W_xh, W_hh = torch.randn(1, 8) * 0.5, torch.randn(8, 8) * 0.2  # Z11
    W_hq = torch.zeros(8, 1)
    params = [p.requires_grad_() for p in (W_xh, W_hh, W_hq)]
    for _ in range(20):
        state, outputs = torch.zeros((1, 8)), []
        for t in range(20):
            state = torch.tanh(torch.mm(x[t].reshape(1, 1), W_xh) + torch.mm(state, W_hh))  # Z11
            outputs.append(torch.mm(state, W_hq))
        loss = ((torch.cat(outputs, dim=0).reshape(-1) - x[1:21]) ** 2).mean()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(params, 1.0)  # Z04
        with torch.no_grad():
            for p in params:
                p -= 0.1 * p.grad
                p.grad.zero_()
    print(f"{loss.item():.4f}", float(norm) > 0)
    yield W_hh
    rnn, lstm = nn.RNN(1, 8), nn.LSTM(1, 8)  # Z11
    output, state = rnn(x[:5].reshape(5, 1, 1))
    print(rnn, output.shape, state.shape, lstm(x[:5].reshape(5, 1, 1))[0].shape)
    yield output


def program_58_import_surface():
    import torch  # A01
    import torch.nn as nn  # A02
    import torch.nn.functional as F  # A03
    import torch.optim as optim  # A04
    import torchvision
    import torchvision.datasets as datasets  # A10
    import torchvision.transforms  # A09
    from torch import nn as same
    from torch.nn import functional
    from torch.utils import data  # A05

    print(nn is same, F is functional, nn is torch.nn, optim is torch.optim)  # A01 A02 A03
    print(data is torch.utils.data, nn.init is torch.nn.init, nn.parallel.DataParallel)  # A05 A06
    print(torch.nn.parameter.Parameter is nn.Parameter, torch.nn.parameter.__name__)  # A07
    print(torch.cuda.is_available.__name__, torch.cuda.__name__)  # A08
    rooms = torchvision.transforms, torchvision.datasets, torchvision.models
    print([room.__name__ for room in rooms], datasets is torchvision.datasets)  # A09 A10
