"""Turned and tilted images, beside Pillow and torch's own sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import minigrad as mg
from minigrad.vision.transforms import InterpolationMode
from minigrad.vision.transforms import functional as F
from parity_tests.vision.pictures import MODES, photo, picture, same, tensors


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
