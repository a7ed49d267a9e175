"""Data sets read from files that the tests write, in the formats that are distributed."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import minigrad as mg
from minigrad.utils.data import DataLoader
from minigrad.utils.download import fetching as download
from minigrad.vision import datasets, transforms
from minigrad.vision.datasets.idx import read_idx
from parity_tests.vision.site import serving

IDX = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}
RANDOM = np.random.default_rng(0)
IMAGES = {True: RANDOM.integers(0, 256, (7, 28, 28), np.uint8)}
IMAGES[False] = RANDOM.integers(0, 256, (4, 28, 28), np.uint8)
LABELS = {True: np.array([3, 1, 4, 1, 5, 9, 2], np.uint8), False: np.array([6, 5, 3, 5], np.uint8)}


def idx(array: np.ndarray) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, IDX[array.dtype.name], array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_mnist(folder: Path, packed: bool = False) -> None:
    folder.mkdir(parents=True)
    for train, name in ((True, "train"), (False, "t10k")):
        for kind, array in (("images-idx3", IMAGES[train]), ("labels-idx1", LABELS[train])):
            content = idx(array)
            path = folder / f"{name}-{kind}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(content) if packed else content)


@pytest.mark.parametrize("dtype", IDX)
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4)])
def test_idx_files_of_every_type(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    array = RANDOM.integers(0, 100, shape).astype(dtype)
    (tmp_path / "a").write_bytes(idx(array))
    found = read_idx(tmp_path / "a")
    assert str(found.dtype) == f"torch.{dtype}" and (found.numpy() == array).all()
    found.add_(1)  # memory of its own, that can be written


@given(st.data())
def test_a_cut_or_lengthened_idx_file_is_named(tmp_path_factory, data) -> None:
    content = idx(LABELS[True])
    size = data.draw(st.integers(0, len(content) - 1))
    path = tmp_path_factory.mktemp("idx") / "labels"
    for bad in (content[:size], content + b"x" * (size + 1), b"\1" + content[1:]):
        path.write_bytes(bad)
        with pytest.raises(RuntimeError, match=r"labels is not a whole idx file.*download=True"):
            read_idx(path)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
def test_mnist_and_its_relatives(tmp_path: Path, name: str, packed: bool) -> None:
    write_mnist(tmp_path / name / "raw", packed)
    for train in (True, False):
        data = getattr(datasets, name)(tmp_path, train=train)
        assert data.data.dtype == mg.uint8 and (data.data.numpy() == IMAGES[train]).all()
        assert data.targets.dtype == mg.int64 and data.targets.tolist() == LABELS[train].tolist()
        assert len(data) == len(LABELS[train]) and len(data.classes) == 10
        assert data.class_to_idx[data.classes[4]] == 4
        image, label = data[-1]
        assert image.mode == "L" and type(label) is int and label == LABELS[train][-1]
        assert (np.asarray(image) == IMAGES[train][-1]).all()
    assert data.raw_folder == os.path.join(tmp_path, name, "raw")


def test_the_classes_are_torchvisions() -> None:
    assert datasets.MNIST.classes[:2] == ["0 - zero", "1 - one"]
    assert datasets.FashionMNIST.classes[0] == "T-shirt/top"
    assert datasets.EMNIST.classes_split_dict["letters"][:2] == ["N/A", "a"]
    classes = {k: len(v) for k, v in datasets.EMNIST.classes_split_dict.items()}
    assert classes == {
        **{"byclass": 62, "bymerge": 47, "balanced": 47, "letters": 27, "digits": 10, "mnist": 10}
    }


def test_a_loader_of_a_data_set_with_transforms(tmp_path: Path) -> None:
    write_mnist(tmp_path / "MNIST" / "raw")
    both = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    data = datasets.MNIST(str(tmp_path), transform=both, target_transform=lambda y: y + 1)
    batch, labels = next(iter(DataLoader(data, batch_size=7)))
    assert (batch.numpy()[:, 0] == (IMAGES[True] / np.float32(255) - 0.5) / 0.5).all()
    assert labels.tolist() == (LABELS[True] + 1).tolist()


def test_the_printed_form(tmp_path: Path) -> None:
    write_mnist(tmp_path / "MNIST" / "raw")
    both = transforms.Compose([transforms.ToTensor()])
    assert repr(datasets.MNIST(tmp_path, False, both, abs)).splitlines() == [
        "Dataset MNIST",
        "    Number of datapoints: 4",
        f"    Root location: {tmp_path}",
        "    Split: Test",
        "    StandardTransform",
        "Transform: Compose(",
        "               ToTensor()",
        "           )",
        "Target transform: <built-in function abs>",
    ]


@pytest.mark.parametrize("name", ["MNIST", "CIFAR10", "CIFAR100"])
def test_missing_files_name_download(tmp_path: Path, name: str) -> None:
    with pytest.raises(RuntimeError, match="You can use download=True to download it"):
        getattr(datasets, name)(tmp_path)
    assert not list(tmp_path.iterdir())


def test_as_many_labels_as_images(tmp_path: Path) -> None:
    write_mnist(tmp_path / "MNIST" / "raw")
    path = tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    path.write_bytes(idx(LABELS[False]))
    with pytest.raises(RuntimeError, match="7 images and 4 labels"):
        datasets.MNIST(tmp_path)
    path.write_bytes(idx(LABELS[True].astype(np.int32)))
    with pytest.raises(TypeError, match=r"torch\.uint8 instead of torch\.int32"):
        datasets.MNIST(tmp_path)
    path.write_bytes(idx(IMAGES[True]))
    with pytest.raises(ValueError, match="1 dimension instead of 3"):
        datasets.MNIST(tmp_path)


def test_a_cut_gz_file_is_named(tmp_path: Path) -> None:
    write_mnist(tmp_path / "MNIST" / "raw", packed=True)
    path = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(RuntimeError, match=r"train-images-idx3-ubyte\.gz is damaged.*again"):
        datasets.MNIST(tmp_path)


def test_mnist_is_downloaded_from_the_first_mirror_that_has_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(download, "PAUSE", 0.0)
    content = gzip.compress(idx(IMAGES[True]))
    md5 = hashlib.md5(content).hexdigest()

    class One(datasets.MNIST):
        resources = [("train-images-idx3-ubyte.gz", md5)]  # noqa: RUF012

    raw = tmp_path / "One" / "raw"
    write_mnist(raw)
    (raw / "train-images-idx3-ubyte").unlink()
    with serving(statuses=[404] * 9) as bad, serving(content=content, cuts=[500]) as good:
        monkeypatch.setattr(One, "mirrors", [s.url.removesuffix("file.bin") for s in (bad, good)])
        data = One(tmp_path, download=True)
        asked = len(good.asked)
        One(tmp_path, download=True)
        assert asked == len(good.asked) == 2, "what is there is not asked for again"
    assert (data.data.numpy() == IMAGES[True]).all()
    (raw / "train-images-idx3-ubyte").unlink()
    (raw / "train-images-idx3-ubyte.gz").unlink()
    with serving(statuses=[404] * 9) as bad:
        monkeypatch.setattr(One, "mirrors", [bad.url.removesuffix("file.bin")])
        with pytest.raises(RuntimeError, match=r"(?s)train-images.*HTTP 404.*by hand"):
            One(tmp_path, download=True)


def test_emnist_and_qmnist(tmp_path: Path) -> None:
    raw = tmp_path / "EMNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "emnist-letters-test-images-idx3-ubyte").write_bytes(idx(IMAGES[True]))
    (raw / "emnist-letters-test-labels-idx1-ubyte").write_bytes(idx(LABELS[True]))
    letters = datasets.EMNIST(tmp_path, "letters", train=False)
    assert letters.classes[letters[0][1]] == "c" and "Split: Test" in repr(letters)
    with pytest.raises(ValueError, match="Unknown value 'words' for argument split"):
        datasets.EMNIST(tmp_path, "words")
    raw = tmp_path / "QMNIST" / "raw"
    raw.mkdir(parents=True)
    about = np.arange(4 * 8, dtype=np.int32).reshape(4, 8)
    (raw / "qmnist-test-images-idx3-ubyte").write_bytes(idx(IMAGES[False]))
    (raw / "qmnist-test-labels-idx2-int").write_bytes(idx(about))
    assert datasets.QMNIST(tmp_path, train=False)[1][1] == 8
    full = datasets.QMNIST(tmp_path, "test10k", compat=False)
    assert full[1][1].tolist() == about[1].tolist() and "Split: test10k" in repr(full)


# ---- folders ------------------------------------------------------------------------------------


def write_images(root: Path) -> None:
    for i, name in enumerate(["dog/b.png", "dog/a.JPG", "cat/deep/er/c.bmp", "cat/d.png"]):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 3), 40 * i).save(path)
    (root / "cat" / "notes.txt").write_text("no image")
    (root / "readme.txt").write_text("no class")


def test_image_folder(tmp_path: Path) -> None:
    write_images(tmp_path)
    data = datasets.ImageFolder(str(tmp_path), transform=transforms.ToTensor())
    assert data.classes == ["cat", "dog"] and data.class_to_idx == {"cat": 0, "dog": 1}
    names = [os.path.relpath(path, tmp_path) for path, _ in data.samples]
    assert names == ["cat/d.png", "cat/deep/er/c.bmp", "dog/a.JPG", "dog/b.png"]
    assert data.targets == [0, 0, 1, 1] and data.imgs is data.samples and len(data) == 4
    image, label = data[-1]
    assert image.shape == (3, 3, 4) and label == 1 and (image == 0).all()
    assert "Number of datapoints: 4" in repr(data)


def test_dataset_folder_with_other_files(tmp_path: Path) -> None:
    write_images(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no valid file for the classes dog.*\.txt"):
        datasets.DatasetFolder(tmp_path, len, (".txt",))
    found = datasets.DatasetFolder(tmp_path, len, (".txt",), allow_empty=True)
    assert found.targets == [0] and found[0] == (len(found.samples[0][0]), 0)
    short = datasets.ImageFolder(tmp_path, is_valid_file=lambda p: p.endswith(("a.JPG", "d.png")))
    assert short.targets == [0, 1]
    with pytest.raises(ValueError, match="cannot be None or not None"):
        datasets.DatasetFolder(tmp_path, len)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder"):
        datasets.ImageFolder(tmp_path / "empty")


@pytest.mark.parametrize("name", ["dog/b.png", "dog/a.JPG"])
def test_a_broken_image_is_named(tmp_path: Path, name: str) -> None:
    write_images(tmp_path)
    whole = (tmp_path / name).read_bytes()
    data = datasets.ImageFolder(tmp_path)
    index = [os.path.relpath(path, tmp_path) for path, _ in data.samples].index(name)
    for content in (b"", b"no image at all", whole[: len(whole) // 2]):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(OSError, match=name):
            data[index]


# ---- others -------------------------------------------------------------------------------------


@given(st.integers(0, 9), st.integers(0, 1000))
def test_fake_data_is_torchs_noise(index: int, offset: int) -> None:
    data = datasets.FakeData(10, (3, 5, 4), 7, random_offset=offset)
    mg.manual_seed(1)
    before = mg.get_rng_state()
    image, label = data[index]
    assert (mg.get_rng_state() == before).all()
    torch.manual_seed(index + offset)
    pixels = torch.randn(3, 5, 4).mul(255).byte().permute(1, 2, 0).numpy()
    assert (np.asarray(image) == pixels).all()
    assert label == torch.randint(0, 7, (1,)).item()


def test_fake_data_ends() -> None:
    data = datasets.FakeData(2, (3, 2, 2), transform=transforms.ToTensor())
    assert len(list(DataLoader(data, batch_size=1))) == 2
    with pytest.raises(IndexError, match="FakeData index out of range"):
        data[2]
    assert repr(data).splitlines()[:2] == ["Dataset FakeData", "    Number of datapoints: 2"]


def test_transforms_of_a_vision_dataset() -> None:
    with pytest.raises(ValueError, match="Only transforms or transform/target_transform"):
        datasets.VisionDataset("x", transforms=max, transform=abs)
    data = datasets.VisionDataset("~/x", transforms=lambda x, y: (y, x))
    assert data.transforms(1, 2) == (2, 1) and data.root == os.path.expanduser("~/x")
    for call in (lambda: data[0], lambda: len(data)):
        with pytest.raises(NotImplementedError):
            call()
