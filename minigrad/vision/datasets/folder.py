"""Data sets out of folders: a folder for each class, a file for each sample."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from minigrad.vision.datasets.vision import VisionDataset
from minigrad.vision.pillow import pillow

__all__ = [
    "IMG_EXTENSIONS",
    "DatasetFolder",
    "ImageFolder",
    "default_loader",
    "find_classes",
    "has_file_allowed_extension",
    "is_image_file",
    "make_dataset",
    "pil_loader",
]

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")

type_of_path = str | os.PathLike[str]


def has_file_allowed_extension(filename: str, extensions: str | tuple[str, ...]) -> bool:
    """Whether a name ends in one of the extensions, which are in lower case.

    >>> has_file_allowed_extension("CAT.PNG", (".png", ".jpg"))
    True
    """
    return filename.lower().endswith(extensions)


def is_image_file(filename: str) -> bool:
    """Whether a name ends as that of an image.

    >>> is_image_file("cat.jpeg"), is_image_file("cat.txt")
    (True, False)
    """
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(directory: type_of_path) -> tuple[list[str], dict[str, int]]:
    """The folders in a folder, sorted, and the number of each.

    Raises: FileNotFoundError if there is none.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("dogs", "cats"):
    ...         pathlib.Path(folder, name).mkdir()
    ...     find_classes(folder)
    (['cats', 'dogs'], {'cats': 0, 'dogs': 1})
    """
    classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
    return classes, {name: i for i, name in enumerate(classes)}


def make_dataset(
    directory: type_of_path,
    class_to_idx: dict[str, int] | None = None,
    extensions: str | tuple[str, ...] | None = None,
    is_valid_file: Callable[[str], bool] | None = None,
    allow_empty: bool = False,
) -> list[tuple[str, int]]:
    """Path and class of each file below the folders of the classes, sorted by path in a class.

    Args:
        directory: the folder that holds those of the classes.
        class_to_idx: number of each class; by default as ``find_classes`` says.
        extensions: how the files that count end, or in its place
        is_valid_file: function of a path that says whether it counts.
        allow_empty: whether a class may be without files.

    Raises: ValueError unless exactly one of the two is given; FileNotFoundError for a class without
    files.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pathlib.Path(folder, "cats").mkdir()
    ...     pathlib.Path(folder, "cats", "1.png").touch()
    ...     [label for path, label in make_dataset(folder, extensions=(".png",))]
    [0]
    """
    directory = os.path.expanduser(directory)
    if class_to_idx is None:
        _, class_to_idx = find_classes(directory)
    elif not class_to_idx:
        raise ValueError("'class_to_index' must have at least one entry to collect any samples.")
    if (extensions is None) == (is_valid_file is None):
        raise ValueError(
            "Both extensions and is_valid_file cannot be None or not None at the same time"
        )
    ends = extensions
    counts = is_valid_file or (lambda path: has_file_allowed_extension(path, ends or ""))
    samples: list[tuple[str, int]] = []
    empty = set(class_to_idx)
    for name in sorted(class_to_idx):
        found = [(path, class_to_idx[name]) for path in _files(directory, name) if counts(path)]
        samples += found
        if found:
            empty.remove(name)
    if empty and not allow_empty:
        text = f"Found no valid file for the classes {', '.join(sorted(empty))}. "
        if extensions is not None:
            ends = extensions if isinstance(extensions, str) else ", ".join(extensions)
            text += f"Supported extensions are: {ends}"
        raise FileNotFoundError(text)
    return samples


def _files(directory: str, name: str) -> list[str]:
    """Paths of all files below the folder of a class, links followed, folder by folder."""
    walk = sorted(os.walk(os.path.join(directory, name), followlinks=True))
    return [os.path.join(folder, file) for folder, _, files in walk for file in sorted(files)]


def pil_loader(path: type_of_path) -> Any:
    """The image in a file, in RGB.

    Raises: PIL's UnidentifiedImageError, or OSError for one cut short, both naming the file.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".png") as file:
    ...     pillow().new("L", (3, 2)).save(file.name)
    ...     pil_loader(file.name).mode
    'RGB'
    """
    with open(path, "rb") as file:
        try:
            return pillow().open(file).convert("RGB")
        except (OSError, SyntaxError) as error:  # Pillow's words for a broken PNG: SyntaxError
            if str(os.fspath(path)) in str(error):
                raise
            kind = type(error) if isinstance(error, OSError) else OSError
            raise kind(f"{os.fspath(path)} is no whole image: {error}") from error


def default_loader(path: type_of_path) -> Any:
    """What reads the images of ``ImageFolder``: Pillow.

    >>> default_loader("no such file")
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: 'no such file'
    """
    return pil_loader(path)


class DatasetFolder(VisionDataset):
    """Samples in a folder for each class: ``root/class_x/xxx.ext``, to any depth.

    Args:
        root: the folder.
        loader: function of a path that gives the sample.
        extensions: how the files that count end, or in its place
        is_valid_file: function of a path that says whether it counts.
        transform: function of the sample.
        target_transform: function of the label.
        allow_empty: whether a class may be without files.

    Attributes: ``classes``, sorted names; ``class_to_idx``; ``samples``, pairs of path and label;
    ``targets``, the labels.

    Raises: FileNotFoundError without classes, or for a class without files.

    >>> import pathlib, tempfile
    >>> from minigrad.vision.datasets import DatasetFolder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pathlib.Path(folder, "letters").mkdir()
    ...     _ = pathlib.Path(folder, "letters", "1.txt").write_text("Dear Sir")
    ...     DatasetFolder(folder, lambda p: pathlib.Path(p).read_text(), (".txt",))[0]
    ('Dear Sir', 0)
    """

    def __init__(
        self,
        root: type_of_path,
        loader: Callable[[str], Any],
        extensions: tuple[str, ...] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        classes, class_to_idx = self.find_classes(self.root)
        self.loader = loader
        self.extensions = extensions
        self.classes = classes
        self.class_to_idx = class_to_idx
        self.samples = self.make_dataset(
            self.root, class_to_idx, extensions, is_valid_file, allow_empty
        )
        self.targets = [label for _, label in self.samples]

    @staticmethod
    def make_dataset(
        directory: type_of_path,
        class_to_idx: dict[str, int],
        extensions: tuple[str, ...] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> list[tuple[str, int]]:
        """Path and class of each sample; a subclass may have its own."""
        if class_to_idx is None:
            raise ValueError("The class_to_idx parameter cannot be None.")
        return make_dataset(directory, class_to_idx, extensions, is_valid_file, allow_empty)

    def find_classes(self, directory: type_of_path) -> tuple[list[str], dict[str, int]]:
        """Names and numbers of the classes; a subclass may have its own."""
        return find_classes(directory)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        sample = self.loader(path)
        if self.transform is not None:
            sample = self.transform(sample)
        return sample, target if self.target_transform is None else self.target_transform(target)

    def __len__(self) -> int:
        return len(self.samples)


class ImageFolder(DatasetFolder):
    """Images in a folder for each class: ``root/dog/xxx.png``, items (PIL image in RGB, int).

    Args:
        root: the folder.
        transform: function of the image.
        target_transform: function of the label.
        loader: function of a path that gives the image.
        is_valid_file: function of a path that says whether it counts, in place of its extension.
        allow_empty: whether a class may be without images.

    Attributes: as ``DatasetFolder``, and ``imgs``, the same as ``samples``.

    Raises: FileNotFoundError without classes, or for a class without images.

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from minigrad.vision.datasets import ImageFolder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pathlib.Path(folder, "dog").mkdir()
    ...     Image.new("L", (3, 2)).save(pathlib.Path(folder, "dog", "1.png"))
    ...     image, label = ImageFolder(folder)[0]
    >>> image.size, image.mode, label
    ((3, 2), 'RGB', 0)
    """

    def __init__(
        self,
        root: type_of_path,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(
            *(root, loader, extensions, transform, target_transform, is_valid_file, allow_empty)
        )
        self.imgs = self.samples
