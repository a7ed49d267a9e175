"""Resizing, cropping, padding and flipping, beside Pillow, NumPy and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import minigrad as mg
from minigrad.vision import transforms as T
from minigrad.vision.transforms import InterpolationMode
from minigrad.vision.transforms import functional as F
from parity_tests.vision.pictures import MODES, photo, picture, pixels, same, tensors


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(7, 9), (20, 30), (5, 33)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_resize_of_tensors_is_torchs_interpolation(dtype, size, mode, antialias) -> None:
    mine, theirs = tensors(2, dtype=dtype)
    smooth = mode.startswith("bi")
    options = {"align_corners": False, "antialias": antialias} if smooth else {}
    x = theirs.float() if dtype == "uint8" else theirs
    expected = torch.nn.functional.interpolate(x, size=size, mode=mode, **options)
    if dtype == "uint8":
        expected = expected.clamp(0, 255).round()
    found = F.resize(mine, list(size), MODES[mode], antialias=antialias)
    assert found.dtype == mine.dtype
    if dtype == "uint8":  # a value that lies on .5 may be rounded to either side
        assert np.abs(found.numpy().astype(int) - expected.numpy()).max() <= 1
        assert (found.numpy() != expected.numpy()).mean() < 0.01
    else:
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5, atol=1e-5)
    single = F.resize(mine[0], list(size), MODES[mode], antialias=antialias)
    # One image and a stack of them may be summed in another order: the last bit is free.
    last = 0 if dtype == "uint8" else 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(single.numpy(), found[0].numpy(), rtol=last, atol=last)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(13, 11), (80, 60)])
def test_resize_of_tensors_agrees_with_that_of_images(mode: str, size: tuple[int, int]) -> None:
    image = photo()
    mine = F.resize(F.pil_to_tensor(image), list(size), MODES[mode])
    theirs = F.pil_to_tensor(F.resize(image, list(size), MODES[mode]))
    assert np.abs(mine.numpy().astype(int) - theirs.numpy().astype(int)).max() <= 1


@pytest.mark.parametrize("mode", list(InterpolationMode))
def test_resize_of_images_is_pillows(mode: InterpolationMode) -> None:
    number = getattr(Image.Resampling, mode.name.split("_")[0])
    same(T.Resize((7, 9), mode)(photo()), photo().resize((9, 7), number))
    same(T.Resize((7, 9), int(number))(photo()), photo().resize((9, 7), number))


@pytest.mark.parametrize(
    ("given_", "size", "max_size", "expected"),
    [
        ((20, 30), 10, None, (10, 15)),
        ((30, 20), 10, None, (15, 10)),
        ((20, 30), [10], None, (10, 15)),
        ((20, 33), 7, None, (7, 11)),
        ((20, 30), 10, 12, (8, 12)),
        ((30, 20), 10, 14, (14, 9)),
        ((20, 30), 20, None, (20, 30)),
        ((20, 20), 5, 6, (5, 5)),
        ((20, 30), (4, 9), None, (4, 9)),
    ],
)
def test_the_size_after_resize(given_, size, max_size, expected) -> None:
    resize = T.Resize(size, max_size=max_size)
    assert resize(mg.zeros(1, *given_)).shape[1:] == expected
    assert resize(Image.new("L", given_[::-1])).size == expected[::-1]


@given(
    *(st.integers(-6, 20) for _ in range(2)),
    *(st.integers(1, 12) for _ in range(2)),
)
def test_crop_of_tensors_is_that_of_images(top, left, height, width) -> None:
    image = picture(8, 9)
    cut = F.crop(F.pil_to_tensor(image), top, left, height, width)
    expected = image.crop((left, top, left + width, top + height))
    same(F.crop(image, top, left, height, width), expected)
    same(F.to_pil_image(cut), expected)


@given(*(st.integers(1, 14) for _ in range(4)))
def test_center_crop_of_tensors_is_that_of_images(rows, columns, height, width) -> None:
    image = picture(rows, columns)
    found = T.CenterCrop((height, width))(image)
    same(F.to_pil_image(T.CenterCrop([height, width])(F.pil_to_tensor(image))), found)
    if height <= rows and width <= columns:
        top, left = round((rows - height) / 2), round((columns - width) / 2)
        same(found, np.asarray(image)[top : top + height, left : left + width])


NUMPY_MODES = {"edge": "edge", "reflect": "reflect", "symmetric": "symmetric"}


@pytest.mark.parametrize("mode", ["constant", *NUMPY_MODES])
@pytest.mark.parametrize("padding", [2, [3], [1, 2], (4, 3, 2, 1), (0, 3, 0, 1), (-2, 1, 3, -1)])
def test_pad_is_numpys(mode: str, padding) -> None:
    array = pixels()
    sides = [padding] if isinstance(padding, int) else list(padding)
    left, top, right, bottom = (sides * 4)[:4]
    cut = array[max(-top, 0) : 13 + min(bottom, 0), max(-left, 0) : 17 + min(right, 0)]
    around = ((max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0)), (0, 0))
    options = {"constant_values": 7} if mode == "constant" else {}
    expected = np.pad(cut, around, mode=mode, **options)
    pad = T.Pad(padding, fill=7, padding_mode=mode)
    for dtype in (mg.uint8, mg.float32, mg.int64):
        x = mg.from_numpy(array.transpose(2, 0, 1).copy()).to(dtype)
        found = pad(x)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found.numpy().transpose(1, 2, 0), expected)
        assert (pad(x.expand(2, 2, -1, -1, -1))[1, 0] == found).all()
    if mode != "constant" or min(sides) >= 0:
        same(pad(Image.fromarray(array)), expected)


def test_pad_of_images_takes_a_colour_and_keeps_the_palette() -> None:
    padded = F.pad(picture(), 1, fill=(1, 2, 3))
    assert padded.getpixel((0, 0)) == (1, 2, 3)
    paletted = picture().convert("P")
    for mode in ("constant", "edge"):
        assert F.pad(paletted, 1, padding_mode=mode).getpalette() == paletted.getpalette()


def test_flips_and_corners() -> None:
    image, array = picture(), pixels()
    for flip, axis in ((F.hflip, 1), (F.vflip, 0)):
        same(flip(image), np.flip(array, axis))
        same(F.to_pil_image(flip(F.pil_to_tensor(image))), np.flip(array, axis))
    crops = T.TenCrop((4, 6), vertical_flip=True)(image)
    flipped = np.flip(array, 0)
    for found, a in ((crops[:5], array), (crops[5:], flipped)):
        expected = [a[:4, :6], a[:4, -6:], a[-4:, :6], a[-4:, -6:], a[4:8, 6:12]]
        for x, y in zip(found, expected, strict=True):
            same(x, y)
    assert len(T.FiveCrop(3)(F.pil_to_tensor(image))) == 5
