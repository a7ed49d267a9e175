"""Birds and planes: systems 52 to 54 of the study notes."""

# The notes' own way of writing stands.
# ruff: noqa: UP031

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torchvision import datasets, transforms


def birds_and_planes(normalise, train=True):
    transform = transforms.Compose([transforms.ToTensor(), normalise])
    cifar10 = datasets.CIFAR10("../data", train=train, download=False, transform=transform)
    label_map = {0: 0, 2: 1}
    return [(img, label_map[label]) for img, label in cifar10 if label in [0, 2]]


NORMALISE = transforms.Normalize((0.4915, 0.4823, 0.4468), (0.2470, 0.2435, 0.2616))


def program_52_statistics():
    cifar10 = datasets.CIFAR10("../data", train=True, download=False)  # T03
    img, label = cifar10[7]  # T05
    print(len(cifar10), img.size, img.mode, label, cifar10.classes[label])  # T05 T06
    print(list(cifar10.class_to_idx.items())[:3])  # T06
    tensor_cifar10 = datasets.CIFAR10("../data", train=True, transform=transforms.ToTensor())
    imgs = torch.stack([img_t for img_t, _ in tensor_cifar10], dim=3)  # E16 F07
    print(imgs.shape, imgs.view(3, -1).mean(dim=1), imgs.view(3, -1).std(dim=1))  # F03 G03 G05
    mean, std = imgs.view(3, -1).mean(dim=1), imgs.view(3, -1).std(dim=1)
    print(
        f"{imgs.std():.4f}",
        transforms.Normalize((0.4915, 0.4823, 0.4468), (0.2470, 0.2435, 0.2616)),
    )  # G05 X30
    normal = transforms.Normalize(mean.tolist(), std.tolist())  # S05
    yield normal(tensor_cifar10[0][0])
    try:
        datasets.CIFAR10("nowhere", download=False)  # T07
    except RuntimeError as error:
        print(error)


def program_53_fully_connected():
    cifar2, cifar2_val = birds_and_planes(NORMALISE), birds_and_planes(NORMALISE, train=False)
    print(len(cifar2), len(cifar2_val), cifar2[0][0].shape)
    model = nn.Sequential(
        nn.Linear(3072, 64), nn.Tanh(), nn.Linear(64, 2), nn.Softmax(dim=1)
    )  # K15
    softmax = nn.Softmax(dim=1)
    print(softmax(torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])).sum(dim=1))
    img, label = cifar2[0]
    img_batch = img.view(-1).unsqueeze(0)  # F04
    out = model(img_batch)
    print(out, torch.max(out, dim=1))  # G08
    model = nn.Sequential(
        nn.Linear(3072, 64), nn.Tanh(), nn.Linear(64, 2), nn.LogSoftmax(dim=1)
    )  # K15
    loss = nn.NLLLoss()  # M03
    print(loss(model(img_batch), torch.tensor([label])))  # M03 X13
    print(nn.CrossEntropyLoss()(model[:3](img_batch), torch.tensor([label])))  # X13
    train_loader = torch.utils.data.DataLoader(cifar2, batch_size=16, shuffle=True)  # P04
    optimizer = optim.SGD(model.parameters(), lr=1e-2)
    for epoch in range(5):
        for imgs, labels in train_loader:
            batch_size = imgs.shape[0]
            outputs = model(imgs.view(batch_size, -1))  # F03
            value = loss(outputs, labels)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        print("Epoch: %d, Loss: %.3f" % (epoch, float(value)))
    val_loader = torch.utils.data.DataLoader(cifar2_val, batch_size=64, shuffle=False)  # P04 P08
    correct = total = 0
    with torch.no_grad():
        for imgs, labels in val_loader:
            outputs = model(imgs.view(imgs.shape[0], -1))
            _, predicted = torch.max(outputs, dim=1)  # G08
            total += labels.shape[0]
            correct += int((predicted == labels).sum())  # G10
    print("Accuracy: %f" % (correct / total), labels.dtype)
    large = nn.Sequential(
        nn.Linear(3072, 1024), nn.Tanh(), nn.Linear(1024, 512), nn.Tanh(),
        nn.Linear(512, 128), nn.Tanh(), nn.Linear(128, 2),
    )  # fmt: skip
    print(sum(p.numel() for p in large.parameters() if p.requires_grad))
    yield model[0].bias


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.act1 = nn.Tanh()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(16, 8, kernel_size=3, padding=1)
        self.act2 = nn.Tanh()
        self.pool2 = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(8 * 8 * 8, 32)
        self.act3 = nn.Tanh()
        self.fc2 = nn.Linear(32, 2)

    def forward(self, x):
        out = self.pool1(self.act1(self.conv1(x)))
        out = self.pool2(self.act2(self.conv2(out)))
        out = out.view(-1, 8 * 8 * 8)
        out = self.act3(self.fc1(out))
        return self.fc2(out)


class FunctionalNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 8, kernel_size=3, padding=1)
        self.fc1 = nn.Linear(8 * 8 * 8, 32)
        self.fc2 = nn.Linear(32, 2)

    def forward(self, x):
        out = F.max_pool2d(torch.tanh(self.conv1(x)), 2)
        out = F.max_pool2d(torch.tanh(self.conv2(out)), 2)
        out = out.view(-1, 8 * 8 * 8)
        return self.fc2(torch.tanh(F.linear(out, self.fc1.weight, self.fc1.bias)))


def program_54_convolutional():
    cifar2, cifar2_val = birds_and_planes(NORMALISE), birds_and_planes(NORMALISE, train=False)
    conv = nn.Conv2d(3, 16, kernel_size=3)
    img, _ = cifar2[0]
    print(conv, conv.weight.shape, conv.bias.shape, conv(img.unsqueeze(0)).shape)  # F04 X25
    with torch.no_grad():
        conv.bias.zero_()  # N08
        conv.weight.fill_(1.0 / 9.0)  # N07
    yield conv(img.unsqueeze(0))
    without_flatten = nn.Sequential(
        nn.Conv2d(3, 16, kernel_size=3, padding=1), nn.Tanh(), nn.MaxPool2d(2),
        nn.Conv2d(16, 8, kernel_size=3, padding=1), nn.Tanh(), nn.MaxPool2d(2),
        nn.Linear(8 * 8 * 8, 32), nn.Tanh(), nn.Linear(32, 2),
    )  # fmt: skip
    try:
        without_flatten(img.unsqueeze(0))  # Y10
    except RuntimeError as error:
        print(str(error)[:59])
    model = Net()
    numel_list = [p.numel() for p in model.parameters()]
    print(sum(numel_list), numel_list, model)
    functional = FunctionalNet()
    functional.load_state_dict(model.state_dict())
    X = torch.rand(2, 3, 32, 32)
    print(torch.equal(model(X), functional(X)))  # D22 L04 L05
    print(
        F.linear(torch.ones(1, 2), torch.eye(2)),
        F.linear(torch.ones(1, 2), torch.eye(2), torch.ones(2)),
    )  # L05
    print(
        F.max_pool2d(torch.arange(4.0).reshape(1, 1, 2, 2), 2), torch.tanh(torch.zeros(1))
    )  # L04 D22
    optimizer, loss_fn = optim.SGD(model.parameters(), lr=1e-2), nn.CrossEntropyLoss()
    loader = torch.utils.data.DataLoader(cifar2, batch_size=16, shuffle=True)
    for epoch in range(1, 6):
        loss_train = 0.0
        for imgs, labels in loader:
            loss = loss_fn(model(imgs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_train += loss.item()  # C13
        print(f"Epoch {epoch}, Training loss {loss_train / len(loader)}"[:40])
    correct = 0
    for imgs, labels in torch.utils.data.DataLoader(cifar2_val, batch_size=64):
        correct += int((torch.max(model(imgs), 1)[1] == labels).sum())  # G08
    print(f"{correct / len(cifar2_val):.2f}")
    yield model.fc2.bias
