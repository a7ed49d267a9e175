"""Transforms beside PIL and torch's operations, and chance in the order that torchvision draws."""

from __future__ import annotations

import colorsys
import math
import pickle
import random
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

import minigrad as mg
from minigrad.vision import transforms as T
from minigrad.vision.transforms import InterpolationMode
from minigrad.vision.transforms import functional as F
from parity_tests.tolerances import TOL

MODES = {
    "nearest": InterpolationMode.NEAREST,
    "nearest-exact": InterpolationMode.NEAREST_EXACT,
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
}


def pixels(height: int = 13, width: int = 17, channels: int = 3, seed: int = 0) -> np.ndarray:
    shape = (height, width, channels) if channels else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def picture(height: int = 13, width: int = 17, mode: str = "RGB") -> Image.Image:
    channels = {"L": 0, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    return Image.fromarray(pixels(height, width, channels), mode=mode)


def photo(height: int = 40, width: int = 52) -> Image.Image:
    """Smooth, so that two ways to resize it must agree."""
    return picture(5, 6).resize((width, height), Image.Resampling.BICUBIC)


def tensors(*lead: int, dtype: str = "float32", height: int = 13, width: int = 17):
    """The same random image for minigrad and for torch."""
    values = np.random.default_rng(1).integers(0, 256, (*lead, 3, height, width), np.uint8)
    if dtype != "uint8":
        values = (values / 255).astype(dtype)
    return mg.from_numpy(values.copy()), torch.from_numpy(values)


def close(mine, theirs, dtype: str = "float32") -> None:
    assert str(mine.dtype) == str(theirs.dtype) and tuple(mine.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(mine.numpy(), theirs.numpy(), **TOL[dtype])


def same(mine, theirs) -> None:
    """Two PIL images, or a PIL image and its array."""
    assert not isinstance(theirs, Image.Image) or mine.mode == theirs.mode
    np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))


# ---- conversions ------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
def test_to_tensor_of_bytes_is_torchs_division(channels: int) -> None:
    array = pixels(channels=channels)
    full = array if array.ndim == 3 else array[:, :, None]
    theirs = torch.from_numpy(full).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
    mine = T.ToTensor()(array)
    assert mine.is_contiguous() and (mine.numpy() == theirs.numpy()).all()
    if channels != 1:
        mode = {0: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
        assert (T.ToTensor()(Image.fromarray(array, mode=mode)).numpy() == theirs.numpy()).all()


def test_to_tensor_of_other_elements_keeps_them() -> None:
    wide = np.arange(6, dtype=np.float64).reshape(2, 3)
    assert F.to_tensor(wide).dtype == mg.float64 and F.to_tensor(wide).tolist() == [wide.tolist()]
    for kind, mode, dtype in ((np.int32, "I", mg.int32), (np.float32, "F", mg.float32)):
        tensor = F.to_tensor(Image.fromarray(wide.astype(kind)))
        assert tensor.dtype == dtype and tensor.tolist() == [wide.tolist()], mode
    assert F.to_tensor(Image.fromarray(wide.astype(np.uint16))).dtype == mg.int16
    bits = Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1")
    assert F.to_tensor(bits).tolist() == [[[0.0, 1.0]]]


def test_to_tensor_follows_the_default_dtype() -> None:
    mg.set_default_dtype(mg.float64)
    try:
        assert F.to_tensor(np.full((1, 1), 51, np.uint8)).item() == 51 / 255
    finally:
        mg.set_default_dtype(mg.float32)


def test_to_tensor_never_shares_memory() -> None:
    array = np.zeros((2, 2), np.float32)
    F.to_tensor(array).add_(1)
    assert not array.any()
    array = np.zeros((2, 2), np.uint8)
    image = Image.fromarray(array)
    F.pil_to_tensor(image).add_(1)
    assert not np.asarray(image).any()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK"])
def test_pil_to_tensor_and_back(mode: str) -> None:
    image = picture(mode=mode)
    tensor = T.PILToTensor()(image)
    assert tensor.dtype == mg.uint8 and tensor.is_contiguous()
    assert (tensor.numpy().transpose(1, 2, 0).squeeze() == np.asarray(image)).all()
    same(T.ToPILImage(mode if mode == "CMYK" else None)(tensor), image)
    same(F.to_pil_image(np.asarray(image), mode), image)


@pytest.mark.parametrize(
    ("dtype", "mode"), [("uint8", "L"), ("int16", "I;16"), ("int32", "I"), ("float32", "F")]
)
def test_grey_tensors_become_images_of_their_type(dtype: str, mode: str) -> None:
    values = np.arange(6).reshape(1, 2, 3).astype(dtype)
    image = F.to_pil_image(mg.from_numpy(values), "F" if mode == "F" else None)
    assert image.mode == mode and (np.asarray(image) == values[0]).all()
    assert F.to_pil_image(values[0]).mode == mode


@given(st.integers(0, 10_000))
def test_to_pil_image_of_floats_is_torchs_cast(seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal((3, 4, 5)).astype(np.float32)
    theirs = torch.from_numpy(values).mul(255).byte().permute(1, 2, 0).numpy()
    same(F.to_pil_image(mg.from_numpy(values)), theirs)


FLOATS = ["float32", "float64"]
INTS = ["uint8", "int8", "int16", "int32", "int64"]


@pytest.mark.parametrize("to", FLOATS + INTS)
@pytest.mark.parametrize("of", FLOATS + INTS)
def test_convert_image_dtype_covers_the_range(of: str, to: str) -> None:
    greatest = {k: 1 if k in FLOATS else int(np.iinfo(k).max) for k in FLOATS + INTS}
    image = mg.from_numpy(np.array([0, greatest[of]]).astype(of))
    if (of, to) in {("float32", "int32"), ("float32", "int64"), ("float64", "int64")}:
        with pytest.raises(RuntimeError, match="cannot be performed safely"):
            F.convert_image_dtype(image, getattr(mg, to))
        return
    mine = T.ConvertImageDtype(getattr(mg, to))(image)
    assert mine.dtype == getattr(mg, to)
    expected = greatest[to]
    if of in INTS and to in INTS and greatest[to] > greatest[of]:
        expected = greatest[of] * ((greatest[to] + 1) // (greatest[of] + 1))
    assert mine[0].item() == 0 and mine[1].item() == pytest.approx(expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lead", [(), (4,), (2, 3)])
def test_normalize(dtype: str, lead: tuple[int, ...]) -> None:
    mine, theirs = tensors(*lead, dtype=dtype)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    before = mine.clone()
    m, s = (torch.tensor(x, dtype=theirs.dtype).view(-1, 1, 1) for x in (mean, std))
    expected = theirs.sub(m).div(s)
    assert (T.Normalize(mean, std)(mine).numpy() == expected.numpy()).all()
    assert (mine == before).all()
    assert T.Normalize(mean, std, inplace=True)(mine) is mine
    assert (mine.numpy() == expected.numpy()).all()


def test_normalize_has_a_gradient() -> None:
    x = mg.rand(3, 2, 2, requires_grad=True)
    F.normalize(x, [0.0], [0.5]).sum().backward()
    assert (x.grad == 2).all()


def test_linear_transformation() -> None:
    mine, theirs = tensors(2)
    size = 3 * 13 * 17
    weights = np.random.default_rng(0).standard_normal((size, size)).astype(np.float32)
    mean = np.random.default_rng(1).standard_normal(size).astype(np.float32)
    expected = (theirs.reshape(2, -1) - torch.from_numpy(mean)) @ torch.from_numpy(weights)
    found = T.LinearTransformation(mg.from_numpy(weights), mg.from_numpy(mean))(mine)
    np.testing.assert_allclose(found.numpy().reshape(2, -1), expected.numpy(), atol=1e-3)


# ---- sizes --------------------------------------------------------------------------------------


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
    np.testing.assert_array_equal(single.numpy(), found[0].numpy())


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


# ---- warps --------------------------------------------------------------------------------------


def theirs_warped(image: torch.Tensor, theta: list[float], mode: str) -> torch.Tensor:
    """By torch's own affine_grid, which counts in halves of the image's sides."""
    height, width = image.shape[-2:]
    p, q, u, r, s, v = theta
    scaled = [[p, q * height / width, 2 * u / width], [r * width / height, s, 2 * v / height]]
    grid = torch.nn.functional.affine_grid(
        torch.tensor([scaled], dtype=torch.float64), [1, *image.shape[-3:]], align_corners=False
    )
    return torch.nn.functional.grid_sample(
        image[None].double(), grid, mode=mode, align_corners=False
    )[0]


@given(
    angle=st.floats(-180, 180),
    translate=st.tuples(st.integers(-5, 5), st.integers(-5, 5)),
    scale=st.floats(0.5, 2),
    shear=st.tuples(st.floats(-40, 40), st.floats(-40, 40)),
)
def test_affine_of_tensors_is_the_matrix_of_the_documentation(angle, translate, scale, shear):
    mine, theirs = tensors(dtype="float64")
    turn, sx, sy = (math.radians(x) for x in (angle, *shear))
    # M = scale * R(turn) * shear along y * shear along x, about the middle, then the move
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    along_y = np.array([[1, 0], [-math.tan(sy), 1]])
    along_x = np.array([[1, -math.tan(sx)], [0, 1]])
    inverse = np.linalg.inv(scale * rotation @ along_y @ along_x)
    moved = -inverse @ np.array(translate, float)
    theta = [*inverse[0], moved[0], *inverse[1], moved[1]]
    found = F.affine(mine, angle, list(translate), scale, list(shear), MODES["bilinear"])
    expected = theirs_warped(theirs, theta, "bilinear")
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-9)


@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("angle", [0, 90, 180, 270, -90, 31, 45.5, -121])
@pytest.mark.parametrize("size", [(13, 17), (16, 16), (12, 15)])
def test_rotate_of_tensors_is_that_of_images(size, angle, expand) -> None:
    if angle % 180 == 90 and sum(size) % 2:
        return  # every pixel comes from between two, and Pillow has a way of its own for it
    image = picture(*size)
    found = F.rotate(F.pil_to_tensor(image), angle, expand=expand, fill=9)
    expected = F.pil_to_tensor(F.rotate(image, angle, expand=expand, fill=9))
    assert found.shape == expected.shape
    # on a slope a pixel may come from the neighbour, as Pillow rounds its matrix
    assert (found != expected).float().mean() < (0.03 if angle % 90 else 1e-9)


@pytest.mark.parametrize("fill", [None, 0, [0.2, 0.4, 0.6]])
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_the_rim_is_filled_as_by_torchvision(dtype: str, mode: str, fill) -> None:
    """A channel of ones is turned with the image; what it lost is the share of the fill."""
    mine, theirs = tensors(dtype=dtype)
    if dtype == "uint8" and fill:
        fill = [20.4, 40.0, 60.6]
    turn = math.radians(-33)
    theta = [math.cos(turn), -math.sin(turn), 0.0, math.sin(turn), math.cos(turn), 0.0]
    ones = torch.ones(1, 13, 17)
    both = theirs_warped(torch.cat([theirs.double(), ones]), theta, mode)
    image, share = both[:3], both[3:]
    if fill is not None:
        shade = torch.tensor([fill] * 3 if fill == 0 else fill).view(3, 1, 1).double()
        if mode == "nearest":
            image = torch.where(share < 0.5, shade, image)
        else:
            image = image * share + (1 - share) * shade
    found = F.rotate(mine, -33, MODES[mode], fill=fill).numpy().astype(float)
    atol = 1e-5 if dtype == "float32" else 0.5001
    np.testing.assert_allclose(found, image.numpy(), atol=atol)


def test_rotate_of_images_is_pillows() -> None:
    image = picture()
    for options in ({}, {"expand": True}, {"center": (2, 3)}):
        same(F.rotate(image, 33, **options), image.rotate(33, **options))
    found = F.rotate(image, 33, InterpolationMode.BICUBIC, fill=(1, 2, 3))
    same(found, image.rotate(33, Image.Resampling.BICUBIC, fillcolor=(1, 2, 3)))


@given(angle=st.integers(-180, 180), shear=st.integers(-30, 30), move=st.integers(-4, 4))
def test_affine_of_tensors_is_nearly_that_of_images(angle, shear, move) -> None:
    image = photo()
    arguments = (angle, [move, -move], 1.2, [shear, 0], InterpolationMode.BILINEAR)
    found = F.affine(F.pil_to_tensor(image), *arguments).float()
    expected = F.pil_to_tensor(F.affine(image, *arguments)).float()
    inside = (expected > 0).all(0)  # at the rim, tensors fade and images do not
    assert ((found - expected).abs().amax(0) * inside).median() <= 2


def test_a_turn_about_a_corner() -> None:
    x = mg.zeros(1, 4, 4)
    x[0, 0, 1] = 1
    turned = F.rotate(x, -90, center=[2, 2], fill=[0.5])
    assert turned.nonzero().tolist() == [[0, 1, 3]]
    turned = F.rotate(x, -90, center=[0, 0], fill=[0.5])
    assert turned.unique().tolist() == [0.5]


@given(st.integers(0, 10_000))
def test_perspective_sends_the_corners_where_it_should(seed: int) -> None:
    generator = np.random.default_rng(seed)
    starts = [[0, 0], [16, 0], [16, 12], [0, 12]]
    ends = [
        [int(x + generator.integers(-3, 4)), int(y + generator.integers(-3, 4))] for x, y in starts
    ]
    from minigrad.vision.transforms.functional.warps import _perspective_coefficients

    a, b, c, d, e, f, g, h = _perspective_coefficients(starts, ends)
    for (x, y), (u, v) in zip(ends, starts, strict=True):
        below = g * x + h * y + 1
        assert (a * x + b * y + c) / below == pytest.approx(u, abs=1e-3)
        assert (d * x + e * y + f) / below == pytest.approx(v, abs=1e-3)
    image = photo(13, 17)
    options = (InterpolationMode.NEAREST, 7)
    found = F.perspective(F.pil_to_tensor(image), starts, ends, *options)
    expected = F.pil_to_tensor(F.perspective(image, starts, ends, *options))
    assert (found != expected).any(0).float().mean() < 0.05


def test_warps_of_floats_have_gradients() -> None:
    x = mg.rand(1, 3, 5, 5, dtype=mg.float64, requires_grad=True)
    assert mg.autograd.gradcheck(lambda t: F.rotate(t, 30.0, MODES["bilinear"], fill=1.0), (x,))


# ---- colours ------------------------------------------------------------------------------------


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


# ---- filters ------------------------------------------------------------------------------------


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


# ---- chance: torch's generator, in the order that the documentation gives ------------------------


def uniform(low: float, high: float) -> float:
    return torch.empty(1).uniform_(low, high).item()


def whole(low: int, high: int) -> int:
    return torch.randint(low, high, (1,)).item()


def crop_params(rows: int, columns: int, scale, ratio) -> tuple[int, int, int, int]:
    ends = torch.log(torch.tensor(ratio))
    for _ in range(10):
        area = rows * columns * uniform(*scale)
        shape = torch.exp(torch.empty(1).uniform_(ends[0].item(), ends[1].item())).item()
        w, h = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if 0 < w <= columns and 0 < h <= rows:
            return whole(0, rows - h + 1), whole(0, columns - w + 1), h, w
    w, h = columns, rows
    if columns / rows < min(ratio):
        h = round(w / min(ratio))
    elif columns / rows > max(ratio):
        w = round(h * max(ratio))
    return (rows - h) // 2, (columns - w) // 2, h, w


def both_seeded(seed: int) -> None:
    mg.manual_seed(seed)
    torch.manual_seed(seed)


SEEDS = st.integers(0, 2**31)
SIDES = st.integers(2, 60)


@given(SEEDS, SIDES, SIDES, st.sampled_from([(0.08, 1.0), (0.9, 1.0), (1.5, 2.0)]))
def test_random_resized_crop_draws_as_torchvision(seed, rows, columns, scale) -> None:
    both_seeded(seed)
    ratio = (3 / 4, 4 / 3)
    for _ in range(3):
        found = T.RandomResizedCrop.get_params(mg.zeros(1, rows, columns), scale, ratio)
        assert found == crop_params(rows, columns, scale, ratio)
    assert mg.rand(1).item() == torch.rand(1).item()


@given(SEEDS)
def test_crops_and_flips_draw_as_torchvision(seed: int) -> None:
    image = mg.arange(13 * 17).view(1, 13, 17)
    array = np.pad(image.numpy()[0], 2)
    both_seeded(seed)
    top, left = whole(0, 17 - 8 + 1), whole(0, 21 - 9 + 1)
    found = T.RandomCrop((8, 9), padding=2)(image)
    assert (found.numpy()[0] == array[top : top + 8, left : left + 9]).all()
    assert T.RandomCrop((13, 17))(image) is not None  # of the whole, nothing is drawn
    for transform, axis in ((T.RandomHorizontalFlip(), -1), (T.RandomVerticalFlip(0.3), -2)):
        expected = np.flip(image.numpy(), axis) if torch.rand(1) < transform.p else image.numpy()
        assert (transform(image).numpy() == expected).all()
    assert mg.rand(1).item() == torch.rand(1).item()


@given(SEEDS)
def test_random_crop_pads_what_is_too_small(seed: int) -> None:
    mg.manual_seed(seed)
    found = T.RandomCrop((6, 9), pad_if_needed=True, fill=5)(mg.zeros(1, 4, 5))
    assert found.shape == (1, 6, 9) and set(found.unique().tolist()) <= {0.0, 5.0}


@given(SEEDS)
def test_color_jitter_draws_as_torchvision(seed: int) -> None:
    both_seeded(seed)
    ranges = [(0.5, 1.5), (0.2, 1.8), (0.0, 2.0), (-0.1, 0.1)]
    order, *factors = T.ColorJitter.get_params(*ranges)
    assert order.tolist() == torch.randperm(4).tolist()
    assert factors == [uniform(*ends) for ends in ranges]
    jitter = T.ColorJitter(0.5, 0.8, 1.0, 0.1)
    assert [jitter.brightness, jitter.saturation, jitter.hue] == [ranges[0], ranges[2], ranges[3]]
    image = photo()
    order, drawn = (
        torch.randperm(4).tolist(),
        [uniform(*e) for e in (jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)],
    )
    expected = image
    functions = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue]
    for i in order:
        expected = functions[i](expected, drawn[i])
    same(jitter(image), expected)


@given(SEEDS)
def test_affine_rotation_and_perspective_draw_as_torchvision(seed: int) -> None:
    both_seeded(seed)
    assert T.RandomRotation.get_params([-10.0, 10.0]) == uniform(-10, 10)
    for translate, scale, shear in (
        (None, None, None),
        ((0.1, 0.3), (0.5, 1.5), [-10.0, 10.0]),
        ((0.1, 0.3), None, [-10.0, 10.0, -5.0, 5.0]),
    ):
        found = T.RandomAffine.get_params([-30.0, 30.0], translate, scale, shear, [40, 30])
        angle = uniform(-30, 30)
        move = (0, 0)
        if translate:
            move = tuple(
                round(uniform(-p * n, p * n)) for p, n in zip(translate, (40, 30), strict=True)
            )
        factor = uniform(*scale) if scale else 1.0
        shears = [uniform(*shear[:2]) if shear else 0.0]
        shears.append(uniform(*shear[2:]) if shear and len(shear) == 4 else 0.0)
        assert found == (angle, move, factor, tuple(shears))
    starts, ends = T.RandomPerspective.get_params(41, 30, 0.5)
    dx, dy = int(0.5 * 20), int(0.5 * 15)
    assert starts == [[0, 0], [40, 0], [40, 29], [0, 29]]
    assert ends == [
        [whole(0, dx + 1), whole(0, dy + 1)],
        [whole(41 - dx - 1, 41), whole(0, dy + 1)],
        [whole(41 - dx - 1, 41), whole(30 - dy - 1, 30)],
        [whole(0, dx + 1), whole(30 - dy - 1, 30)],
    ]


@given(SEEDS, st.sampled_from([0, (1.0, 2.0, 3.0), "random"]))
def test_random_erasing_draws_as_torchvision(seed: int, value) -> None:
    both_seeded(seed)
    x = mg.full((3, 20, 24), 9.0)
    found = T.RandomErasing(p=0.7, value=value)(x)
    expected = torch.full((3, 20, 24), 9.0)
    if torch.rand(1) < 0.7:
        ends = torch.log(torch.tensor((0.3, 3.3)))
        for _ in range(10):
            area = 480 * uniform(0.02, 0.33)
            shape = torch.exp(torch.empty(1).uniform_(ends[0].item(), ends[1].item())).item()
            h, w = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if h < 20 and w < 24:
                fill = (
                    torch.tensor([value] if value == 0 else value)[:, None, None]
                    if value != "random"
                    else torch.empty(3, h, w).normal_()
                )
                top, left = whole(0, 20 - h + 1), whole(0, 24 - w + 1)
                expected[:, top : top + h, left : left + w] = fill
                break
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-6)
    assert mg.rand(1).item() == torch.rand(1).item()


@given(SEEDS)
def test_what_is_done_sometimes_draws_one_number(seed: int) -> None:
    both_seeded(seed)
    x = mg.from_numpy(pixels().transpose(2, 0, 1).copy())
    for transform, function in (
        (T.RandomGrayscale(0.4), lambda x: F.rgb_to_grayscale(x, 3)),
        (T.RandomInvert(), F.invert),
        (T.RandomPosterize(3), lambda x: F.posterize(x, 3)),
        (T.RandomSolarize(100), lambda x: F.solarize(x, 100)),
        (T.RandomAdjustSharpness(2), lambda x: F.adjust_sharpness(x, 2)),
        (T.RandomAutocontrast(), F.autocontrast),
        (T.RandomEqualize(), F.equalize),
        (T.RandomApply([F.hflip, F.vflip], 0.6), lambda x: F.vflip(F.hflip(x))),
    ):
        expected = function(x) if torch.rand(1) < transform.p else x
        assert (transform(x) == expected).all(), transform
    sigma = uniform(0.1, 2.0)
    assert (T.GaussianBlur(3)(x) == F.gaussian_blur(x, 3, sigma)).all()


def test_order_and_choice_draw_from_pythons_random() -> None:
    steps = [lambda x, i=i: [*x, i] for i in (1, 2, 3)]
    random.seed(5)
    expected = [0, 1, 2]
    random.shuffle(expected)
    choice = random.choices([1, 2, 3], weights=[1, 2, 3])
    random.seed(5)
    assert T.RandomOrder(steps)([]) == [i + 1 for i in expected]
    assert T.RandomChoice(steps, p=[1, 2, 3])([]) == choice


# ---- printed forms and errors -------------------------------------------------------------------

REPRS = {
    "ToTensor()": T.ToTensor(),
    "PILToTensor()": T.PILToTensor(),
    "ToPILImage()": T.ToPILImage(),
    "ToPILImage(mode=RGB)": T.ToPILImage("RGB"),
    "ConvertImageDtype()": T.ConvertImageDtype(mg.float32),
    "Normalize(mean=(0.5,), std=(0.25,))": T.Normalize((0.5,), (0.25,)),
    "Resize(size=256, interpolation=bilinear, max_size=None, antialias=True)": T.Resize(256),
    "CenterCrop(size=(224, 224))": T.CenterCrop(224),
    "Pad(padding=2, fill=0, padding_mode=constant)": T.Pad(2),
    "RandomCrop(size=(32, 32), padding=4)": T.RandomCrop(32, padding=4),
    "RandomHorizontalFlip(p=0.5)": T.RandomHorizontalFlip(),
    "RandomVerticalFlip(p=0.1)": T.RandomVerticalFlip(0.1),
    "RandomPerspective(p=0.5)": T.RandomPerspective(),
    "RandomResizedCrop(size=(224, 224), scale=(0.08, 1.0), ratio=(0.75, 1.3333), "
    "interpolation=bilinear, antialias=True)": T.RandomResizedCrop(224),
    "FiveCrop(size=(3, 4))": T.FiveCrop((3, 4)),
    "TenCrop(size=(3, 3), vertical_flip=False)": T.TenCrop(3),
    "LinearTransformation(transformation_matrix=[[1.0]], mean_vector=[0.0])": (
        T.LinearTransformation(mg.eye(1), mg.zeros(1))
    ),
    "ColorJitter(brightness=(0.5, 1.5), contrast=None, saturation=(0.0, 3.0), hue=(-0.1, 0.1))": (
        T.ColorJitter(0.5, 0, 2, 0.1)
    ),
    "RandomRotation(degrees=[-10.0, 10.0], interpolation=nearest, expand=False, fill=0)": (
        T.RandomRotation(10)
    ),
    "RandomRotation(degrees=[1.0, 2.0], interpolation=bilinear, expand=True, center=(1, 2), "
    "fill=3)": T.RandomRotation((1, 2), InterpolationMode.BILINEAR, True, (1, 2), 3),
    "RandomAffine(degrees=[-5.0, 5.0])": T.RandomAffine(5),
    "RandomAffine(degrees=[-5.0, 5.0], translate=(0.1, 0.2), scale=(1, 2), shear=[-3.0, 3.0], "
    "interpolation=bilinear, fill=1, center=(0, 0))": T.RandomAffine(
        5, (0.1, 0.2), (1, 2), 3, InterpolationMode.BILINEAR, 1, (0, 0)
    ),
    "Grayscale(num_output_channels=1)": T.Grayscale(),
    "RandomGrayscale(p=0.1)": T.RandomGrayscale(),
    "RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False)": (
        T.RandomErasing()
    ),
    "GaussianBlur(kernel_size=(3, 3), sigma=(0.1, 2.0))": T.GaussianBlur(3),
    "RandomInvert(p=0.5)": T.RandomInvert(),
    "RandomPosterize(bits=2,p=0.5)": T.RandomPosterize(2),
    "RandomSolarize(threshold=9,p=0.5)": T.RandomSolarize(9),
    "RandomAdjustSharpness(sharpness_factor=2,p=0.5)": T.RandomAdjustSharpness(2),
    "RandomAutocontrast(p=0.5)": T.RandomAutocontrast(),
    "RandomEqualize(p=0.5)": T.RandomEqualize(),
    "Lambda()": T.Lambda(abs),
    "Compose(\n    ToTensor()\n)": T.Compose([T.ToTensor()]),
    "RandomApply(\n    p=0.5\n    ToTensor()\n)": T.RandomApply([T.ToTensor()]),
    "RandomOrder(\n    ToTensor()\n)": T.RandomOrder([T.ToTensor()]),
    "RandomChoice(\n    ToTensor()\n)(p=None)": T.RandomChoice([T.ToTensor()]),
}


@pytest.mark.parametrize("text", REPRS)
def test_printed_forms(text: str) -> None:
    assert repr(REPRS[text]) == text


def test_transforms_travel_to_other_processes_and_stand_in_sequences() -> None:
    both = T.Compose([T.RandomCrop(4), T.ToTensor(), T.Normalize(0.5, 0.5)])
    assert repr(pickle.loads(pickle.dumps(both))) == repr(both)
    chain = mg.nn.Sequential(T.CenterCrop(4), T.ConvertImageDtype(mg.float32))
    assert chain(mg.zeros(3, 8, 8, dtype=mg.uint8)).shape == (3, 4, 4)


IMAGE = mg.zeros(3, 8, 8)
ERRORS = {
    "to_tensor": (TypeError, "PIL Image or ndarray", lambda: F.to_tensor(IMAGE)),
    "to_tensor 4": (ValueError, "2/3 dimensional", lambda: F.to_tensor(np.zeros((1, 2, 3, 4)))),
    "pil_to_tensor": (TypeError, "should be PIL Image", lambda: F.pil_to_tensor(np.zeros(2))),
    "to_pil": (TypeError, "Tensor or ndarray", lambda: F.to_pil_image([1])),
    "to_pil 1": (ValueError, "2/3 dimensional", lambda: F.to_pil_image(mg.zeros(2))),
    "to_pil 5": (ValueError, "> 4 channels", lambda: F.to_pil_image(mg.zeros(5, 2, 2))),
    "to_pil mode": (ValueError, "are supported", lambda: F.to_pil_image(IMAGE, "LA")),
    "to_pil grey": (ValueError, "Incorrect mode", lambda: F.to_pil_image(IMAGE[:1], "RGB")),
    "to_pil kind": (TypeError, "not supported", lambda: F.to_pil_image(np.zeros((2, 2, 3)))),
    "normalize kind": (TypeError, "Tensor Image", lambda: F.normalize(0, [0], [1])),
    "normalize int": (TypeError, "float tensor", lambda: F.normalize(IMAGE.int(), [0], [1])),
    "normalize 2": (ValueError, "to be a tensor image", lambda: F.normalize(IMAGE[0], [0], [1])),
    "normalize 0": (ValueError, "division by zero", lambda: F.normalize(IMAGE, [0], [0])),
    "resize kind": (TypeError, "int or sequence", lambda: T.Resize(1.5)),
    "resize 3": (ValueError, "1 or 2 values", lambda: T.Resize((1, 2, 3))),
    "resize max": (ValueError, "smaller edge", lambda: F.resize(IMAGE, [2, 3], max_size=4)),
    "resize small": (ValueError, "strictly greater", lambda: F.resize(IMAGE, 5, max_size=5)),
    "resize box": (ValueError, "unsupported", lambda: F.resize(IMAGE, 4, InterpolationMode.BOX)),
    "interpolation": (TypeError, "InterpolationMode", lambda: F.resize(IMAGE, 4, "bilinear")),
    "no image": (TypeError, "PIL Image or Tensor", lambda: F.hflip(np.zeros((2, 2)))),
    "no picture": (TypeError, "not a torch image", lambda: F.hflip(mg.zeros(3))),
    "crop": (ValueError, "larger than input image", lambda: T.RandomCrop(9)(IMAGE)),
    "crop size": (ValueError, "only two dimensions", lambda: T.CenterCrop((1, 2, 3))),
    "five": (ValueError, "bigger than input size", lambda: T.FiveCrop(9)(IMAGE)),
    "pad": (TypeError, "padding arg", lambda: T.Pad("1")),
    "pad fill": (TypeError, "fill arg", lambda: T.Pad(1, fill="1")),
    "pad mode": (ValueError, "Padding mode", lambda: T.Pad(1, padding_mode="mirror")),
    "pad 3": (ValueError, "1, 2, or 4", lambda: T.Pad((1, 2, 3))),
    "brightness": (ValueError, "not non-negative", lambda: F.adjust_brightness(IMAGE, -1)),
    "hue": (ValueError, "not in", lambda: F.adjust_hue(IMAGE, 0.6)),
    "channels": (TypeError, "permitted channel", lambda: F.adjust_contrast(mg.zeros(2, 4, 4), 1)),
    "jitter": (ValueError, "non negative", lambda: T.ColorJitter(-1)),
    "jitter kind": (TypeError, "single number", lambda: T.ColorJitter((1, 2, 3))),
    "jitter bound": (ValueError, "should be between", lambda: T.ColorJitter(hue=0.7)),
    "gamma": (ValueError, "non-negative real", lambda: F.adjust_gamma(IMAGE, -1)),
    "grey": (ValueError, "1 or 3", lambda: F.rgb_to_grayscale(IMAGE, 2)),
    "posterize": (TypeError, "uint8", lambda: F.posterize(IMAGE, 2)),
    "equalize": (TypeError, "uint8", lambda: F.equalize(IMAGE)),
    "solarize": (TypeError, "less than bound", lambda: F.solarize(IMAGE, 2)),
    "degrees": (ValueError, "must be positive", lambda: T.RandomRotation(-1)),
    "degrees 3": (ValueError, "length 2", lambda: T.RandomRotation((1, 2, 3))),
    "translate": (ValueError, "between 0 and 1", lambda: T.RandomAffine(0, (2, 0))),
    "scale": (ValueError, "positive", lambda: T.RandomAffine(0, scale=(0, 1))),
    "shear": (ValueError, "length 2 or 4", lambda: T.RandomAffine(0, shear=(1, 2, 3))),
    "fill": (TypeError, "sequence or a number", lambda: T.RandomRotation(1, fill={})),
    "fill 2": (ValueError, "cannot broadcast", lambda: F.rotate(IMAGE, 1, fill=[1, 2])),
    "angle": (TypeError, "int or float", lambda: F.rotate(IMAGE, "1")),
    "affine": (TypeError, "translate", lambda: F.affine(IMAGE, 0, 1, 1.0, 0)),
    "affine scale": (ValueError, "positive", lambda: F.affine(IMAGE, 0, [0, 0], 0.0, 0)),
    "blur": (ValueError, "odd and positive", lambda: T.GaussianBlur(4)),
    "blur F": (ValueError, "odd and positive", lambda: F.gaussian_blur(IMAGE, 4)),
    "sigma": (ValueError, "min, max", lambda: T.GaussianBlur(3, (2, 1))),
    "erase": (TypeError, "not a torch image", lambda: F.erase(0, 0, 0, 1, 1, IMAGE)),
    "erasing p": (ValueError, "probability", lambda: T.RandomErasing(p=2)),
    "erasing value": (ValueError, "random", lambda: T.RandomErasing(value="noise")),
    "erasing values": (ValueError, "3 \\(number", lambda: T.RandomErasing(1, value=(1, 2))(IMAGE)),
    "lambda": (TypeError, "callable", lambda: T.Lambda(3)),
    "order": (TypeError, "sequence", lambda: T.RandomOrder(3)),
    "square": (ValueError, "square", lambda: T.LinearTransformation(mg.ones(2, 3), mg.ones(2))),
}


@pytest.mark.parametrize("name", ERRORS)
def test_mistakes_raise_torchvisions_type(name: str) -> None:
    kind, text, call = ERRORS[name]
    with pytest.raises(kind, match=text):
        call()


def test_ranges_that_run_backwards_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="kind \\(min, max\\)"):
        T.RandomResizedCrop(3, scale=(1, 0.5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        T.RandomResizedCrop(3)


def test_without_pillow_one_sentence_says_what_to_install(monkeypatch) -> None:
    import sys

    for name in [m for m in sys.modules if m == "PIL" or m.startswith("PIL.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match="pip install Pillow"):
        T.ToPILImage()(IMAGE)
    assert T.Compose([T.CenterCrop(2), T.Normalize(0.5, 0.5)])(IMAGE).shape == (3, 2, 2)


def test_the_second_set_of_names() -> None:
    from minigrad.vision.transforms import v2

    chain = v2.Compose([v2.ToImage(), v2.Resize((4, 5)), v2.ToDtype(mg.float32, scale=True)])
    image = picture()
    other = T.Compose([T.PILToTensor(), T.Resize((4, 5)), T.ConvertImageDtype(mg.float32)])
    assert (chain(image) == other(image)).all()
    assert (v2.ToImage()(np.asarray(image)) == F.pil_to_tensor(image)).all()
    assert v2.ToDtype(mg.float32)(mg.ones(1, dtype=mg.uint8)).item() == 1.0
    assert T.v2 is v2 and set(T.__all__) < set(v2.__all__)
    with pytest.raises(ValueError, match="dtype must be"):
        v2.ToDtype("float32")


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
def test_leading_axes_are_images_of_their_own(lead: tuple[int, ...]) -> None:
    """What is done to a stack is done to each of its images."""
    mine, _ = tensors(*lead, dtype="uint8")
    functions = [
        lambda x: F.resize(x, [5, 6]),
        lambda x: F.pad(x, 2, padding_mode="reflect"),
        lambda x: F.pad(x, 2, fill=3),
        lambda x: F.rotate(x, 20.0, fill=[1, 2, 3]),
        lambda x: F.affine(x, 5.0, [1, 2], 1.1, [3.0, 4.0]),
        lambda x: F.perspective(
            x, [[0, 0], [16, 0], [16, 12], [0, 12]], [[1, 2], [16, 0], [15, 11], [0, 12]]
        ),
        lambda x: F.gaussian_blur(x, 3),
        lambda x: F.adjust_sharpness(x, 2.0),
        lambda x: F.adjust_hue(x, 0.2),
        lambda x: F.adjust_contrast(x, 0.5),
        lambda x: F.adjust_saturation(x, 0.5),
        lambda x: F.rgb_to_grayscale(x, 3),
        lambda x: F.center_crop(x, 20),
        F.equalize,
        F.autocontrast,
    ]
    for function in functions:
        whole = function(mine).numpy()
        flat = mine.reshape(-1, *mine.shape[-3:])
        each = np.stack([function(image).numpy() for image in flat])
        np.testing.assert_array_equal(whole.reshape(each.shape), each)
