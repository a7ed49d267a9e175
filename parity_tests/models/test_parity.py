"""Classic networks train as torch trains them: values, gradients, ten steps, buffers, eval mode.

Each network is run with both packages, from weights that travel in a file, and again from the same
seed with nothing copied. Comparisons are relative to the largest element of a tensor.

How tight a comparison can be was measured. In float64 ten steps agree to 1e-11 and better, which is
the proof that both packages compute the same. In float32 the networks without batch normalisation
still agree to 1e-6. Those with it, at the few small images of a quick test, multiply the rounding
of each step by about ten in the next: torch's own float32 losses are then off from its float64 ones
by a hundredth to a tenth after ten steps, minigrad's by as much. There float32 is compared with
torch's float32 up to the first step.

Two float32 runs may differ and both be right: each is one way of rounding the same computation.
What can be asked of the whole ten steps, of every network and optimiser, is that minigrad's float32
run is as near to the truth as torch's float32 run is, the truth being torch's float64 run from the
same weights and images. So the distance of each parameter and buffer from its true value is
measured for both. No tolerance says how large it may be; torch's own does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch as oracle

import minigrad
from parity_tests.models import study_notes as notes
from parity_tests.models.twins import narrow, recorded_init, zoo
from parity_tests.sidebyside import array
from parity_tests.streams import scalar_bernoulli

SEED, STEPS = 2023, 10
Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Case:
    build: Callable[[Any], Any]
    images: tuple[int, ...]  # a batch
    normalised: bool = False  # by batches
    amplifies: float = 1.0  # how much more than others it multiplies rounding, measured


def of_zoo(name: str, **options: Any) -> Callable[[Any], Any]:
    return lambda torch: zoo(torch).get_model(name, num_classes=10, **options)


# The linear layers of AlexNet and VGG are 64 wide: 4096 takes a minute and shows nothing more.
CASES = {
    "mlp of the notes": Case(notes.mlp, (16, 1, 28, 28)),
    "mlp": Case(of_zoo("mlp"), (16, 1, 28, 28)),
    "lenet of the notes": Case(notes.lenet, (8, 1, 28, 28)),
    "lenet": Case(of_zoo("lenet"), (8, 1, 28, 28)),
    "scratch batch norm": Case(notes.scratch_batch_norm, (8, 1, 28, 28), True),
    "alexnet of the notes": Case(lambda torch: notes.alexnet(torch, 256, 64), (2, 1, 96, 96)),
    "alexnet": Case(lambda torch: narrow(torch, "alexnet", num_classes=10), (2, 3, 63, 63)),
    "vgg of the notes": Case(lambda torch: notes.vgg(torch, 4, 64), (2, 1, 32, 32)),
    "vgg11": Case(lambda torch: narrow(torch, "vgg11", num_classes=10), (2, 3, 32, 32)),
    "nin of the notes": Case(notes.nin, (2, 1, 67, 67)),
    "googlenet of the notes": Case(notes.googlenet, (2, 1, 32, 32)),
    "googlenet": Case(of_zoo("googlenet"), (4, 3, 48, 48), True, 1e4),
    "resnet of the notes": Case(notes.resnet, (4, 1, 48, 48), True),
    "resnet18": Case(of_zoo("resnet18"), (4, 3, 48, 48), True),
}
OPTIMIZERS: dict[str, Callable[[Any, Any], Any]] = {
    "sgd": lambda torch, params: torch.optim.SGD(params, lr=0.01, momentum=0.9, weight_decay=5e-4),
    "adam": lambda torch, params: torch.optim.Adam(params, lr=1e-3),
}


def batches(case: Case, torch: Any, dtype: Any) -> list[tuple[Any, Any]]:
    """Images whose brightness has to do with their class, a new batch for each step."""
    draw = np.random.default_rng(0)
    found = []
    for _ in range(STEPS):
        labels = draw.integers(0, 10, case.images[0])
        images = draw.normal(size=case.images) + 0.2 * labels[:, None, None, None]
        images = images.astype(np.float32)  # the same numbers for every dtype
        found.append((torch.tensor(images, dtype=dtype), torch.tensor(labels)))
    return found


def entries(net: Any) -> Arrays:
    return {name: array(value) for name, value in net.state_dict().items()}


def made(torch: Any, case: Case, dtype: Any) -> Any:
    """The network from the seed, its lazy layers filled."""
    torch.manual_seed(SEED)
    net = case.build(torch)
    with torch.no_grad():
        net.eval()(torch.zeros(case.images))
    return net.to(dtype)


def without_dropout(net: Any) -> Any:
    for module in net.modules():
        if type(module).__name__ == "Dropout":
            module.p = 0.0
    return net


def loss_of(torch: Any, scores: Any, labels: Any) -> Any:
    """Cross-entropy, to which GoogLeNet's second and third head add 0.3 of theirs."""
    heads = scores if isinstance(scores, tuple) else (scores,)
    weights = (1.0, 0.3, 0.3)
    parts = [w * torch.nn.functional.cross_entropy(h, labels) for w, h in zip(weights, heads)]  # noqa: B905
    return sum(parts)


def train(
    torch: Any, net: Any, case: Case, optimizer: str, dtype: Any, steps: int = STEPS
) -> dict[str, Arrays]:
    """The program: training steps, then eval. What it returns, by kind, is compared."""
    net.train()
    updater = OPTIMIZERS[optimizer](torch, net.parameters())
    data = batches(case, torch, dtype)[:steps]
    losses, gradients, first, buffers = [], {}, {}, {}
    for step, (images, labels) in enumerate(data):
        updater.zero_grad()
        loss = loss_of(torch, net(images), labels)
        loss.backward()
        if step == 0:
            gradients = {name: array(p.grad).copy() for name, p in net.named_parameters()}
        updater.step()
        losses.append(loss.item())
        if step == 0:
            first = {name: value.copy() for name, value in entries(net).items()}
            buffers = {name: first[name] for name, _ in net.named_buffers()}
    net.eval()
    with torch.no_grad():
        scores = array(net(data[0][0]))
    return {
        "first loss": {"": np.array(losses[0])},
        "gradients": gradients,
        "after one step": first,
        "buffers": buffers,
        "losses": {"": np.array(losses)},
        "in the end": entries(net),
        "scores in eval": {"": scores},
    }


def difference(mine: Arrays, theirs: Arrays) -> float:
    """The largest difference, relative to the largest element of its tensor.

    Gradients that are nothing but rounding are measured by a thousandth of the network's largest.
    """
    assert list(mine) == list(theirs)
    largest = [float(np.abs(value).max(initial=0.0)) for value in theirs.values()]
    least = 1e-3 * max(largest, default=0.0)
    worst = 0.0
    for name, value in theirs.items():
        assert mine[name].dtype == value.dtype and mine[name].shape == value.shape, name
        scale = max(float(np.abs(value).max(initial=0.0)), least)
        gap = float(np.abs(mine[name].astype(float) - value.astype(float)).max(initial=0.0))
        worst = max(worst, gap / scale)
    return worst


# How far from the truth a run may be, by how far torch is. The distance of one tensor is that of a
# particular run's roundings, and chance: two of torch's own runs whose batches are in another order
# differ in it by a factor of two and more. The median tensor shows no such chance.
EACH, TYPICAL = 4.0, 1.5
ROUNDING = float(np.finfo(np.float32).eps)


def distances(run: dict[str, Arrays], truth: dict[str, Arrays]) -> Arrays:
    """How far each tensor is from its true value, relative to that: means of sizes.

    Not of squares, in which a few elements count for all others: Adam divides a gradient by its
    size plus 1e-8, and of a gradient of that size most is the rounding of larger ones.
    """
    found = {}
    for kind in ("in the end", "losses"):
        for name, value in truth[kind].items():
            if value.dtype.kind == "f":
                gap = np.abs(run[kind][name].astype(float) - value)
                found[f"{kind} {name}"] = np.mean(gap) / (np.mean(np.abs(value)) or 1.0)
    return found


def assert_as_near(
    mine: dict[str, Arrays], theirs: dict[str, Arrays], truth: dict[str, Arrays]
) -> None:
    """That a float32 run is no further from the truth than torch's, but for chance."""
    one, other = distances(mine, truth), distances(theirs, truth)
    assert one.keys() == other.keys()
    times = {name: one[name] / (other[name] + ROUNDING) for name in one}
    worst = max(times, key=lambda name: times[name])
    said = f"{worst}: {one[worst]:.2e} from the truth, torch {other[worst]:.2e}"
    assert times[worst] <= EACH, said
    assert np.median(list(times.values())) <= TYPICAL, times


def assert_close(mine: Any, theirs: Any, tolerances: dict[str, float]) -> None:
    found = {kind: difference(mine[kind], theirs[kind]) for kind in tolerances}
    assert all(found[kind] <= limit for kind, limit in tolerances.items()), found


def through_file(net: Any, save: Any, load: Any, path: Path) -> Any:
    """A state dictionary, written by one package and read by the other."""
    save(net.state_dict(), str(path))
    return load(str(path))


# By optimiser, in float64; measured values are a tenth of these or less. Adam divides a gradient by
# its own size, so a bias whose gradient is mere rounding moves by rounding over epsilon.
FLOAT64 = {
    "sgd": {
        "first loss": 1e-14,
        "gradients": 1e-11,
        "after one step": 1e-12,
        "buffers": 1e-13,
        "losses": 1e-10,
        "in the end": 1e-9,
        "scores in eval": 1e-9,
    },
    "adam": {
        "first loss": 1e-14,
        "gradients": 1e-11,
        "after one step": 1e-8,
        "buffers": 1e-13,
        "losses": 1e-12,
        "in the end": 1e-7,
        "scores in eval": 1e-9,
    },
}
FLOAT32 = {"first loss": 1e-6, "gradients": 1e-5, "losses": 2e-6, "scores in eval": 1e-4}
FLOAT32_NORMALISED = {"first loss": 3e-6, "buffers": 5e-5}  # measured: 5e-7, and 1e-5 in GoogLeNet


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", CASES)
def test_training(name: str, optimizer: str, tmp_path: Path) -> None:
    case = CASES[name]
    net, twin = (made(torch, case, torch.float64) for torch in (minigrad, oracle))
    for parameter in net.parameters():
        parameter.data.zero_()  # so that only the file can bring the weights
    net.load_state_dict(through_file(twin, oracle.save, minigrad.load, tmp_path / "w.pth"))
    mine, theirs = (
        train(torch, without_dropout(one), case, optimizer, torch.float64)
        for torch, one in ((minigrad, net), (oracle, twin))
    )
    limits = FLOAT64[optimizer]
    later = ("after one step", "losses", "in the end", "scores in eval")
    assert_close(
        mine, theirs, {k: v * (case.amplifies if k in later else 1.0) for k, v in limits.items()}
    )
    assert difference(mine["after one step"], mine["in the end"]) > 1e-6, "it trains"
    assert_as_near(
        *(
            train(torch, without_dropout(made(torch, case, single)), case, optimizer, single)
            for torch, single in ((minigrad, minigrad.float32), (oracle, oracle.float32))
        ),
        theirs,
    )
    twin.load_state_dict(through_file(net, minigrad.save, oracle.load, tmp_path / "back.pth"))
    with oracle.no_grad():
        back = array(twin.eval()(batches(case, oracle, oracle.float64)[0][0]))
    if name != "scratch batch norm":  # whose moving averages are no buffers
        assert difference({"": back}, mine["scores in eval"]) < 1e-10


@pytest.mark.parametrize("name", CASES)
def test_training_in_float32(name: str) -> None:
    case = CASES[name]
    steps = 1 if case.normalised else STEPS
    mine, theirs = (
        train(torch, without_dropout(made(torch, case, torch.float32)), case, *rest)
        for torch, *rest in (
            (minigrad, "sgd", minigrad.float32, steps),
            (oracle, "sgd", oracle.float32, steps),
        )
    )
    assert_close(mine, theirs, FLOAT32_NORMALISED if case.normalised else FLOAT32)


@pytest.mark.parametrize("name", CASES)
def test_same_seed_gives_the_same_network(name: str) -> None:
    net, twin = (made(torch, CASES[name], torch.float32) for torch in (minigrad, oracle))
    assert list(net.state_dict()) == list(twin.state_dict())
    for key, value in entries(twin).items():
        np.testing.assert_array_equal(entries(net)[key], value, err_msg=key)


DROPOUT = [
    *("mlp of the notes", "mlp", "alexnet of the notes", "alexnet"),
    *("vgg of the notes", "vgg11", "nin of the notes", "googlenet"),
]


@scalar_bernoulli
@pytest.mark.parametrize("name", DROPOUT)
def test_training_from_the_same_seed_with_dropout(name: str) -> None:
    """Nothing is copied: weights and masks are drawn from the same stream by both."""
    case = CASES[name]
    steps = 3 if case.normalised else STEPS
    mine, theirs = (
        train(torch, made(torch, case, torch.float64), case, "sgd", torch.float64, steps)
        for torch in (minigrad, oracle)
    )
    assert_close(mine, theirs, {"first loss": 1e-12, "gradients": 1e-10, "losses": 1e-10})


@pytest.mark.parametrize("name", notes.PARAMETERS)
def test_sizes_of_the_networks_of_the_notes(name: str) -> None:
    build, parameters = notes.PARAMETERS[name]
    with recorded_init(minigrad):
        net = build(minigrad)
    if name == "vgg":
        net[6] = minigrad.nn.LazyLinear(1)  # the width of the next is enough to know
        first = 512 * 7 * 7 * 4096 + 4096
        known = sum(p.numel() for i, m in enumerate(net) if i != 6 for p in m.parameters())
        assert known + first == parameters
    else:
        assert sum(p.numel() for p in net.parameters()) == parameters


def fine_tune(torch: Any, net: Any, frozen: bool) -> dict[str, Arrays]:
    """The last layer is made anew, and learns ten times as fast as the others, or alone."""
    torch.manual_seed(1)
    net.fc = torch.nn.Linear(net.fc.in_features, 2)
    torch.nn.init.xavier_uniform_(net.fc.weight)
    net.double().train()
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(not frozen or name.startswith("fc."))
    others = [p for n, p in net.named_parameters() if p.requires_grad and not n.startswith("fc.")]
    groups = [{"params": net.fc.parameters(), "lr": 1e-3}]
    if others:
        groups.insert(0, {"params": others})
    updater = torch.optim.SGD(groups, lr=1e-4, weight_decay=1e-3)
    losses = []
    for images, labels in batches(CASES["resnet18"], torch, torch.float64)[:3]:
        updater.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(images), labels % 2)
        loss.backward()
        updater.step()
        losses.append(loss.item())
    without = {"": np.array([p.grad is None for p in net.parameters()])}
    return {"losses": {"": np.array(losses)}, "in the end": entries(net), "without": without}


@pytest.mark.parametrize("frozen", [False, True])
def test_fine_tuning(frozen: bool, tmp_path: Path) -> None:
    oracle.manual_seed(7)
    twin = zoo(oracle).resnet18()
    path = tmp_path / "resnet18.pth"
    oracle.save(twin.state_dict(), path)
    net = zoo(minigrad).resnet18(weights=path)
    before = entries(net)["layer1.0.conv1.weight"].copy()
    mine, theirs = fine_tune(minigrad, net, frozen), fine_tune(oracle, twin, frozen)
    assert_close(mine, theirs, {"losses": 1e-12, "in the end": 1e-12})
    np.testing.assert_array_equal(mine["without"][""], theirs["without"][""])
    assert mine["without"][""].sum() == (60 if frozen else 0)
    assert np.array_equal(before, mine["in the end"]["layer1.0.conv1.weight"]) == frozen


def test_a_run_that_is_less_exact_is_told_apart() -> None:
    truth = {"in the end": {str(i): np.ones(50) for i in range(9)}, "losses": {"": np.ones(3)}}
    draw = np.random.default_rng(0)

    def off(size: float, one: float = 0.0) -> dict[str, Arrays]:
        found = {
            kind: {
                name: value + size * draw.normal(size=value.shape) for name, value in part.items()
            }
            for kind, part in truth.items()
        }
        found["in the end"]["3"] += one
        return found

    assert_as_near(off(1e-5), off(1e-5), truth)
    assert_as_near(off(1e-8), off(1e-5), truth)
    assert_as_near(off(3e-8), truth, truth)  # torch is exact by chance: a rounding is allowed
    for mine in (off(2e-5), off(1e-5, 1e-4), off(float("nan"))):
        with pytest.raises(AssertionError):
            assert_as_near(mine, off(1e-5), truth)
