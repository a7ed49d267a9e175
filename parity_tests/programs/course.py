"""The data sets of the study notes, small and made up, in the files that their loaders read."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Array = np.ndarray[Any, Any]


def write(folder: Path) -> None:
    """Everything, below ``folder / "data"``."""
    data = folder / "data"
    draw = np.random.default_rng(0)
    for name in ("MNIST", "FashionMNIST"):
        write_idx(data / name / "raw", draw)
    write_cifar(data / "cifar-10-batches-py", draw)
    write_pictures(data / "hotdog", draw)
    write_houses(data, draw)
    write_texts(data)


def write_texts(data: Path) -> None:
    """A story, and English sentences with French ones, as the book's server has them."""
    story = "It has a Machine; the machine has Time -- and the Traveller, it was said, had both.\n"
    (data / "timemachine.txt").write_text(story * 4)
    (data / "fra-eng").mkdir()
    lines = (
        "Go.\tVa !", "Hi.\tSalut.", "Run!\tCours\u202f!", "Who?\tQui ?", "Wow!\tÇa alors\xa0!",
        "I lost.\tJ'ai perdu.", "He is calm.\tIl est calme.", "I am home.\tJe suis chez moi.",
        "He lost, I know.\tIl a perdu, je sais.", "a line without its translation",
    )  # fmt: skip
    text = "\n".join(lines * 3)
    (data / "fra-eng" / "fra.txt").write_text(text, encoding="utf-8")


def idx(array: Array) -> bytes:
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim)
    return head + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()


def write_idx(raw: Path, draw: np.random.Generator) -> None:
    """Pictures in which a bright line tells the class, in the format of MNIST."""
    raw.mkdir(parents=True)
    for part, count in (("train", 192), ("t10k", 64)):
        labels = draw.integers(0, 10, count)
        images = draw.integers(0, 60, (count, 28, 28))
        images[np.arange(count), 2 * labels + 3] += 180
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))


def write_cifar(folder: Path, draw: np.random.Generator) -> None:
    """Five batches and a test batch, as CIFAR-10 is distributed for Python."""
    folder.mkdir(parents=True)
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        labels = draw.integers(0, 10, 40)
        images = draw.integers(0, 80, (40, 3, 32, 32))
        images[np.arange(40), labels % 3, :, 3 * labels] += 150
        batch = {"data": images.astype(np.uint8).reshape(40, -1), "labels": labels.tolist()}
        (folder / name).write_bytes(pickle.dumps(batch))
    meta = {"label_names": list(CLASSES)}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta))


CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"
)  # fmt: skip


def write_pictures(folder: Path, draw: np.random.Generator) -> None:
    """Two classes of photographs of different sizes, for training and for testing."""
    for part, count in (("train", 6), ("test", 4)):
        for number, kind in enumerate(("hotdog", "not-hotdog")):
            place = folder / part / kind
            place.mkdir(parents=True)
            for i in range(count):
                small = draw.integers(0, 150, (6, 5, 3))
                small[:, :, number] += 100
                image = Image.fromarray(small.astype(np.uint8))
                image.resize((60 + 4 * i, 72), Image.Resampling.BICUBIC).save(place / f"{i}.png")


def write_houses(data: Path, draw: np.random.Generator) -> None:
    """Houses with gaps and words among the numbers, in the columns of the competition."""
    for name, start, count in (("house_train", 1, 60), ("house_test", 61, 20)):
        lines = ["Id,LotArea,Street,Alley,YearBuilt,Quality" + ",SalePrice" * (start == 1)]
        for i in range(start, start + count):
            area, year, quality = draw.integers([2000, 1900, 1], [20000, 2010, 10])
            shown = ["NA" if draw.random() < 0.2 else str(v) for v in (area, year)]
            alley = draw.choice(["NA", "Grvl", "Pave"])
            price = 60 + area // 200 + 12 * quality
            row = [i, shown[0], draw.choice(["Pave", "Grvl"]), alley, shown[1], quality]
            lines.append(",".join(map(str, row + [price] * (start == 1))))
        (data / f"{name}.csv").write_text("\n".join(lines) + "\n")
