"""Weights with torchvision's names: what there is, and how they reach a model without a network."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as torch
from minigrad.vision import models
from minigrad.vision.models.zoo import ZOO
from minigrad.vision.transforms import functional as F

NAMED = [name for name, entry in ZOO.items() if entry.weights is not None]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Path]:
    """The folder where downloads are kept."""
    before = torch.hub.get_dir()
    torch.hub.set_dir(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    yield tmp_path / "checkpoints"
    torch.hub.set_dir(before)


@pytest.mark.parametrize("name", NAMED)
def test_what_is_known_of_weights(name: str) -> None:
    enum = models.get_model_weights(name)
    assert enum is getattr(models, enum.__name__)
    assert enum.__name__.removesuffix("_Weights").lower().replace("_", "") == name.replace("_", "")
    assert list(enum)[-1] is enum["DEFAULT"]
    for number, member in enumerate(enum, 1):
        assert repr(member) == f"{enum.__name__}.IMAGENET1K_V{number}"
        file = re.fullmatch(
            r"https://download\.pytorch\.org/models/[\w-]+-[0-9a-f]{8}\.pth", member.url
        )
        assert file, member.url
        assert models.get_weight(repr(member)) is member
        assert pickle.loads(pickle.dumps(member)) is member is copy.deepcopy(member)
        if name != "googlenet":  # whose heads for training are no part of what is used
            assert member.meta["num_params"] == ZOO[name].parameters
        scores = member.meta["_metrics"]["ImageNet-1K"]
        assert 50 < scores["acc@1"] < scores["acc@5"] < 97
        side = member.transforms().crop_size[0]
        assert side == ZOO[name].input_size[1] < member.transforms().resize_size[0]
        assert min(member.meta["min_size"]) <= side


def test_no_two_weights_have_one_file() -> None:
    urls = [member.url for name in NAMED for member in models.get_model_weights(name)]
    assert len(urls) == len(set(urls)) == 36


WAYS: list[Any] = [
    {"weights": "DEFAULT"},
    {"weights": "IMAGENET1K_V1"},
    {"weights": "SqueezeNet1_1_Weights.DEFAULT"},
    {"weights": models.SqueezeNet1_1_Weights.DEFAULT},
    {"weights": models.SqueezeNet1_1_Weights.IMAGENET1K_V1, "num_classes": 1000},
    {"weights": "DEFAULT", "progress": False},
]


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("options", WAYS, ids=str)
def test_weights_come_from_the_file_of_their_name(
    hub: Path, options: dict[str, Any], by_name: bool
) -> None:
    net = models.squeezenet1_1()
    torch.save(net.state_dict(), hub / "squeezenet1_1-b8a52dc0.pth")
    if by_name:
        other = models.get_model("squeezenet1_1", **options)
    else:
        other = models.squeezenet1_1(**options)
    for key, value in net.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)
    state = models.SqueezeNet1_1_Weights.DEFAULT.get_state_dict(progress=False, check_hash=True)
    assert state.keys() == net.state_dict().keys()


def test_weights_of_googlenet_bring_their_options(hub: Path) -> None:
    net = models.googlenet(init_weights=False)
    torch.save(net.state_dict(), hub / "googlenet-1378be20.pth")
    other = models.googlenet(weights=models.GoogLeNet_Weights.DEFAULT, aux_logits=False)
    assert other.transform_input and other.aux1 is None
    assert torch.equal(other.fc.weight, net.fc.weight)


def test_the_old_argument_warns_and_takes_the_first_weights(hub: Path) -> None:
    net = models.squeezenet1_1()
    torch.save(net.state_dict(), hub / "squeezenet1_1-b8a52dc0.pth")
    with pytest.warns(UserWarning) as said:
        other = models.squeezenet1_1(pretrained=True)
    assert "The parameter 'pretrained' is deprecated since 0.13" in str(said[0].message)
    assert "`weights=SqueezeNet1_1_Weights.IMAGENET1K_V1`" in str(said[1].message)
    assert {Path(warning.filename).name for warning in said} == {Path(__file__).name}
    assert torch.equal(other.classifier[1].weight, net.classifier[1].weight)


def test_a_download_that_fails_says_so_in_one_line(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setattr("minigrad.utils.download.fetching.PAUSE", 0.0)
    with pytest.raises(RuntimeError) as raised:
        models.squeezenet1_0(weights="DEFAULT")
    text = str(raised.value)
    assert text.startswith("cannot download squeezenet1_0-b66bff10.pth: ")
    assert text.endswith(f"you can put it at {hub / 'squeezenet1_0-b66bff10.pth'} by hand")
    assert "\n" not in text and "https://download.pytorch.org/models/" in text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ResNet18_Weights", "Invalid weight name provided: 'ResNet18_Weights'."),
        ("ResNet17_Weights.DEFAULT", "'ResNet17_Weights'"),
        ("ResNet18_Weights.V2", "ResNet18_Weights has no 'V2'; it has IMAGENET1K_V1, DEFAULT"),
    ],
)
def test_names_that_there_are_not(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        models.get_weight(name)
    with pytest.raises(ValueError, match="no weights of lenet"):
        models.get_model_weights("lenet")


def test_the_transform_is_the_one_that_its_numbers_say() -> None:
    from PIL import Image

    preset = models.ResNet50_Weights.DEFAULT.transforms()
    pixels = np.random.default_rng(0).integers(0, 256, (260, 300, 3), np.uint8)
    image = Image.fromarray(pixels)
    resized = F.center_crop(F.resize(image, [232]), [224])
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    assert torch.equal(preset(image), F.normalize(F.to_tensor(resized), mean, std))
    batch = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    assert preset(batch).shape == (1, 3, 224, 224) and preset(batch).dtype == torch.float32
    assert "resize_size=[232]" in repr(preset) and "crop_size=[224]" in preset.describe()
