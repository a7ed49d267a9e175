"""The classical convolutional networks: systems 34 to 42 of the study notes."""

# The notes' own way of writing stands.
# ruff: noqa: B007, UP008

import torch
from torch import nn
from torch.nn import functional as F


def shapes(net, X):
    for layer in net:
        X = layer(X)
        print(layer.__class__.__name__, "output shape: \t", X.shape)


def count(net):
    return sum(p.numel() for p in net.parameters())


def one_step(net, X, y, lr):
    """The loss before a step, and after it, without chance."""
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    optimizer, loss = torch.optim.SGD(net.parameters(), lr=lr), nn.CrossEntropyLoss()
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        value = loss(net(X), y)
        losses.append(f"{value.item():.3f}")
        if len(losses) == 1:
            value.backward()
            optimizer.step()
    print(*losses)


def program_34_lenet_with_sigmoid():
    class Reshape(nn.Module):
        def forward(self, x):
            return x.view(-1, 1, 28, 28)  # F03

    net = nn.Sequential(
        Reshape(), nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(),  # K13
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5), nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2), nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120), nn.Sigmoid(),
        nn.Linear(120, 84), nn.Sigmoid(),
        nn.Linear(84, 10),
    )  # fmt: skip
    X = torch.rand(size=(1, 1, 28, 28), dtype=torch.float32)
    for layer in net:  # J12
        X = layer(X)
        print(layer.__class__.__name__, "output shape: \t", X.shape)  # J13 X31
    print(net, count(net))  # X26
    yield X


def program_35_lenet_with_relu():
    from d2l import torch as d2l

    net = nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.ReLU(), nn.MaxPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5), nn.ReLU(), nn.MaxPool2d(kernel_size=2, stride=2),
        nn.Flatten(), nn.LazyLinear(120), nn.ReLU(), nn.LazyLinear(84), nn.ReLU(),  # K02
        nn.LazyLinear(10),
    )  # fmt: skip
    train_iter, test_iter = d2l.load_data_fashion_mnist(batch_size=64)
    device = next(iter(net.parameters())).device  # J24
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)  # O10
    loss, timer = nn.CrossEntropyLoss(), d2l.Timer()  # W02
    net(torch.rand(1, 1, 28, 28))
    net.apply(lambda m: nn.init.xavier_uniform_(m.weight) if hasattr(m, "weight") else None)
    for _ in range(2):
        metric = d2l.Accumulator(3)
        net.train()
        for i, (X, y) in enumerate(train_iter):  # P09
            timer.start()
            optimizer.zero_grad()
            X, y = X.to(device), y.to(device)
            y_hat = net(X)
            value = loss(y_hat, y)
            value.backward()
            optimizer.step()
            with torch.no_grad():
                metric.add(value * X.shape[0], d2l.accuracy(y_hat, y), X.shape[0])
            timer.stop()
        print(i, f"loss {metric[0] / metric[2]:.4f}, train acc {metric[1] / metric[2]:.3f}")
        print(f"test acc {d2l.evaluate_accuracy_gpu(net, test_iter):.3f}")  # W02
    print(f"{metric[2] / timer.sum():.1f} examples/sec on {device}")
    yield net[7].weight


def program_35_train_ch6():
    from d2l import torch as d2l

    net = nn.Sequential(
        nn.Conv2d(1, 4, kernel_size=5, stride=2), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(144, 10),
    )  # fmt: skip
    train_iter, test_iter = d2l.load_data_fashion_mnist(64)
    d2l.train_ch6(net, train_iter, test_iter, 1, 0.05, d2l.try_gpu())  # W04
    yield net[4].weight


def alexnet(width=4096):
    return nn.Sequential(
        nn.Conv2d(1, 96, kernel_size=11, stride=4, padding=1), nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(96, 256, kernel_size=5, padding=2), nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(256, 384, kernel_size=3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 384, kernel_size=3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, kernel_size=3, padding=1), nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2), nn.Flatten(),
        nn.Linear(6400, width), nn.ReLU(), nn.Dropout(p=0.5),
        nn.Linear(width, width), nn.ReLU(), nn.Dropout(p=0.5),
        nn.Linear(width, 10),
    )  # fmt: skip


def program_36_alexnet():
    net = alexnet()
    print(count(net))
    X = torch.randn(1, 1, 224, 224)
    shapes(net.eval(), X)  # X31
    net = alexnet(64)
    one_step(net, X, torch.tensor([3]), 0.01)
    print(nn.LocalResponseNorm(5), nn.LocalResponseNorm(5)(torch.ones(1, 6, 1, 1)).flatten())  # Z03
    yield net[0].bias


def vgg_block(num_convs, in_channels, out_channels):
    layers = []
    for _ in range(num_convs):
        layers += [nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1), nn.ReLU()]
        in_channels = out_channels
    return nn.Sequential(*layers, nn.MaxPool2d(kernel_size=2, stride=2))


def vgg(conv_arch, width=4096):
    conv_blks, in_channels = [], 1
    for num_convs, out_channels in conv_arch:
        conv_blks.append(vgg_block(num_convs, in_channels, out_channels))
        in_channels = out_channels
    return nn.Sequential(
        *conv_blks, nn.Flatten(),
        nn.Linear(out_channels * 7 * 7, width), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(width, width), nn.ReLU(), nn.Dropout(0.5), nn.Linear(width, 10),
    )  # fmt: skip


def program_37_vgg():
    conv_arch = ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))
    shapes(vgg(conv_arch, 64).eval(), torch.rand(1, 1, 224, 224))
    convolutions = count(vgg(conv_arch, 1)) - (512 * 49 + 1) - 2 - 20
    print(convolutions + (512 * 49 + 1) * 4096 + 4097 * 4096 + 4097 * 10)
    small = vgg([(n, out // 4) for n, out in conv_arch], 64)  # a quarter of the width
    one_step(small, torch.rand(2, 1, 224, 224), torch.tensor([1, 2]), 0.05)
    yield small[0][0].weight


def nin_block(in_channels, out_channels, kernel_size, strides, padding):
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, strides, padding), nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=1), nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=1), nn.ReLU(),
    )  # fmt: skip


def program_38_nin():
    net = nn.Sequential(
        nin_block(1, 96, kernel_size=11, strides=4, padding=0), nn.MaxPool2d(3, stride=2),
        nin_block(96, 256, kernel_size=5, strides=1, padding=2), nn.MaxPool2d(3, stride=2),
        nin_block(256, 384, kernel_size=3, strides=1, padding=1), nn.MaxPool2d(3, stride=2),
        nn.Dropout(0.5), nin_block(384, 10, kernel_size=3, strides=1, padding=1),
        nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(),  # K07
    )  # fmt: skip
    X = torch.rand(1, 1, 224, 224)
    print(count(net))
    shapes(net, X)
    one_step(net, X, torch.tensor([4]), 0.05)
    yield net[1](net[0](X)).mean()


class Inception(nn.Module):
    def __init__(self, in_channels, c1, c2, c3, c4, **kwargs):
        super(Inception, self).__init__(**kwargs)
        self.p1_1 = nn.Conv2d(in_channels, c1, kernel_size=1)
        self.p2_1 = nn.Conv2d(in_channels, c2[0], kernel_size=1)
        self.p2_2 = nn.Conv2d(c2[0], c2[1], kernel_size=3, padding=1)
        self.p3_1 = nn.Conv2d(in_channels, c3[0], kernel_size=1)
        self.p3_2 = nn.Conv2d(c3[0], c3[1], kernel_size=5, padding=2)
        self.p4_1 = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
        self.p4_2 = nn.Conv2d(in_channels, c4, kernel_size=1)

    def forward(self, x):
        p1 = F.relu(self.p1_1(x))
        p2 = F.relu(self.p2_2(F.relu(self.p2_1(x))))
        p3 = F.relu(self.p3_2(F.relu(self.p3_1(x))))
        p4 = F.relu(self.p4_2(self.p4_1(x)))
        return torch.cat((p1, p2, p3, p4), dim=1)


def program_39_googlenet():
    b1 = nn.Sequential(
        nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
    )
    b2 = nn.Sequential(
        nn.Conv2d(64, 64, kernel_size=1), nn.ReLU(),
        nn.Conv2d(64, 192, kernel_size=3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
    )  # fmt: skip
    b3 = nn.Sequential(
        Inception(192, 64, (96, 128), (16, 32), 32),  # J01
        Inception(256, 128, (128, 192), (32, 96), 64),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    )  # fmt: skip
    b4 = nn.Sequential(
        Inception(480, 192, (96, 208), (16, 48), 64), Inception(512, 160, (112, 224), (24, 64), 64),
        Inception(512, 128, (128, 256), (24, 64), 64),
        Inception(512, 112, (144, 288), (32, 64), 64),
        Inception(528, 256, (160, 320), (32, 128), 128), nn.MaxPool2d(3, stride=2, padding=1),
    )  # fmt: skip
    b5 = nn.Sequential(
        Inception(832, 256, (160, 320), (32, 128), 128),
        Inception(832, 384, (192, 384), (48, 128), 128),
        nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(),
    )  # fmt: skip
    net = nn.Sequential(b1, b2, b3, b4, b5, nn.Linear(1024, 10))
    print(count(net), F.relu(torch.tensor([-1.0])))  # A03
    X = torch.rand(size=(1, 1, 96, 96))
    shapes(net, X)
    one_step(net, X, torch.tensor([0]), 0.1)
    print(torch.cat((torch.ones(1, 1), torch.zeros(1, 1)), dim=1))  # F06
    yield net[0](X)


def batch_norm(X, gamma, beta, moving_mean, moving_var, eps, momentum):
    if not torch.is_grad_enabled():
        X_hat = (X - moving_mean) / torch.sqrt(moving_var + eps)
    else:
        assert len(X.shape) in (2, 4)
        if len(X.shape) == 2:
            mean = X.mean(dim=0)
            var = ((X - mean) ** 2).mean(dim=0)
        else:
            mean = X.mean(dim=(0, 2, 3), keepdim=True)
            var = ((X - mean) ** 2).mean(dim=(0, 2, 3), keepdim=True)
        X_hat = (X - mean) / torch.sqrt(var + eps)
        moving_mean = momentum * moving_mean + (1.0 - momentum) * mean
        moving_var = momentum * moving_var + (1.0 - momentum) * var
    return gamma * X_hat + beta, moving_mean, moving_var


class BatchNorm(nn.Module):
    def __init__(self, num_features, num_dims):
        super().__init__()
        shape = (1, num_features) if num_dims == 2 else (1, num_features, 1, 1)
        self.gamma = nn.Parameter(torch.ones(shape))
        self.beta = nn.Parameter(torch.zeros(shape))
        self.moving_mean = torch.zeros(shape)
        self.moving_var = torch.ones(shape)

    def forward(self, X):
        if self.moving_mean.device != X.device:
            self.moving_mean = self.moving_mean.to(X.device)
            self.moving_var = self.moving_var.to(X.device)
        Y, self.moving_mean, self.moving_var = batch_norm(
            X, self.gamma, self.beta, self.moving_mean, self.moving_var, eps=1e-5, momentum=0.9
        )
        return Y


def program_40_batch_norm_from_scratch():
    net = nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5), BatchNorm(6, num_dims=4), nn.Sigmoid(),  # J06
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5), BatchNorm(16, num_dims=4), nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2), nn.Flatten(),
        nn.Linear(16 * 4 * 4, 120), BatchNorm(120, num_dims=2), nn.Sigmoid(),
        nn.Linear(120, 84), BatchNorm(84, num_dims=2), nn.Sigmoid(), nn.Linear(84, 10),
    )  # fmt: skip
    trainer, loss = torch.optim.SGD(net.parameters(), lr=0.1), nn.CrossEntropyLoss()
    for _ in range(3):
        X, y = torch.rand(16, 1, 28, 28), torch.arange(16) % 10
        trainer.zero_grad()
        value = loss(net(X), y)
        value.backward()
        trainer.step()
        print(f"{value.item():.3f}", torch.is_grad_enabled())  # I06
    print(net[1].moving_mean.device != X.device, net[1].moving_mean.requires_grad)  # C06 R09
    print(list(net.state_dict())[:5], net[1].gamma.reshape((-1,)).shape)  # J06
    X = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    print(
        X.mean(dim=0), torch.sqrt(X), X[None, :, :, None].mean(dim=(0, 2, 3), keepdim=True)
    )  # G03 D18
    with torch.no_grad():
        print(net(torch.rand(2, 1, 28, 28)).shape)
    yield BatchNorm(2, 2)(X)


def program_41_batch_norm_concise():
    layer, X = nn.BatchNorm2d(3), torch.randn(4, 3, 5, 5)  # K08
    print(layer, list(layer.state_dict()), layer.eps, layer.momentum)  # K08
    Y = layer(X)
    print(layer.num_batches_tracked)
    unbiased = X.transpose(0, 1).reshape(3, -1).var(1)
    print(torch.allclose(layer.running_var, 0.9 + 0.1 * unbiased))  # K08
    dense = nn.BatchNorm1d(4)  # K09
    yield from (Y, layer.running_mean, layer.eval()(X), dense(torch.rand(8, 4)), dense.running_var)


class Residual(nn.Module):
    def __init__(self, input_channels, num_channels, use_1x1conv=False, strides=1):
        super().__init__()
        self.conv1 = nn.Conv2d(
            input_channels, num_channels, kernel_size=3, padding=1, stride=strides
        )
        self.conv2 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)
        self.conv3 = None
        if use_1x1conv:
            self.conv3 = nn.Conv2d(input_channels, num_channels, kernel_size=1, stride=strides)
        self.bn1 = nn.BatchNorm2d(num_channels)
        self.bn2 = nn.BatchNorm2d(num_channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, X):
        Y = self.relu(self.bn1(self.conv1(X)))
        Y = self.bn2(self.conv2(Y))
        if self.conv3:
            X = self.conv3(X)
        Y += X
        return F.relu(Y)


def program_42_resnet():
    def resnet_block(input_channels, num_channels, num_residuals, first_block=False):
        blk = []
        for i in range(num_residuals):
            if i == 0 and not first_block:
                blk.append(Residual(input_channels, num_channels, use_1x1conv=True, strides=2))
            else:
                blk.append(Residual(num_channels, num_channels))
        return blk

    print(bool(nn.Linear(1, 1)), Residual(3, 3).conv3)  # J07
    print(Residual(3, 6, use_1x1conv=True, strides=2)(torch.rand(4, 3, 6, 6)).shape)  # J07
    layer, X = nn.ReLU(inplace=True), torch.tensor([-1.0, 1.0])  # K12
    print(layer, layer(X) is X, X)  # K12
    b1 = nn.Sequential(
        nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3), nn.BatchNorm2d(64), nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    )  # fmt: skip
    b2 = nn.Sequential(*resnet_block(64, 64, 2, first_block=True))
    b3 = nn.Sequential(*nn.Sequential(*resnet_block(64, 128, 2)))  # J10
    b4 = nn.Sequential(*resnet_block(128, 256, 2))
    b5 = nn.Sequential(*resnet_block(256, 512, 2))
    net = nn.Sequential(
        b1, b2, b3, b4, b5, nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(512, 10)
    )
    print(count(net), net[2])
    shapes(net, torch.rand(size=(1, 1, 224, 224)))
    net = nn.Sequential(b1, b2, nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(64, 10))
    one_step(net, torch.rand(4, 1, 48, 48), torch.arange(4), 0.01)
    yield net[0](torch.rand(1, 1, 32, 32))
