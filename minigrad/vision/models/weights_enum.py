"""Weights under names: an enum for each model, whose members say where a file is to be had.

Source: https://docs.pytorch.org/vision/stable/models.html#general-information-on-pre-trained-weights
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from minigrad.hub import load_state_dict_from_url

__all__ = ["Weights", "WeightsEnum", "imagenet"]

URL = "https://download.pytorch.org/models/"


@dataclass(frozen=True, eq=False)
class Weights:
    """A file of weights: its address, what images have to go through, and what is known of it.

    >>> from minigrad.vision.models import ResNet18_Weights
    >>> ResNet18_Weights.DEFAULT.value.url
    'https://download.pytorch.org/models/resnet18-f37072fd.pth'
    """

    url: str
    transforms: Callable[..., Any]
    meta: dict[str, Any]


class WeightsEnum(Enum):
    """The weights that there are for a model; ``DEFAULT`` is another name for the best of them.

    >>> from minigrad.vision.models import ResNet50_Weights
    >>> ResNet50_Weights.verify("DEFAULT")
    ResNet50_Weights.IMAGENET1K_V2
    >>> list(ResNet50_Weights)
    [ResNet50_Weights.IMAGENET1K_V1, ResNet50_Weights.IMAGENET1K_V2]
    """

    @classmethod
    def verify(cls, obj: Any) -> Any:
        """A member, from itself or its name; None stays None.

        Raises: KeyError for another name, TypeError for weights of another model.
        """
        if obj is None:
            return None
        if isinstance(obj, str):
            return cls[obj.removeprefix(f"{cls.__name__}.")]
        if not isinstance(obj, cls):
            raise TypeError(
                f"Invalid Weight class provided; expected {cls.__name__} but received "
                f"{type(obj).__name__}."
            )
        return obj

    def get_state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The weights, fetched the first time; arguments are those of the hub's function."""
        return dict(load_state_dict_from_url(self.url, *args, **kwargs))

    @property
    def url(self) -> str:
        """The address of the file."""
        return self._weights.url

    @property
    def transforms(self) -> Callable[..., Any]:
        """A function without arguments that makes the transform of the images."""
        return self._weights.transforms

    @property
    def meta(self) -> dict[str, Any]:
        """What is known: ``num_params``, ``min_size``, ``_metrics`` and more."""
        return self._weights.meta

    @property
    def _weights(self) -> Weights:
        found: Weights = self.value
        return found

    def __reduce_ex__(self, protocol: Any) -> Any:
        return getattr, (type(self), self.name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"


def _classification(**options: Any) -> Any:
    """The transform; its room is imported when somebody asks."""
    from minigrad.vision.transforms.presets import ImageClassification

    return ImageClassification(**options)


def imagenet(
    file: str,
    num_params: int,
    accuracy: tuple[float, float],
    min_size: int = 1,
    crop_size: int = 224,
    resize_size: int = 256,
    **more: Any,
) -> Weights:
    """Weights for the 1000 classes of ImageNet.

    ``accuracy`` is that of the likeliest class and of the five likeliest ones, in percent.
    """
    transforms = functools.partial(
        _classification, crop_size=crop_size, resize_size=resize_size, **more
    )
    one, five = accuracy
    meta = {
        "num_params": num_params,
        "min_size": (min_size, min_size),
        "num_classes": 1000,
        "_metrics": {"ImageNet-1K": {"acc@1": one, "acc@5": five}},
    }
    return Weights(URL + file, transforms, meta)
