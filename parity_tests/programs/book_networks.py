"""The newer edition's chapters on convolutional networks, from LeNet to DenseNet."""

import torch
from d2l import torch as d2l
from torch import nn
from torch.nn import functional as F


def drawn(model):
    """The curves of a training, by their labels."""
    lines = model.board.data.items()
    return {label: torch.tensor([[float(p.x), float(p.y)] for p in line]) for label, line in lines}


class TinyImages(d2l.DataModule):
    """A few pictures in which a bright square tells the class."""

    def __init__(self, size, batch_size=8, count=16):
        super().__init__()
        self.save_hyperparameters()
        generator = torch.Generator().manual_seed(7)
        self.y = torch.arange(count) % 10
        self.X = torch.rand((count, 1, size, size), generator=generator)
        for i in range(count):
            self.X[i, 0, : 2 * int(self.y[i]) + 2] += 1

    def get_dataloader(self, train):
        i = slice(0, self.count // 2) if train else slice(self.count // 2, None)
        return self.get_tensorloader((self.X, self.y), train, i)


def fitted(model, size, epochs=1, init=None):
    """A model after a short training, without pictures, and its curves."""
    data = TinyImages(size)
    model.board.display = False
    model.apply_init([next(iter(data.train_dataloader()))[0]], init)
    d2l.Trainer(max_epochs=epochs, num_gpus=1).fit(model, data)
    first = next(iter(model.parameters()))
    return drawn(model), first, len(model.state_dict())


def program_68_lenet():
    model = d2l.LeNet(lr=0.1)
    model.layer_summary((1, 1, 28, 28))
    yield fitted(model, 28, 3, d2l.init_cnn)

    def init_constant(module):
        if type(module) is nn.Linear:
            nn.init.constant_(module.weight, 0.5)

    model.apply(init_constant)
    print(float(model.net[-1].weight.mean()), F.relu(torch.tensor([-1.0])))


class AlexNet(d2l.Classifier):
    def __init__(self, lr=0.1, num_classes=10, width=8):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.LazyConv2d(96 // width, kernel_size=11, stride=4, padding=1), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.LazyConv2d(256 // width, kernel_size=5, padding=2), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.LazyConv2d(384 // width, kernel_size=3, padding=1), nn.ReLU(),
            nn.LazyConv2d(384 // width, kernel_size=3, padding=1), nn.ReLU(),
            nn.LazyConv2d(256 // width, kernel_size=3, padding=1), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2), nn.Flatten(),
            nn.LazyLinear(4096 // width), nn.ReLU(), nn.Dropout(p=0.5),
            nn.LazyLinear(4096 // width), nn.ReLU(), nn.Dropout(p=0.5),
            nn.LazyLinear(num_classes))  # fmt: skip


def vgg_block(num_convs, out_channels):
    layers = []
    for _ in range(num_convs):
        layers.append(nn.LazyConv2d(out_channels, kernel_size=3, padding=1))
        layers.append(nn.ReLU())
    layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
    return nn.Sequential(*layers)


class VGG(d2l.Classifier):
    def __init__(self, arch, lr=0.1, num_classes=10):
        super().__init__()
        self.save_hyperparameters()
        conv_blks = []
        for num_convs, out_channels in arch:
            conv_blks.append(vgg_block(num_convs, out_channels))
        self.net = nn.Sequential(
            *conv_blks, nn.Flatten(),
            nn.LazyLinear(64), nn.ReLU(), nn.Dropout(0.5),
            nn.LazyLinear(64), nn.ReLU(), nn.Dropout(0.5),
            nn.LazyLinear(num_classes))  # fmt: skip


def program_69_alexnet_and_vgg():
    model = AlexNet(lr=0.01)
    model.layer_summary((1, 1, 224, 224))
    yield fitted(model, 224, init=d2l.init_cnn)
    model = VGG(arch=((1, 4), (1, 8), (2, 16), (2, 16), (2, 16)), lr=0.01)
    model.layer_summary((1, 1, 64, 64))
    yield fitted(model, 64, init=d2l.init_cnn)
    yield model.hparams


def nin_block(out_channels, kernel_size, strides, padding):
    return nn.Sequential(
        nn.LazyConv2d(out_channels, kernel_size, strides, padding), nn.ReLU(),
        nn.LazyConv2d(out_channels, kernel_size=1), nn.ReLU(),
        nn.LazyConv2d(out_channels, kernel_size=1), nn.ReLU())  # fmt: skip


class NiN(d2l.Classifier):
    def __init__(self, lr=0.1, num_classes=10):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nin_block(12, kernel_size=11, strides=4, padding=0),
            nn.MaxPool2d(3, stride=2),
            nin_block(32, kernel_size=5, strides=1, padding=2),
            nn.MaxPool2d(3, stride=2),
            nin_block(48, kernel_size=3, strides=1, padding=1),
            nn.MaxPool2d(3, stride=2),
            nn.Dropout(0.5),
            nin_block(num_classes, kernel_size=3, strides=1, padding=1),
            nn.AdaptiveAvgPool2d((1, 1)),
            nn.Flatten())  # fmt: skip


class Inception(nn.Module):
    def __init__(self, c1, c2, c3, c4, **kwargs):
        super().__init__(**kwargs)
        self.b1_1 = nn.LazyConv2d(c1, kernel_size=1)
        self.b2_1 = nn.LazyConv2d(c2[0], kernel_size=1)
        self.b2_2 = nn.LazyConv2d(c2[1], kernel_size=3, padding=1)
        self.b3_1 = nn.LazyConv2d(c3[0], kernel_size=1)
        self.b3_2 = nn.LazyConv2d(c3[1], kernel_size=5, padding=2)
        self.b4_1 = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
        self.b4_2 = nn.LazyConv2d(c4, kernel_size=1)

    def forward(self, x):
        b1 = F.relu(self.b1_1(x))
        b2 = F.relu(self.b2_2(F.relu(self.b2_1(x))))
        b3 = F.relu(self.b3_2(F.relu(self.b3_1(x))))
        b4 = F.relu(self.b4_2(self.b4_1(x)))
        return torch.cat((b1, b2, b3, b4), dim=1)


class GoogleNet(d2l.Classifier):
    def __init__(self, lr=0.1, num_classes=10):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(self.b1(), self.b2(), self.b3(), nn.LazyLinear(num_classes))

    def b1(self):
        return nn.Sequential(
            nn.LazyConv2d(8, kernel_size=7, stride=2, padding=3), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1))  # fmt: skip

    def b2(self):
        return nn.Sequential(
            nn.LazyConv2d(8, kernel_size=1), nn.ReLU(),
            nn.LazyConv2d(24, kernel_size=3, padding=1), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1))  # fmt: skip

    def b3(self):
        return nn.Sequential(
            Inception(8, (12, 16), (2, 4), 4), Inception(16, (16, 24), (4, 12), 8),
            nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten())  # fmt: skip


def program_70_nin_and_googlenet():
    model = NiN(lr=0.05)
    model.layer_summary((1, 1, 224, 224))
    yield fitted(model, 224, init=d2l.init_cnn)
    model = GoogleNet(lr=0.01)
    model.layer_summary((1, 1, 96, 96))
    yield fitted(model, 96, init=d2l.init_cnn)


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
        moving_mean = (1.0 - momentum) * moving_mean + momentum * mean
        moving_var = (1.0 - momentum) * moving_var + momentum * var
    Y = gamma * X_hat + beta
    return Y, moving_mean.data, moving_var.data


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
            X, self.gamma, self.beta, self.moving_mean, self.moving_var, eps=1e-5, momentum=0.1
        )
        return Y


class BNLeNet(d2l.Classifier):
    def __init__(self, norms, lr=0.1, num_classes=10):
        super().__init__()
        self.save_hyperparameters()
        one, two, three, four = norms
        self.net = nn.Sequential(
            nn.LazyConv2d(6, kernel_size=5), one,
            nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2),
            nn.LazyConv2d(16, kernel_size=5), two,
            nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2),
            nn.Flatten(), nn.LazyLinear(120), three, nn.Sigmoid(),
            nn.LazyLinear(84), four, nn.Sigmoid(),
            nn.LazyLinear(num_classes))  # fmt: skip


def program_71_batch_normalisation():
    scratch = [BatchNorm(6, 4), BatchNorm(16, 4), BatchNorm(120, 2), BatchNorm(84, 2)]
    lazy = [nn.LazyBatchNorm2d(), nn.LazyBatchNorm2d(), nn.LazyBatchNorm1d(), nn.LazyBatchNorm1d()]
    for norms in (scratch, lazy):
        model = BNLeNet(norms, lr=0.1)
        yield fitted(model, 28, 3, d2l.init_cnn)
        print(type(model.net[1]).__name__)
    yield scratch[0].gamma.reshape((-1,)), scratch[0].moving_mean, lazy[0].running_var


class ResNet(d2l.Classifier):
    def b1(self):
        return nn.Sequential(
            nn.LazyConv2d(8, kernel_size=7, stride=2, padding=3), nn.LazyBatchNorm2d(), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1))  # fmt: skip

    def block(self, num_residuals, num_channels, first_block=False):
        blk = []
        for i in range(num_residuals):
            if i == 0 and not first_block:
                blk.append(d2l.Residual(num_channels, use_1x1conv=True, strides=2))
            else:
                blk.append(d2l.Residual(num_channels))
        return nn.Sequential(*blk)

    def __init__(self, arch, lr=0.1, num_classes=10):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(self.b1())
        for i, b in enumerate(arch):
            self.net.add_module(f"b{i + 2}", self.block(*b, first_block=(i == 0)))
        self.net.add_module(
            "last",
            nn.Sequential(nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.LazyLinear(num_classes)),
        )


class ResNet18(ResNet):
    def __init__(self, lr=0.1, num_classes=10):
        super().__init__(((2, 8), (2, 16), (2, 24)), lr, num_classes)


def program_72_residual_networks():
    model = ResNet18(lr=0.01)
    model.layer_summary((1, 1, 96, 96))
    yield fitted(model, 32, init=d2l.init_cnn)
    print(list(model.state_dict())[:14])
    for blk in (d2l.Residual(3), d2l.Residual(6, use_1x1conv=True, strides=2)):
        print(blk(torch.randn(4, 3, 6, 6)).shape)
    for blk in (d2l.ResNeXtBlock(32, 16, 1), d2l.ResNeXtBlock(24, 4, 0.5, True, 2)):
        X = torch.randn(2, 32, 12, 12)
        print(blk(X).shape, blk.conv2)
        yield blk(X).sum()


def conv_block(num_channels):
    return nn.Sequential(
        nn.LazyBatchNorm2d(), nn.ReLU(), nn.LazyConv2d(num_channels, kernel_size=3, padding=1)
    )


class DenseBlock(nn.Module):
    def __init__(self, num_convs, num_channels):
        super().__init__()
        layer = []
        for _ in range(num_convs):
            layer.append(conv_block(num_channels))
        self.net = nn.Sequential(*layer)

    def forward(self, X):
        for blk in self.net:
            Y = blk(X)
            X = torch.cat((X, Y), dim=1)
        return X


def transition_block(num_channels):
    return nn.Sequential(
        nn.LazyBatchNorm2d(), nn.ReLU(), nn.LazyConv2d(num_channels, kernel_size=1),
        nn.AvgPool2d(kernel_size=2, stride=2))  # fmt: skip


class DenseNet(d2l.Classifier):
    def b1(self):
        return nn.Sequential(
            nn.LazyConv2d(8, kernel_size=7, stride=2, padding=3), nn.LazyBatchNorm2d(), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1))  # fmt: skip

    def __init__(self, num_channels=8, growth_rate=4, arch=(2, 2, 2), lr=0.1, num_classes=10):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(self.b1())
        for i, num_convs in enumerate(arch):
            self.net.add_module(f"dense_blk{i + 1}", DenseBlock(num_convs, growth_rate))
            num_channels += num_convs * growth_rate
            if i != len(arch) - 1:
                num_channels //= 2
                self.net.add_module(f"tran_blk{i + 1}", transition_block(num_channels))
        self.net.add_module(
            "last",
            nn.Sequential(
                nn.LazyBatchNorm2d(), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(),
                nn.LazyLinear(num_classes)))  # fmt: skip


def program_73_dense_networks():
    model = DenseNet(lr=0.01)
    yield fitted(model, 64, 2, d2l.init_cnn)
    print(model.net[1](torch.randn(4, 8, 8, 8)).shape, model.num_channels)
