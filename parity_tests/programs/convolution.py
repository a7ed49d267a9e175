"""Convolution and pooling by hand and as layers: systems 30 to 33 of the study notes."""

# The notes' own way of writing stands.
# ruff: noqa: B905, E741, RUF005

import torch
from torch import nn


def corr2d(X, K):
    h, w = K.shape
    Y = torch.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


def program_30_edges():
    X = torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]])
    K = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    h, w = K.shape
    Y = torch.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))  # B15
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()  # E09
    print(Y)  # X02

    class Conv2D(nn.Module):
        def __init__(self, kernel_size):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(kernel_size))  # B24
            self.bias = nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return corr2d(x, self.weight) + self.bias

    X = torch.ones((6, 8))  # B18
    X[:, 2:6] = 0  # E08
    print(X)
    Y = corr2d(X, torch.tensor([[1.0, -1.0]]))
    print(Y, corr2d(X.t(), torch.tensor([[1.0, -1.0]])))  # X03

    own = Conv2D(kernel_size=(1, 2))
    for i in range(10):
        Y_hat = own(X)
        l = (Y_hat - Y) ** 2
        own.zero_grad()
        l.sum().backward()  # I11
        own.weight.data -= 3e-2 * own.weight.grad.data  # C11
        if (i + 1) % 5 == 0:
            print(f"epoch {i + 1}, loss {l.sum():.3f}")
    print(own.weight.data)
    yield own.bias.grad

    X, Y = X.reshape((1, 1, 6, 8)), Y.reshape((1, 1, 6, 7))  # F01
    # From where the two notes began, by the losses that they print; then from the layer's own.
    for begin in ([-0.18728, -0.40676], [0.37896, -0.4602], None):
        conv2d = nn.Conv2d(1, 1, kernel_size=(1, 2), bias=False)  # K03
        if begin:
            conv2d.weight.data[:] = torch.tensor(begin)  # E11 C09
        for i in range(10):
            Y_hat = conv2d(X)
            l = (Y_hat - Y) ** 2
            conv2d.zero_grad()  # J22
            l.sum().backward()
            conv2d.weight.data[:] -= 3e-2 * conv2d.weight.grad  # E11 C09
            if (i + 1) % 2 == 0:
                print(f"batch {i + 1}, loss {l.sum():.3f}")  # C23
        print(conv2d.weight.data.reshape((1, 2)), conv2d.zero_grad(), conv2d.weight.grad)  # X03 J22
        yield conv2d.weight


def program_31_padding_and_stride():
    def comp_conv2d(conv2d, X):
        X = X.reshape((1, 1) + X.shape)  # F02 C01
        Y = conv2d(X)
        return Y.reshape(Y.shape[2:])  # F02 C01

    X = torch.rand(size=(8, 8))
    layers = [
        nn.Conv2d(1, 1, kernel_size=3, padding=1),  # K03
        nn.Conv2d(1, 1, kernel_size=(5, 3), padding=(2, 1)),  # K03 X21
        nn.Conv2d(1, 1, kernel_size=3, padding=1, stride=2),
        nn.Conv2d(1, 1, kernel_size=(3, 5), padding=(0, 1), stride=(3, 4)),
        nn.Conv2d(1, 1, 3, 1, 1, bias=False),
    ]
    for layer in layers:
        print(layer, comp_conv2d(layer, X).shape)  # X25 X21
        yield comp_conv2d(layer, X)
    print(layers[-1].bias, layers[0].weight.shape, layers[0].bias.shape)  # J28
    print(nn.Conv2d(3, 16, kernel_size=3), nn.Conv2d(1, 1, 1).weight.dim())  # X25
    series, volume = nn.Conv1d(3, 4, 5, padding=2), nn.Conv3d(1, 2, kernel_size=3)  # K04 Z01
    print(
        series, series(torch.rand(2, 3, 9)).shape, volume, volume(torch.rand(1, 1, 5, 5, 5)).shape
    )  # K04 Z01
    factorised = nn.Sequential(
        nn.Conv2d(4, 4, (1, 7), padding=(0, 3)),
        nn.Conv2d(4, 4, (7, 1), padding=(3, 0)),  # Z02
    )
    print(
        factorised(torch.rand(1, 4, 9, 9)).shape, sum(p.numel() for p in factorised.parameters())
    )  # Z02
    rows, kernel = torch.arange(6.0).reshape(1, 1, 6), torch.tensor([[[1.0, 0.0, -1.0]]])
    flipped = torch.nn.functional.conv1d(rows, kernel.flip(-1))  # Z10
    print(torch.nn.functional.conv1d(rows, kernel), flipped)  # Z10


def program_32_channels():
    def corr2d_multi_in(X, K):
        return sum(corr2d(x, k) for x, k in zip(X, K))  # D14 E14

    def corr2d_multi_in_out(X, K):
        return torch.stack([corr2d_multi_in(X, k) for k in K], 0)  # E14 F07

    def corr2d_multi_in_out_1x1(X, K):
        c_i, h, w = X.shape
        c_o = K.shape[0]
        X = X.reshape((c_i, h * w))
        K = K.reshape((c_o, c_i))
        Y = torch.matmul(K, X)  # H04
        return Y.reshape((c_o, h, w))

    X = torch.tensor([[[0.0, 1, 2], [3, 4, 5], [6, 7, 8]], [[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]])
    K = torch.tensor([[[0.0, 1], [2, 3]], [[1.0, 2], [3, 4]]])
    print(corr2d_multi_in(X, K))
    K = torch.stack((K, K + 1, K + 2), 0)  # F07
    print(K.shape, corr2d_multi_in_out(X, K))  # X04 X21
    X = torch.normal(0, 1, (3, 3, 3))  # B28
    K = torch.normal(0, 1, (2, 3, 1, 1))
    Y1, Y2 = corr2d_multi_in_out_1x1(X, K), corr2d_multi_in_out(X, K)
    print(float(torch.abs(Y1 - Y2).sum()) < 1e-6)
    from d2l import torch as d2l

    print(d2l.corr2d(torch.ones(3, 3), torch.tensor([[1.0, -1.0]])))  # W09
    yield Y1
    yield nn.functional.conv2d(X[None], K)


def program_33_pooling():
    def pool2d(X, pool_size, mode="max"):
        p_h, p_w = pool_size
        Y = torch.zeros((X.shape[0] - p_h + 1, X.shape[1] - p_w + 1))
        for i in range(Y.shape[0]):
            for j in range(Y.shape[1]):
                if mode == "max":
                    Y[i, j] = X[i : i + p_h, j : j + p_w].max()  # G07 E09
                elif mode == "avg":
                    Y[i, j] = X[i : i + p_h, j : j + p_w].mean()  # E09
        return Y

    X = torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]])
    print(
        pool2d(X, (2, 2)), pool2d(X, (2, 2), "avg"), torch.max(X), torch.mean(X[0:2, 1:])
    )  # G04 G07
    X = torch.arange(16, dtype=torch.float32).reshape((1, 1, 4, 4))  # B13 X04
    print(X)
    layers = [
        nn.MaxPool2d(3),  # K05 X05
        nn.MaxPool2d(3, padding=1, stride=2),  # K05 X26
        nn.MaxPool2d((2, 3), stride=(2, 3), padding=(0, 1)),  # K05
        nn.AvgPool2d(2, stride=1),  # K06 X26
        nn.AvgPool2d(kernel_size=3, stride=2, padding=1),  # K06
        nn.AdaptiveAvgPool2d((1, 1)),  # K07
    ]
    for layer in layers:
        print(layer, layer(X))  # X05 X26
    X = torch.cat((X, X + 1), 1)
    print(nn.MaxPool2d(3, padding=1, stride=2)(X))  # X04
    F = nn.functional
    print(F.max_pool2d(X, 2), F.avg_pool2d(input=X, kernel_size=(2, 2), stride=(2, 2)))  # L03 L04
    print(nn.MaxPool2d(2)(-torch.ones(1, 1, 3, 3)), nn.MaxPool2d(3, 1, 1)(-torch.ones(1, 1, 2, 2)))
    yield nn.AvgPool2d(3, padding=1)(X)
