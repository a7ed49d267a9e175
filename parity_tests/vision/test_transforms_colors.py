"""Colours and filters, beside Pillow, colorsys and torch."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

import minigrad as mg
from minigrad.vision.transforms import functional as F
from parity_tests.vision.pictures import close, photo, picture, pixels, same, tensors


def mixed(x: torch.Tensor, other, ratio: float) -> torch.Tensor:
    white = 1.0 if x.is_floating_point() else 255.0
    return (ratio * x + (1.0 - ratio) * other).clamp(0, white).to(x.dtype)


def grey_of(x: torch.Tensor) -> torch.Tensor:
    r, g, b = x.unbind(-3)
    return (0.2989 * r + 0.587 * g + 0.114 * b).to(x.dtype).unsqueeze(-3)


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
@pytest.mark.parametrize("lead", [(), (2,)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_colours_of_tensors(dtype, lead, factor) -> None:
    mine, theirs = tensors(*lead, dtype=dtype)
    grey = grey_of(theirs)
    mean = grey.float().mean((-3, -2, -1), keepdim=True)
    cases = [
        (F.rgb_to_grayscale(mine), grey),
        (F.rgb_to_grayscale(mine, 3), grey.expand_as(theirs)),
        (F.adjust_brightness(mine, factor), mixed(theirs, 0 * theirs, factor)),
        (F.adjust_contrast(mine, factor), mixed(theirs, mean, factor)),
        (F.adjust_saturation(mine, factor), mixed(theirs, grey, factor)),
        (F.invert(mine), (255 if dtype == "uint8" else 1) - theirs),
    ]
    for found, expected in cases:
        assert str(found.dtype) == str(expected.dtype) and found.shape == expected.shape
        if dtype == "uint8":
            assert np.abs(found.numpy().astype(int) - expected.numpy().astype(int)).max() <= 1
            assert (found.numpy() != expected.numpy()).mean() < 0.01
        else:
            close(found, expected)


@pytest.mark.parametrize("shift", [-0.5, -0.2, 0.0, 0.1, 0.5])
def test_hue_of_tensors_is_that_of_colorsys(shift: float) -> None:
    mine, _ = tensors(2)
    mine[0, :, 0, :3] = 0.5  # greys
    mine[0, :, 1, 1] = mg.tensor([0.7, 0.7, 0.1])  # two channels alike
    found = F.adjust_hue(mine, shift).numpy()

    def turned(r: float, g: float, b: float) -> tuple[float, float, float]:
        h, s, v = colorsys.rgb_to_hsv(r, g, b)
        return colorsys.hsv_to_rgb((h + shift) % 1.0, s, v)

    flat = mine.numpy().transpose(0, 2, 3, 1).reshape(-1, 3).astype(np.float64)
    expected = np.array([turned(*rgb) for rgb in flat])
    np.testing.assert_allclose(found.transpose(0, 2, 3, 1).reshape(-1, 3), expected, atol=1e-5)
    grey = mg.rand(1, 2, 2)
    assert F.adjust_hue(grey, shift) is grey


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_tones_of_tensors(dtype: str) -> None:
    mine, theirs = tensors(2, dtype=dtype)
    white = 255 if dtype == "uint8" else 1
    threshold = 128 if dtype == "uint8" else 0.5
    solarized = torch.where(theirs >= threshold, white - theirs, theirs)
    assert (F.solarize(mine, threshold).numpy() == solarized.numpy()).all()
    low = theirs.amin((-2, -1), keepdim=True).float()
    high = theirs.amax((-2, -1), keepdim=True).float()
    stretched = ((theirs - low) * (white / (high - low))).clamp(0, white).to(theirs.dtype)
    found = F.autocontrast(mine).numpy()
    assert np.abs(found.astype(float) - stretched.numpy().astype(float)).max() <= 1e-6 * white
    flat = mg.full((1, 2, 2), 3, dtype=mine.dtype)
    assert (F.autocontrast(flat) == flat.clamp(max=white)).all()
    if dtype == "uint8":
        assert (F.posterize(mine, 3).numpy() == (theirs & 0b11100000).numpy()).all()


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.2])
def test_gamma(gamma: float) -> None:
    mine, theirs = tensors()
    close(F.adjust_gamma(mine, gamma, 0.9), (0.9 * theirs**gamma).clamp(0, 1))
    image = picture()
    found = np.asarray(F.adjust_gamma(image, gamma)).astype(float)
    assert np.abs(found - 255 * (pixels() / 255) ** gamma).max() <= 1


def test_colours_of_images_are_pillows() -> None:
    image = photo()
    same(F.adjust_brightness(image, 0.7), ImageEnhance.Brightness(image).enhance(0.7))
    same(F.adjust_contrast(image, 0.7), ImageEnhance.Contrast(image).enhance(0.7))
    same(F.adjust_saturation(image, 0.7), ImageEnhance.Color(image).enhance(0.7))
    same(F.adjust_sharpness(image, 0.7), ImageEnhance.Sharpness(image).enhance(0.7))
    same(F.invert(image), ImageOps.invert(image))
    same(F.posterize(image, 3), ImageOps.posterize(image, 3))
    same(F.solarize(image, 100), ImageOps.solarize(image, 100))
    same(F.autocontrast(image), ImageOps.autocontrast(image))
    same(F.equalize(image), ImageOps.equalize(image))
    same(F.to_grayscale(image), image.convert("L"))
    same(F.rgb_to_grayscale(image, 3), np.stack([np.asarray(image.convert("L"))] * 3, -1))
    hue, *rest = image.convert("HSV").split()
    for shift, by in ((0.25, 63), (-0.25, 256 - 63)):
        turned = Image.fromarray(np.asarray(hue) + np.uint8(by))
        same(F.adjust_hue(image, shift), Image.merge("HSV", (turned, *rest)).convert("RGB"))
    grey = image.convert("L")
    assert F.adjust_hue(grey, 0.3) is grey


@pytest.mark.parametrize("name", ["autocontrast", "equalize", "invert"])
def test_tones_of_tensors_are_those_of_images(name: str) -> None:
    image = photo()
    function = getattr(F, name)
    found = function(F.pil_to_tensor(image)).numpy().astype(int)
    assert np.abs(found - F.pil_to_tensor(function(image)).numpy()).max() <= 1
    batch = mg.stack([F.pil_to_tensor(image), F.pil_to_tensor(F.hflip(image))])
    assert (function(batch)[0].numpy() == found).all()


@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
@pytest.mark.parametrize(("size", "sigma"), [(3, 0.8), ([5, 3], [1.0, 0.5]), (7, None)])
def test_gaussian_blur_is_torchs_convolution(size, sigma, dtype) -> None:
    mine, theirs = tensors(2, dtype=dtype)
    kx, ky = [size, size] if isinstance(size, int) else size
    if sigma is None:
        sx, sy = 0.15 * kx + 0.35, 0.15 * ky + 0.35
    else:
        sx, sy = [sigma, sigma] if isinstance(sigma, float) else sigma

    def bell(k: int, s: float) -> torch.Tensor:
        weights = torch.exp(-0.5 * (torch.linspace(-(k - 1) / 2, (k - 1) / 2, k).double() / s) ** 2)
        return weights / weights.sum()

    kernel = torch.outer(bell(ky, sy), bell(kx, sx)).expand(3, 1, ky, kx)
    padded = torch.nn.functional.pad(
        theirs.double(), [kx // 2, kx // 2, ky // 2, ky // 2], mode="reflect"
    )
    expected = torch.nn.functional.conv2d(padded, kernel, groups=3).numpy()
    found = F.gaussian_blur(mine, size, sigma)
    assert found.dtype == mine.dtype
    atol = {"float64": 1e-12, "float32": 1e-6, "uint8": 0.5 + 1e-4}[dtype]
    np.testing.assert_allclose(found.numpy().astype(float), expected, atol=atol)


def test_blur_of_images_is_that_of_tensors() -> None:
    image = photo()
    blurred = F.gaussian_blur(image, 5, 1.5)
    assert blurred.mode == "RGB"
    assert (F.pil_to_tensor(blurred) == F.gaussian_blur(F.pil_to_tensor(image), 5, 1.5)).all()


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("factor", [0.0, 0.5, 2.0])
def test_sharpness_of_tensors(dtype: str, factor: float) -> None:
    mine, theirs = tensors(2, dtype=dtype)
    kernel = torch.ones(3, 1, 3, 3)
    kernel[:, :, 1, 1] = 5
    soft = theirs.float().clone()
    soft[..., 1:-1, 1:-1] = torch.nn.functional.conv2d(theirs.float(), kernel / 13, groups=3)
    soft = soft.round() if dtype == "uint8" else soft
    found = F.adjust_sharpness(mine, factor).numpy().astype(float)
    expected = mixed(theirs, soft.to(theirs.dtype), factor).numpy().astype(float)
    assert np.abs(found - expected).max() <= (1 if dtype == "uint8" else 1e-5)
    assert (found[..., 0, :] == mine.numpy()[..., 0, :]).all()
    small = mg.rand(3, 2, 2)
    assert F.adjust_sharpness(small, factor) is small


def test_erase() -> None:
    x = mg.rand(2, 3, 5, 6)
    hole = F.erase(x, 1, 2, 3, 2, mg.zeros(3, 3, 2))
    assert (hole[:, :, 1:4, 2:4] == 0).all() and (hole[:, :, 0] == x[:, :, 0]).all()
    assert x.all() and F.erase(x, 0, 0, 1, 1, mg.tensor(0.0), inplace=True) is x
