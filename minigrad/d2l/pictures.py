"""Pictures with boxes and with a class for each pixel: the bananas, and Pascal VOC 2012.

Source: https://d2l.ai/chapter_computer-vision/object-detection-dataset.html and
https://d2l.ai/chapter_computer-vision/semantic-segmentation-and-dataset.html
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import minigrad as torch
from minigrad import Tensor
from minigrad.d2l.data import DATA_HUB, DATA_URL, download_extract, get_dataloader_workers
from minigrad.utils import data

__all__ = [
    "VOC_CLASSES",
    "VOC_COLORMAP",
    "BananasDataset",
    "VOCSegDataset",
    "load_data_bananas",
    "load_data_voc",
    "read_data_bananas",
    "read_voc_images",
    "voc_colormap2label",
    "voc_label_indices",
    "voc_rand_crop",
]

DATA_HUB["banana-detection"] = (
    DATA_URL + "banana-detection.zip",
    "5de26c8fce5ccdea9f91267273464dc968d20d72",
)
DATA_HUB["voc2012"] = (
    DATA_URL + "VOCtrainval_11-May-2012.tar",
    "4e443f8a2eca6b1dac8a6c57641b67dd40621a49",
)

_CLASSES = """background, aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow,
    diningtable, dog, horse, motorbike, person, potted plant, sheep, sofa, train, tv/monitor"""
VOC_CLASSES = [name.strip() for name in _CLASSES.split(",")]


def _color(number: int) -> list[int]:
    """The colour of a class: its number's bits, three by three, from the highest bit of each."""
    channels = [0, 0, 0]
    for place in range(7, -1, -1):
        for channel in range(3):
            channels[channel] |= (number >> channel & 1) << place
        number >>= 3
    return channels


VOC_COLORMAP = [_color(number) for number in range(len(VOC_CLASSES))]


def read_data_bananas(is_train: bool = True) -> tuple[list[Tensor], Tensor]:
    """The bananas: pictures (3, 256, 256), and (N, 1, 5) of class and edges as parts of the size.

    Raises: RuntimeError if the file can neither be found nor fetched.

    >>> from minigrad import d2l
    >>> d2l.read_data_bananas()  # doctest: +SKIP
    """
    from minigrad.vision import io

    folder = Path(download_extract("banana-detection"))
    folder /= "bananas_train" if is_train else "bananas_val"
    images, targets = [], []
    with (folder / "label.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            images.append(io.read_image(str(folder / "images" / row.pop("img_name"))))
            targets.append([int(value) for value in row.values()])
    return images, torch.tensor(targets).unsqueeze(1) / 256


class BananasDataset(data.Dataset[Any]):
    """The bananas, to train on or to judge by: a picture of floats, and its label (1, 5).

    >>> from minigrad import d2l
    >>> d2l.BananasDataset(is_train=False)  # doctest: +SKIP
    """

    def __init__(self, is_train: bool) -> None:
        self.features, self.labels = read_data_bananas(is_train)
        which = "training" if is_train else "validation"
        print(f"read {len(self.features)} {which} examples")

    def __getitem__(self, idx: Any) -> tuple[Tensor, Tensor]:
        return self.features[idx].float(), self.labels[idx]

    def __len__(self) -> int:
        return len(self.features)


def load_data_bananas(batch_size: int) -> tuple[data.DataLoader[Any], data.DataLoader[Any]]:
    """Batches of the bananas for training (shuffled) and for judging.

    >>> from minigrad import d2l
    >>> d2l.load_data_bananas(32)  # doctest: +SKIP
    """
    train, val = BananasDataset(is_train=True), BananasDataset(is_train=False)
    return data.DataLoader(train, batch_size, shuffle=True), data.DataLoader(val, batch_size)


def read_voc_images(voc_dir: str | Path, is_train: bool = True) -> tuple[list[Any], list[Any]]:
    """The pictures of Pascal VOC that are segmented, and their classes as colours: (3, H, W) each.

    Raises: FileNotFoundError if the folder is no ``VOCdevkit/VOC2012``.

    >>> from minigrad import d2l
    >>> d2l.read_voc_images("../data/VOCdevkit/VOC2012")  # doctest: +SKIP
    """
    from minigrad.vision import io

    folder, mode = Path(voc_dir), io.ImageReadMode.RGB
    listed = folder / "ImageSets" / "Segmentation" / ("train.txt" if is_train else "val.txt")
    names = listed.read_text().split()
    features = [io.read_image(str(folder / "JPEGImages" / f"{name}.jpg")) for name in names]
    labels = [
        io.read_image(str(folder / "SegmentationClass" / f"{name}.png"), mode) for name in names
    ]
    return features, labels


def voc_colormap2label() -> Tensor:
    """The class of each colour, by the number 256 (256 red + green) + blue; others are class 0.

    >>> from minigrad import d2l
    >>> d2l.voc_colormap2label()[128 * 256**2]
    tensor(1)
    """
    found = torch.zeros(256**3, dtype=torch.long)
    for number, (red, green, blue) in enumerate(VOC_COLORMAP):
        found[(red * 256 + green) * 256 + blue] = number
    return found


def voc_label_indices(colormap: Tensor, colormap2label: Tensor) -> Tensor:
    """The classes (H, W) that the colours (3, H, W) of a label stand for.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> label = torch.tensor([128, 0, 0], dtype=torch.uint8).reshape(3, 1, 1)
    >>> d2l.voc_label_indices(label, d2l.voc_colormap2label())
    tensor([[1]])
    """
    red, green, blue = colormap.long().unbind(0)
    return colormap2label[(red * 256 + green) * 256 + blue]


def voc_rand_crop(feature: Tensor, label: Tensor, height: int, width: int) -> tuple[Any, Any]:
    """The same random part of a picture and of its label.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> [part.shape for part in d2l.voc_rand_crop(torch.rand(3, 9, 9), torch.rand(3, 9, 9), 4, 5)]
    [torch.Size([3, 4, 5]), torch.Size([3, 4, 5])]
    """
    from minigrad.vision import transforms

    where = transforms.RandomCrop.get_params(feature, (height, width))
    crop = transforms.functional.crop
    return crop(feature, *where), crop(label, *where)


class VOCSegDataset(data.Dataset[Any]):
    """Random parts of the pictures of Pascal VOC that are large enough, and the classes in them.

    >>> from minigrad import d2l
    >>> d2l.VOCSegDataset(True, (320, 480), "../data/VOCdevkit/VOC2012")  # doctest: +SKIP
    """

    def __init__(self, is_train: bool, crop_size: tuple[int, int], voc_dir: str | Path) -> None:
        from minigrad.vision import transforms

        self.transform = transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
        self.crop_size = crop_size
        features, labels = read_voc_images(voc_dir, is_train=is_train)
        self.features = [self.normalize_image(feature) for feature in self.filter(features)]
        self.labels = self.filter(labels)
        self.colormap2label = voc_colormap2label()
        print(f"read {len(self.features)} examples")

    def normalize_image(self, img: Tensor) -> Any:
        """A picture of bytes as the networks of ImageNet want it."""
        return self.transform(img.float() / 255)

    def filter(self, imgs: list[Any]) -> list[Any]:
        """Those that are at least as large as the parts."""
        height, width = self.crop_size
        return [img for img in imgs if img.shape[1] >= height and img.shape[2] >= width]

    def __getitem__(self, idx: int) -> tuple[Tensor, Tensor]:
        feature, label = voc_rand_crop(self.features[idx], self.labels[idx], *self.crop_size)
        return feature, voc_label_indices(label, self.colormap2label)

    def __len__(self) -> int:
        return len(self.features)


def load_data_voc(
    batch_size: int, crop_size: tuple[int, int]
) -> tuple[data.DataLoader[Any], data.DataLoader[Any]]:
    """Batches of Pascal VOC for training (shuffled) and testing; what fills no batch is left out.

    >>> from minigrad import d2l
    >>> d2l.load_data_voc(64, (320, 480))  # doctest: +SKIP
    """
    folder, workers = download_extract("voc2012", "VOCdevkit/VOC2012"), get_dataloader_workers()
    loaders: list[data.DataLoader[Any]] = [
        data.DataLoader(
            VOCSegDataset(is_train, crop_size, folder),
            batch_size,
            shuffle=is_train,
            drop_last=True,
            num_workers=workers,
        )
        for is_train in (True, False)
    ]
    return loaders[0], loaders[1]
