"""Transforms made of transforms: one after the other, some of them, in any order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from minigrad import nn
from minigrad.vision.transforms.draws import chance

__all__ = ["Compose", "Lambda", "RandomApply", "RandomChoice", "RandomOrder", "RandomTransforms"]


def _lines(name: str, transforms: Sequence[Any], before: str = "") -> str:
    body = "".join(f"\n    {transform}" for transform in transforms)
    return f"{name}({before}{body}\n)"


class Compose:
    """Several transforms, one after the other.

    >>> import numpy as np
    >>> from minigrad.vision import transforms
    >>> both = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    >>> both(np.zeros((1, 2), np.uint8))
    tensor([[[-1., -1.]]])
    >>> both
    Compose(
        ToTensor()
        Normalize(mean=0.5, std=0.5)
    )
    """

    def __init__(self, transforms: list[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        """The image after all of them."""
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return _lines(type(self).__name__, self.transforms)


class Lambda:
    """Any function as a transform.

    Raises: TypeError for what cannot be called.

    >>> from minigrad.vision import transforms
    >>> transforms.Lambda(abs)
    Lambda()
    """

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        """The result of the function."""
        return self.lambd(img)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class RandomTransforms:
    """What RandomOrder and RandomChoice share: a list of transforms.

    Raises: TypeError for what is no sequence.

    >>> from minigrad.vision.transforms.compose import RandomTransforms
    >>> RandomTransforms([abs])
    RandomTransforms(
        <built-in function abs>
    )
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        if not isinstance(transforms, Sequence):
            raise TypeError("Argument transforms should be a sequence")
        self.transforms = transforms

    def __call__(self, *args: Any) -> Any:
        """What a subclass does."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return _lines(type(self).__name__, self.transforms)


class RandomApply(nn.Module):
    """A list of transforms, all of them with probability ``p``, else none.

    >>> from minigrad.vision import transforms
    >>> transforms.RandomApply([abs], p=1.0)(-2)
    2
    """

    def __init__(self, transforms: Any, p: float = 0.5) -> None:
        super().__init__()
        self.transforms = transforms
        self.p = p

    def forward(self, img: Any) -> Any:
        """The image, transformed or not."""
        if chance(self.p):
            for transform in self.transforms:
                img = transform(img)
        return img

    def __repr__(self) -> str:
        return _lines(type(self).__name__, self.transforms, f"\n    p={self.p}")


class RandomOrder(RandomTransforms):
    """All of the transforms, in an order drawn with Python's ``random``.

    >>> from minigrad.vision import transforms
    >>> transforms.RandomOrder([abs, float])(-2)
    2.0
    """

    def __call__(self, img: Any) -> Any:
        """The image after all of them."""
        order = list(range(len(self.transforms)))
        random.shuffle(order)
        for i in order:
            img = self.transforms[i](img)
        return img


class RandomChoice(RandomTransforms):
    """One of the transforms, drawn with Python's ``random``.

    Args:
        transforms: the list.
        p: weight of each; by default all the same.

    Raises: TypeError for weights that are no sequence.

    >>> from minigrad.vision import transforms
    >>> transforms.RandomChoice([abs, str], p=[0, 1])(-2)
    '-2'
    """

    def __init__(
        self, transforms: Sequence[Callable[[Any], Any]], p: Sequence[float] | None = None
    ) -> None:
        super().__init__(transforms)
        if p is not None and not isinstance(p, Sequence):
            raise TypeError("Argument p should be a sequence")
        self.p = p

    def __call__(self, *args: Any) -> Any:
        """The result of one of them."""
        return random.choices(self.transforms, weights=self.p)[0](*args)

    def __repr__(self) -> str:
        return f"{super().__repr__()}(p={self.p})"
