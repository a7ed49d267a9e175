"""Transforms of colour, most of them by chance."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import minigrad as mg
from minigrad import Tensor, nn
from minigrad.vision.transforms import functional as F
from minigrad.vision.transforms.draws import chance, uniform

__all__ = [
    "ColorJitter",
    "Grayscale",
    "RandomAdjustSharpness",
    "RandomAutocontrast",
    "RandomEqualize",
    "RandomGrayscale",
    "RandomInvert",
    "RandomPosterize",
    "RandomSolarize",
]

_Range = tuple[float, float]


class ColorJitter(nn.Module):
    """Brightness, contrast, saturation and hue changed at random, in random order.

    Args:
        brightness, contrast, saturation: range of the factor, or d for max(0, 1 - d) to 1 + d.
        hue: range of the shift, within -0.5..0.5, or d for -d to d.

    Draws: the order; then a factor for each that is asked for, in the order of the arguments.

    Raises: ValueError for ranges out of bounds; TypeError for what is no range.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.ColorJitter(brightness=(2, 2))(torch.tensor([[[0.2]]]))
    tensor([[[0.4000]]])
    """

    def __init__(
        self,
        brightness: float | Sequence[float] = 0,
        contrast: float | Sequence[float] = 0,
        saturation: float | Sequence[float] = 0,
        hue: float | Sequence[float] = 0,
    ) -> None:
        super().__init__()
        self.brightness = _factors(brightness, "brightness")
        self.contrast = _factors(contrast, "contrast")
        self.saturation = _factors(saturation, "saturation")
        self.hue = _factors(hue, "hue", center=0, bound=(-0.5, 0.5))

    @staticmethod
    def get_params(
        brightness: Sequence[float] | None,
        contrast: Sequence[float] | None,
        saturation: Sequence[float] | None,
        hue: Sequence[float] | None,
    ) -> tuple[Tensor, float | None, float | None, float | None, float | None]:
        """The order and the four factors, None for one that is not asked for."""
        order = mg.randperm(4)
        b, c, s, h = (
            None if ends is None else uniform(ends[0], ends[1])
            for ends in (brightness, contrast, saturation, hue)
        )
        return order, b, c, s, h

    def forward(self, img: Any) -> Any:
        """The image in other colours."""
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for i in order.tolist():
            factor = factors[i]
            if factor is not None:
                img = changes[i](img, factor)
        return img

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(brightness={self.brightness}, contrast={self.contrast}, "
            f"saturation={self.saturation}, hue={self.hue})"
        )


def _factors(
    value: Any, name: str, center: float = 1, bound: _Range = (0, float("inf"))
) -> _Range | None:
    """A range of factors; None for one that changes nothing."""
    if isinstance(value, numbers.Number):
        if value < 0:  # type: ignore[operator]
            raise ValueError(f"If {name} is a single number, it must be non negative.")
        low, high = center - float(value), center + float(value)  # type: ignore[arg-type]
        if center == 1:
            low = max(low, 0.0)
    elif isinstance(value, tuple | list) and len(value) == 2:
        low, high = float(value[0]), float(value[1])
    else:
        raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
    if not bound[0] <= low <= high <= bound[1]:
        raise ValueError(f"{name} values should be between {bound}, but got {[low, high]}.")
    return None if low == high == center else (low, high)


class Grayscale(nn.Module):
    """An image without its colours, in one channel or in three of the same values.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.Grayscale()(torch.rand(3, 4, 5)).shape
    torch.Size([1, 4, 5])
    """

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img: Any) -> Any:
        """The grey image."""
        return F.rgb_to_grayscale(img, self.num_output_channels)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_output_channels={self.num_output_channels})"


class _Sometimes(nn.Module):
    """A change made with probability ``p``.   Draws: one number."""

    shown: tuple[str, ...] = ()  # arguments in the printed form, before p

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def change(self, img: Any) -> Any:
        """What is done to the image."""
        raise NotImplementedError

    def forward(self, img: Any) -> Any:
        """The image, changed or not."""
        return self.change(img) if chance(self.p) else img

    def __repr__(self) -> str:
        parts = [f"{name}={getattr(self, name)}" for name in (*self.shown, "p")]
        return f"{type(self).__name__}({','.join(parts)})"


class RandomGrayscale(_Sometimes):
    """An image without its colours, as many channels as before, with probability ``p``.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.RandomGrayscale(p=1)(torch.rand(3, 4, 5)).shape
    torch.Size([3, 4, 5])
    """

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p)

    def change(self, img: Any) -> Any:
        """The grey image."""
        return F.rgb_to_grayscale(img, F.get_image_num_channels(img))


class RandomInvert(_Sometimes):
    """Black for white, with probability ``p``.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.RandomInvert(p=1)(torch.tensor([[[0.25]]]))
    tensor([[[0.7500]]])
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: Any) -> Any:
        """The inverted image."""
        return F.invert(img)


class RandomPosterize(_Sometimes):
    """Only ``bits`` upper bits of each value, with probability ``p``.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.RandomPosterize(bits=2, p=1)(torch.tensor([[[200]]], dtype=torch.uint8))
    tensor([[[192]]], dtype=torch.uint8)
    """

    shown = ("bits",)

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = bits

    def change(self, img: Any) -> Any:
        """The image in fewer tones."""
        return F.posterize(img, self.bits)


class RandomSolarize(_Sometimes):
    """Values from ``threshold`` on inverted, with probability ``p``.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.RandomSolarize(threshold=0.5, p=1)(torch.tensor([[[0.25, 0.75]]]))
    tensor([[[0.2500, 0.2500]]])
    """

    shown = ("threshold",)

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = threshold

    def change(self, img: Any) -> Any:
        """The image, its lights inverted."""
        return F.solarize(img, self.threshold)


class RandomAdjustSharpness(_Sometimes):
    """Another sharpness, with probability ``p``.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.RandomAdjustSharpness(2, p=1)(torch.ones(1, 3, 3)).min()
    tensor(1.)
    """

    shown = ("sharpness_factor",)

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def change(self, img: Any) -> Any:
        """The image, sharper or softer."""
        return F.adjust_sharpness(img, self.sharpness_factor)


class RandomAutocontrast(_Sometimes):
    """Each channel stretched from black to white, with probability ``p``.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.RandomAutocontrast(p=1)(torch.tensor([[[0.25, 0.5, 0.75]]]))
    tensor([[[0.0000, 0.5000, 1.0000]]])
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: Any) -> Any:
        """The stretched image."""
        return F.autocontrast(img)


class RandomEqualize(_Sometimes):
    """Values moved so that each occurs about equally often, with probability ``p``.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.RandomEqualize()
    RandomEqualize(p=0.5)
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: Any) -> Any:
        """The evened out image."""
        return F.equalize(img)
