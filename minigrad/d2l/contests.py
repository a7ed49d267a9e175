"""The folders of Kaggle's contests, sorted so that ``ImageFolder`` reads them.

Source: https://d2l.ai/chapter_computer-vision/kaggle-cifar10.html
"""

from __future__ import annotations

import csv
import math
import shutil
from collections import Counter
from pathlib import Path

from minigrad.d2l.data import DATA_HUB, DATA_URL

__all__ = ["copyfile", "read_csv_labels", "reorg_test", "reorg_train_valid"]

DATA_HUB["hotdog"] = (DATA_URL + "hotdog.zip", "fba480ffa8aa7e0febbb511d181409f899b9baa5")
DATA_HUB["cifar10_tiny"] = (
    DATA_URL + "kaggle_cifar10_tiny.zip",
    "2068874e4b9a9f0fb07ebe0ad2b29754449ccacd",
)
DATA_HUB["dog_tiny"] = (
    DATA_URL + "kaggle_dog_tiny.zip",
    "0cb91d09b814ecdc07b50f31f8dcad3e81d6a86d",
)


def read_csv_labels(fname: str | Path) -> dict[str, str]:
    """The label of each name, from a table of two columns with a heading.

    >>> import pathlib, tempfile
    >>> from minigrad import d2l
    >>> path = pathlib.Path(tempfile.mkdtemp(), "labels.csv")
    >>> _ = path.write_text("id,label\\n1,frog\\n2,truck\\n")
    >>> d2l.read_csv_labels(path)
    {'1': 'frog', '2': 'truck'}
    """
    with Path(fname).open(newline="") as file:
        return {name: label for name, label in list(csv.reader(file))[1:]}


def copyfile(filename: str | Path, target_dir: str | Path) -> None:
    """Copy a file into a folder, which is made if need be.

    >>> import pathlib, tempfile
    >>> from minigrad import d2l
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.txt").write_text("a")
    >>> d2l.copyfile(folder / "a.txt", folder / "new")
    >>> (folder / "new" / "a.txt").read_text()
    'a'
    """
    Path(target_dir).mkdir(parents=True, exist_ok=True)
    shutil.copy(filename, target_dir)


def reorg_train_valid(data_dir: str | Path, labels: dict[str, str], valid_ratio: float) -> int:
    """Copy ``train`` to ``train_valid_test/{train_valid,train,valid}/label``.

    Of each label as many files are for validation as ``valid_ratio`` of the rarest one, at least
    one; that number is returned.

    >>> import pathlib, tempfile
    >>> from minigrad import d2l
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "train").mkdir()
    >>> for name in "123":
    ...     _ = (folder / "train" / f"{name}.png").write_bytes(b"")
    >>> d2l.reorg_train_valid(folder, dict.fromkeys("123", "frog"), 0.4)
    1
    >>> sorted(p.name for p in (folder / "train_valid_test" / "train" / "frog").iterdir())
    ['2.png', '3.png']
    """
    rarest = Counter(labels.values()).most_common()[-1][1]
    each = max(1, math.floor(rarest * valid_ratio))
    counted: Counter[str] = Counter()
    folder = Path(data_dir, "train_valid_test")
    for file in sorted(Path(data_dir, "train").iterdir()):
        label = labels[file.name.split(".")[0]]
        copyfile(file, folder / "train_valid" / label)
        copyfile(file, folder / ("valid" if counted[label] < each else "train") / label)
        counted[label] += 1
    return each


def reorg_test(data_dir: str | Path) -> None:
    """Copy ``test`` to ``train_valid_test/test/unknown``.

    >>> import pathlib, tempfile
    >>> from minigrad import d2l
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "test").mkdir()
    >>> _ = (folder / "test" / "1.png").write_bytes(b"")
    >>> d2l.reorg_test(folder)
    >>> (folder / "train_valid_test" / "test" / "unknown" / "1.png").exists()
    True
    """
    for file in sorted(Path(data_dir, "test").iterdir()):
        copyfile(file, Path(data_dir, "train_valid_test", "test", "unknown"))
