"""The zoo: every model is its torch twin, and loads the checkpoints that torchvision's would."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import minigrad
from minigrad.vision import models
from minigrad.vision.models.zoo import ZOO
from parity_tests.models.twins import narrow, recorded_init, torch_models
from parity_tests.sidebyside import array, copy_state, text
from parity_tests.streams import scalar_bernoulli

twins = torch_models()
NAMES = models.list_models()

# Entries of torchvision's checkpoints, with their shapes and how many there are.
CHECKPOINTS: dict[str, tuple[int, dict[str, tuple[int, ...]]]] = {
    "alexnet": (
        16,
        {"features.0.weight": (64, 3, 11, 11), "features.10.bias": (256,)}
        | {"classifier.1.weight": (4096, 9216), "classifier.6.bias": (1000,)},
    ),
    "densenet121": (
        727,
        {"features.conv0.weight": (64, 3, 7, 7), "features.norm5.running_var": (1024,)}
        | {"features.denseblock1.denselayer1.norm1.weight": (64,)}
        | {"features.denseblock4.denselayer16.conv2.weight": (32, 128, 3, 3)}
        | {"features.transition1.conv.weight": (128, 256, 1, 1), "classifier.bias": (1000,)},
    ),
    "googlenet": (
        364,
        {"conv1.conv.weight": (64, 3, 7, 7), "inception3a.branch2.1.bn.num_batches_tracked": ()}
        | {"inception5b.branch3.1.conv.weight": (128, 48, 3, 3), "fc.weight": (1000, 1024)}
        | {"aux1.conv.conv.weight": (128, 512, 1, 1), "aux2.fc1.weight": (1024, 2048)},
    ),
    "inception_v3": (
        580,
        {"Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3), "AuxLogits.conv1.bn.weight": (768,)}
        | {"Mixed_5b.branch_pool.conv.weight": (32, 192, 1, 1)}
        | {"Mixed_6c.branch7x7dbl_5.conv.weight": (192, 160, 1, 7)}
        | {"Mixed_7c.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1), "fc.bias": (1000,)},
    ),
    "mobilenet_v2": (
        314,
        {"features.0.0.weight": (32, 3, 3, 3), "features.1.conv.0.0.weight": (32, 1, 3, 3)}
        | {"features.1.conv.1.weight": (16, 32, 1, 1), "features.1.conv.2.bias": (16,)}
        | {"features.2.conv.1.0.weight": (96, 1, 3, 3), "features.18.1.running_mean": (1280,)}
        | {"classifier.1.weight": (1000, 1280)},
    ),
    "resnet18": (
        122,
        {"conv1.weight": (64, 3, 7, 7), "layer1.0.conv1.weight": (64, 64, 3, 3)}
        | {"layer2.0.downsample.0.weight": (128, 64, 1, 1), "fc.weight": (1000, 512)}
        | {"layer4.1.bn2.num_batches_tracked": ()},
    ),
    "resnet50": (
        320,
        {"layer1.0.downsample.0.weight": (256, 64, 1, 1), "layer1.0.conv3.weight": (256, 64, 1, 1)}
        | {"layer4.2.bn3.running_mean": (2048,), "fc.bias": (1000,)},
    ),
    "squeezenet1_1": (
        52,
        {"features.0.weight": (64, 3, 3, 3), "features.3.squeeze.weight": (16, 64, 1, 1)}
        | {"features.12.expand3x3.bias": (256,), "classifier.1.weight": (1000, 512, 1, 1)},
    ),
    "vgg16_bn": (
        97,
        {"features.0.weight": (64, 3, 3, 3), "features.1.running_mean": (64,)}
        | {"features.41.weight": (512,), "classifier.0.weight": (4096, 25088)}
        | {"classifier.6.bias": (1000,)},
    ),
}


def shapes(net: Any) -> list[tuple[str, tuple[int, ...]]]:
    return [(key, tuple(value.shape)) for key, value in net.state_dict().items()]


@pytest.mark.parametrize("name", NAMES)
def test_same_modules_entries_and_draws_as_under_torch(name: str) -> None:
    """The same calls of the same initialisers give the same weights, as ``test_init.py`` shows."""
    with recorded_init(minigrad) as mine:
        net = models.get_model(name)
    with recorded_init(torch) as theirs:
        twin = twins.get_model(name)
    assert text(net) == repr(twin)
    assert shapes(net) == shapes(twin)
    assert [n for n, _ in net.named_modules()] == [n for n, _ in twin.named_modules()]
    assert mine == theirs
    assert sum(p.numel() for p in net.parameters()) == ZOO[name].parameters


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_entries_of_published_checkpoints(name: str) -> None:
    count, entries = CHECKPOINTS[name]
    with recorded_init(minigrad):
        found = dict(shapes(models.get_model(name)))
    assert len(found) == count
    assert {key: found.get(key) for key in entries} == entries


QUICK = ["lenet", "mlp", "nin", "squeezenet1_0", "mobilenet_v2", "densenet121", "resnet18"]


@pytest.mark.parametrize("name", [*QUICK, "googlenet"])
def test_same_seed_gives_the_same_weights(name: str) -> None:
    weights = []
    for package, zoo in ((minigrad, models), (torch, twins)):
        package.manual_seed(2023)
        weights.append({k: array(v) for k, v in zoo.get_model(name).state_dict().items()})
    for key, theirs in weights[1].items():
        np.testing.assert_array_equal(weights[0][key], theirs, err_msg=key)


def pair(name: str, **options: Any) -> tuple[Any, Any]:
    """A model and its twin with the same weights, in float64, without dropout."""
    torch.manual_seed(0)
    if name.startswith(("alexnet", "vgg")):
        net, twin = narrow(minigrad, name, **options), narrow(torch, name, **options)
    else:
        twin = twins.get_model(name, **options)
        with recorded_init(minigrad):
            net = models.get_model(name, **options)
    copy_state(net, twin)
    for one in (net, twin):
        one.double()
        for module in one.modules():
            if type(module).__name__ == "Dropout":
                module.p = 0.0
    return net, twin


def close(mine: Any, theirs: Any, where: str, least: float = 0.0) -> None:
    """Equal but for the rounding of float64, relative to the largest element of the tensor.

    Measured: 5e-13 in a network of fifty layers, 2e-15 without batch normalisation. What is zero
    in exact arithmetic (the gradient of a bias before batch normalisation) has no right digits:
    ``least`` is the size below which an element is noise.
    """
    scale = max(float(np.abs(theirs).max(initial=0.0)), least)
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-11 * scale, err_msg=where)


SMALL = {
    "alexnet": (3, 63, 63),
    "vgg11_bn": (3, 32, 32),
    "inception_v3": (3, 139, 139),
    "nin": (1, 67, 67),
    "lenet": (1, 28, 28),
    "mlp": (1, 28, 28),
    "googlenet": (3, 48, 48),
}
ONE_OF_EACH = [
    *("alexnet", "densenet121", "googlenet", "inception_v3", "lenet", "mlp", "mobilenet_v2"),
    *("nin", "resnet18", "resnet50", "resnext50_32x4d", "squeezenet1_0", "squeezenet1_1"),
    "vgg11_bn",
]


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_scores_gradients_and_buffers(name: str) -> None:
    options: dict[str, Any] = {} if name in ("mlp", "lenet", "nin") else {"num_classes": 7}
    if name in ("googlenet", "inception_v3"):
        options["transform_input"] = True
    if name == "inception_v3":  # whose second head needs images of 299
        options["aux_logits"] = False
    net, twin = pair(name, **options)
    images = np.random.default_rng(0).normal(size=(2, *SMALL.get(name, (3, 64, 64))))
    results = []
    for package, one in ((minigrad, net), (torch, twin)):
        x = package.tensor(images, requires_grad=True)
        scores = one(x)
        heads = scores if isinstance(scores, tuple) else (scores,)
        sum((i + 1) * (head * head).mean() for i, head in enumerate(heads)).backward()
        one.eval()
        with package.no_grad():
            after = one(package.tensor(images))
        found = {f"gradient of {n}": p.grad for n, p in one.named_parameters()}
        found |= {f"score {i}": head for i, head in enumerate(heads)}
        found |= {n: b for n, b in one.named_buffers() if b.is_floating_point()}
        found |= {"gradient of the images": x.grad, "in eval": after}
        results.append((type(scores).__name__, {k: array(v) for k, v in found.items()}))
    (kind, mine), (wanted, theirs) = results
    assert kind == wanted and list(mine) == list(theirs)
    largest = max(np.abs(theirs[key]).max() for key in theirs if "gradient" in key)
    for key, value in theirs.items():
        close(mine[key], value, key, 1e-3 * largest)


def test_second_head_of_inception() -> None:
    results = []
    for package, modules in ((minigrad, models.inception), (torch, twins.inception)):
        package.manual_seed(0)
        head = modules.InceptionAux(16, 5).double()
        x = package.linspace(-1, 1, 2 * 16 * 17 * 17, dtype=package.float64)
        (head(x.reshape(2, 16, 17, 17)) ** 2).sum().backward()
        results.append({n: array(p.grad) for n, p in head.named_parameters()})
    for key, value in results[1].items():
        close(results[0][key], value, key)


def test_memory_efficient_densenet_gives_the_same_gradients() -> None:
    found = []
    for efficient in (False, True):
        minigrad.manual_seed(0)
        net = models.DenseNet(
            8, (2, 3), 16, num_classes=5, drop_rate=0.1, memory_efficient=efficient
        ).double()
        x = minigrad.linspace(-1, 1, 2 * 3 * 32 * 32, dtype=minigrad.float64)
        net(x.reshape(2, 3, 32, 32).requires_grad_()).square().sum().backward()
        found.append({n: array(p.grad) for n, p in net.named_parameters()})
    for key, value in found[0].items():
        close(found[1][key], value, key)


def test_old_names_of_densenet_are_understood() -> None:
    minigrad.manual_seed(1)
    net = models.DenseNet(8, (2, 3), 16, num_classes=5)
    state = net.state_dict()
    old = {re.sub(r"(denselayer\d+\.(norm|conv))(\d)", r"\1.\3", k): v for k, v in state.items()}
    assert set(old) != set(state)
    other = models.DenseNet(8, (2, 3), 16, num_classes=5)
    kept = dict(old)
    other.load_state_dict(old)
    assert old.keys() == kept.keys(), "the caller's dictionary is left alone"
    for key, value in other.state_dict().items():
        np.testing.assert_array_equal(array(value), array(state[key]))


@pytest.mark.parametrize("package", [minigrad, torch])
@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda m: m.get_model("resnet17"), ValueError, "Unknown model resnet17"),
        (
            lambda m: m.ResNet(m.resnet.BasicBlock, [1] * 4, groups=2),
            ValueError,
            "BasicBlock only supports groups=1 and base_width=64",
        ),
        (
            lambda m: m.resnet18(replace_stride_with_dilation=[False, False, True]),
            NotImplementedError,
            "Dilation > 1 not supported in BasicBlock",
        ),
        (
            lambda m: m.resnet50(replace_stride_with_dilation=[True]),
            ValueError,
            "replace_stride_with_dilation should be None or a 3-element tuple",
        ),
        (lambda m: m.SqueezeNet("2_0"), ValueError, "Unsupported SqueezeNet version 2_0"),
        (
            lambda m: m.MobileNetV2(inverted_residual_setting=[]),
            ValueError,
            "inverted_residual_setting should be non-empty",
        ),
        (lambda m: m.resnext50_32x4d(groups=2), TypeError, "groups"),
        (lambda m: m.nin(weights="DEFAULT"), ValueError, "pass a file"),
        (lambda m: m.resnet18(weights="IMAGENET1K_V9"), KeyError, "IMAGENET1K_V9"),
        (
            lambda m: m.resnet18(weights=m.ResNet50_Weights.DEFAULT),
            TypeError,
            "Invalid Weight class provided; expected ResNet18_Weights but received "
            "ResNet50_Weights.",
        ),
        (
            lambda m: m.resnet18(weights="DEFAULT", num_classes=10),
            ValueError,
            "The parameter 'num_classes' expected value 1000 but got 10 instead.",
        ),
        (lambda m: m.lenet(weights="nowhere.pth"), FileNotFoundError, "nowhere.pth"),
        (lambda m: m.lenet(weights="http://a.org/b.pth"), ValueError, "https://"),
        (lambda m: m.lenet(weights="a", pretrained=False), ValueError, "only one"),
    ],
)
def test_what_is_refused(package: Any, call: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=re.escape(message)):
        call(models if package is minigrad else twins)


@pytest.mark.parametrize(
    "make",
    [
        lambda m: m.resnet50(zero_init_residual=True, num_classes=3),
        lambda m: m.resnet50(replace_stride_with_dilation=[False, True, True], num_classes=3),
        lambda m: m.mobilenet_v2(width_mult=0.35, num_classes=3),
        lambda m: m.googlenet(aux_logits=False, num_classes=3, dropout=0.1),
        lambda m: m.inception_v3(aux_logits=False, init_weights=False),
        lambda m: m.densenet121(drop_rate=0.2, memory_efficient=True),
    ],
)
def test_options(make: Any) -> None:
    with recorded_init(minigrad) as mine:
        net = make(models)
    with recorded_init(torch) as theirs:
        twin = make(twins)
    assert (text(net), shapes(net), mine) == (repr(twin), shapes(twin), theirs)


def test_dilated_stages_keep_their_size() -> None:
    net = models.resnet50(replace_stride_with_dilation=[False, True, True], num_classes=3)
    x = minigrad.zeros(1, 64, 16, 16)
    with minigrad.no_grad():
        assert net.layer4(net.layer3(net.layer2(net.layer1(x)))).shape == (1, 2048, 8, 8)
    assert net.layer4[1].conv2.dilation == (4, 4) and net.layer4[0].conv2.dilation == (2, 2)


def test_list_models() -> None:
    assert sorted(ZOO) == NAMES and len(NAMES) == 31
    assert models.list_models(include="*_bn", exclude=["vgg1[16]*"]) == ["vgg13_bn", "vgg19_bn"]
    assert models.list_models(models) == NAMES and models.list_models(minigrad) == []
    assert models.get_model_builder("ResNet18") is models.resnet18


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Any, str]:
    minigrad.manual_seed(5)
    net = models.lenet()
    path = str(tmp_path / "lenet.pth")
    minigrad.save(net.state_dict(), path)
    return net, path


@pytest.mark.parametrize("argument", ["weights", "pretrained"])
@pytest.mark.parametrize("kind", [str, Path])
def test_weights_from_a_file(saved: tuple[Any, str], argument: str, kind: Any) -> None:
    net, path = saved
    other = models.lenet(**{argument: kind(path)})
    for key, value in net.state_dict().items():
        np.testing.assert_array_equal(array(other.state_dict()[key]), array(value))
    with pytest.raises(RuntimeError, match="size mismatch for fc3"):
        models.lenet(weights=path, num_classes=3)


def test_no_weights() -> None:
    assert not models.lenet(weights=None, progress=False).fc1.weight.isnan().any()
    assert models.lenet(pretrained=False).fc1.out_features == 120


def test_weights_with_heads_for_a_model_without(tmp_path: Path) -> None:
    """As torchvision: a file of all heads serves the model without the auxiliary ones."""
    with recorded_init(minigrad):
        net = models.googlenet(num_classes=2)
    for parameter in net.parameters():
        parameter.data.zero_()
    minigrad.save(net.state_dict(), str(tmp_path / "g.pth"))
    other = models.googlenet(weights=tmp_path / "g.pth", aux_logits=False, num_classes=2)
    assert other.aux1 is None and other.transform_input and not other.fc.weight.any()
    with pytest.raises(RuntimeError, match="Unexpected key"):
        models.googlenet(aux_logits=False, num_classes=2).load_state_dict(net.state_dict())


class Server:
    """Stands for the network: hands out one file and counts."""

    def __init__(self, path: str) -> None:
        self.content = Path(path).read_bytes()
        self.calls: list[str] = []

    def fetch(self, url: str, path: str, progress: bool) -> Path:
        self.calls.append(url)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).write_bytes(self.content)
        return Path(path)


def test_weights_from_an_address(
    saved: tuple[Any, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, path = saved
    server = Server(path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("minigrad.hub._dir", None)  # which comes first, if it is set
    monkeypatch.setattr("minigrad.utils.download.fetch", server.fetch)
    digest = hashlib.sha256(server.content).hexdigest()[:8]
    good = f"https://example.org/models/lenet-{digest}.pth"
    for _ in range(2):
        other = models.lenet(weights=good)
        np.testing.assert_array_equal(array(other.fc1.weight), array(net.fc1.weight))
    assert server.calls == [good], "the second time the file is there"
    kept = tmp_path / "cache" / "hub" / "checkpoints"
    assert [p.name for p in kept.iterdir()] == [f"lenet-{digest}.pth"]
    with pytest.raises(RuntimeError, match="invalid hash value"):
        models.lenet(weights="https://example.org/models/lenet-00000000.pth")
    assert len(list(kept.iterdir())) == 1, "what is wrong is not kept"


@scalar_bernoulli
def test_same_seed_same_dropout_in_a_dense_net() -> None:
    """Dropout after each layer: masks follow torch's stream through the whole network."""
    scores = []
    for package, zoo in ((minigrad, models), (torch, twins)):
        package.manual_seed(3)
        net = zoo.DenseNet(8, (2, 3), 16, num_classes=5, drop_rate=0.3)
        scores.append(array(net(package.ones(2, 3, 32, 32))))
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-4, atol=1e-5)
