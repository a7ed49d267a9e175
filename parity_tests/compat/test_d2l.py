"""Programs in the way of 'Dive into Deep Learning', unmodified, on files that the test writes."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from parity_tests.compat.test_run import run

BEGIN = """
import torch, torchvision
from torch import nn
from torch.utils import data
from d2l import torch as d2l
"""

SOFTMAX = """
batch_size = 64
train_iter, test_iter = d2l.load_data_fashion_mnist(batch_size)
net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
def init_weights(m):
    if type(m) == nn.Linear:
        nn.init.normal_(m.weight, std=0.01)
net.apply(init_weights);
loss = nn.CrossEntropyLoss(reduction='none')
trainer = torch.optim.SGD(net.parameters(), lr=0.1)
d2l.train_ch3(net, train_iter, test_iter, loss, 3, trainer)
d2l.predict_ch3(net, test_iter)
print(d2l.evaluate_accuracy(net, test_iter) > 0.5)
"""

SCRATCH = """
true_w, true_b = torch.tensor([2, -3.4]), 4.2
features, labels = d2l.synthetic_data(true_w, true_b, 200)
d2l.set_figsize()
d2l.plt.scatter(features[:, 1].detach().numpy(), labels.detach().numpy(), 1)
w = torch.normal(0, 0.01, size=(2, 1), requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for epoch in range(15):
    for X, y in d2l.load_array((features, labels), 10):
        d2l.squared_loss(d2l.linreg(X, w, b), y).sum().backward()
        d2l.sgd([w, b], 0.03, 10)
print(float((true_w - w.reshape(true_w.shape)).abs().max()) < 0.1)
"""

LENET = """
net = nn.Sequential(
    nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(),
    nn.AvgPool2d(kernel_size=2, stride=2),
    nn.Conv2d(6, 16, kernel_size=5), nn.Sigmoid(),
    nn.AvgPool2d(kernel_size=2, stride=2), nn.Flatten(),
    nn.Linear(16 * 5 * 5, 120), nn.Sigmoid(),
    nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10))
train_iter, test_iter = d2l.load_data_fashion_mnist(batch_size=64)
d2l.train_ch6(net, train_iter, test_iter, 2, 0.9, d2l.try_gpu())
print(True)
"""

SEVERAL = """
net = d2l.resnet18(10)
devices = d2l.try_all_gpus()
train_iter, test_iter = d2l.load_data_fashion_mnist(64, resize=8)
trainer = torch.optim.SGD(net.parameters(), lr=0.1)
d2l.train_ch13(net, train_iter, test_iter, nn.CrossEntropyLoss(reduction="none"), trainer, 1)
X, y = d2l.split_batch(torch.rand(4, 1, 8, 8), torch.arange(4), [d2l.cpu(), d2l.cpu()])
print(len(X) == 2)
"""

PLOTS = """
x = torch.arange(-8.0, 8.0, 0.1, requires_grad=True)
y = torch.relu(x)
d2l.plot(x.detach(), y.detach(), 'x', 'relu(x)', figsize=(5, 2.5))
timer = d2l.Timer()
images, labels = next(iter(d2l.load_data_fashion_mnist(18)[0]))
d2l.show_images(images.reshape(18, 28, 28), 2, 9, titles=d2l.get_fashion_mnist_labels(labels))
print(timer.stop() > 0)
"""


def idx(array: np.ndarray) -> bytes:
    """An array of bytes in the format of MNIST's files."""
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim)
    return head + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to run in, with a small Fashion-MNIST where the book's programs look for it."""
    folder = tmp_path_factory.mktemp("course")
    raw = folder / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    draw = np.random.default_rng(0)
    for part, count in (("train", 256), ("t10k", 64)):
        labels = draw.integers(0, 10, count)
        images = draw.integers(0, 60, (count, 28, 28))
        images[np.arange(count), 2 * labels + 3] += 180  # a bright line tells the class
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


@pytest.mark.parametrize(
    ("program", "pictures"),
    [(SOFTMAX, 2), (SCRATCH, 0), (LENET, 1), (SEVERAL, 1), (PLOTS, 2)],
    ids=["softmax", "scratch", "lenet", "several devices", "plots"],
)
def test_programs_of_the_book_run_unmodified(
    program: str,
    pictures: int,
    course: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "data").symlink_to(course / "data")
    monkeypatch.chdir(work)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    done = run(work, BEGIN + program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "True" or "True\n" in done.stdout, done.stdout
    drawn = list((work / "figures").glob("*.png")) if pictures else []
    assert len(drawn) == pictures
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)
