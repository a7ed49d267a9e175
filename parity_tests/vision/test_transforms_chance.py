"""Random transforms draw from torch's generator in torchvision's order."""

from __future__ import annotations

import math
import random

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.vision import transforms as T
from minigrad.vision.transforms import functional as F
from parity_tests.vision.pictures import photo, pixels, same


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
