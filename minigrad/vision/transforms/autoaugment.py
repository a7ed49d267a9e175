"""Transforms that pick other transforms: AutoAugment, RandAugment, TrivialAugmentWide."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import minigrad as mg
from minigrad import Tensor, nn
from minigrad.vision.transforms import functional as F
from minigrad.vision.transforms.functional.modes import InterpolationMode, interpolation_mode
from minigrad.vision.transforms.motions import fill_for
from minigrad.vision.transforms.policies import AutoAugmentPolicy, Step, steps_of

__all__ = ["AutoAugment", "AutoAugmentPolicy", "RandAugment", "TrivialAugmentWide"]

_Space = dict[str, tuple[Tensor | None, bool]]  # strengths from none to the greatest; either sign


def _shear(img: Any, along: int, strength: float, **how: Any) -> Any:
    shear = [0.0, 0.0]
    shear[along] = math.degrees(math.atan(strength))
    return F.affine(img, 0.0, [0, 0], 1.0, shear, center=[0, 0], **how)


def _move(img: Any, along: int, pixels: float, **how: Any) -> Any:
    translate = [0, 0]
    translate[along] = int(pixels)
    return F.affine(img, 0.0, translate, 1.0, [0.0, 0.0], **how)


_OPERATIONS: dict[str, Callable[..., Any]] = {  # of image and strength
    "Identity": lambda img, _, **how: img,
    "ShearX": lambda img, s, **how: _shear(img, 0, s, **how),
    "ShearY": lambda img, s, **how: _shear(img, 1, s, **how),
    "TranslateX": lambda img, s, **how: _move(img, 0, s, **how),
    "TranslateY": lambda img, s, **how: _move(img, 1, s, **how),
    "Rotate": lambda img, s, **how: F.rotate(img, s, **how),
    "Brightness": lambda img, s, **how: F.adjust_brightness(img, 1.0 + s),
    "Color": lambda img, s, **how: F.adjust_saturation(img, 1.0 + s),
    "Contrast": lambda img, s, **how: F.adjust_contrast(img, 1.0 + s),
    "Sharpness": lambda img, s, **how: F.adjust_sharpness(img, 1.0 + s),
    "Posterize": lambda img, s, **how: F.posterize(img, int(s)),
    "Solarize": lambda img, s, **how: F.solarize(img, s),
    "AutoContrast": lambda img, _, **how: F.autocontrast(img),
    "Equalize": lambda img, _, **how: F.equalize(img),
    "Invert": lambda img, _, **how: F.invert(img),
}


def _space(
    bins: int, shear: float, moves: tuple[float, float], turn: float, tone: float, bits: int
) -> _Space:
    """The strengths of each operation; the order is that in which one is drawn."""
    signed = {"ShearX": shear, "ShearY": shear, "TranslateX": moves[0], "TranslateY": moves[1]}
    signed |= {"Rotate": turn, **dict.fromkeys(("Brightness", "Color"), tone)}
    signed |= dict.fromkeys(("Contrast", "Sharpness"), tone)
    space: _Space = {"Identity": (None, False)}
    space |= {name: (mg.linspace(0.0, most, bins), True) for name, most in signed.items()}
    taken = (mg.arange(bins) / ((bins - 1) / bits)).round().int()
    space["Posterize"] = (8 - taken, False)
    space["Solarize"] = (mg.linspace(255.0, 0.0, bins), False)
    space |= {"AutoContrast": (None, False), "Equalize": (None, False)}
    return space


def _paper_space(bins: int, img: Any) -> _Space:
    """That of AutoAugment and RandAugment; moves are in parts of a 331 x 331 image."""
    width, height = F.get_image_size(img)
    return _space(bins, 0.3, (150.0 / 331.0 * width, 150.0 / 331.0 * height), 30.0, 0.9, 4)


class _Augment(nn.Module):
    """What the three share: how pixels between pixels are found, and what lies outside."""

    def __init__(self, interpolation: Any, fill: float | Sequence[float] | None) -> None:
        super().__init__()
        self.interpolation = interpolation_mode(interpolation)
        self.fill = fill

    def change(self, img: Any, name: str, strength: float) -> Any:
        """One operation, carried out."""
        fill = None if self.fill is None else fill_for(img, self.fill)
        return _OPERATIONS[name](img, strength, interpolation=self.interpolation, fill=fill)


class AutoAugment(_Augment):
    """One pair of operations out of 25 that were found to help on a data set.

    Args:
        policy: the data set.
        interpolation, fill: as for ``functional.affine``.

    Images are PIL images in L or RGB, or uint8 tensors (..., 1 or 3, H, W).

    Draws: the pair; two numbers, for whether each is done; two signs.

    Raises: ValueError for another policy.

    Source: Cubuk et al., "AutoAugment: learning augmentation strategies from data", 2019.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.AutoAugment()(torch.zeros(3, 8, 8, dtype=torch.uint8)).shape
    torch.Size([3, 8, 8])
    """

    def __init__(
        self,
        policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(interpolation, fill)
        self.policy = policy
        self.policies: list[tuple[Step, Step]] = steps_of(policy)

    @staticmethod
    def get_params(transform_num: int) -> tuple[int, Tensor, Tensor]:
        """Number of a pair, two numbers and two signs."""
        pair = int(mg.randint(transform_num, (1,)).item())
        return pair, mg.rand((2,)), mg.randint(2, (2,))

    def forward(self, img: Any) -> Any:
        """The image, changed."""
        pair, drawn, signs = self.get_params(len(self.policies))
        for i, (name, p, number) in enumerate(self.policies[pair]):
            if drawn[i].item() <= p:
                strengths, signed = _paper_space(10, img).get(name, (None, False))
                known = strengths is not None and number is not None
                strength = float(strengths[number].item()) if known else 0.0  # type: ignore[index]
                negative = signed and signs[i].item() == 0
                img = self.change(img, name, -strength if negative else strength)
        return img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(policy={self.policy}, fill={self.fill})"


class RandAugment(_Augment):
    """Some operations at random, all of one strength.

    Args:
        num_ops: how many.
        magnitude: number of the strength, from 0.
        num_magnitude_bins: how many strengths there are.
        interpolation, fill: as for ``functional.affine``.

    Images are PIL images in L or RGB, or uint8 tensors (..., 1 or 3, H, W).

    Draws: for each operation its number, and a sign if it has one.

    Source: Cubuk et al., "RandAugment: practical automated data augmentation with a reduced search
    space", 2020.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.RandAugment()(torch.zeros(3, 8, 8, dtype=torch.uint8)).shape
    torch.Size([3, 8, 8])
    """

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(interpolation, fill)
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins

    def forward(self, img: Any) -> Any:
        """The image, changed."""
        for _ in range(self.num_ops):
            space = _paper_space(self.num_magnitude_bins, img)
            name = list(space)[int(mg.randint(len(space), (1,)).item())]
            strengths, signed = space[name]
            strength = 0.0 if strengths is None else float(strengths[self.magnitude].item())
            if signed and mg.randint(2, (1,)).item():
                strength = -strength
            img = self.change(img, name, strength)
        return img

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(num_ops={self.num_ops}, magnitude={self.magnitude}, "
            f"num_magnitude_bins={self.num_magnitude_bins}, interpolation={self.interpolation}, "
            f"fill={self.fill})"
        )


class TrivialAugmentWide(_Augment):
    """One operation at random, of a random strength from a wide range.

    Args:
        num_magnitude_bins: how many strengths there are.
        interpolation, fill: as for ``functional.affine``.

    Images are PIL images in L or RGB, or uint8 tensors (..., 1 or 3, H, W).

    Draws: number of the operation; of its strength, and a sign, if it has these.

    Source: Müller, Hutter, "TrivialAugment: tuning-free yet state-of-the-art data augmentation",
    2021.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.TrivialAugmentWide()(torch.zeros(3, 8, 8, dtype=torch.uint8)).shape
    torch.Size([3, 8, 8])
    """

    def __init__(
        self,
        num_magnitude_bins: int = 31,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(interpolation, fill)
        self.num_magnitude_bins = num_magnitude_bins

    def forward(self, img: Any) -> Any:
        """The image, changed."""
        space = _space(self.num_magnitude_bins, 0.99, (32.0, 32.0), 135.0, 0.99, 6)
        name = list(space)[int(mg.randint(len(space), (1,)).item())]
        strengths, signed = space[name]
        strength = 0.0
        if strengths is not None:
            number = int(mg.randint(len(strengths), (1,)).item())
            strength = float(strengths[number].item())
        if signed and mg.randint(2, (1,)).item():
            strength = -strength
        return self.change(img, name, strength)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(num_magnitude_bins={self.num_magnitude_bins}, "
            f"interpolation={self.interpolation}, fill={self.fill})"
        )
