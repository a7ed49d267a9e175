"""Images changed at random, a new way in each epoch: what ``--augment`` takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["AUGMENTATIONS", "chain"]


def _transforms() -> Any:
    from minigrad.vision import transforms

    return transforms


# What each word means for square images of some size.
AUGMENTATIONS: dict[str, Callable[[int], Any]] = {
    "none": lambda size: _transforms().Compose([]),
    "shift": lambda size: _transforms().RandomCrop(size, padding=2),
    "crop": lambda size: _transforms().RandomCrop(size, padding=max(1, size // 8)),
    "resized-crop": lambda size: _transforms().RandomResizedCrop(size),
    "flip": lambda size: _transforms().RandomHorizontalFlip(),
    "rotate": lambda size: _transforms().RandomRotation(15),
    "jitter": lambda size: _transforms().ColorJitter(0.3, 0.3, 0.3),
    "erase": lambda size: _transforms().RandomErasing(),
}
_ON_TENSORS = ("erase",)


def chain(names: tuple[str, ...], size: int, before: list[Any], after: list[Any]) -> Any:
    """All steps from a stored image to the network's input, changes at random between them.

    ``before`` ends with an image of the size, ``after`` begins with a tensor.

    >>> from minigrad.vision.transforms import ToTensor
    >>> chain(("flip",), 8, [], [ToTensor()])
    Compose(
        RandomHorizontalFlip(p=0.5)
        ToTensor()
    )
    """
    steps = [AUGMENTATIONS[name](size) for name in names if name not in ("none", *_ON_TENSORS)]
    late = [AUGMENTATIONS[name](size) for name in names if name in _ON_TENSORS]
    return _transforms().Compose([*before, *steps, *after, *late])
