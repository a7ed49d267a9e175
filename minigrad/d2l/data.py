"""The data of the book: made up, Fashion-MNIST, and files from its server.

Source: https://d2l.ai/chapter_linear-classification/image-classification-dataset.html
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minigrad import Tensor, matmul, normal
from minigrad.utils import data

__all__ = [
    "DATA_HUB",
    "DATA_URL",
    "download",
    "download_all",
    "download_extract",
    "extract",
    "get_dataloader_workers",
    "get_fashion_mnist_labels",
    "load_array",
    "load_data_fashion_mnist",
    "synthetic_data",
]

DATA_HUB: dict[str, tuple[str, str]] = {}
"""Files by name: their address and the SHA-1 of their bytes."""

DATA_URL = "http://d2l-data.s3-accelerate.amazonaws.com/"

FOLDER = Path("..", "data")


def synthetic_data(w: Tensor, b: Any, num_examples: int) -> tuple[Tensor, Tensor]:
    """Points of y = Xw + b + noise, X and the noise (0.01) drawn from normal distributions.

    Shapes: w (d,) -> X (num_examples, d), y (num_examples, 1).

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> X, y = d2l.synthetic_data(torch.tensor([2, -3.4]), 4.2, 5)
    >>> X.shape, y.shape
    (torch.Size([5, 2]), torch.Size([5, 1]))
    """
    X = normal(0, 1, (num_examples, len(w)))
    y = matmul(X, w) + b
    y += normal(0, 0.01, y.shape)
    return X, y.reshape((-1, 1))


def load_array(
    data_arrays: Sequence[Tensor], batch_size: int, is_train: bool = True
) -> data.DataLoader[Any]:
    """Batches of tensors, in a new order each time if they are for training.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> [len(x) for x, y in d2l.load_array((torch.ones(5, 2), torch.ones(5)), 2)]
    [2, 2, 1]
    """
    return data.DataLoader(data.TensorDataset(*data_arrays), batch_size, shuffle=is_train)


def get_dataloader_workers() -> int:
    """How many processes read data: four, or as many as there are processors.

    >>> from minigrad import d2l
    >>> 1 <= d2l.get_dataloader_workers() <= 4
    True
    """
    return min(4, os.cpu_count() or 1)


LABELS = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def get_fashion_mnist_labels(labels: Any) -> list[str]:
    """The words for Fashion-MNIST's class numbers.

    >>> from minigrad import d2l
    >>> d2l.get_fashion_mnist_labels([0, 9])
    ['t-shirt', 'ankle boot']
    """
    return [LABELS[int(number)] for number in labels]


def load_data_fashion_mnist(
    batch_size: int, resize: Any = None, root: str | Path = FOLDER
) -> tuple[data.DataLoader[Any], data.DataLoader[Any]]:
    """Batches of Fashion-MNIST for training (shuffled) and testing, fetched if they are not there.

    Raises: RuntimeError if the files can neither be found nor fetched.

    >>> from minigrad import d2l
    >>> d2l.load_data_fashion_mnist(256, root="/nowhere/at/all")  # doctest: +SKIP
    """
    from minigrad.vision import datasets, transforms

    steps: list[Any] = [transforms.ToTensor()]
    if resize:
        steps.insert(0, transforms.Resize(resize))
    transform = transforms.Compose(steps)
    return tuple(  # type: ignore[return-value]
        data.DataLoader(
            datasets.FashionMNIST(root=root, train=train, transform=transform, download=True),
            batch_size,
            shuffle=train,
            num_workers=get_dataloader_workers(),
        )
        for train in (True, False)
    )


def download(url: str, folder: str | Path = FOLDER, sha1_hash: str | None = None) -> str:
    """Fetch a file of an address, or a name in :data:`DATA_HUB`, and return where it is.

    One that is in the folder already is taken, if its SHA-1 is right.

    Raises: RuntimeError if it can't be fetched; AssertionError for a name that is not known.

    >>> from minigrad import d2l
    >>> d2l.DATA_HUB["mine"] = (d2l.DATA_URL + "mine.csv", "0" * 40)
    >>> d2l.download("yours")
    Traceback (most recent call last):
    AssertionError: yours is not in d2l.DATA_HUB
    """
    from minigrad.utils.download import fetch

    if "://" not in url:
        if url not in DATA_HUB:
            raise AssertionError(f"{url} is not in d2l.DATA_HUB")
        url, sha1_hash = DATA_HUB[url]
    path = Path(folder, url.rpartition("/")[2])
    if not path.is_file():
        print(f"Downloading {path} from {url}...")
    return str(fetch(url, path, sha1=sha1_hash))


def extract(filename: str | Path, folder: str | Path | None = None) -> None:
    """Unpack a zip or tar archive, beside itself or in a folder.

    Raises: RuntimeError for a file that is no such archive.

    >>> import tempfile, zipfile
    >>> from pathlib import Path
    >>> from minigrad import d2l
    >>> archive = Path(tempfile.mkdtemp(), "texts.zip")
    >>> with zipfile.ZipFile(archive, "w") as file:
    ...     file.writestr("texts/one.txt", "a text")
    >>> d2l.extract(archive)
    >>> (archive.parent / "texts" / "one.txt").read_text()
    'a text'
    """
    from minigrad.utils.download import extract_archive

    extract_archive(str(filename), str(folder or Path(filename).parent))


def download_extract(name: str, folder: str | None = None) -> str:
    """Fetch an archive of :data:`DATA_HUB`, unpack it beside itself, and return its folder.

    Raises: RuntimeError as :func:`download`, and for a file that is no zip or tar archive.

    >>> from minigrad import d2l
    >>> d2l.download_extract("yours")
    Traceback (most recent call last):
    AssertionError: yours is not in d2l.DATA_HUB
    """
    archive = Path(download(name))
    extract(archive)
    return str(archive.parent / (folder or archive.name.partition(".")[0]))


def download_all() -> None:
    """Fetch every file of :data:`DATA_HUB`.

    >>> from minigrad import d2l
    >>> d2l.download_all()  # doctest: +SKIP
    """
    for name in DATA_HUB:
        download(name)
