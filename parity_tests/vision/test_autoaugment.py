"""AutoAugment and its relatives: the draws of torchvision, the strengths of the papers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import minigrad as mg
from minigrad.vision import transforms as T
from minigrad.vision.transforms import functional as F
from minigrad.vision.transforms.autoaugment import AutoAugmentPolicy, _paper_space

NAMES = [
    *("Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness"),
    *("Color", "Contrast", "Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize"),
]
WITHOUT_STRENGTH = {"Identity", "AutoContrast", "Equalize", "Invert"}
SIGNED = set(NAMES[1:10])
SEEDS = st.integers(0, 2**31)


def image() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    return Image.fromarray(pixels)


def strengths(name: str, bins: int, wide: bool) -> torch.Tensor:
    """In a 20 x 30 image."""
    if name == "Posterize":
        return 8 - (torch.arange(bins) / ((bins - 1) / (6 if wide else 4))).round().int()
    if name == "Solarize":
        return torch.linspace(255.0, 0.0, bins)
    paper = {"TranslateX": 150 / 331 * 30, "TranslateY": 150 / 331 * 20, "Rotate": 30.0}
    paper |= {"ShearX": 0.3, "ShearY": 0.3}
    broad = {"TranslateX": 32.0, "TranslateY": 32.0, "Rotate": 135.0}
    most = broad.get(name, 0.99) if wide else paper.get(name, 0.9)
    return torch.linspace(0.0, most, bins)


def both_seeded(seed: int) -> list[tuple[str, float]]:
    mg.manual_seed(seed)
    torch.manual_seed(seed)
    return []


def noted(transform: object, seen: list[tuple[str, float]]) -> object:
    """The transform, which notes what it does instead of doing it."""
    transform.change = lambda img, name, strength: seen.append((name, strength)) or img
    return transform


@given(SEEDS)
def test_rand_augment(seed: int) -> None:
    seen = both_seeded(seed)
    noted(T.RandAugment(3, magnitude=7, num_magnitude_bins=11), seen)(image())
    expected = []
    for _ in range(3):
        name = NAMES[torch.randint(14, (1,)).item()]
        value = 0.0 if name in WITHOUT_STRENGTH else strengths(name, 11, False)[7].item()
        negative = name in SIGNED and torch.randint(2, (1,)).item()
        expected.append((name, pytest.approx(-value if negative else value, rel=1e-6)))
    assert seen == expected


@given(SEEDS)
def test_trivial_augment_wide(seed: int) -> None:
    seen = both_seeded(seed)
    noted(T.TrivialAugmentWide(), seen)(image())
    name = NAMES[torch.randint(14, (1,)).item()]
    value = 0.0
    if name not in WITHOUT_STRENGTH:
        value = strengths(name, 31, True)[torch.randint(31, (1,)).item()].item()
    negative = name in SIGNED and torch.randint(2, (1,)).item()
    assert seen == [(name, pytest.approx(-value if negative else value, rel=1e-6))]


@given(SEEDS, st.sampled_from(AutoAugmentPolicy))
def test_auto_augment(seed: int, policy: AutoAugmentPolicy) -> None:
    seen = both_seeded(seed)
    transform = noted(T.AutoAugment(policy), seen)
    assert len(transform.policies) == 25
    transform(image())
    pair = transform.policies[torch.randint(25, (1,)).item()]
    drawn, signs = torch.rand((2,)), torch.randint(2, (2,))
    expected = []
    for i, (name, p, number) in enumerate(pair):
        assert (number is None) == (name in WITHOUT_STRENGTH)
        if drawn[i] <= p:
            value = 0.0 if number is None else strengths(name, 10, False)[number].item()
            value = -value if name in SIGNED and signs[i] == 0 else value
            expected.append((name, pytest.approx(value, rel=1e-6)))
    assert seen == expected


@pytest.mark.parametrize("kind", [T.AutoAugment, T.RandAugment, T.TrivialAugmentWide])
def test_images_and_tensors_are_changed_alike(kind: type) -> None:
    """Where nothing is turned or moved, tensors are as images, up to the rounding."""
    smooth = image().resize((60, 40), Image.Resampling.BICUBIC)
    for name in (n for n in NAMES if not n.startswith(("Shear", "Translate", "Rotate"))):
        values = _paper_space(10, smooth)[name][0]
        value = 0.0 if values is None else float(values[4].item())
        mine = kind().change(F.pil_to_tensor(smooth), name, value).float()
        theirs = F.pil_to_tensor(kind().change(smooth, name, value)).float()
        assert (mine - theirs).abs().max() <= 3, name


@given(SEEDS)
def test_batches_and_fills(seed: int) -> None:
    mg.manual_seed(seed)
    batch = mg.zeros(2, 3, 8, 9, dtype=mg.uint8)
    for kind in (T.AutoAugment, T.RandAugment, T.TrivialAugmentWide):
        for fill in (None, 3, [1, 2, 3]):
            found = kind(fill=fill)(batch)
            assert found.shape == batch.shape and found.dtype == mg.uint8
            assert kind(fill=fill)(image()).size == (30, 20)


def test_known_pairs_and_printed_forms() -> None:
    pairs = T.AutoAugment().policies
    assert pairs[0] == (("Posterize", 0.4, 8), ("Rotate", 0.6, 9))
    assert pairs[-1] == (("Equalize", 0.8, None), ("Equalize", 0.6, None))
    with pytest.raises(ValueError, match="is not recognized"):
        T.AutoAugment("imagenet")
    assert repr(T.AutoAugment()) == "AutoAugment(policy=AutoAugmentPolicy.IMAGENET, fill=None)"
    nearest = "interpolation=InterpolationMode.NEAREST, fill=None"
    assert repr(T.RandAugment()) == (
        f"RandAugment(num_ops=2, magnitude=9, num_magnitude_bins=31, {nearest})"
    )
    assert repr(T.TrivialAugmentWide()) == f"TrivialAugmentWide(num_magnitude_bins=31, {nearest})"
