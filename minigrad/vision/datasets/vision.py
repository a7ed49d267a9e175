"""What all data sets of images share: a folder, transforms, and how they print."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from minigrad.utils.data import Dataset

__all__ = ["StandardTransform", "VisionDataset"]


class VisionDataset(Dataset[Any]):
    """A data set in a folder; subclasses write ``__getitem__`` and ``__len__``.

    Args:
        root: the folder.
        transforms: function of image and target that gives both back, or in its place
        transform: function of the image,
        target_transform: function of the target.

    Raises: ValueError for ``transforms`` together with one of the other two.

    >>> from minigrad.vision.datasets import VisionDataset
    >>> class Squares(VisionDataset):
    ...     def __len__(self):
    ...         return 4
    >>> Squares(root="squares")
    Dataset Squares
        Number of datapoints: 4
        Root location: squares
    """

    _repr_indent = 4

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        transforms: Callable[[Any, Any], tuple[Any, Any]] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.root: Any = os.path.expanduser(root) if isinstance(root, str) else root
        separate = transform is not None or target_transform is not None
        if transforms is not None and separate:
            raise ValueError(
                "Only transforms or transform/target_transform can be passed as argument"
            )
        self.transform = transform
        self.target_transform = target_transform
        self.transforms = StandardTransform(transform, target_transform) if separate else transforms

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def __repr__(self) -> str:
        body = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            body.append(f"Root location: {self.root}")
        body += self.extra_repr().splitlines()
        if getattr(self, "transforms", None) is not None:
            body.append(repr(self.transforms))
        lines = [f"Dataset {type(self).__name__}", *(" " * self._repr_indent + x for x in body)]
        return "\n".join(lines)

    def extra_repr(self) -> str:
        """Lines that a subclass adds to its printed form."""
        return ""


class StandardTransform:
    """A function of the image and one of the target, as one function of both.

    >>> from minigrad.vision.datasets.vision import StandardTransform
    >>> StandardTransform(target_transform=abs)(1, -2)
    (1, 2)
    """

    def __init__(
        self,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.transform = transform
        self.target_transform = target_transform

    def __call__(self, input: Any, target: Any) -> tuple[Any, Any]:
        """Both, transformed."""
        if self.transform is not None:
            input = self.transform(input)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return input, target

    def __repr__(self) -> str:
        body = [type(self).__name__]
        for head, function in (
            ("Transform: ", self.transform),
            ("Target transform: ", self.target_transform),
        ):
            if function is not None:
                first, *rest = repr(function).splitlines()
                body += [head + first, *(" " * len(head) + line for line in rest)]
        return "\n".join(body)
