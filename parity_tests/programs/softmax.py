"""Softmax regression: systems 11 to 13 and 55 of the study notes."""

# The notes' own way of writing stands.
# ruff: noqa: B007, B905, E721, UP031, UP032

import time

import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torch.utils import data


def program_11_softmax_regression_from_scratch():
    from d2l import torch as d2l

    train_iter, test_iter = d2l.load_data_fashion_mnist(64)  # W07
    X = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    print(X.sum(0, keepdim=True), X.sum(1, keepdim=True))  # G02
    W = torch.normal(0, 0.01, size=(784, 10), requires_grad=True)  # B29
    b = torch.zeros(10, requires_grad=True)  # B16

    def softmax(X):
        X_exp = torch.exp(X)  # D16
        partition = X_exp.sum(1, keepdim=True)  # G02
        return X_exp / partition

    X_prob = softmax(torch.normal(0, 1, (2, 5)))
    print(X_prob, X_prob.sum(1))

    def net(X):
        return softmax(torch.matmul(X.reshape((-1, W.shape[0])), W) + b)  # H04

    y = torch.tensor([0, 2])
    y_hat = torch.tensor([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]], requires_grad=True)
    print(y_hat[[0, 1], y], y_hat[range(len(y_hat)), y])  # E06

    def cross_entropy(y_hat, y):
        return -torch.log(y_hat[range(len(y_hat)), y])  # D17 D04 E06 M04

    print(cross_entropy(y_hat, y))

    def accuracy(y_hat, y):
        if len(y_hat.shape) > 1 and y_hat.shape[1] > 1:
            y_hat = y_hat.argmax(axis=1)  # G09
        cmp = y_hat.type(y.dtype) == y  # C18 C05
        return float(cmp.type(y.dtype).sum())  # C22

    print(accuracy(y_hat, y) / len(y), d2l.accuracy(y_hat, y), y_hat.argmax(axis=1))  # W02
    print(
        isinstance(net, torch.nn.Module), f"{d2l.evaluate_accuracy(net, test_iter):.4f}"
    )  # J26 W02
    metric = d2l.Accumulator(2)  # W02
    metric.add(cross_entropy(y_hat, y).sum(), y.numel())  # W02 C04
    print(f"{metric[0]:.4f} {metric[1]}")

    def updater(batch_size):
        return d2l.sgd([W, b], 0.1, batch_size)

    print(isinstance(updater, torch.optim.Optimizer))  # O09
    d2l.train_ch3(net, train_iter, test_iter, cross_entropy, 2, updater)  # W03
    d2l.predict_ch3(net, test_iter)  # W03
    loss, accuracy = d2l.train_epoch_ch3(net, train_iter, cross_entropy, updater)  # W03
    print(f"{loss:.3f} {accuracy:.2f}")
    print(net(X_test(test_iter))[0:2].reshape(4, 5), W.numel())  # E13 C04
    yield W


def X_test(loader):
    return next(iter(loader))[0]


def program_12_softmax_regression_concise():
    from d2l import torch as d2l

    train_iter, test_iter = d2l.load_data_fashion_mnist(64)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))  # K11

    def init_weights(m):
        if type(m) == nn.Linear:  # J25
            nn.init.normal_(m.weight, std=0.01)

    print(net.apply(init_weights) is net)  # J20
    loss = nn.CrossEntropyLoss(reduction="none")  # M02
    trainer = torch.optim.SGD(net.parameters(), lr=0.1)
    print(isinstance(trainer, torch.optim.Optimizer))  # O09
    d2l.train_ch3(net, train_iter, test_iter, loss, 3, trainer)
    X, y = next(iter(test_iter))
    out = net(X)
    print(loss(out, y)[:5], nn.CrossEntropyLoss()(out, y), loss)  # M02 X13
    by_hand = -F.log_softmax(out, dim=1)[range(len(y)), y]  # L06 A03
    print((by_hand - loss(out, y)).abs().max() < 1e-6, by_hand.mean())
    print(
        nn.CrossEntropyLoss(reduction="sum")(out, y), f"{d2l.evaluate_accuracy(net, test_iter):.3f}"
    )  # M02
    yield net[1].weight


def program_13_mnist_class():
    import torchvision.datasets as datasets  # A10
    from torch.utils.data import DataLoader
    from torchvision import transforms  # A10

    train_dataset = datasets.MNIST(
        root="../data",
        train=True,
        transform=transforms.ToTensor(),
        download=False,  # T02
    )
    test_dataset = datasets.MNIST("../data", train=False, transform=transforms.ToTensor())  # T02
    train_loader = DataLoader(dataset=train_dataset, batch_size=20, shuffle=True)
    test_loader = torch.utils.data.DataLoader(  # A05
        dataset=test_dataset,
        batch_size=20,
        shuffle=False,  # P03
    )
    print(len(train_dataset), len(train_loader), len(test_loader))  # P06

    class LogisticRegression(nn.Module):
        def __init__(self, input_size, num_classes):
            super().__init__()
            self.linear = nn.Linear(input_size, num_classes)

        def forward(self, x):
            return self.linear(x)

    model = LogisticRegression(784, 10)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    for epoch in range(3):
        for i, (images, labels) in enumerate(train_loader):  # P09
            images = images.reshape(-1, 28 * 28)
            outputs = model(images)
            loss = criterion(outputs, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if (i + 1) % 5 == 0:
                print("Epoch [%d/3], Step [%d], Loss: %.4f" % (epoch + 1, i + 1, loss.item()))
    model.eval()  # J21
    with torch.no_grad():  # I04
        correct = total = 0
        for images, labels in test_loader:
            outputs = model(images.reshape(-1, 28 * 28))
            values, predicted = torch.max(outputs.data, 1)  # G08 C08
            total += labels.size(0)  # C02
            correct += (predicted == labels).sum().item()  # G10
        print("Accuracy: {} %".format(100 * correct / total), total)
    print(labels.dtype, images.shape, values[:3])  # P08
    yield model.linear.weight


def program_55_image_data_set():
    from d2l import torch as d2l
    from torchvision import transforms

    d2l.use_svg_display()  # W08
    trans = transforms.ToTensor()
    mnist_train = torchvision.datasets.FashionMNIST(  # T01
        root="../data", train=True, transform=trans, download=True
    )
    mnist_test = torchvision.datasets.FashionMNIST("../data", False, trans)  # T01
    print(len(mnist_train), len(mnist_test), mnist_train[0][0].shape, mnist_train[0][1])  # T05
    print(d2l.get_fashion_mnist_labels(range(10)), mnist_train.classes)  # W07 T06

    def show_images(imgs, num_rows, num_cols, titles=None, scale=1.5):
        figsize = (num_cols * scale, num_rows * scale)
        _, axes = d2l.plt.subplots(num_rows, num_cols, figsize=figsize)
        axes = axes.flatten()  # F05
        for i, (ax, img) in enumerate(zip(axes, imgs)):  # E14
            ax.imshow(img.numpy() if torch.is_tensor(img) else img)  # V02 C26
            if titles:
                ax.set_title(titles[i])
        return axes

    X, y = next(iter(data.DataLoader(mnist_train, batch_size=6)))  # P07
    axes = show_images(X.reshape(6, 28, 28), 2, 3, titles=d2l.get_fashion_mnist_labels(y))
    print(len(axes), axes[0].get_title(), X.shape, y)
    plain = torchvision.datasets.FashionMNIST(root="../data", train=True)
    print(plain[0][0].size, torch.is_tensor(plain[0][0]))  # C26

    print(1 <= d2l.get_dataloader_workers() <= 4)  # W07
    train_iter = data.DataLoader(mnist_train, 32, shuffle=True, num_workers=4)  # P05
    start = time.time()
    seen = []
    for X, y in train_iter:
        seen.append(y)
        continue
    print(f"{time.time() - start:.2f} sec", len(train_iter))
    torch.manual_seed(5)
    orders = []
    for _ in range(2):
        orders.append(torch.cat([y for _, y in data.DataLoader(mnist_train, 32, True)]))  # P10
    print(orders[0][:12], torch.equal(*orders))
    yield torch.cat(seen)
    train_iter, test_iter = d2l.load_data_fashion_mnist(32, resize=64)  # W07
    for X, y in train_iter:
        print(X.shape, X.dtype, y.shape, y.dtype)
        break
    trans = [transforms.ToTensor()]
    trans.insert(0, transforms.Resize([40, 40]))  # S02 S03
    print(transforms.Compose(trans))  # S02
    yield next(iter(test_iter))[0][:4]
