"""Transforms that blur, and that wipe out."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import minigrad as mg
from minigrad import Tensor, nn
from minigrad.vision.transforms import functional as F
from minigrad.vision.transforms.checks import size_pair
from minigrad.vision.transforms.crops import check_scale_and_ratio
from minigrad.vision.transforms.draws import chance, log_uniform, uniform, whole

__all__ = ["GaussianBlur", "RandomErasing"]


class GaussianBlur(nn.Module):
    """An image blurred by a bell curve of random width.

    Args:
        kernel_size: odd numbers of pixels along x and y, or one for both.
        sigma: range of the standard deviation, or one number.

    Draws: the standard deviation.

    Raises: ValueError for numbers that make no sense.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.GaussianBlur(3)(torch.ones(1, 4, 4)).mean()
    tensor(1.)
    """

    def __init__(
        self, kernel_size: int | Sequence[int], sigma: float | Sequence[float] = (0.1, 2.0)
    ) -> None:
        super().__init__()
        self.kernel_size = size_pair(
            kernel_size, "Kernel size should be a tuple/list of two integers"
        )
        if any(size <= 0 or size % 2 == 0 for size in self.kernel_size):
            raise ValueError("Kernel size value should be an odd and positive number.")
        if isinstance(sigma, numbers.Number):
            if sigma <= 0:  # type: ignore[operator]
                raise ValueError("If sigma is a single number, it must be positive.")
            sigma = (sigma, sigma)  # type: ignore[assignment]
        elif isinstance(sigma, Sequence) and len(sigma) == 2:
            if not 0.0 < sigma[0] <= sigma[1]:
                raise ValueError("sigma values should be positive and of the form (min, max).")
        else:
            raise ValueError("sigma should be a single number or a list/tuple with length 2.")
        self.sigma: Any = sigma

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """A standard deviation."""
        return uniform(sigma_min, sigma_max)

    def forward(self, img: Any) -> Any:
        """The blurred image."""
        sigma = self.get_params(self.sigma[0], self.sigma[1])
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(kernel_size={self.kernel_size}, sigma={self.sigma})"


class RandomErasing(nn.Module):
    """A rectangle of a tensor (..., C, H, W) wiped out, with probability ``p``.

    Args:
        p: the probability.
        scale: range of the rectangle's share of the image.
        ratio: range of its height over its width.
        value: what takes its place: a number, one for each channel, or "random" for noise.
        inplace: change the tensor that is given.

    Draws: one number; then share and logarithm of the ratio, up to ten times until the rectangle
    fits; the noise, if asked for; the upper edge and the left one.

    Raises: TypeError and ValueError for arguments that are none of these.

    Source: Zhong et al., "Random erasing data augmentation", 2017.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> erased = transforms.RandomErasing(p=1)(torch.ones(3, 8, 8))
    >>> bool((erased == 0).any())
    True
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0,
        inplace: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(value, numbers.Number | str | tuple | list):
            raise TypeError("Argument value should be either a number or str or a sequence")
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        check_scale_and_ratio(scale, ratio)
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError("Scale should be between 0 and 1")
        if p < 0 or p > 1:
            raise ValueError("Random erasing probability should be between 0 and 1")
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    @staticmethod
    def get_params(
        img: Tensor,
        scale: Sequence[float],
        ratio: Sequence[float],
        value: list[float] | None = None,
    ) -> tuple[int, int, int, int, Tensor]:
        """Top, left, height and width of a rectangle, and what takes its place."""
        channels, rows, columns = img.shape[-3:]
        for _ in range(10):
            area = rows * columns * uniform(scale[0], scale[1])
            shape = log_uniform(ratio[0], ratio[1])
            height, width = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if not (height < rows and width < columns):
                continue
            if value is None:
                v = mg.empty([channels, height, width], dtype=mg.float32).normal_()
            else:
                v = mg.tensor(value)[:, None, None]
            top = whole(0, rows - height + 1)
            return top, whole(0, columns - width + 1), height, width, v
        return 0, 0, rows, columns, img

    def forward(self, img: Tensor) -> Tensor:
        """The tensor, with a hole or without."""
        if not chance(self.p):
            return img
        value = self._values(img.shape[-3])
        top, left, height, width, v = self.get_params(img, self.scale, self.ratio, value)
        return F.erase(img, top, left, height, width, v, self.inplace)

    def _values(self, channels: int) -> list[float] | None:
        if isinstance(self.value, str):
            return None
        given: Any = self.value
        value = [float(x) for x in (given if isinstance(given, list | tuple) else [given])]
        if len(value) not in (1, channels):
            raise ValueError(
                "If value is a sequence, it should have either a single value or "
                f"{channels} (number of input channels)"
            )
        return value

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(p={self.p}, scale={self.scale}, ratio={self.ratio}, "
            f"value={self.value}, inplace={self.inplace})"
        )
