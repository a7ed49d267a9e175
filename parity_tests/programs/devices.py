"""Devices and training on several of them: systems 29, 43 to 45 of the study notes."""

# The notes' own way of writing stands.
# ruff: noqa: B905, RUF010

import torch
from torch import nn
from torch.nn import functional as F


def try_gpu(i=0):
    if torch.cuda.device_count() >= i + 1:
        return torch.device(f"cuda:{i}")
    return torch.device("cpu")


def try_all_gpus():
    devices = [torch.device(f"cuda:{i}") for i in range(torch.cuda.device_count())]
    return devices if devices else [torch.device("cpu")]


def program_29_devices():
    from d2l import torch as d2l

    print(torch.device("cpu"), torch.device("cuda"), [torch.device("cuda:1")])  # R01 X22
    i = 1
    print(torch.device(f"cuda:{i}") == torch.device("cuda" + ":" + str(i)))  # R01
    both = torch.device("cuda"), torch.device("cuda:0")
    print(
        both,
        both[0].type,
        both[0].index,
        both[1].index,
        hash(both[1]) == hash(torch.device("cuda", 0)),
    )  # R11 R01
    print(torch.cuda.device_count(), torch.cuda.is_available())  # A08 R02 R03
    print(try_gpu(), try_gpu(10), [try_gpu(10)], try_all_gpus())  # Y11 X22
    print(d2l.try_gpu(10), d2l.try_all_gpus(), d2l.num_gpus())  # W06
    x = torch.tensor([1, 2, 3])
    print(x.device, x.device != torch.device("cpu"))  # C06
    X = torch.ones(2, 3, device=try_gpu())  # R05 B20
    Y = torch.rand(2, 3, device=try_gpu(1))
    print(X, Y.shape, torch.zeros(1, device="cpu"), torch.tensor([4.0], device="cpu"))  # B06
    print(X.to(device="cpu") is X, X.to(try_gpu()) is X, X.cpu() is X)  # C19 C21
    if torch.cuda.is_available():
        Z = X.cuda(0)  # R06 C20
        torch.cuda.synchronize()  # R04
        print(Z.cuda(0) is Z, (Z + 1).cpu())
    else:
        for call in (lambda: X.cuda(1), torch.cuda.synchronize):  # C20 R04 R06
            try:
                call()
            except (RuntimeError, AssertionError) as error:
                print(isinstance(error, (RuntimeError, AssertionError)))
    net = nn.Sequential(nn.Linear(3, 1))
    net = net.to(device=try_gpu())  # R07 J23
    print(net(X).shape, net[0].weight.data.device, next(iter(net.parameters())).device)  # R08 J24
    print(f"training on {try_all_gpus()}", f"on {str(try_gpu())}")  # R10
    print(sorted({"cuda:0": 1, torch.device("cpu"): 2}, key=str))
    yield net(X)


# ---- LeNet written with functions ---------------------------------------------------------------


def lenet(X, params):
    h1_conv = F.conv2d(input=X, weight=params[0], bias=params[1])
    h1_activation = F.relu(h1_conv)
    h1 = F.avg_pool2d(input=h1_activation, kernel_size=(2, 2), stride=(2, 2))
    h2_conv = F.conv2d(input=h1, weight=params[2], bias=params[3])
    h2_activation = F.relu(h2_conv)
    h2 = F.avg_pool2d(input=h2_activation, kernel_size=(2, 2), stride=(2, 2))
    h2 = h2.reshape(h2.shape[0], -1)
    h3_linear = torch.mm(h2, params[4]) + params[5]
    h3 = F.relu(h3_linear)
    return torch.mm(h3, params[6]) + params[7]


def lenet_params():
    scale = 0.01
    W1 = torch.randn(size=(20, 1, 3, 3)) * scale
    b1 = torch.zeros(20)
    W2 = torch.randn(size=(50, 20, 5, 5)) * scale
    b2 = torch.zeros(50)
    W3 = torch.randn(size=(800, 128)) * scale
    b3 = torch.zeros(128)
    W4 = torch.randn(size=(128, 10)) * scale
    b4 = torch.zeros(10)
    return [W1, b1, W2, b2, W3, b3, W4, b4]


def get_params(params, device):
    new_params = [p.to(device) for p in params]
    for p in new_params:
        p.requires_grad_()
    return new_params


def allreduce(data):
    for i in range(1, len(data)):
        data[0][:] += data[i].to(data[0].device)
    for i in range(1, len(data)):
        data[i][:] = data[0].to(data[i].device)


def program_43_several_devices():
    from d2l import torch as d2l

    params = lenet_params()
    print(F.conv2d(input=torch.ones(1, 1, 4, 4), weight=params[0], bias=params[1]).shape)  # L02
    print(F.avg_pool2d(input=torch.ones(1, 1, 4, 4), kernel_size=(2, 2), stride=(2, 2)))  # L03
    new_params = get_params(params, try_gpu(0))
    print("b1 weight:", new_params[1], "b1 grad:", new_params[1].grad)  # C12
    data = [torch.ones((1, 2), device=try_gpu(i)) * (i + 1) for i in range(2)]  # B20
    print("before:", data[0], "\n", data[1])
    data[0][:] += data[1].to(data[0].device)  # E10
    data[1][:] = data[0].to(data[1].device)  # E10
    allreduce(data)
    print("after:", data[0], "\n", data[1])
    data = torch.arange(20).reshape(4, 5)
    print("input:", data, "load into", try_all_gpus(), "output:", data.chunk(2))

    train_iter, test_iter = d2l.load_data_fashion_mnist(64)
    loss = nn.CrossEntropyLoss(reduction="none")
    copies = [[p.detach().clone() for p in params] for _ in range(2)]
    device_params = [get_params(copy, torch.device("cpu")) for copy in copies]
    for epoch in range(2):
        timer = d2l.Timer()  # W02
        for X, y in train_iter:
            halves = list(zip(X.chunk(2), y.chunk(2), device_params))
            ls = [loss(lenet(a, W), b).sum() for a, b, W in halves]
            for value in ls:
                value.backward()
            with torch.no_grad():
                for i in range(len(params)):
                    allreduce([device_params[c][i].grad for c in range(2)])
            for param in device_params:
                d2l.sgd(param, 0.2, X.shape[0])
        acc = d2l.evaluate_accuracy_gpu(
            lambda x: lenet(x, device_params[0]), test_iter, try_gpu()
        )  # W02
        print(f"epoch {epoch + 1}: {acc:.2f}, {timer.stop():.1f} sec on {str(try_all_gpus())}")
    print(all(torch.equal(a, b) for a, b in zip(*device_params)))
    yield from device_params[0]


def program_43_scatter():
    """Only where there are cards does torch scatter; minigrad takes the processor too."""
    from d2l import torch as d2l

    data, devices = torch.arange(20).reshape(4, 5), [d2l.cpu(), d2l.cpu()]
    split = nn.parallel.scatter(data, devices)  # A06 K17
    print("input:", data)
    print("load into", devices)
    print("output:", split)
    X, y = d2l.split_batch(torch.rand(4, 1, 28, 28), torch.arange(4), devices)  # W05
    print(len(X), X[0].shape, y)


def program_44_data_parallel():
    from d2l import torch as d2l

    net = d2l.resnet18(10)  # W09
    devices = d2l.try_all_gpus()

    def init_weights(m):
        if type(m) in [nn.Linear, nn.Conv2d]:  # J25
            nn.init.normal_(m.weight, std=0.01)

    net.apply(init_weights)
    print([name for name, _ in net.named_children()])  # J14
    net = nn.DataParallel(net, device_ids=devices if torch.cuda.is_available() else None)  # K16
    print(type(net).__name__, list(net.state_dict())[:3], type(net.module).__name__)  # K16
    trainer = torch.optim.SGD(net.parameters(), 0.1)  # O01
    loss = nn.CrossEntropyLoss()
    X, y = torch.rand(4, 1, 16, 16), torch.arange(4)
    for _ in range(1):
        net.train()
        trainer.zero_grad()
        X, y = X.to(devices[0]), y.to(devices[0])
        value = loss(net(X), y)
        value.backward()
        trainer.step()
        print(f"{value.item():.3f}")
    yield net.module.fc[1].bias.shape


def program_45_synchronous_sgd():
    workers, w = 4, torch.zeros(3, requires_grad=True)
    X = torch.rand(16, 3)
    y = X @ torch.tensor([1.0, -2.0, 0.5])
    for _ in range(50):
        grads = []
        for a, b in zip(X.chunk(workers), y.chunk(workers)):
            loss = ((a @ w - b) ** 2).mean()
            grads.append(torch.autograd.grad(loss, w)[0])
        with torch.no_grad():
            w -= 0.5 * sum(grads) / workers  # D14 Z12
    whole = torch.autograd.grad(((X @ w - y) ** 2).mean(), w)[0]
    print(w, (sum(grads) / workers).shape, float(whole.abs().max()) < 0.1)  # D14
    yield w
