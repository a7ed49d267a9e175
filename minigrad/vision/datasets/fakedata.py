"""A data set of noise, to try a program before its data are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import minigrad as mg
from minigrad.vision.datasets.vision import VisionDataset

__all__ = ["FakeData"]


class FakeData(VisionDataset):
    """Random images with random labels; each is the same whenever it is asked for.

    The image of an index is drawn after seeding with ``index + random_offset``; the state of the
    default generator is as before afterwards.

    Args:
        size: number of images.
        image_size: channels, height and width.
        num_classes: number of labels.
        transform: function of the PIL image.
        target_transform: function of the label.
        random_offset: added to the index for the seed.

    Raises: IndexError beyond the last image.

    >>> from minigrad.vision.datasets import FakeData
    >>> image, label = FakeData(image_size=(3, 8, 6))[0]
    >>> image.size, label
    ((6, 8), 1)
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, int, int] = (3, 224, 224),
        num_classes: int = 10,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        random_offset: int = 0,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        self.size = size
        self.num_classes = num_classes
        self.image_size = image_size
        self.random_offset = random_offset

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        from minigrad.vision.transforms.functional import to_pil_image

        if index >= len(self):
            raise IndexError(f"{type(self).__name__} index out of range")
        state = mg.get_rng_state()
        try:
            mg.manual_seed(index + self.random_offset)
            pixels = mg.randn(*self.image_size)
            label = mg.randint(0, self.num_classes, size=(1,), dtype=mg.long)[0]
        finally:
            mg.set_rng_state(state)
        image, target = to_pil_image(pixels), int(label.item())
        if self.transform is not None:
            image = self.transform(image)
        return image, target if self.target_transform is None else self.target_transform(target)

    def __len__(self) -> int:
        return self.size
