"""Blocks, parameters, sharing, lazy layers: systems 22 to 27 of the study notes."""

# The notes' own way of writing stands.
# ruff: noqa: E711, E721, RUF015

from collections import OrderedDict

import torch
import torch.nn as nn
import torch.nn.functional as F


class MLP(nn.Module):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = nn.Linear(20, 256)
        self.output = nn.Linear(256, 10)

    def forward(self, X):
        return self.output(F.relu(self.hidden(X)))


def program_22_blocks():
    from torch import nn  # A02
    from torch.nn import functional as F  # A03

    X = torch.rand(2, 20)  # B22
    net = nn.Sequential(nn.Linear(20, 256), nn.ReLU(), nn.Linear(256, 10))
    print(net(X), net.__call__(X).shape)  # J03 X11

    class MySequential(nn.Module):
        def __init__(self, *args):
            super().__init__()
            for idx, module in enumerate(args):
                self._modules[str(idx)] = module  # J04

        def forward(self, X):
            for block in self._modules.values():
                X = block(X)
            return X

    class OldSequential(nn.Module):
        def __init__(self, *args):
            super().__init__()
            for block in args:
                self._modules[block] = block  # J05

        def forward(self, X):
            for block in self._modules.values():
                X = block(X)
            return X

    net = MLP()  # J01
    print(net, net(X))  # X24
    yield net(X)
    for kind in (MySequential, OldSequential):
        net = kind(nn.Linear(20, 256), nn.ReLU(), nn.Linear(256, 10))
        print(net(X).shape, len(net._modules))  # J04 J05
        yield net(X)

    class FixedHiddenMLP(nn.Module):
        def __init__(self):
            super().__init__()
            self.rand_weight = torch.rand((20, 20), requires_grad=False)  # B23 J06
            self.linear = nn.Linear(20, 20)  # J02

        def forward(self, X):
            X = self.linear(X)
            X = F.relu(torch.mm(X, self.rand_weight) + 1)  # H03 L01
            X = self.linear(X)  # J30
            while X.abs().sum() > 1:  # C25
                X /= 2  # D12
            return X.sum()

    net = FixedHiddenMLP()
    out = net(X)
    print(out, out.grad_fn.name(), [n for n, _ in net.named_parameters()])  # X09 I12 J06
    out.backward()
    yield net.linear.weight.grad  # D12

    class NestMLP(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
            self.linear = nn.Linear(32, 16)

        def forward(self, X):
            return self.linear(self.net(X))

    chimera = nn.Sequential(NestMLP(), nn.Linear(16, 20), FixedHiddenMLP())
    print(chimera(X), chimera)  # X24

    class Hasty(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(2, 2)  # Y12

    try:
        Hasty()
    except AttributeError as error:
        print(error)  # Y12


def program_23_parameters():
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    X = torch.rand(size=(2, 4))  # B22
    print(net(X), net[2].state_dict())  # J11 J17 X20
    print(type(net[2].bias), net[2].bias, net[2].bias.data)  # A07 J28 X18 X23 C08
    print(net[2].weight.grad == None, net[2].weight.grad is None)  # D06 C10
    print(type(net[2].bias).__module__, isinstance(net[2].bias, torch.Tensor))  # A02 C27
    print(*[(name, param.shape) for name, param in net[0].named_parameters()])  # J16
    print(*[(name, param.shape) for name, param in net.named_parameters()])  # J16
    print(net.state_dict()["2.bias"].data, net.parameters())  # J18 X28
    print([type(p).__name__ for p in net.parameters()], list(net.parameters())[1])  # J15 X18
    print(type(net.state_dict()) is OrderedDict, list(net.state_dict()))  # J17 X20
    net.state_dict()["0.bias"][:] = 7  # J17
    print(net[0].bias)  # X34

    def block1():
        return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4), nn.ReLU())

    def block2():
        net = nn.Sequential()
        for i in range(4):
            net.add_module(f"block {i}", block1())  # J14
        return net

    rgnet = nn.Sequential(block2(), nn.Linear(4, 1))
    print(rgnet(X), rgnet)  # X24
    print(rgnet[0][1][0].bias.data, len(rgnet), rgnet[-1])  # J11
    print([layer.__class__.__name__ for layer in rgnet[0]])  # J12 J13
    yield rgnet(X)


def program_24_initialisation():
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    X = torch.rand(size=(2, 4))

    def init_normal(m):
        if type(m) == nn.Linear:  # J25
            nn.init.normal_(m.weight, mean=0, std=0.01)  # N01
            nn.init.zeros_(m.bias)  # N02

    def init_constant(m):
        if isinstance(m, nn.Linear):
            nn.init.constant_(m.weight, 1)  # N03
            nn.init.zeros_(m.bias)

    def init_xavier(m):
        if type(m) in [nn.Linear, nn.Conv2d]:  # J25
            nn.init.xavier_uniform_(m.weight)

    def init_42(m):
        if type(m) == nn.Linear:
            nn.init.constant_(m.weight, 42)

    def my_init(m):
        if type(m) == nn.Linear:
            print("Init", *[(name, param.shape) for name, param in m.named_parameters()][0])
            nn.init.uniform_(m.weight, -10, 10)  # N04
            m.weight.data *= m.weight.data.abs() >= 5  # D08 D09 D13 C09

    for init in (init_normal, init_constant):
        net.apply(init)  # J20
        print(net[0].weight.data[0], net[0].bias.data[0])
    net[0].apply(init_xavier)
    net[2].apply(init_42)
    print(net[0].weight.data[0], net[2].weight.data)
    net.apply(my_init)
    print(net[0].weight[:2])  # X08
    print(torch.tensor([-3.0, 2.0]) * torch.tensor([False, True]))  # D09 X08
    before = id(net[0].weight)
    net[0].weight.data[:] += 1  # E11 D10 C09
    net[0].weight.data[0, 0] = 42  # E12
    print(net[0].weight.data[0], id(net[0].weight) == before)  # J31
    yield net(X)


def program_25_sharing():
    shared = nn.Linear(8, 8)
    net = nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), shared, nn.ReLU(), shared, nn.ReLU(), nn.Linear(8, 1)
    )
    X = torch.rand(2, 4)
    net(X)
    print(net[2].weight.data[0] == net[4].weight.data[0])  # D07 X15
    net[2].weight.data[0, 0] = 100  # C09 E12
    print(net[2].weight.data[0] == net[4].weight.data[0], net[2] is net[4])  # J30
    print(len(list(net.parameters())), list(net.state_dict()))  # J15 J17
    net(X).sum().backward()
    before = shared.weight.clone()  # C16
    torch.optim.SGD(net.parameters(), lr=0.5).step()
    print(torch.equal(net[2].weight, net[4].weight), torch.equal(before, shared.weight))
    yield shared.weight.grad  # J30


def program_26_lazy_layers():
    net = nn.Sequential(nn.LazyLinear(256), nn.ReLU(), nn.LazyLinear(10))  # K02
    print(net, net[0].weight, list(net.parameters())[2:])  # X19
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)  # O10
    weight = net[0].weight
    seen = []
    net.apply(lambda m: seen.append(type(m).__name__))  # K02
    print(seen)
    X = torch.rand(2, 20)
    net(X)
    print(net, [p.shape for p in net.parameters()])  # K02
    print(net[0].weight is weight, type(net[0]) is nn.Linear)  # J31
    net(X).sum().backward()
    before = net[2].bias.detach().clone()
    optimizer.step()
    print((net[2].bias - before)[:2], optimizer.param_groups[0]["params"][0] is weight)  # O10
    yield net(X)


def program_27_own_layers():
    class CenteredLayer(nn.Module):
        def __init__(self):
            super().__init__()

        def forward(self, X):
            return X - X.mean()

    layer = CenteredLayer()
    print(layer, layer(torch.FloatTensor([1, 2, 3, 4, 5])))  # B09 X24
    net = nn.Sequential(nn.Linear(8, 128), CenteredLayer())
    mean = net(torch.rand(4, 8)).mean()
    print(abs(mean.item()) < 1e-6, mean.grad_fn.name())
    zero = (torch.zeros(3, requires_grad=True) * 2).mean()
    print(zero, torch.tensor([1e-8, -1.6e-8]).requires_grad_().mean())  # X10

    class MyLinear(nn.Module):
        def __init__(self, in_units, units):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(in_units, units))  # J27
            self.bias = nn.Parameter(
                torch.randn(
                    units,
                )
            )  # B26

        def forward(self, X):
            linear = torch.matmul(X, self.weight.data) + self.bias.data  # C08
            return F.relu(linear)

    linear = MyLinear(5, 3)
    print(linear.weight, linear)
    print(linear(torch.rand(2, 5)))
    net = nn.Sequential(MyLinear(64, 8), MyLinear(8, 1))
    yield net(torch.rand(2, 64))


def program_28_files():
    x = torch.arange(4)
    torch.save(x, "x-file")  # Q01
    x2 = torch.load("x-file")  # Q01
    print(x2, x2 == x)  # X15
    y = torch.zeros(4)
    torch.save([x, y], "x-files")  # Q02
    x2, y2 = torch.load("x-files")  # Q02
    print((x2, y2))
    torch.save({"x": x, "y": y}, "mydict")  # Q03
    print(torch.load("mydict"))  # Q03
    with open("points.t", "wb") as f:
        torch.save(x, f)  # Q05
    with open("points.t", "rb") as f:
        print(torch.load(f))  # Q05

    net = MLP()
    X = torch.randn(size=(2, 20))
    Y = net(X)
    torch.save(net.state_dict(), "mlp.params")  # Q04
    clone = MLP()
    print(clone.load_state_dict(torch.load("mlp.params")))  # Q06 J19 X29
    print(clone.eval(), type(torch.load("mlp.params")).__name__)  # J21 Q04
    print(clone(X) == Y)  # Q06 X15
    onto_cpu = torch.load("mlp.params", map_location=torch.device("cpu"))  # Q07
    print({name: str(value.device) for name, value in onto_cpu.items()})  # Q07

    state = net.state_dict()
    del state["output.bias"]
    try:
        clone.load_state_dict(state)  # Y13
    except RuntimeError as error:
        print(error)
    state["output.bias"] = torch.zeros(3)
    try:
        clone.load_state_dict(state)  # Y13
    except RuntimeError as error:
        print(error)
    print(clone.load_state_dict({"extra": X, **net.state_dict()}, strict=False))  # J19
    yield Y
