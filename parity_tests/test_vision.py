"""The digits and the models of ``minigrad.vision``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import minigrad as mg
from minigrad.vision import datasets, models


def test_the_parts_are_disjoint_and_hold_all_1797_images() -> None:
    train, test = datasets.Digits(), datasets.Digits(train=False)
    assert (len(train), len(test)) == (1442, 355)
    with np.load(Path(datasets.__file__).parent.parent / "data" / "digits.npz") as file:
        images, labels = file["images"], file["labels"]
    assert images.dtype == labels.dtype == np.uint8 and images.max() == 16
    both = np.concatenate([train.data.numpy(), test.data.numpy()])[:, 0] * 16
    assert sorted(map(bytes, both.astype(np.uint8))) == sorted(map(bytes, images))
    assert np.bincount(labels[:20]).tolist() == [2] * 10, "the order of scikit-learn's copy"


def test_every_digit_has_its_share_of_the_test_part() -> None:
    counts = np.bincount(datasets.Digits(train=False).targets.numpy())
    assert counts.min() >= 34 and counts.max() <= 36


def test_items_are_a_float_image_and_an_int() -> None:
    image, label = datasets.Digits()[0]
    assert image.dtype == mg.float32 and image.shape == (1, 8, 8) and type(label) is int
    assert image.min().item() >= 0 and image.max().item() <= 1


@pytest.mark.parametrize("size", [8, 9, 16, 28, 32])
def test_enlarging_is_torchs_bilinear_interpolation(size: int) -> None:
    small = torch.from_numpy(datasets.Digits(train=False).data.numpy())
    expected = torch.nn.functional.interpolate(small, size=size, mode="bilinear")
    ours = datasets.Digits(train=False, size=size).data.numpy()
    np.testing.assert_allclose(ours, expected.numpy(), atol=1e-6)


def test_transforms_are_applied() -> None:
    digits = datasets.Digits(transform=lambda x: x.flatten(), target_transform=str)
    assert digits[1][0].shape == (64,) and digits[1][1] == "1"


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="size of at least 8, got 4"):
        datasets.Digits(size=4)
    with pytest.raises(FileNotFoundError, match=r"digits\.npz"):
        datasets.Digits(root=tmp_path)


def test_lenet_has_the_names_and_shapes_of_torch() -> None:
    shapes = {name: tuple(p.shape) for name, p in models.LeNet().state_dict().items()}
    assert shapes["conv1.weight"] == (6, 1, 5, 5) and shapes["conv2.weight"] == (16, 6, 5, 5)
    assert shapes["fc1.weight"] == (120, 400) and shapes["fc3.bias"] == (10,)


@pytest.mark.parametrize("model", [models.LeNet, models.MLP])
def test_models_give_scores_and_gradients(model: type[mg.nn.Module]) -> None:
    net = model()
    scores = net(datasets.Digits(train=False, size=28).data[:4])
    assert scores.shape == (4, 10)
    scores.sum().backward()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in net.parameters())
